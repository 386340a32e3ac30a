import { packPositions } from '../../engine/blocks.ts';
import type { NewVersion, NewVersions, VersionsMade } from '../../engine/contracts/versions.ts';
import { label } from '../../engine/labels.ts';
import { MESSAGE_STATES, type MessageState } from '../../engine/states.ts';
import { StoreError } from '../errors.ts';
import { loseMembers, readBatch, readParts, setBatch } from './batches.ts';
import type { Database, Row } from './database.ts';
import { appendEvent, number, stateName, text } from './rows.ts';
import { NO_BATCH, STATE_CODES } from './schema.ts';
import { insertDigests } from './search.ts';
import { count, markSettled } from './write-counters.ts';

/**
 * New versions of messages. The old one becomes *replaced* and keeps its body; the new one stands in a body block of its
 * own, in the same place of the same lane. Counters count the current versions only: the law stays as it is.
 */

/** A message as the ledger has it. */
export interface Message {
  readonly id: number;
  readonly submission: number;
  readonly entry: number;
  readonly item: number;
  readonly version: number;
  readonly state: MessageState;
  readonly batch: number;
}

/** Makes new versions of messages of one item, all or none; each replaces what the caller saw, or nothing is changed. */
export function newVersions(db: Database, request: NewVersions): VersionsMade {
  const { submission, item, at } = request;
  const state = db.get('SELECT state FROM submissions WHERE number = ?', submission);
  if (!state || text(state, 'state') !== 'routed')
    throw stale(`Submission ${submission} is not routed, so nothing of it can be edited.`);
  if (request.versions.length === 0) throw stale('No new version was given.');
  const versions = request.versions.map((version) => makeVersion(db, request, version));
  if (request.row) insertEditedRow(db, submission, item, request.row);
  insertDigests(db, submission, item, request.search);
  for (const made of versions) {
    appendEvent(db, {
      at,
      who: request.who,
      what: request.kind,
      submission,
      destination: made.destination,
      detail: {
        item,
        entry: made.entry,
        message: made.message,
        replaces: made.replaces,
        version: made.version,
        was: made.from,
        ...(request.changed.length === 0 ? {} : { changed: request.changed }),
        reason: request.reason,
      },
    });
  }
  markSettled(db, [submission], at);
  label('versions.beforeCommit');
  return {
    versions: versions.map(({ message, replaces, version, destination }) => ({
      message,
      replaces,
      version,
      destination,
    })),
  };
}

function makeVersion(db: Database, request: NewVersions, given: NewVersion) {
  const old = readMessage(db, given.replaces);
  if (!old || old.submission !== request.submission || old.item !== request.item || old.state !== given.from)
    throw stale(
      `Message ${given.replaces} is ${old?.state ?? 'gone'}, not ${given.from} any more; nothing was changed.`,
    );
  const block = bodyBlockOf(db, old.id);
  const message = insertVersion(db, old, block, given);
  retire(db, old, block);
  count(db, old.submission, old.entry, given.state, 1);
  insertSuccessor(db, {
    message: old.id,
    next: message,
    submission: old.submission,
    item: old.item,
    kind: request.kind,
    at: request.at,
    who: request.who,
    reason: request.reason,
    changed: request.changed,
  });
  const entry = db.get('SELECT name FROM entries WHERE submission = ? AND entry = ?', old.submission, old.entry);
  return {
    message,
    replaces: old.id,
    version: old.version + 1,
    from: old.state,
    destination: text(block, 'destination'),
    entry: text(entry ?? {}, 'name'),
  };
}

/**
 * Takes a message out of everything that is still to come of it; it becomes *replaced*. A batch that is planned with it is
 * closed, since none is sent again as itself that was touched.
 * @throws StoreError `STORE_STALE` for a message in a state that nothing may replace.
 */
export function retire(db: Database, old: Message, block: Row): void {
  const entry = MESSAGE_STATES[old.state];
  if (!(entry.next as readonly string[]).includes('replaced'))
    throw stale(`Message ${old.id} is ${old.state}; that cannot be replaced. Nothing was changed.`);
  if (old.state === 'queued' && old.batch > 0) closeBatch(db, old.batch);
  const bodyBlock = number(block, 'id');
  const changed = db.run(
    'UPDATE messages SET state = ? WHERE id = ? AND state = ?',
    STATE_CODES.replaced,
    old.id,
    STATE_CODES[old.state],
  );
  if (changed !== 1) throw stale(`Message ${old.id} is not ${old.state} any more; nothing was changed.`);
  if (old.state === 'queued') {
    db.run(
      'UPDATE body_blocks SET replaces = CASE WHEN pending = 1 THEN NULL ELSE replaces END, pending = pending - 1 WHERE id = ?',
      bodyBlock,
    );
  }
  if (!entry.settled) {
    db.run('UPDATE body_blocks SET unsettled = unsettled - 1 WHERE id = ?', bodyBlock);
    db.run('UPDATE submissions SET unsettled = unsettled - 1 WHERE number = ?', old.submission);
  }
  count(db, old.submission, old.entry, old.state, -1);
}

