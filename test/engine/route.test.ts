/** The router with its real thread: rows that hang it or end it, a ledger that fails, a stop in the middle. */
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { accept } from '../../engine/accept.ts';
import { unpackMessages, unpackRejects } from '../../engine/blocks.ts';
import { BodyFolder } from '../../engine/bodies.ts';
import { snapshotHash, snapshotOf } from '../../engine/config/hash.ts';
import type { Store } from '../../engine/contracts/store.ts';
import { Router } from '../../engine/route.ts';
import { openOne } from '../store/ledger.ts';
import { audit } from '../store/support.ts';
import { cleanUp, until } from '../support/redis.ts';
import { ADAPTERS, engineProduction, rowsCsv } from './production.ts';
import { FULL, failing, policy, recordEvents, states } from './support.ts';

const HANG_AFTER = 1500;

async function rig(t: TestContext) {
  const { production, data, root } = await engineProduction(t);
  const real = await openOne(join(data, 'ledger.db'));
  cleanUp(t, () => real.close());
  const fake = failing(real);
  const bodies = new BodyFolder(join(data, 'bodies'));
  await bodies.prepare();
  const content = snapshotOf(production);
  const hash = snapshotHash(content);
  await real.putSnapshot({ hash, body: Buffer.from('kept') });
  const facts = await real.facts();
  const clock = { now: Date.now };
  const ended: number[] = [];
  let number = 0;

  const routers: Router[] = [];
  cleanUp(t, () => Promise.all(routers.map((router) => router.stop())));
  const makeRouter = (store: Store = fake.store, settings: { readonly idleAfter?: number } = {}) => {
    const router = new Router({
      store,
      bodies,
      clock,
      facts,
      adapters: ADAPTERS,
      carries: { registry: { charset: 'utf-8', characters: 'xml10' } },
      formats: ['csv'],
      hangAfter: HANG_AFTER,
      ...settings,
      snapshot: async () => content,
      released: () => undefined,
      ended: (submission) => ended.push(submission),
    });
    routers.push(router);
    return router;
  };
  const submit = async (csv: string | Uint8Array, route = 'rows', type = 'csv') => {
    const path = join(root, `in-${number}.csv`);
    await writeFile(path, csv);
    const context = {
      store: real,
      bodies,
      clock,
      instance: facts.instance,
      nextReceipt: () => 1,
      nextNumber: () => ++number,
      snapshot: () => ({ hash, content }),
      accepted: () => undefined,
    };
    const duplicates = policy('accept');
    const rule = { format: { type, recordMap: 'rows' }, route };
    await accept(context, 'hand', { body: createReadStream(path), name: 'rows.csv', rule, duplicates });
    return number;
  };
  const done = (submission: number) =>
    until(`submission ${submission} is routed or refused`, async () => ended.includes(submission), 20_000);
  return { store: real, fake, bodies, makeRouter, submit, done, ended };
}

/** Texts of the messages that wait, in the order of the lane. */
async function waiting(store: Store): Promise<string[]> {
  const work = await store.nextWork({
    destination: 'registry',
    maxMessages: 100_000,
    mixSubmissions: true,
    ahead: false,
    lane: 0,
    inHand: [],
    now: 10_000,
    free: false,
    passDoubt: false,
  });
  if (work.kind !== 'candidates') return [];
  return work.blocks.flatMap((block) => {
    const unpacked = unpackMessages(block.body);
    const positions = block.waiting ?? Array.from({ length: unpacked.count }, (_, n) => n);
    return positions.map((at) => Buffer.from(unpacked.body(at)).toString().trim()).filter((text) => text !== '');
  });
}

async function rejects(store: Store, submission: number) {
  const blocks = await store.rejectBlocks({ submission, after: -1 });
  return blocks.flatMap((block) =>
    unpackRejects(block.rejects).map(({ item, line, faults }) => [item, line, faults[0]?.code]),
  );
}

const rows = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `r${from + index}`);

