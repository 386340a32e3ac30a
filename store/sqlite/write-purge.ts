import type {
  PurgeBegin,
  PurgeBegun,
  PurgeKind,
  PurgeRun,
  PurgeSlice,
  RetentionRow,
} from '../../engine/contracts/keeping.ts';
import { label } from '../../engine/labels.ts';
import { StoreError } from '../errors.ts';
import type { Database, Row } from './database.ts';
import { due } from './read-purge.ts';
import { appendEvent, blob, number, text } from './rows.ts';
import { STATE_CODES } from './schema.ts';

/** Purging, slice by slice. Each function is one member of a group; what may be deleted is decided by the triggers. */

/** What one transaction deletes, in rows, about; the pages of a body count like rows. */
const SLICE = 5000;
const PAGE = 4096;
/** In `retention`: submissions without messages. */
const NO_STATE = -1;

/** From now on this is how long things are kept; nothing is, where there are no rows. */
export function setRetention(db: Database, request: { readonly rows: readonly RetentionRow[] }): void {
  db.run('DELETE FROM retention');
  for (const { route, state, bodies, ledger } of request.rows) {
    db.run(
      'INSERT INTO retention (route, state, bodies, ledger) VALUES (?, ?, ?, ?)',
      route,
      state === undefined ? NO_STATE : STATE_CODES[state],
      bodies ?? null,
      ledger ?? null,
    );
  }
}

/** Begins to purge the next submissions that are past their retention. From here on nothing of them can come under way. */
export function beginPurge(db: Database, request: PurgeBegin): PurgeBegun {
  const { what, who, at } = request;
  const { rows, next } = due(db, { ...request, from: what === 'bodies' ? 'whole' : 'bodiless' });
  const submissions = rows.map((row) => number(row, 'number'));
  for (const submission of submissions)
    db.run('INSERT INTO purges (submission, what, begun_at, who) VALUES (?, ?, ?, ?)', submission, what, at, who);
  return { submissions, next };
}

/** Deletes the next rows of what is being purged. Done twice, it is done once. */
export function purgeSlice(db: Database): PurgeSlice {
  label('purge.slice');
  const budget = new Budget();
  for (const purge of db.all('SELECT submission, what FROM purges WHERE emptied = 0 ORDER BY submission')) {
    if (budget.spent) return { rows: budget.rows, emptied: false };
    const submission = number(purge, 'submission');
    const what = text(purge, 'what') as PurgeKind;
    const deleted = what === 'bodies' ? emptyBodies(db, submission, budget) : emptyLedger(db, submission, budget);
    db.run(
      'UPDATE purges SET emptied = ?, messages = messages + ?, bytes = bytes + ? WHERE submission = ?',
      deleted.done ? 1 : 0,
      deleted.messages,
      deleted.bytes,
      submission,
    );
  }
  return { rows: budget.rows, emptied: db.get('SELECT 1 AS one FROM purges WHERE emptied = 0 LIMIT 1') === undefined };
}

/** What one slice may still delete. */
class Budget {
  rows = 0;

  get spent(): boolean {
    return this.rows >= SLICE;
  }

  take(rows: number): void {
    this.rows += rows;
  }
}

interface Deleted {
  /** Nothing is left. */
  readonly done: boolean;
  readonly messages: number;
  readonly bytes: number;
}

/** Messages, rejected rows, edited rows: everything in the ledger that holds a person's data. */
function emptyBodies(db: Database, submission: number, budget: Budget): Deleted {
  let bytes = 0;
  const bodies = db.all(
    `SELECT d.id, length(d.body) AS bytes FROM body_blocks b JOIN bodies d ON d.id = b.id
     WHERE b.submission = ? ORDER BY b.id LIMIT ${SLICE}`,
    submission,
  );
  for (const row of bodies) {
    if (budget.spent) return { done: false, messages: 0, bytes };
    bytes += number(row, 'bytes');
    db.run('DELETE FROM bodies WHERE id = ?', number(row, 'id'));
    budget.take(1 + Math.floor(number(row, 'bytes') / PAGE));
  }
  const rejects = db.all(
    `SELECT block, length(rejects) AS bytes FROM item_blocks WHERE submission = ? AND rejects IS NOT NULL LIMIT ${SLICE}`,
    submission,
  );
  for (const row of rejects) {
    if (budget.spent) return { done: false, messages: 0, bytes };
    bytes += number(row, 'bytes');
    db.run(
      'UPDATE item_blocks SET rejects = NULL WHERE submission = ? AND block = ?',
      submission,
      number(row, 'block'),
    );
    budget.take(1 + Math.floor(number(row, 'bytes') / PAGE));
  }
  if (budget.spent) return { done: false, messages: 0, bytes };
  budget.take(db.run('DELETE FROM edited_rows WHERE submission = ?', submission));
  return { done: true, messages: 0, bytes };
}

