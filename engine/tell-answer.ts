import type { MessageOutcomeState } from './contracts/store.ts';
import { type EventFields, type EventName, emit } from './events.ts';
import type { Outcome } from './outcome.ts';

export interface StoredAnswer {
  /** The destination's name. */
  readonly destination: string;
  readonly batch: number;
  /** Messages of the batch. */
  readonly messages: number;
  readonly outcome: Outcome;
  /** Somebody has to decide about what is in doubt. */
  readonly asksPeople: boolean;
  /** Messages that the next batches may have, where this one was too large. */
  readonly limit: number | undefined;
}

/** What a person or a metric wants to know of an answer: one event for each thing that became of its messages. */
export function tellAnswer({ destination, batch, messages: all, outcome, asksPeople, limit }: StoredAnswer): void {
  const fields = { destination, batch, code: outcome.code };
  const reason = outcome.logged;
  emit('batchAnswered', { ...fields, messages: all });
  const tell = (event: EventName, state: MessageOutcomeState, more: EventFields) => {
    const messages = countOf(outcome, state, all);
    if (messages > 0) emit(event, { ...fields, messages, ...more });
  };
  tell('messagesRejected', 'rejected', {});
  // Where nobody is needed, the event comes when it is sent again.
  if (asksPeople) tell('batchInDoubt', 'inDoubt', { reason });
  tell('batchFailed', 'failed', { reason });
  if (outcome.stop) emit('destinationStopped', { ...fields, messages: all, reason });
  else if (limit !== undefined) emit('batchSplit', { ...fields, messages: all, limit });
  else tell('batchRetried', 'queued', { reason, dueAt: outcome.dueAt });
}

function countOf({ rest, exceptions }: Outcome, state: MessageOutcomeState, all: number): number {
  const named = exceptions.filter((exception) => exception.state === state).length;
  return rest === state ? named + all - exceptions.length : named;
}
