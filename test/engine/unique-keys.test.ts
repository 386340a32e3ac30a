import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UniqueKeys } from '../../engine/unique-keys.ts';

const SECRET = Buffer.from('secret');

test('a key is new once, also past several growths, and after a restore', () => {
  const keys = new UniqueKeys(SECRET);
  const digests = Array.from({ length: 10_000 }, (_, n) => keys.digest(`key-${n}`));
  for (const digest of digests) assert.ok(keys.add(digest));
  for (const digest of digests) assert.ok(!keys.add(digest));
  const restored = new UniqueKeys(SECRET);
  restored.restore(new Uint8Array(Buffer.concat(digests)));
  for (const digest of digests) assert.ok(!restored.add(digest));
  assert.ok(restored.add(restored.digest('another')));
});

test('the same as a set of texts', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 })), (texts) => {
      const [keys, model] = [new UniqueKeys(SECRET), new Set<string>()];
      for (const text of texts) {
        assert.equal(keys.add(keys.digest(text)), !model.has(text));
        model.add(text);
      }
    }),
  );
});

test('a digest that begins with zeros is kept like any other', () => {
  const keys = new UniqueKeys(SECRET);
  const digest = Buffer.alloc(16);
  assert.deepEqual([keys.add(digest), keys.add(digest)], [true, false]);
});

test('digests are of 128 bits, and another secret gives others', () => {
  const digest = new UniqueKeys(SECRET).digest('a');
  assert.equal(digest.length, 16);
  assert.notDeepEqual(digest, new UniqueKeys(Buffer.from('other')).digest('a'));
});
