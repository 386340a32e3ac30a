import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { test } from 'node:test';
import type { Questions } from '../../engine/contracts/store.ts';
import { Database, openForWriting, type Row } from '../../store/sqlite/database.ts';
import { ask, facts } from '../../store/sqlite/questions.ts';
import * as lanes from '../../store/sqlite/read-lanes.ts';
import * as intake from '../../store/sqlite/write-accept.ts';
import * as decisions from '../../store/sqlite/write-decisions.ts';
import * as deliveries from '../../store/sqlite/write-deliveries.ts';
import * as submissions from '../../store/sqlite/write-submissions.ts';
import { dataFolder } from './ledger.ts';
import { answerTo, entriesTo, exception, newBlock, partsOf, RUN, SNAPSHOT, STRICT, submission } from './support.ts';

/** Tables that grow with every message, batch or submission. */
const BIG = ['submissions', 'entries', 'counters', 'duplicates', 'item_blocks', 'body_blocks', 'bodies', 'messages'];
const BIG_TOO = ['batches', 'batch_parts', 'attempts', 'outcomes', 'events', 'snapshots', 'receipts'];

/** Indexes of what is open or waits; they stay small, so they may be read from end to end. */
const SMALL_INDEXES = [
  'body_blocks_pending',
  'batches_open',
  'attempts_sending',
  'submissions_unrouted',
  'submissions_unfinished',
  'events_purge_runs',
];

/** Keeps every statement that is run. */
class Recorder extends Database {
  readonly statements = new Set<string>();

  override run(sql: string, ...values: SQLInputValue[]): number {
    this.statements.add(sql);
    return super.run(sql, ...values);
  }
  override insert(sql: string, ...values: SQLInputValue[]): number {
    this.statements.add(sql);
    return super.insert(sql, ...values);
  }
  override get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    this.statements.add(sql);
    return super.get(sql, ...values);
  }
  override all(sql: string, ...values: SQLInputValue[]): Row[] {
    if (!sql.startsWith('EXPLAIN')) this.statements.add(sql);
    return super.all(sql, ...values);
  }
}

function plans(db: Database, sql: string): string[] {
  return db.all(`EXPLAIN QUERY PLAN ${sql}`).map((row) => String(row.detail));
}

/** Steps of a plan that read a big table from end to end. */
function scans(db: Database, sql: string): string[] {
  const alias = new Map([...sql.matchAll(/\b(?:FROM|JOIN|UPDATE)\s+([a-z_]+)\s+([a-z])\b/g)].map((m) => [m[2], m[1]]));
  return plans(db, sql).filter((step) => {
    const [, name = ''] = /^SCAN (\S+)/.exec(step) ?? [];
    const table = alias.get(name) ?? name;
    if (![...BIG, ...BIG_TOO].includes(table)) return false;
    return !SMALL_INDEXES.some((index) => step.includes(index));
  });
}

/** Two submissions on their whole way, with every kind of answer and decision. */
function exercise(db: Recorder): void {
  const entries = entriesTo('registry', 'registry', 'archive');
  intake.putSnapshot(db, { hash: SNAPSHOT, body: Buffer.from('x') });
  for (const n of [1, 2, 3]) intake.accept(db, submission(n, { entries, gate: n === 2, claim: `claim-${n}` }));
  intake.accept(db, submission(4, { hash: 'hash-1' }));
  for (const n of [1, 2, 3]) {
    submissions.scanned(db, {
      submission: n,
      scan: { items: 4, charset: 'utf-8', transcoded: false, cursor: 0, lines: 1, details: {} },
    });
    submissions.beginRouting(db, { submission: n });
    const exceptions = n === 2 ? { 0: 'invalid' as const } : {};
    submissions.commitBlock(
      db,
      newBlock(n, 0, 0, 0, {
        items: 4,
        exceptions,
        to: [
          ['registry', [0, 1]],
          ['archive', [2]],
        ],
      }),
    );
    if (n < 3) submissions.endRouting(db, { submission: n, at: 1 });
  }
  const upload = { service: 'partners', partner: 'north', key: 'k', hash: 'h', acceptedAt: 1, expiresAt: 2 };
  for (const receipt of [1, 2]) {
    const part = submission(10 + receipt, { entries, receipt, part: 'doses', owner: '' });
    intake.acceptUpload(db, { ...upload, receipt, submissions: [part], refuseDuplicate: true });
  }
  const other = submission(13, { receipt: 3, part: 'doses', owner: '' });
  intake.acceptUpload(db, { ...upload, key: undefined, receipt: 3, submissions: [other], refuseDuplicate: true });
  const scan = { items: 0, charset: 'utf-8', transcoded: false, cursor: 0, lines: 0, details: {} };
  submissions.quarantine(db, { submission: 11, scan, refusal: { code: 'BTS', reason: 'one lacks' }, at: 1 });
  submissions.release(db, { submission: 11, who: 'ana', reason: 'asked', at: 1 });
  submissions.cancelSubmission(db, { submission: 11, who: 'ana', reason: 'asked', at: 1 });
  submissions.setProgress(db, { submission: 1, progress: 'moved' });
  const request = {
    destination: 'registry',
    maxMessages: 3,
    mixSubmissions: true,
    ahead: true,
    lane: 0,
    now: 10_000,
    inHand: [],
    ...STRICT,
  };
  const planNext = (): number => {
    const work = lanes.nextWork(db, request);
    assert.equal(work.kind, 'candidates');
    const parts = partsOf(work.blocks, 3);
    const count = parts.reduce((sum, part) => sum + part.count, 0);
    const replaces = work.blocks[0]?.replaces;
    return deliveries.plan(db, { destination: 'registry', lane: 0, parts, count, bytes: 1, plannedAt: 1, replaces })
      .batch;
  };
  const first = planNext();
  deliveries.beginSending(db, { batch: first, attempt: 1, run: RUN, at: 1, ...STRICT });
  planNext();
  deliveries.answer(db, answerTo(first, { exceptions: [exception(1, 'queued'), exception(2, 'inDoubt')] }));
  decisions.resolve(db, { batch: first, to: 'queued', reason: '', who: 'ana', at: 1 });
  const second = planNext();
  assert.equal(lanes.nextWork(db, request).kind, 'planned');
  deliveries.beginSending(db, { batch: second, attempt: 1, run: RUN, at: 1, ...STRICT });
  deliveries.recover(db, { run: 'run-2', registered: [], at: 1 });
  decisions.stop(db, { destination: 'registry', stop: { since: 1, code: '', reason: '', whose: '', next: '' } });
  decisions.resume(db, { destination: 'registry', at: 1, who: 'ana', why: '' });
  submissions.refuse(db, { submission: 3, refusal: { code: 'BAD', reason: 'bad' }, at: 1 });
  lanes.nextToRoute(db);
  lanes.uniqueKeys(db, { submission: 1 });
  lanes.due(db);
  lanes.findClaim(db, { claim: 'claim-1' });
  lanes.unfinished(db, { service: 'drop' });
  lanes.rejectBlocks(db, { submission: 1, after: -1 });
  facts(db);
}

