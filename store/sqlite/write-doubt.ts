import type { AnswerEffect, BatchState, DoubtVerdicts } from '../../engine/contracts/store.ts';
import type { MessageState } from '../../engine/states.ts';
import { StoreError } from '../errors.ts';
import { type Batch, type BatchRange, giveUp, loseMembers, readBatch, readParts, setBatch } from './batches.ts';
import type { Database } from './database.ts';
import { appendEvent, number } from './rows.ts';
import { STATE_CODES } from './schema.ts';
import { insertSubmission } from './write-accept.ts';
import { markSettled, moveRange } from './write-counters.ts';

/** What a receiver says of messages in doubt when it is asked. Each function is one member of a group. */

/** What the receiver said of the in-doubt members when it was asked: each of them is decided, or stays in doubt. */
export function decideDoubt(db: Database, verdicts: DoubtVerdicts): AnswerEffect {
  const batch = readBatch(db, verdicts.batch);
  requireDoubt(batch, verdicts.attempt);
  const parts = readParts(db, batch.id);
  const asked = number(db.get('SELECT asked FROM batches WHERE id = ?', batch.id) ?? {}, 'asked') + 1;
  for (const { message, state, code, words } of verdicts.exceptions) {
    const part = parts.find(({ first, last }) => message >= first && message <= last);
    if (!part) throw new StoreError('STORE_STALE', `Message ${message} is no member of batch ${batch.id}.`);
    if (state !== 'inDoubt') moveRange(db, { ...part, first: message, last: message }, batch.id, 'inDoubt', state, 1);
    db.run(
      'INSERT INTO verdicts (message, batch, asked, state, code, words) VALUES (?, ?, ?, ?, ?, ?)',
      message,
      batch.id,
      asked,
      state,
      code,
      words,
    );
  }
  const apart = new Set(verdicts.exceptions.filter(({ state }) => state === 'inDoubt').map(({ message }) => message));
  for (const part of parts) decideRest(db, batch.id, part, verdicts.rest, apart);
  appendEvent(db, {
    at: verdicts.at,
    who: verdicts.who,
    what: 'asked',
    batch: batch.id,
    destination: batch.destination,
    detail: { code: verdicts.code, words: verdicts.words, rest: verdicts.rest, exceptions: verdicts.exceptions.length },
  });
  const batchState = concludeDoubt(db, batch, parts, verdicts.askAt);
  db.run('UPDATE batches SET asked = ? WHERE id = ?', asked, batch.id);
  if (verdicts.submission) insertSubmission(db, { ...verdicts.submission, cause: batch.id });
  const settled = markSettled(
    db,
    parts.map((part) => part.submission),
    verdicts.at,
  );
  return { batchState, settled };
}

/** What was found out about one attempt says nothing about a later one. */
function requireDoubt({ id, state, attempts }: Batch, attempt: number): void {
  if (state === 'inDoubt' && attempts === attempt) return;
  const now = state === 'inDoubt' ? `in doubt about attempt ${attempts}, not ${attempt}` : state;
  throw new StoreError('STORE_STALE', `Batch ${id} is ${now}; nothing was changed.`);
}

/** Everything in doubt that is no exception; ranges between those that stay. */
function decideRest(
  db: Database,
  batch: number,
  part: BatchRange,
  rest: DoubtVerdicts['rest'],
  staying: ReadonlySet<number>,
): void {
  if (rest === 'inDoubt') return;
  let first = part.first;
  for (const message of [...staying].filter((id) => id >= part.first && id <= part.last).sort((a, b) => a - b)) {
    if (message > first) moveRange(db, { ...part, first, last: message - 1 }, batch, 'inDoubt', rest);
    first = message + 1;
  }
  if (first <= part.last) moveRange(db, { ...part, first }, batch, 'inDoubt', rest);
}

/** As itself again only where it is whole and all of it is queued; else those that are queued lose it. */
function concludeDoubt(db: Database, batch: Batch, parts: readonly BatchRange[], askAt: number): BatchState {
  const count = (state: MessageState) => parts.reduce((sum, part) => sum + countMembers(db, part, batch.id, state), 0);
  giveUp(db, batch.id, parts);
  const inDoubt = count('inDoubt');
  const queued = count('queued');
  if (queued === batch.count && batch.whole) return setBatch(db, batch.id, 'planned', true, 0);
  if (queued > 0) loseMembers(db, batch.id, parts);
  if (inDoubt > 0) return setBatch(db, batch.id, 'inDoubt', batch.whole && inDoubt === batch.count, askAt);
  return setBatch(db, batch.id, queued > 0 ? 'closed' : 'done', false, 0);
}

function countMembers(db: Database, part: BatchRange, batch: number, state: MessageState): number {
  const row = db.get(
    'SELECT count(*) AS n FROM messages WHERE id BETWEEN ? AND ? AND batch = ? AND state = ?',
    part.first,
    part.last,
    batch,
    STATE_CODES[state],
  );
  return number(row ?? {}, 'n');
}

/** The receiver does not know yet, or the deadline has passed. */
export function noteDoubt(
  db: Database,
  note: {
    batch: number;
    attempt: number;
    askAt?: number;
    asked?: boolean;
    overdue?: boolean;
    words: string;
    at: number;
  },
): void {
  const batch = readBatch(db, note.batch);
  requireDoubt(batch, note.attempt);
  if (note.askAt !== undefined)
    db.run('UPDATE batches SET due_at = ?, asked = asked + ? WHERE id = ?', note.askAt, note.asked ? 1 : 0, batch.id);
  if (!note.overdue) return;
  db.run('UPDATE batches SET overdue = 1 WHERE id = ?', batch.id);
  appendEvent(db, {
    at: note.at,
    who: 'policy',
    what: 'overdue',
    batch: batch.id,
    destination: batch.destination,
    detail: { words: note.words },
  });
}
