import { unpackLines } from '../../engine/blocks.ts';
import type {
  BatchState,
  CounterRow,
  EventRow,
  LocatedItem,
  Questions,
  ReceiptRow,
  StoreFacts,
  SubmissionSummary,
} from '../../engine/contracts/store.ts';
import { type Database, type Row, SCHEMA_VERSION } from './database.ts';
import { rejectBlocks } from './read-lanes.ts';
import { blob, number, optionalNumber, optionalText, readSubmission, stateName, submissionRow, text } from './rows.ts';
import { status } from './status.ts';
import { verify } from './verify.ts';

type Handlers = {
  readonly [K in keyof Questions]: (db: Database, request: Questions[K]['with']) => Questions[K]['gives'];
};

/** The ledger's questions; each a read of well under a second. */
export const QUESTIONS: Handlers = {
  facts,
  status,
  submissions,
  locate,
  locateItem,
  message,
  batch,
  verify,
  counters,
  events,
  conservation: (db) => ({
    mismatches: number(
      db.get(
        `SELECT count(*) AS n FROM (
           SELECT e.submission FROM entries e JOIN submissions s ON s.number = e.submission
             LEFT JOIN counters c ON c.submission = e.submission AND c.entry = e.entry
           GROUP BY e.submission, e.entry, s.items_routed HAVING coalesce(sum(c.n), 0) <> s.items_routed)`,
      ) ?? {},
      'n',
    ),
  }),
  submission: (db, request) => readSubmission(db, request.submission),
  receipt: (db, request) => readReceipt(db, request.receipt),
  caused: (db, request) =>
    db
      .all('SELECT number FROM submissions WHERE cause = ? ORDER BY number', request.batch)
      .map((row) => number(row, 'number')),
  answersTo: (db, request) =>
    db
      .all(
        `SELECT DISTINCT s.number FROM body_blocks b JOIN batch_parts p ON p.body_block = b.id
           JOIN submissions s ON s.cause = p.batch
         WHERE b.submission = ? ORDER BY s.number LIMIT 100`,
        request.submission,
      )
      .map((row) => number(row, 'number')),
  rejects: (db, request) => rejectBlocks(db, request),
  snapshot: (db, request) => readSnapshot(db, request.hash),
  bodyBlock: (db, request) => {
    const row = db.get(
      'SELECT b.first_message, d.body FROM body_blocks b LEFT JOIN bodies d ON d.id = b.id WHERE b.id = ?',
      request.bodyBlock,
    );
    const body = row && blob(row, 'body');
    return row && body && { firstMessage: number(row, 'first_message'), body };
  },
};

/** Answers one question. @throws StoreError where the ledger cannot be read. */
export function ask<K extends keyof Questions>(
  db: Database,
  question: K,
  request: Questions[K]['with'],
): Questions[K]['gives'] {
  return QUESTIONS[question](db, request);
}

/** What was fixed when the ledger was made. */
export function facts(db: Database): StoreFacts {
  const value = (key: string) =>
    blob(db.get('SELECT value FROM facts WHERE key = ?', key) ?? {}, 'value') ?? new Uint8Array();
  return {
    instance: Buffer.from(value('instance')).toString('utf8'),
    digestKey: value('digestKey'),
    lastSubmission: number(db.get('SELECT max(number) AS n FROM submissions') ?? {}, 'n'),
    lastReceipt: number(db.get('SELECT max(number) AS n FROM receipts') ?? {}, 'n'),
    schemaVersion: SCHEMA_VERSION,
  };
}

/** A receipt with its submissions, in the order of the upload's parts. */
export function readReceipt(db: Database, receipt: number): ReceiptRow | undefined {
  const row = db.get('SELECT * FROM receipts WHERE number = ?', receipt);
  return (
    row && {
      receipt,
      service: text(row, 'service'),
      partner: text(row, 'partner'),
      acceptedAt: number(row, 'accepted_at'),
      submissions: db
        .all('SELECT * FROM submissions WHERE receipt = ? ORDER BY number', receipt)
        .map((submission) => submissionRow(db, submission)),
    }
  );
}

/** The production with this content hash, as it was stored. */
export function readSnapshot(db: Database, hash: string): Uint8Array | undefined {
  return blob(db.get('SELECT body FROM snapshots WHERE hash = ?', hash) ?? {}, 'body');
}

function submissions(db: Database, request: Questions['submissions']['with']): SubmissionSummary[] {
  const rows =
    request.name === undefined
      ? db.all(
          'SELECT * FROM submissions WHERE number < ? ORDER BY number DESC LIMIT ?',
          request.before ?? Number.MAX_SAFE_INTEGER,
          request.limit,
        )
      : db.all(
          'SELECT * FROM submissions WHERE name = ? AND number < ? ORDER BY number DESC LIMIT ?',
          request.name,
          request.before ?? Number.MAX_SAFE_INTEGER,
          request.limit,
        );
  return rows.map((row) => ({
    ...submissionRow(db, row),
    counts: counters(db, { submission: number(row, 'number') }),
  }));
}

function counters(db: Database, request: { submission: number }): CounterRow[] {
  return db
    .all(
      `SELECT e.name, e.destination, c.state, c.n FROM counters c JOIN entries e ON e.submission = c.submission AND e.entry = c.entry
       WHERE c.submission = ? AND c.n > 0 ORDER BY c.entry, c.state`,
      request.submission,
    )
    .map((row) => ({
      entry: text(row, 'name'),
      destination: text(row, 'destination'),
      state: stateName(row.state),
      count: number(row, 'n'),
    }));
}