describe('routing', () => {
  test('every row has its outcome: messages in order, and each reason for the others', async (t) => {
    const { store, makeRouter, submit, done } = await rig(t);
    const notes = { 2: 'test', 3: 'throw', 4: 'empty', 5: 'odd', 6: 'drop', 7: '%x' };
    const submission = await submit(`${rowsCsv(8, notes)}r8,again\nBAD,\n`);
    makeRouter().wake();
    await done(submission);
    assert.deepEqual(await waiting(store), ['r1', 'r8']);
    assert.deepEqual(await states(store, submission), { queued: 2, filtered: 2, invalid: 6 });
    assert.deepEqual(await rejects(store, submission), [
      [3, 4, 'SCRIPT_FAILED'],
      [4, 5, 'EMPTY_MESSAGE'],
      [5, 6, 'CHARACTER_NOT_CARRIED'],
      [7, 8, 'CONDITION_FAILED'],
      [9, 10, 'NOT_UNIQUE'],
      [10, 11, 'PATTERN_MISMATCH'],
    ]);
    await audit(store);
  });

  test('submission after submission, in the order of acceptance', async (t) => {
    const { store, makeRouter, submit, done, ended } = await rig(t);
    for (let n = 0; n < 3; n += 1) await submit(rowsCsv(1200));
    const router = makeRouter();
    for (let n = 0; n < 5; n += 1) router.wake();
    await done(3);
    assert.deepEqual(ended, [1, 2, 3]);
    assert.deepEqual(await waiting(store), [...rows(1, 1200), ...rows(1, 1200), ...rows(1, 1200)]);
  });

  test('with refuseFile one invalid row cancels the others', async (t) => {
    const { store, makeRouter, submit, done } = await rig(t);
    const submission = await submit(rowsCsv(1100, { 1050: 'throw' }), 'strict');
    makeRouter().wake();
    await done(submission);
    assert.deepEqual(await states(store, submission), { invalid: 1, cancelled: 1099 });
    assert.deepEqual(await waiting(store), []);
  });

  test('an input that cannot be read is refused with its place, and the next goes on', async (t) => {
    const { store, makeRouter, submit, done } = await rig(t);
    const events = recordEvents(t);
    const bad = await submit('id,note\nr1,"open\n');
    const good = await submit(rowsCsv(2));
    makeRouter().wake();
    await done(good);
    const row = await store.submission({ submission: bad });
    assert.equal(row?.state, 'refused');
    assert.equal(row?.refusal?.line, 2);
    assert.equal(events.named('submissionRefused').length, 1);
    assert.deepEqual(await waiting(store), ['r1', 'r2']);
  });

  test('a transcoded copy that was changed is not used', async (t) => {
    const { store, fake, bodies, makeRouter, submit, done } = await rig(t);
    const events = recordEvents(t);
    const submission = await submit(Buffer.from(`\uFEFF${rowsCsv(3)}`, 'utf16le'));
    fake.fail('beginRouting', FULL);
    const first = makeRouter();
    first.wake();
    await until('it is scanned', async () => (await store.submission({ submission }))?.state === 'scanned');
    await first.stop();
    fake.fail('beginRouting', undefined);
    const scanned = await store.submission({ submission });
    assert.equal(scanned?.scan?.charset, 'utf-16le');
    await writeFile(bodies.copy(submission), rowsCsv(4).replace('id', '\uFEFFid'));
    const second = makeRouter();
    second.wake();
    await until('it is told', () => events.named('routingFailed').some(({ code }) => code === 'COPY_DAMAGED'));
    await second.stop();
    assert.equal((await store.submission({ submission }))?.itemsRouted, 0);
    await writeFile(bodies.copy(submission), rowsCsv(3));
    makeRouter().wake();
    await done(submission);
    assert.deepEqual(await waiting(store), rows(1, 3));
  });
});

describe('a row that ends the worker', () => {
  for (const note of ['exit', 'hang']) {
    test(`${note}: it becomes failed, all others go on, once and in order`, async (t) => {
      const { store, makeRouter, submit, done } = await rig(t);
      const events = recordEvents(t);
      const submission = await submit(rowsCsv(1500, { 1003: note }));
      const next = await submit(rowsCsv(2));
      makeRouter().wake();
      await done(next);
      assert.deepEqual(await states(store, submission), { queued: 1499, failed: 1 });
      assert.deepEqual(await rejects(store, submission), [[1003, 1004, 'TRANSFORM_CRASHED']]);
      assert.deepEqual(await waiting(store), [...rows(1, 1002), ...rows(1004, 1500), 'r1', 'r2']);
      assert.deepEqual(
        events.named('rowFailed').map(({ line }) => line),
        [1004],
      );
      assert.equal(events.named('workerEnded').length, 4, 'twice in the block, twice alone; each told once');
      await audit(store);
    });
  }

  test('two of them in one block, and a key that comes again after them', async (t) => {
    const { store, makeRouter, submit, done } = await rig(t);
    const submission = await submit(`${rowsCsv(6, { 2: 'exit', 5: 'exit' })}r1,\n`);
    makeRouter().wake();
    await done(submission);
    assert.deepEqual(await states(store, submission), { queued: 4, failed: 2, invalid: 1 });
    assert.deepEqual(await waiting(store), ['r1', 'r3', 'r4', 'r6']);
    await audit(store);
  });
});

