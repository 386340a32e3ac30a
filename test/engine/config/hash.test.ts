import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSnapshot, snapshotHash, snapshotJson } from '../../../engine/config/hash.ts';
import type { Snapshot } from '../../../engine/contracts/production.ts';

const snapshot: Snapshot = {
  production: 'p',
  resources: { timeZone: 'UTC', values: { a: '1' }, tables: {}, files: {} },
  routes: {
    r: { onInvalidRow: 'continue', validate: false, filter: [], to: [{ name: 'd', destination: 'd', transform: 't' }] },
  },
};

test('the hash is that of the content, order of keys included: segments come in the order in which they are set', () => {
  assert.match(snapshotHash(snapshot), /^[0-9a-f]{64}$/);
  assert.equal(snapshotHash(structuredClone(snapshot)), snapshotHash(snapshot));
  assert.notEqual(snapshotHash({ ...snapshot, production: 'q' }), snapshotHash(snapshot));
  const { resources, routes, production } = snapshot;
  assert.notEqual(snapshotHash({ routes, resources, production }), snapshotHash(snapshot));
});

test('a snapshot read from its JSON has the same hash, no prototypes, and is frozen', () => {
  const read = parseSnapshot(snapshotJson(snapshot));
  assert.equal(snapshotHash(read), snapshotHash(snapshot));
  assert.equal(Object.getPrototypeOf(read.routes), null);
  assert.ok(Object.isFrozen(read.resources.values));
});

test('read from its JSON, a value is the same, with its keys in their order', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = snapshotJson(value);
      assert.equal(snapshotJson(JSON.parse(text)), text);
    }),
  );
  const read = parseSnapshot(snapshotJson({ ...snapshot, routes: { z: [], a: [] } }));
  assert.deepEqual(Object.keys(read.routes), ['z', 'a']);
});

test('what JSON cannot hold is refused', () => {
  assert.throws(() => snapshotJson({ a: Number.NaN }), TypeError);
  assert.throws(() => snapshotJson([() => 1]), TypeError);
});