function locate(db: Database, request: { submission: number; line: number }): LocatedItem | undefined {
  const row = blockAt(db, request.submission, 'last_line', request.line);
  const index = row ? linesOf(row).findIndex(({ first, last }) => first <= request.line && request.line <= last) : -1;
  return row && index >= 0 ? located(db, request.submission, row, index) : undefined;
}

function locateItem(db: Database, request: { submission: number; item: number }): LocatedItem | undefined {
  const row = blockAt(db, request.submission, 'first_item + items - 1', request.item);
  const index = row ? request.item - number(row, 'first_item') : -1;
  return row && index >= 0 ? located(db, request.submission, row, index) : undefined;
}

/**
 * The first block that goes as far as this line or item. Blocks are numbered in the order of lines and items, so that a
 * few look-ups by their key find it, however long the file is.
 */
function blockAt(db: Database, submission: number, end: string, value: number): Row | undefined {
  const last = db.get('SELECT max(block) AS block FROM item_blocks WHERE submission = ?', submission);
  let low = 0;
  let high = optionalNumber(last ?? {}, 'block') ?? -1;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const row = db.get(`SELECT ${end} AS end FROM item_blocks WHERE submission = ? AND block = ?`, submission, middle);
    if (number(row ?? {}, 'end') < value) low = middle + 1;
    else high = middle - 1;
  }
  return db.get('SELECT * FROM item_blocks WHERE submission = ? AND block = ?', submission, low);
}

function linesOf(row: Row): ReturnType<typeof unpackLines> {
  const lines = blob(row, 'item_lines');
  return lines ? unpackLines(lines) : [];
}

/** @param index of the item in its block */
function located(db: Database, submission: number, row: Row, index: number): LocatedItem {
  const item = number(row, 'first_item') + index;
  return {
    submission,
    item,
    line: linesOf(row)[index]?.first ?? number(row, 'first_line'),
    block: {
      firstItem: number(row, 'first_item'),
      items: number(row, 'items'),
      cursor: number(row, 'from_cursor'),
      lines: number(row, 'from_lines'),
    },
    rejects: blob(row, 'rejects'),
    messages: messagesOf(db, submission, number(row, 'block'), item),
  };
}

function messagesOf(db: Database, submission: number, block: number, item: number): LocatedItem['messages'] {
  const blocks = db.all(
    'SELECT id, entries, first_item, first_message FROM body_blocks WHERE submission = ? AND block = ? ORDER BY id',
    submission,
    block,
  );
  return blocks.flatMap((body) => {
    const entries = JSON.parse(text(body, 'entries')) as number[];
    return entries.flatMap((entry, at) => {
      const position = (item - number(body, 'first_item')) * entries.length + at;
      const row = db.get(
        `SELECT m.*, e.name, e.destination, e.transform FROM messages m JOIN entries e ON e.submission = m.submission AND e.entry = m.entry
         WHERE m.id = ?`,
        number(body, 'first_message') + position,
      );
      if (!row || number(row, 'entry') !== entry) return [];
      const batchNumber = number(row, 'batch');
      return {
        message: number(row, 'id'),
        entry: text(row, 'name'),
        destination: text(row, 'destination'),
        transform: text(row, 'transform'),
        version: number(row, 'version'),
        state: stateName(row.state),
        batch: batchNumber < 0 ? undefined : batchNumber,
        bodyBlock: number(body, 'id'),
        position,
      };
    });
  });
}

function message(db: Database, request: { message: number }): Questions['message']['gives'] {
  return {
    message: request.message,
    outcomes: db
      .all('SELECT * FROM outcomes WHERE message = ? ORDER BY batch, attempt', request.message)
      .map((row) => ({
        batch: number(row, 'batch'),
        attempt: number(row, 'attempt'),
        state: text(row, 'state'),
        code: text(row, 'code'),
        words: text(row, 'words'),
      })),
  };
}

function batch(db: Database, request: { batch: number }): Questions['batch']['gives'] {
  const row = db.get('SELECT * FROM batches WHERE id = ?', request.batch);
  if (!row) return undefined;
  return {
    batch: request.batch,
    destination: text(row, 'destination'),
    state: text(row, 'state') as BatchState,
    count: number(row, 'count'),
    bytes: number(row, 'bytes'),
    plannedAt: number(row, 'planned_at'),
    dueAt: number(row, 'due_at'),
    replaces: optionalNumber(row, 'replaces'),
    attempts: db.all('SELECT * FROM attempts WHERE batch = ? ORDER BY attempt', request.batch).map((attempt) => ({
      attempt: number(attempt, 'attempt'),
      startedAt: number(attempt, 'started_at'),
      endedAt: optionalNumber(attempt, 'ended_at'),
      outcome: text(attempt, 'outcome'),
      code: text(attempt, 'code'),
      words: text(attempt, 'words'),
      whose: text(attempt, 'whose'),
      status: optionalNumber(attempt, 'status'),
      answer: blob(attempt, 'answer'),
    })),
  };
}

function events(db: Database, request: Questions['events']['with']): EventRow[] {
  const [where, value] =
    request.submission !== undefined
      ? (['submission = ?', request.submission] as const)
      : request.batch !== undefined
        ? (['batch = ?', request.batch] as const)
        : request.destination !== undefined
          ? (['destination = ?', request.destination] as const)
          : (['? = 1', 1] as const);
  return db
    .all(`SELECT * FROM events WHERE ${where} ORDER BY id DESC LIMIT ?`, value, request.limit)
    .map((row) => ({
      at: number(row, 'at'),
      who: text(row, 'who'),
      what: text(row, 'what'),
      submission: optionalNumber(row, 'submission'),
      batch: optionalNumber(row, 'batch'),
      destination: optionalText(row, 'destination'),
      detail: JSON.parse(text(row, 'detail')) as Record<string, unknown>,
    }))
    .reverse();
}
