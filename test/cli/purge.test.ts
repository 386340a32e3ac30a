/** `waybill purge` with and without an engine, and what trace and verify say afterwards. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openForWriting } from '../../store/sqlite/database.ts';
import { age } from '../store/keeping-support.ts';
import { askLedger, startEngine, untilSettled, waybill } from '../support/engine.ts';
import { dosesCsv, type TestProduction, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip, until } from '../support/redis.ts';

const KEEP = 'keep: { bodies: 90d, ledger: 730d, at: "03:30" }\n';

/** Two submissions, the first with a rejected row; the engine has ended, and they are so many days old. */
async function rig(t: TestContext, days: readonly [number, number], keep = KEEP) {
  const production = await temporaryProduction(t);
  await production.edit('production.yaml', 'timeZone: UTC\n', `timeZone: UTC\n${keep}`);
  const receiver = await startReceiver(t);
  const start = (inner = t) => startEngine(inner, production, { url: receiver.url });
  const engine = await start();
  await production.drop('doses-1.csv', `${dosesCsv(3)}S9,Marker,X,not-a-date,male,1,2024-04-01\n`);
  await production.drop('doses-2.csv', dosesCsv(2, 50));
  await untilSettled(production, 2);
  await until('all is told', () =>
    askLedger(production, 'submissions', { limit: 5 }).every(({ progress }) => progress === 'closed'),
  );
  await engine.stop();
  makeOld(production, days);
  const run = (...args: string[]) => waybill([...args, '--data', production.data]);
  const instance = askLedger(production, 'facts', {}).instance;
  const byName = (name: string) => {
    const [found] = askLedger(production, 'submissions', { limit: 1, name });
    return found?.number ?? 0;
  };
  return { production, start, run, instance, byName };
}

function makeOld({ data }: TestProduction, [first, second]: readonly [number, number]): void {
  const db = openForWriting(join(data, 'ledger.db'));
  const numberOf = (name: string) => Number(db.get('SELECT number FROM submissions WHERE name = ?', name)?.number);
  age(db, numberOf('doses-1.csv'), first);
  age(db, numberOf('doses-2.csv'), second);
  db.close();
}

describe('waybill purge', { skip: redisSkip() }, () => {
  test('looks, then acts, while no engine runs; trace and verify say so', async (t) => {
    const { production, run, instance, byName } = await rig(t, [100, 10]);
    const number = byName('doses-1.csv');
    const body = join(production.data, 'bodies', `${number}.body`);
    const look = await run('purge');
    assert.equal(look.code, 0, look.stderr);
    assert.match(look.stdout, /^past their retention:\n {2}bodies {2}doses {2}1 submission {2}4 messages {2}/);
    assert.match(look.stdout, /only a look\. waybill purge --yes does it\.$/m);
    const dry = await run('purge', '--dry-run', '--json');
    const { done, keepsForever, would } = JSON.parse(dry.stdout);
    assert.deepEqual([done, keepsForever, would.length, would[0].what], [false, false, 1, 'bodies']);
    assert.equal((await run('purge', '--dry-run', '--yes')).code, 2);
    assert.match(
      (await run('purge', '--route', 'strict')).stdout,
      /^Nothing of route strict is past its retention\.$/m,
    );
    assert.ok(existsSync(body));

    const act = await run('purge', '--yes', '--by', 'ana');
    assert.match(
      act.stdout,
      /^Purged: the bodies of 1 submission \(.+\), the rows of 0 submissions \(0 messages\)\.$/m,
    );
    assert.ok(!existsSync(body));
    assert.match((await run('purge', '--yes')).stdout, /^Nothing was past its retention\.$/m);
    const id = `${instance}-${number}`;
    const whole = await run('trace', id);
    assert.match(whole.stdout, /purged: +its bodies, purged on \d{4}-\d\d-\d\dT/);
    assert.match(whole.stdout, /ana +purged +what: bodies, bytes: \d+/);
    assert.ok(JSON.parse((await run('trace', id, '--json')).stdout).bodiesPurgedAt.startsWith('2'));
    const line = await run('trace', `${id}:2`, '--bodies');
    assert.equal(line.code, 0, line.stderr);
    assert.match(line.stdout, /the row was not read again: The bodies of \S+ were purged on \d{4}/);
    assert.match(line.stdout, /^entry registry: delivered$/m);
    const verify = await run('verify');
    assert.match(verify.stdout, /purged: the bodies of 1 submission, everything but the counts of 0 submissions/);
    assert.match(verify.stdout, /^Everything holds\.$/m);
  });

  test('through the engine, which also purges at its start; rows go, counts stay', async (t) => {
    const { production, start, run, instance, byName } = await rig(t, [100, 800], '');
    await production.edit('production.yaml', 'timeZone: UTC\n', `timeZone: UTC\n${KEEP}`);
    const engine = await start();
    const number = byName('doses-2.csv');
    await until('it purged at its start', () => engine.events('purged').length > 0);
    const [event] = engine.events('purged');
    assert.deepEqual([event?.bodies, event?.ledger, event?.messages], [2, 1, 2]);
    assert.doesNotMatch(engine.log(), /Marker/);
    const id = `${instance}-${number}`;
    const gone = await run('trace', `${id}:2`);
    assert.equal(gone.code, 5);
    assert.match(gone.stderr, /were purged on \d{4}.+waybill trace \S+ says what is kept/);
    assert.match((await run('trace', id)).stdout, /entry registry: +2 delivered/);
    assert.equal((await run('verify')).code, 0);
    assert.match((await run('purge', '--yes')).stdout, /^Nothing was past its retention\.$/m);
    const asked = JSON.parse((await run('purge', '--yes', '--json')).stdout);
    assert.deepEqual([asked.done, asked.engineRuns], [true, true]);
    // What comes now is taken and sent as ever.
    await production.drop('doses-3.csv', dosesCsv(2, 90));
    await untilSettled(production, 3);
    assert.equal((await run('verify')).code, 0);
    await engine.stop();
  });

  test('nothing without keep', async (t) => {
    const { run } = await rig(t, [10_000, 10_000], '');
    assert.match((await run('purge')).stdout, /^Everything is kept for ever/);
    assert.match((await run('purge', '--yes')).stdout, /^Nothing was past its retention\.$/m);
  });
});
