/** What a destination may say about a line of the outcome table, and what would be a lie. */
import type { BatchSettings, OutcomeOverride } from './contracts/production.ts';
import type { OutcomeRow, OutcomeTable } from './outcomes.ts';

/** What of a destination decides whether an override is sound. */
export interface OverrideFacts {
  /** The lines of its operation's own codes and of the engine's. */
  readonly outcomes: OutcomeTable;
  /** Sending the same messages again is harmless. */
  readonly repeatable: boolean;
  readonly mode: BatchSettings['mode'];
}

/**
 * Why a destination may not take this line otherwise, as a sentence; `undefined` where it may. Refused is what would call
 * something by a wrong name, send something twice unasked, or give up what only has to wait.
 */
export function overrideProblem(code: string, override: OutcomeOverride, facts: OverrideFacts): string | undefined {
  const row = Object.hasOwn(facts.outcomes, code) ? facts.outcomes[code] : undefined;
  if (!row) return `the outcome table of this destination has no ${code}; waybill outcomes shows it`;
  if (row.fixed !== undefined) return `${code} cannot be taken otherwise: ${row.fixed}`;
  if (row.outcome === 'delivered' || row.outcome === 'rejected')
    return `${code} is the verdict on a message, which no setting can change`;
  if (row.outcome === 'inDoubt') return doubtProblem(code, override, facts);
  if (override.then === 'fail') return failProblem(code, row);
  return override.then === 'split' ? splitProblem(code, row, facts) : undefined;
}

/** What may have been taken must not be called failed, nor go again where that may double it. */
function doubtProblem(code: string, { then }: OutcomeOverride, facts: OverrideFacts): string | undefined {
  if (then === 'inDoubt') return undefined;
  if (then === 'fail') return `after ${code} the messages may have been taken, so they must not be called failed`;
  if (!facts.repeatable)
    return `after ${code} the messages may have been taken, and sending them again is not harmless here: ${then} could double them`;
  if (then === 'stop') return undefined;
  return then === 'split' ? modeProblem(code, facts) : undefined;
}

/** What every message would meet alike says nothing about this one: failing it would burn the whole queue. */
function failProblem(code: string, { whose, outcome }: OutcomeRow): string | undefined {
  if (outcome === 'failed') return undefined;
  const everybody = whose === 'network' || whose === 'ours';
  return everybody
    ? `${code} would come for every message alike: with fail all that wait would be given up`
    : undefined;
}

function splitProblem(code: string, { whose, outcome }: OutcomeRow, facts: OverrideFacts): string | undefined {
  if (outcome === 'split') return modeProblem(code, facts);
  if (whose === 'network' || whose === 'ours') return `a smaller batch does not help against ${code}`;
  return modeProblem(code, facts);
}

function modeProblem(code: string, { mode }: OverrideFacts): string | undefined {
  return mode === 'auto' ? undefined : `split for ${code} needs batch.mode: auto, and this destination has ${mode}`;
}
