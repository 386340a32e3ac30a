import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Operation } from '../../engine/contracts/operation.ts';
import { ConfigError, PermanentError, TransientError, UncertainError } from '../../engine/errors.ts';
import { accept, scan } from '../store/support.ts';
import { until } from '../support/redis.ts';
import { lane, untilStates } from './sending-support.ts';
import {
  acceptAll,
  acknowledge,
  blockOf,
  DESTINATION,
  fakeOperation,
  HOLD,
  LINES,
  ledger,
  recordEvents,
  routed,
  states,
} from './support.ts';

const FIVE = ['a', 'b', 'c', 'd', 'e'];
const sent = (operation: ReturnType<typeof fakeOperation>) => operation.calls.map(({ messages }) => messages.join(''));

describe('a lane', () => {
  test('sends batch after batch in order and tells of settled submissions once', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    await routed(store, 2, ['f', '', 'g']);
    const operation = fakeOperation(acceptAll);
    const settled: number[] = [];
    lane(t, store, operation, { settled: (submissions) => settled.push(...submissions) }).wake();
    await untilStates(store, { delivered: 5 });
    await untilStates(store, { delivered: 2, filtered: 1 }, 2);
    assert.deepEqual(sent(operation), ['ab', 'cd', 'e', 'fg']);
    assert.deepEqual(settled, [1, 2]);
  });

  test('gives the operation exactly the bytes that it promises', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['ä', 'b']);
    const operation = fakeOperation(acceptAll);
    lane(t, store, operation).wake();
    await untilStates(store, { delivered: 2 });
    const { delivery } = operation.calls[0] ?? assert.fail('no call');
    const bytes = Buffer.concat([...delivery.body()]);
    assert.deepEqual([delivery.byteLength, delivery.messages, delivery.attempt], [bytes.length, 2, 1]);
    assert.deepEqual(Buffer.concat([...delivery.body()]), bytes, 'the same at each call');
  });

  test("without a format the message goes as it is, and the answer is read by the operation's own format", async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['a', 'b']);
    const operation = fakeOperation(acceptAll);
    const batch = { ...DESTINATION.batch, maxMessages: 1 };
    lane(t, store, operation, { format: undefined, answers: LINES, destination: { batch } }).wake();
    await untilStates(store, { delivered: 2 });
    assert.deepEqual(
      operation.calls.map(({ delivery }) => Buffer.concat([...delivery.body()]).toString()),
      ['a', 'b'],
    );
  });

  test('tries the same batch again, byte for byte, before anything that comes after it', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    const events = recordEvents(t);
    const away = new TransientError('X_AWAY', 'Away.');
    const operation = fakeOperation((messages, call) => (call <= 3 ? away : acceptAll(messages)));
    lane(t, store, operation).wake();
    await untilStates(store, { delivered: 5 });
    assert.deepEqual(sent(operation), ['ab', 'ab', 'ab', 'ab', 'cd', 'e']);
    const first = operation.calls.slice(0, 4).map(({ delivery }) => [delivery.batchId, delivery.attempt]);
    assert.deepEqual(first, [
      ['aaaa-B1', 1],
      ['aaaa-B1', 2],
      ['aaaa-B1', 3],
      ['aaaa-B1', 4],
    ]);
    assert.equal(events.named('batchRetried').length, 3);
    assert.equal(events.named('batchAnswered').length, 6);
  });

  test('waits until a retry is due by its clock, however often it is woken', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['a']);
    let now = 1_000_000;
    const due: number[] = [];
    const operation = fakeOperation((messages, call) =>
      call === 1 ? new TransientError('X', 'x', { retryAfterMs: 60_000 }) : acceptAll(messages),
    );
    const woken = lane(t, store, operation, { clock: { now: () => now }, dueAt: (at) => due.push(at) });
    woken.wake();
    await untilStates(store, { queued: 1 });
    await until('the due time is told', () => due.includes(1_060_000));
    now += 59_999;
    for (let n = 0; n < 5; n += 1) woken.wake();
    await until('it looked again', () => due.length >= 2);
    assert.equal(operation.calls.length, 1);
    now += 1;
    woken.wake();
    await untilStates(store, { delivered: 1 });
  });

  test('woken twice, or while it works, sends nothing twice; woken late, sends what came meanwhile', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    const operation = fakeOperation(acceptAll);
    const woken = lane(t, store, operation);
    for (let n = 0; n < 10; n += 1) woken.wake();
    await until('the first call', () => operation.calls.length > 0);
    woken.wake();
    await untilStates(store, { delivered: 5 });
    await routed(store, 2, ['f']);
    woken.wake();
    await untilStates(store, { delivered: 1 }, 2);
    assert.deepEqual(sent(operation), ['ab', 'cd', 'e', 'f']);
  });

  test('waits for the age of a batch by its clock', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['a']);
    const operation = fakeOperation(acceptAll);
    const batch = { ...DESTINATION.batch, maxAge: 20, mixSubmissions: true };
    lane(t, store, operation, { destination: { batch } }).wake();
    await untilStates(store, { delivered: 1 });
  });

  test('a submission that is still routed is not overtaken', async (t) => {
    const store = await ledger(t);
    await accept(store, 1);
    await scan(store, 1, 4);
    await store.beginRouting({ submission: 1 });
    await store.commitBlock(blockOf(1, ['a', 'b']));
    const operation = fakeOperation(acceptAll);
    const woken = lane(t, store, operation);
    woken.wake();
    await untilStates(store, { delivered: 2 });
    await store.commitBlock(blockOf(1, ['c', 'd'], { block: 1, items: 2 }));
    await store.endRouting({ submission: 1, at: 5 });
    woken.wake();
    await untilStates(store, { delivered: 4 });
    assert.deepEqual(sent(operation), ['ab', 'cd']);
  });
});

