import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProbeAnswer } from '../../engine/contracts/operation.ts';
import { TooLargeError, TransientError, UncertainError } from '../../engine/errors.ts';
import { until } from '../support/until.ts';
import { letters, routedByKey, sendingTo, sent, untilStates } from './sending-support.ts';
import {
  acceptAll,
  acknowledge,
  DESTINATION,
  type FakeOperation,
  fakeOperation,
  HOLD,
  ledger,
  recordEvents,
  routed,
  states,
} from './support.ts';

describe('order none', () => {
  const destination = { order: { kind: 'none' }, maxInFlight: 3 } as const;

  test('has as many calls in flight as may be, each with messages of its own', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, letters(9));
    const operation = fakeOperation();
    const sending = await sendingTo(t, store, operation, { destination });
    sending.wake();
    await until('three calls are in flight', () => operation.calls.length === 3);
    assert.deepEqual(sent(operation).sort(), ['m1 m2', 'm3 m4', 'm5 m6']);
    for (const call of operation.calls) call.answer(acceptAll(call.messages));
    await until('two more calls', () => operation.calls.length === 5);
    for (const call of operation.calls.slice(3)) call.answer(acceptAll(call.messages));
    await untilStates(store, { delivered: 9 });
    assert.deepEqual(sent(operation).join(' ').split(' ').sort(), letters(9));
  });

  test('what is in doubt, or waits for its retry, holds nothing else back', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, letters(6));
    const operation = fakeOperation((messages) => {
      if (messages.includes('m1')) return new UncertainError('X', 'x');
      return messages.includes('m3') ? new TransientError('Y', 'y') : acceptAll(messages);
    });
    const retry = { ...DESTINATION.retry, first: 60_000, ceiling: 60_000 };
    (await sendingTo(t, store, operation, { destination: { ...destination, retry } })).wake();
    await untilStates(store, { inDoubt: 2, queued: 2, delivered: 2 });
  });
});

describe('order by a key', () => {
  const destination = { order: { kind: 'key', paths: ['id'] }, maxInFlight: 2 } as const;

  test('keeps the order in each lane, goes on in others, and never has more calls in flight than may be', async (t) => {
    const store = await ledger(t);
    await routedByKey(store, 1, '1:a1 2:b1 3:c1 1:a2 2:b2 3:c2 1:a3');
    let [inFlight, most] = [0, 0];
    const operation = fakeOperation();
    const send = operation.send.bind(operation);
    operation.send = async (...call) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      return send(...call).finally(() => {
        inFlight -= 1;
      });
    };
    (await sendingTo(t, store, operation, { destination })).wake();
    for (let answered = 0; answered < 4; answered += 1) {
      await until('a call is in flight', () => operation.calls.length > answered);
      const call = operation.calls[answered];
      call?.answer(acceptAll(call.messages));
    }
    await untilStates(store, { delivered: 7 });
    assert.equal(most, 2);
    const byLane = (lane: string) =>
      sent(operation)
        .join(' ')
        .split(' ')
        .filter((text) => text.startsWith(lane));
    assert.deepEqual(
      [byLane('a'), byLane('b'), byLane('c')],
      [
        ['a1', 'a2', 'a3'],
        ['b1', 'b2'],
        ['c1', 'c2'],
      ],
    );
  });

  test('a lane in doubt waits; the others go on', async (t) => {
    const store = await ledger(t);
    await routedByKey(store, 1, '1:a1 2:b1 1:a2 2:b2 1:a3');
    const operation = fakeOperation((messages) =>
      messages.includes('a1') ? new UncertainError('X', 'x') : acceptAll(messages),
    );
    (await sendingTo(t, store, operation, { destination })).wake();
    await untilStates(store, { inDoubt: 2, queued: 1, delivered: 2 });
  });

  test('what waits in one lane from before goes first, whichever way the order was changed', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['old1', 'old2', 'old3']);
    await routedByKey(store, 2, '1:a1 2:b1');
    await routed(store, 3, ['new1']);
    const operation = fakeOperation(acceptAll);
    const sending = await sendingTo(t, store, operation, { destination });
    // A lane that waits for another is woken by the sweep.
    await until('all are delivered', async () => {
      sending.wake();
      return (await states(store, 3)).delivered === 1;
    });
    assert.deepEqual(sent(operation).slice(0, 2), ['old1 old2', 'old3']);
    assert.equal(sent(operation).at(-1), 'new1');
  });
});

