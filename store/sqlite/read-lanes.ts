import type {
  BatchState,
  Candidate,
  Doubt,
  DueWork,
  LaneRequest,
  LaneWork,
  PlannedBatch,
  RejectBlock,
  RouteWork,
  SubmissionRow,
} from '../../engine/contracts/store.ts';
import type { Database, Row } from './database.ts';
import { comesBefore, headBlock, isBehindOtherLanes, isGated, nextBlock, OPEN } from './lane-order.ts';
import { blob, number, optionalNumber, optionalText, submissionRow, text } from './rows.ts';
import { NO_BATCH, STATE_CODES } from './schema.ts';

/** What the engine asks while it works: the next thing to route, the next thing to send, what is due. */

export function nextToRoute(db: Database): RouteWork | undefined {
  const row = db.get(
    `SELECT * FROM submissions WHERE state IN ('accepted', 'scanned', 'routing') ORDER BY place LIMIT 1`,
  );
  return (
    row && {
      ...submissionRow(db, row),
      blocks: number(row, 'blocks'),
      cursor: number(row, 'cursor'),
      lines: number(row, 'lines'),
    }
  );
}

export function uniqueKeys(db: Database, request: { submission: number }): Uint8Array[] {
  return db
    .all(
      'SELECT unique_keys FROM item_blocks WHERE submission = ? AND unique_keys IS NOT NULL ORDER BY block',
      request.submission,
    )
    .flatMap((row) => blob(row, 'unique_keys') ?? []);
}

/** The next thing a lane has to do. With `ahead`, what follows the call in flight. */
export function nextWork(db: Database, request: LaneRequest): LaneWork {
  const { destination, lane, free } = request;
  if (db.get('SELECT name FROM destinations WHERE name = ?', destination)) return { kind: 'stopped' };
  const doubtful = request.passDoubt ? undefined : firstOpen(db, request, 'inDoubt');
  if (doubtful) return { kind: 'held', batch: number(doubtful, 'id') };
  const sending = free || request.ahead ? undefined : firstOpen(db, request, 'sending');
  if (sending) return { kind: 'sending', batch: number(sending, 'id') };
  const planned = firstOpen(db, request, 'planned');
  const head = headBlock(db, destination, lane);
  const first = free ? firstFree(planned, head, request.now) : firstInOrder(db, planned, head);
  if (!first) return { kind: 'idle' };
  if (isBehindOtherLanes(db, request, first)) return { kind: 'gated' };
  if (first === planned) return { kind: 'planned', batch: plannedBatch(db, planned) };
  if (isGated(db, destination, first)) return { kind: 'gated' };
  return { kind: 'candidates', blocks: candidates(db, first, request, free ? undefined : planned) };
}

function firstInOrder(db: Database, planned: Row | undefined, head: Row | undefined): Row | undefined {
  return planned && !(head && comesBefore(db, head, planned)) ? planned : head;
}

/** Without an order, what may go now goes before what waits for its time. */
function firstFree(planned: Row | undefined, head: Row | undefined, now: number): Row | undefined {
  return planned && number(planned, 'due_at') <= now ? planned : (head ?? planned);
}

/** The lane's first batch in this state that no other call of the process has in hand. */
function firstOpen(db: Database, { destination, lane, inHand, free }: LaneRequest, state: BatchState): Row | undefined {
  return db
    .all(
      `SELECT * FROM batches WHERE destination = ? AND lane = ? AND ${OPEN} AND state = ?
       ORDER BY ${free ? 'due_at' : 'place'}, first_message LIMIT ?`,
      destination,
      lane,
      state,
      inHand.length + 1,
    )
    .find((row) => !inHand.includes(number(row, 'id')));
}

/** Blocks from the lane's head on, as many as can fill a batch; nothing behind a batch that is planned already. */
function candidates(db: Database, head: Row, request: LaneRequest, planned: Row | undefined): Candidate[] {
  const blocks: Candidate[] = [];
  let pending = 0;
  let row: Row | undefined = head;
  while (row && pending < request.maxMessages) {
    if (!request.mixSubmissions && number(row, 'submission') !== number(head, 'submission')) break;
    if (row !== head && isGated(db, request.destination, row)) break;
    if (planned && row !== head && !comesBefore(db, row, planned)) break;
    const block = candidate(db, row, planned);
    blocks.push(block);
    pending += block.pending;
    row = nextBlock(db, row);
  }
  return blocks;
}

