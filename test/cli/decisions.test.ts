/** A destination that is stopped, mended and resumed; a batch in doubt and every decision about it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askLedger, countsOf, startEngine, untilSettled, waybill } from '../support/engine.ts';
import { dosesCsv, type TestProduction, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip, until } from '../support/redis.ts';

function commandsOn(production: TestProduction) {
  const run = (...args: string[]) => waybill([...args, '--data', production.data]);
  const registry = async () => {
    const ran = await run('status', '--json');
    return JSON.parse(ran.stdout).destinations.find(({ name }: { name: string }) => name === 'registry');
  };
  const untilIs = async (state: string) => {
    await until(`registry is ${state}`, async () => (await registry())?.state === state, 20_000);
    return registry();
  };
  return { run, registry, untilIs };
}

test('a destination with a wrong password stops, says why, and goes on when it is mended', {
  skip: redisSkip(),
}, async (t) => {
  const production = await temporaryProduction(t);
  const receiver = await startReceiver(t);
  const { run, untilIs } = commandsOn(production);
  await production.write('secrets/password', 'wrong-marker\n');
  const engine = await startEngine(t, production, { url: receiver.url });
  await production.drop('doses-1.csv', dosesCsv(6));
  const { stop } = await untilIs('stopped');
  assert.equal(stop.whose, 'ours');
  const { stdout } = await run('status');
  assert.match(stdout, /^registry: STOPPED$/m);
  assert.match(stdout, /stopped since \d{4}-.+ by SOAP_\w+ \(whose: ours\)/);
  assert.match(stdout, /do: mend the cause, then {2}waybill resume registry/);
  assert.doesNotMatch(stdout, /wrong-marker/);
  assert.deepEqual(countsOf(production), { queued: 6 });

  await t.test('resume without mending: it stops again', async () => {
    const before = receiver.arrived();
    assert.match(
      (await run('resume', 'registry', '--by', 'ana', '--reason', 'to see')).stdout,
      /^registry goes on\.$/m,
    );
    await until('it was tried', () => receiver.arrived() > before);
    await untilIs('stopped');
  });

  await t.test('while the engine does not run it stays known, and resume takes the reason away', async () => {
    await engine.stop();
    assert.match((await run('status')).stdout, /registry: STOPPED; the engine does not run/);
    assert.match((await run('resume', 'registry')).stdout, /is no longer stopped; the engine does not run/);
    const who = askLedger(production, 'events', { destination: 'registry', limit: 50 });
    assert.ok(who.some((event) => event.what === 'resumed' && event.who === 'ana' && event.detail.why === 'to see'));
  });

  await t.test('mended while the engine runs: everything goes out', async (inner) => {
    const next = await startEngine(inner, production, { url: receiver.url });
    await untilIs('stopped');
    await production.write('secrets/password', 'correct-horse\n');
    assert.equal((await run('resume', 'registry')).code, 0);
    await untilSettled(production, 1);
    assert.deepEqual(countsOf(production), { delivered: 6 });
    assert.equal(receiver.counts().duplicates, 0);
    await next.stop();
  });
});

test('a batch in doubt, and every decision about it', { skip: redisSkip() }, async (t) => {
  const production = await temporaryProduction(t);
  const receiver = await startReceiver(t);
  const { run, untilIs } = commandsOn(production);
  const engine = await startEngine(t, production, { url: receiver.url });
  let files = 0;
  /** Four rows whose request was cut after its last byte: the batch's id. */
  const inDoubt = async (): Promise<string> => {
    receiver.door = 'cut';
    files += 1;
    await production.drop(`doses-${files}.csv`, dosesCsv(4, files * 100));
    const { inDoubt: held } = await untilIs('held');
    assert.equal(held.length, 1);
    assert.equal(held[0].messages, 4);
    return held[0].batch;
  };

  await t.test('status says what to type, and trace tells the attempt', async () => {
    const batch = await inDoubt();
    assert.match(
      (await run('status')).stdout,
      new RegExp(`HELD[\\s\\S]+waybill resolve ${batch} --delivered --reason "\\.\\.\\."`),
    );
    const traced = (await run('trace', 'doses-1.csv:3')).stdout;
    assert.match(traced, /entry registry: inDoubt/);
    assert.match(traced, /attempt 1 at .+: inDoubt, .+\(SOAP_\w+, whose: \w+\)/);
    const ran = await run('resolve', batch, '--delivered', '--reason', 'the registry showed them to me', '--by', 'ana');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /4 messages to registry are delivered \(said by ana\)\. registry goes on\./);
    await untilSettled(production, 1);
    assert.deepEqual(countsOf(production), { delivered: 4 });
    assert.match((await run('trace', '1:2')).stdout, /ana +resolved .+reason: the registry showed them to me/);
    assert.match((await run('resolve', batch, '--resend', '--reason', 'x')).stderr, /BATCH_NOT_IN_DOUBT/);
  });

  await t.test('--rejected and --cancel', async () => {
    await run('resolve', await inDoubt(), '--rejected', '--reason', 'refused by phone');
    await untilSettled(production, 2);
    await run('resolve', await inDoubt(), '--cancel', '--reason', 'a test file');
    await untilSettled(production, 3);
    assert.deepEqual(countsOf(production), { delivered: 4, rejected: 4, cancelled: 4 });
  });

  await t.test('--resend sends the same batch again', async () => {
    const batch = await inDoubt();
    receiver.door = 'pass';
    await run('resolve', batch, '--resend', '--reason', 'not there');
    await untilSettled(production, 4);
    assert.deepEqual(countsOf(production), { delivered: 8, rejected: 4, cancelled: 4 });
    assert.equal(receiver.counts().messages, 4);
    assert.match(
      (await run('trace', 'doses-4.csv:2')).stdout,
      new RegExp(`batch ${batch}: done[\\s\\S]+attempt 1 [\\s\\S]+attempt 2 `),
    );
  });

  await t.test('a call in flight is not decided about while the engine runs', async () => {
    receiver.door = 'hold';
    files += 1;
    await production.drop(`doses-${files}.csv`, dosesCsv(4, files * 100));
    const { head } = await untilIs('sending');
    assert.match((await run('resolve', head.batch, '--delivered', '--reason', 'x')).stderr, /STORE_STALE/);
  });

  await t.test('of a killed engine it is in doubt; resolved without an engine, sent by the next one', async (inner) => {
    await engine.kill();
    receiver.door = 'pass';
    const { head } = await untilIs('sending');
    const ran = await run('resolve', head.batch, '--resend', '--reason', 'the registry has nothing');
    assert.match(ran.stdout, /4 messages to registry are queued again.+The engine does not run/);
    const next = await startEngine(inner, production, { url: receiver.url });
    await untilSettled(production, 5);
    assert.equal(countsOf(production).delivered, 12);
    const batch = await inDoubt();
    await next.stop();
    assert.match((await run('status')).stdout, new RegExp(`HELD[\\s\\S]+waybill resolve ${batch} --cancel`));
    assert.equal((await run('resolve', batch, '--cancel', '--reason', 'done by hand')).code, 0);
    await untilSettled(production, 6);
    assert.equal(countsOf(production).cancelled, 8);
    assert.equal((await run('verify')).code, 0);
  });
});
