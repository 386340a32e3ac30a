import type {
  BatchState,
  CounterRow,
  EventRow,
  Questions,
  ReceiptRow,
  StoreFacts,
  SubmissionSummary,
} from '../../engine/contracts/store.ts';
import { correctionVerdicts } from './corrections.ts';
import { type Database, SCHEMA_VERSION } from './database.ts';
import { linksOf } from './links.ts';
import { locate, locateItem } from './locate.ts';
import { act, acts } from './read-acts.ts';
import { rejectBlocks } from './read-lanes.ts';
import { lastPurge, openPurges, purgeable, retention } from './read-purge.ts';
import { blob, number, optionalNumber, optionalText, readSubmission, stateName, submissionRow, text } from './rows.ts';
import { itemsWith } from './search.ts';
import { selectMessages } from './select-messages.ts';
import { status } from './status.ts';
import { verify } from './verify.ts';

type Handlers = {
  readonly [K in keyof Questions]: (db: Database, request: Questions[K]['with']) => Questions[K]['gives'];
};

/** The ledger's questions; each a read of well under a second. */
const QUESTIONS: Handlers = {
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
  links: linksOf,
  corrections: correctionVerdicts,
  search: itemsWith,
  selectMessages,
  acts,
  act,
  purgeable,
  openPurges,
  lastPurge,
  retention,
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
