/** The whole engine over a real ledger, with a service and an operation that do as the test says. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Accepted } from '../../engine/contracts/service.ts';
import type { Store } from '../../engine/contracts/store.ts';
import { Engine, type EngineOptions } from '../../engine/engine.ts';
import { ConfigError, type WaybillError } from '../../engine/errors.ts';
import { openOne } from '../store/ledger.ts';
import { audit } from '../store/support.ts';
import { cleanUp, recordingLogger, until } from '../support/redis.ts';
import { opened } from './adapters/operations/capture.ts';
import { started } from './adapters/services/manual.ts';
import { ADAPTERS, type EngineProduction, engineProduction, rowsCsv } from './production.ts';
import { FULL, failing, fakeOperation, policy, recordEvents, states } from './support.ts';

async function ledgerOf(t: TestContext, { data }: EngineProduction): Promise<Store> {
  const store = await openOne(join(data, 'ledger.db'));
  cleanUp(t, () => store.close());
  return store;
}

function engineOf(t: TestContext, made: EngineProduction, store: Store, over: Partial<EngineOptions> = {}): Engine {
  const { production, registry, data } = made;
  const engine = new Engine({
    production,
    registry,
    store,
    dataFolder: data,
    clock: { now: Date.now },
    logger: () => recordingLogger(),
    adapters: ADAPTERS,
    orphans: 'refuse',
    freshDestination: async (name) => production.destinations[name] ?? assert.fail(name),
    sweepEvery: 60_000,
    ...over,
  });
  cleanUp(t, () => engine.stop());
  return engine;
}

function service({ folder }: EngineProduction, name = 'hand') {
  return started.get(`${folder}/${name}`) ?? assert.fail(`${name} is not started`);
}

/** The operation of `registry`, made before the engine opens it. */
function operation({ folder }: EngineProduction, respond?: Parameters<typeof fakeOperation>[0]) {
  const made = fakeOperation(respond);
  opened.set(`${folder}/registry`, made);
  return made;
}

function submit(made: EngineProduction, csv: string, name = 'hand'): Promise<Accepted> {
  const { context } = service(made, name);
  const rule = { format: { type: 'csv', recordMap: 'rows' }, route: name === 'strict' ? 'strict' : 'rows' };
  const body = (async function* () {
    yield Buffer.from(csv);
  })();
  return context.accept({ body, name: 'rows.csv', rule, duplicates: policy('report', 60_000) });
}

const settled = (store: Store, submission: number) =>
  until(
    `submission ${submission} is settled`,
    async () => (await store.submission({ submission }))?.settledAt !== undefined,
  );