describe('mode auto', () => {
  const batch = { ...DESTINATION.batch, mode: 'auto', maxMessages: 100, maxBytes: 100_000 } as const;

  for (const takes of [1, 3, 20]) {
    test(`to a receiver that takes ${takes} at once: all delivered, each once, in order`, async (t) => {
      const store = await ledger(t);
      const events = recordEvents(t);
      const messages = letters(100);
      await routed(store, 1, messages);
      const operation = fakeOperation((given) =>
        given.length > takes ? new TooLargeError('X_LARGE', 'too large') : acceptAll(given),
      );
      (await sendingTo(t, store, operation, { destination: { batch } })).wake();
      await untilStates(store, { delivered: 100 });
      const taken = operation.calls.filter((call) => call.messages.length <= takes);
      assert.deepEqual(
        taken.flatMap((call) => call.messages),
        messages,
      );
      assert.ok(operation.calls.length <= 2 * Math.ceil(100 / takes), `${operation.calls.length} calls`);
      assert.ok(events.named('batchSplit').length > 0);
      const { destinations } = await store.ask({ question: 'status', with: {} });
      assert.equal(destinations[0]?.limit?.worked, takes === 20 ? 19 : destinations[0]?.limit?.worked);
      assert.equal(destinations[0]?.stop, undefined);
    });
  }

  test('the batch that was too large is closed, and what replaces it names it', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, letters(4));
    const operation = fakeOperation((given) => (given.length > 2 ? new TooLargeError('X', 'x') : acceptAll(given)));
    (await sendingTo(t, store, operation, { destination: { batch } })).wake();
    await untilStates(store, { delivered: 4 });
    assert.equal((await store.ask({ question: 'batch', with: { batch: 1 } }))?.state, 'closed');
    assert.equal((await store.ask({ question: 'batch', with: { batch: 2 } }))?.replaces, 1);
  });

  test('a single message that is too large fails alone; the others go on', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, letters(3));
    const operation = fakeOperation((given) => (given.includes('m2') ? new TooLargeError('X', 'x') : acceptAll(given)));
    (await sendingTo(t, store, operation, { destination: { batch } })).wake();
    await untilStates(store, { delivered: 2, failed: 1 });
  });

  test('the size that worked is known after a restart', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, letters(10));
    const takesTwo = () =>
      fakeOperation((given) => (given.length > 2 ? new TooLargeError('X', 'x') : acceptAll(given)));
    const first = takesTwo();
    const sending = await sendingTo(t, store, first, { destination: { batch } });
    sending.wake();
    await untilStates(store, { delivered: 10 });
    await sending.stop();
    await routed(store, 2, letters(4));
    const second = takesTwo();
    (await sendingTo(t, store, second, { destination: { batch } })).wake();
    await untilStates(store, { delivered: 4 }, 2);
    assert.equal(second.calls.length, 2);
  });
});

