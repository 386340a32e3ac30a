/** What a partner is told of rows that were kept as long as agreed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReceiptView } from '../../engine/contracts/service.ts';
import { bearer, testListener } from '../support/listener.ts';

test('rejected.csv of a part that is purged is gone, and the receipt says how many rows there were', async (t) => {
  const { receipts, partner, open } = await testListener(t);
  const submission: ReceiptView['submissions'][number] = {
    id: '7kq2-15',
    part: 'doses',
    service: 'uploads',
    name: 'doses.csv',
    contentType: 'text/csv',
    state: 'routed',
    acceptedAt: 1_700_000_000_000,
    bytes: 42,
    hash: 'ab'.repeat(32),
    items: 3,
    settled: true,
    rejectedItems: 1,
    scan: { delimiter: ',', header: ['id'] },
    bodiesPurgedAt: 1_710_000_000_000,
  };
  receipts.receipts.set('7kq2-R8', {
    id: '7kq2-R8',
    service: 'uploads',
    partner: 'clinic-a',
    acceptedAt: 1_700_000_000_000,
    fields: {},
    submissions: [submission],
  });
  const headers = bearer(await partner('clinic-a'));
  const { send } = await open();
  const gone = await send('/receipts/7kq2-R8/parts/doses/rejected.csv', { headers });
  assert.equal(gone.status, 410);
  assert.match(gone.type, /^application\/problem\+json/);
  assert.equal(gone.json().code, 'PART_PURGED');
  assert.match(String(gone.json().detail), /purged on 2024-03-09T/);
  const [part] = (await send('/receipts/7kq2-R8', { headers })).json().submissions as Record<string, unknown>[];
  assert.equal(part?.rejectedItems, 1);
  assert.deepEqual(part?.links, {});
});
