import type {
  AnswerEffect,
  AttemptKey,
  BatchLimit,
  BatchPart,
  BatchState,
  LaneFreedom,
  NewAnswer,
  NewBatch,
  RecoveredBatch,
} from '../../engine/contracts/store.ts';
import { label } from '../../engine/labels.ts';
import { StoreError } from '../errors.ts';
import {
  type Batch,
  type BatchRange,
  dissolve,
  giveUp,
  loseMembers,
  readBatch,
  readParts,
  setBatch,
} from './batches.ts';
import type { Database, Row } from './database.ts';
import { comesBefore, headBlock, OPEN } from './lane-order.ts';
import { noteLimit } from './pace.ts';
import { appendEvent, number, optionalNumber, text } from './rows.ts';
import { NO_BATCH, STATE_CODES } from './schema.ts';
import { insertSubmission } from './write-accept.ts';
import { markSettled, moveRange } from './write-counters.ts';
import { stop } from './write-decisions.ts';

/** Batches on their way out: plan, sending, answer, recovery. Each function is one member of a group. */

/** Fixes which messages go out together. All that wait in the ranges become members. */
export function plan(db: Database, batch: NewBatch): { batch: number; dueAt: number } {
  label('plan.beforeCommit');
  const blocks = batch.parts.map((part) => partBlock(db, batch, part));
  const first = batch.parts[0];
  const planned = batch.parts.reduce((sum, part) => sum + part.count, 0);
  if (!first || planned !== batch.count) {
    throw new StoreError('STORE_STALE', `A batch of ${batch.count} messages was planned with ${planned} in its parts.`);
  }
  const dueAt = dueAtOf(db, batch.replaces);
  const id = db.insert(
    `INSERT INTO batches (destination, lane, state, whole, first_message, place, count, bytes, planned_at, due_at, replaces)
     VALUES (?, ?, 'planned', 1, ?, ?, ?, ?, ?, ?, ?)`,
    batch.destination,
    batch.lane,
    first.firstMessage,
    number(blocks[0] ?? {}, 'place'),
    batch.count,
    batch.bytes,
    batch.plannedAt,
    dueAt,
    batch.replaces ?? null,
  );
  batch.parts.forEach((part, index) => {
    joinPart(db, id, part, blocks[index] ?? {});
  });
  return { batch: id, dueAt };
}

/** The part's body block; its range lies within it, and the block in the batch's lane. */
function partBlock(db: Database, { destination, lane }: NewBatch, part: BatchPart): Row {
  const block = db.get(
    'SELECT destination, lane, place, first_message, messages, replaces FROM body_blocks WHERE id = ?',
    part.bodyBlock,
  );
  const first = number(block ?? {}, 'first_message');
  const last = first + number(block ?? {}, 'messages') - 1;
  const inLane = block && text(block, 'destination') === destination && number(block, 'lane') === lane;
  if (!inLane || part.firstMessage < first || part.lastMessage > last) {
    throw new StoreError(
      'STORE_STALE',
      `A part of the batch is not in body block ${part.bodyBlock} of ${destination}, lane ${lane}.`,
    );
  }
  return block;
}

/** What is sent again in a new batch waits as long as the batch that it was in. */
function dueAtOf(db: Database, replaces: number | undefined): number {
  if (replaces === undefined) return 0;
  // Of a batch that is still in doubt, the time is that of the next question, and none of ours.
  return number(db.get(`SELECT due_at FROM batches WHERE id = ? AND state <> 'inDoubt'`, replaces) ?? {}, 'due_at');
}

function joinPart(db: Database, batch: number, part: BatchPart, block: Row): void {
  db.run(
    'INSERT INTO batch_parts (batch, body_block, first_message, last_message, count) VALUES (?, ?, ?, ?, ?)',
    batch,
    part.bodyBlock,
    part.firstMessage,
    part.lastMessage,
    part.count,
  );
  const joined = db.run(
    'UPDATE messages SET batch = ? WHERE id BETWEEN ? AND ? AND state = ? AND batch < 0',
    batch,
    part.firstMessage,
    part.lastMessage,
    STATE_CODES.queued,
  );
  if (joined !== part.count) {
    throw new StoreError(
      'STORE_STALE',
      `${joined} messages wait where ${part.count} were planned; nothing was changed.`,
    );
  }
  db.run(
    'UPDATE body_blocks SET pending = pending - ?, replaces = ? WHERE id = ?',
    joined,
    optionalNumber(block, 'replaces') === undefined ? null : lostBatch(db, block),
    part.bodyBlock,
  );
}

