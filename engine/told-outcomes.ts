/** Outcomes that an operation itself knows of each message: databases, and receivers that were asked. */
import type { MessageOutcome } from './contracts/operation.ts';
import type { MessageOutcomeState, NewAnswer } from './contracts/store.ts';
import type { Whose } from './errors.ts';

/** The messages that an answer speaks of, in order. */
export interface Asked {
  /** By these ids the receiver names them; empty: it cannot. */
  readonly ids: readonly string[];
  /** The number in the ledger of the message at this position. */
  message(index: number): number;
}

/** Each message's outcome by its position; one that is not spoken of is in doubt. What is said of all alike is said of the whole. */
export function readOutcomes(
  outcomes: readonly MessageOutcome[],
  asked: Asked,
): Pick<NewAnswer, 'rest' | 'exceptions' | 'code' | 'words'> & {
  readonly whose: Whose | '';
  readonly logged: string;
} {
  const known = new Map(outcomes.map((outcome) => [outcome.index, outcome]));
  const all = asked.ids.map((_, index) => {
    const outcome = known.get(index);
    return {
      message: asked.message(index),
      state: outcome?.outcome ?? ('inDoubt' as const),
      code: outcome?.code ?? 'ANSWER_MISSING',
      words: outcome?.words ?? 'The answer does not name this message.',
    };
  });
  const exceptions = all.filter(({ state }) => state !== 'delivered');
  const states = exceptions.map(({ state }) => state);
  const alike = exceptions.length === all.length;
  const shared = <T>(values: readonly T[]) => (alike && new Set(values).size === 1 ? values[0] : undefined);
  const told = shared(exceptions.map((exception) => exception.words));
  const count = `${all.length - exceptions.length} of ${all.length} accepted`;
  return {
    rest: shared(states) ?? 'delivered',
    exceptions,
    code: exceptions.length === 0 ? 'ACCEPTED' : shared(exceptions.map(({ code }) => code)) || 'MIXED',
    words: told ? `${count}: ${told}` : count,
    // A receiver's words may name a patient.
    logged: count,
    whose: whoseIs(states),
  };
}

/** Whom to ask about what was not delivered. */
function whoseIs(states: readonly MessageOutcomeState[]): Whose | '' {
  if (states.includes('rejected') || states.includes('failed')) return 'data';
  return states.includes('inDoubt') || states.includes('queued') ? 'receiver' : '';
}