/** Rows about items and messages, a block of messages at a time, so that a block never stands there with a part of its own. */
function emptyLedger(db: Database, submission: number, budget: Budget): Deleted {
  let messages = 0;
  for (;;) {
    if (budget.spent) return { done: false, messages, bytes: 0 };
    const block = db.get('SELECT * FROM body_blocks WHERE submission = ? ORDER BY id LIMIT 1', submission);
    if (!block) break;
    messages += number(block, 'messages');
    budget.take(deleteBlock(db, block));
  }
  const digests = db.all(`SELECT digest, item FROM search_digests WHERE submission = ? LIMIT ${SLICE}`, submission);
  for (const row of digests) {
    if (budget.spent) break;
    const digest = blob(row, 'digest') ?? new Uint8Array();
    const key = [digest, submission, number(row, 'item')] as const;
    budget.take(db.run('DELETE FROM search_digests WHERE digest = ? AND submission = ? AND item = ?', ...key));
  }
  if (budget.spent) return { done: false, messages, bytes: 0 };
  budget.take(db.run('DELETE FROM item_blocks WHERE submission = ?', submission));
  return { done: true, messages, bytes: 0 };
}

/** A block of messages with everything that was said of them; batches that were about nothing else go with it. */
function deleteBlock(db: Database, block: Row): number {
  const id = number(block, 'id');
  const first = number(block, 'first_message');
  const last = first + number(block, 'messages') - 1;
  const batches = db.all('SELECT DISTINCT batch FROM batch_parts WHERE body_block = ?', id);
  let rows = db.run('DELETE FROM batch_parts WHERE body_block = ?', id);
  for (const table of ['outcomes', 'verdicts'])
    rows += db.run(`DELETE FROM ${table} WHERE message BETWEEN ? AND ?`, first, last);
  rows += db.run('DELETE FROM messages WHERE id BETWEEN ? AND ?', first, last);
  rows += db.run('DELETE FROM successors WHERE message BETWEEN ? AND ?', first, last);
  rows += db.run('DELETE FROM body_blocks WHERE id = ?', id);
  for (const row of batches) rows += deleteBatch(db, number(row, 'batch'));
  return rows;
}

/** The attempts of a batch and the batch, where nothing that is kept is about it; the last one stays for its number. */
function deleteBatch(db: Database, batch: number): number {
  const purged = 'EXISTS (SELECT 1 FROM purged_batches WHERE batch = ?1)';
  return (
    db.run(`DELETE FROM attempts WHERE batch = ?1 AND ${purged}`, batch) +
    db.run(
      `DELETE FROM batches WHERE id = ?1 AND ${purged} AND NOT EXISTS (SELECT 1 FROM submissions WHERE cause = ?1)
         AND id < (SELECT max(id) FROM batches)`,
      batch,
    )
  );
}

/** Batches of which everything was purged when they could not go yet; some at a time. */
export function purgeBatches(db: Database, request: { readonly after: number }): { readonly next: number | undefined } {
  const looked = db.all(`SELECT id FROM batches WHERE id > ? ORDER BY id LIMIT ${SLICE}`, request.after);
  const left = db.all(
    `SELECT id FROM batches b WHERE id > ? AND id <= ?
       AND NOT EXISTS (SELECT 1 FROM batch_parts WHERE batch = b.id)`,
    request.after,
    number(looked.at(-1) ?? {}, 'id'),
  );
  for (const row of left) deleteBatch(db, number(row, 'id'));
  return { next: looked.length === SLICE ? number(looked.at(-1) ?? {}, 'id') : undefined };
}

/**
 * What was emptied, with its files gone, is purged: the submission says so, and an event.
 * @throws StoreError `STORE_STALE` for one that is not being purged, or not emptied
 */
export function endPurge(
  db: Database,
  request: { readonly submission: number; readonly fileBytes: number; readonly at: number },
): { readonly messages: number; readonly bytes: number } {
  const { submission, fileBytes, at } = request;
  const purge = db.get('SELECT * FROM purges WHERE submission = ? AND emptied = 1', submission);
  if (!purge) throw new StoreError('STORE_STALE', `Submission ${submission} is not emptied; nothing was changed.`);
  const what = text(purge, 'what');
  const column = what === 'bodies' ? 'bodies_purged_at' : 'purged_at';
  db.run(`UPDATE submissions SET ${column} = ? WHERE number = ?`, at, submission);
  db.run('DELETE FROM purges WHERE submission = ?', submission);
  const messages = number(purge, 'messages');
  const bytes = number(purge, 'bytes') + fileBytes;
  const detail = what === 'bodies' ? { what, bytes } : { what, messages };
  appendEvent(db, { at, who: text(purge, 'who'), what: 'purged', submission, detail });
  return { messages, bytes };
}

/** Everything that was past its retention is purged. */
export function notePurge(db: Database, run: PurgeRun): void {
  const { at, who, route, bodies, ledger, messages, bytes } = run;
  const detail = { ...(route === undefined ? {} : { route }), bodies, ledger, messages, bytes };
  appendEvent(db, { at, who, what: 'purgeRun', detail });
}

/** Pages given back to the disk in one go. */
const PAGES_AT_ONCE = 1000;

/**
 * Gives pages that nothing stands on back to the disk, some at a time; after the last ones the write-ahead log is emptied
 * into the file, unless somebody reads from it just then. Runs outside of any transaction.
 */
export function reclaim(db: Database): { readonly left: number } {
  const free = () => number(db.get('PRAGMA freelist_count') ?? {}, 'freelist_count');
  const before = free();
  if (before > 0) db.exec(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE})`);
  const left = free();
  if (left > 0 && left < before) return { left };
  // Whoever reads is not waited for: the thread has more to do.
  db.exec('PRAGMA busy_timeout = 0');
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    db.exec('PRAGMA busy_timeout = 5000');
  }
  return { left: 0 };
}
