/** Selections of messages that are settled: the current versions only, whatever else the ledger holds, a bounded page at a time. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { describe, test } from 'node:test';
import { ACT_VERBS, ACTS } from '../../engine/acts.ts';
import type { MessageFilter, SelectionCursor, SelectionPage } from '../../engine/contracts/acting.ts';
import type { Store } from '../../engine/contracts/store.ts';
import { MESSAGE_STATES, type MessageState } from '../../engine/states.ts';
import { Database, openForWriting, type Row } from '../../store/sqlite/database.ts';
import { selectMessages } from '../../store/sqlite/select-messages.ts';
import * as intake from '../../store/sqlite/write-accept.ts';
import * as submissions from '../../store/sqlite/write-submissions.ts';
import { act, actingOn, selectAll } from './acting-support.ts';
import { dataFolder, openSqlite } from './ledger.ts';
import {
  audit,
  counts,
  deliver,
  entriesTo,
  exception,
  newBlock,
  routed,
  SNAPSHOT,
  submission,
  versionOf,
} from './support.ts';

/** Counts the statements that read. */
class Recorder extends Database {
  reads = 0;

  override all(sql: string, ...values: SQLInputValue[]): Row[] {
    this.reads += 1;
    return super.all(sql, ...values);
  }
}

/** A new version of the only message of an item, in the place of this one. */
async function replace(store: Store, item: number, message: number, from: MessageState): Promise<number> {
  const { versions } = await store.newVersions(versionOf(1, item, message, from));
  return versions[0]?.message ?? 0;
}

/** Every message in every settled state, some of them replaced by a version that was settled in the same state. */
async function settled(store: Store) {
  await routed(store, 1, [{ items: 8, exceptions: { 6: 'invalid', 7: 'filtered' } }]);
  await deliver(store, {
    exceptions: [exception(3, 'rejected'), exception(4, 'rejected'), exception(5, 'failed'), exception(6, 'failed')],
  });
  const replaced = [
    await replace(store, 1, 1, 'delivered'),
    await replace(store, 3, 3, 'rejected'),
    await replace(store, 5, 5, 'failed'),
  ];
  const [delivered = 0, rejected = 0, failed = 0] = replaced;
  await deliver(store, { exceptions: [exception(rejected, 'rejected'), exception(failed, 'failed')] });
  await audit(store);
  assert.deepEqual(await counts(store, 1), { delivered: 2, rejected: 2, failed: 2, invalid: 1, filtered: 1 });
  assert.notEqual((await store.submission({ submission: 1 }))?.settledAt, undefined);
  return { delivered, rejected, failed };
}

describe('selecting what is settled', () => {
  test('finds the current versions only, in a submission that is settled as a whole', async (t) => {
    const { store } = await openSqlite(t);
    const made = await settled(store);
    const found = async (filter: MessageFilter) =>
      (await selectAll(store, filter)).map(({ message, item, version }) => ({ message, item, version }));
    const expected = {
      delivered: [
        { message: 2, item: 2, version: 1 },
        { message: made.delivered, item: 1, version: 2 },
      ],
      rejected: [
        { message: 4, item: 4, version: 1 },
        { message: made.rejected, item: 3, version: 2 },
      ],
      failed: [
        { message: 6, item: 6, version: 1 },
        { message: made.failed, item: 5, version: 2 },
      ],
    };
    for (const [state, messages] of Object.entries(expected) as [keyof typeof expected, object[]][]) {
      assert.deepEqual(await found({ states: [state] }), messages, state);
      assert.deepEqual(await found({ states: [state], submissions: [1] }), messages, `${state} of a submission`);
      assert.deepEqual(await found({ states: [state], destinations: ['archive'] }), []);
    }
    assert.deepEqual(
      (await found({ states: ['delivered', 'rejected', 'failed'] })).map(({ message }) => message),
      [2, 4, 6, made.delivered, made.rejected, made.failed],
    );
    assert.deepEqual(
      (await found({ items: [{ submission: 1, item: 3 }] })).map(({ message }) => message),
      [made.rejected],
      'an item that was named',
    );
    assert.deepEqual(
      (await found({ states: ['invalid', 'filtered'] })).map(({ item }) => item),
      [7, 8],
    );
    for (const state of ['queued', 'sending', 'inDoubt', 'suspended', 'cancelled'] as const)
      assert.deepEqual(await found({ states: [state] }), [], state);
  });

  test('an act on what is settled changes the current versions and leaves those that were replaced', async (t) => {
    const { store } = await openSqlite(t);
    const made = await settled(store);
    const done = await act(store, { verb: 'resend', where: 'state=rejected,failed' });
    assert.deepEqual([done.count, done.done, done.skipped], [4, 4, 0]);
    const queued = (await selectAll(store, { states: ['queued'] })).map(({ message }) => message);
    assert.deepEqual(queued, [4, 6, made.rejected, made.failed]);
    for (const item of [1, 3, 5]) {
      const found = await store.ask({ question: 'locateItem', with: { submission: 1, item } });
      const [old] = found?.messages.filter(({ version }) => version === 1) ?? [];
      assert.deepEqual([old?.message, old?.state], [item, 'replaced']);
    }
  });

  test('no act takes a state from which it does not lead, and nothing is kept of the try', async (t) => {
    const { store } = await openSqlite(t);
    await settled(store);
    const acting = await actingOn(store);
    const before = await counts(store, 1);
    for (const verb of ACT_VERBS) {
      const allowed: readonly MessageState[] = [...ACTS[verb].from, ...ACTS[verb].ifNamed];
      const goal = verb === 'resolve' ? { goal: 'delivered' as const } : {};
      for (const state of Object.keys(MESSAGE_STATES) as MessageState[]) {
        if (allowed.includes(state)) continue;
        const question = { verb, ...goal, where: `state=${state}` };
        const refused = { code: 'ACT_STATE', message: new RegExp(`${allowed.join(', ')}.* not on .* ${state}\\.`) };
        await assert.rejects(acting.preview(question), refused, `${verb} of what is ${state}`);
        const request = { ...question, who: 'ana', reason: 'r', confirm: 'any' } as const;
        await assert.rejects(acting.begin(request), refused);
      }
    }
    assert.deepEqual(await store.ask({ question: 'acts', with: { limit: 10 } }), []);
    assert.deepEqual(await counts(store, 1), before);
  });
});

