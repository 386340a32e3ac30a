import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disagreements, type Evidence } from '../../scripts/demo/agreement.ts';

const good: Evidence = {
  rowsInFile: 3,
  rowsInLedger: 3,
  messages: [
    { controlId: 'a', state: 'delivered', line: 2 },
    { controlId: 'b', state: 'delivered', line: 3 },
    { controlId: 'c', state: 'invalid', line: 4 },
  ],
  taken: [
    { request: 1, controlId: 'a' },
    { request: 1, controlId: 'b' },
  ],
  counts: { requests: 1, messages: 2, duplicates: 0, refused: 0 },
};

/** One thing wrong in each, and the sentence that must name it. */
const WRONG: readonly (readonly [string, Partial<Evidence>, RegExp])[] = [
  ['a row that nobody accounts for', { rowsInLedger: 2 }, /the file has 3 rows, the ledger accounts for 2/],
  ['a message that the receiver does not have', { taken: good.taken.slice(1) }, /line 2 is delivered as a, .* 0 times/],
  ['a message taken twice', { taken: [...good.taken, { request: 2, controlId: 'b' }] }, /as b, .* 2 times/],
  [
    'a message that was invalid and sent',
    { taken: [...good.taken, { request: 1, controlId: 'c' }] },
    /the receiver has c/,
  ],
  ['another count', { counts: { ...good.counts, messages: 3 } }, /counted 3 messages, the ledger 2/],
  ['duplicates by its count', { counts: { ...good.counts, duplicates: 1 } }, /1 messages twice/],
];

test('books that are the same have no disagreement', () => {
  assert.deepEqual(disagreements(good), []);
});

for (const [title, change, sentence] of WRONG) {
  test(`${title} is a disagreement, and named`, () => {
    const found = disagreements({ ...good, ...change });
    assert.equal(found.length, 1);
    assert.match(found[0] ?? '', sentence);
  });
}

test('nothing at all is no success', () => {
  const nothing = { ...good, messages: [], taken: [], counts: { ...good.counts, messages: 0 } };
  assert.deepEqual(disagreements(nothing), ['nothing was delivered']);
});
