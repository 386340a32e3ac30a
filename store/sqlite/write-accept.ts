import type { AcceptResult, NewSubmission, NewUpload, UploadResult } from '../../engine/contracts/store.ts';
import { label } from '../../engine/labels.ts';
import type { Database } from './database.ts';
import { number, text } from './rows.ts';

/** Submissions come in: one by one, or all parts of an upload. Each function is one member of a group. */

export function putSnapshot(db: Database, snapshot: { hash: string; body: Uint8Array }): void {
  db.run('INSERT OR IGNORE INTO snapshots (hash, body) VALUES (?, ?)', snapshot.hash, snapshot.body);
}

/** Makes the submission, or names the earlier one that counts; a claim that is known already is `STORE_STALE`. */
export function accept(db: Database, s: NewSubmission): AcceptResult {
  label('accept.beforeCommit');
  const earlier = s.owner === '' ? undefined : standingDuplicate(db, s);
  if (earlier !== undefined && s.refuseDuplicate) return { kind: 'duplicate', submission: earlier };
  insertSubmission(db, s);
  if (s.owner !== '') {
    db.run(
      `INSERT INTO duplicates (owner, hash, submission, expires_at) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET submission = excluded.submission, expires_at = excluded.expires_at`,
      s.owner,
      s.hash,
      s.number,
      s.expiresAt,
    );
  }
  return { kind: 'stored' };
}

/** A submission in the last place. Its body is on disk. */
export function insertSubmission(db: Database, s: NewSubmission): void {
  db.run(
    `INSERT INTO submissions (number, place, state, service, partner, name, content_type, bytes, hash, claim, fields,
       accepted_at, format, route, snapshot, gate, receipt, part, cause, progress)
     VALUES (?, ?, 'accepted', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    s.number,
    nextPlace(db),
    s.service,
    s.partner,
    s.name,
    s.contentType,
    s.bytes,
    s.hash,
    s.claim ?? null,
    JSON.stringify(s.fields),
    s.acceptedAt,
    JSON.stringify(s.format),
    s.route,
    s.snapshot,
    s.gate ? 1 : 0,
    s.receipt ?? null,
    s.part ?? null,
    s.cause ?? null,
    // Nobody waits to be told of an answer or asks for a file to be moved: receipts are asked for.
    s.receipt === undefined && s.cause === undefined ? 'open' : 'closed',
  );
  s.entries.forEach((entry, index) => {
    db.run(
      'INSERT INTO entries (submission, entry, name, destination, transform) VALUES (?, ?, ?, ?, ?)',
      s.number,
      index,
      entry.name,
      entry.destination,
      entry.transform,
    );
  });
}

/** The earlier submission with the same content, while it counts: in its window, neither refused nor cancelled. */
function standingDuplicate(db: Database, s: NewSubmission): number | undefined {
  const row = db.get(
    `SELECT d.submission FROM duplicates d JOIN submissions s ON s.number = d.submission
     WHERE d.owner = ? AND d.hash = ? AND d.expires_at > ? AND s.state NOT IN ('refused', 'cancelled')`,
    s.owner,
    s.hash,
    s.acceptedAt,
  );
  return row && number(row, 'submission');
}

/** The place behind everything that is in the ledger. */
export function nextPlace(db: Database): number {
  return number(db.get('SELECT coalesce(max(place), 0) + 1 AS place FROM submissions') ?? {}, 'place');
}

/** Makes the receipt and a submission for each part, or names the receipt that counts already. */
export function acceptUpload(db: Database, upload: NewUpload): UploadResult {
  label('accept.beforeCommit');
  const byKey = upload.key === undefined ? undefined : receiptOfKey(db, upload, upload.key);
  if (byKey) return { kind: byKey.hash === upload.hash ? 'duplicate' : 'keyTaken', receipt: byKey.receipt };
  const earlier = upload.refuseDuplicate ? standingReceipt(db, upload) : undefined;
  if (earlier !== undefined) return { kind: 'duplicate', receipt: earlier };
  db.run(
    'INSERT INTO receipts (number, service, partner, key, hash, accepted_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    upload.receipt,
    upload.service,
    upload.partner,
    upload.key ?? null,
    upload.hash,
    upload.acceptedAt,
    upload.expiresAt,
  );
  for (const submission of upload.submissions) insertSubmission(db, submission);
  return { kind: 'stored' };
}

function receiptOfKey(db: Database, upload: NewUpload, key: string): { receipt: number; hash: string } | undefined {
  const row = db.get(
    'SELECT number, hash FROM receipts WHERE service = ? AND partner = ? AND key = ?',
    upload.service,
    upload.partner,
    key,
  );
  return row && { receipt: number(row, 'number'), hash: text(row, 'hash') };
}

/** The last receipt for the same parts, while it counts: in its window, and not every part refused or cancelled. */
function standingReceipt(db: Database, upload: NewUpload): number | undefined {
  const row = db.get(
    `SELECT r.number FROM receipts r WHERE r.service = ? AND r.partner = ? AND r.hash = ? AND r.expires_at > ?
       AND EXISTS (SELECT 1 FROM submissions s WHERE s.receipt = r.number AND s.state NOT IN ('refused', 'cancelled'))
     ORDER BY r.number DESC LIMIT 1`,
    upload.service,
    upload.partner,
    upload.hash,
    upload.acceptedAt,
  );
  return row && number(row, 'number');
}
