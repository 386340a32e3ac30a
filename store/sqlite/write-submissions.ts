import { packPositions } from '../../engine/blocks.ts';
import type { Scan } from '../../engine/contracts/format.ts';
import type { NewBlock, NewBodyBlock, Refusal, SubmissionDecision } from '../../engine/contracts/store.ts';
import { label } from '../../engine/labels.ts';
import { MESSAGE_STATES, type MessageState } from '../../engine/states.ts';
import { StoreError } from '../errors.ts';
import { cancelSuspended } from './acting-members.ts';
import { closePlanned } from './batches.ts';
import { applyCorrections } from './corrections.ts';
import type { Database } from './database.ts';
import { appendEvent, number } from './rows.ts';
import { NO_BATCH, NUMBERS, STATE_CODES } from './schema.ts';
import { insertSearch } from './search.ts';
import { nextPlace } from './write-accept.ts';
import { count, markSettled } from './write-counters.ts';

/** Submissions on their way in: scan, blocks, end, and what a person decides of them. Each function is one member of a group. */

/** Moves a submission from one of these states; exactly one row must change. */
function moveSubmission(
  db: Database,
  submission: number,
  from: readonly string[],
  to: string,
  set = '',
  ...values: (string | number | null)[]
): void {
  const marks = from.map(() => '?').join(', ');
  const changed = db.run(
    `UPDATE submissions SET state = ?${set} WHERE number = ? AND state IN (${marks})`,
    to,
    ...values,
    submission,
    ...from,
  );
  if (changed !== 1)
    throw new StoreError(
      'STORE_STALE',
      `Submission ${submission} is no longer ${from.join(' or ')}; nothing was changed.`,
    );
}

export function scanned(db: Database, request: { submission: number; scan: Scan }): void {
  const { scan } = request;
  moveSubmission(
    db,
    request.submission,
    ['accepted'],
    'scanned',
    ', scan = ?, items = ?, cursor = ?, lines = ?',
    JSON.stringify(scan),
    scan.items,
    scan.cursor,
    scan.lines,
  );
}

/** Its own counts do not hold: kept as it was scanned, nothing of it is sent. It gives up its place. */
export function quarantine(
  db: Database,
  request: { submission: number; scan: Scan; refusal: Refusal; at: number },
): void {
  const { submission, scan, refusal, at } = request;
  moveSubmission(
    db,
    submission,
    ['accepted'],
    'quarantined',
    ', scan = ?, items = ?, cursor = ?, lines = ?, refusal = ?',
    JSON.stringify(scan),
    scan.items,
    scan.cursor,
    scan.lines,
    JSON.stringify(refusal),
  );
  appendEvent(db, { at, who: 'engine', what: 'quarantined', submission, detail: { ...refusal } });
}

/** A person lets it through: it is routed in a new place, behind what came meanwhile. */
export function release(db: Database, request: SubmissionDecision): void {
  const { submission, at, who, reason } = request;
  moveSubmission(db, submission, ['quarantined'], 'scanned', ', place = ?', nextPlace(db));
  appendEvent(db, { at, who, what: 'released', submission, detail: { reason } });
}

/** A person gives it up: what is in quarantine, or not routed yet. What a lane holds already is another decision. */
export function cancelSubmission(db: Database, request: SubmissionDecision): void {
  const { submission, at, who, reason } = request;
  moveSubmission(db, submission, ['quarantined', 'scanned', 'routing'], 'cancelled');
  appendEvent(db, { at, who, what: 'cancelled', submission, detail: { reason } });
  db.run('UPDATE item_blocks SET unique_keys = NULL WHERE submission = ? AND unique_keys IS NOT NULL', submission);
  closePlanned(db, submission);
  cancelWaiting(db, submission, 'CANCELLED', at);
  markSettled(db, [submission], at);
}

/** Nothing of it is sent: what was routed before its fault was found is cancelled, but for a call in flight. */
export function refuse(db: Database, request: { submission: number; refusal: Refusal; at: number }): void {
  const { submission, refusal, at } = request;
  moveSubmission(db, submission, ['accepted', 'routing'], 'refused', ', refusal = ?', JSON.stringify(refusal));
  appendEvent(db, { at, who: 'engine', what: 'refused', submission, detail: { ...refusal } });
  db.run('UPDATE item_blocks SET unique_keys = NULL WHERE submission = ? AND unique_keys IS NOT NULL', submission);
  closePlanned(db, submission);
  cancelWaiting(db, submission, refusal.code, at);
  markSettled(db, [submission], at);
}

