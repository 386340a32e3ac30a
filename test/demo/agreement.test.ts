import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disagreements, type Evidence } from '../../scripts/demo/agreement.ts';

const [registry, archive] = ['registry', 'archive'];
const good: Evidence = {
  inputs: [
    {
      name: 'a.csv',
      items: 3,
      entries: [
        { destination: registry, items: 3 },
        { destination: archive, items: 3 },
      ],
    },
  ],
  registry: [
    { controlId: 'a', state: 'delivered', line: 2, destination: registry },
    { controlId: 'b', state: 'delivered', line: 3, destination: registry },
    { controlId: 'c', state: 'invalid', line: 4, destination: registry },
  ],
  archive: [
    { controlId: 'a-2', state: 'delivered', line: 2, destination: archive },
    { controlId: 'b-2', state: 'invalid', line: 3, destination: archive },
  ],
  documents: [{ id: 'a-2', kind: 'dose' }],
  taken: [
    { request: 1, controlId: 'a' },
    { request: 1, controlId: 'b' },
  ],
  counts: { requests: 1, messages: 2, duplicates: 0, refused: 0 },
};

/** One thing wrong in each, and the sentence that must name it. */
const WRONG: readonly (readonly [string, Partial<Evidence>, RegExp])[] = [
  [
    'a row that nobody accounts for',
    { inputs: [{ name: 'a.csv', items: 3, entries: [{ destination: archive, items: 2 }] }] },
    /a.csv has 3 rows, the ledger accounts for 2 \(archive\)/,
  ],
  [
    'a document that MongoDB does not have',
    {
      documents: [],
      archive: [...good.archive, { controlId: 'c-2', state: 'invalid', line: 4, destination: archive }],
    },
    /line 2 is delivered as document a-2, which MongoDB does not have/,
  ],
  [
    'a document that the ledger does not call delivered',
    { documents: [...good.documents, { id: 'b-2', kind: 'dose' }] },
    /MongoDB has b-2/,
  ],
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
  const nothing = {
    ...good,
    registry: [],
    taken: [],
    counts: { ...good.counts, messages: 0 },
    archive: [],
    documents: [],
  };
  assert.deepEqual(disagreements(nothing), ['nothing was delivered', 'no document was delivered']);
});
