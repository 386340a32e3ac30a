import type { ResolveRequest, Stop } from '../../engine/contracts/store.ts';
import { StoreError } from '../errors.ts';
import { giveUp, loseMembers, readBatch, readParts, setBatch } from './batches.ts';
import type { Database } from './database.ts';
import { OPEN } from './lane-order.ts';
import { appendEvent } from './rows.ts';
import { markSettled, moveRange } from './write-counters.ts';

/** What is decided about a lane: messages in doubt, stop, resume. Each function is one member of a group. */

/** A decision about the in-doubt members of a batch; refuses a batch whose call is in flight. */
export function resolve(db: Database, request: ResolveRequest): { messages: number; destination: string } {
  const batch = readBatch(db, request.batch);
  if (batch.state !== 'inDoubt') {
    throw new StoreError('STORE_STALE', `Batch ${batch.id} is ${batch.state}: only messages in doubt can be resolved.`);
  }
  const parts = readParts(db, batch.id);
  let moved = 0;
  for (const part of parts) moved += moveRange(db, part, batch.id, 'inDoubt', request.to);
  appendEvent(db, {
    at: request.at,
    who: request.who,
    what: 'resolved',
    batch: batch.id,
    destination: batch.destination,
    detail: { to: request.to, reason: request.reason, messages: moved },
  });
  const again = request.to === 'queued';
  const givenUp = again ? giveUp(db, batch.id, parts) : 0;
  if (again && batch.whole && moved === batch.count && givenUp === 0) setBatch(db, batch.id, 'planned', true, 0);
  else {
    if (again) loseMembers(db, batch.id, parts);
    setBatch(db, batch.id, again || !batch.whole ? 'closed' : 'done', batch.whole, 0);
  }
  const submissions = parts.map((part) => part.submission);
  markSettled(db, submissions, request.at);
  return { messages: moved, destination: batch.destination };
}

/** Stops a destination; the first reason stands until it is resumed. */
export function stop(db: Database, request: { destination: string; stop: Stop }): void {
  const { destination, stop: s } = request;
  const made = db.run(
    'INSERT OR IGNORE INTO destinations (name, since, code, reason, whose, next) VALUES (?, ?, ?, ?, ?, ?)',
    destination,
    s.since,
    s.code,
    s.reason,
    s.whose,
    s.next,
  );
  if (made === 0) return;
  const detail = { code: s.code, reason: s.reason };
  appendEvent(db, { at: s.since, who: 'engine', what: 'stopped', destination, detail });
}

/** Lets a destination go on; what waits for its next try is due at once, also what lost its batch. */
export function resume(
  db: Database,
  request: { destination: string; at: number; who: string; why: string },
): { wasStopped: boolean } {
  const { destination, at, who, why } = request;
  const removed = db.run('DELETE FROM destinations WHERE name = ?', destination);
  db.run(`UPDATE batches SET due_at = 0 WHERE destination = ? AND ${OPEN} AND state = 'planned'`, destination);
  db.run(
    `UPDATE batches SET due_at = 0 WHERE id IN
       (SELECT replaces FROM body_blocks WHERE destination = ? AND pending > 0 AND replaces IS NOT NULL)`,
    destination,
  );
  if (removed === 1) appendEvent(db, { at, who, what: 'resumed', destination, detail: { why } });
  return { wasStopped: removed === 1 };
}
