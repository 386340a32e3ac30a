import type { Scan } from '../../engine/contracts/format.ts';
import type { FormatReference, ServiceProgress } from '../../engine/contracts/service.ts';
import type { Refusal, SubmissionRow } from '../../engine/contracts/store.ts';
import type { MessageState, SubmissionState } from '../../engine/states.ts';
import type { Database, Row } from './database.ts';
import { stateOf } from './schema.ts';

/** Text, number and null out of a row, where the schema (STRICT) guarantees the type. */
export function text(row: Row, column: string): string {
  return String(row[column] ?? '');
}

export function number(row: Row, column: string): number {
  return Number(row[column] ?? 0);
}

export function optionalNumber(row: Row, column: string): number | undefined {
  const value = row[column];
  return value === null || value === undefined ? undefined : Number(value);
}

export function optionalText(row: Row, column: string): string | undefined {
  const value = row[column];
  return value === null || value === undefined ? undefined : String(value);
}

export function blob(row: Row, column: string): Uint8Array | undefined {
  const value = row[column];
  return value instanceof Uint8Array ? value : undefined;
}

export function stateName(code: unknown): MessageState {
  return stateOf(Number(code));
}

function json<T>(row: Row, column: string): T | undefined {
  const value = row[column];
  return typeof value === 'string' ? (JSON.parse(value) as T) : undefined;
}

/** A row of `submissions` with its entries. */
export function submissionRow(db: Database, row: Row): SubmissionRow {
  const receipt = optionalNumber(row, 'receipt');
  const cause = optionalNumber(row, 'cause');
  const purge = db.get('SELECT what, begun_at FROM purges WHERE submission = ?', number(row, 'number'));
  const begunAt = purge && number(purge, 'begun_at');
  const bodiesPurgedAt = optionalNumber(row, 'bodies_purged_at') ?? begunAt;
  const purgedAt =
    optionalNumber(row, 'purged_at') ?? (purge && text(purge, 'what') === 'ledger' ? begunAt : undefined);
  return {
    ...(bodiesPurgedAt === undefined ? {} : { bodiesPurgedAt }),
    ...(purgedAt === undefined ? {} : { purgedAt }),
    ...(receipt === undefined ? {} : { receipt, part: text(row, 'part') }),
    ...(cause === undefined ? {} : { cause }),
    number: number(row, 'number'),
    state: text(row, 'state') as SubmissionState,
    service: text(row, 'service'),
    partner: text(row, 'partner'),
    name: text(row, 'name'),
    contentType: text(row, 'content_type'),
    bytes: number(row, 'bytes'),
    hash: text(row, 'hash'),
    claim: optionalText(row, 'claim'),
    fields: json<Record<string, string>>(row, 'fields') ?? {},
    acceptedAt: number(row, 'accepted_at'),
    format: json<FormatReference>(row, 'format') ?? { type: '' },
    route: text(row, 'route'),
    snapshot: text(row, 'snapshot'),
    gate: number(row, 'gate') === 1,
    scan: json<Scan>(row, 'scan'),
    refusal: json<Refusal>(row, 'refusal'),
    items: optionalNumber(row, 'items'),
    itemsRouted: number(row, 'items_routed'),
    rejectedItems: number(row, 'rejected_items'),
    unsettled: number(row, 'unsettled'),
    routedAt: optionalNumber(row, 'routed_at'),
    settledAt: optionalNumber(row, 'settled_at'),
    progress: text(row, 'progress') as ServiceProgress,
    entries: db
      .all(
        'SELECT name, destination, transform FROM entries WHERE submission = ? ORDER BY entry',
        number(row, 'number'),
      )
      .map((entry) => ({
        name: text(entry, 'name'),
        destination: text(entry, 'destination'),
        transform: text(entry, 'transform'),
      })),
  };
}

/** The submission with this number. */
export function readSubmission(db: Database, submission: number): SubmissionRow | undefined {
  const row = db.get('SELECT * FROM submissions WHERE number = ?', submission);
  return row && submissionRow(db, row);
}

/** Appends an event; events are never changed. */
export function appendEvent(
  db: Database,
  event: {
    at: number;
    who: string;
    what: string;
    submission?: number;
    batch?: number;
    destination?: string;
    detail?: Record<string, unknown>;
  },
): void {
  db.run(
    'INSERT INTO events (at, who, what, submission, batch, destination, detail) VALUES (?, ?, ?, ?, ?, ?, ?)',
    event.at,
    event.who,
    event.what,
    event.submission ?? null,
    event.batch ?? null,
    event.destination ?? null,
    JSON.stringify(event.detail ?? {}),
  );
}