describe('messages in doubt', () => {
  /** Never answers a call plainly; answers questions as it is told. */
  function doubtful(answers: (ids: readonly string[], asked: number) => ProbeAnswer | Error): FakeOperation {
    let asked = 0;
    const operation = fakeOperation((messages, call) =>
      call === 1 ? new UncertainError('X', 'x') : acceptAll(messages),
    );
    operation.probe = async ({ ids }) => {
      asked += 1;
      const answer = answers(ids, asked);
      if (answer instanceof Error) throw answer;
      return answer;
    };
    return operation;
  }
  const probe = { ...HOLD, policy: 'probe', every: 5 } as const;
  const retry = { ...DESTINATION.retry, first: 1 };

  test('are asked about until the receiver knows, and each is what it says', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, letters(3));
    const events = recordEvents(t);
    const outcomes = [
      { index: 0, outcome: 'delivered', code: 'AA', words: '' },
      { index: 1, outcome: 'queued', code: 'NOT_THERE', words: 'not known' },
    ] as const;
    const operation = doubtful((_ids, asked) => {
      if (asked === 1) return { kind: 'notYet', words: 'busy' };
      if (asked === 2) return new TransientError('Y', 'away');
      return { kind: 'outcomes', outcomes, raw: Buffer.from('') };
    });
    (await sendingTo(t, store, operation, { destination: { inDoubt: probe, retry } })).wake();
    await untilStates(store, { delivered: 3 });
    assert.deepEqual(
      sent(operation),
      ['m1 m2', 'm2', 'm3'].filter((each) => sent(operation).includes(each)),
    );
    assert.deepEqual(sent(operation).slice(0, 2), ['m1 m2', 'm2']);
    assert.deepEqual([events.named('probeFailed').length, events.named('doubtDecided').length], [1, 1]);
    const history = await store.ask({ question: 'events', with: { batch: 1, limit: 10 } });
    assert.equal(history.find(({ what }) => what === 'asked')?.who, 'probe');
  });

  test('with a ticket they are asked about whatever the policy is', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['m1', 'm2']);
    const operation = fakeOperation(() => ({
      kind: 'later',
      ticket: 'T-7',
      words: 'received',
      raw: Buffer.from('T-7'),
      status: 200,
      askAfterMs: 1,
    }));
    const tickets: unknown[] = [];
    operation.probe = async ({ ticket, ids }) => {
      tickets.push(ticket);
      return acknowledge(ids.map((id) => `${id} AA`).join('\n')) as ProbeAnswer;
    };
    (await sendingTo(t, store, operation)).wake();
    await untilStates(store, { delivered: 2 });
    assert.deepEqual(tickets, ['T-7']);
  });

  test('past the deadline they are told as overdue, once, and done with as the destination says', async (t) => {
    for (const [afterDeadline, expected] of [
      ['fail', { failed: 2 }],
      ['resend', { delivered: 2 }],
    ] as const) {
      const store = await ledger(t);
      await routed(store, 1, ['m1', 'm2']);
      const events = recordEvents(t);
      const operation = doubtful(() => ({ kind: 'notYet', words: '' }));
      const inDoubt = { ...HOLD, deadline: 20, afterDeadline } as const;
      (await sendingTo(t, store, operation, { destination: { inDoubt, retry } })).wake();
      await untilStates(store, expected);
      assert.equal(events.named('doubtOverdue').length, 1);
    }
  });

  test('let the lane go on where the destination says so', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, letters(4));
    const operation = doubtful(() => ({ kind: 'notYet', words: '' }));
    (await sendingTo(t, store, operation, { destination: { inDoubt: { ...HOLD, lane: 'goesOn' } } })).wake();
    await untilStates(store, { inDoubt: 2, delivered: 2 });
  });
});

describe('a destination as a whole', () => {
  test('stops calls with the breaker, and goes on when the receiver is back', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, letters(6));
    let away = true;
    const operation = fakeOperation((messages) => (away ? new TransientError('X', 'x') : acceptAll(messages)));
    const destination = {
      order: { kind: 'none' },
      maxInFlight: 3,
      breaker: { failures: 3, pause: 20 },
      retry: { ...DESTINATION.retry, first: 1, ceiling: 1 },
    } as const;
    (await sendingTo(t, store, operation, { destination })).wake();
    await until('the breaker is open', async () => {
      const { destinations } = await store.ask({ question: 'status', with: {} });
      return destinations[0]?.pauses[0]?.kind === 'breaker';
    });
    away = false;
    await untilStates(store, { delivered: 6 });
    await until('the pause is over', async () => {
      const { destinations } = await store.ask({ question: 'status', with: {} });
      return destinations[0]?.pauses.length === 0;
    });
  });

  test('begins nothing in a maintenance window, and goes on at its end', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, ['m1']);
    let now = 60_000;
    const due: number[] = [];
    const operation = fakeOperation(acceptAll);
    const window = { days: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 60, timeZone: 'UTC' };
    const sending = await sendingTo(t, store, operation, {
      clock: { now: () => now },
      dueAt: (at) => due.push(at),
      destination: { maintenance: [window] },
    });
    sending.wake();
    await until('it waits for the end of the window', () => due.includes(3_600_000));
    assert.equal(operation.calls.length, 0);
    now = 3_600_000;
    sending.wake();
    await untilStates(store, { delivered: 1 });
  });
});
