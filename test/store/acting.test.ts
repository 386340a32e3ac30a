/** Acts on messages: each verb from each state, what becomes of batches, submissions and events; crashes in between. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import { ACTS } from '../../engine/acts.ts';
import type { Store } from '../../engine/contracts/store.ts';
import { SearchDigests } from '../../engine/search-fields.ts';
import type { MessageState } from '../../engine/states.ts';
import { Database, openForWriting, type Row } from '../../store/sqlite/database.ts';
import { ACTABLE } from '../../store/sqlite/migration-acting.ts';
import { STATE_CODES } from '../../store/sqlite/schema.ts';
import { selectMessages } from '../../store/sqlite/select-messages.ts';
import { act, actingOn, selectAll } from './acting-support.ts';
import { dataFolder, openSqlite } from './ledger.ts';
import {
  answerTo,
  audit,
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
  work,
} from './support.ts';

async function opened(t: TestContext): Promise<Store> {
  return (await openSqlite(t)).store;
}

const stateOf = async (store: Store, message: number) => {
  const found = await selectAll(store, {});
  return found.find((each) => each.message === message)?.state;
};

/** Keeps every statement that reads. */
class Recorder extends Database {
  readonly statements: string[] = [];

  override all(sql: string, ...values: SQLInputValue[]): Row[] {
    this.statements.push(sql);
    return super.all(sql, ...values);
  }
}

describe('selecting', () => {
  test('finds submissions by the index of the counters, and messages by their numbers', (t) => {
    const path = join(dataFolder(t), 'ledger.db');
    openForWriting(path).close();
    const db = new Recorder(new DatabaseSync(path));
    selectMessages(db, { filter: { states: ['rejected', 'inDoubt'] }, after: undefined });
    const [counters = ''] = db.statements;
    const plan = db.all(`EXPLAIN QUERY PLAN ${counters}`).map(({ detail }) => String(detail));
    assert.match(plan.join('; '), /USING INDEX counters_actable \(submission>\?/);
    db.close();
    // The migration has numbers of states, since it never changes.
    const codes = /state IN \(([\d, ]+)\)/.exec(ACTABLE)?.[1]?.split(', ').map(Number);
    const acted = Object.values(ACTS).flatMap(({ from, ifNamed }): readonly MessageState[] => [...from, ...ifNamed]);
    for (const state of [...acted, 'sending'] as const) assert.ok(codes?.includes(STATE_CODES[state]), state);
  });

  test('by state, destination, entry, code, submission, batch, item and time', async (t) => {
    const store = await opened(t);
    const entries = entriesTo('registry', 'archive');
    const to = [
      ['registry', [0]],
      ['archive', [1]],
    ] as const;
    await routed(store, 1, [{ items: 3, to }], { entries });
    await routed(store, 2, [{ items: 2, to }], { entries });
    const batch = await deliver(store, { exceptions: [exception(1, 'rejected')], at: 5000 });
    const numbers = async (filter: Parameters<typeof selectAll>[1]) =>
      (await selectAll(store, filter)).map(
        ({ submission, item, destination }) => `${submission}-${item} ${destination}`,
      );
    assert.deepEqual(await numbers({ states: ['rejected'] }), ['1-1 registry']);
    assert.deepEqual(await numbers({ states: ['queued'], destinations: ['registry'] }), [
      '2-1 registry',
      '2-2 registry',
    ]);
    assert.deepEqual(await numbers({ entries: ['entry-1'], submissions: [2] }), ['2-1 archive', '2-2 archive']);
    assert.deepEqual(await numbers({ codes: ['REJECTED_CODE'] }), ['1-1 registry']);
    assert.deepEqual(await numbers({ batch }), ['1-1 registry']);
    assert.deepEqual(await numbers({ items: [{ submission: 1, item: 2 }] }), ['1-2 archive']);
    assert.deepEqual(await numbers({ items: [{ submission: 1, item: 2, entry: 0 }] }), []);
    assert.deepEqual(await numbers({ states: ['rejected'], since: 5000, until: 5001 }), ['1-1 registry']);
    assert.deepEqual(await numbers({ states: ['rejected'], until: 5000 }), []);
    const [rejected] = await selectAll(store, { states: ['rejected'] });
    assert.deepEqual(rejected, {
      message: 1,
      submission: 1,
      item: 1,
      entry: 0,
      entryName: 'entry-0',
      destination: 'registry',
      version: 1,
      state: 'rejected',
      batch,
      code: 'REJECTED_CODE',
      at: 5000,
      kept: true,
    });
  });

  test('by the value of a searchable field, which stays out of what is kept', async (t) => {
    const store = await opened(t);
    const digests = new SearchDigests((await store.facts()).digestKey);
    const list = ['S0001', 'S0002', 's0001 '].map((value) => digests.digest('chart', value) ?? Buffer.alloc(16));
    await routed(store, 1, [{ items: 3, over: { search: [new Uint8Array(Buffer.concat(list))] } }]);
    await routed(store, 2, [{ items: 1 }]);
    const done = await act(store, { verb: 'suspend', where: 'field.chart=S0001 state=queued' });
    assert.deepEqual([done.done, done.filter], [2, 'field.chart=(not shown) state=queued']);
    assert.deepEqual(
      (await selectAll(store, { states: ['suspended'] })).map(({ item }) => item),
      [1, 3],
    );
    await assert.rejects(act(store, { verb: 'suspend', where: 'field.chart=S0003' }), { code: 'ACT_NOTHING' });
  });

  test('goes over many pages, each message once', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 1500 }, { items: 1500 }, { items: 1500 }]);
    await routed(store, 2, [{ items: 100 }]);
    const found = (await selectAll(store, { states: ['queued'] })).map(({ message }) => message);
    assert.equal(found.length, 4600);
    assert.equal(new Set(found).size, 4600);
  });
});