/** The batch that messages of the block lost and that still wait; null where all of them are in another one. */
function lostBatch(db: Database, block: Row): number | null {
  const first = number(block, 'first_message');
  const row = db.get(
    'SELECT batch FROM messages WHERE id BETWEEN ? AND ? AND state = ? AND batch < 0 AND batch > ? ORDER BY id LIMIT 1',
    first,
    first + number(block, 'messages') - 1,
    STATE_CODES.queued,
    NO_BATCH,
  );
  return row ? -number(row, 'batch') : null;
}

/** The last word before the first byte: the attempt is in the ledger, its messages are *sending*. */
export function beginSending(db: Database, request: AttemptKey & LaneFreedom & { run: string; at: number }): void {
  label('sending.beforeCommit');
  const batch = readBatch(db, request.batch);
  if (batch.state !== 'planned' || batch.attempts + 1 !== request.attempt) {
    throw new StoreError(
      'STORE_STALE',
      `Batch ${batch.id} is ${batch.state} after ${batch.attempts} attempts; attempt ${request.attempt} cannot begin.`,
    );
  }
  if (!request.free) refuseOvertaking(db, batch, request.passDoubt);
  if (db.get('SELECT name FROM destinations WHERE name = ?', batch.destination)) {
    throw new StoreError('STORE_STALE', `Destination ${batch.destination} is stopped; batch ${batch.id} waits.`);
  }
  db.run(
    `UPDATE batches SET state = 'sending', attempts = ?, first_attempt_at = coalesce(first_attempt_at, ?) WHERE id = ?`,
    request.attempt,
    request.at,
    batch.id,
  );
  for (const part of readParts(db, batch.id)) moveRange(db, part, batch.id, 'queued', 'sending', part.count);
  db.run(
    `INSERT INTO attempts (batch, attempt, run, started_at, outcome) VALUES (?, ?, ?, ?, 'sending')`,
    batch.id,
    request.attempt,
    request.run,
    request.at,
  );
}

/** One call in flight in a lane, nothing undecided, and nothing that comes before waits. */
function refuseOvertaking(db: Database, batch: Batch, passDoubt: boolean): void {
  const busy = db.get(
    `SELECT id, state FROM batches WHERE destination = ? AND lane = ? AND ${OPEN} AND id <> ? AND state <> ?
       AND (state <> 'planned' OR (place, first_message) < (?, ?)) LIMIT 1`,
    batch.destination,
    batch.lane,
    batch.id,
    passDoubt ? 'inDoubt' : '',
    batch.place,
    batch.firstMessage,
  );
  if (busy) {
    throw new StoreError(
      'STORE_STALE',
      `Batch ${number(busy, 'id')} of the same lane is ${text(busy, 'state')} and comes first; batch ${batch.id} waits.`,
    );
  }
  const head = headBlock(db, batch.destination, batch.lane);
  if (head && comesBefore(db, head, { place: batch.place, first_message: batch.firstMessage })) {
    throw new StoreError(
      'STORE_STALE',
      `Messages that come before batch ${batch.id} wait to be sent; it waits for them.`,
    );
  }
}

/** Answer and outcomes in one: what was planned is decided, each message by what names it. */
export function answer(db: Database, a: NewAnswer): AnswerEffect {
  label('answer.beforeCommit');
  const batch = readBatch(db, a.batch);
  const ended = db.run(
    `UPDATE attempts SET ended_at = ?, outcome = ?, code = ?, words = ?, whose = ?, status = ?, answer = ?
     WHERE batch = ? AND attempt = ? AND run = ? AND ended_at IS NULL`,
    a.at,
    a.rest,
    a.code,
    a.words,
    a.whose,
    a.status ?? null,
    a.answer ?? null,
    a.batch,
    a.attempt,
    a.run,
  );
  if (ended !== 1 || batch.state !== 'sending') {
    throw new StoreError(
      'STORE_STALE',
      `Attempt ${a.attempt} of batch ${a.batch} is not in flight any more; its answer was not stored.`,
    );
  }
  const parts = readParts(db, a.batch);
  decideMembers(db, batch.id, parts, a);
  if (a.stop) stop(db, { destination: batch.destination, stop: a.stop });
  const batchState = conclude(db, batch, parts, a);
  if (a.submission) insertSubmission(db, { ...a.submission, cause: batch.id });
  const submissions = parts.map((part) => part.submission);
  return { batchState, settled: markSettled(db, submissions, a.at) };
}

