/** Retention as a constraint of the store: what can be deleted, when, by whom; and what is left afterwards. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import type { RetentionRow } from '../../engine/contracts/keeping.ts';
import type { Store } from '../../engine/contracts/store.ts';
import { Database, openForWriting, type Row } from '../../store/sqlite/database.ts';
import { ask } from '../../store/sqlite/questions.ts';
import { purgeable } from '../../store/sqlite/read-purge.ts';
import * as intake from '../../store/sqlite/write-accept.ts';
import * as deliveries from '../../store/sqlite/write-deliveries.ts';
import * as writes from '../../store/sqlite/write-purge.ts';
import * as submissions from '../../store/sqlite/write-submissions.ts';
import { age, DAY, keepDays } from './keeping-support.ts';
import { dataFolder, openOne } from './ledger.ts';
import {
  answerTo,
  type BlockShape,
  deliver,
  exception,
  newBlock,
  plan,
  planned,
  RUN,
  routed,
  SNAPSHOT,
  STRICT,
  send,
  submission,
} from './support.ts';

/** A ledger that a test changes by hand while no store has it open. */
async function rig(t: TestContext) {
  let store: Store | undefined;
  const path = join(
    dataFolder(t, () => store?.close()),
    'ledger.db',
  );
  const open = async () => {
    await store?.close();
    store = await openOne(path);
    return store;
  };
  const byHand = async <T>(work: (db: Database) => T): Promise<T> => {
    await store?.close();
    store = undefined;
    const db = openForWriting(path);
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  return { path, open, byHand };
}

/** A submission of which everything was delivered, but for what the block says. */
async function delivered(store: Store, number: number, shape: BlockShape, over = {}): Promise<void> {
  await routed(store, number, [shape], over);
  await deliver(store);
  await store.progress({ submission: number, progress: 'closed' });
}

const REJECTS = { over: { rejects: Buffer.from('rejected rows') } };

/** Purges by the store alone. */
async function purge(store: Store, what: 'bodies' | 'ledger', route?: string): Promise<readonly number[]> {
  const { submissions } = await store.beginPurge({
    what,
    after: undefined,
    who: 'ana',
    at: Date.now(),
    ...(route === undefined ? {} : { route }),
  });
  for (let done = false; !done; ) done = (await store.purgeSlice()).emptied;
  for (const number of submissions) await store.endPurge({ submission: number, fileBytes: 7, at: Date.now() });
  return submissions;
}

/** Rows of a table that are about a submission. */
function rows(db: Database, table: string): number {
  return Number(db.get(`SELECT count(*) AS n FROM ${table}`)?.n);
}

const DELETES = [
  'DELETE FROM bodies',
  'DELETE FROM body_blocks',
  'DELETE FROM messages',
  'DELETE FROM item_blocks',
  'UPDATE item_blocks SET rejects = NULL',
  `UPDATE item_blocks SET rejects = x'00'`,
  'DELETE FROM outcomes',
  'DELETE FROM verdicts',
  'DELETE FROM attempts',
  'DELETE FROM batch_parts',
  'DELETE FROM batches',
  'DELETE FROM edited_rows',
  'DELETE FROM search_digests',
  'DELETE FROM submissions',
  'DELETE FROM events',
  'UPDATE submissions SET bodies_purged_at = 1',
  'UPDATE submissions SET purged_at = 1',
];

function refusesAll(db: Database, why: string, kept: readonly string[] = DELETES): void {
  db.exec('PRAGMA foreign_keys = OFF');
  for (const sql of kept) assert.throws(() => db.run(sql), /purge|never|not settled/, `${why}: ${sql}`);
  db.exec('PRAGMA foreign_keys = ON');
}

const BEGIN = `INSERT INTO purges (submission, what, begun_at, who) VALUES (1, ?, 1, 'x')`;

/** Every table that purging touches has a row. */
async function everyTable(store: Store): Promise<void> {
  await routed(store, 1, [{ items: 3, over: { ...REJECTS.over, search: [Buffer.alloc(48, 1)] } }]);
  const batch = await plan(store);
  await send(store, batch);
  await store.answer({
    batch,
    attempt: 1,
    run: 'run-1',
    at: 5000,
    rest: 'delivered',
    exceptions: [exception(2, 'rejected'), exception(3, 'inDoubt')],
    code: 'X',
    words: 'some',
    whose: '',
    status: 200,
    answer: Buffer.from('MSA'),
    dueAt: 0,
    stop: undefined,
  });
  await store.decideDoubt({
    attempt: 1,
    batch,
    at: 6000,
    who: 'probe',
    rest: 'delivered',
    exceptions: [exception(3, 'delivered')],
    answer: undefined,
    code: 'X',
    words: 'it is there',
    askAt: 0,
  });
  await store.newVersions({
    submission: 1,
    item: 2,
    kind: 'rowEdited',
    at: 7000,
    who: 'ana',
    reason: 'r',
    changed: ['a'],
    row: Buffer.from('row'),
    search: [],
    versions: [{ replaces: 2, from: 'rejected', state: 'filtered', body: new Uint8Array(), bytes: 0 }],
  });
  await store.progress({ submission: 1, progress: 'closed' });
}

test('nothing can be deleted by hand, settled or not, without a purge; and none begins without retention', async (t) => {
  const { open, byHand } = await rig(t);
  await everyTable(await open());
  await byHand((db) => {
    for (const table of ['verdicts', 'outcomes', 'edited_rows', 'search_digests', 'successors'])
      assert.ok(rows(db, table) > 0, table);
    refusesAll(db, 'settled');
    assert.throws(() => db.run(BEGIN, 'bodies'), /not final or not past its retention/);
    age(db, 1, 10_000);
    assert.throws(() => db.run(BEGIN, 'bodies'), /not final or not past its retention/, 'for ever');
    refusesAll(db, 'old');
  });
});

test('only what is settled, told and past its retention can be purged, by the clock of the store', async (t) => {
  const { open, byHand } = await rig(t);
  const store = await open();
  await store.setRetention({ rows: keepDays(30, 60) });
  await routed(store, 1, [{ items: 2 }]);
  const tries = (db: Database) => assert.throws(() => db.run(BEGIN, 'bodies'), /not final or not past its retention/);
  await byHand((db) => {
    tries(db);
    db.run('UPDATE body_blocks SET routed_at = 1');
    tries(db);
  });
  const second = await open();
  await deliver(second, { rest: 'inDoubt' });
  await byHand(tries);
  const third = await open();
  await third.resolve({ batch: 1, to: 'delivered', reason: '', who: 'ana', at: Date.now() });
  await byHand((db) => {
    age(db, 1, 31);
    tries(db);
    db.run(`UPDATE submissions SET progress = 'closed'`);
    age(db, 1, 29);
    tries(db);
    age(db, 1, 31);
    db.run('UPDATE body_blocks SET routed_at = unixepoch() * 1000');
    tries(db);
    age(db, 1, 31);
    assert.throws(() => db.run(BEGIN, 'ledger'), /not final or not past/, 'bodies go first');
    db.run(BEGIN, 'bodies');
    const bodiesOnly = ['DELETE FROM bodies', 'UPDATE item_blocks SET rejects = NULL', 'DELETE FROM edited_rows'];
    refusesAll(
      db,
      'bodies are being purged',
      DELETES.filter((sql) => !bodiesOnly.includes(sql) && !/rejects|verdicts|edited|digests|outcomes/.test(sql)),
    );
    assert.throws(() => db.run('DELETE FROM purges'), /not done cannot be forgotten/);
    assert.throws(() => db.run(`UPDATE purges SET what = 'ledger'`), /never made another/);
    assert.throws(() => db.run('UPDATE submissions SET unsettled = 1'), /can be under way again/);
    assert.equal(db.run('DELETE FROM bodies'), 1);
  });
});

test('a retention that keeps rows shorter than bodies cannot be set', async (t) => {
  const { open } = await rig(t);
  const store = await open();
  await assert.rejects(store.setRetention({ rows: keepDays(30, 20) }), { code: 'STORE_STALE' });
  await assert.rejects(store.setRetention({ rows: keepDays(undefined, 20) }), { code: 'STORE_STALE' });
  await store.setRetention({ rows: keepDays(30, undefined) });
});

test('bodies go, rows stay; then rows go, counts and events stay; the law holds at every step', async (t) => {
  const { open, byHand } = await rig(t);
  await everyTable(await open());
  const before = await byHand((db) => {
    age(db, 1, 100);
    return ask(db, 'counters', { submission: 1 });
  });
  const store = await open();
  await store.setRetention({ rows: keepDays(30, 60) });
  assert.deepEqual((await purge(store, 'bodies')) as number[], [1]);
  await byHand((db) => {
    for (const table of ['bodies', 'edited_rows', 'purges']) assert.equal(rows(db, table), 0, table);
    assert.equal(rows(db, 'item_blocks WHERE rejects IS NOT NULL'), 0);
    for (const table of ['messages', 'outcomes', 'verdicts', 'attempts', 'search_digests', 'successors'])
      assert.ok(rows(db, table) > 0, table);
    const [found] = ask(db, 'verify', { after: 0 }).submissions;
    assert.equal(found?.purged, 'bodies');
    assert.deepEqual(found?.entries[0]?.mismatches, []);
    refusesAll(db, 'bodies are purged', ['DELETE FROM messages', 'DELETE FROM attempts', 'DELETE FROM item_blocks']);
    const row = ask(db, 'submission', { submission: 1 });
    assert.ok(row?.bodiesPurgedAt !== undefined && row.purgedAt === undefined);
    assert.throws(() => db.run('UPDATE submissions SET unsettled = 1'), /can be under way again/);
  });
  const again = await open();
  // The last batch keeps its row for its number: the next one is planned first.
  await routed(again, 2, [{ items: 1 }]);
  await plan(again);
  assert.deepEqual((await purge(again, 'ledger')) as number[], [1]);
  await byHand((db) => {
    for (const table of ['body_blocks', 'item_blocks'])
      assert.equal(rows(db, `${table} WHERE submission = 1`), 0, table);
    for (const table of ['outcomes', 'verdicts', 'search_digests', 'successors', 'attempts', 'purges'])
      assert.equal(rows(db, table), 0, table);
    assert.equal(rows(db, 'batches'), 1);
    assert.deepEqual(ask(db, 'counters', { submission: 1 }), before);
    assert.deepEqual(ask(db, 'conservation', {}), { mismatches: 0 });
    const [found] = ask(db, 'verify', { after: 0 }).submissions;
    assert.equal(found?.purged, 'ledger');
    assert.deepEqual(found?.entries[0]?.mismatches, []);
    const events = ask(db, 'events', { submission: 1, limit: 50 }).filter(({ what }) => what === 'purged');
    assert.deepEqual(
      events.map(({ who, detail }) => [who, detail.what, detail.messages]),
      [
        ['ana', 'bodies', undefined],
        ['ana', 'ledger', 4],
      ],
    );
    assert.equal(ask(db, 'locateItem', { submission: 1, item: 1 }), undefined);
  });
});

test('numbers of messages and batches are never given twice', async (t) => {
  const { open, byHand } = await rig(t);
  await delivered(await open(), 1, { items: 3 });
  await byHand((db) => age(db, 1, 10));
  const store = await open();
  await store.setRetention({ rows: keepDays(1, 2) });
  await purge(store, 'bodies');
  await purge(store, 'ledger');
  await routed(store, 2, [{ items: 1 }]);
  const batch = await plan(store);
  assert.equal(batch, 2);
  assert.deepEqual((await planned(store)).parts[0]?.members, [4]);
  assert.deepEqual(await store.purgeBatches({ after: 0 }), { next: undefined });
  await byHand((db) =>
    assert.deepEqual(
      db.all('SELECT id FROM batches').map(({ id }) => id),
      [2],
    ),
  );
});

test('the longest of its states counts; a route has its own times; without messages the plain ones', async (t) => {
  const { open, byHand } = await rig(t);
  const store = await open();
  await delivered(store, 1, { items: 2 });
  await delivered(store, 2, { items: 2, exceptions: { 0: 'invalid' } });
  await delivered(store, 3, { items: 2 }, { route: 'labs' });
  await store.accept(submission(4));
  await store.refuse({ submission: 4, refusal: { code: 'X', reason: 'x' }, at: 1 });
  await store.progress({ submission: 4, progress: 'closed' });
  const days = (state: RetentionRow['state'], bodies: number) => ({
    route: '',
    state,
    bodies: bodies * DAY,
    ledger: undefined,
  });
  await store.setRetention({
    rows: [
      ...keepDays(30, undefined).map((row) => (row.state === 'invalid' ? days('invalid', 90) : row)),
      ...keepDays(5, undefined, 'labs'),
    ],
  });
  const due = async (old: number) => {
    await byHand((db) => {
      for (const number of [1, 2, 3, 4]) age(db, number, old);
    });
    const now = await open();
    const page = await now.ask({ question: 'purgeable', with: { what: 'bodies', from: 'whole', after: undefined } });
    return page.submissions.map(({ submission }) => submission);
  };
  assert.deepEqual(await due(4), []);
  assert.deepEqual(await due(6), [3]);
  assert.deepEqual(await due(31), [1, 3, 4]);
  assert.deepEqual(await due(91), [1, 2, 3, 4]);
  const now = await open();
  assert.deepEqual((await purge(now, 'bodies', 'labs')) as number[], [3]);
});

test('a batch stays while a submission in it is kept, or is the answer to it', async (t) => {
  const { open, byHand } = await rig(t);
  const store = await open();
  await routed(store, 1, [{ items: 1 }]);
  await routed(store, 2, [{ items: 1 }]);
  const batch = await plan(store, { mixSubmissions: true });
  await send(store, batch);
  const answer = submission(3, { cause: batch, owner: '' });
  await store.answer({
    batch,
    attempt: 1,
    run: 'run-1',
    at: 5000,
    rest: 'delivered',
    exceptions: [],
    code: 'X',
    words: '',
    whose: '',
    status: 200,
    answer: Buffer.from('MSA'),
    dueAt: 0,
    stop: undefined,
    submission: answer,
  });
  for (const number of [1, 2]) await store.progress({ submission: number, progress: 'closed' });
  await store.refuse({ submission: 3, refusal: { code: 'X', reason: 'x' }, at: 1 });
  await byHand((db) => {
    age(db, 1, 100);
    age(db, 2, 1);
    age(db, 3, 1);
    db.run(`INSERT INTO batches (id, destination, state, whole, first_message, place, count, bytes, planned_at, due_at)
      VALUES (9, 'x', 'closed', 0, 1, 1, 1, 1, 1, 1)`);
  });
  const next = await open();
  await next.setRetention({ rows: keepDays(30, 60) });
  const left = async () =>
    byHand((db) => [rows(db, 'batch_parts'), rows(db, 'attempts'), rows(db, 'batches WHERE id = 1')]);
  await purge(next, 'bodies');
  await purge(next, 'ledger');
  assert.deepEqual(await left(), [1, 1, 1]);
  await byHand((db) => age(db, 2, 100));
  const third = await open();
  await purge(third, 'bodies');
  await purge(third, 'ledger');
  assert.deepEqual(await left(), [0, 1, 1]);
  await byHand((db) => age(db, 3, 100));
  const fourth = await open();
  await purge(fourth, 'bodies');
  await purge(fourth, 'ledger');
  await fourth.purgeBatches({ after: 0 });
  assert.deepEqual(await left(), [0, 0, 1]);
});

test('what is being purged is neither edited nor sent again', async (t) => {
  const { open, byHand } = await rig(t);
  const store = await open();
  await routed(store, 1, [{ items: 2 }]);
  await deliver(store, { rest: 'rejected' });
  await store.progress({ submission: 1, progress: 'closed' });
  await byHand((db) => age(db, 1, 100));
  const next = await open();
  await next.setRetention({ rows: keepDays(30, 60) });
  await next.beginPurge({ what: 'bodies', after: undefined, who: 'ana', at: 1 });
  const version = { replaces: 1, from: 'rejected', state: 'queued', body: Buffer.from('x'), bytes: 1 } as const;
  const edit = { submission: 1, item: 1, kind: 'messageEdited', at: 1, who: 'ana', reason: 'r', changed: [] } as const;
  await assert.rejects(next.newVersions({ ...edit, row: undefined, search: [], versions: [version] }), {
    code: 'STORE_STALE',
  });
  const groups = [{ state: 'rejected', batch: undefined, whole: false, ranges: [1, 2], count: 2 } as const];
  const act = { verb: 'resend', goal: 'queued', event: 'resent', filter: 'x', who: 'ana', reason: 'r', at: 1 } as const;
  const { act: id } = await next.recordAct({ ...act, count: 2, parts: [{ groups, count: 2 }] });
  assert.deepEqual(await next.continueAct({ act: id, at: 1 }), { finished: false, changed: 0 });
  assert.deepEqual(await next.continueAct({ act: id, at: 1 }), { finished: true, changed: 0 });
});

test('a row that is being purged, or was, is not corrected any more', async (t) => {
  const { open, byHand } = await rig(t);
  const store = await open();
  await routed(store, 1, [{ items: 2, exceptions: { 0: 'invalid', 1: 'invalid' } }]);
  await store.progress({ submission: 1, progress: 'closed' });
  await byHand((db) => age(db, 1, 100));
  const next = await open();
  await routed(next, 2, [{ items: 1 }]);
  const verdicts = (ids: readonly number[]) =>
    next.ask({ question: 'corrections', with: { submission: 2, ids: ids.map((item) => ({ submission: 1, item })) } });
  assert.deepEqual(await verdicts([1]), [{ kind: 'replaces', submission: 1, item: 1, stands: [] }]);
  await next.setRetention({ rows: keepDays(30, 60) });
  await next.beginPurge({ what: 'bodies', after: undefined, who: 'ana', at: 1 });
  assert.deepEqual(await verdicts([1, 2]), [{ kind: 'purged' }, { kind: 'purged' }]);
  await next.accept(submission(3));
  const scan = { items: 1, charset: 'utf-8', transcoded: false, cursor: 0, lines: 1, details: {} };
  await next.scanned({ submission: 3, scan });
  await next.beginRouting({ submission: 3 });
  const corrections = [{ position: 0, submission: 1, item: 1 }];
  const late = next.commitBlock({ ...newBlock(3, 0, 0, 0, { items: 1 }), corrections });
  await assert.rejects(late, { code: 'STORE_STALE' });
});

test('large submissions go in slices, and the file shrinks', async (t) => {
  const { open, byHand, path } = await rig(t);
  const store = await open();
  const blocks = 12;
  const items = 1000;
  const search = [Buffer.from(Uint8Array.from({ length: items * 16 }, (_, n) => (n * 31) % 251))];
  await store.putSnapshot({ hash: 'snapshot-1', body: Buffer.from('x') });
  await store.accept(submission(1));
  const scan = { items: blocks * items, charset: 'utf-8', transcoded: false, cursor: 0, lines: 1, details: {} };
  await store.scanned({ submission: 1, scan });
  await store.beginRouting({ submission: 1 });
  for (let block = 0; block < blocks; block += 1) {
    const made = newBlock(1, block, block * items, 0, { items });
    const bodies = made.bodies.map((body) => ({ ...body, body: Buffer.alloc(400_000, block) }));
    await store.commitBlock({ ...made, bodies, search });
  }
  await store.endRouting({ submission: 1, at: 1 });
  for (let block = 0; block < blocks; block += 1) await deliver(store);
  await store.progress({ submission: 1, progress: 'closed' });
  await byHand((db) => age(db, 1, 100));
  const before = statSync(path).size;
  const next = await open();
  await next.setRetention({ rows: keepDays(30, 60) });
  for (const [what, least] of [
    ['bodies', 1],
    ['ledger', 4],
  ] as const) {
    await next.beginPurge({ what, after: undefined, who: 'ana', at: Date.now() });
    let slices = 0;
    for (let emptied = false; !emptied; slices += 1) {
      const slice = await next.purgeSlice();
      assert.ok(slice.rows < 10_000, `${slice.rows} rows at once`);
      emptied = slice.emptied;
    }
    assert.ok(slices >= least, `${slices} slices of ${what}`);
    await next.endPurge({ submission: 1, fileBytes: 0, at: Date.now() });
  }
  for (let left = 1; left > 0; ) ({ left } = await next.reclaim());
  // While the store is still open: nothing waits for its end.
  assert.ok(statSync(path).size < before / 5, `${before} bytes before, ${statSync(path).size} after`);
  assert.equal(statSync(`${path}-wal`).size, 0);
});

test('no step of a purge reads a big table from end to end', (t) => {
  const path = join(dataFolder(t), 'ledger.db');
  openForWriting(path).close();
  const statements = new Set<string>();
  const recorder = new (class extends Database {
    override run(sql: string, ...values: SQLInputValue[]): number {
      statements.add(sql);
      return super.run(sql, ...values);
    }
    override get(sql: string, ...values: SQLInputValue[]): Row | undefined {
      statements.add(sql);
      return super.get(sql, ...values);
    }
    override all(sql: string, ...values: SQLInputValue[]): Row[] {
      statements.add(sql);
      return super.all(sql, ...values);
    }
  })(new DatabaseSync(path));
  t.after(() => recorder.close());
  const db = openForWriting(path);
  t.after(() => db.close());
  writes.setRetention(db, { rows: keepDays(30, 60) });
  oneDelivered(db);
  age(db, 1, 100);
  for (const what of ['bodies', 'ledger'] as const) {
    assert.deepEqual(writes.beginPurge(recorder, { what, after: undefined, who: 'ana', at: 1 }).submissions, [1]);
    for (let emptied = false; !emptied; ) ({ emptied } = writes.purgeSlice(recorder));
    writes.endPurge(recorder, { submission: 1, fileBytes: 0, at: 1 });
  }
  writes.purgeBatches(recorder, { after: 0 });
  for (const from of ['whole', 'bodiless'] as const) purgeable(recorder, { what: 'ledger', from, after: undefined });
  assert.ok(statements.size > 20, `${statements.size} statements`);
  const small = /^SCAN (purges|retention|r|t|CONSTANT ROW|c\b.*COVERING|c USING)/;
  for (const sql of [...statements].filter((each) => !each.startsWith('PRAGMA'))) {
    const steps = db.all(`EXPLAIN QUERY PLAN ${sql}`).map(({ detail }) => String(detail));
    assert.deepEqual(
      steps.filter((step) => step.startsWith('SCAN') && !small.test(step)),
      [],
      sql,
    );
  }
  const [due = ''] = [...statements].filter((sql) => sql.includes('s.bodies_purged_at IS NULL AND'));
  assert.match(
    db
      .all(`EXPLAIN QUERY PLAN ${due}`)
      .map(({ detail }) => detail)
      .join(),
    /SEARCH s USING INDEX submissions_kept \(settled_at/,
  );
});

/** A submission of one message, delivered, told of, as the store's own functions make it. */
function oneDelivered(db: Database): void {
  intake.putSnapshot(db, { hash: SNAPSHOT, body: Buffer.from('x') });
  intake.accept(db, submission(1));
  const scan = { items: 1, charset: 'utf-8', transcoded: false, cursor: 0, lines: 1, details: {} };
  submissions.scanned(db, { submission: 1, scan });
  submissions.beginRouting(db, { submission: 1 });
  submissions.commitBlock(db, newBlock(1, 0, 0, 0, { items: 1, ...REJECTS, over: { search: [Buffer.alloc(16, 7)] } }));
  submissions.endRouting(db, { submission: 1, at: 1 });
  const parts = [{ bodyBlock: 1, firstMessage: 1, lastMessage: 1, count: 1 }];
  const batch = { destination: 'registry', lane: 0, parts, count: 1, bytes: 1, plannedAt: 1, replaces: undefined };
  deliveries.plan(db, batch);
  deliveries.beginSending(db, { batch: 1, attempt: 1, run: RUN, at: 1, ...STRICT });
  deliveries.answer(db, answerTo(1));
  submissions.setProgress(db, { submission: 1, progress: 'closed' });
}