describe('resend', () => {
  test('rejected messages wait in their old place, in a new batch that names the old one', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 4 }]);
    await routed(store, 2, [{ items: 2 }]);
    const first = await deliver(store, { exceptions: [exception(2, 'rejected'), exception(3, 'failed')] });
    const later = await plan(store);
    const done = await act(store, { verb: 'resend', where: 'state=rejected,failed' });
    assert.deepEqual([done.count, done.done, done.skipped], [2, 2, 0]);
    assert.deepEqual(await counts(store, 1), { delivered: 2, queued: 2 });
    // What was planned already waits for what comes before it.
    const offered = await work(store);
    assert.equal(offered.kind, 'candidates');
    assert.deepEqual(offered.blocks[0]?.waiting, [1, 2]);
    assert.equal(offered.blocks[0]?.replaces, first);
    await stale(store, send(store, later));
    await deliver(store, {}, { maxMessages: 2 });
    assert.deepEqual(await counts(store, 1), { delivered: 4 });
    await send(store, later);
    await store.answer(answerTo(later));
    await audit(store);
  });

  test('a submission that was settled is under way again, and settled anew; who was told hears nothing twice', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 2 }]);
    await deliver(store, { rest: 'rejected', at: 5000 });
    await store.progress({ submission: 1, progress: 'closed' });
    const settledAt = async () => (await store.submission({ submission: 1 }))?.settledAt;
    assert.equal(await settledAt(), 5000);
    await act(store, { verb: 'resend', where: 'submission=1' });
    assert.equal(await settledAt(), undefined);
    assert.equal((await store.submission({ submission: 1 }))?.unsettled, 2);
    await deliver(store, { at: 6000 });
    assert.equal(await settledAt(), 6000);
    assert.deepEqual((await store.due({ now: 9000 })).services, []);
  });

  test('what failed before it was made has nothing to send', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 2, exceptions: { 0: 'failed' } }]);
    const acting = await actingOn(store);
    const question = { verb: 'resend', where: 'state=failed' } as const;
    const preview = await acting.preview(question);
    assert.deepEqual([preview.count, preview.leftOut.map(({ state, count }) => [state, count])], [0, [['failed', 1]]]);
    await assert.rejects(act(store, question), { code: 'ACT_NOTHING', message: /no message was made of them/ });
  });

  test('in doubt only where it is said; a whole batch goes again as itself', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 3 }]);
    const batch = await deliver(store, { rest: 'inDoubt' });
    const acting = await actingOn(store);
    const silent = await acting.preview({ verb: 'resend', where: 'destination=registry' });
    assert.deepEqual([silent.count, silent.leftOut[0]?.count], [0, 3]);
    await act(store, { verb: 'resend', where: 'destination=registry state=inDoubt' });
    const again = await planned(store);
    assert.equal(again.batch, batch);
    assert.deepEqual(membersOf(again), [1, 2, 3]);
  });
});

