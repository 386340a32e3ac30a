import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LocatedItem, NewVersions, Store } from '../../engine/contracts/store.ts';
import { dataFolder, openOne, openSqlite } from './ledger.ts';
import { runChild } from './process.ts';
import {
  answerTo,
  audit,
  begin,
  block,
  counts,
  deliver,
  entriesTo,
  exception,
  membersOf,
  plan,
  planned,
  routed,
  send,
  stale,
  versionOf,
  waitingOf,
  work,
} from './support.ts';

async function item(store: Store, submission: number, number: number): Promise<LocatedItem['messages']> {
  const found = await store.ask({ question: 'locateItem', with: { submission, item: number } });
  assert.ok(found);
  return found.messages;
}

async function current(store: Store, submission: number, number: number, entry = 'registry') {
  const all = (await item(store, submission, number)).filter((message) => message.entry === entry);
  const last = all.reduce((a, b) => (a.version > b.version ? a : b));
  return last;
}

/** An edit of the current version of an item. */
async function edit(store: Store, submission: number, number: number, over: Partial<NewVersions> = {}) {
  const { message, state } = await current(store, submission, number);
  return store.newVersions(versionOf(submission, number, message, state, over));
}

test('an invalid row is edited: a new version is queued, in its old place', async (t) => {
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 3, exceptions: { 1: 'invalid' } }]);
  await routed(store, 2, [{ items: 1 }]);
  const { versions } = await edit(store, 1, 2);
  assert.deepEqual(versions, [{ message: 5, replaces: 2, version: 2, destination: 'registry' }]);
  await audit(store);
  assert.deepEqual(await counts(store, 1), { queued: 3 });
  const [old, made] = await item(store, 1, 2);
  assert.deepEqual([old?.version, old?.state, made?.version, made?.state], [1, 'replaced', 2, 'queued']);
  const offered = await work(store, { mixSubmissions: true });
  assert.equal(offered.kind, 'candidates');
  assert.deepEqual(offered.blocks.flatMap(waitingOf), [1, 3, 5, 4], 'before the next submission');
  const links = await store.ask({ question: 'links', with: { submission: 1, item: 2, messages: [2, 5] } });
  assert.deepEqual(
    links.successors.map(({ message, next, kind, who, changed }) => ({ message, next, kind, who, changed })),
    [{ message: 2, next: 5, kind: 'rowEdited', who: 'ana', changed: ['family'] }],
  );
  const [event] = (await store.ask({ question: 'events', with: { submission: 1, limit: 9 } })).slice(-1);
  assert.deepEqual(
    [event?.what, event?.who, event?.detail.message, event?.detail.replaces, event?.detail.reason],
    ['rowEdited', 'ana', 5, 2, 'asked'],
  );
});

test('what is queued in a planned batch leaves it: the batch is closed, the others wait as long as it would have', async (t) => {
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 3 }]);
  const batch = await plan(store);
  await send(store, batch);
  await store.answer(answerTo(batch, { rest: 'queued', dueAt: 99_000 }));
  await edit(store, 1, 2);
  await audit(store);
  const history = await store.ask({ question: 'batch', with: { batch } });
  assert.deepEqual([history?.state, history?.dueAt], ['closed', 99_000]);
  const offered = await work(store);
  assert.equal(offered.kind, 'candidates');
  assert.deepEqual(offered.blocks.flatMap(waitingOf), [1, 3, 4]);
  assert.equal(offered.blocks[0]?.replaces, batch);
});

test('nothing is replaced while its call is in flight or in doubt, nor what is filtered, cancelled or replaced', async (t) => {
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 3, exceptions: { 1: 'filtered', 2: 'invalid' } }]);
  const batch = await plan(store);
  await send(store, batch);
  await stale(store, edit(store, 1, 1));
  await store.answer(answerTo(batch, { rest: 'inDoubt' }));
  await stale(store, edit(store, 1, 1));
  await stale(store, edit(store, 1, 2));
  await edit(store, 1, 3);
  await stale(store, store.newVersions(versionOf(1, 3, 3, 'replaced')));
  await store.resolve({ batch, to: 'cancelled', reason: '', who: 'ana', at: 1 });
  await stale(store, edit(store, 1, 1));
});