const QUESTIONS: { readonly [K in Exclude<keyof Questions, 'status' | 'conservation'>]: Questions[K]['with'] } = {
  submissions: { limit: 10, name: 'file-1.csv' },
  locate: { submission: 1, line: 3 },
  locateItem: { submission: 1, item: 2 },
  message: { message: 1 },
  batch: { batch: 1 },
  bodyBlock: { bodyBlock: 1 },
  verify: { after: 0 },
  snapshot: { hash: SNAPSHOT },
  submission: { submission: 1 },
  rejects: { submission: 1, after: -1 },
  counters: { submission: 1 },
  receipt: { receipt: 1 },
  links: { submission: 1, item: 1, messages: [1, 2] },
  corrections: { submission: 2, ids: [{ submission: 1, item: 1 }] },
  search: { digest: Buffer.alloc(16), limit: 10 },
  caused: { batch: 1 },
  answersTo: { submission: 1 },
  events: { batch: 1, limit: 10 },
  selectMessages: { filter: {}, after: undefined },
  acts: { limit: 10, running: true },
  act: { act: 1 },
  facts: {},
  purgeable: { what: 'ledger', from: 'whole', after: undefined },
  openPurges: {},
  lastPurge: {},
  retention: {},
};

function recorder(path: string): Recorder {
  openForWriting(path).close();
  return new Recorder(new DatabaseSync(path));
}

test('no statement of the engine reads a big table from end to end', (t) => {
  const db = recorder(join(dataFolder(t), 'ledger.db'));
  exercise(db);
  const recorded = [...db.statements];
  assert.ok(recorded.length > 50, 'the statements were recorded');
  for (const sql of recorded) assert.deepEqual(scans(db, sql), [], sql);
  db.close();
});

test('no question but the counts over all submissions reads a big table from end to end', (t) => {
  const db = recorder(join(dataFolder(t), 'ledger.db'));
  exercise(db);
  db.statements.clear();
  for (const [question, request] of Object.entries(QUESTIONS)) ask(db, question as keyof Questions, request as never);
  ask(db, 'events', { submission: 1, limit: 1 });
  ask(db, 'events', { destination: 'registry', limit: 1 });
  for (const sql of db.statements) assert.deepEqual(scans(db, sql), [], sql);
  db.statements.clear();
  ask(db, 'status', {});
  ask(db, 'conservation', {});
  const scanned = [...db.statements].flatMap((sql) => scans(db, sql));
  assert.ok(
    scanned.every((step) => /^SCAN (c|e|submissions)\b/.test(step)),
    scanned.join('\n'),
  );
  db.close();
});

test('the hot statements use the index that was made for them', (t) => {
  const db = recorder(join(dataFolder(t), 'ledger.db'));
  exercise(db);
  const plan = (part: RegExp) => {
    const found = [...db.statements].filter((sql) => part.test(sql));
    assert.ok(found.length > 0, String(part));
    return found.flatMap((sql) => plans(db, sql)).join('; ');
  };
  assert.match(
    plan(/FROM body_blocks WHERE destination = \? AND lane = \? AND pending > 0 ORDER/),
    /INDEX body_blocks_pending \(destination=\? AND lane=\?\)$/,
  );
  assert.match(
    plan(/pending > 0 AND \(place, id\) >/),
    /INDEX body_blocks_pending \(destination=\? AND lane=\? AND place>\?\)$/,
  );
  assert.match(
    plan(/SELECT \* FROM batches WHERE destination = \? AND lane/),
    /INDEX batches_open \(destination=\? AND lane=\? AND state=\?\)$/,
  );
  assert.match(plan(/FROM submissions s WHERE s.state IN/), /INDEX submissions_unrouted \(place<\?\)/);
  assert.match(plan(/FROM next_message/), /SEARCH messages(;|$)/);
  assert.match(plan(/max\(place\)/), /COVERING INDEX submissions_place/);
  for (const range of [/UPDATE messages SET state = \? WHERE id BETWEEN/, /UPDATE messages SET batch/]) {
    assert.match(plan(range), /INTEGER PRIMARY KEY \(rowid>\? AND rowid<\?\)/);
  }
  db.close();
});
