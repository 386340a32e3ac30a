/** A file of several blocks in another charset: lines are found by look-ups and read again from the middle of its copy. */
import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { askLedger, startEngine, waybill } from '../support/engine.ts';
import { dosesCsv, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip } from '../support/redis.ts';

const ROWS = 2500;

test('any line of a long file', { skip: redisSkip() }, async (t) => {
  const production = await temporaryProduction(t);
  await production.edit('production.yaml', 'maxMessages: 4', 'maxMessages: 1000');
  const receiver = await startReceiver(t);
  const engine = await startEngine(t, production, { url: receiver.url });
  const run = (...args: string[]) => waybill([...args, '--data', production.data]);
  const file = await production.file('doses-1.csv', Buffer.from(`\ufeff${dosesCsv(ROWS)}`, 'utf16le'));
  const submitted = await run('submit', file, '--service', 'drop', '--wait');
  assert.equal(submitted.code, 0, submitted.stdout + submitted.stderr);
  await engine.stop();

  await t.test('every line is found in the ledger, by line and by number, and no other', () => {
    for (let line = 2; line <= ROWS + 1; line += 1) {
      const found = askLedger(production, 'locate', { submission: 1, line });
      assert.deepEqual([found?.line, found?.item], [line, line - 1]);
      assert.deepEqual(askLedger(production, 'locateItem', { submission: 1, item: line - 1 }), found);
    }
    for (const line of [0, 1, ROWS + 2])
      assert.equal(askLedger(production, 'locate', { submission: 1, line }), undefined);
    for (const item of [0, ROWS + 1])
      assert.equal(askLedger(production, 'locateItem', { submission: 1, item }), undefined);
    assert.equal(askLedger(production, 'locate', { submission: 9, line: 2 }), undefined);
  });

  await t.test('the right row is read again, at the edges of blocks too', async () => {
    for (const line of [2, 1001, 1002, ROWS + 1]) {
      const { stdout } = await run('trace', `doses-1.csv:${line}`, '--bodies', '--json');
      const { columns, entries } = JSON.parse(stdout);
      assert.equal(columns[0].value, `S${String(line - 1).padStart(4, '0')}`);
      assert.match(entries[0].body, new RegExp(`PID\\|1\\|\\|${columns[0].value}\\|`));
      assert.ok(entries[0].lineage.length > 0);
    }
  });

  await t.test('verify looks at the copy as well', async () => {
    assert.match((await run('verify')).stdout, /SHA-256 of 2 bodies/);
    await appendFile(join(production.data, 'bodies', '1.utf8'), 'x');
    const ran = await run('verify');
    assert.equal(ran.code, 6);
    assert.match(ran.stdout, /the UTF-8 copy of the body is not the one/);
  });
});