describe('suspend and release', () => {
  test('a planned batch that was not sent is closed and the others lose it; released they go in their old place', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 4 }]);
    const batch = await plan(store);
    const { instance } = await store.facts();
    await act(store, { verb: 'suspend', where: `message=${instance}-1-2` });
    assert.deepEqual(await counts(store, 1), { queued: 3, suspended: 1 });
    assert.equal((await store.ask({ question: 'batch', with: { batch } }))?.state, 'closed');
    await stale(store, send(store, batch));
    assert.equal((await store.submission({ submission: 1 }))?.settledAt, undefined);
    await deliver(store);
    assert.deepEqual(await counts(store, 1), { delivered: 3, suspended: 1 });
    assert.deepEqual((await work(store)).kind, 'idle');
    await act(store, { verb: 'release', where: 'submission=1' });
    const offered = await work(store);
    assert.equal(offered.kind, 'candidates');
    assert.deepEqual(offered.blocks[0]?.waiting, [1]);
    await deliver(store);
    assert.deepEqual(await counts(store, 1), { delivered: 4 });
    assert.notEqual((await store.submission({ submission: 1 }))?.settledAt, undefined);
  });

  test('a batch that is being sent is not touched, and that is told', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 4 }]);
    const batch = await plan(store, { maxMessages: 2 });
    await send(store, batch);
    const acting = await actingOn(store);
    const preview = await acting.preview({ verb: 'suspend', where: 'submission=1' });
    assert.deepEqual([preview.count, preview.leftOut.map(({ state, count }) => [state, count])], [2, [['sending', 2]]]);
    await act(store, { verb: 'suspend', where: 'submission=1' });
    await store.answer(answerTo(batch));
    assert.deepEqual(await counts(store, 1), { delivered: 2, suspended: 2 });
  });

  test('of a submission that is refused or given up meanwhile, they are given up with the rest', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 2 }, { items: 2, exceptions: { 0: 'invalid' } }], { gate: true });
    assert.deepEqual(await counts(store, 1), { cancelled: 3, invalid: 1 });
    await routed(store, 2, [{ items: 3, exceptions: { 1: 'suspended', 2: 'invalid' } }], { gate: true });
    assert.deepEqual(await counts(store, 2), { cancelled: 2, invalid: 1 });
    assert.notEqual((await store.submission({ submission: 2 }))?.settledAt, undefined);
    await audit(store);
  });
});

describe('cancel', () => {
  test('what is queued, held back or in doubt', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 6 }]);
    const batch = await deliver(store, { exceptions: [exception(2, 'inDoubt')] }, { maxMessages: 2 });
    const { instance } = await store.facts();
    await act(store, { verb: 'suspend', where: `message=${instance}-1-3` });
    const done = await act(store, { verb: 'cancel', where: 'submission=1' });
    assert.equal(done.done, 5);
    assert.deepEqual(await counts(store, 1), { delivered: 1, cancelled: 5 });
    assert.equal((await store.ask({ question: 'batch', with: { batch } }))?.state, 'closed');
    assert.notEqual((await store.submission({ submission: 1 }))?.settledAt, undefined);
    assert.equal((await work(store)).kind, 'idle');
  });
});

describe('resolve', () => {
  const goals: readonly ['delivered' | 'rejected' | 'queued' | 'cancelled', MessageState][] = [
    ['delivered', 'delivered'],
    ['rejected', 'rejected'],
    ['queued', 'queued'],
    ['cancelled', 'cancelled'],
  ];
  for (const [goal, state] of goals)
    test(`one message of a batch: ${goal}; the others stay in doubt and hold the lane`, async (t) => {
      const store = await opened(t);
      await routed(store, 1, [{ items: 3 }]);
      const batch = await deliver(store, { rest: 'inDoubt' });
      const { instance } = await store.facts();
      await act(store, { verb: 'resolve', goal, where: `message=${instance}-1-2` });
      assert.deepEqual(await counts(store, 1), { inDoubt: 2, [state]: 1 });
      assert.deepEqual(await work(store), { kind: 'held', batch });
      await act(store, { verb: 'resolve', goal, where: `batch=B${batch}` });
      assert.deepEqual(await counts(store, 1), { [state]: 3 });
      // It was touched, so it is never again sent as itself.
      assert.notEqual((await store.ask({ question: 'batch', with: { batch } }))?.state, 'planned');
      const next = await work(store);
      assert.equal(next.kind, goal === 'queued' ? 'candidates' : 'idle');
    });
});