describe('what an answer brings about', () => {
  test('rejected, in doubt and delivered in one batch; the lane is held; each thing is told once', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    const events = recordEvents(t);
    const operation = fakeOperation(() => acknowledge('a AE'));
    lane(t, store, operation).wake();
    await untilStates(store, { rejected: 1, inDoubt: 1, queued: 3 });
    await until('it is told', () => events.named('batchInDoubt').length > 0);
    assert.equal(operation.calls.length, 1);
    assert.equal(events.named('messagesRejected')[0]?.messages, 1);
    assert.equal(events.named('batchInDoubt')[0]?.messages, 1);
    assert.equal(events.named('batchAnswered').length, 1);
  });

  test('an answer that cannot be read holds the lane; a person resolves, and it goes on', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    const operation = fakeOperation((messages, call) => (call === 1 ? acknowledge('garbage') : acceptAll(messages)));
    const woken = lane(t, store, operation);
    woken.wake();
    await untilStates(store, { inDoubt: 2, queued: 3 });
    woken.wake();
    await store.resolve({ batch: 1, to: 'delivered', reason: 'the receiver has it', who: 'someone', at: 9 });
    woken.wake();
    await untilStates(store, { delivered: 5 });
    assert.deepEqual(sent(operation), ['ab', 'cd', 'e']);
  });

  test('failed for good: the lane goes on with the next', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    const events = recordEvents(t);
    const operation = fakeOperation((messages, call) =>
      call === 1 ? new PermanentError('X', 'x') : acceptAll(messages),
    );
    lane(t, store, operation).wake();
    await untilStates(store, { failed: 2, delivered: 3 });
    assert.equal(events.named('batchFailed')[0]?.messages, 2);
  });

  test('with `resend` a batch in doubt is sent again as itself, after the wait of a retry', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    const events = recordEvents(t);
    let now = 1_000_000;
    const operation = fakeOperation((messages, call) =>
      call <= 2 ? new UncertainError('X', 'x') : acceptAll(messages),
    );
    const retry = { ...DESTINATION.retry, first: 60_000, ceiling: 600_000 };
    const woken = lane(t, store, operation, {
      destination: { inDoubt: { ...HOLD, policy: 'resend' }, retry },
      clock: { now: () => now },
    });
    const isAskedAgainAt = async (at: number) => {
      const { destinations } = await store.ask({ question: 'status', with: {} });
      return destinations[0]?.inDoubt[0]?.askAt === at;
    };
    woken.wake();
    await until('the resend is due', () => isAskedAgainAt(1_060_000));
    for (let n = 0; n < 5; n += 1) woken.wake();
    now += 60_000;
    woken.wake();
    await until('the second wait is longer', () => isAskedAgainAt(1_180_000));
    assert.equal(operation.calls.length, 2, 'one call for each wait');
    now += 120_000;
    woken.wake();
    await untilStates(store, { delivered: 5 });
    assert.deepEqual(sent(operation), ['ab', 'ab', 'ab', 'cd', 'e']);
    assert.equal(operation.calls[2]?.delivery.batchId, 'aaaa-B1');
    assert.equal(operation.calls[2]?.delivery.attempt, 3);
    assert.deepEqual([events.named('batchResent').length, events.named('batchInDoubt').length], [2, 0]);
  });
});