export function beginRouting(db: Database, request: { submission: number }): void {
  moveSubmission(db, request.submission, ['scanned'], 'routing');
}

/** Items, ledger rows, bodies and cursor of one block. */
export function commitBlock(db: Database, block: NewBlock): void {
  label('route.beforeCommit');
  const before = db.get('SELECT cursor, lines, place FROM submissions WHERE number = ?', block.submission) ?? {};
  const changed = db.run(
    `UPDATE submissions SET blocks = blocks + 1, items_routed = items_routed + ?, cursor = ?, lines = ?,
       rejected_items = rejected_items + ?
     WHERE number = ? AND state = 'routing' AND blocks = ? AND items_routed = ? AND items_routed + ? <= items`,
    block.items,
    block.cursor,
    block.lines,
    block.rejectedItems,
    block.submission,
    block.block,
    block.firstItem - 1,
    block.items,
  );
  if (changed !== 1)
    throw new StoreError(
      'STORE_STALE',
      `Block ${block.block} of submission ${block.submission} is not the next one; nothing was changed.`,
    );
  db.run(
    `INSERT INTO item_blocks (submission, block, first_item, items, first_line, last_line, from_cursor, from_lines, item_lines, rejects, unique_keys)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    block.submission,
    block.block,
    block.firstItem,
    block.items,
    block.firstLine,
    block.lastLine,
    number(before, 'cursor'),
    number(before, 'lines'),
    block.itemLines,
    block.rejects ?? null,
    block.uniqueKeys ?? null,
  );
  for (const body of block.bodies) insertBodyBlock(db, block, body, number(before, 'place'));
  applyCorrections(db, block);
  insertSearch(db, block);
}

function insertBodyBlock(db: Database, block: NewBlock, body: NewBodyBlock, place: number): void {
  const messages = (body.items?.length ?? block.items) * body.entries.length;
  const made = messages - body.exceptions.filter(({ state }) => MESSAGE_STATES[state].settled).length;
  const firstMessage = number(db.get('SELECT id FROM next_message') ?? {}, 'id');
  const id = db.insert(
    `INSERT INTO body_blocks (submission, block, destination, lane, items, place, entries, first_item, first_message, messages, made, pending, unsettled, bytes, routed_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(unixepoch('subsec') * 1000 AS INTEGER))`,
    block.submission,
    block.block,
    body.destination,
    body.lane,
    body.items ? packPositions(body.items) : null,
    place,
    JSON.stringify(body.entries),
    block.firstItem,
    firstMessage,
    messages,
    made,
    messages - body.exceptions.length,
    made,
    body.bytes,
  );
  if (body.body.length > 0) db.run('INSERT INTO bodies (id, body) VALUES (?, ?)', id, body.body);
  if (body.items) insertSome(db, block, body.entries, body.items, firstMessage);
  else insertMessages(db, block, body.entries, firstMessage);
  for (const { position, state } of body.exceptions) {
    db.run('UPDATE messages SET state = ? WHERE id = ?', STATE_CODES[state], firstMessage + position);
  }
  countBlock(db, block, body);
  if (made > 0) db.run('UPDATE submissions SET unsettled = unsettled + ? WHERE number = ?', made, block.submission);
}

/** The ledger rows of some items of a block. */
function insertSome(
  db: Database,
  block: NewBlock,
  entries: readonly number[],
  items: readonly number[],
  firstMessage: number,
): void {
  db.run(
    `INSERT INTO messages (id, submission, entry, item, version, state, batch)
     SELECT ? + i.key * ? + e.key, ?, e.value, ? + i.value, 1, ?, ? FROM json_each(?) i CROSS JOIN json_each(?) e`,
    firstMessage,
    entries.length,
    block.submission,
    block.firstItem,
    STATE_CODES.queued,
    NO_BATCH,
    JSON.stringify(items),
    JSON.stringify(entries),
  );
}

/** The ledger rows of a block, item by item and within it entry by entry, many in one statement. */
function insertMessages(db: Database, block: NewBlock, entries: readonly number[], firstMessage: number): void {
  const [only] = entries;
  for (let done = 0; done < block.items; done += NUMBERS) {
    const first = firstMessage + done * entries.length;
    const item = block.firstItem + done;
    const items = Math.min(NUMBERS, block.items - done);
    if (entries.length === 1) {
      db.run(
        `INSERT INTO messages (id, submission, entry, item, version, state, batch)
         SELECT ? + n, ?, ?, ? + n, 1, ?, ? FROM numbers WHERE n < ?`,
        first,
        block.submission,
        only ?? 0,
        item,
        STATE_CODES.queued,
        NO_BATCH,
        items,
      );
      continue;
    }
    db.run(
      `INSERT INTO messages (id, submission, entry, item, version, state, batch)
       SELECT ? + n * ? + e.key, ?, e.value, ? + n, 1, ?, ? FROM numbers CROSS JOIN json_each(?) e WHERE n < ?`,
      first,
      entries.length,
      block.submission,
      item,
      STATE_CODES.queued,
      NO_BATCH,
      JSON.stringify(entries),
      items,
    );
  }
}

function countBlock(db: Database, block: NewBlock, body: NewBodyBlock): void {
  const items = body.items?.length ?? block.items;
  const exceptions = body.entries.map(() => new Map<MessageState, number>());
  for (const { position, state } of body.exceptions) {
    const tally = exceptions[position % body.entries.length];
    tally?.set(state, (tally.get(state) ?? 0) + 1);
  }
  body.entries.forEach((entry, at) => {
    let queued = items;
    for (const [state, n] of exceptions[at] ?? []) {
      count(db, block.submission, entry, state, n);
      queued -= n;
    }
    count(db, block.submission, entry, 'queued', queued);
  });
}

/** Every item has its rows. With a gate, an invalid row cancels the others. */
export function endRouting(db: Database, request: { submission: number; at: number }): { cancelled: number } {
  const { submission, at } = request;
  const row =
    db.get('SELECT gate, rejected_items, items, items_routed FROM submissions WHERE number = ?', submission) ?? {};
  if (number(row, 'items') !== number(row, 'items_routed')) {
    throw new StoreError(
      'STORE_STALE',
      `Submission ${submission} has ${number(row, 'items_routed')} of ${number(row, 'items')} items routed; it is not at its end.`,
    );
  }
  moveSubmission(db, submission, ['routing'], 'routed', ', routed_at = ?', at);
  db.run('UPDATE item_blocks SET unique_keys = NULL WHERE submission = ? AND unique_keys IS NOT NULL', submission);
  const refuseFile = number(row, 'gate') === 1 && number(row, 'rejected_items') > 0;
  const cancelled = refuseFile ? cancelWaiting(db, submission, 'FILE_REFUSED', at) : 0;
  markSettled(db, [submission], at);
  return { cancelled };
}

/** Cancels every message of a submission that waits for a batch. Gives their number. */
function cancelWaiting(db: Database, submission: number, code: string, at: number): number {
  cancelSuspended(db, submission, at);
  let cancelled = 0;
  for (const block of db.all('SELECT id, first_message, messages FROM body_blocks WHERE submission = ?', submission)) {
    const first = number(block, 'first_message');
    const last = first + number(block, 'messages') - 1;
    const tallies = db.all(
      'SELECT entry, count(*) AS n FROM messages WHERE id BETWEEN ? AND ? AND state = ? AND batch < 0 GROUP BY entry',
      first,
      last,
      STATE_CODES.queued,
    );
    const n = db.run(
      'UPDATE messages SET state = ? WHERE id BETWEEN ? AND ? AND state = ? AND batch < 0',
      STATE_CODES.cancelled,
      first,
      last,
      STATE_CODES.queued,
    );
    for (const tally of tallies) {
      count(db, submission, number(tally, 'entry'), 'queued', -number(tally, 'n'));
      count(db, submission, number(tally, 'entry'), 'cancelled', number(tally, 'n'));
    }
    db.run(
      'UPDATE body_blocks SET pending = 0, replaces = NULL, unsettled = unsettled - ? WHERE id = ?',
      n,
      number(block, 'id'),
    );
    cancelled += n;
  }
  if (cancelled === 0) return 0;
  db.run('UPDATE submissions SET unsettled = unsettled - ? WHERE number = ?', cancelled, submission);
  appendEvent(db, { at, who: 'engine', what: 'cancelled', submission, detail: { code, messages: cancelled } });
  return cancelled;
}

/** How far the service has got with telling its sender. */
export function setProgress(db: Database, request: { submission: number; progress: string }): void {
  const { submission, progress } = request;
  const changed = db.run('UPDATE submissions SET progress = ? WHERE number = ?', progress, submission);
  if (changed !== 1) throw new StoreError('STORE_STALE', `There is no submission ${submission}; nothing was changed.`);
}