test('what is suspended is replaced too; a version may stand in another lane than the one it replaces', async (t) => {
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 2, exceptions: { 0: 'suspended' } }]);
  const { message } = await current(store, 1, 1);
  const version = { replaces: message, from: 'suspended', state: 'queued', bytes: 3, lane: 4 } as const;
  const versions = [{ ...version, body: Buffer.from('new') }];
  await store.newVersions(versionOf(1, 1, message, 'suspended', { versions }));
  await audit(store);
  assert.deepEqual(await counts(store, 1), { queued: 2 });
  assert.deepEqual(await store.lanesInUse({ destination: 'registry' }), [0, 4]);
});

test('it must still be in the state that the caller saw, and all versions are made or none', async (t) => {
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 1, to: [['registry', [0, 1]]] }], { entries: entriesTo('registry', 'registry') });
  await stale(store, store.newVersions(versionOf(1, 1, 1, 'rejected')));
  await stale(store, store.newVersions(versionOf(1, 2, 1, 'queued')));
  const version = { state: 'queued', body: Buffer.from('new'), bytes: 3 } as const;
  const both = [
    { ...version, replaces: 1, from: 'queued' as const },
    { ...version, replaces: 2, from: 'delivered' as const },
  ];
  await stale(store, store.newVersions(versionOf(1, 1, 1, 'queued', { versions: both })));
  assert.deepEqual(await counts(store, 1), { queued: 2 });
});

test('a delivered message is sent again as a new version; the submission is unsettled until it settles again', async (t) => {
  const { store, again } = await openSqlite(t);
  await routed(store, 1, [{ items: 2 }]);
  await deliver(store);
  await edit(store, 1, 1, { kind: 'sentAgain', changed: [] });
  await audit(store);
  const unsettled = await store.submission({ submission: 1 });
  assert.deepEqual([unsettled?.unsettled, unsettled?.settledAt], [1, undefined]);
  const reopened = await again();
  const batch = await plan(reopened);
  assert.deepEqual(membersOf(await planned(reopened)), [3]);
  await send(reopened, batch);
  const effect = await reopened.answer(answerTo(batch));
  assert.deepEqual(effect.settled, [1]);
  await audit(reopened);
  assert.equal((await reopened.submission({ submission: 1 }))?.settledAt, answerTo(batch).at);
  assert.deepEqual(await counts(reopened, 1), { delivered: 2 });
});

test('an edited row is kept, the last one counts; a version that is left out settles', async (t) => {
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 1 }]);
  await edit(store, 1, 1, { row: Buffer.from('first') });
  const { message } = await current(store, 1, 1);
  const versions = [
    { replaces: message, from: 'queued', state: 'filtered', body: new Uint8Array(), bytes: 0 },
  ] as const;
  await store.newVersions(versionOf(1, 1, message, 'queued', { row: Buffer.from('second'), versions }));
  await audit(store);
  assert.deepEqual(await counts(store, 1), { filtered: 1 });
  assert.ok((await store.submission({ submission: 1 }))?.settledAt !== undefined);
  const { row } = await store.ask({ question: 'links', with: { submission: 1, item: 1, messages: [] } });
  assert.equal(row && Buffer.from(row).toString(), 'second');
});

test('searchable fields: found by digest, in order, page by page; an edit adds its own', async (t) => {
  const { store } = await openSqlite(t);
  const [a, b] = [randomBytes(16), randomBytes(16)];
  const none = Buffer.alloc(16);
  await routed(store, 1, [{ items: 3, over: { search: [Buffer.concat([a, none, a]), Buffer.concat([b, b, none])] } }]);
  await routed(store, 2, [{ items: 1, over: { search: [a] } }]);
  const find = (digest: Uint8Array, limit = 10, after?: { submission: number; item: number }) =>
    store.ask({ question: 'search', with: { digest, limit, ...(after ? { after } : {}) } });
  const at = (submission: number, number: number) => ({ submission, item: number });
  assert.deepEqual(await find(a), [at(1, 1), at(1, 3), at(2, 1)]);
  assert.deepEqual(await find(a, 2), [at(1, 1), at(1, 3)]);
  assert.deepEqual(await find(a, 2, at(1, 3)), [at(2, 1)]);
  assert.deepEqual(await find(b), [at(1, 1), at(1, 2)]);
  assert.deepEqual(await find(none), []);
  await edit(store, 1, 2, { search: [a] });
  assert.deepEqual(await find(a, 10, at(1, 1)), [at(1, 2), at(1, 3), at(2, 1)]);
});

