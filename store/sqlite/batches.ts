import type { BatchState } from '../../engine/contracts/store.ts';
import { StoreError } from '../errors.ts';
import type { Database } from './database.ts';
import { OPEN } from './lane-order.ts';
import { number, optionalNumber, text } from './rows.ts';
import { NO_BATCH, STATE_CODES } from './schema.ts';
import { moveRange, type Part } from './write-counters.ts';

/** A batch in the ledger, and how its members leave it. */

export interface Batch {
  readonly id: number;
  readonly destination: string;
  readonly lane: number;
  readonly state: BatchState;
  /** None of its members was touched: it may be sent again as itself. */
  readonly whole: boolean;
  readonly count: number;
  readonly attempts: number;
  readonly place: number;
  readonly firstMessage: number;
}

/** @throws StoreError `STORE_STALE` where there is none. */
export function readBatch(db: Database, id: number): Batch {
  const row = db.get('SELECT * FROM batches WHERE id = ?', id);
  if (!row) throw new StoreError('STORE_STALE', `There is no batch ${id}.`);
  return {
    id,
    destination: text(row, 'destination'),
    lane: number(row, 'lane'),
    state: text(row, 'state') as BatchState,
    whole: number(row, 'whole') === 1,
    count: number(row, 'count'),
    attempts: number(row, 'attempts'),
    place: number(row, 'place'),
    firstMessage: number(row, 'first_message'),
  };
}

/** A part of a batch with the number of its members at planning. */
export type BatchRange = Part & { readonly count: number };

export function readParts(db: Database, batch: number): BatchRange[] {
  return db
    .all(
      `SELECT p.*, b.submission, b.entries FROM batch_parts p JOIN body_blocks b ON b.id = p.body_block
       WHERE p.batch = ? ORDER BY p.first_message`,
      batch,
    )
    .map((row) => ({
      bodyBlock: number(row, 'body_block'),
      submission: number(row, 'submission'),
      entries: JSON.parse(text(row, 'entries')) as number[],
      first: number(row, 'first_message'),
      last: number(row, 'last_message'),
      count: number(row, 'count'),
    }));
}

export function setBatch(db: Database, id: number, state: BatchState, whole: boolean, dueAt: number): BatchState {
  db.run('UPDATE batches SET state = ?, whole = ?, due_at = ? WHERE id = ?', state, whole ? 1 : 0, dueAt, id);
  return state;
}

/** Members that would go again, of submissions that were refused or cancelled meanwhile, are cancelled. Gives their number. */
export function giveUp(db: Database, batch: number, parts: readonly Part[]): number {
  let given = 0;
  for (const part of parts) {
    const row = db.get('SELECT state FROM submissions WHERE number = ?', part.submission) ?? {};
    if (!['refused', 'cancelled'].includes(text(row, 'state'))) continue;
    given += moveRange(db, part, batch, 'queued', 'cancelled');
  }
  return given;
}

/** Members that are queued go back among those that wait; their next batch names this one. */
export function loseMembers(db: Database, batch: number, parts: readonly Part[]): void {
  for (const part of parts) {
    const lost = db.run(
      'UPDATE messages SET batch = ? WHERE id BETWEEN ? AND ? AND batch = ? AND state = ?',
      -batch,
      part.first,
      part.last,
      batch,
      STATE_CODES.queued,
    );
    if (lost === 0) continue;
    db.run('UPDATE body_blocks SET pending = pending + ?, replaces = ? WHERE id = ?', lost, batch, part.bodyBlock);
  }
}

/** Takes a batch back that was never sent: its members wait as if it had not been planned, its row stays, closed. */
export function dissolve(db: Database, batch: number): void {
  const row = db.get('SELECT replaces FROM batches WHERE id = ?', batch) ?? {};
  const replaces = optionalNumber(row, 'replaces');
  for (const part of readParts(db, batch)) {
    const back = db.run(
      'UPDATE messages SET batch = ? WHERE id BETWEEN ? AND ? AND batch = ? AND state = ?',
      replaces === undefined ? NO_BATCH : -replaces,
      part.first,
      part.last,
      batch,
      STATE_CODES.queued,
    );
    db.run(
      'UPDATE body_blocks SET pending = pending + ?, replaces = coalesce(?, replaces) WHERE id = ?',
      back,
      replaces ?? null,
      part.bodyBlock,
    );
  }
  setBatch(db, batch, 'closed', false, 0);
}

/** Closes the batches that are planned with messages of this submission, so that none of them goes out. */
export function closePlanned(db: Database, submission: number): void {
  const planned = db.all(
    `SELECT id FROM batches WHERE destination IN (SELECT destination FROM entries WHERE submission = ?)
       AND ${OPEN} AND state = 'planned'`,
    submission,
  );
  for (const row of planned) {
    const id = number(row, 'id');
    const parts = readParts(db, id);
    if (!parts.some((part) => part.submission === submission)) continue;
    loseMembers(db, id, parts);
    setBatch(db, id, 'closed', false, 0);
  }
}
