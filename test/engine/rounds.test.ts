import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Rounds } from '../../engine/rounds.ts';
import { until } from '../support/until.ts';

/** Rounds of this work, with what other processes are told to be due. */
function rounds(t: TestContext, round: () => Promise<void>, failed: () => number = () => 0) {
  const due: number[] = [];
  const made = new Rounds({ clock: { now: Date.now }, dueAt: (at) => due.push(at) }, { round, failed });
  t.after(() => made.stop());
  return { made, due };
}

test('wake-ups during a round make one more round after it, never one beside it', async (t) => {
  const open: (() => void)[] = [];
  const { made } = rounds(t, () => new Promise((resolve) => open.push(resolve)));
  for (let n = 0; n < 5; n += 1) made.wake();
  assert.equal(open.length, 1);
  for (let n = 0; n < 5; n += 1) made.wake();
  assert.equal(open.length, 1);
  open[0]?.();
  await until('the second round has begun', () => open.length === 2);
  open[1]?.();
  await made.stop();
  assert.equal(open.length, 2);
});

test('of the times asked for the earliest counts, in whichever order they come', async (t) => {
  let done = 0;
  const { made, due } = rounds(t, async () => {
    done += 1;
  });
  const hour = Date.now() + 3_600_000;
  made.wakeAt(hour);
  made.wakeAt(hour + 1000);
  const soon = Date.now() + 20;
  made.wakeAt(soon);
  made.wakeAt(hour);
  await until('the earliest time has come', () => done === 1);
  assert.deepEqual(due, [hour, soon]);
  made.wakeAt(hour);
  assert.deepEqual(due, [hour, soon, hour], 'after it, others count again');
});

test('a round that fails is tried again after its wait, not at once by what woke it meanwhile', async (t) => {
  const begun: number[] = [];
  const { made, due } = rounds(
    t,
    async () => {
      begun.push(Date.now());
      if (begun.length > 1) return;
      made.wake();
      throw new Error('the disk is full');
    },
    () => 50,
  );
  made.wake();
  await until('it is tried again', () => begun.length === 2);
  assert.equal(due.length, 1);
  const [first = 0] = begun;
  assert.ok((due[0] ?? 0) >= first + 50);
});

test('a time beyond the longest timer is not taken for now', async (t) => {
  let done = 0;
  const { made } = rounds(t, async () => {
    done += 1;
  });
  made.wakeAt(Date.now() + 1e12);
  made.wakeAt(Date.now() + 20);
  await until('the other time has come', () => done > 0);
  assert.equal(done, 1);
});

test('stopping waits for the round that runs, and begins no other', async (t) => {
  const open: (() => void)[] = [];
  const { made, due } = rounds(t, () => new Promise((resolve) => open.push(resolve)));
  made.wake();
  made.wake();
  let stopped = false;
  const stopping = made.stop().then(() => {
    stopped = true;
  });
  assert.equal(made.stopping.aborted, true);
  made.wake();
  made.wakeAt(Date.now());
  assert.equal(stopped, false);
  open[0]?.();
  await stopping;
  assert.equal(open.length, 1);
  assert.deepEqual(due, []);
});