/** Names of entries, as they stand in the ledger. */
const verdictsOf = (store: Store, submission: number, ...ids: (readonly [number, number])[]) =>
  store.ask({
    question: 'corrections',
    with: { submission, ids: ids.map(([of, number]) => ({ submission: of, item: number })) },
  });

test('a corrected row takes the place of the rejected one, in the commit that brings it', async (t) => {
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 3, exceptions: { 1: 'invalid' } }]);
  await deliver(store);
  await begin(store, 2, 2);
  assert.deepEqual(await verdictsOf(store, 2, [1, 2], [1, 1], [1, 9], [7, 1], [2, 1]), [
    { kind: 'replaces', submission: 1, item: 2, stands: [] },
    { kind: 'notRejected' },
    { kind: 'unknown' },
    { kind: 'unknown' },
    { kind: 'unknown' },
  ]);
  const corrections = [{ position: 1, submission: 1, item: 2 }];
  await block(store, 2, { items: 2, over: { corrections } });
  await store.endRouting({ submission: 2, at: 1 });
  await audit(store);
  assert.deepEqual(await counts(store, 1), { replaced: 1, delivered: 2 });
  assert.deepEqual(await counts(store, 2), { queued: 2 });
  const { successors } = await store.ask({ question: 'links', with: { submission: 1, item: 2, messages: [2] } });
  assert.deepEqual(
    successors.map(({ next, submission, item: number, kind }) => ({ next, submission, item: number, kind })),
    [{ next: undefined, submission: 2, item: 2, kind: 'corrected' }],
  );
  const { corrects } = await store.ask({ question: 'links', with: { submission: 2, item: 2, messages: [] } });
  assert.deepEqual(corrects, [{ submission: 1, item: 2 }]);
  assert.deepEqual(await verdictsOf(store, 2, [1, 2]), [{ kind: 'repeated' }]);
  await begin(store, 3, 1);
  assert.deepEqual(await verdictsOf(store, 3, [1, 2]), [{ kind: 'replaced', submission: 2, item: 2 }]);
  const late = block(store, 3, { items: 1, over: { corrections: [{ position: 0, submission: 1, item: 2 }] } });
  await stale(store, late);
});

test('rows of another partner or service are unknown', async (t) => {
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 1, exceptions: { 0: 'invalid' } }], { partner: 'lakeside' });
  await begin(store, 2, 1, { partner: 'hillside' });
  assert.deepEqual(await verdictsOf(store, 2, [1, 1]), [{ kind: 'unknown' }]);
  await stale(store, block(store, 2, { items: 1, over: { corrections: [{ position: 0, submission: 1, item: 1 }] } }));
});

test('only what was rejected is taken over; entries in which the first row stands are named', async (t) => {
  const { store } = await openSqlite(t);
  const entries = entriesTo('registry', 'registry');
  const to = [['registry', [0, 1]]] as const;
  await routed(store, 1, [{ items: 1, to, exceptions: { 0: 'invalid' } }], { entries });
  await begin(store, 2, 1, { entries });
  assert.deepEqual(await verdictsOf(store, 2, [1, 1]), [
    { kind: 'replaces', submission: 1, item: 1, stands: ['entry-1'] },
  ]);
  const corrections = [{ position: 0, submission: 1, item: 1 }];
  await block(store, 2, { items: 1, to, exceptions: { 1: 'filtered' }, over: { corrections } });
  await store.endRouting({ submission: 2, at: 1 });
  await audit(store);
  assert.deepEqual(await counts(store, 1), { queued: 1, replaced: 1 });
  assert.deepEqual(await counts(store, 2), { queued: 1, filtered: 1 });
});

