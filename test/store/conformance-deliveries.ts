import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '../../engine/contracts/store.ts';
import {
  answerTo,
  audit,
  counts,
  exception,
  membersOf,
  type OpenStore,
  plan,
  planned,
  RUN,
  routed,
  send,
  stale,
  waitingOf,
  work,
} from './support.ts';

/** A batch of all messages of a fresh submission, in flight. */
async function inFlight(store: Store, items: number): Promise<number> {
  await routed(store, 1, [{ items }]);
  const batch = await plan(store);
  await send(store, batch);
  return batch;
}

const decision = { reason: 'asked the registry', who: 'ana', at: 8000 };

/** Plan, send, answer, doubt: what any back end of the store must do. */
export function deliveryConformance(open: OpenStore): void {
  test('all delivered: done, settled once, told once', async (t) => {
    const { store } = await open(t);
    const batch = await inFlight(store, 3);
    assert.deepEqual(await counts(store, 1), { sending: 3 });
    assert.deepEqual(await store.answer(answerTo(batch)), { batchState: 'done', settled: [1] });
    assert.deepEqual(await counts(store, 1), { delivered: 3 });
    const row = await store.submission({ submission: 1 });
    assert.deepEqual([row?.unsettled, row?.settledAt], [0, 5000]);
    assert.deepEqual(await work(store), { kind: 'idle' });
    assert.deepEqual((await store.due({ now: 1 })).destinations, []);
    const history = await store.ask({ question: 'batch', with: { batch } });
    assert.deepEqual([history?.state, history?.attempts.length, history?.attempts[0]?.status], ['done', 1, 200]);
    assert.equal(Buffer.from(history?.attempts[0]?.answer ?? []).toString(), 'MSA|AA');
    await stale(store, store.answer(answerTo(batch)));
  });

  test('each message is decided by what names it', async (t) => {
    const { store } = await open(t);
    const batch = await inFlight(store, 5);
    const exceptions = [exception(1, 'rejected'), exception(4, 'failed')];
    assert.deepEqual(await store.answer(answerTo(batch, { exceptions })), { batchState: 'done', settled: [1] });
    assert.deepEqual(await counts(store, 1), { delivered: 3, rejected: 1, failed: 1 });
    assert.deepEqual((await store.ask({ question: 'message', with: { message: 1 } }))?.outcomes, [
      { batch, attempt: 1, state: 'rejected', code: 'REJECTED_CODE', words: 'It is rejected.' },
    ]);
    await audit(store);
  });

  test('an answer about a message that is no member changes nothing', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 3 }]);
    const batch = await plan(store, { maxMessages: 2 });
    await send(store, batch);
    await stale(store, store.answer(answerTo(batch, { exceptions: [exception(3, 'rejected')] })));
    await stale(
      store,
      store.answer(answerTo(batch, { exceptions: [exception(1, 'rejected'), exception(1, 'failed')] })),
    );
    assert.deepEqual(await counts(store, 1), { sending: 2, queued: 1 });
    assert.deepEqual(await work(store), { kind: 'sending', batch });
  });

  test('all queued again: the same batch, the same members, its next attempt', async (t) => {
    const { store, again } = await open(t);
    const batch = await inFlight(store, 3);
    const members = [1, 2, 3];
    const queued = answerTo(batch, { rest: 'queued', code: 'REFUSED', dueAt: 9000 });
    assert.deepEqual(await store.answer(queued), { batchState: 'planned', settled: [] });
    const reopened = await again();
    const found = await planned(reopened);
    assert.deepEqual(
      [found.batch, found.attempts, found.dueAt, found.firstAttemptAt, found.plannedAt],
      [batch, 1, 9000, 4000, 3000],
    );
    assert.deepEqual(membersOf(found), members);
    assert.equal(Buffer.from(found.parts[0]?.body ?? []).toString(), 'bodies 1.0 registry');
    await stale(reopened, send(reopened, batch, 1));
    await send(reopened, batch, 2);
    await stale(reopened, send(reopened, batch, 3));
    await reopened.answer(answerTo(batch, { attempt: 2 }));
    assert.deepEqual(await counts(reopened, 1), { delivered: 3 });
    await audit(reopened);
  });

  test('a mixed answer closes the batch; left-overs are planned into one that names it', async (t) => {
    const { store } = await open(t);
    const batch = await inFlight(store, 4);
    const exceptions = [exception(1, 'delivered'), exception(3, 'rejected')];
    const effect = await store.answer(answerTo(batch, { rest: 'queued', exceptions, dueAt: 7000 }));
    assert.deepEqual(effect, { batchState: 'closed', settled: [] });
    const found = await work(store);
    assert.equal(found.kind, 'candidates');
    assert.deepEqual(
      found.blocks.map((b) => [waitingOf(b), b.replaces, b.last]),
      [[[2, 4], batch, true]],
    );
    const next = await plan(store);
    const second = await planned(store);
    assert.deepEqual([second.batch, second.replaces, second.dueAt, membersOf(second)], [next, batch, 7000, [2, 4]]);
    await stale(store, send(store, batch, 2));
    await send(store, next);
    assert.deepEqual(await store.answer(answerTo(next)), { batchState: 'done', settled: [1] });
    await audit(store);
  });

  test('in doubt holds the lane until it is decided', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 4 }]);
    const batch = await plan(store, { maxMessages: 2 });
    await stale(store, store.resolve({ batch, to: 'delivered', ...decision }));
    await send(store, batch);
    await stale(store, store.resolve({ batch, to: 'delivered', ...decision }));
    const next = await plan(store, { maxMessages: 2, ahead: true });
    assert.deepEqual(await store.answer(answerTo(batch, { rest: 'inDoubt' })), { batchState: 'inDoubt', settled: [] });
    assert.deepEqual(await work(store), { kind: 'held', batch });
    assert.deepEqual(await work(store, { ahead: true }), { kind: 'held', batch });
    await stale(store, send(store, next));
    assert.deepEqual(await store.resolve({ batch, to: 'delivered', ...decision }), {
      messages: 2,
      destination: 'registry',
    });
    assert.equal((await planned(store)).batch, next);
    await stale(store, store.resolve({ batch, to: 'queued', ...decision }));
    const events = await store.ask({ question: 'events', with: { batch, limit: 5 } });
    assert.deepEqual(
      events.map(({ what, who, detail }) => [what, who, detail]),
      [['resolved', 'ana', { to: 'delivered', reason: 'asked the registry', messages: 2 }]],
    );
  });

  for (const to of ['delivered', 'rejected', 'cancelled'] as const) {
    test(`a whole batch in doubt resolved to ${to} is done and settles`, async (t) => {
      const { store } = await open(t);
      const batch = await inFlight(store, 2);
      await store.answer(answerTo(batch, { rest: 'inDoubt' }));
      await store.resolve({ batch, to, ...decision });
      assert.deepEqual(await counts(store, 1), { [to]: 2 });
      assert.equal((await store.submission({ submission: 1 }))?.settledAt, 8000);
      assert.equal((await store.ask({ question: 'batch', with: { batch } }))?.state, 'done');
      await audit(store);
    });
  }

  test('a whole batch in doubt resolved to queued is sent again as itself', async (t) => {
    const { store } = await open(t);
    const batch = await inFlight(store, 2);
    await store.answer(answerTo(batch, { rest: 'inDoubt' }));
    await store.resolve({ batch, to: 'queued', ...decision });
    const found = await planned(store);
    assert.deepEqual([found.batch, found.attempts, membersOf(found)], [batch, 1, [1, 2]]);
    await send(store, batch, 2);
    await audit(store);
  });

  test('five of many in doubt: only they are resolved, and they go out in a new batch', async (t) => {
    const { store } = await open(t);
    const batch = await inFlight(store, 20);
    const doubtful = [3, 7, 8, 15, 20];
    const exceptions = doubtful.map((message) => exception(message, 'inDoubt'));
    const effect = await store.answer(answerTo(batch, { exceptions }));
    assert.deepEqual(effect, { batchState: 'inDoubt', settled: [] });
    assert.deepEqual(await work(store), { kind: 'held', batch });
    assert.deepEqual(await store.resolve({ batch, to: 'queued', ...decision }), {
      messages: 5,
      destination: 'registry',
    });
    assert.equal((await store.ask({ question: 'batch', with: { batch } }))?.state, 'closed');
    assert.deepEqual(await counts(store, 1), { delivered: 15, queued: 5 });
    await plan(store);
    const next = await planned(store);
    assert.deepEqual([membersOf(next), next.replaces], [doubtful, batch]);
    await audit(store);
  });

  test('some in doubt, some queued, some delivered: the lane waits, then all left-overs go together', async (t) => {
    const { store } = await open(t);
    const batch = await inFlight(store, 6);
    const exceptions = [exception(2, 'inDoubt'), exception(3, 'queued'), exception(5, 'queued')];
    assert.equal((await store.answer(answerTo(batch, { exceptions }))).batchState, 'inDoubt');
    assert.deepEqual(await work(store), { kind: 'held', batch });
    await audit(store);
    await store.resolve({ batch, to: 'queued', ...decision });
    await plan(store);
    const next = await planned(store);
    assert.deepEqual([membersOf(next), next.replaces], [[2, 3, 5], batch]);
    await audit(store);
  });

  test('an answer of another run, or to another attempt, is not stored', async (t) => {
    const { store } = await open(t);
    const batch = await inFlight(store, 2);
    await stale(store, store.answer(answerTo(batch, { run: 'run-2' })));
    await stale(store, store.answer(answerTo(batch, { attempt: 2 })));
    await stale(store, store.answer(answerTo(99)));
    await store.answer(answerTo(batch, { rest: 'queued' }));
    await send(store, batch, 2, 'run-2');
    await stale(store, store.answer(answerTo(batch)));
    await store.answer(answerTo(batch, { attempt: 2, run: 'run-2' }));
  });

  test('an attempt that nobody holds becomes in doubt; one that is registered stays', async (t) => {
    const { store, again } = await open(t);
    const batch = await inFlight(store, 3);
    const key = { batch, attempt: 1 };
    assert.deepEqual(await store.recover({ run: RUN, registered: [key], at: 6000 }), []);
    assert.deepEqual(await work(store), { kind: 'sending', batch });
    const next = await again();
    const found = await next.recover({ run: 'run-2', registered: [key], at: 6000 });
    assert.deepEqual(found, [{ batch, destination: 'registry', messages: 3 }]);
    assert.deepEqual(await next.recover({ run: 'run-2', registered: [], at: 6001 }), []);
    assert.deepEqual(await counts(next, 1), { inDoubt: 3 });
    await stale(next, next.answer(answerTo(batch)));
    const history = await next.ask({ question: 'batch', with: { batch } });
    assert.deepEqual([history?.attempts[0]?.code, history?.attempts[0]?.endedAt], ['ENGINE_ENDED', 6000]);
    await audit(next);
  });

  test('an attempt of this run that was dropped becomes in doubt in the next sweep', async (t) => {
    const { store } = await open(t);
    const batch = await inFlight(store, 1);
    assert.equal((await store.recover({ run: RUN, registered: [], at: 6000 })).length, 1);
    assert.deepEqual(await work(store), { kind: 'held', batch });
  });

  test('with mixed submissions each is settled by the answer that ends it', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 2 }]);
    await routed(store, 2, [{ items: 2 }]);
    const batch = await plan(store, { mixSubmissions: true });
    await send(store, batch);
    const effect = await store.answer(answerTo(batch, { exceptions: [exception(4, 'queued')] }));
    assert.deepEqual(effect, { batchState: 'closed', settled: [1] });
    assert.deepEqual(await counts(store, 2), { delivered: 1, queued: 1 });
    await audit(store);
  });

  test('two entries of one batch are counted apart', async (t) => {
    const { store } = await open(t);
    const entries = [
      { name: 'dose', destination: 'registry', transform: 'a' },
      { name: 'recall', destination: 'registry', transform: 'b' },
    ];
    await routed(store, 1, [{ items: 3, to: [['registry', [0, 1]]], exceptions: { 1: 'filtered' } }], { entries });
    const batch = await plan(store);
    await send(store, batch);
    await store.answer(answerTo(batch, { exceptions: [exception(3, 'rejected')] }));
    assert.deepEqual(await store.ask({ question: 'counters', with: { submission: 1 } }), [
      { entry: 'dose', destination: 'registry', state: 'delivered', count: 2 },
      { entry: 'dose', destination: 'registry', state: 'rejected', count: 1 },
      { entry: 'recall', destination: 'registry', state: 'delivered', count: 2 },
      { entry: 'recall', destination: 'registry', state: 'filtered', count: 1 },
    ]);
    await audit(store);
  });
}
