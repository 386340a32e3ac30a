/** The outcome table, whole: the lines of the engine, of what reads acknowledgements, and of each operation. */
import { ENGINE_ERRORS } from '../engine/engine-errors.ts';
import { ENGINE_OUTCOMES } from '../engine/engine-outcomes.ts';
import { type OutcomeLine, outcomeLines } from '../engine/outcomes.ts';
import type { Registry } from '../engine/registry.ts';

/** The lines of one part of Waybill. */
export interface OutcomePart {
  /** `engine`, or the adapter's name. */
  readonly from: string;
  readonly lines: readonly OutcomeLine[];
}

/** All lines: of the engine, then of formats and operations in the order of their names. */
export async function outcomeParts(registry: Registry): Promise<readonly OutcomePart[]> {
  const adapters = [...(await registry.all('format')), ...(await registry.all('operation'))];
  return [
    { from: 'engine', lines: outcomeLines(ENGINE_OUTCOMES, ENGINE_ERRORS) },
    ...adapters.flatMap(({ name, outcomes, errors }) =>
      outcomes === undefined ? [] : [{ from: name, lines: outcomeLines(outcomes, errors) }],
    ),
  ];
}
