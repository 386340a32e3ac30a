import type { Database, Row } from './database.ts';
import { number } from './rows.ts';
import { STATE_CODES } from './schema.ts';

/** The order of a lane: by the submission's place, then by item; a message's number follows the item in its place. */

/** Batches whose fate is open. Word for word the condition of their index, or SQLite would not use it. */
export const OPEN = `state IN ('planned', 'sending', 'inDoubt')`;

const BLOCK =
  'SELECT id, submission, destination, place, entries, first_message, messages, made, pending, replaces, routed_at FROM body_blocks';

/** The first block of the lane with messages that wait for a batch. */
export function headBlock(db: Database, destination: string): Row | undefined {
  return db.get(`${BLOCK} WHERE destination = ? AND pending > 0 ORDER BY place, id LIMIT 1`, destination);
}

/** The next such block after this one. */
export function nextBlock(db: Database, destination: string, block: Row): Row | undefined {
  return db.get(
    `${BLOCK} WHERE destination = ? AND pending > 0 AND (place, id) > (?, ?) ORDER BY place, id LIMIT 1`,
    destination,
    number(block, 'place'),
    number(block, 'id'),
  );
}

/** True when a message that waits in the block comes before the batch in the lane's order. */
export function comesBefore(db: Database, block: Row, batch: Row): boolean {
  const place = number(block, 'place');
  if (place !== number(batch, 'place')) return place < number(batch, 'place');
  const first = number(block, 'first_message');
  if (first > number(batch, 'first_message')) return false;
  return firstWaiting(db, first, number(block, 'messages')) < number(batch, 'first_message');
}

function firstWaiting(db: Database, first: number, messages: number): number {
  const row = db.get(
    'SELECT id FROM messages WHERE id BETWEEN ? AND ? AND state = ? AND batch < 0 ORDER BY id LIMIT 1',
    first,
    first + messages - 1,
    STATE_CODES.queued,
  );
  return number(row ?? {}, 'id');
}

/** A submission still on its way in is not overtaken by a later one; with a gate nothing of it goes before its end. */
export function isGated(db: Database, destination: string, block: Row): boolean {
  const unrouted = db.get(
    `SELECT s.place, s.gate FROM submissions s WHERE s.state IN ('accepted', 'scanned', 'routing') AND s.place <= ?
       AND EXISTS (SELECT 1 FROM entries e WHERE e.submission = s.number AND e.destination = ?)
     ORDER BY s.place LIMIT 1`,
    number(block, 'place'),
    destination,
  );
  if (!unrouted) return false;
  return number(unrouted, 'place') < number(block, 'place') || number(unrouted, 'gate') === 1;
}
