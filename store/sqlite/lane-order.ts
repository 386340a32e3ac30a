import type { LaneRequest } from '../../engine/contracts/store.ts';
import type { Database, Row } from './database.ts';
import { number, text } from './rows.ts';
import { STATE_CODES } from './schema.ts';

/** The order of a lane: by the submission's place, then by item; a message's number follows the item in its place. */

/** Batches whose fate is open. Word for word the condition of their index, or SQLite would not use it. */
export const OPEN = `state IN ('planned', 'sending', 'inDoubt')`;

const BLOCK =
  'SELECT id, submission, destination, lane, place, entries, first_message, messages, made, pending, replaces, routed_at FROM body_blocks';

/** The first block of the lane with messages that wait for a batch. */
export function headBlock(db: Database, destination: string, lane: number): Row | undefined {
  return db.get(
    `${BLOCK} WHERE destination = ? AND lane = ? AND pending > 0 ORDER BY place, id LIMIT 1`,
    destination,
    lane,
  );
}

/** The next such block after this one. */
export function nextBlock(db: Database, block: Row): Row | undefined {
  return db.get(
    `${BLOCK} WHERE destination = ? AND lane = ? AND pending > 0 AND (place, id) > (?, ?) ORDER BY place, id LIMIT 1`,
    text(block, 'destination'),
    number(block, 'lane'),
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

/**
 * True where the destination had its lanes in another way before (one lane, or lanes by a key), and messages that come
 * before this place are still in one of those: they go first.
 */
export function isBehindOtherLanes(
  db: Database,
  { destination, lane, passDoubt }: Pick<LaneRequest, 'destination' | 'lane' | 'passDoubt'>,
  first: Row,
): boolean {
  const others = lane === 0 ? 'lane > 0' : 'lane = 0';
  const counted = passDoubt ? ` AND state <> 'inDoubt'` : '';
  const before = db.get(
    `SELECT place, first_message FROM (
       SELECT place, first_message FROM body_blocks WHERE destination = ? AND pending > 0 AND ${others}
       UNION ALL SELECT place, first_message FROM batches WHERE destination = ? AND ${OPEN} AND ${others}${counted})
     WHERE (place, first_message) < (?, ?) LIMIT 1`,
    destination,
    destination,
    number(first, 'place'),
    number(first, 'first_message'),
  );
  return before !== undefined;
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
