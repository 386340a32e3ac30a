import { MESSAGE_STATES, type MessageState } from '../../engine/states.ts';
import { StoreError } from '../errors.ts';
import type { Database } from './database.ts';
import { number } from './rows.ts';
import { STATE_CODES } from './schema.ts';

/** Adds to the counter of (submission, entry, state); a counter never goes below nothing. */
export function count(db: Database, submission: number, entry: number, state: MessageState, by: number): void {
  if (by === 0) return;
  if (by > 0) {
    db.run(
      `INSERT INTO counters (submission, entry, state, n) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET n = n + excluded.n`,
      submission,
      entry,
      STATE_CODES[state],
      by,
    );
    return;
  }
  const changed = db.run(
    'UPDATE counters SET n = n + ? WHERE submission = ? AND entry = ? AND state = ?',
    by,
    submission,
    entry,
    STATE_CODES[state],
  );
  if (changed !== 1) {
    throw new StoreError(
      'STORE_STALE',
      `Submission ${submission} counts no ${state} messages, ${-by} were to leave; nothing was changed.`,
    );
  }
}

/** A range of messages of one body block; those of a batch in it are its members. */
export interface Part {
  readonly bodyBlock: number;
  readonly submission: number;
  /** Indexes of the submission's entries whose messages the block holds. */
  readonly entries: readonly number[];
  readonly first: number;
  readonly last: number;
}

/**
 * Moves all messages of a batch in this range from one state to another, with counters and what is unsettled.
 * @returns the number moved. With `expected`, another number undoes the change (`STORE_STALE`).
 */
export function moveRange(
  db: Database,
  part: Part,
  batch: number,
  from: MessageState,
  to: MessageState,
  expected?: number,
): number {
  const tallies = part.entries.length === 1 ? undefined : tally(db, part, batch, from);
  const moved = db.run(
    'UPDATE messages SET state = ? WHERE id BETWEEN ? AND ? AND state = ? AND batch = ?',
    STATE_CODES[to],
    part.first,
    part.last,
    STATE_CODES[from],
    batch,
  );
  if (expected !== undefined && moved !== expected) {
    throw new StoreError(
      'STORE_STALE',
      `Batch ${batch} has ${moved} messages that are ${from}, ${expected} were planned; nothing was changed.`,
    );
  }
  for (const [entry, n] of tallies ?? [[part.entries[0] ?? 0, moved] as const]) {
    count(db, part.submission, entry, from, -n);
    count(db, part.submission, entry, to, n);
  }
  settle(db, part, from, to, moved);
  return moved;
}

/** How many messages of each entry would move. */
function tally(db: Database, part: Part, batch: number, state: MessageState): [number, number][] {
  return db
    .all(
      'SELECT entry, count(*) AS n FROM messages WHERE id BETWEEN ? AND ? AND state = ? AND batch = ? GROUP BY entry',
      part.first,
      part.last,
      STATE_CODES[state],
      batch,
    )
    .map((row) => [number(row, 'entry'), number(row, 'n')]);
}

/** Keeps the numbers of unsettled messages of block and submission. */
function settle(db: Database, part: Part, from: MessageState, to: MessageState, moved: number): void {
  const change = (MESSAGE_STATES[from].settled ? 1 : 0) - (MESSAGE_STATES[to].settled ? 1 : 0);
  if (change === 0 || moved === 0) return;
  db.run('UPDATE body_blocks SET unsettled = unsettled + ? WHERE id = ?', change * moved, part.bodyBlock);
  db.run('UPDATE submissions SET unsettled = unsettled + ? WHERE number = ?', change * moved, part.submission);
}

/**
 * Gives the number back where the submission has become settled by this change: nothing more of it comes, and nothing of
 * it is under way. Settled once, it is not told again.
 */
export function markSettled(db: Database, submissions: Iterable<number>, at: number): number[] {
  return [...new Set(submissions)].filter(
    (submission) =>
      db.run(
        `UPDATE submissions SET settled_at = ? WHERE number = ? AND unsettled = 0 AND settled_at IS NULL
           AND state IN ('routed', 'refused', 'cancelled')`,
        at,
        submission,
      ) === 1,
  );
}