describe('a destination that stops', () => {
  test('sends nothing until it is resumed, then opens with fresh settings and sends the same batch first', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    const events = recordEvents(t);
    const [old, fresh] = [fakeOperation(() => new ConfigError('X_AUTH', 'Bad password.')), fakeOperation(acceptAll)];
    const opened: Operation[] = [];
    const open = async () => {
      const operation = opened.length === 0 ? old : fresh;
      opened.push(operation);
      return operation;
    };
    const woken = lane(t, store, old, { open });
    woken.wake();
    await until('it is told', () => events.named('destinationStopped').length === 1);
    woken.wake();
    await untilStates(store, { queued: 5 });
    assert.equal(old.calls.length, 1);
    woken.reopen();
    await store.resumeDestination({ destination: 'registry', at: 9, who: 'someone', why: 'mended' });
    woken.wake();
    await untilStates(store, { delivered: 5 });
    assert.deepEqual(sent(fresh), ['ab', 'cd', 'e']);
    assert.equal(fresh.calls[0]?.delivery.attempt, 2);
    await until('the old one is closed', () => old.closed === 1);
    assert.equal(events.named('batchRetried').length, 0);
  });

  test('an operation that cannot be opened stops it; nothing is in doubt', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['a']);
    const open = async () => {
      throw new Error('no such file');
    };
    lane(t, store, fakeOperation(), { open }).wake();
    await untilStates(store, { queued: 1 });
    await until('it is stopped', async () => {
      const { destinations } = await store.ask({ question: 'status', with: {} });
      return destinations[0]?.stop?.code === 'DESTINATION_NOT_OPENED';
    });
  });

  test('a batch that cannot be written stops it; nothing is in doubt, since nothing was sent', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['a']);
    const operation = fakeOperation(acceptAll);
    const format = {
      ...LINES,
      overhead: () => {
        throw new Error('no such charset');
      },
    };
    lane(t, store, operation, { format }).wake();
    await until('it is stopped', async () => {
      const { destinations } = await store.ask({ question: 'status', with: {} });
      return destinations[0]?.stop?.code === 'BATCH_NOT_WRITTEN';
    });
    await untilStates(store, { queued: 1 });
    assert.equal(operation.calls.length, 0);
  });

  test('resumed while a call is in flight, the call keeps its connection', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['a', 'b', 'c']);
    const [old, fresh] = [fakeOperation(), fakeOperation(acceptAll)];
    let next = old;
    const woken = lane(t, store, old, { open: async () => next });
    woken.wake();
    await until('the call is in flight', () => old.calls.length === 1);
    next = fresh;
    woken.reopen();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(old.closed, 0);
    old.calls[0]?.answer(acceptAll(['a', 'b']));
    await untilStates(store, { delivered: 3 });
    assert.deepEqual(sent(fresh), ['c']);
    await until('the old one is closed', () => old.closed === 1);
  });
});

describe('stop', () => {
  test('finishes the call in flight, stores its answer, sends nothing more', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    const operation = fakeOperation();
    const stopped = lane(t, store, operation);
    stopped.wake();
    await until('the call is in flight', () => operation.calls.length === 1);
    let ended = false;
    const stopping = stopped.stop().then(() => {
      ended = true;
    });
    stopped.wake();
    await store.facts();
    assert.equal(ended, false);
    operation.calls[0]?.answer(acceptAll(['a', 'b']));
    await stopping;
    assert.deepEqual(await states(store, 1), { delivered: 2, queued: 3 });
    assert.deepEqual([operation.calls.length, operation.closed], [1, 1]);
    stopped.wake();
    await store.facts();
    assert.equal(operation.calls.length, 1);
  });

  test('the next run goes on with the batch that was planned ahead', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    const [first, second] = [fakeOperation(), fakeOperation(acceptAll)];
    const stopped = lane(t, store, first);
    stopped.wake();
    await until('the call is in flight', () => first.calls.length === 1);
    const stopping = stopped.stop();
    first.calls[0]?.answer(acceptAll(['a', 'b']));
    await stopping;
    lane(t, store, second, { run: 'next-run' }).wake();
    await untilStates(store, { delivered: 5 });
    assert.deepEqual(sent(second), ['cd', 'e']);
  });
});