test('a correction that came to nothing is corrected under the first id', async (t) => {
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 2, exceptions: { 0: 'invalid', 1: 'invalid' } }]);
  await begin(store, 2, 2, { gate: true });
  const corrections = [1, 2].map((number) => ({ position: number - 1, submission: 1, item: number }));
  await block(store, 2, { items: 2, exceptions: { 1: 'invalid' }, over: { corrections } });
  await store.endRouting({ submission: 2, at: 1 });
  assert.deepEqual(await counts(store, 2), { cancelled: 1, invalid: 1 });
  await begin(store, 3, 2);
  assert.deepEqual(await verdictsOf(store, 3, [1, 1], [1, 2]), [
    { kind: 'replaces', submission: 2, item: 1, stands: [] },
    { kind: 'replaces', submission: 2, item: 2, stands: [] },
  ]);
  const next = [1, 2].map((number) => ({ position: number - 1, submission: 2, item: number }));
  await block(store, 3, { items: 2, over: { corrections: next } });
  await store.endRouting({ submission: 3, at: 1 });
  await audit(store);
  assert.deepEqual(await counts(store, 2), { cancelled: 1, replaced: 1 });
  await begin(store, 4, 1);
  assert.deepEqual(await verdictsOf(store, 4, [1, 1], [2, 2]), [
    { kind: 'replaced', submission: 3, item: 1 },
    { kind: 'replaced', submission: 3, item: 2 },
  ]);
});

test('links are for good, and messages that are linked keep them', async (t) => {
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 1 }]);
  await edit(store, 1, 1);
  await edit(store, 1, 1);
  const all = await item(store, 1, 1);
  assert.deepEqual(
    all.map(({ version, state }) => [version, state]),
    [
      [1, 'replaced'],
      [2, 'replaced'],
      [3, 'queued'],
    ],
  );
  await audit(store);
});

/** Where a process is killed, and whether what it did is there afterwards. */
const DEATHS = [
  { what: 'versions', pullAt: 'versions.beforeCommit', kept: false },
  { what: 'versions', pullAt: 'versions.afterCommit', kept: true },
  { what: 'versions', pullAt: '', kept: true },
  { what: 'corrections', pullAt: 'corrections.beforeCommit', kept: false },
  { what: 'corrections', pullAt: '', kept: true },
] as const;

for (const { what, pullAt, kept } of DEATHS) {
  test(`killed ${pullAt === '' ? 'after the promise' : `at ${pullAt}`}: ${what} are there whole or not at all`, async (t) => {
    const path = join(dataFolder(t), 'ledger.db');
    const { said, signal } = await runChild(t, [what, path], pullAt);
    assert.equal(signal, 'SIGKILL');
    assert.equal(said.endsWith('stored'), pullAt === '');
    const store = await openOne(path);
    t.after(() => store.close());
    await audit(store);
    const number = what === 'versions' ? 1 : 2;
    const [old, made] = await item(store, 1, number);
    assert.equal(old?.state === 'replaced', kept);
    assert.equal(made?.state, kept && what === 'versions' ? 'queued' : undefined);
    const { successors, row } = await store.ask({
      question: 'links',
      with: { submission: 1, item: number, messages: [number] },
    });
    assert.equal(successors.length, kept ? 1 : 0);
    assert.equal(row !== undefined, kept && what === 'versions');
  });
}

/** What may happen to a ledger of twelve rows, drawn at random. */
const STEP = fc.oneof(
  fc.record({ do: fc.constant('edit' as const), item: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ do: fc.constant('plan' as const), most: fc.integer({ min: 1, max: 6 }) }),
  fc.record({
    do: fc.constant('answer' as const),
    rest: fc.constantFrom('delivered', 'rejected', 'queued', 'failed', 'inDoubt'),
    apart: fc.constantFrom('delivered', 'rejected', 'queued', 'inDoubt'),
  }),
  fc.record({
    do: fc.constant('resolve' as const),
    to: fc.constantFrom('delivered', 'rejected', 'queued', 'cancelled'),
  }),
  fc.record({
    do: fc.constant('correct' as const),
    items: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
  }),
);

type StepOf = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