function candidate(db: Database, row: Row, planned: Row | undefined): Candidate {
  const first = number(row, 'first_message');
  const follows = planned && number(planned, 'place') === number(row, 'place') ? planned : undefined;
  const end = first + number(row, 'messages');
  // What was planned ahead may begin in this block, or in a later one of the same submission.
  const before = follows ? Math.min(end, number(follows, 'first_message')) : end;
  const untouched =
    !follows && number(row, 'pending') === number(row, 'made') && optionalNumber(row, 'replaces') === undefined;
  const waiting = untouched ? undefined : waitingMessages(db, first, before);
  return {
    bodyBlock: number(row, 'id'),
    submission: number(row, 'submission'),
    entries: (JSON.parse(text(row, 'entries')) as number[]).length,
    firstMessage: first,
    messages: number(row, 'messages'),
    pending: waiting?.positions.length ?? number(row, 'pending'),
    body: readBody(db, number(row, 'id')),
    waiting: waiting?.positions,
    since: number(row, 'routed_at'),
    last: follows !== undefined || isLast(db, row),
    replaces: waiting?.lost,
  };
}

/** True when nothing more of the block's submission will come to the lane after it. */
function isLast(db: Database, block: Row): boolean {
  const submission = db.get('SELECT state FROM submissions WHERE number = ?', number(block, 'submission')) ?? {};
  if (text(submission, 'state') !== 'routed') return false;
  const next = nextBlock(db, block);
  return !next || number(next, 'place') !== number(block, 'place');
}

/** Positions of the messages that wait, below the message `before`, and the batch that some of them lost. */
function waitingMessages(
  db: Database,
  first: number,
  before: number,
): { positions: number[]; lost: number | undefined } {
  const rows = db.all(
    'SELECT id, batch FROM messages WHERE id >= ? AND id < ? AND state = ? AND batch < 0 ORDER BY id',
    first,
    before,
    STATE_CODES.queued,
  );
  const lost = rows.find((row) => number(row, 'batch') !== NO_BATCH);
  return { positions: rows.map((row) => number(row, 'id') - first), lost: lost && -number(lost, 'batch') };
}

function readBody(db: Database, bodyBlock: number): Uint8Array {
  return blob(db.get('SELECT body FROM bodies WHERE id = ?', bodyBlock) ?? {}, 'body') ?? new Uint8Array();
}

function plannedBatch(db: Database, row: Row): PlannedBatch {
  const id = number(row, 'id');
  const parts = partsOf(db, id);
  return {
    batch: id,
    destination: text(row, 'destination'),
    attempts: number(row, 'attempts'),
    firstAttemptAt: optionalNumber(row, 'first_attempt_at'),
    count: number(row, 'count'),
    bytes: number(row, 'bytes'),
    plannedAt: number(row, 'planned_at'),
    dueAt: number(row, 'due_at'),
    replaces: optionalNumber(row, 'replaces'),
    parts: parts.map((part) => batchPart(db, part, members(db, id, part))),
  };
}

function batchPart(db: Database, part: Row, members: readonly number[]): PlannedBatch['parts'][number] {
  return {
    bodyBlock: number(part, 'body_block'),
    firstMessage: number(part, 'first_message'),
    lastMessage: number(part, 'last_message'),
    count: number(part, 'count'),
    body: readBody(db, number(part, 'body_block')),
    blockFirstMessage: number(part, 'block_first'),
    members,
  };
}

function partsOf(db: Database, batch: number): Row[] {
  return db.all(
    `SELECT p.*, b.first_message AS block_first FROM batch_parts p JOIN body_blocks b ON b.id = p.body_block
     WHERE p.batch = ? ORDER BY p.first_message`,
    batch,
  );
}

/** Batches that are asked about at once, at most. */
const DOUBTS = 50;

/** Batches in doubt that may be decided or asked about now, and when the next one may be. */
export function doubts(
  db: Database,
  request: { destination: string; now: number },
): { due: Doubt[]; next: number | undefined } {
  const next = db.get(
    `SELECT min(due_at) AS at FROM batches WHERE destination = ? AND ${OPEN} AND state = 'inDoubt' AND due_at > ?`,
    request.destination,
    request.now,
  );
  const due = db.all(
    `SELECT * FROM batches WHERE destination = ? AND ${OPEN} AND state = 'inDoubt' AND due_at <= ?
     ORDER BY due_at, place, first_message LIMIT ?`,
    request.destination,
    request.now,
    DOUBTS,
  );
  return { due: due.map(doubt), next: optionalNumber(next ?? {}, 'at') };
}

