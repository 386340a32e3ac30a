import { zstdCompressSync } from 'node:zlib';
import { type Decision, decide } from './answers.ts';
import type { Format } from './contracts/format.ts';
import type { Answer, Later, Operation, ProbeAnswer, Verdicts } from './contracts/operation.ts';
import type { Destination, OutcomeAction, OutcomeOverride } from './contracts/production.ts';
import type { NewAnswer, Stop } from './contracts/store.ts';
import { codeOf, DeliveryError, messageOf, UncertainError } from './errors.ts';
import { outcomeOfError } from './outcomes.ts';
import type { Ready } from './plan-batch.ts';
import { nextTry, type Tried } from './retry.ts';
import { type Asked, readOutcomes } from './told-outcomes.ts';

/** What becomes of an attempt, all but its key. */
export interface Outcome
  extends Pick<
    NewAnswer,
    'rest' | 'exceptions' | 'code' | 'words' | 'whose' | 'status' | 'answer' | 'dueAt' | 'stop' | 'ticket'
  > {
  /** The sentence for the log: ours alone, since a receiver's words may name a patient. */
  readonly logged: string;
  /** The answer's own bytes, where there is one that may become a submission. */
  readonly body?: Uint8Array;
  /** The batch was too large and is to go in smaller ones; the most bytes of messages that the receiver takes, where it said so. */
  readonly tooLarge?: { readonly maxBytes: number | undefined };
}

/** What of a destination decides about an answer. */
export type AnswerSettings = Pick<Destination, 'retry' | 'outcomes' | 'batch' | 'inDoubt'>;

/** What of a destination decides about a failure. */
export type FailureSettings = Omit<AnswerSettings, 'inDoubt'>;

/** An answer as it is kept; bytes of its own, since a view would take all that it looks into to the store's thread. */
function packAnswer(raw: Uint8Array): Uint8Array {
  return new Uint8Array(zstdCompressSync(raw));
}

/**
 * Understands an answer: each message's outcome by what the body says, never by the HTTP status.
 * @param now milliseconds since 1970
 */
export function readAnswer(
  answer: Answer,
  batch: Ready,
  batchId: string,
  format: Format | undefined,
  operation: Pick<Operation, 'answers' | 'repeatable'>,
  destination: AnswerSettings,
  now: number,
  random: () => number,
): Outcome {
  if (answer.kind === 'later') return later(answer, now + (answer.askAfterMs ?? destination.inDoubt.every));
  const { members } = batch;
  const asked = { ids: members.controlIds, message: (index: number) => members.message(index) };
  const read = readVerdicts(answer, asked, batchId, format, operation.answers);
  const kept = { answer: packAnswer(answer.raw), status: statusOf(answer), body: bodyOf(answer) };
  if (read instanceof UncertainError)
    return { ...readFailure(read, batch, destination, operation.repeatable, now, random), ...kept };
  const outcome = { ...read, ...kept, dueAt: 0, stop: undefined };
  const untouched = [read.rest, ...read.exceptions.map(({ state }) => state)].every((state) => state === 'queued');
  // Where none was taken nothing has moved: without a wait it would be sent again and again at once.
  return untouched ? queuedAgain(outcome, batch, destination, now, random) : outcome;
}

/** The receiver took the request and answers later. */
function later(answer: Later, askAt: number): Outcome {
  const ours = 'The receiver took the request and answers later; it is asked what became of the messages.';
  return {
    rest: 'inDoubt',
    exceptions: [],
    code: 'ANSWER_LATER',
    words: answer.words === '' ? ours : `${ours} The receiver said: ${answer.words}`,
    logged: ours,
    whose: 'receiver',
    status: answer.status,
    answer: packAnswer(answer.raw),
    dueAt: askAt,
    stop: undefined,
    ticket: answer.ticket,
  };
}

function statusOf(answer: Verdicts): number | undefined {
  return answer.kind === 'acknowledgement' ? answer.status : undefined;
}

function bodyOf(answer: Verdicts): Uint8Array {
  return answer.kind === 'acknowledgement' ? Buffer.from(answer.text, 'utf8') : answer.raw;
}

type Read = Pick<Outcome, 'rest' | 'exceptions' | 'code' | 'words' | 'whose' | 'logged'>;

/** What an answer decides about the messages that were asked about; an error where nobody can tell. */
function readVerdicts(
  answer: Verdicts,
  asked: Asked,
  batchId: string,
  format: Format | undefined,
  rules: Operation['answers'],
): Read | UncertainError {
  if (answer.kind === 'outcomes') return readOutcomes(answer.outcomes, asked);
  const decision = understand(answer.text, asked.ids, batchId, format, rules);
  if (decision instanceof UncertainError) return decision;
  return {
    ...decision,
    exceptions: decision.exceptions.map(({ index, ...rest }) => ({ message: asked.message(index), ...rest })),
    // A refusal of the whole has the receiver's words alone.
    logged: decision.rest === 'rejected' && decision.exceptions.length === 0 ? decision.code : decision.words,
  };
}

function understand(
  text: string,
  ids: readonly string[],
  batchId: string,
  format: Format | undefined,
  rules: Operation['answers'],
): Decision | UncertainError {
  try {
    const read = format?.answers?.(text);
    if (!read) return notUnderstood('the destination has no format that could read an acknowledgement');
    return decide(ids, read, batchId, rules);
  } catch (error) {
    return notUnderstood(messageOf(error), error);
  }
}

function notUnderstood(why: string, cause?: unknown): UncertainError {
  return new UncertainError('ANSWER_NOT_UNDERSTOOD', `The answer could not be understood: ${why}`, {
    whose: 'receiver',
    cause,
  });
}

