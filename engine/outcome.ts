import { zstdCompressSync } from 'node:zlib';
import { type Decision, decide } from './answers.ts';
import type { Format } from './contracts/format.ts';
import type { Answer, MessageOutcome, Operation } from './contracts/operation.ts';
import type { RetrySettings } from './contracts/production.ts';
import type { MessageOutcomeState, NewAnswer, Stop } from './contracts/store.ts';
import {
  ConfigError,
  codeOf,
  DeliveryError,
  messageOf,
  PermanentError,
  TooLargeError,
  TransientError,
  type Whose,
} from './errors.ts';
import type { Ready } from './plan-batch.ts';

/** What becomes of an attempt, all but its key. */
export interface Outcome
  extends Pick<NewAnswer, 'rest' | 'exceptions' | 'code' | 'words' | 'whose' | 'status' | 'answer' | 'dueAt' | 'stop'> {
  /** The sentence for the log: ours alone, since a receiver's words may name a patient. */
  readonly logged: string;
  /** The answer's own bytes, where there is one that may become a submission. */
  readonly body?: Uint8Array;
}

/** An answer as it is kept; bytes of its own, since a view would take all that it looks into to the store's thread. */
function packAnswer(raw: Uint8Array): Uint8Array {
  return new Uint8Array(zstdCompressSync(raw));
}

/** Understands an answer: each message's outcome by what the body says, never by the HTTP status. */
export function readAnswer(
  answer: Answer,
  batch: Ready,
  batchId: string,
  format: Format | undefined,
  operation: Pick<Operation, 'unmentioned'>,
): Outcome {
  const kept = { answer: packAnswer(answer.raw), dueAt: 0, stop: undefined };
  if (answer.kind === 'outcomes') {
    const read = readOutcomes(answer.outcomes, batch);
    return { ...kept, ...read, logged: read.words, status: undefined, body: answer.raw };
  }
  const decision = understand(answer.text, batch, batchId, format, operation);
  const states = [decision.rest, ...decision.exceptions.map(({ state }) => state)];
  return {
    ...kept,
    rest: decision.rest,
    exceptions: decision.exceptions.map(({ index, state, code, words }) => ({
      message: batch.members.message(index),
      state,
      code,
      words,
    })),
    code: decision.code,
    words: decision.words,
    logged: decision.rest === 'rejected' ? decision.code : decision.words,
    whose: whoseIs(states),
    status: answer.status,
    body: Buffer.from(answer.text, 'utf8'),
  };
}

/** What an operation itself knows of each message; one that it does not speak of is in doubt. */
function readOutcomes(
  outcomes: readonly MessageOutcome[],
  batch: Ready,
): Pick<Outcome, 'rest' | 'exceptions' | 'code' | 'words' | 'whose'> {
  const known = new Map(outcomes.map((outcome) => [outcome.index, outcome]));
  const all = batch.members.controlIds.map((_, index) => {
    const outcome = known.get(index);
    return {
      message: batch.members.message(index),
      state: outcome?.outcome ?? ('inDoubt' as const),
      code: outcome?.code ?? 'ANSWER_MISSING',
      words: outcome?.words ?? 'The answer does not name this message.',
    };
  });
  const exceptions = all.filter(({ state }) => state !== 'delivered');
  const states = exceptions.map(({ state }) => state);
  const shared = exceptions.length === all.length && new Set(states).size === 1 ? states[0] : undefined;
  return {
    rest: shared ?? 'delivered',
    exceptions,
    code: exceptions.length === 0 ? 'ACCEPTED' : 'MIXED',
    words: `${all.length - exceptions.length} of ${all.length} accepted`,
    whose: whoseIs(states),
  };
}

/** Whom to ask about what was not delivered. */
function whoseIs(states: readonly MessageOutcomeState[]): Whose | '' {
  if (states.includes('rejected') || states.includes('failed')) return 'data';
  return states.includes('inDoubt') || states.includes('queued') ? 'receiver' : '';
}

function understand(
  text: string,
  batch: Ready,
  batchId: string,
  format: Format | undefined,
  operation: Pick<Operation, 'unmentioned'>,
): Decision {
  try {
    const read = format?.answers?.(text);
    if (!read) return notUnderstood('the destination has no format that could read an acknowledgement');
    return decide(batch.members.controlIds, read, batchId, operation.unmentioned);
  } catch (error) {
    return notUnderstood(messageOf(error));
  }
}

function notUnderstood(why: string): Decision {
  return {
    rest: 'inDoubt',
    exceptions: [],
    code: 'ANSWER_NOT_UNDERSTOOD',
    words: `The answer could not be understood: ${why}`,
  };
}

/** What a thrown error means for the batch: queued again, in doubt, failed, or queued with the destination stopped. */
export function readFailure(
  error: unknown,
  batch: Ready,
  retry: RetrySettings,
  now: number,
  random: () => number,
): Outcome {
  const failure = error instanceof DeliveryError ? error : undefined;
  const base = {
    exceptions: [],
    code: failure?.code ?? codeOf(error),
    words: failure?.words
      ? `${failure.message.replace(/[.]?$/, '.')} The receiver said: ${failure.words}`
      : messageOf(error),
    logged: messageOf(error),
    whose: failure?.whose ?? 'unknown',
    status: undefined,
    answer: failure?.answer && packAnswer(failure.answer),
    dueAt: 0,
    stop: undefined,
  };
  if (error instanceof TransientError) {
    const began = batch.firstAttemptAt ?? now;
    if (retry.giveUpAfter !== 'never' && now - began >= retry.giveUpAfter)
      return {
        ...base,
        rest: 'failed',
        code: 'GAVE_UP',
        words: `Tried for as long as the destination allows; last: ${base.words}`,
      };
    return {
      ...base,
      rest: 'queued',
      dueAt: now + Math.max(retryWait(batch.attempts + 1, retry, random), error.retryAfterMs ?? 0),
    };
  }
  if (error instanceof ConfigError || error instanceof TooLargeError)
    return { ...base, rest: 'queued', stop: stopFor(base, now) };
  if (error instanceof PermanentError) return { ...base, rest: 'failed' };
  return { ...base, rest: 'inDoubt' };
}

function stopFor(base: { code: string; words: string; whose: string }, now: number): Stop {
  return {
    since: now,
    code: base.code,
    reason: base.words,
    whose: base.whose,
    next: 'Nothing is sent until the cause is mended and `waybill resume` is given, or the engine is started again; the messages wait in their order.',
  };
}

/** Milliseconds before attempt `attempts + 1`: first, times factor each time, up to the ceiling; part of it by chance. */
export function retryWait(attempts: number, retry: RetrySettings, random: () => number): number {
  const grown = retry.first === 0 ? 0 : retry.first * retry.factor ** Math.max(attempts - 1, 0);
  const full = Math.min(grown, retry.ceiling);
  return Math.round(full * (1 - retry.jitter + 2 * retry.jitter * random()));
}