/** The exceptions one by one, with the receiver's words; all others by range. */
function decideMembers(db: Database, batch: number, parts: readonly BatchRange[], a: NewAnswer): void {
  const apart = parts.map(() => 0);
  for (const exception of a.exceptions) {
    const { message, state } = exception;
    const at = parts.findIndex(({ first, last }) => message >= first && message <= last);
    const part = parts[at];
    if (!part) throw new StoreError('STORE_STALE', `Message ${message} is no member of batch ${batch}.`);
    apart[at] = (apart[at] ?? 0) + 1;
    moveRange(db, { ...part, first: message, last: message }, batch, 'sending', state, 1);
    db.run(
      'INSERT INTO outcomes (message, batch, attempt, state, code, words) VALUES (?, ?, ?, ?, ?, ?)',
      message,
      batch,
      a.attempt,
      state,
      exception.code,
      exception.words,
    );
  }
  parts.forEach((part, at) => {
    moveRange(db, part, batch, 'sending', a.rest, part.count - (apart[at] ?? 0));
  });
}

/**
 * What becomes of the batch: as itself again only while all members are queued, or all in doubt, and none was touched;
 * otherwise it is closed for good, and members still to be sent lose it. All members were *sending* just now, so what
 * the answer says is all there is to count.
 */
function conclude(db: Database, batch: Batch, parts: readonly BatchRange[], a: NewAnswer): BatchState {
  const others = batch.count - a.exceptions.length;
  const now = (state: NewAnswer['rest']) =>
    a.exceptions.filter((exception) => exception.state === state).length + (a.rest === state ? others : 0);
  const inDoubt = now('inDoubt');
  const givenUp = now('queued') > 0 ? giveUp(db, batch.id, parts) : 0;
  const queued = now('queued') - givenUp;
  if (a.split && givenUp === 0) return split(db, batch, parts, a.split);
  if (queued === batch.count) return setBatch(db, batch.id, 'planned', true, a.dueAt);
  if (queued > 0) loseMembers(db, batch.id, parts);
  if (inDoubt > 0) {
    db.run(
      // Sent again as itself, the doubt goes on: its deadline counts from the first one.
      'UPDATE batches SET doubt_since = coalesce(doubt_since, ?), ticket = ? WHERE id = ?',
      a.at,
      a.ticket ?? null,
      batch.id,
    );
    return setBatch(db, batch.id, 'inDoubt', inDoubt === batch.count, a.dueAt);
  }
  return setBatch(db, batch.id, queued > 0 ? 'closed' : 'done', false, a.dueAt);
}

/** Too large: all members wait again and are planned anew by the limit, and so are those of batches that would be as large. */
function split(db: Database, batch: Batch, parts: readonly BatchRange[], limit: BatchLimit): BatchState {
  loseMembers(db, batch.id, parts);
  noteLimit(db, { destination: batch.destination, limit });
  const others = db.all(
    `SELECT id FROM batches WHERE destination = ? AND ${OPEN} AND state = 'planned' AND attempts = 0 AND count > ?`,
    batch.destination,
    limit.messages,
  );
  for (const other of others) dissolve(db, number(other, 'id'));
  return setBatch(db, batch.id, 'closed', false, 0);
}

/** Attempts in *sending* that nobody holds: of another run, or of this run and not registered. */
export function recover(
  db: Database,
  request: { run: string; registered: readonly AttemptKey[]; at: number },
): RecoveredBatch[] {
  const held = new Set(request.registered.map(({ batch, attempt }) => `${batch}.${attempt}`));
  const recovered: RecoveredBatch[] = [];
  for (const row of db.all('SELECT batch, attempt, run FROM attempts WHERE ended_at IS NULL')) {
    const key = `${number(row, 'batch')}.${number(row, 'attempt')}`;
    if (text(row, 'run') === request.run && held.has(key)) continue;
    const batch = readBatch(db, number(row, 'batch'));
    const words =
      'The engine ended, or lost hold of the call, after sending began and before an answer was stored: it may have arrived.';
    const effect = answer(db, {
      batch: batch.id,
      attempt: number(row, 'attempt'),
      run: text(row, 'run'),
      at: request.at,
      rest: 'inDoubt',
      exceptions: [],
      code: 'ENGINE_ENDED',
      words,
      whose: 'ours',
      status: undefined,
      answer: undefined,
      dueAt: 0,
      stop: undefined,
    });
    appendEvent(db, {
      at: request.at,
      who: 'engine',
      what: 'inDoubt',
      batch: batch.id,
      destination: batch.destination,
      detail: { code: 'ENGINE_ENDED', state: effect.batchState },
    });
    recovered.push({ batch: batch.id, destination: batch.destination, messages: batch.count });
  }
  return recovered;
}
