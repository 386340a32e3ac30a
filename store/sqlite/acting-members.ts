import type { ActGoal, ActGroup } from '../../engine/contracts/acting.ts';
import { MESSAGE_STATES, type MessageState } from '../../engine/states.ts';
import { StoreError } from '../errors.ts';
import { loseMembers, readBatch, readParts, setBatch } from './batches.ts';
import type { Database, Row } from './database.ts';
import { appendEvent, number, optionalNumber, text } from './rows.ts';
import { NO_BATCH, STATE_CODES } from './schema.ts';
import { SENDABLE } from './sendable.ts';
import { count } from './write-counters.ts';

/** Single messages change their state by a person's decision: with counters, blocks, batches and submissions. */

export interface Member {
  readonly message: number;
  readonly submission: number;
  readonly destination: string;
  readonly entry: number;
  readonly bodyBlock: number;
  /** As `messages.batch` has it. */
  readonly batch: number;
}

/** The messages of a group that still are as they were when the act was decided, and that can be sent where that is the goal. */
export function membersIn(db: Database, { state, batch, ranges }: ActGroup, goal: ActGoal): Member[] {
  const members: Member[] = [];
  let block: Row | undefined;
  for (let at = 0; at < ranges.length; at += 2) {
    const rows = db.all(
      `SELECT id, submission, entry, batch FROM messages
       WHERE id BETWEEN ? AND ? AND state = ? AND (? IS NULL OR batch = ?) ORDER BY id`,
      ranges[at] ?? 0,
      ranges[at + 1] ?? 0,
      STATE_CODES[state],
      batch ?? null,
      batch ?? null,
    );
    for (const row of rows) {
      const message = number(row, 'id');
      if (!block || !holds(block, message)) block = blockOf(db, message);
      if (goal === 'queued' && number(block, 'kept') === 0) continue;
      members.push({
        message,
        submission: number(row, 'submission'),
        destination: text(block, 'destination'),
        entry: number(row, 'entry'),
        bodyBlock: number(block, 'id'),
        batch: number(row, 'batch'),
      });
    }
  }
  return members;
}

function holds(block: Row, message: number): boolean {
  const first = number(block, 'first_message');
  return message >= first && message < first + number(block, 'messages');
}

function blockOf(db: Database, message: number): Row {
  const row = db.get(
    `SELECT b.id, b.destination, b.first_message, b.messages, ${SENDABLE} AS kept
     FROM body_blocks b WHERE b.first_message <= ? ORDER BY b.first_message DESC LIMIT 1`,
    message,
  );
  if (!row) throw new StoreError('STORE_STALE', `Message ${message} stands in no body block.`);
  return row;
}

/**
 * Moves messages from one state to another. What is queued leaves a batch that is planned: that batch is closed, and its
 * other members lose it. What is queued again names the batch that it was in. What leaves a batch in doubt ends that
 * batch's being sent again as itself.
 */
export function moveMembers(db: Database, members: readonly Member[], from: MessageState, to: ActGoal): void {
  if (members.length === 0) return;
  if (from === 'queued') for (const batch of batchesOf(members)) closePlannedBatch(db, batch);
  // In a batch until now, they name it from now on, until they join the next one.
  const leaves = to === 'queued' && from !== 'suspended';
  const moved = db.run(
    `UPDATE messages SET state = ?, batch = CASE WHEN ? AND batch > 0 THEN -batch ELSE batch END
     WHERE id IN (SELECT value FROM json_each(?)) AND state = ? AND (? OR batch < 0)`,
    STATE_CODES[to],
    leaves ? 1 : 0,
    JSON.stringify(members.map(({ message }) => message)),
    STATE_CODES[from],
    from === 'queued' ? 0 : 1,
  );
  if (moved !== members.length) {
    throw new StoreError('STORE_STALE', `${moved} messages are ${from}, ${members.length} were to become ${to}.`);
  }
  for (const { n, submission, entry } of grouped(members, ({ submission, entry }) => `${submission} ${entry}`)) {
    count(db, submission, entry, from, -n);
    count(db, submission, entry, to, n);
  }
  for (const { n, bodyBlock } of grouped(members, ({ bodyBlock }) => bodyBlock))
    moveInBlock(db, bodyBlock, from, to, n);
  for (const { n, submission } of grouped(members, ({ submission }) => submission))
    unsettle(db, submission, from, to, n);
  if (from === 'inDoubt') for (const batch of batchesOf(members)) leaveDoubt(db, batch, to);
}