/** What the receiver said when it was asked about messages in doubt. */
export type ProbeReading =
  /** It does not know yet, or what it said cannot be understood: all stay in doubt. */
  | { readonly kind: 'notYet'; readonly words: string; readonly askAfterMs: number | undefined }
  | ({
      readonly kind: 'verdicts';
      /** Packed, as the ledger keeps it. */
      readonly answer: Uint8Array;
      /** The answer's own bytes, where there are any that may become a submission. */
      readonly body: Uint8Array;
    } & Read);

/**
 * Reads what the receiver said about the messages in doubt; what it does not speak of stays in doubt, whatever the rules say
 * about messages that are not mentioned in the answer to a batch, unless it is that answer which came late (a ticket).
 * @param asked the messages that it was asked about, in this order
 */
export function readProbe(
  answer: ProbeAnswer,
  asked: Asked & { readonly ticket: string | undefined },
  batchId: string,
  format: Format | undefined,
  rules: Operation['answers'],
): ProbeReading {
  if (answer.kind === 'notYet') return { kind: 'notYet', words: answer.words, askAfterMs: answer.askAfterMs };
  const silence = asked.ticket === undefined ? 'inDoubt' : rules.unmentioned;
  const read = readVerdicts(answer, asked, batchId, format, { ...rules, unmentioned: silence });
  if (read instanceof UncertainError) return { kind: 'notYet', words: read.message, askAfterMs: undefined };
  return { kind: 'verdicts', ...read, answer: packAnswer(answer.raw), body: bodyOf(answer) };
}

/**
 * What a thrown error means for the batch: by its class, or as the destination takes its code otherwise.
 * @param repeatable sending the same messages again is harmless
 * @param now milliseconds since 1970
 */
export function readFailure(
  error: unknown,
  batch: Ready,
  destination: FailureSettings,
  repeatable: boolean,
  now: number,
  random: () => number,
): Outcome {
  const failure = error instanceof DeliveryError ? error : undefined;
  const code = codeOf(error);
  const override = Object.hasOwn(destination.outcomes, code) ? destination.outcomes[code] : undefined;
  const base = { ...failureBase(error, failure, override), code, dueAt: 0, stop: undefined };
  switch (actionFor(error, override, batch.members.count, destination.batch.mode, repeatable)) {
    case 'retry':
      return queuedAgain({ ...base, rest: 'queued' }, batch, destination, now, random, failure?.retryAfterMs);
    case 'split':
      return { ...base, rest: 'queued', tooLarge: { maxBytes: failure?.maxBytes } };
    case 'tooLargeAlone':
      return {
        ...base,
        rest: 'failed',
        code: 'TOO_LARGE_ALONE',
        words: `This message alone is too large for the receiver: ${base.words}`,
        whose: 'data',
      };
    case 'stop':
      return { ...base, rest: 'queued', stop: stopFor(base, override?.advice, now) };
    case 'fail':
      return { ...base, rest: 'failed' };
    case 'inDoubt':
      return { ...base, rest: 'inDoubt' };
  }
}

const ACTIONS: Readonly<Record<ReturnType<typeof outcomeOfError>, OutcomeAction>> = {
  retry: 'retry',
  split: 'split',
  inDoubt: 'inDoubt',
  failed: 'fail',
  stop: 'stop',
};

/** What is done. The table decides unless the destination says otherwise, and never so that something is sent twice unasked. */
function actionFor(
  error: unknown,
  override: OutcomeOverride | undefined,
  count: number,
  mode: Destination['batch']['mode'],
  repeatable: boolean,
): OutcomeAction | 'tooLargeAlone' {
  const own = ACTIONS[outcomeOfError(error)];
  const asked = override?.then ?? own;
  const then = own === 'inDoubt' && (asked === 'fail' || !repeatable) ? own : asked;
  if (then !== 'split') return then;
  if (mode === 'auto' && count > 1) return 'split';
  // Splitting was the destination's guess: a single message fares as the table says.
  if (own !== 'split') return own;
  return mode === 'auto' ? 'tooLargeAlone' : 'stop';
}

function failureBase(error: unknown, failure: DeliveryError | undefined, override: OutcomeOverride | undefined) {
  const advice = override?.advice === undefined ? '' : ` ${override.advice}`;
  const ours = messageOf(error);
  const said = failure?.words ? `${ours.replace(/[.]?$/, '.')} The receiver said: ${failure.words}` : ours;
  return {
    exceptions: [],
    words: advice === '' ? said : `${said.replace(/[.]?$/, '.')}${advice}`,
    logged: ours,
    whose: override?.whose ?? failure?.whose ?? 'unknown',
    status: undefined,
    answer: failure?.answer && packAnswer(failure.answer),
  };
}

/** Queued for another try, or failed where the destination allows no more of them. */
function queuedAgain(
  outcome: Outcome,
  tried: Tried,
  { retry }: FailureSettings,
  now: number,
  random: () => number,
  retryAfterMs?: number,
): Outcome {
  const next = nextTry(tried, retry, now, random, retryAfterMs);
  if (next.kind === 'at') return { ...outcome, dueAt: next.at };
  return { ...outcome, rest: 'failed', exceptions: [], code: 'GAVE_UP', words: `${next.why}; last: ${outcome.words}` };
}

function stopFor(base: { code: string; words: string; whose: string }, advice: string | undefined, now: number): Stop {
  const next =
    'Nothing is sent until the cause is mended and `waybill resume` is given, or the engine is started again; the messages wait in their order.';
  return {
    since: now,
    code: base.code,
    reason: base.words,
    whose: base.whose,
    next: advice === undefined ? next : `${advice.replace(/[.]?$/, '.')} ${next}`,
  };
}