describe('the engine', () => {
  test('takes in, routes, delivers, and tells the service', async (t) => {
    const made = await engineProduction(t);
    const store = await ledgerOf(t, made);
    const events = recordEvents(t);
    const calls = operation(made);
    const engine = engineOf(t, made, store);
    await engine.start();
    const accepted = await submit(made, rowsCsv(3, { 2: 'throw' }));
    assert.equal(accepted.kind, 'stored');
    await settled(store, 1);
    assert.deepEqual(await states(store, 1), { delivered: 2, invalid: 1 });
    assert.deepEqual(calls.calls[0]?.messages, ['r1', 'r3']);
    const { context, told } = service(made);
    await until('the service is told', () => told.includes(accepted.id));
    const view = await context.submission(accepted.id);
    assert.deepEqual([view?.state, view?.settled, view?.rejectedItems, view?.items], ['routed', true, 1, 3]);
    const rejected = [];
    for await (const item of context.rejected(accepted.id)) rejected.push(item);
    assert.deepEqual(
      rejected.map(({ waybillId, line, fields }) => [waybillId, line, fields]),
      [[`${accepted.id}-2`, 3, ['r2', 'throw']]],
    );
    const report = await context.report(accepted.id);
    assert.deepEqual(report.entries, [
      { entry: 'registry', destination: 'registry', counts: { delivered: 2, invalid: 1 } },
    ]);
    assert.equal((await context.unfinished()).length, 1);
    await context.progress(accepted.id, 'closed');
    assert.equal((await context.unfinished()).length, 0);
    await assert.rejects(context.submission('aaaa-b'), { code: 'SUBMISSION_UNKNOWN' });
    assert.deepEqual(await submit(made, rowsCsv(3, { 2: 'throw' })), { kind: 'duplicate', id: accepted.id });
    assert.deepEqual(events.named('submissionAccepted'), [{ submission: accepted.id, service: 'hand' }]);
    assert.equal(
      events.all.some(({ fields }) => Object.values(fields).some((value) => /^r\d$/.test(String(value)))),
      false,
      'no event holds anything of a row',
    );
    await audit(store);
  });

  test('goes on after a stop where it was, and resumes what was stopped', async (t) => {
    const made = await engineProduction(t);
    const store = await ledgerOf(t, made);
    const calls = operation(made, () => new ConfigError('X_AUTH', 'Bad password.'));
    const first = engineOf(t, made, store);
    await first.start();
    await submit(made, rowsCsv(3));
    const stop = async () => (await store.ask({ question: 'status', with: {} })).destinations[0]?.stop?.code;
    await until('it is stopped', async () => (await stop()) === 'X_AUTH');
    await first.stop();
    await first.stop();
    assert.ok(service(made).stopped);
    await assert.rejects(submit(made, rowsCsv(1)), { code: 'ENGINE_STOPPING' });
    calls.respond = undefined;
    const second = engineOf(t, made, store);
    await second.start();
    await settled(store, 1);
    assert.equal(await stop(), undefined);
    assert.deepEqual(await states(store, 1), { delivered: 3 });
    assert.equal(calls.calls.at(-1)?.delivery.attempt, 2);
  });

  test('a person resumes a destination; one that is not there is refused', async (t) => {
    const made = await engineProduction(t);
    const store = await ledgerOf(t, made);
    const calls = operation(made, () => new ConfigError('X_AUTH', 'Bad password.'));
    const engine = engineOf(t, made, store);
    await engine.start();
    await submit(made, rowsCsv(2));
    await until('a call failed', () => calls.calls.length === 1);
    await until('it is stopped', async () => {
      const [destination] = (await store.ask({ question: 'status', with: {} })).destinations;
      return destination?.stop !== undefined;
    });
    calls.respond = undefined;
    assert.deepEqual(await engine.decisions.resume('registry', 'someone', 'mended'), { wasStopped: true });
    await settled(store, 1);
    await assert.rejects(engine.decisions.resume('nowhere', 'someone', ''), { code: 'DESTINATION_UNKNOWN' });
  });

  test('what was in flight when an earlier run ended is in doubt, told once; a person resolves it', async (t) => {
    const made = await engineProduction(t);
    const store = await ledgerOf(t, made);
    const calls = operation(made, () => new ConfigError('X', 'x'));
    const first = engineOf(t, made, store);
    await first.start();
    await submit(made, rowsCsv(2));
    await until('it was tried', () => calls.calls.length === 1);
    await first.stop();
    await store.resumeDestination({ destination: 'registry', at: 1, who: 'test', why: '' });
    await store.beginSending({
      batch: 1,
      attempt: 2,
      run: 'a run that was killed',
      at: 2,
      free: false,
      passDoubt: false,
    });
    const events = recordEvents(t);
    const second = engineOf(t, made, store);
    await second.start();
    assert.deepEqual(await states(store, 1), { inDoubt: 2 });
    await second.sweep();
    assert.deepEqual(
      events.named('batchInDoubt').map(({ batch, code, messages }) => [batch, code, messages]),
      [[1, 'ENGINE_ENDED', 2]],
    );
    await second.decisions.resolve({ batch: 1, to: 'delivered', reason: 'the receiver has it', who: 'someone' });
    assert.deepEqual(await states(store, 1), { delivered: 2 });
    assert.equal(calls.calls.length, 1);
    await until('the service is told', () => service(made).told.length > 0);
  });

  test('messages of a destination that is gone: refused by name, or held', async (t) => {
    const made = await engineProduction(t);
    const store = await ledgerOf(t, made);
    const calls = operation(made, () => new ConfigError('X', 'x'));
    const first = engineOf(t, made, store);
    await first.start();
    await submit(made, rowsCsv(1));
    await until('it was tried', () => calls.calls.length === 1);
    await first.stop();
    const changed = await engineProduction(t, (yaml) => yaml.replaceAll('registry', 'other'));
    await assert.rejects(engineOf(t, { ...changed, data: made.data }, store).start(), (error: WaybillError) => {
      assert.equal(error.code, 'ORPHANED_MESSAGES');
      assert.match(error.message, /registry/);
      return true;
    });
    await engineOf(t, { ...changed, data: made.data }, store, { orphans: 'hold' }).start();
    assert.deepEqual(await states(store, 1), { queued: 1 });
  });

  test('a service that cannot start ends what was started', async (t) => {
    const made = await engineProduction(t, (yaml) =>
      yaml.replace('route: strict }\nroutes', 'route: strict, broken: true }\nroutes'),
    );
    const store = await ledgerOf(t, made);
    const events = recordEvents(t);
    await assert.rejects(engineOf(t, made, store).start(), /this service cannot start/);
    assert.ok(service(made).stopped);
    assert.equal(events.named('engineStarted').length, 0);
    await assert.rejects(submit(made, rowsCsv(1)), { code: 'ENGINE_STOPPING' });
  });

  test('bodies that nothing refers to are removed at start, the others stay', async (t) => {
    const made = await engineProduction(t);
    const store = await ledgerOf(t, made);
    const { readdirSync } = await import('node:fs');
    const bodies = join(made.data, 'bodies');
    mkdirSync(bodies);
    for (const name of ['77.body', 'incoming-1-1.tmp']) writeFileSync(join(bodies, name), 'left over');
    const engine = engineOf(t, made, store);
    await engine.start();
    await submit(made, rowsCsv(1));
    assert.deepEqual(readdirSync(bodies), ['1.body']);
    await settled(store, 1);
    await engine.stop();
    await engineOf(t, made, store).start();
    assert.deepEqual(readdirSync(bodies), ['1.body']);
  });

  test('a wake-up that was lost is made good by the sweep', async (t) => {
    const made = await engineProduction(t);
    const store = await ledgerOf(t, made);
    const calls = operation(made);
    const engine = engineOf(t, made, store);
    await engine.start();
    const { context } = service(made);
    assert.equal(context.name, 'hand');
    await store.accept({
      number: 1,
      service: 'hand',
      partner: '',
      name: 'rows.csv',
      contentType: '',
      bytes: 0,
      hash: 'h',
      claim: undefined,
      fields: {},
      acceptedAt: 1,
      format: { type: 'csv', recordMap: 'rows' },
      route: 'rows',
      snapshot: await snapshotOfEngine(store, made),
      gate: false,
      entries: [{ name: 'registry', destination: 'registry', transform: 'plain' }],
      owner: '',
      expiresAt: 0,
      refuseDuplicate: false,
    });
    writeFileSync(join(made.data, 'bodies', '1.body'), rowsCsv(2));
    await engine.sweep();
    await settled(store, 1);
    assert.equal(calls.calls.length, 1);
  });
});