/** The members of a batch that are in doubt, with their bodies. */
export function doubtMembers(db: Database, { batch }: { batch: number }): PlannedBatch['parts'][number][] {
  return partsOf(db, batch).flatMap((part) => {
    const inDoubt = db
      .all(
        'SELECT id FROM messages WHERE id BETWEEN ? AND ? AND batch = ? AND state = ? ORDER BY id',
        number(part, 'first_message'),
        number(part, 'last_message'),
        batch,
        STATE_CODES.inDoubt,
      )
      .map((message) => number(message, 'id'));
    return inDoubt.length === 0 ? [] : [batchPart(db, part, inDoubt)];
  });
}

function doubt(row: Row): Doubt {
  return {
    batch: number(row, 'id'),
    lane: number(row, 'lane'),
    attempts: number(row, 'attempts'),
    since: number(row, 'doubt_since'),
    askAt: number(row, 'due_at'),
    asked: number(row, 'asked'),
    ticket: optionalText(row, 'ticket'),
    overdue: number(row, 'overdue') === 1,
  };
}

/** Lanes of a destination in which something waits or is open. */
export function lanesInUse(db: Database, request: { destination: string }): number[] {
  return db
    .all(
      `SELECT lane FROM body_blocks WHERE destination = ? AND pending > 0
       UNION SELECT lane FROM batches WHERE destination = ? AND ${OPEN}`,
      request.destination,
      request.destination,
    )
    .map((row) => number(row, 'lane'));
}

/** The members of a planned batch in one of its parts; most often all the messages of the range. */
function members(db: Database, batch: number, part: Row): number[] {
  const first = number(part, 'first_message');
  const last = number(part, 'last_message');
  if (number(part, 'count') === last - first + 1) return Array.from({ length: last - first + 1 }, (_, n) => first + n);
  return db
    .all('SELECT id FROM messages WHERE id BETWEEN ? AND ? AND batch = ? ORDER BY id', first, last, batch)
    .map((message) => number(message, 'id'));
}

/** What a sweep signals again. */
export function due(db: Database): DueWork {
  const lanes = db
    .all(
      `SELECT destination, lane FROM body_blocks WHERE pending > 0
       UNION SELECT destination, lane FROM batches WHERE ${OPEN} ORDER BY destination, lane`,
    )
    .map((row) => ({ destination: text(row, 'destination'), lane: number(row, 'lane') }));
  const services = db.all(
    `SELECT number, service FROM submissions WHERE progress <> 'closed'
       AND (state IN ('refused', 'cancelled') OR settled_at IS NOT NULL OR (state = 'routed' AND progress = 'open'))
       ORDER BY service, number LIMIT 1000`,
  );
  return {
    toRoute:
      db.get(`SELECT 1 AS one FROM submissions WHERE state IN ('accepted', 'scanned', 'routing') LIMIT 1`) !==
      undefined,
    destinations: [...new Set(lanes.map(({ destination }) => destination))],
    lanes,
    services: services.map((row) => ({ submission: number(row, 'number'), service: text(row, 'service') })),
  };
}

export function findClaim(db: Database, request: { claim: string }): SubmissionRow | undefined {
  const row = db.get('SELECT * FROM submissions WHERE claim = ?', request.claim);
  return row && submissionRow(db, row);
}

export function unfinished(db: Database, request: { service: string }): SubmissionRow[] {
  return db
    .all(`SELECT * FROM submissions WHERE service = ? AND progress <> 'closed' ORDER BY number`, request.service)
    .map((row) => submissionRow(db, row));
}

/** Rejected items by block, a few blocks at a time. */
export function rejectBlocks(db: Database, request: { submission: number; after: number }): RejectBlock[] {
  return db
    .all(
      'SELECT block, first_item, rejects FROM item_blocks WHERE submission = ? AND block > ? AND rejects IS NOT NULL ORDER BY block LIMIT 8',
      request.submission,
      request.after,
    )
    .map((row) => ({
      block: number(row, 'block'),
      firstItem: number(row, 'first_item'),
      rejects: blob(row, 'rejects') ?? new Uint8Array(),
    }));
}