class Ledger {
  readonly #store: Store;
  #batch: number | undefined;
  #submissions = 1;
  /** Messages that were sent, and how often each version was made. */
  readonly sent = new Set<number>();

  constructor(store: Store) {
    this.#store = store;
  }

  async step(step: StepOf): Promise<void> {
    if (step.do === 'edit') await this.#edit(step.item);
    else if (step.do === 'plan') await this.#send(step.most);
    else if (step.do === 'answer') await this.#answer(step.rest, step.apart);
    else if (step.do === 'resolve') await this.#resolve(step.to);
    else await this.#correct(step.items);
    await audit(this.#store);
  }

  async #edit(number: number): Promise<void> {
    const { state } = await current(this.#store, 1, number);
    const allowed = ['queued', 'suspended', 'delivered', 'rejected', 'failed', 'invalid'].includes(state);
    if (allowed) await edit(this.#store, 1, number);
    else await stale(this.#store, edit(this.#store, 1, number));
  }

  async #send(most: number): Promise<void> {
    const found = await work(this.#store, { maxMessages: most });
    if (found.kind !== 'planned' && found.kind !== 'candidates') return;
    if (found.kind === 'candidates') await plan(this.#store, { maxMessages: most });
    const batch = await planned(this.#store);
    await send(this.#store, batch.batch, batch.attempts + 1);
    this.#batch = batch.batch;
  }

  async #answer(
    rest: NonNullable<StepOf & { do: 'answer' }>['rest'],
    apart: 'delivered' | 'rejected' | 'queued' | 'inDoubt',
  ) {
    const found = await work(this.#store);
    if (found.kind !== 'sending' || this.#batch === undefined) return;
    const history = await this.#store.ask({ question: 'batch', with: { batch: found.batch } });
    const attempt = history?.attempts.length ?? 1;
    const first = await firstMember(this.#store, found.batch);
    const exceptions = apart === rest || first === undefined ? [] : [exception(first, apart)];
    await this.#store.answer(answerTo(found.batch, { attempt, rest, exceptions }));
  }

  async #resolve(to: 'delivered' | 'rejected' | 'queued' | 'cancelled'): Promise<void> {
    const found = await work(this.#store);
    if (found.kind === 'held') await this.#store.resolve({ batch: found.batch, to, reason: '', who: 'ana', at: 1 });
  }

  async #correct(items: readonly number[]): Promise<void> {
    if (items.length === 0) return;
    this.#submissions += 1;
    const number = this.#submissions;
    await begin(this.#store, number, items.length);
    const verdicts = await verdictsOf(this.#store, number, ...items.map((each) => [1, each] as const));
    const corrections = verdicts.flatMap((verdict, position) =>
      verdict.kind === 'replaces' ? [{ position, submission: verdict.submission, item: verdict.item }] : [],
    );
    const exceptions = Object.fromEntries(
      verdicts.flatMap(({ kind }, position) => (kind === 'replaces' ? [] : [[position, 'invalid' as const]])),
    );
    await block(this.#store, number, { items: items.length, exceptions, over: { corrections } });
    await this.#store.endRouting({ submission: number, at: 1 });
  }
}

/** The first message that is sending in a batch. */
async function firstMember(store: Store, batch: number): Promise<number | undefined> {
  for (let submission = 1; ; submission += 1) {
    const row = await store.submission({ submission });
    if (!row) return undefined;
    for (let number = 1; number <= (row.items ?? 0); number += 1) {
      const found = (await item(store, submission, number)).find((m) => m.batch === batch && m.state === 'sending');
      if (found) return found.message;
    }
  }
}

test('whatever is edited, sent, refused and corrected: the law of conservation holds', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 30 }), async (steps) => {
      const { store } = await openSqlite(t);
      await routed(store, 1, [
        { items: 5, exceptions: { 0: 'invalid', 1: 'suspended', 3: 'invalid' } },
        { items: 7, exceptions: { 2: 'filtered', 4: 'invalid', 6: 'failed' } },
      ]);
      const ledger = new Ledger(store);
      for (const step of steps) await ledger.step(step);
      await store.close();
    }),
    { numRuns: 12 },
  );
});