test('an input whose scan ends the worker twice is refused, and the next goes on', async (t) => {
  const { store, makeRouter, submit, done } = await rig(t);
  const fatal = await submit('anything', 'rows', 'fatal');
  const next = await submit(rowsCsv(2));
  makeRouter().wake();
  await done(next);
  const row = await store.submission({ submission: fatal });
  assert.deepEqual([row?.state, row?.refusal?.code], ['refused', 'SCAN_CRASHED']);
  assert.deepEqual(await waiting(store), ['r1', 'r2']);
});

describe('a ledger that fails while it routes', () => {
  test('a block that cannot be committed: told, waited for, then every row once', async (t) => {
    const { store, fake, makeRouter, submit, done } = await rig(t);
    const events = recordEvents(t);
    const submission = await submit(`${rowsCsv(5000)}r4999,\n`);
    fake.fail('commitBlock', FULL);
    makeRouter().wake();
    await until('it is told', () => events.named('routingFailed').length > 0);
    assert.equal(events.named('routingFailed')[0]?.code, 'STORE_FULL');
    fake.fail('commitBlock', undefined);
    await done(submission);
    assert.deepEqual(await waiting(store), rows(1, 5000));
    assert.deepEqual(await rejects(store, submission), [[5001, 5002, 'NOT_UNIQUE']]);
    await audit(store);
  });

  test('in the middle: what was committed is not done again', async (t) => {
    const { store, fake, makeRouter, submit, done } = await rig(t);
    const events = recordEvents(t);
    const submission = await submit(rowsCsv(3000));
    const router = makeRouter(
      new Proxy(fake.store, {
        get(target, key: keyof Store) {
          if (key === 'commitBlock' && (fake.calls.commitBlock ?? 0) === 1) fake.fail('commitBlock', FULL);
          return target[key];
        },
      }),
    );
    router.wake();
    await until('it is told', () => events.named('routingFailed').length > 0);
    assert.equal((await store.submission({ submission }))?.itemsRouted, 1000);
    fake.fail('commitBlock', undefined);
    await done(submission);
    assert.deepEqual(await waiting(store), rows(1, 3000));
  });

  test('the end of routing that cannot be committed is done later', async (t) => {
    const { store, fake, makeRouter, submit, done } = await rig(t);
    const events = recordEvents(t);
    const submission = await submit(rowsCsv(3));
    fake.fail('endRouting', FULL);
    makeRouter().wake();
    await until('it is told', () => events.named('routingFailed').length > 0);
    fake.fail('endRouting', undefined);
    await done(submission);
    assert.deepEqual(await waiting(store), rows(1, 3));
  });
});

describe('stop and start', () => {
  test('a stop in the middle ends soon; the next router goes on behind the last block', async (t) => {
    const { store, makeRouter, submit, done } = await rig(t);
    const submission = await submit(rowsCsv(40_000));
    const first = makeRouter();
    first.wake();
    await until('a block is committed', async () => ((await store.submission({ submission }))?.itemsRouted ?? 0) > 0);
    await first.stop();
    const between = (await store.submission({ submission }))?.itemsRouted ?? 0;
    assert.ok(between > 0 && between < 40_000, `${between}`);
    first.wake();
    makeRouter().wake();
    await done(submission);
    assert.deepEqual(await waiting(store), rows(1, 40_000));
    await audit(store);
  });

  test('a stop before anything began routes nothing', async (t) => {
    const { store, makeRouter, submit } = await rig(t);
    const submission = await submit(rowsCsv(2000));
    const router = makeRouter();
    router.wake();
    await router.stop();
    assert.equal((await store.submission({ submission }))?.itemsRouted, 0);
  });
});