describe('an act', () => {
  test('is refused on a state from which it does not lead, and without its outcome', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 1 }]);
    const refused = async (question: Parameters<typeof act>[1], code: string) =>
      assert.rejects(act(store, question), { code });
    await refused({ verb: 'resend', where: 'state=delivered' }, 'ACT_STATE');
    await refused({ verb: 'suspend', where: 'state=rejected' }, 'ACT_STATE');
    await refused({ verb: 'resolve', where: 'submission=1' }, 'ACT_GOAL');
    await refused({ verb: 'resend', goal: 'delivered', where: 'submission=1' }, 'ACT_GOAL');
    await refused({ verb: 'release', where: 'submission=1' }, 'ACT_NOTHING');
    assert.deepEqual(await store.ask({ question: 'acts', with: { limit: 10 } }), []);
  });

  test('is refused where another number was confirmed than fits now', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 3 }]);
    const question = { verb: 'suspend', where: 'submission=1' } as const;
    await assert.rejects(act(store, question, { confirm: 2 }), { code: 'ACT_COUNT' });
    assert.deepEqual(await counts(store, 1), { queued: 3 });
    await act(store, question, { confirm: 3 });
    assert.deepEqual(await counts(store, 1), { suspended: 3 });
  });

  test('queues nothing for a destination that is gone; what is given up may be of one', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 2 }]);
    await deliver(store, { rest: 'rejected' });
    const acting = await actingOn(store, 9000, (destination) => destination !== 'registry');
    const request = { where: 'submission=1', who: 'ana', reason: 'r', confirm: 'any' } as const;
    await assert.rejects(acting.begin({ verb: 'resend', ...request }), { code: 'DESTINATION_UNKNOWN' });
    await routed(store, 2, [{ items: 1 }]);
    await acting.begin({ verb: 'cancel', ...request, where: 'submission=2' });
    await acting.finish();
    assert.deepEqual(await counts(store, 2), { cancelled: 1 });
  });

  test('is in the events of every submission that it touched: who, why, which, how many', async (t) => {
    const store = await opened(t);
    for (const n of [1, 2]) await routed(store, n, [{ items: n }]);
    await routed(store, 3, [{ items: 1 }]);
    const { act: number } = await act(store, { verb: 'suspend', where: 'submission=1,2' });
    for (const submission of [1, 2]) {
      const [event, ...more] = await store.ask({ question: 'events', with: { submission, limit: 10 } });
      assert.deepEqual(more, []);
      assert.deepEqual(
        [event?.who, event?.what, event?.at, event?.destination, event?.detail],
        [
          'ana',
          'suspended',
          9000,
          'registry',
          { to: 'suspended', messages: submission, filter: 'submission=1,2', reason: 'a test', act: number },
        ],
      );
    }
    assert.deepEqual(await store.ask({ question: 'events', with: { submission: 3, limit: 10 } }), []);
    const [row] = await store.ask({ question: 'acts', with: { limit: 10 } });
    assert.deepEqual(row?.submissions, [
      { submission: 1, done: 1 },
      { submission: 2, done: 2 },
    ]);
  });

  test('leaves what has changed since it was decided, and goes on after a restart', async (t) => {
    const open = await openSqlite(t);
    let { store } = open;
    await routed(store, 1, [{ items: 1200 }]);
    const acting = await actingOn(store);
    const parts = await acting.preview({ verb: 'suspend', where: 'submission=1' });
    assert.equal(parts.count, 1200);
    await acting.stop();
    // Decided, and ended before its first part.
    const { act: number } = await acting.begin({
      verb: 'suspend',
      where: 'submission=1',
      who: 'ana',
      reason: 'r',
      confirm: 1200,
    });
    assert.deepEqual(await counts(store, 1), { queued: 1200 });
    await store.continueAct({ act: number, at: 1 });
    assert.deepEqual(await counts(store, 1), { queued: 700, suspended: 500 });
    store = await open.again();
    await deliver(store, {}, { maxMessages: 100 });
    const next = await actingOn(store);
    next.goOn();
    await next.finish();
    assert.deepEqual(await counts(store, 1), { delivered: 100, suspended: 1100 });
    const done = await next.act(number);
    assert.deepEqual([done.state, done.done, done.skipped], ['done', 1100, 100]);
    assert.deepEqual(await store.continueAct({ act: number, at: 2 }), { finished: true, changed: 0 });
    assert.equal(await stateOf(store, 1), 'suspended');
    await audit(store);
  });

  test('does not act again on what has been sent and rejected anew', async (t) => {
    const store = await opened(t);
    await routed(store, 1, [{ items: 2 }]);
    await deliver(store, { rest: 'rejected' });
    const acting = await actingOn(store);
    await acting.stop();
    const request = { verb: 'resend', where: 'submission=1', who: 'ana', reason: 'r', confirm: 2 } as const;
    const first = await acting.begin(request);
    const second = await acting.begin(request);
    await store.continueAct({ act: first.act, at: 1 });
    await deliver(store, { rest: 'rejected' });
    await store.continueAct({ act: second.act, at: 1 });
    assert.deepEqual((await acting.act(second.act)).skipped, 2);
    assert.deepEqual(await counts(store, 1), { rejected: 2 });
    await audit(store);
  });
});
