/** Commands on one production: while its engine runs, after it was stopped, and when it runs again. */
import assert from 'node:assert/strict';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askLedger, countsOf, type Ran, startEngine, untilSettled, waybill } from '../support/engine.ts';
import { DOSES_HEADER, dosesCsv, type TestProduction, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip } from '../support/redis.ts';

/** Line 2 is delivered, 3 filtered, 4 invalid by its record map, 6 not unique; 7 ends in a quoted line break. */
const MIXED = `${[
  DOSES_HEADER,
  'S0001,Markerfamily,Markergiven,1990-02-03,female,207,2024-04-01',
  'S0002,ZZTEST,Ana,1990-02-03,female,207,2024-04-01',
  'S0003,Roe,Max,1991-02-03,other,207,2024-04-01',
  'S0004,Doe,Max,1992-02-03,male,208,2024-04-01',
  'S0004,Doe,Max,1992-02-03,male,208,2024-04-01',
  'S0005,Poe,"Max',
  'Junior",1993-02-03,male,208,2024-04-01',
].join('\n')}\n`;

/** Runs a command on a production and keeps everything that any of them said. */
function commandsOn(production: TestProduction) {
  const said: string[] = [];
  const run = async (...args: string[]): Promise<Ran> => {
    const ran = await waybill([...args, '--data', production.data], { cwd: production.root });
    said.push(ran.stdout, ran.stderr);
    return ran;
  };
  const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout);
  return { run, json, said };
}

type Commands = ReturnType<typeof commandsOn>;

