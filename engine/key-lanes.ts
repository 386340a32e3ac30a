import { createHmac } from 'node:crypto';
import type { Item } from './contracts/item.ts';
import type { Order } from './contracts/production.ts';

/**
 * Lanes by a key: messages with the same value go in order, one after the other; others need not wait for them. The number
 * of lanes is fixed, since a value must stay in its lane for as long as anything of it waits.
 */
export const KEY_LANES = 16;

/** The lane of an item, 1 to `KEY_LANES`. */
export type LaneChoice = (item: Item) => number;

/**
 * Chooses lanes by the value at the first of these paths that is not empty; items without any share a lane.
 * @param columns of the record map; empty for items that are no rows
 * @param digestKey so that a lane's number says nothing about the value
 */
export function laneChoice(
  order: Order | undefined,
  columns: readonly string[],
  digestKey: Uint8Array,
): LaneChoice | undefined {
  if (order?.kind !== 'key') return undefined;
  const readers = order.paths.map((path) => reader(path, columns));
  const known = new Map<string, number>();
  return (item) => {
    for (const read of readers) {
      const value = read(item);
      if (value !== '') return laneOf(value, digestKey, known);
    }
    return laneOf('', digestKey, known);
  };
}

function reader(path: string, columns: readonly string[]): (item: Item) => string {
  const index = columns.indexOf(path);
  if (columns.length > 0) return (item) => item.values[index] ?? '';
  return (item) => item.path?.(path) ?? '';
}

/** Values come again and again; what is kept of them is bounded. */
const REMEMBERED = 10_000;

function laneOf(value: string, digestKey: Uint8Array, known: Map<string, number>): number {
  const before = known.get(value);
  if (before !== undefined) return before;
  const digest = createHmac('sha256', digestKey).update('lane\0').update(value).digest();
  const lane = (digest.readUInt32BE(0) % KEY_LANES) + 1;
  if (known.size >= REMEMBERED) known.clear();
  known.set(value, lane);
  return lane;
}