describe('a page of a selection', () => {
  /** Pages of a filter, from the first to the last. */
  async function pagesOf(store: Store, filter: MessageFilter): Promise<SelectionPage[]> {
    const pages: SelectionPage[] = [];
    let after: SelectionCursor | undefined;
    do {
      const page = await store.ask({ question: 'selectMessages', with: { filter, after } });
      pages.push(page);
      after = page.next;
    } while (after);
    return pages;
  }

  test('holds some thousand messages at most, though all the messages of a submission are settled', async (t) => {
    const { store } = await openSqlite(t);
    await routed(
      store,
      1,
      Array.from({ length: 6 }, () => ({ items: 900 })),
    );
    await deliver(store, {}, { maxMessages: 5400 });
    const pages = await pagesOf(store, { states: ['delivered'] });
    assert.ok(pages.length >= 2);
    for (const page of pages) assert.ok(page.messages.length < 3000, `${page.messages.length} on a page`);
    const all = pages.flatMap(({ messages }) => messages.map(({ message }) => message));
    assert.deepEqual(
      all,
      Array.from({ length: 5400 }, (_, n) => n + 1),
    );
  });

  test('reads so many submissions at most, though none of them has what is looked for', (t) => {
    const path = join(dataFolder(t), 'ledger.db');
    openForWriting(path).close();
    const db = new Recorder(new DatabaseSync(path));
    const count = 1500;
    db.run('BEGIN');
    intake.putSnapshot(db, { hash: SNAPSHOT, body: Buffer.from('x') });
    for (let number = 1; number <= count; number += 1) {
      intake.accept(db, submission(number, { entries: entriesTo('archive') }));
      const scan = { items: 1, charset: 'utf-8', transcoded: false, cursor: 0, lines: 1, details: {} };
      submissions.scanned(db, { submission: number, scan });
      submissions.beginRouting(db, { submission: number });
      submissions.commitBlock(db, newBlock(number, 0, 0, 0, { items: 1, to: [['archive', [0]]] }));
      submissions.endRouting(db, { submission: number, at: 1 });
    }
    db.run('COMMIT');
    const reading = (filter: MessageFilter) => {
      let found = 0;
      let most = 0;
      let after: SelectionCursor | undefined;
      do {
        db.reads = 0;
        const page = selectMessages(db, { filter, after });
        most = Math.max(most, db.reads);
        found += page.messages.length;
        after = page.next;
      } while (after);
      return { found, most };
    };
    const fits = reading({ destinations: ['archive'] });
    assert.deepEqual(fits.found, count);
    const none = reading({ destinations: ['registry'] });
    assert.equal(none.found, 0);
    for (const { most } of [fits, none]) assert.ok(most < 1000, `${most} reads for a page`);
    db.close();
  });
});
