import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, parseSnapshot, snapshotHash } from '../../../engine/config/hash.ts';
import type { Snapshot } from '../../../engine/contracts/production.ts';

const snapshot: Snapshot = {
  production: 'p',
  resources: { timeZone: 'UTC', values: { a: '1' }, tables: {}, files: {} },
  routes: { r: { onInvalidRow: 'continue', filter: [], to: [{ name: 'd', destination: 'd', transform: 't' }] } },
};

test('the hash is that of the content, whatever the order of keys', () => {
  const turned: Snapshot = {
    routes: { r: { to: [{ transform: 't', destination: 'd', name: 'd' }], filter: [], onInvalidRow: 'continue' } },
    resources: { files: {}, tables: {}, values: { a: '1' }, timeZone: 'UTC' },
    production: 'p',
  };
  assert.equal(snapshotHash(turned), snapshotHash(snapshot));
  assert.match(snapshotHash(snapshot), /^[0-9a-f]{64}$/);
  assert.notEqual(snapshotHash({ ...snapshot, production: 'q' }), snapshotHash(snapshot));
});

test('a snapshot read from its JSON has the same hash, no prototypes, and is frozen', () => {
  const read = parseSnapshot(canonicalJson(snapshot));
  assert.equal(snapshotHash(read), snapshotHash(snapshot));
  assert.equal(Object.getPrototypeOf(read.routes), null);
  assert.ok(Object.isFrozen(read.resources.values));
});

test('canonical JSON means the same as the value, and knows no order of keys', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      assert.equal(canonicalJson(JSON.parse(text)), text);
    }),
  );
  assert.equal(canonicalJson({ b: 1, a: { d: undefined, c: [2, 'x'] } }), '{"a":{"c":[2,"x"]},"b":1}');
});

test('what JSON cannot hold is refused', () => {
  assert.throws(() => canonicalJson({ a: Number.NaN }), TypeError);
  assert.throws(() => canonicalJson([() => 1]), TypeError);
});