/** The hash that the engine pinned at its start, as a submission of its own shows it. */
async function snapshotOfEngine(store: Store, { production }: EngineProduction): Promise<string> {
  const { snapshotHash, snapshotOf } = await import('../../engine/config/hash.ts');
  const hash = snapshotHash(snapshotOf(production));
  assert.ok(await store.snapshot({ hash }));
  return hash;
}

describe('a ledger that cannot be written', () => {
  test('is told once and shown, and so is its recovery; nothing is accepted meanwhile', async (t) => {
    const made = await engineProduction(t);
    const real = await ledgerOf(t, made);
    const { store, fail } = failing(real);
    const events = recordEvents(t);
    const engine = engineOf(t, made, store);
    await engine.start();
    fail('accept', FULL);
    fail('recover', FULL);
    for (let n = 0; n < 3; n += 1) await assert.rejects(submit(made, rowsCsv(1)), { code: 'STORE_FULL' });
    await engine.sweep();
    assert.equal(engine.storeWell, false);
    assert.match(engine.storeTrouble ?? '', /STORE_FULL/);
    fail('accept', undefined);
    fail('recover', undefined);
    await engine.sweep();
    assert.equal(engine.storeWell, true);
    assert.deepEqual([events.named('storeFailed').length, events.named('storeRecovered').length], [1, 1]);
    assert.equal((await submit(made, rowsCsv(1))).kind, 'stored');
  });

  test('a plan that came too late is no trouble of the ledger', async (t) => {
    const made = await engineProduction(t);
    const store = await ledgerOf(t, made);
    const engine = engineOf(t, made, store);
    await engine.start();
    await assert.rejects(engine.decisions.resolve({ batch: 99, to: 'queued', reason: '', who: '' }), {
      code: 'STORE_STALE',
    });
    assert.equal(engine.storeWell, true);
  });
});
