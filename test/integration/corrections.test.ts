/**
 * `rejected.csv`, corrected, comes back: by the drop folder and by a partner's upload. Each row takes the place of the one
 * that was rejected, whatever a spreadsheet would have run is what it was, and nothing is sent twice.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { freePort } from '../../scripts/start/free-port.ts';
import { askLedger, startEngine, waybill } from '../support/engine.ts';
import { DOSES_HEADER, type TestProduction, temporaryProduction, withUploads } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip, until } from '../support/redis.ts';

const REST = '1990-02-03,male,207,2024-04-01';
/** Lines 3 and 4 are rejected; the name in line 3 would be run by a spreadsheet. */
const FILE = `${[
  DOSES_HEADER,
  `S0001,Roe,Ana,${REST}`,
  'S0002,=1+1,Max,1991-02-03,other,207,2024-04-01',
  'S0003,Poe,Eva,1991-02-30,female,207,2024-04-01',
].join('\n')}\n`;

/** Counts of a submission, as the ledger has them, over all its entries. */
function counts(production: TestProduction, submission: number): Readonly<Record<string, number>> {
  const rows = askLedger(production, 'counters', { submission });
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

const untilCounts = (production: TestProduction, submission: number, wanted: Readonly<Record<string, number>>) =>
  until(
    `submission ${submission} has ${JSON.stringify(wanted)}`,
    () => isDeepStrictEqual(counts(production, submission), wanted),
    20_000,
  );

const untilClosed = (production: TestProduction, submission: number) =>
  until(
    `submission ${submission} is put away`,
    () => askLedger(production, 'submission', { submission })?.progress === 'closed',
    20_000,
  );

function rejectedFile(production: TestProduction, submission: string): string {
  const done = join(production.inbox, 'done');
  const name = readdirSync(done).find((each) => each.startsWith(`${submission}-`) && each.endsWith('.rejected.csv'));
  assert.ok(name, `${submission} has a rejected.csv`);
  return readFileSync(join(done, name), 'utf8');
}

test('a corrected rejected.csv comes back by the drop folder', { skip: redisSkip() }, async (t) => {
  const production = await temporaryProduction(t);
  await production.edit('record-maps/doses.yaml', 'name: chart,', 'name: chart, searchable: true,');
  const receiver = await startReceiver(t);
  const engine = await startEngine(t, production, { url: receiver.url });
  const run = (...args: string[]) => waybill([...args, '--data', production.data], { cwd: production.root });
  await production.drop('doses-1.csv', FILE);
  await untilCounts(production, 1, { delivered: 1, invalid: 2 });
  await untilClosed(production, 1);
  const { instance } = askLedger(production, 'facts', {});
  const first = rejectedFile(production, `${instance}-1`);
  assert.match(first, /^\uFEFFwaybill_id,line,column,code,reason,chart,family/);
  assert.match(first, /,'=1\+1,/);

  await t.test('one row is mended, one still wrong: both take the place of theirs', async () => {
    await production.drop('doses-2.csv', first.replace(',other,', ',female,'));
    await untilCounts(production, 2, { delivered: 1, invalid: 1 });
    assert.deepEqual(counts(production, 1), { delivered: 1, replaced: 2 });
    const mended = (await run('trace', '2:2', '--bodies')).stdout;
    assert.match(mended, new RegExp(`corrects ${instance}-1-2`));
    assert.match(mended, /PID\|1\|\|S0002\|\|=1\+1\^MAX/, 'the cell is what it was');
    const old = (await run('trace', '1:3')).stdout;
    assert.match(old, new RegExp(`entry registry: replaced[\\s\\S]+replaced by ${instance}-2-1: the row came back`));
  });

  await t.test('the next rejected.csv has the columns of the first file again, and comes back too', async () => {
    await untilClosed(production, 2);
    const second = rejectedFile(production, `${instance}-2`);
    assert.equal(second.split('\r\n')[0], first.split('\r\n')[0]);
    await production.drop('doses-3.csv', second.replace('1991-02-30', '1991-02-28'));
    await untilCounts(production, 3, { delivered: 1 });
    assert.deepEqual(counts(production, 2), { delivered: 1, replaced: 1 });
  });

  await t.test('the first file once more: every row was corrected before, and none is sent', async () => {
    await production.drop('doses-4.csv', `${first.replace(',other,', ',male,')}`);
    await untilCounts(production, 4, { invalid: 2 });
    await untilClosed(production, 4);
    assert.match(
      rejectedFile(production, `${instance}-4`),
      new RegExp(`WAYBILL_ID_REPLACED,the row was corrected before: ${instance}-2-1 stands in its place`),
    );
  });

  await t.test('ids that are none, of rows that were taken, twice in a file; rows without an id are new', async () => {
    const rows = [
      `waybill_id,${DOSES_HEADER}`,
      `${instance}-1-1,S0001,Roe,Ana,${REST}`,
      `${instance}-9-9,S0005,Roe,Ana,${REST}`,
      `nothing,S0006,Roe,Ana,${REST}`,
      `,S0007,Roe,Ana,${REST}`,
      `${instance}-4-1,S0008,Roe,Ana,${REST}`,
    ];
    await production.drop('doses-5.csv', `${rows.join('\n')}\n`);
    await untilCounts(production, 5, { delivered: 1, invalid: 4 });
    await untilClosed(production, 5);
    const codesIn = (submission: string) =>
      [...rejectedFile(production, submission).matchAll(/,(WAYBILL_ID_\w+),/g)].map(([, code]) => code);
    assert.deepEqual(codesIn(`${instance}-5`), [
      'WAYBILL_ID_NOT_REJECTED',
      'WAYBILL_ID_UNKNOWN',
      'WAYBILL_ID_UNKNOWN',
      // Its place is taken: under its own id it would be sent beside the row that has it.
      'WAYBILL_ID_NOT_REJECTED',
    ]);
    assert.match(
      (await run('edit', '4:2', '--set', 'sex=female', '--reason', 'x')).stderr,
      /has nothing to edit.+\(EDIT_NOT_NOW\)/,
    );
    const twice = [2, 2].map((item, n) => `${instance}-5-${item},S001${n},Roe,Ana,${REST}`);
    await production.drop('doses-6.csv', `waybill_id,${DOSES_HEADER}\n${twice.join('\n')}\n`);
    await untilCounts(production, 6, { delivered: 1, invalid: 1 });
    await untilClosed(production, 6);
    assert.deepEqual(codesIn(`${instance}-6`), ['WAYBILL_ID_REPEATED']);
  });

  await t.test('a searchable column finds every row with a value, and nothing else has it', async () => {
    const found = JSON.parse((await run('trace', '--field', 'chart= s0002', '--json')).stdout).items;
    assert.deepEqual(
      found.map(({ item, entries }: { item: string; entries: object }) => [item, entries]),
      [
        [`${instance}-1-2`, { registry: 'replaced' }],
        [`${instance}-2-1`, { registry: 'delivered' }],
        [`${instance}-4-1`, { registry: 'invalid' }],
      ],
    );
    const none = await run('trace', '--field', 'chart=S9999');
    assert.match(none.stderr, /FIELD_NOT_FOUND/);
    assert.doesNotMatch(none.stderr, /S9999/);
    assert.match((await run('trace', '--field', 'family=Roe')).stderr, /FIELD_NOT_FOUND/, 'it is not searchable');
  });

  await engine.stop();
  const verified = await run('verify');
  assert.equal(verified.code, 0, verified.stdout);
  assert.equal(receiver.counts().duplicates, 0);
});

test('a corrected rejected.csv comes back by an upload; another partner knows nothing of the row', {
  skip: redisSkip(),
}, async (t) => {
  const port = await freePort();
  const production = await temporaryProduction(t);
  await withUploads(production, port, ['{ name: doses, format: { type: csv, recordMap: doses }, route: doses }']);
  const receiver = await startReceiver(t);
  const keys = new Map<string, string>();
  for (const name of ['north', 'south']) {
    const added = await waybill(['partner', 'add', name, production.config], { cwd: production.root });
    assert.equal(added.code, 0, added.stderr);
    keys.set(name, /wb_\S+/.exec(added.stdout)?.[0] ?? '');
  }
  await startEngine(t, production, { url: receiver.url });
  const base = `http://127.0.0.1:${port}`;
  const headers = (name: string) => ({ authorization: `Bearer ${keys.get(name)}` });
  const send = async (name: string, text: string) => {
    const body = new FormData();
    body.append('doses', new Blob([text], { type: 'text/csv' }), 'doses.csv');
    const answer = await fetch(`${base}/uploads`, { method: 'POST', headers: headers(name), body });
    assert.equal(answer.status, 202, await answer.clone().text());
    return answer;
  };
  const answer = await send('north', FILE);
  await untilCounts(production, 1, { delivered: 1, invalid: 2 });
  const { instance } = askLedger(production, 'facts', {});
  const { id: receipt } = (await answer.json()) as { readonly id: string };
  const url = `${base}/receipts/${receipt}/parts/${instance}-1/rejected.csv`;
  const rejected = await fetch(url, { headers: headers('north') });
  const text = await rejected.text();
  assert.equal(rejected.status, 200, text);
  const mended = text.replace(',other,', ',male,').replace('1991-02-30', '1991-02-28');

  await send('south', mended);
  await untilCounts(production, 2, { invalid: 2 });
  assert.deepEqual(counts(production, 1), { delivered: 1, invalid: 2 });

  await send('north', mended);
  await untilCounts(production, 3, { delivered: 2 });
  assert.deepEqual(counts(production, 1), { delivered: 1, replaced: 2 });
  const links = askLedger(production, 'links', { submission: 3, item: 1, messages: [] });
  assert.deepEqual(links.corrects, [{ submission: 1, item: 2 }]);
  assert.equal(receiver.counts().duplicates, 0);
  assert.match(instance, /^[a-z0-9]{4}$/);
});
