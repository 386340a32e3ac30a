/** Receipts, as the partner who sent them sees them, and nobody else. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import type { ReceiptView, RejectedItem } from '../../engine/contracts/service.ts';
import { bearer, testListener } from '../support/listener.ts';

type Part = ReceiptView['submissions'][number];

const part = (number: number, name: string, more: Partial<Part> = {}): Part => ({
  id: `7kq2-${number}`,
  part: name,
  service: 'uploads',
  name: `${name} 1.csv`,
  contentType: 'text/csv',
  state: 'routed',
  acceptedAt: 1_700_000_000_000,
  bytes: 42,
  hash: 'ab'.repeat(32),
  items: 3,
  settled: false,
  rejectedItems: 0,
  ...more,
});

const REJECTED: readonly RejectedItem[] = [
  {
    waybillId: '7kq2-15-2',
    line: 3,
    fields: ['1', '=cmd', 'é"x'],
    faults: [{ code: 'NOT_IN_TABLE', column: 'sex', line: 3, reason: 'not in the table sexes' }],
  },
];

async function rig(t: TestContext) {
  const made = await testListener(t);
  const receipt: ReceiptView = {
    id: '7kq2-R8',
    service: 'uploads',
    partner: 'clinic-a',
    acceptedAt: 1_700_000_000_000,
    fields: { note: 'weekly' },
    submissions: [
      part(15, 'doses', { rejectedItems: 1, scan: { delimiter: ';', header: ['id', 'name', 'sex'] } }),
      part(16, 'consent', {
        state: 'refused',
        settled: true,
        refusal: { code: 'X', reason: 'broken', line: 2, column: 5 },
      }),
      part(17, 'late', { state: 'routing', rejectedItems: 4 }),
      part(18, 'twice', { settled: true }),
      part(19, 'twice'),
    ],
  };
  made.receipts.receipts.set(receipt.id, receipt);
  made.receipts.reports.set('7kq2-15', {
    entries: [{ entry: 'registry', destination: 'internal-name', counts: { delivered: 2, invalid: 1 } }],
  });
  made.receipts.items.set('7kq2-15', REJECTED);
  const [own, other] = [await made.partner('clinic-a'), await made.partner('clinic-b')];
  const { send } = await made.open();
  return { ...made, receipt, send, get: (path: string) => send(path, { headers: bearer(own) }), own, other };
}

describe('a receipt', () => {
  test('says what became of each part', async (t) => {
    const { get } = await rig(t);
    const answer = await get('/receipts/7kq2-R8');
    assert.equal(answer.status, 200);
    const { submissions, ...head } = answer.json() as { submissions: Record<string, unknown>[] };
    assert.deepEqual(head, {
      id: '7kq2-R8',
      service: 'uploads',
      partner: 'clinic-a',
      acceptedAt: '2023-11-14T22:13:20.000Z',
      fields: { note: 'weekly' },
      settled: false,
      links: { self: '/receipts/7kq2-R8' },
    });
    assert.deepEqual(submissions[0], {
      id: '7kq2-15',
      part: 'doses',
      name: 'doses 1.csv',
      contentType: 'text/csv',
      bytes: 42,
      sha256: 'ab'.repeat(32),
      state: 'routed',
      settled: false,
      items: 3,
      entries: [{ entry: 'registry', counts: { delivered: 2, invalid: 1 } }],
      rejectedItems: 1,
      links: { rejected: '/receipts/7kq2-R8/parts/7kq2-15/rejected.csv' },
    });
    assert.deepEqual(submissions[1]?.refusal, { code: 'X', reason: 'broken', line: 2, column: 5 });
    assert.deepEqual(submissions[1]?.links, {});
    assert.deepEqual(submissions[2]?.links, {}, 'not before all rows are read');
    assert.doesNotMatch(answer.body, /internal-name/);
  });

  test('is settled when all of its parts are', async (t) => {
    const { get, receipts, receipt } = await rig(t);
    receipts.receipts.set('7kq2-R9', { ...receipt, id: '7kq2-R9', submissions: [part(18, 'a', { settled: true })] });
    assert.equal((await get('/receipts/7kq2-R9')).json().settled, true);
  });

  test('of another partner is like none at all, and so are its parts', async (t) => {
    const { send, get, other } = await rig(t);
    for (const rest of ['', '/parts/7kq2-15/rejected.csv', '/parts/nothing/rejected.csv']) {
      const foreign = await send(`/receipts/7kq2-R8${rest}`, { headers: bearer(other) });
      const missing = await get(`/receipts/7kq2-R99${rest}`);
      assert.deepEqual([foreign.status, foreign.body], [404, missing.body]);
      assert.equal(foreign.json().code, 'RECEIPT_UNKNOWN');
      assert.equal((await send(`/receipts/7kq2-R8${rest}`)).status, 401);
    }
  });

  test('may be asked for with HEAD', async (t) => {
    const { send, own } = await rig(t);
    for (const path of ['/receipts/7kq2-R8', '/receipts/7kq2-R8/parts/7kq2-15/rejected.csv']) {
      const answer = await send(path, { method: 'HEAD', headers: bearer(own) });
      assert.deepEqual([answer.status, answer.body], [200, '']);
    }
  });
});

describe('rejected.csv', () => {
  test('has the rejected rows with reasons, in the layout of the file, harmless for a spreadsheet', async (t) => {
    const { get } = await rig(t);
    for (const name of ['7kq2-15', 'doses']) {
      const answer = await get(`/receipts/7kq2-R8/parts/${name}/rejected.csv`);
      assert.equal(answer.status, 200);
      assert.equal(answer.type, 'text/csv; charset=utf-8');
      assert.equal(answer.headers['content-disposition'], 'attachment; filename="7kq2-15.rejected.csv"');
      const [row] = parse(answer.body, { columns: true, delimiter: ';', bom: true }) as Record<string, string>[];
      assert.equal(row?.waybill_id, '7kq2-15-2');
      assert.deepEqual([row?.line, row?.column, row?.code], ['3', 'sex', 'NOT_IN_TABLE']);
      assert.deepEqual([row?.id, row?.name, row?.sex], ['1', "'=cmd", 'é"x']);
    }
  });

  test('is there without rows where none were rejected, and not before all were read', async (t) => {
    const { get } = await rig(t);
    const none = await get('/receipts/7kq2-R8/parts/consent/rejected.csv');
    assert.deepEqual([none.status, none.body.split('\r\n').length], [200, 2]);
    const early = await get('/receipts/7kq2-R8/parts/late/rejected.csv');
    assert.deepEqual([early.status, early.json().code, early.headers['retry-after']], [409, 'REJECTED_NOT_READY', '5']);
  });

  test('a name that several parts have does not choose among them', async (t) => {
    const { get } = await rig(t);
    const twice = await get('/receipts/7kq2-R8/parts/twice/rejected.csv');
    assert.equal(twice.status, 404);
    assert.match(String(twice.json().detail), /name the submission/);
    assert.equal((await get('/receipts/7kq2-R8/parts/7kq2-19/rejected.csv')).status, 200);
    assert.equal((await get('/receipts/7kq2-R8/parts/7kq2-99/rejected.csv')).status, 404);
  });

  test('many rows stream, and a break in the middle is seen by the partner and told to the operator', async (t) => {
    const { get, receipts, events } = await rig(t);
    const rows = Array.from(
      { length: 20_000 },
      (_, n): RejectedItem => ({ ...REJECTED[0]!, line: n, fields: ['x', 'y', 'z'] }),
    );
    receipts.items.set('7kq2-15', rows);
    const whole = await get('/receipts/7kq2-R8/parts/7kq2-15/rejected.csv');
    assert.equal(whole.body.split('\r\n').length, rows.length + 2);
    const asked = receipts.rejected.bind(receipts);
    let calls = 0;
    receipts.rejected = (id) => {
      calls += 1;
      // The first reading only looks for the columns.
      if (calls === 2) receipts.breaks = new Error('secret');
      return asked(id);
    };
    await assert.rejects(get('/receipts/7kq2-R8/parts/7kq2-15/rejected.csv'), { code: 'UND_ERR_SOCKET' });
    const failed = events.filter(({ name }) => name === 'requestFailed');
    assert.equal(failed.length, 1);
    assert.doesNotMatch(JSON.stringify(failed), /secret|7kq2/);
  });
});