function grouped(members: readonly Member[], key: (member: Member) => string | number): (Member & { n: number })[] {
  return [...Map.groupBy(members, key).values()].flatMap((same) => (same[0] ? [{ ...same[0], n: same.length }] : []));
}

function batchesOf(members: readonly Member[]): ReadonlySet<number> {
  return new Set(members.map(({ batch }) => batch).filter((batch) => batch > 0));
}

/** Closes a batch that is planned and was not sent, so that its members wait again. */
function closePlannedBatch(db: Database, batch: number): void {
  const { state, id } = readBatch(db, batch);
  if (state !== 'planned') {
    throw new StoreError('STORE_STALE', `Batch ${id} is ${state}; only one that is planned can be taken apart.`);
  }
  loseMembers(db, id, readParts(db, id));
  setBatch(db, id, 'closed', false, dueAt(db, id));
}

function dueAt(db: Database, batch: number): number {
  return number(db.get('SELECT due_at FROM batches WHERE id = ?', batch) ?? {}, 'due_at');
}

/** Some members are decided: the others stay in doubt, and it is never again sent as itself. */
function leaveDoubt(db: Database, batch: number, to: ActGoal): void {
  const doubtful = readParts(db, batch).some(
    ({ first, last }) =>
      db.get(
        'SELECT 1 AS one FROM messages WHERE id BETWEEN ? AND ? AND batch = ? AND state = ? LIMIT 1',
        first,
        last,
        batch,
        STATE_CODES.inDoubt,
      ) !== undefined,
  );
  const { whole } = readBatch(db, batch);
  if (doubtful) setBatch(db, batch, 'inDoubt', false, dueAt(db, batch));
  else setBatch(db, batch, to === 'queued' || !whole ? 'closed' : 'done', false, 0);
}

/** Keeps what a block says of itself: what waits, what is not settled, the batch that some of it lost. */
function moveInBlock(db: Database, block: number, from: MessageState, to: ActGoal, n: number): void {
  const waits = (to === 'queued' ? n : 0) - (from === 'queued' ? n : 0);
  db.run(
    'UPDATE body_blocks SET pending = pending + ?, unsettled = unsettled + ? WHERE id = ?',
    waits,
    settledBy(from, to) * -n,
    block,
  );
  if (waits !== 0) db.run('UPDATE body_blocks SET replaces = ? WHERE id = ?', lostBatch(db, block), block);
}

/** The batch that messages of the block lost and that wait; null where there is none. */
function lostBatch(db: Database, block: number): number | null {
  const row = db.get(
    `SELECT m.batch FROM body_blocks b JOIN messages m ON m.id BETWEEN b.first_message AND b.first_message + b.messages - 1
     WHERE b.id = ? AND m.state = ? AND m.batch < 0 AND m.batch > ? ORDER BY m.id LIMIT 1`,
    block,
    STATE_CODES.queued,
    NO_BATCH,
  );
  const batch = optionalNumber(row ?? {}, 'batch');
  return batch === undefined ? null : -batch;
}

/** 1 where a message is settled by the change, -1 where it no longer is. */
function settledBy(from: MessageState, to: ActGoal): number {
  return (MESSAGE_STATES[to].settled ? 1 : 0) - (MESSAGE_STATES[from].settled ? 1 : 0);
}

/** A submission of which something is under way again is no longer settled; it is settled, and told of, anew. */
function unsettle(db: Database, submission: number, from: MessageState, to: ActGoal, n: number): void {
  const change = -settledBy(from, to) * n;
  if (change === 0) return;
  db.run(
    `UPDATE submissions SET unsettled = unsettled + ?, settled_at = CASE WHEN ? > 0 THEN NULL ELSE settled_at END
     WHERE number = ?`,
    change,
    change,
    submission,
  );
}

/** What a person held back of a submission of which nothing may be sent any more is given up with the rest. */
export function cancelSuspended(db: Database, submission: number, at: number): void {
  for (const block of db.all(
    'SELECT id, first_message, messages FROM body_blocks WHERE submission = ? AND unsettled > 0',
    submission,
  )) {
    const first = number(block, 'first_message');
    const ranges = [first, first + number(block, 'messages') - 1];
    const group = { state: 'suspended', batch: undefined, whole: false, ranges, count: 0 } as const;
    const members = membersIn(db, group, 'cancelled');
    moveMembers(db, members, 'suspended', 'cancelled');
    if (members.length > 0)
      appendEvent(db, { at, who: 'engine', what: 'cancelled', submission, detail: { suspended: members.length } });
  }
}
