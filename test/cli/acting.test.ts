/** Acting on messages by name and by filter, through a running engine, without one, and through one that is killed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spawnPlugged } from '../support/crash.ts';
import { askLedger, countsOf, startEngine, untilSettled, waybill } from '../support/engine.ts';
import { dosesCsv, type TestProduction, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip, until } from '../support/redis.ts';

const commandsOn =
  (production: TestProduction) =>
  (...args: string[]) =>
    waybill([...args, '--data', production.data]);

const untilCounts = (production: TestProduction, expected: Readonly<Record<string, number>>) =>
  until(
    `the messages are ${JSON.stringify(expected)}`,
    () =>
      JSON.stringify(Object.entries(countsOf(production)).sort()) === JSON.stringify(Object.entries(expected).sort()),
    30_000,
  );

test('a look first, then the deed with its count; by filter and by name, with and without an engine', {
  skip: redisSkip(),
}, async (t) => {
  const production = await temporaryProduction(t);
  const receiver = await startReceiver(t);
  const run = commandsOn(production);
  // A destination that is stopped holds what waits for it still.
  await production.write('secrets/password', 'wrong-marker\n');
  const engine = await startEngine(t, production, { url: receiver.url });
  await production.drop('doses-1.csv', dosesCsv(6));
  await until('it is stopped', () => askLedger(production, 'status', {}).destinations[0]?.stop !== undefined, 20_000);
  await untilCounts(production, { queued: 6 });
  const { instance } = askLedger(production, 'facts', {});

  await t.test('a look changes nothing and shows no value of a row', async () => {
    const { code, stdout } = await run('suspend', '--where', 'destination=registry state=queued since=24h');
    assert.equal(code, 0);
    assert.match(stdout, /^6 messages would be held back: destination=registry state=queued since=24h$/m);
    assert.match(stdout, /^ {2}destinations: registry 6$/m);
    assert.match(stdout, /^ {2}states: queued 6$/m);
    assert.match(stdout, new RegExp(`^ {2}submissions: ${instance}-1 6$`, 'm'));
    assert.match(stdout, new RegExp(`for example: ${instance}-1-1, ${instance}-1-2`));
    assert.match(stdout, /--confirm 6$/m);
    assert.doesNotMatch(stdout, /Sample|Person|S0001/);
    assert.deepEqual(countsOf(production), { queued: 6 });
    const json = JSON.parse((await run('suspend', '1', '--json')).stdout);
    assert.deepEqual([json.done, json.count, json.states], [false, 6, { queued: 6 }]);
  });

  await t.test('another count, a filter that is none, no reason: refused, and nothing is changed', async () => {
    const refusals: readonly [readonly string[], number, RegExp][] = [
      [['suspend', '1', '--confirm', '5', '--reason', 'x'], 5, /6 messages fit .+ now, 5 were confirmed.+ACT_COUNT/],
      [['suspend', '1', '--confirm', '6'], 2, /--reason is missing/],
      [['suspend', '--where', 'destinaton=registry'], 5, /did you mean destination.+WHERE_NOT_UNDERSTOOD/],
      [['resend', `${instance}-1-2`, '--reason', 'x'], 5, /is queued: resend acts on .+ACT_STATE/],
      [['suspend', `${instance}-1-77`, '--reason', 'x'], 5, /LINE_UNKNOWN/],
    ];
    for (const [args, code, says] of refusals) {
      const ran = await run(...args);
      assert.equal(ran.code, code, ran.stderr);
      assert.match(ran.stderr, says);
    }
    assert.deepEqual(countsOf(production), { queued: 6 });
  });

  await t.test('through the engine: one message by its name at once, the others by filter', async () => {
    const one = await run('suspend', `${instance}-1-2`, '--reason', 'ask the clinic', '--by', 'ana');
    assert.match(one.stdout, new RegExp(`^${instance}-1-2 is held back \\(said by ana; act 1\\)\\.$`, 'm'));
    assert.deepEqual(countsOf(production), { queued: 5, suspended: 1 });
    const rest = await run('suspend', '--where', 'submission=1', '--confirm', '5', '--reason', 'the rest', '--json');
    assert.deepEqual(
      { ...JSON.parse(rest.stdout), who: '' },
      { act: 2, verb: 'suspend', state: 'done', count: 5, done: 5, skipped: 0, who: '', engineRuns: true },
    );
    const traced = (await run('trace', '1:3')).stdout;
    assert.match(traced, /entry registry: suspended/);
    assert.match(traced, /ana +suspended .+messages: 1, filter: message=.+reason: ask the clinic, act: 1/);
    await run('release', '1', '--yes', '--reason', 'answered');
    await run('cancel', `${instance}-1-6`, '--reason', 'entered twice');
    assert.deepEqual(countsOf(production), { queued: 5, cancelled: 1 });
  });

  await t.test('without an engine: the same, and the next engine goes on with it', async (inner) => {
    await engine.stop();
    const held = await run('suspend', '1:3', '--yes', '--reason', 'once more');
    assert.match(held.stdout, /^1 message is held back .+The engine does not run/m);
    await production.write('secrets/password', 'correct-horse\n');
    const next = await startEngine(inner, production, { url: receiver.url });
    await untilCounts(production, { delivered: 4, suspended: 1, cancelled: 1 });
    assert.equal((await run('release', '--where', 'state=suspended', '--confirm', '1', '--reason', 'go')).code, 0);
    await untilSettled(production, 1);
    assert.deepEqual(countsOf(production), { delivered: 5, cancelled: 1 });
    assert.equal(receiver.counts().duplicates, 0);
    await next.stop();
  });

  await t.test('every act is listed: who, which, why, how many', async () => {
    const { stdout } = await run('acts');
    assert.match(stdout, /^1 .+ ana +suspend +1 done +message=.+ask the clinic$/m);
    assert.match(stdout, /^6 .+ release +1 done +state=suspended +go$/m);
    assert.equal(JSON.parse((await run('acts', '--json', '--limit', '2')).stdout).acts.length, 2);
    assert.equal((await run('verify')).code, 0);
  });
});

test('rejected messages are sent again; an engine that is killed in the middle goes on, and each goes once', {
  skip: redisSkip(),
}, async (t) => {
  const ROWS = 1300;
  const production = await temporaryProduction(t);
  await production.edit('production.yaml', 'maxMessages: 4', 'maxMessages: 2000');
  const receiver = await startReceiver(t);
  const run = commandsOn(production);
  receiver.door = 'cut';
  const engine = spawnPlugged(t, production, { url: receiver.url });
  await engine.ready();
  await production.drop('doses-1.csv', dosesCsv(ROWS));
  await untilCounts(production, { inDoubt: ROWS });
  const looked = await run('resolve', '--rejected', '--where', 'state=inDoubt');
  assert.match(looked.stdout, new RegExp(`${ROWS} messages become rejected`));
  const resolved = await run(
    'resolve',
    '--rejected',
    '--where',
    'state=inDoubt',
    '--confirm',
    `${ROWS}`,
    '--reason',
    'by phone',
  );
  assert.match(resolved.stdout, new RegExp(`^${ROWS} messages are rejected`));
  assert.deepEqual(countsOf(production), { rejected: ROWS });

  receiver.door = 'hold';
  await engine.arm({ label: 'act.continued', nth: 2, fault: 'kill' });
  const resend = await run(
    'resend',
    '--where',
    'state=rejected',
    '--confirm',
    `${ROWS}`,
    '--reason',
    'mended',
    '--by',
    'ana',
  );
  assert.match(resend.stdout, /The engine ended meanwhile/);
  await engine.ended;
  assert.ok(engine.fired());
  const [act] = askLedger(production, 'acts', { limit: 1 });
  assert.deepEqual([act?.state, act?.count, act?.done], ['running', ROWS, 1000]);
  assert.match((await run('acts')).stdout, /NOT FINISHED: 1000 of 1300/);
  assert.match(
    (await run('status')).stdout,
    /^act \d+: resend by ana, 1000 of 1300 messages done; it goes on when the engine runs$/m,
  );

  receiver.door = 'pass';
  await startEngine(t, production, { url: receiver.url });
  await until('what was begun is done', () => askLedger(production, 'acts', { limit: 1 })[0]?.state === 'done', 20_000);
  const doubtful = countsOf(production).inDoubt ?? 0;
  if (doubtful > 0)
    await run('resend', '--where', 'state=inDoubt', '--yes', '--reason', 'the call was held at the door');
  await untilCounts(production, { delivered: ROWS });
  assert.deepEqual([receiver.counts().messages, receiver.counts().duplicates], [ROWS, 0]);
  const events = askLedger(production, 'events', { submission: 1, limit: 50 });
  const resent = events.filter(({ what, detail }) => what === 'resent' && detail.reason === 'mended');
  assert.deepEqual(
    resent.map(({ who, detail }) => [who, detail.messages]),
    [['ana', ROWS]],
  );
  assert.equal((await run('verify')).code, 0);
});
