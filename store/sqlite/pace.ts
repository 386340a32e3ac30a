import type { BatchLimit, Pause, PauseKind } from '../../engine/contracts/store.ts';
import type { Database } from './database.ts';
import { number, optionalNumber, text } from './rows.ts';

/** How a destination's calls are paced: why they wait, and how many messages go at once. */

/** Why calls wait, or that they do not any more. */
export function notePause(
  db: Database,
  request: { destination: string; kind: PauseKind; pause: Pause | undefined },
): void {
  const { destination, kind, pause } = request;
  if (!pause) {
    db.run('DELETE FROM pauses WHERE destination = ? AND kind = ?', destination, kind);
    return;
  }
  db.run(
    `INSERT OR REPLACE INTO pauses (destination, kind, since, until, code, reason, next) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    destination,
    kind,
    pause.since,
    pause.until,
    pause.code,
    pause.reason,
    pause.next,
  );
}

/** How many messages go out at once from now on, where batches are split by themselves. */
export function noteLimit(db: Database, request: { destination: string; limit: BatchLimit | undefined }): void {
  const { destination, limit } = request;
  if (!limit) {
    db.run('DELETE FROM batch_limits WHERE destination = ?', destination);
    return;
  }
  db.run(
    `INSERT OR REPLACE INTO batch_limits (destination, messages, worked, too_many, bytes, since, try_larger_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    destination,
    limit.messages,
    limit.worked,
    limit.tooMany ?? null,
    limit.bytes ?? null,
    limit.since,
    limit.tryLargerAt,
  );
}

/** What is known of the size that a receiver takes. */
export function readLimit(db: Database, request: { destination: string }): BatchLimit | undefined {
  const row = db.get('SELECT * FROM batch_limits WHERE destination = ?', request.destination);
  return (
    row && {
      messages: number(row, 'messages'),
      worked: number(row, 'worked'),
      tooMany: optionalNumber(row, 'too_many'),
      bytes: optionalNumber(row, 'bytes'),
      since: number(row, 'since'),
      tryLargerAt: number(row, 'try_larger_at'),
    }
  );
}

/** Why a destination's calls wait, other than by a stop. */
export function readPauses(db: Database, destination: string): (Pause & { kind: PauseKind })[] {
  return db.all('SELECT * FROM pauses WHERE destination = ? ORDER BY kind', destination).map((row) => ({
    kind: text(row, 'kind') as PauseKind,
    since: number(row, 'since'),
    until: number(row, 'until'),
    code: text(row, 'code'),
    reason: text(row, 'reason'),
    next: text(row, 'next'),
  }));
}
