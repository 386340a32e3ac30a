import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  batchId,
  itemId,
  messageId,
  parseBatchId,
  parseItemId,
  parseSubmissionId,
  submissionId,
} from '../../engine/ids.ts';

test('ids are read back in every form that people write, and only from this ledger', () => {
  assert.equal(parseSubmissionId('7kq2', submissionId('7kq2', 15)), 15);
  assert.equal(parseSubmissionId('7kq2', '15'), 15);
  for (const text of ['aaaa-15', '7kq2-B15', '7kq2-15-1', '', '-1', '1e3', '1234567890123456'])
    assert.equal(parseSubmissionId('7kq2', text), undefined, text);
  for (const text of [batchId('7kq2', 3), 'B3', '3']) assert.equal(parseBatchId('7kq2', text), 3);
  for (const text of ['aaaa-B3', 'b3', '', '7kq2-B']) assert.equal(parseBatchId('7kq2', text), undefined, text);
});

test("a submission's id is never taken for a batch's", () => {
  assert.equal(parseBatchId('7kq2', '7kq2-15'), undefined);
});

test("the first entry's message is named like its item, the others by their entry", () => {
  assert.equal(messageId('7kq2', 15, 217, 0), itemId('7kq2', 15, 217));
  assert.equal(messageId('7kq2', 15, 217, 1), '7kq2-15-217-2');
  assert.equal(messageId('7kq2', 15, 217, 1, 3), '7kq2-15-217-2v3');
});

test('ids of items and messages are read back; of other ledgers, and what is no id, are not', () => {
  const named = { submission: 15, item: 217, entry: undefined, version: undefined };
  assert.deepEqual(parseItemId('7kq2', itemId('7kq2', 15, 217)), named);
  assert.deepEqual(parseItemId('7kq2', messageId('7kq2', 15, 217, 0, 2)), { ...named, version: 2 });
  assert.deepEqual(parseItemId('7kq2', messageId('7kq2', 15, 217, 1, 1)), { ...named, entry: 1 });
  assert.deepEqual(parseItemId('7kq2', messageId('7kq2', 15, 217, 1, 12)), { ...named, entry: 1, version: 12 });
  for (const text of ['zzzz-15-217', '7kq2-15', '7kq2-15-217-', '7kq2-15-217v', '7kq2-B3', '', ' 7kq2-15-217'])
    assert.equal(parseItemId('7kq2', text), undefined, text);
});
