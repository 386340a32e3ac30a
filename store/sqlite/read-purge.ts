import type {
  OpenPurge,
  Purgeable,
  PurgeablePage,
  PurgeCursor,
  PurgeKind,
  PurgeLookup,
  PurgeSource,
  RetentionRow,
} from '../../engine/contracts/keeping.ts';
import type { Database, Row } from './database.ts';
import { number, optionalNumber, stateName, text } from './rows.ts';

/** What can be purged, what is being purged, and when that was done last. */

/** Submissions looked at in one go. */
const LOOKED_AT = 200;

/** The words of the partial indexes `submissions_kept` and `submissions_rows_kept`. */
const SOURCES: Readonly<Record<PurgeSource, string>> = {
  whole: 's.settled_at IS NOT NULL AND s.bodies_purged_at IS NULL',
  bodiless: 's.bodies_purged_at IS NOT NULL AND s.purged_at IS NULL',
};

/**
 * The next submissions that may be purged by the rule of the store (trigger `purges_due`), in the order in which they
 * were settled. Only some are looked at in one go, so that no read is long.
 */
export function due(
  db: Database,
  { what, from, route, after }: PurgeLookup,
): { rows: Row[]; next: PurgeCursor | undefined } {
  const looked = db.all(
    `SELECT s.number, s.settled_at, s.route, s.bytes,
       s.unsettled = 0 AND s.progress = 'closed' AND (? IS NULL OR s.route = ?)
         AND NOT EXISTS (SELECT 1 FROM purges WHERE submission = s.number)
         AND (SELECT k.${what} FROM kept_until k WHERE k.submission = s.number) <= unixepoch('subsec') * 1000 AS due
     FROM submissions s
     WHERE ${SOURCES[from]} AND (s.settled_at, s.number) > (?, ?)
       AND s.settled_at <= unixepoch('subsec') * 1000 - (SELECT min(${what}) FROM retention)
     ORDER BY s.settled_at, s.number LIMIT ${LOOKED_AT}`,
    route ?? null,
    route ?? null,
    after?.settledAt ?? Number.MIN_SAFE_INTEGER,
    after?.submission ?? 0,
  );
  const last = looked.length === LOOKED_AT ? looked.at(-1) : undefined;
  return {
    rows: looked.filter((row) => number(row, 'due') === 1),
    next: last && { settledAt: number(last, 'settled_at'), submission: number(last, 'number') },
  };
}

/** A page of what can be purged, with its size. */
export function purgeable(db: Database, request: PurgeLookup): PurgeablePage {
  const { rows, next } = due(db, request);
  return { submissions: rows.map((row) => sized(db, row)), next };
}

function sized(db: Database, row: Row): Purgeable {
  const submission = number(row, 'number');
  const size =
    db.get(
      `SELECT coalesce(sum(b.messages), 0) AS messages, coalesce(sum(length(d.body)), 0) AS bytes
       FROM body_blocks b LEFT JOIN bodies d ON d.id = b.id WHERE b.submission = ?`,
      submission,
    ) ?? {};
  const rejects = db.get(
    'SELECT coalesce(sum(length(rejects)), 0) AS bytes FROM item_blocks WHERE submission = ?',
    submission,
  );
  return {
    submission,
    route: text(row, 'route'),
    settledAt: number(row, 'settled_at'),
    messages: number(size, 'messages'),
    fileBytes: number(row, 'bytes'),
    bodyBytes: number(size, 'bytes') + number(rejects ?? {}, 'bytes'),
  };
}

/** Purges that were begun and are not done. */
export function openPurges(db: Database): OpenPurge[] {
  return db.all('SELECT submission, what, begun_at FROM purges ORDER BY submission').map((row) => ({
    submission: number(row, 'submission'),
    what: text(row, 'what') as PurgeKind,
    begunAt: number(row, 'begun_at'),
  }));
}

/** When everything that was past its retention was purged last, milliseconds since 1970. */
export function lastPurge(db: Database): { readonly at: number } | undefined {
  const row = db.get(
    `SELECT at FROM events WHERE what = 'purgeRun' AND json_extract(detail, '$.route') IS NULL ORDER BY id DESC LIMIT 1`,
  );
  return row && { at: number(row, 'at') };
}

/** How long what is kept, as the store holds to it; empty where nothing is ever purged. */
export function retention(db: Database): RetentionRow[] {
  return db.all('SELECT * FROM retention ORDER BY route, state').map((row) => ({
    route: text(row, 'route'),
    state: number(row, 'state') < 0 ? undefined : stateName(row.state),
    bodies: optionalNumber(row, 'bodies'),
    ledger: optionalNumber(row, 'ledger'),
  }));
}
