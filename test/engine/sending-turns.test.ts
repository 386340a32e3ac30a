/** Interleavings of lanes, doubt and pace in which something once waited for ever, went twice, or went out of turn. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProbeAnswer } from '../../engine/contracts/operation.ts';
import type { LaneRequest, Store } from '../../engine/contracts/store.ts';
import { TransientError, UncertainError } from '../../engine/errors.ts';
import { Sending } from '../../engine/sending.ts';
import { accept, scan } from '../store/support.ts';
import { until } from '../support/until.ts';
import { letters, routedByKey, sendingContext, sendingTo, sent, untilStates } from './sending-support.ts';
import {
  acceptAll,
  acknowledge,
  blockOf,
  DESTINATION,
  FULL,
  failing,
  fakeOperation,
  HOLD,
  ledger,
  recordEvents,
  routed,
  states,
} from './support.ts';

const NONE = { order: { kind: 'none' }, maxInFlight: 3 } as const;
const LONG = { ...DESTINATION.retry, first: 3_600_000, ceiling: 3_600_000 };

describe('without an order', () => {
  test('a batch that waits for its retry holds back none of many others, and goes at its time', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, letters(40));
    let now = 1_000_000;
    const operation = fakeOperation((messages) =>
      messages.includes('m1') && now === 1_000_000 ? new TransientError('X', 'x') : acceptAll(messages),
    );
    const clock = { now: () => now };
    const sending = await sendingTo(t, store, operation, { clock, destination: { ...NONE, retry: LONG } });
    sending.wake();
    await untilStates(store, { queued: 2, delivered: 38 });
    now += 3_600_000;
    sending.wake();
    await untilStates(store, { delivered: 40 });
  });

  test('left-overs of a batch that is still in doubt do not wait for its decision', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['m1', 'm2']);
    const operation = fakeOperation((messages, call) => (call === 1 ? acknowledge('m1 AE') : acceptAll(messages)));
    const sending = await sendingTo(t, store, operation, { destination: NONE });
    sending.wake();
    await untilStates(store, { rejected: 1, inDoubt: 1 });
    sending.look(Date.now(), []);
    await until('the doubt is laid by', async () => {
      const { destinations } = await store.ask({ question: 'status', with: {} });
      return (destinations[0]?.inDoubt[0]?.askAt ?? 0) > Date.now();
    });
    const group = { state: 'rejected', batch: undefined, whole: false, ranges: [1, 1], count: 1 } as const;
    const { act } = await store.recordAct({
      verb: 'resend',
      goal: 'queued',
      event: 'resent',
      filter: 'message=m1',
      who: 'test',
      reason: 'mended',
      at: 1,
      count: 1,
      parts: [{ groups: [group], count: 1 }],
    });
    while (!(await store.continueAct({ act, at: 2 })).finished);
    sending.wake();
    await untilStates(store, { delivered: 1, inDoubt: 1 });
  });
});

describe('lanes', () => {
  test('something that comes into a lane of an earlier order is sent, and holds nothing up for ever', async (t) => {
    const store = await ledger(t);
    const operation = fakeOperation(acceptAll);
    const sending = await sendingTo(t, store, operation);
    await routedByKey(store, 1, '5:a 5:b');
    await routed(store, 2, ['c']);
    const { lanes } = await store.due({ now: 1 });
    assert.deepEqual(
      lanes.map(({ lane }) => lane),
      [0, 5],
    );
    await until('all is delivered', async () => {
      sending.look(Date.now(), [0, 5]);
      sending.wake();
      return (await states(store, 2)).delivered === 1;
    });
    assert.deepEqual(sent(operation), ['a b', 'c']);
  });

  test('a submission whose lanes changed half-way keeps its order, either way', async (t) => {
    for (const first of ['strict', 'key'] as const) {
      const store = await ledger(t);
      await accept(store, 1);
      await scan(store, 1, 4);
      await store.beginRouting({ submission: 1 });
      const [early, late] = [blockOf(1, ['v1', 'v2']), blockOf(1, ['v3', 'v4'], { block: 1, items: 2 })];
      const inLane = (block: typeof early) => ({
        ...block,
        bodies: block.bodies.map((body) => ({ ...body, lane: 5, items: [0, 1] })),
      });
      await store.commitBlock(first === 'strict' ? early : inLane(early));
      await store.commitBlock(first === 'strict' ? inLane(late) : late);
      await store.endRouting({ submission: 1, at: 1 });
      const operation = fakeOperation(acceptAll);
      const order = first === 'strict' ? ({ kind: 'key', paths: ['k'] } as const) : ({ kind: 'strict' } as const);
      const sending = await sendingTo(t, store, operation, { destination: { order, maxInFlight: 4 } });
      await until('all is delivered', async () => {
        sending.wake();
        return (await states(store, 1)).delivered === 4;
      });
      assert.deepEqual(sent(operation), ['v1 v2', 'v3 v4'], `${first} first`);
    }
  });

  test('a lane that waits for a call has its turn before one that has just had one', async (t) => {
    const store = await ledger(t);
    const busy = Array.from({ length: 20 }, (_, n) => `1:a${n} 2:b${n}`).join(' ');
    await routedByKey(store, 1, `${busy} 3:c`);
    const operation = fakeOperation(acceptAll);
    const batch = { ...DESTINATION.batch, maxMessages: 1 };
    const destination = { order: { kind: 'key', paths: ['k'] }, maxInFlight: 1, batch } as const;
    (await sendingTo(t, store, operation, { destination })).wake();
    await untilStates(store, { delivered: 41 });
    assert.ok(sent(operation).indexOf('c') < 10, `the single one was number ${sent(operation).indexOf('c') + 1}`);
  });
});

test('a call that ends wakes only the lane whose turn it is', async (t) => {
  const store = await ledger(t);
  const lanes = 16;
  const items = Array.from({ length: lanes * 4 }, (_, n) => `${(n % lanes) + 1}:m${n}`);
  await routedByKey(store, 1, items.join(' '));
  let reads = 0;
  const counted: Store = Object.assign(Object.create(store), {
    nextWork: (request: LaneRequest) => {
      reads += 1;
      return store.nextWork(request);
    },
  });
  const batch = { ...DESTINATION.batch, maxMessages: 1 };
  const destination = { order: { kind: 'key', paths: ['k'] }, maxInFlight: 1, batch } as const;
  (await sendingTo(t, counted, fakeOperation(acceptAll), { destination })).wake();
  await untilStates(store, { delivered: items.length });
  assert.ok(reads <= items.length * 2, `${items.length} calls read what to send ${reads} times`);
});

describe('doubt', () => {
  const probe = { ...HOLD, policy: 'probe', every: 1 } as const;

  test('that comes again after a question is asked about again, at its pace', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['m1', 'm2']);
    const operation = fakeOperation((messages, call) =>
      call <= 2 ? new UncertainError('X', 'x') : acceptAll(messages),
    );
    let asked = 0;
    operation.probe = async ({ ids }): Promise<ProbeAnswer> => {
      asked += 1;
      const outcomes = ids.map((_, index) => ({ index, outcome: 'queued' as const, code: 'NOT_THERE', words: '' }));
      return { kind: 'outcomes', outcomes, raw: Buffer.from('') };
    };
    (await sendingTo(t, store, operation, { destination: { inDoubt: probe } })).wake();
    await untilStates(store, { delivered: 2 });
    assert.equal(asked, 2);
  });

  test('is decided after its deadline also where that could not be stored at first', async (t) => {
    const real = await ledger(t);
    await routed(real, 1, ['m1', 'm2']);
    const fake = failing(real);
    fake.fail('resolve', FULL);
    const operation = fakeOperation(() => new UncertainError('X', 'x'));
    const inDoubt = { ...HOLD, deadline: 1, afterDeadline: 'fail' } as const;
    const sending = await sendingTo(t, fake.store, operation, { destination: { inDoubt } });
    sending.wake();
    await until('the decision could not be stored', () => (fake.calls.resolve ?? 0) > 0);
    fake.fail('resolve', undefined);
    await until('it is decided', async () => {
      sending.look(Date.now(), []);
      return (await states(real, 1)).failed === 2;
    });
  });

  test('about one attempt is not decided by what was said of an earlier one', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['m1', 'm2']);
    const operation = fakeOperation(() => new UncertainError('X', 'x'));
    const sending = await sendingTo(t, store, operation);
    sending.wake();
    await untilStates(store, { inDoubt: 2 });
    await store.resolve({ batch: 1, to: 'queued', reason: 'asked', who: 'ana', at: 1 });
    sending.wake();
    await until('the second attempt is in doubt', async () => {
      const { due } = await store.doubts({ destination: 'registry', now: Number.MAX_SAFE_INTEGER });
      return due[0]?.attempts === 2;
    });
    const late = { batch: 1, attempt: 1, at: 2, who: 'probe', code: 'NOT_THERE', words: '', askAt: 0 } as const;
    const decided = store.decideDoubt({ ...late, rest: 'queued', exceptions: [], answer: undefined });
    await assert.rejects(decided, { code: 'STORE_STALE' });
    await untilStates(store, { inDoubt: 2 });
  });

  test('a message that the receiver does not have yet is asked about once more before it is sent again', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['m1', 'm2', 'm3']);
    let now = 1_000_000;
    let asked = 0;
    const operation = fakeOperation((messages, call) =>
      call === 1 ? new UncertainError('X', 'x') : acceptAll(messages),
    );
    operation.probe = async ({ ids }) => {
      asked += 1;
      const there = asked > 1 ? ids : ids.slice(0, 1);
      const outcomes = ids.map((id, index) =>
        there.includes(id)
          ? ({ index, outcome: 'delivered', code: 'AA', words: '' } as const)
          : ({ index, outcome: 'queued', code: 'NOT_THERE', words: '' } as const),
      );
      return { kind: 'outcomes', outcomes, raw: Buffer.from('') };
    };
    const clock = { now: () => now };
    const batch = { ...DESTINATION.batch, maxMessages: 3 };
    const inDoubt = { ...HOLD, policy: 'probe', every: 60_000 } as const;
    const sending = await sendingTo(t, store, operation, { clock, destination: { inDoubt, batch } });
    sending.wake();
    await untilStates(store, { inDoubt: 3 });
    now += 10_000;
    sending.look(now, []);
    await untilStates(store, { delivered: 1, inDoubt: 2 });
    now += 60_000;
    sending.look(now, []);
    await untilStates(store, { delivered: 3 });
    assert.deepEqual([asked, operation.calls.length], [2, 1], 'the receiver took them after it was asked first');
  });

  test('is not resent more often than the destination tries; then it waits for a person', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['m1', 'm2']);
    const events = recordEvents(t);
    const operation = fakeOperation(() => new UncertainError('X', 'x'));
    const retry = { ...DESTINATION.retry, first: 1, ceiling: 1, maxAttempts: 3 };
    const inDoubt = { ...HOLD, policy: 'resend' } as const;
    (await sendingTo(t, store, operation, { destination: { inDoubt, retry } })).wake();
    await until('it is told', () => events.named('doubtOverdue').length === 1);
    await untilStates(store, { inDoubt: 2 });
    assert.equal(operation.calls.length, 3);
  });

  test('is not asked about in a maintenance window', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['m1', 'm2']);
    let now = 59 * 60_000;
    let asked = 0;
    const operation = fakeOperation(() => new UncertainError('X', 'x'));
    operation.probe = async () => {
      asked += 1;
      return { kind: 'notYet', words: '' };
    };
    const window = { days: [0, 1, 2, 3, 4, 5, 6], from: 60, to: 120, timeZone: 'UTC' };
    const due: number[] = [];
    const sending = await sendingTo(t, store, operation, {
      clock: { now: () => now },
      dueAt: (at) => due.push(at),
      destination: { inDoubt: { ...probe, every: 120_000 }, maintenance: [window] },
    });
    sending.wake();
    await untilStates(store, { inDoubt: 2 });
    now = 61 * 60_000;
    sending.look(now, []);
    await until('it waits for the end of the window', () => due.includes(120 * 60_000));
    assert.equal(asked, 0);
  });
});

describe('what is given up meanwhile', () => {
  test('a submission that is cancelled while a call of it is in flight does not go again', async (t) => {
    const store = await ledger(t);
    await accept(store, 1);
    await scan(store, 1, 4);
    await store.beginRouting({ submission: 1 });
    await store.commitBlock(blockOf(1, ['m1', 'm2']));
    const operation = fakeOperation();
    const sending = await sendingTo(t, store, operation);
    sending.wake();
    await until('a call is in flight', () => operation.calls.length === 1);
    await store.cancelSubmission({ submission: 1, who: 'ana', reason: 'wrong file', at: 1 });
    operation.calls[0]?.fail(new TransientError('BUSY', 'busy'));
    await untilStates(store, { cancelled: 2 });
    sending.wake();
    await store.due({ now: 1 });
    assert.equal(operation.calls.length, 1);
  });
});

test('a connection that is renewed while it is being opened is not closed under the call', async (t) => {
  const store = await ledger(t);
  await routed(store, 1, ['m1']);
  const { promise, resolve } = Promise.withResolvers<void>();
  const old = fakeOperation();
  const made = await Sending.open(
    sendingContext(store, old, {
      open: async () => {
        await promise;
        return old;
      },
    }),
  );
  t.after(() => made.stop());
  made.wake();
  await until('it is being sent', async () => (await states(store, 1)).sending === 1);
  made.reopen();
  resolve();
  await until('the call is in flight', () => old.calls.length === 1);
  assert.equal(old.closed, 0);
  old.calls[0]?.answer(acceptAll(['m1']));
  await untilStates(store, { delivered: 1 });
  await until('the old one is closed', () => old.closed === 1);
});
