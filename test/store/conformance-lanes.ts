import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '../../engine/contracts/store.ts';
import {
  accept,
  answerTo,
  audit,
  begin,
  block,
  deliver,
  entriesTo,
  exception,
  membersOf,
  type OpenStore,
  plan,
  planned,
  planOf,
  routed,
  send,
  stale,
  waitingOf,
  work,
} from './support.ts';

async function offered(store: Store, maxMessages: number, mixSubmissions = false): Promise<number[]> {
  const found = await work(store, { maxMessages, mixSubmissions });
  assert.equal(found.kind, 'candidates');
  return found.blocks.flatMap(waitingOf);
}

/** The order of a lane, and what waits behind what. */
export function laneConformance(open: OpenStore): void {
  test('an empty lane is idle, and so is one without messages to send', async (t) => {
    const { store } = await open(t);
    assert.deepEqual(await work(store), { kind: 'idle' });
    await routed(store, 1, [{ items: 1, exceptions: { 0: 'filtered' } }]);
    assert.deepEqual(await work(store), { kind: 'idle' });
  });

  test('candidates come by place, then by item, as many blocks as fill a batch', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 3 }, { items: 3 }, { items: 3 }]);
    await routed(store, 2, [{ items: 3 }]);
    assert.deepEqual(await offered(store, 5), [1, 2, 3, 4, 5, 6]);
    const found = await work(store);
    assert.equal(found.kind, 'candidates');
    assert.deepEqual(
      found.blocks.map((b) => [b.submission, b.messages, b.pending, b.last, b.replaces]),
      [
        [1, 3, 3, false, undefined],
        [1, 3, 3, false, undefined],
        [1, 3, 3, true, undefined],
      ],
    );
    assert.equal(Buffer.from(found.blocks[1]?.body ?? []).toString(), 'bodies 1.1 registry');
    assert.deepEqual(await offered(store, 1000, true), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test('two entries to one destination are interleaved by item', async (t) => {
    const { store } = await open(t);
    const to = [
      ['archive', [1]],
      ['registry', [0, 2]],
    ] as const;
    await routed(
      store,
      1,
      [
        { items: 2, to },
        { items: 2, to },
      ],
      { entries: entriesTo('registry', 'archive', 'registry') },
    );
    const order: (readonly [number, string])[] = [];
    for (const line of [2, 3, 4, 5]) {
      const item = await store.ask({ question: 'locate', with: { submission: 1, line } });
      for (const message of item?.messages ?? [])
        if (message.destination === 'registry') order.push([message.message, message.entry]);
    }
    assert.deepEqual(
      order.map(([message]) => message),
      await offered(store, 1000),
    );
    assert.deepEqual(
      order.map(([, entry]) => entry),
      Array.from({ length: 4 }, () => ['entry-0', 'entry-2']).flat(),
    );
    await audit(store);
  });

  test('a block larger than one statement inserts has all its rows', async (t) => {
    const { store } = await open(t);
    const to = [['registry', [0, 1]]] as const;
    await routed(store, 1, [{ items: 2500, to }], { entries: entriesTo('registry', 'registry') });
    assert.equal((await offered(store, 5000)).length, 5000);
    await audit(store);
  });

  test('a submission still on its way in is not overtaken', async (t) => {
    const { store } = await open(t);
    await accept(store, 1);
    await accept(store, 2);
    await store.refuse({ submission: 1, refusal: { code: 'BAD', reason: 'bad' }, at: 1 });
    await accept(store, 3);
    await store.scanned({
      submission: 2,
      scan: { items: 1, charset: 'utf-8', transcoded: false, cursor: 0, lines: 1, details: {} },
    });
    await store.beginRouting({ submission: 2 });
    await block(store, 2, { items: 1 });
    assert.deepEqual(
      await offered(store, 10),
      [1],
      'what is refused has given up its place; what is later does not matter',
    );
    await store.endRouting({ submission: 2, at: 1 });
    assert.deepEqual(await offered(store, 10), [1]);
  });

  test('a later submission waits for an earlier one with an entry in this lane, and for no other', async (t) => {
    const { store } = await open(t);
    await accept(store, 1, { entries: entriesTo('archive') });
    await routeLater(store, 2);
    assert.deepEqual(await offered(store, 10), [1]);
    const archived = await work(store, { destination: 'archive' });
    assert.equal(archived.kind, 'idle');
  });

  test('a gate holds one submission and all that are behind it', async (t) => {
    const { store } = await open(t);
    await begin(store, 1, 2, { gate: true });
    await block(store, 1, { items: 1 });
    assert.deepEqual(await work(store), { kind: 'gated' });
    assert.deepEqual(await work(store, { mixSubmissions: true }), { kind: 'gated' });
    await block(store, 1, { items: 1 });
    await store.endRouting({ submission: 1, at: 1 });
    assert.deepEqual(await offered(store, 10), [1, 2]);
  });

  test('with mixed submissions nothing behind a closed gate joins', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 1 }]);
    await begin(store, 2, 2, { gate: true });
    await block(store, 2, { items: 1 });
    assert.deepEqual(await offered(store, 10, true), [1]);
  });

  test('what follows is planned while a call is in flight, and sent after it', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 6 }]);
    const first = await plan(store, { maxMessages: 2 });
    await send(store, first);
    assert.deepEqual(await work(store), { kind: 'sending', batch: first });
    const second = await plan(store, { maxMessages: 2, ahead: true });
    assert.equal((await planned(store, { ahead: true })).batch, second);
    await stale(store, send(store, second));
    await store.answer(answerTo(first));
    assert.deepEqual(membersOf(await planned(store)), [3, 4]);
    await send(store, second);
  });

  test('left-over messages come before a batch that was planned ahead, and nothing else does', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 6 }, { items: 2 }]);
    await routed(store, 2, [{ items: 1 }]);
    const first = await plan(store, { maxMessages: 3 });
    await send(store, first);
    const second = await plan(store, { maxMessages: 2, ahead: true });
    await store.answer(answerTo(first, { exceptions: [exception(2, 'queued')], dueAt: 7000 }));
    await stale(store, send(store, second));
    const found = await work(store, { mixSubmissions: true });
    assert.equal(found.kind, 'candidates');
    assert.deepEqual(
      found.blocks.map((b) => [waitingOf(b), b.pending, b.last, b.replaces]),
      [[[2], 1, true, first]],
    );
    const third = await planOf(store, found.blocks);
    const again = await planned(store);
    assert.deepEqual([again.batch, again.replaces, again.dueAt, membersOf(again)], [third, first, 7000, [2]]);
    await stale(store, send(store, second));
    await send(store, third);
    await store.answer(answerTo(third));
    assert.equal((await planned(store)).batch, second);
    await send(store, second);
    await store.answer(answerTo(second));
    const rest = await work(store);
    assert.equal(rest.kind, 'candidates');
    assert.deepEqual(
      rest.blocks.map((b) => [waitingOf(b), b.replaces]),
      [
        [[6], undefined],
        [[7, 8], undefined],
      ],
    );
    await audit(store);
  });

  test('left-overs of several blocks go by a member list, together with what follows', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 3 }, { items: 3 }]);
    const first = await plan(store, { maxMessages: 5 });
    await send(store, first);
    await store.answer(answerTo(first, { exceptions: [exception(2, 'queued'), exception(5, 'queued')] }));
    const found = await work(store);
    assert.equal(found.kind, 'candidates');
    assert.deepEqual(found.blocks.map(waitingOf), [[2], [5, 6]]);
    await planOf(store, found.blocks, { maxMessages: 2 });
    const second = await planned(store);
    assert.deepEqual([membersOf(second), second.replaces, second.count], [[2, 5], first, 2]);
    await send(store, second.batch);
    await store.answer(answerTo(second.batch));
    const last = await work(store);
    assert.equal(last.kind, 'candidates');
    assert.deepEqual(
      last.blocks.map((b) => [waitingOf(b), b.replaces, b.last]),
      [[[6], undefined, true]],
    );
  });

  test('left-overs of several blocks before a batch that was planned ahead: each block offers its own', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 1 }, { items: 1 }, { items: 1 }]);
    const first = await plan(store, { maxMessages: 2 });
    await send(store, first);
    const second = await plan(store, { maxMessages: 1, ahead: true });
    await store.answer(answerTo(first, { exceptions: [exception(1, 'queued'), exception(2, 'inDoubt')] }));
    await store.resolve({ batch: first, to: 'queued', reason: 'not there', who: 'ana', at: 6000 });
    const found = await work(store);
    assert.equal(found.kind, 'candidates');
    assert.deepEqual(found.blocks.map(waitingOf), [[1], [2]]);
    const third = await planOf(store, found.blocks);
    assert.deepEqual(membersOf(await planned(store)), [1, 2]);
    await send(store, third);
    await store.answer(answerTo(third));
    assert.equal((await planned(store)).batch, second);
  });

  test('a batch is planned only with what waits in its own lane', async (t) => {
    const { store } = await open(t);
    const to = [
      ['registry', [0]],
      ['archive', [1]],
    ] as const;
    await routed(store, 1, [{ items: 2, to, exceptions: { 1: 'filtered' } }], {
      entries: entriesTo('registry', 'archive'),
    });
    const found = await work(store);
    assert.equal(found.kind, 'candidates');
    const part = { bodyBlock: found.blocks[0]?.bodyBlock ?? 0, firstMessage: 1, lastMessage: 1, count: 1 };
    const batch = {
      destination: 'registry',
      lane: 0,
      parts: [part],
      count: 1,
      bytes: 1,
      plannedAt: 1,
      replaces: undefined,
    };
    await stale(store, store.plan({ ...batch, destination: 'archive' }));
    await stale(store, store.plan({ ...batch, parts: [{ ...part, lastMessage: 3 }] }));
    await stale(store, store.plan({ ...batch, parts: [{ ...part, lastMessage: 2, count: 2 }], count: 2 }));
    await stale(store, store.plan({ ...batch, count: 2 }));
    await stale(store, store.plan({ ...batch, parts: [], count: 0 }));
    await store.plan(batch);
    await stale(store, store.plan(batch));
  });

  test('a stopped lane says so, keeps its first reason, and goes on at once when it is resumed', async (t) => {
    const { store, again } = await open(t);
    await routed(store, 1, [{ items: 2 }]);
    const batch = await plan(store);
    await send(store, batch);
    const stop = {
      since: 5000,
      code: 'SOAP_LOGIN',
      reason: 'The password was refused.',
      whose: 'ours',
      next: 'Mend the password, then resume.',
    };
    await store.answer(answerTo(batch, { rest: 'queued', dueAt: 99_000, stop }));
    await store.stopDestination({ destination: 'registry', stop: { ...stop, code: 'LATER' } });
    assert.deepEqual(await work(store), { kind: 'stopped' });
    await stale(store, send(store, batch, 2));
    const reopened = await again();
    const status = await reopened.ask({ question: 'status', with: {} });
    assert.deepEqual(status.destinations[0]?.stop, stop);
    assert.deepEqual((await reopened.due({ now: 1 })).destinations, ['registry']);
    const resumed = { destination: 'registry', at: 6000, who: 'ana', why: 'password mended' };
    assert.deepEqual(await reopened.resumeDestination(resumed), { wasStopped: true });
    assert.deepEqual(await reopened.resumeDestination(resumed), { wasStopped: false });
    assert.equal((await planned(reopened)).dueAt, 0);
    const events = await reopened.ask({ question: 'events', with: { destination: 'registry', limit: 10 } });
    assert.deepEqual(
      events.map(({ what, who }) => [what, who]),
      [
        ['stopped', 'engine'],
        ['resumed', 'ana'],
      ],
    );
  });

  test('status counts every destination and names its head', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 4, exceptions: { 0: 'invalid' } }]);
    await deliver(store, {}, { maxMessages: 1 });
    const batch = await plan(store, { maxMessages: 1 });
    await send(store, batch);
    await store.answer(answerTo(batch, { rest: 'inDoubt', code: 'TIMEOUT', words: 'No answer came.' }));
    const status = await store.ask({ question: 'status', with: {} });
    assert.deepEqual(status.submissions, { routed: 1 });
    const [lane] = status.destinations;
    assert.deepEqual(lane?.counts, { delivered: 1, inDoubt: 1, queued: 1, invalid: 1 });
    assert.deepEqual(
      [lane?.head?.batch, lane?.head?.state, lane?.head?.lastCode, lane?.head?.attempts],
      [batch, 'inDoubt', 'TIMEOUT', 1],
    );
    const unasked = { askAt: 0, asked: 0, overdue: false, ticket: undefined };
    assert.deepEqual(lane?.inDoubt, [{ batch, messages: 1, since: 5000, ...unasked }]);
    assert.ok((lane?.oldestUnsettledAt ?? 0) > 0);
  });
}

async function routeLater(store: Store, number: number): Promise<void> {
  await accept(store, number);
  await store.scanned({
    submission: 1,
    scan: { items: 0, charset: 'utf-8', transcoded: false, cursor: 0, lines: 0, details: {} },
  });
  await store.scanned({
    submission: number,
    scan: { items: 1, charset: 'utf-8', transcoded: false, cursor: 0, lines: 0, details: {} },
  });
  await store.beginRouting({ submission: number });
  const lines = { firstLine: 1, lastLine: 1, cursor: 1, lines: 1, itemLines: Buffer.from('') };
  await store.commitBlock({
    submission: number,
    block: 0,
    firstItem: 1,
    items: 1,
    ...lines,
    rejects: undefined,
    rejectedItems: 0,
    uniqueKeys: undefined,
    bodies: [
      {
        destination: 'registry',
        lane: 0,
        items: undefined,
        entries: [0],
        body: Buffer.from('b'),
        bytes: 1,
        exceptions: [],
      },
    ],
  });
}
