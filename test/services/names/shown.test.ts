/** Names of senders: shown without what could mislead, cut without losing what they are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fittedName, INVISIBLE, visibleName } from '../../../services/names/shown.ts';

test('what cannot be seen is written out', () => {
  assert.equal(visibleName('a\u202eb\n\u0000\ud800.csv', 99), 'a\\u{202e}b\\u{a}\\u{0}\\u{d800}.csv');
  assert.equal(visibleName('abcdef', 6), 'abcdef');
  assert.equal(visibleName('abcdefg', 6), 'abcdef...');
});

test('what is too long is cut before its extension', () => {
  assert.equal(fittedName('abcdef.csv', 10), 'abcdef.csv');
  assert.equal(fittedName('abcdef.csv', 8), 'abcd.csv');
  assert.equal(fittedName('ääää.csv', 9), 'ää.csv');
  assert.equal(fittedName('😀😀.csv', 11), '😀.csv');
  assert.equal(fittedName(`a.${'x'.repeat(30)}`, 10), 'a.xxxxxxxx');
  assert.equal(fittedName('.profile-of-somebody', 8), '.profile');
});

test('any name: whole characters, never more bytes than asked for, nothing invisible is shown', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 30, max: 60 }), (name, bytes) => {
      const fitted = fittedName(name, bytes);
      assert.ok(Buffer.byteLength(fitted) <= bytes);
      assert.ok(fitted.isWellFormed());
      assert.equal(visibleName(name, 1000).search(INVISIBLE), -1);
    }),
  );
});
