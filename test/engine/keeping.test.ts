/** Purging by the clock, by a person, to its end after a crash, and beside deliveries. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packRejects } from '../../engine/blocks.ts';
import { onEvent } from '../../engine/events.ts';
import { previewPurge } from '../../engine/keeping.ts';
import { retentionOf } from '../../engine/retention.ts';
import { rejectedItems } from '../../engine/services.ts';
import { openLedger } from '../../store/sqlite/client.ts';
import { deliver, routed } from '../store/support.ts';
import { until } from '../support/until.ts';
import { dataFolder, filesOf, fill, KEEP, keepingOn, ledgerOf, storeOf } from './keeping-support.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;

test('everything that is past its retention goes, and nothing else; the run is an event', async (t) => {
  const folder = dataFolder(t);
  await fill(folder, { 1: 70, 2: 40, 3: 10 });
  const before = statSync(ledgerOf(folder)).size;
  const store = await storeOf(t, folder);
  const told: unknown[] = [];
  t.after(onEvent(({ name, fields }) => name === 'purged' && told.push(fields)));
  const keeping = keepingOn(folder, store, { at: Date.now() });
  t.after(() => keeping.stop());
  await store.setRetention({ rows: retentionOf(KEEP) });
  const ask = async () => previewPurge((question, request) => store.ask({ question, with: request }));
  assert.deepEqual(
    (await ask()).map(({ what, submissions, messages, fileBytes, bodyBytes }) => ({
      what,
      submissions,
      messages,
      fileBytes,
      bodyBytes,
    })),
    [
      { what: 'bodies', submissions: 2, messages: 2000, fileBytes: 200, bodyBytes: 100_016 },
      { what: 'ledger', submissions: 1, messages: 1000, fileBytes: 0, bodyBytes: 0 },
    ],
  );
  assert.deepEqual(filesOf(folder, 1), [true, true], 'a look changes nothing');
  const done = await keeping.purge({ who: 'ana' });
  assert.deepEqual(done, { bodies: 2, ledger: 1, messages: 1000, bytes: 2 * 1500 + 100_016, finished: true });
  assert.deepEqual(
    [1, 2, 3].flatMap((number) => filesOf(folder, number)),
    [false, false, false, false, true, true],
  );
  assert.deepEqual(await ask(), []);
  assert.deepEqual(told, [{ who: 'ana', ...done }]);
  const events = await store.ask({ question: 'events', with: { limit: 20 } });
  assert.deepEqual(
    events.filter(({ what }) => what.startsWith('purge')).map(({ what, submission, who }) => [what, submission, who]),
    [
      ['purged', 1, 'ana'],
      ['purged', 2, 'ana'],
      ['purged', 1, 'ana'],
      ['purgeRun', undefined, 'ana'],
    ],
  );
  assert.ok(statSync(ledgerOf(folder)).size < before - 80_000, 'room came back');
  const page = await store.ask({ question: 'verify', with: { after: 0 } });
  assert.equal(page.submissions[0]?.purged, 'ledger');
});

test('a route alone, which does not count as the daily run', async (t) => {
  const folder = dataFolder(t);
  await fill(folder, { 1: 70 });
  const store = await storeOf(t, folder);
  await store.setRetention({ rows: retentionOf(KEEP) });
  const keeping = keepingOn(folder, store, { at: Date.now() });
  t.after(() => keeping.stop());
  assert.equal((await keeping.purge({ who: 'ana', route: 'labs' })).bodies, 0);
  assert.equal(await store.ask({ question: 'lastPurge', with: {} }), undefined);
  assert.equal((await keeping.purge({ who: 'ana', route: 'doses' })).bodies, 1);
  assert.equal(await store.ask({ question: 'lastPurge', with: {} }), undefined);
});

describe('by the clock', () => {
  const rig = async (t: TestContext, clock: { at: number }, keep = KEEP) => {
    const folder = dataFolder(t);
    const store = await storeOf(t, folder);
    const keeping = keepingOn(folder, store, clock, keep);
    t.after(() => keeping.stop());
    const runs = async () =>
      (await store.ask({ question: 'events', with: { limit: 50 } })).filter(({ what }) => what === 'purgeRun').length;
    return { store, keeping, runs };
  };

  test('at once where it was never done, then every day at the hour of the production', async (t) => {
    // 20:00 in Denver, which has winter time.
    const clock = { at: Date.parse('2026-01-10T03:00:00Z') };
    const { keeping, runs } = await rig(t, clock);
    await keeping.start();
    await keeping.idle();
    assert.equal(await runs(), 1);
    assert.equal(new Date(keeping.next).toISOString(), '2026-01-10T10:30:00.000Z');
    clock.at = keeping.next - 1;
    keeping.look();
    await keeping.idle();
    assert.equal(await runs(), 1);
    clock.at = keeping.next;
    keeping.look();
    keeping.look();
    await keeping.idle();
    assert.equal(await runs(), 2);
    assert.equal(new Date(keeping.next).toISOString(), '2026-01-11T10:30:00.000Z');
  });

  test('the hour stays when clocks go forward', async (t) => {
    const clock = { at: Date.parse('2026-03-07T10:30:00Z') };
    const { keeping, store } = await rig(t, clock);
    await store.notePurge({ who: 'engine', at: clock.at - 1, bodies: 0, ledger: 0, messages: 0, bytes: 0 });
    await keeping.start();
    await keeping.idle();
    assert.equal(new Date(keeping.next).toISOString(), '2026-03-08T09:30:00.000Z');
  });

  test('at a start only where the last run was more than a day ago', async (t) => {
    const clock = { at: Date.parse('2026-01-10T03:00:00Z') };
    const { keeping, store, runs } = await rig(t, clock);
    const run = { who: 'engine', bodies: 0, ledger: 0, messages: 0, bytes: 0 };
    await store.notePurge({ ...run, at: clock.at - 23 * HOUR });
    await store.notePurge({ ...run, at: clock.at, route: 'doses' });
    await keeping.start();
    await keeping.idle();
    assert.equal(await runs(), 2);
    await keeping.stop();
    clock.at += 2 * HOUR;
    const again = keepingOn('', store, clock);
    t.after(() => again.stop());
    await again.start();
    await again.idle();
    assert.equal(await runs(), 3);
  });

  test('without keep nothing is purged, and what an earlier production said no longer counts', async (t) => {
    const folder = dataFolder(t);
    await fill(folder, { 1: 1000 });
    const store = await storeOf(t, folder);
    await store.setRetention({ rows: retentionOf(KEEP) });
    const none = keepingOn(folder, store, { at: Date.now() }, 'none');
    t.after(() => none.stop());
    await none.start();
    await none.idle();
    assert.deepEqual(filesOf(folder, 1), [true, true]);
    assert.equal((await none.purge({ who: 'ana' })).bodies, 0);
    assert.deepEqual(await store.ask({ question: 'retention', with: {} }), []);
  });

  test('not while the engine stops; what failed is tried again', async (t) => {
    const clock = { at: Date.parse('2026-01-10T03:00:00Z') };
    const { keeping, store, runs } = await rig(t, clock);
    await keeping.start();
    await keeping.idle();
    const waits: unknown[] = [];
    t.after(onEvent(({ name, fields }) => name === 'purgeWaits' && waits.push(fields.code)));
    const { beginPurge } = store;
    store.beginPurge = () => Promise.reject(Object.assign(new Error('full'), { code: 'STORE_FULL' }));
    clock.at = keeping.next;
    keeping.look();
    await until('it failed', () => waits.length === 1);
    assert.deepEqual(waits, ['STORE_FULL']);
    store.beginPurge = beginPurge;
    await until('it is due again', () => keeping.next <= clock.at);
    keeping.look();
    await keeping.idle();
    assert.equal(await runs(), 2);
    await keeping.stop();
    clock.at += 2 * DAY;
    keeping.look();
    await keeping.idle();
    assert.equal(await runs(), 2);
  });
});

describe('killed in the middle', () => {
  const child = fileURLToPath(new URL('./keeping-child.ts', import.meta.url));
  const plug = new URL('../store/plug.ts', import.meta.url).href;
  const run = async (t: TestContext, folder: string, pullAt: string) => {
    const env = { ...process.env, PULL_AT: pullAt };
    const started = spawn(process.execPath, ['--import', plug, child, folder], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => started.kill('SIGKILL'));
    const [, signal] = await once(started, 'close');
    return String(signal);
  };

  for (const label of ['purge.begun', 'purge.sliced', 'purge.filesGone', 'purge.ended']) {
    test(`at ${label}: it goes on at the next start, and nothing is told twice`, async (t) => {
      const folder = dataFolder(t);
      await fill(folder, { 1: 70, 2: 70 }, 8);
      assert.equal(await run(t, folder, label), 'SIGKILL');
      const ledger = openLedger(ledgerOf(folder));
      const [half] = ledger.ask('verify', { after: 0 }).submissions;
      assert.equal(half?.purged, 'bodies');
      assert.deepEqual(half.entries[0]?.mismatches, []);
      const row = ledger.ask('submission', { submission: 1 });
      assert.ok(row?.bodiesPurgedAt !== undefined);
      ledger.close();
      if (label === 'purge.begun') rmSync(join(folder, 'bodies', '1.body'));
      assert.equal(await run(t, folder, ''), 'null');
      const after = openLedger(ledgerOf(folder));
      t.after(() => after.close());
      assert.deepEqual(after.ask('openPurges', {}), []);
      for (const submission of [1, 2]) {
        assert.deepEqual(filesOf(folder, submission), [false, false]);
        const events = after.ask('events', { submission, limit: 50 }).filter(({ what }) => what === 'purged');
        assert.deepEqual(
          events.map(({ detail }) => detail.what),
          ['bodies', 'ledger'],
        );
        assert.deepEqual(
          after.ask('counters', { submission }).map(({ state, count }) => [state, count]),
          [['delivered', 8000]],
        );
      }
    });
  }
});

test('deliveries go on between the slices', async (t) => {
  const folder = dataFolder(t);
  await fill(folder, { 1: 70, 2: 70 }, 30);
  const store = await storeOf(t, folder);
  await store.setRetention({ rows: retentionOf(KEEP) });
  const keeping = keepingOn(folder, store, { at: Date.now() });
  t.after(() => keeping.stop());
  let purging = true;
  const purged = keeping.purge({ who: 'ana' }).finally(() => {
    purging = false;
  });
  let delivered = 0;
  for (let number = 10; purging; number += 1) {
    await routed(store, number, [{ items: 10 }]);
    await deliver(store);
    if (purging) delivered += 1;
  }
  const { bodies, ledger, messages } = await purged;
  assert.deepEqual([bodies, ledger, messages], [2, 2, 60_000]);
  assert.ok(delivered >= 5, `${delivered} submissions were delivered meanwhile`);
});

test('whoever reads rejected rows while they are purged is told, not left short', async (t) => {
  const folder = dataFolder(t);
  const faults = [{ code: 'X', column: 'a', line: 2, reason: 'no' }];
  const rejects = packRejects([{ item: 1, line: 2, fields: ['1'], faults }]);
  await fill(folder, { 1: 70 }, 12, 10, rejects);
  const store = await storeOf(t, folder);
  await store.setRetention({ rows: retentionOf(KEEP) });
  const read: string[] = [];
  const reading = async () => {
    for await (const { waybillId } of rejectedItems(store, '7kq2', 1)) {
      // Eight blocks are read at once: the ninth is asked for after the purge began.
      if (read.length === 0) await store.beginPurge({ what: 'bodies', after: undefined, who: 'ana', at: Date.now() });
      if (read.length === 1) assert.equal((await store.purgeSlice()).emptied, true);
      read.push(waybillId);
    }
  };
  await assert.rejects(reading(), { code: 'REJECTED_PURGED' });
  assert.equal(read.length, 8);
});
