import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '../../engine/contracts/store.ts';
import {
  answerTo,
  deliver,
  entriesTo,
  exception,
  newBlock,
  type OpenStore,
  plan,
  planned,
  RUN,
  routed,
  STRICT,
  send,
  stale,
  waitingOf,
  work,
} from './support.ts';

const GOES_ON = { free: false, passDoubt: true };

/** A submission of two messages that are all in this lane. */
async function routedIn(store: Store, number: number, lane: number): Promise<void> {
  const bodies = newBlock(number, 0, 0, 0, { items: 2 }).bodies.map((body) => ({ ...body, lane }));
  await routed(store, number, [{ items: 2, over: { bodies } }]);
}

/** What a lane is offered: the numbers of the messages, or why there are none. */
async function offered(store: Store, options: Parameters<typeof work>[1]): Promise<readonly number[] | string> {
  const found = await work(store, { mixSubmissions: true, ...options });
  return found.kind === 'candidates' ? found.blocks.flatMap(waitingOf) : found.kind;
}

/** The next batch of a lane, in doubt until it may be asked about at this time. */
async function doubted(store: Store, lane: number, askAt: number): Promise<number> {
  return deliver(store, { rest: 'inDoubt', dueAt: askAt }, { lane });
}

const numbersOf = async (store: Store, now: number) => {
  const { due, next } = await store.doubts({ destination: 'registry', now });
  return { due: due.map(({ batch }) => batch), next };
};

/** What waits for a batch in doubt and what does not; when it is its turn to be asked about. */
export function doubtConformance(open: OpenStore): void {
  test('a lane that goes on passes what is in doubt, and keeps its order otherwise', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 6 }]);
    const doubtful = await deliver(store, { rest: 'inDoubt' }, { maxMessages: 2 });
    assert.deepEqual(await work(store), { kind: 'held', batch: doubtful });
    assert.deepEqual(await offered(store, { passDoubt: true }), [3, 4, 5, 6]);
    const next = await plan(store, { passDoubt: true, maxMessages: 2 });
    await stale(store, send(store, next));
    await store.beginSending({ batch: next, attempt: 1, run: RUN, at: 4000, ...GOES_ON });
    assert.deepEqual(await work(store, { passDoubt: true }), { kind: 'sending', batch: next });
    await store.answer(answerTo(next, { exceptions: [exception(3, 'queued')], dueAt: 7000 }));
    assert.deepEqual(await offered(store, { passDoubt: true }), [3, 5, 6]);
    assert.deepEqual(await work(store), { kind: 'held', batch: doubtful }, 'what was passed is still in doubt');
  });

  test('what is in doubt in one lane holds that lane only', async (t) => {
    const { store } = await open(t);
    await routedIn(store, 1, 1);
    await routedIn(store, 2, 2);
    await routedIn(store, 3, 1);
    const doubtful = await doubted(store, 1, 0);
    for (const passDoubt of [false, true])
      assert.deepEqual(await offered(store, { lane: 2, passDoubt }), [3, 4], `passDoubt ${passDoubt}`);
    assert.deepEqual(await work(store, { lane: 1 }), { kind: 'held', batch: doubtful });
    assert.deepEqual(await offered(store, { lane: 1, passDoubt: true }), [5, 6]);
    const other = await plan(store, { lane: 2 });
    await store.beginSending({ batch: other, attempt: 1, run: RUN, at: 4000, ...STRICT });
  });

  for (const [before, after] of [
    [1, 0],
    [0, 1],
  ] as const)
    test(`after a change of lanes, what is in doubt in lane ${before} holds lane ${after} unless it goes on`, async (t) => {
      const { store } = await open(t);
      await routedIn(store, 1, before);
      await routedIn(store, 2, before);
      await routedIn(store, 3, after);
      const doubtful = await doubted(store, before, 0);
      assert.equal(await offered(store, { lane: after, passDoubt: true }), 'gated', 'what waits still goes first');
      const second = await plan(store, { lane: before, passDoubt: true });
      await store.beginSending({ batch: second, attempt: 1, run: RUN, at: 4000, ...GOES_ON });
      assert.equal(await offered(store, { lane: after, passDoubt: true }), 'gated', 'so does what is being sent');
      await store.answer(answerTo(second));
      assert.equal(await offered(store, { lane: after }), 'gated');
      assert.deepEqual(await offered(store, { lane: after, passDoubt: true }), [5, 6]);
      await store.resolve({ batch: doubtful, to: 'delivered', reason: 'asked', who: 'ana', at: 8000 });
      assert.deepEqual(await offered(store, { lane: after }), [5, 6]);
    });

  test('what is in doubt is read when its time has come, and not before', async (t) => {
    const { store } = await open(t);
    for (const lane of [1, 2, 3, 4]) await routedIn(store, lane, lane);
    assert.deepEqual(await numbersOf(store, 9000), { due: [], next: undefined });
    const late = await doubted(store, 1, 9000);
    const soon = await doubted(store, 2, 7000);
    const sooner = await doubted(store, 3, 6000);
    // Neither what waits for its next try nor another destination's is asked about.
    await deliver(store, { rest: 'queued', dueAt: 6500 }, { lane: 4 });
    await routed(store, 5, [{ items: 1, to: [['archive', [0]]] }], { entries: entriesTo('archive') });
    const elsewhere = await deliver(store, { rest: 'inDoubt', dueAt: 6200 }, { destination: 'archive' });
    assert.deepEqual(await numbersOf(store, 5999), { due: [], next: 6000 });
    assert.deepEqual(await numbersOf(store, 6000), { due: [sooner], next: 7000 });
    assert.deepEqual(await numbersOf(store, 8999), { due: [sooner, soon], next: 9000 });
    assert.deepEqual(await numbersOf(store, 9000), { due: [sooner, soon, late], next: undefined });
    const archived = await store.doubts({ destination: 'archive', now: 6200 });
    assert.deepEqual([archived.due.map(({ batch }) => batch), archived.next], [[elsewhere], undefined]);

    await store.noteDoubt({ batch: sooner, attempt: 1, askAt: 9500, asked: true, words: 'Not known yet.', at: 7000 });
    assert.deepEqual(await numbersOf(store, 9000), { due: [soon, late], next: 9500 });
    await store.resolve({ batch: soon, to: 'queued', reason: 'not there', who: 'ana', at: 8000 });
    assert.equal((await planned(store, { lane: 2 })).batch, soon);
    assert.deepEqual(await numbersOf(store, 9000), { due: [late], next: 9500 });
  });

  test('many that are due are read some at a time, those that wait longest first', async (t) => {
    const { store } = await open(t);
    const lanes = Array.from({ length: 60 }, (_, index) => index + 1);
    for (const lane of lanes) await routedIn(store, lane, lane);
    const batches: number[] = [];
    for (const lane of lanes) batches.push(await doubted(store, lane, 7000 - lane));
    const { due, next } = await numbersOf(store, 7000);
    assert.ok(due.length > 0 && due.length < lanes.length, `${due.length} at once`);
    assert.deepEqual(due, batches.toReversed().slice(0, due.length));
    assert.equal(next, undefined);
  });
}
