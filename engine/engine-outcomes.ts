import { defineOutcomes, type OutcomeTable } from './outcomes.ts';

const BY_RULES = 'the dialect says what an answer means that is not plain (answer rules).';

/** Lines of the outcome table for the engine's own codes; the words stand in `engine-errors.ts`. */
export const ENGINE_OUTCOMES = defineOutcomes({
  ACCEPTED: { outcome: 'delivered', next: 'done', whose: 'nobody' },
  MIXED: { outcome: 'rejected', next: 'correct', whose: 'data', fixed: 'each message has an outcome of its own.' },
  ANSWER_NOT_UNDERSTOOD: {
    outcome: 'inDoubt',
    next: 'ask',
    whose: 'receiver',
    happened: 'The answer as a whole is no acknowledgement that the format of the batch can read.',
    advice:
      'Look at the stored answer; ask the receiver what became of the messages, then waybill resolve. If the acknowledgement stands elsewhere in the answer, mend the dialect.',
  },
  ANSWER_NAMES_OTHERS: { outcome: 'inDoubt', next: 'ask', whose: 'receiver', fixed: BY_RULES },
  ANSWER_CONTRADICTS: { outcome: 'inDoubt', next: 'ask', whose: 'receiver', fixed: BY_RULES },
  ANSWER_CODE_UNKNOWN: { outcome: 'inDoubt', next: 'ask', whose: 'receiver', fixed: BY_RULES },
  ANSWER_MISSING: { outcome: 'inDoubt', next: 'ask', whose: 'receiver', fixed: BY_RULES },
  ANSWER_COUNTS_WRONG: { outcome: 'inDoubt', next: 'ask', whose: 'receiver', fixed: BY_RULES },
  ANSWER_NOT_TAKEN: { outcome: 'retry', next: 'retryAfter', whose: 'receiver', fixed: BY_RULES },
  ANSWER_LATER: {
    outcome: 'inDoubt',
    next: 'ask',
    whose: 'receiver',
    fixed: 'the receiver has the request, and only its later answer decides.',
  },
  TOO_LARGE_ALONE: {
    outcome: 'failed',
    next: 'correct',
    whose: 'data',
    fixed: 'a single message cannot be split; override the code of the refusal itself.',
  },
  GAVE_UP: {
    outcome: 'failed',
    next: 'checkReceiver',
    whose: 'unknown',
    fixed: 'retry.giveUpAfter and retry.maxAttempts say when to give up.',
  },
  BATCH_NOT_WRITTEN: { outcome: 'stop', next: 'stop', whose: 'ours' },
  DESTINATION_NOT_OPENED: { outcome: 'stop', next: 'stop', whose: 'ours' },
  ENGINE_ENDED: {
    outcome: 'inDoubt',
    next: 'ask',
    whose: 'ours',
    fixed: 'inDoubt of the destination says what is done about it.',
  },
  UNEXPECTED: {
    outcome: 'inDoubt',
    next: 'contactSupport',
    whose: 'ours',
    fixed: 'nobody knows what it was.',
    happened:
      'Something failed during a call that nobody foresaw, or with a code of the operating system that the operation does not know.',
    advice:
      'Ask the receiver, then waybill resolve; report the log of that minute, so that the failure gets a line of its own.',
  },
});

/** The lines that hold for a destination: its operation's own and the engine's. */
export function destinationOutcomes(operation: { readonly outcomes?: OutcomeTable }): OutcomeTable {
  return { ...ENGINE_OUTCOMES, ...operation.outcomes };
}