async function reading(t: TestContext, when: string, { run, json }: Commands, engineRuns: boolean): Promise<void> {
  const { instance } = await json('status');
  const id = `${instance}-1`;

  await t.test(`status ${when}`, async () => {
    const status = await json('status');
    assert.equal(status.engine.running, engineRuns);
    assert.equal(status.engine.redis, engineRuns ? 'ready' : '');
    assert.deepEqual(
      status.destinations.map(({ name, state }: { name: string; state: string }) => [name, state]),
      [['registry', 'idle']],
    );
    assert.deepEqual(status.destinations[0].counts, { delivered: 3, invalid: 2, filtered: 1 });
    assert.match(
      (await run('status')).stdout,
      engineRuns ? /^engine: runs; ledger: ready; redis: ready$/m : /^engine: does not run$/m,
    );
  });

  await t.test(`submissions ${when}`, async () => {
    const { submissions } = await json('submissions', '--name', 'doses-1.csv');
    assert.equal(submissions.length, 1);
    assert.equal(submissions[0].submission, id);
    assert.match(submissions[0].acceptedAt, /^\d{4}-.+Z$/);
    assert.match((await run('submissions')).stdout, /strict-1\.csv/);
    assert.equal((await json('submissions', '--limit', '1')).submissions.length, 1);
    assert.match((await run('submissions', '--name', 'other.csv')).stdout, /no submission of a file other\.csv/);
  });

  await t.test(`trace of a delivered row ${when}`, async () => {
    const plain = await run('trace', 'doses-1.csv:2');
    assert.equal(plain.code, 0, plain.stderr);
    assert.match(plain.stdout, new RegExp(`line 2: item ${id}-1 of ${id} \\(routed\\)`));
    assert.match(plain.stdout, /entry registry: delivered/);
    assert.match(plain.stdout, /attempt 1 at .+: delivered, 3 of 3 acknowledged \(ACCEPTED, HTTP 200\)/);
    assert.match(plain.stdout, /PID-5\.1 +<- family +transforms\/dose-to-vxu\.yaml actions\[0\]\.set\.PID-5\.1/);
    assert.doesNotMatch(plain.stdout, /Marker/i, 'no value without --bodies');
    const trace = await json('trace', `${id}:2`, '--bodies');
    assert.equal(trace.entries[0].message, `${id}-1`);
    assert.deepEqual(trace.columns[1], { column: 'family', value: 'Markerfamily' });
    assert.match(trace.entries[0].body, /PID\|1\|\|S0001\|\|MARKERFAMILY\^MARKERGIVEN/);
    assert.match(trace.entries[0].batches[0].attempts[0].answer, /<soap:Envelope/);
    const same = await json('trace', `${id}-1`);
    assert.deepEqual([same.item, same.line, same.columns[1]], [`${id}-1`, 2, { column: 'family' }]);
  });

  await t.test(`trace of rows that were not sent ${when}`, async () => {
    assert.match(
      (await run('trace', '1:3')).stdout,
      /entry registry: filtered, the row is of a test patient \(a filter of the route\)/,
    );
    const invalid = (await run('trace', '1:4')).stdout;
    assert.match(invalid, /sex +<- NOT_IN_TABLE/);
    assert.match(invalid, /line 4, column sex: .+\(NOT_IN_TABLE\)\nentry registry: invalid/);
    const twice = await json('trace', '1:6');
    assert.ok(twice.faults.every(({ code }: { code: string }) => code === 'NOT_UNIQUE'));
    assert.deepEqual(twice.entries[0].lineage, []);
    assert.match((await run('trace', 'doses-1.csv:8')).stdout, /lines 7 to 8: item/);
  });

  await t.test(`trace of a submission, and of what is not there, ${when}`, async () => {
    assert.match((await run('trace', id)).stdout, /entry registry: +3 delivered, 2 invalid, 1 filtered/);
    const refused = await json('trace', 'strict-1.csv');
    assert.equal(refused.state, 'refused');
    const missing: [string, RegExp][] = [
      ['1:1', /LINE_UNKNOWN/],
      ['1:999', /LINE_UNKNOWN/],
      [`${id}-999`, /LINE_UNKNOWN/],
      ['strict-1.csv:2', /was refused as a whole/],
      ['zzzz-1', /SUBMISSION_UNKNOWN/],
      ['other.csv:2', /SUBMISSION_UNKNOWN/],
    ];
    const answers = await Promise.all(missing.map(([word]) => run('trace', word)));
    for (const [at, [word, says]] of missing.entries()) {
      assert.equal(answers[at]?.code, 5, word);
      assert.match(answers[at]?.stderr ?? '', says);
    }
  });

  await t.test(`verify ${when}`, async () => {
    const ran = await run('verify');
    assert.equal(ran.code, 0, ran.stdout);
    assert.match(
      ran.stdout,
      /checked: 2 submissions, 6 items against 6 rows.+SHA-256 of 2 bodies[\s\S]*Everything holds\./,
    );
  });

  await t.test(`what cannot be decided ${when}`, async () => {
    const done = await run('resolve', 'B1', '--delivered', '--reason', 'x');
    assert.equal(done.code, 5);
    assert.match(done.stderr, new RegExp(`${instance}-B1 is done: .+BATCH_NOT_IN_DOUBT`));
    assert.match((await run('resolve', 'B99', '--delivered', '--reason', 'x')).stderr, /BATCH_UNKNOWN/);
    assert.match((await run('resume', 'nothing')).stderr, /DESTINATION_UNKNOWN/);
    assert.deepEqual(await json('resume', 'registry'), { destination: 'registry', wasStopped: false, engineRuns });
  });
}

