/** Chance that can be repeated: the same seed pulls the same plugs. */

import type { Pull } from '../support/crash.ts';
import { LABELS, type Label } from './matrix.ts';

/** The seed of this run: `WAYBILL_CRASH_SEED`, or a fixed one, so that two runs of the same code do the same. */
export const SEED = Number(process.env.WAYBILL_CRASH_SEED ?? 20_240_415);

/** A stream of numbers from 0 to below 1 (mulberry32, public domain). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A pull of this label at an occurrence by chance. */
export function pullOf({ label, most, fault = 'kill' }: Label, random: () => number): Pull {
  return { label, fault, nth: 1 + Math.floor(random() * most) };
}

/** One pull of every label, in an order by chance. */
export function everyLabel(random: () => number): Pull[] {
  return LABELS.map((label) => ({ pull: pullOf(label, random), at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ pull }) => pull);
}
