/** What becomes of calls and answers while the ledger cannot take them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../support/redis.ts';
import { lane, untilStates } from './sending-support.ts';
import { acceptAll, FULL, failing, fakeOperation, ledger, RUN, recordEvents, routed } from './support.ts';

const STALE = Object.assign(new Error('It moved.'), { code: 'STORE_STALE' });

const FIVE = ['a', 'b', 'c', 'd', 'e'];
const sent = (operation: ReturnType<typeof fakeOperation>) => operation.calls.map(({ messages }) => messages.join(''));

describe('a ledger that fails', () => {
  test('an answer that cannot be stored: registered, nothing sent, the sweep leaves it alone; then it is stored', async (t) => {
    const real = await ledger(t);
    await routed(real, 1, FIVE);
    const events = recordEvents(t);
    const { store, fail } = failing(real);
    const operation = fakeOperation(acceptAll);
    const woken = lane(t, store, operation);
    fail('answer', FULL);
    woken.wake();
    await until('it failed twice', () => events.named('answerNotStored').length >= 2);
    assert.deepEqual((await woken.registered())[0], { batch: 1, attempt: 1 });
    assert.equal(operation.calls.length, 1);
    assert.deepEqual(await real.recover({ run: RUN, registered: await woken.registered(), at: 9 }), []);
    fail('answer', undefined);
    await untilStates(real, { delivered: 5 });
    assert.deepEqual(sent(operation), ['ab', 'cd', 'e']);
    assert.deepEqual(await woken.registered(), []);
  });

  test('an answer that the ledger does not take any more is dropped, and the lane looks again', async (t) => {
    const store = await ledger(t);
    await routed(store, 1, FIVE);
    const operation = fakeOperation();
    const woken = lane(t, store, operation);
    woken.wake();
    await until('the call is in flight', () => operation.calls.length === 1);
    const [lost] = await store.recover({ run: 'another-run', registered: [], at: 9 });
    assert.equal(lost?.batch, 1);
    operation.calls[0]?.answer(acceptAll(['a', 'b']));
    await until('it is dropped', async () => (await woken.registered()).length === 0);
    await untilStates(store, { inDoubt: 2, queued: 3 });
    assert.equal(operation.calls.length, 1);
  });

  test('a *sending* that cannot be committed: nothing is sent, and it is not tried without a pause', async (t) => {
    const real = await ledger(t);
    await routed(real, 1, FIVE);
    const events = recordEvents(t);
    const { store, fail, calls } = failing(real);
    const operation = fakeOperation(acceptAll);
    const due: number[] = [];
    const woken = lane(t, store, operation, { dueAt: (at) => due.push(at) });
    fail('beginSending', FULL);
    woken.wake();
    await until('it waits', () => due.length > 0);
    for (let turn = 0; turn < 20; turn += 1) await real.facts();
    assert.equal(calls.beginSending, 1);
    assert.equal(operation.calls.length, 0);
    assert.deepEqual(await woken.registered(), []);
    assert.deepEqual(
      events.named('laneWaits').map(({ code }) => code),
      ['STORE_FULL'],
    );
    fail('beginSending', undefined);
    woken.wake();
    await untilStates(real, { delivered: 5 });
    assert.deepEqual(sent(operation), ['ab', 'cd', 'e']);
  });

  test('a plan that came too late is made again soon, and nobody is called', async (t) => {
    const real = await ledger(t);
    await routed(real, 1, FIVE);
    const events = recordEvents(t);
    const { store, fail, calls } = failing(real);
    const operation = fakeOperation(acceptAll);
    fail('plan', STALE);
    lane(t, store, operation).wake();
    await until('it was planned', () => calls.plan === 1);
    fail('plan', undefined);
    await untilStates(real, { delivered: 5 });
    assert.equal(events.named('laneWaits').length, 0);
  });

  test('the next *sending* is never in the ledger without the answer before it', async (t) => {
    const real = await ledger(t);
    await routed(real, 1, FIVE);
    const { store, fail, calls } = failing(real);
    const operation = fakeOperation((messages, call) => {
      if (call === 1) fail('answer', FULL);
      return acceptAll(messages);
    });
    lane(t, store, operation).wake();
    await until('the next was asked for', () => (calls.beginSending ?? 0) >= 2);
    const batches = await Promise.all([1, 2].map((batch) => real.ask({ question: 'batch', with: { batch } })));
    assert.deepEqual(
      batches.map((batch) => batch?.state),
      ['sending', 'planned'],
    );
    fail('answer', undefined);
    await untilStates(real, { delivered: 5 });
    assert.deepEqual(sent(operation), ['ab', 'cd', 'e']);
  });
});