test('a day of work', { skip: redisSkip() }, async (t) => {
  const production = await temporaryProduction(t);
  const receiver = await startReceiver(t);
  const env = { REGISTRY_URL: receiver.url };
  const engine = await startEngine(t, production, { url: receiver.url });
  const commands = commandsOn(production);
  const { run, json, said } = commands;
  /** Taken in while no engine ran. Duplicates use up numbers too. */
  let third = 0;
  const mixed = await production.file('doses-1.csv', MIXED);
  const strict = await production.file('strict-1.csv', 'chart,family\nS0001,Roe\n');

  await t.test('submit --wait tells the way and the end', async () => {
    const ran = await run('submit', mixed, '--service', 'drop', '--wait');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /state: +routed/);
    assert.match(ran.stdout, /entry registry: +3 delivered, 2 invalid, 1 filtered/);
    assert.doesNotMatch(ran.stderr, /\u001b/);
  });

  await t.test('the same content is not taken twice by itself', async () => {
    const again = await json('submit', mixed, '--service', 'drop', '--wait');
    assert.equal(again.kind, 'duplicate');
    assert.match(again.submission, /-1$/);
    assert.match(
      (await run('submit', mixed, '--service', 'drop')).stdout,
      /taken in before as .+-1; nothing was taken in/,
    );
  });

  await t.test('a file that cannot be taken as a whole: code 5, and the reason with its line', async () => {
    const ran = await run('submit', strict, '--service', 'drop', '--wait');
    assert.equal(ran.code, 5);
    assert.match(ran.stdout, /state: +refused at line 1.+\(COLUMNS_MISSING\)/);
  });

  await t.test('a name that no rule fits, and a service that is not there', async () => {
    const other = await production.file('other.txt', 'x');
    assert.match((await run('submit', other, '--service', 'drop')).stderr, /NO_RULE/);
    assert.match((await run('submit', other, '--service', 'mail')).stderr, /it has drop.+SERVICE_UNKNOWN/);
  });

  await reading(t, 'while the engine runs', commands, true);
  assert.equal((await engine.stop()).code, 0);
  await reading(t, 'while it does not', commands, false);

  await t.test('submit without an engine: stored now, sent by the next one; --again', async () => {
    const offline = (...args: string[]) =>
      waybill(['submit', ...args, '--service', 'drop', '--data', production.data, production.config], { env });
    assert.match((await offline(mixed)).stdout, /taken in before as .+-1; nothing/);
    const stored = await offline(mixed, '--again', '--wait');
    assert.match(stored.stdout, /^\S+ is stored; the engine does not run/);
    third = Number(/-(\d+) is/.exec(stored.stdout)?.[1]);
    assert.equal(askLedger(production, 'submission', { submission: third })?.state, 'accepted');
    assert.match((await offline(await production.file('other.txt', 'x'))).stderr, /NO_RULE/);
  });

  await t.test('the next engine goes on with it', async (inner) => {
    const next = await startEngine(inner, production, { url: receiver.url });
    await untilSettled(production, 3);
    assert.deepEqual(countsOf(production), { delivered: 6, invalid: 4, filtered: 2 });
    const again = await json('submit', mixed, '--service', 'drop', '--again', '--wait');
    assert.deepEqual(again.entries[0].counts, { delivered: 3, invalid: 2, filtered: 1 });
    const file = await production.file('doses-2.csv', dosesCsv(9, 100));
    assert.deepEqual(
      (await json('submit', file, '--name', 'doses-renamed.csv', '--service', 'drop', '--wait')).entries[0].counts,
      { delivered: 9 },
    );
    assert.equal((await json('trace', 'doses-renamed.csv:10')).entries[0].state, 'delivered');
    await next.stop();
  });

  await t.test('verify finds a body that was changed and one that is gone: code 6', async () => {
    const body = (submission: number) => join(production.data, 'bodies', `${submission}.body`);
    await appendFile(body(1), 'x');
    await rm(body(third));
    const ran = await run('verify');
    assert.equal(ran.code, 6);
    assert.match(ran.stdout, /-1: the body is not the one that was taken in/);
    assert.match(ran.stdout, new RegExp(`-${third}: the body is missing`));
    assert.deepEqual((await json('verify')).mismatches.length, 2);
    await writeFile(body(1), MIXED);
    assert.match(
      (await run('trace', `${third}:2`)).stdout,
      /the row was not read again: .+no longer kept[\s\S]*entry registry: delivered/,
    );
  });

  assert.doesNotMatch(said.join('\n'), /correct-horse/, 'no command ever shows a secret');
});
