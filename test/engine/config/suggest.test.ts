import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { editDistance, listWords, suggest } from '../../../engine/config/suggest.ts';

test('the nearest word is suggested, and none that is far', () => {
  assert.equal(suggest('detination', ['destination', 'transform']), 'destination');
  assert.equal(suggest('recordmap', ['records', 'recordMap']), 'recordMap');
  assert.equal(suggest('form', ['from', 'forms']), 'from');
  assert.equal(suggest('banana', ['destination', 'transform']), undefined);
  assert.equal(suggest('', ['a-long-name']), undefined);
});

test('the distance is a distance', () => {
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      assert.equal(distance, editDistance(b, a));
      assert.equal(distance === 0, a === b);
      assert.ok(distance <= Math.max(a.length, b.length));
      assert.ok(distance >= Math.abs(a.length - b.length));
    }),
  );
  assert.equal(editDistance('kitten', 'sitting'), 3);
  assert.equal(editDistance('form', 'from'), 1);
});

test('lists of words are cut after twelve', () => {
  assert.equal(listWords([]), 'none');
  assert.equal(listWords(['a', 'b', 'c']), 'a, b or c');
  assert.match(listWords(Array.from({ length: 40 }, (_, i) => `w${i}`)), /or 29 others$/);
});