/** Its members wait again, for as long as the batch would have waited. */
function closeBatch(db: Database, id: number): void {
  const batch = readBatch(db, id);
  if (batch.state !== 'planned')
    throw stale(`Batch ${id} is ${batch.state}; what is in it cannot be replaced now. Nothing was changed.`);
  loseMembers(db, id, readParts(db, id));
  const due = db.get('SELECT due_at FROM batches WHERE id = ?', id) ?? {};
  setBatch(db, id, 'closed', false, number(due, 'due_at'));
}

/** The new message in a body block that holds nothing else, at the place of the old one's. */
function insertVersion(db: Database, old: Message, block: Row, given: NewVersion): number {
  const queued = given.state === 'queued' ? 1 : 0;
  const message = number(db.get('SELECT id FROM next_message') ?? {}, 'id');
  const id = db.insert(
    `INSERT INTO body_blocks (submission, block, destination, lane, items, place, entries, first_item, first_message,
       messages, made, pending, unsettled, bytes, routed_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, CAST(unixepoch('subsec') * 1000 AS INTEGER))`,
    old.submission,
    number(block, 'block'),
    text(block, 'destination'),
    given.lane ?? number(block, 'lane'),
    packPositions([old.item - number(block, 'first_item')]),
    number(block, 'place'),
    JSON.stringify([old.entry]),
    number(block, 'first_item'),
    message,
    queued,
    queued,
    queued,
    given.bytes,
  );
  if (given.body.length > 0) db.run('INSERT INTO bodies (id, body) VALUES (?, ?)', id, given.body);
  db.run(
    'INSERT INTO messages (id, submission, entry, item, version, state, batch) VALUES (?, ?, ?, ?, ?, ?, ?)',
    message,
    old.submission,
    old.entry,
    old.item,
    old.version + 1,
    STATE_CODES[given.state],
    NO_BATCH,
  );
  // What was settled is not any more; who was told of it once is not told again.
  if (queued === 1)
    db.run('UPDATE submissions SET unsettled = unsettled + 1, settled_at = NULL WHERE number = ?', old.submission);
  return message;
}

/** A link from a message to what stands in its place. */
export interface NewSuccessor {
  readonly message: number;
  readonly next: number | undefined;
  readonly submission: number;
  readonly item: number;
  readonly kind: string;
  readonly at: number;
  readonly who: string;
  readonly reason: string;
  readonly changed: readonly string[];
}

/** A message is replaced once: a second link breaks the constraint, and with it the change that it came in. */
export function insertSuccessor(db: Database, link: NewSuccessor): void {
  db.run(
    `INSERT INTO successors (message, next, submission, item, kind, at, who, reason, changed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    link.message,
    link.next ?? null,
    link.submission,
    link.item,
    link.kind,
    link.at,
    link.who,
    link.reason,
    JSON.stringify(link.changed),
  );
}

function insertEditedRow(db: Database, submission: number, item: number, row: Uint8Array): void {
  db.run(
    `INSERT INTO edited_rows (submission, item, edit, row)
     SELECT ?1, ?2, coalesce(max(edit), 0) + 1, ?3 FROM edited_rows WHERE submission = ?1 AND item = ?2`,
    submission,
    item,
    row,
  );
}

export function readMessage(db: Database, id: number): Message | undefined {
  const row = db.get('SELECT * FROM messages WHERE id = ?', id);
  return (
    row && {
      id,
      submission: number(row, 'submission'),
      entry: number(row, 'entry'),
      item: number(row, 'item'),
      version: number(row, 'version'),
      state: stateName(row.state),
      batch: number(row, 'batch'),
    }
  );
}

/** The body block in which a message stands. */
export function bodyBlockOf(db: Database, message: number): Row {
  const block = db.get(
    'SELECT * FROM body_blocks WHERE first_message <= ? ORDER BY first_message DESC LIMIT 1',
    message,
  );
  if (!block || message >= number(block, 'first_message') + number(block, 'messages'))
    throw stale(`Message ${message} has no body block.`);
  return block;
}

function stale(sentence: string): StoreError {
  return new StoreError('STORE_STALE', sentence);
}
