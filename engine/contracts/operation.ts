import type { TSchema } from 'typebox';
import type { ConfigurableDescription } from './adapter.ts';
import type { ResourceKind, Resources } from './resources.ts';
import type { Logger } from './runtime.ts';

/** What a destination's transport can carry; read by the router before a message is queued. Plain data. */
export interface Carries {
  /** Charset of the messages on the wire; what does not fit it makes a message invalid in its entry. */
  readonly charset: string;
  /** `xml10`: only characters of XML 1.0 can be carried; `any`: everything. */
  readonly characters: 'xml10' | 'any';
}

/** One batch, or one message where the destination sends singly. */
export interface Delivery {
  readonly batchId: string;
  /** From 1. */
  readonly attempt: number;
  readonly messages: number;
  /** Bytes that `body` will give, exactly. */
  readonly byteLength: number;
  /** The bytes to carry (UTF-8 or the charset of `Carries`), from the start at each call; chunks of moderate size. */
  body(): Iterable<Uint8Array>;
  /** The messages one by one, for operations that take lists; `id` is stable over retries: the control id, or the message's own. */
  each(): Iterable<{ readonly id: string; readonly body: Uint8Array }>;
  /** Call when the first byte of the request goes out and when the last has gone out: crash tests pull the plug there. */
  firstByte(): void;
  lastByte(): void;
}

/** What became of one message, where the operation itself knows (databases). */
export interface MessageOutcome {
  /** Position in the delivery, from 0. */
  readonly index: number;
  readonly outcome: 'delivered' | 'rejected' | 'inDoubt' | 'queued' | 'failed';
  readonly code: string;
  readonly words: string;
}

/** What a receiver's answer decides. */
export type Verdicts =
  /** The receiver's acknowledgement as text; the batch's format reads it and the engine decides each message by it. */
  | { readonly kind: 'acknowledgement'; readonly text: string; readonly raw: Uint8Array; readonly status: number }
  /** An outcome for each message, from the operation itself. */
  | { readonly kind: 'outcomes'; readonly outcomes: readonly MessageOutcome[]; readonly raw: Uint8Array };

/*
 * Either kind may become a submission of its own (`answersTo`): then `raw` (for acknowledgements, `text` as UTF-8) is its
 * body; an empty one makes none.
 */

/**
 * The receiver took the request and answers later: the messages are in doubt until `probe` brings the verdicts. Such a
 * batch is asked about whatever the destination's policy for doubt is.
 */
export interface Later {
  readonly kind: 'later';
  /** What the receiver calls the request; given back to `probe`. At most 200 characters, never a payload. */
  readonly ticket: string;
  /** What the receiver said, for people; may be empty. */
  readonly words: string;
  readonly raw: Uint8Array;
  readonly status: number;
  /** Wait at least this long before the first question, milliseconds. */
  readonly askAfterMs?: number;
}

export type Answer = Verdicts | Later;

/** What is asked about a batch in doubt. */
export interface Probe {
  readonly batchId: string;
  /** What the receiver called the request, where it answered with a ticket. */
  readonly ticket: string | undefined;
  /** The messages that are in doubt, by their ids (see `Delivery.each`); an outcome's `index` is the position in this list. */
  readonly ids: readonly string[];
}

/** Verdicts on messages in doubt (`queued`: the receiver does not have it), or that the receiver does not know yet. */
export type ProbeAnswer = Verdicts | { readonly kind: 'notYet'; readonly words: string; readonly askAfterMs?: number };

/** What an answer to a batch decides about messages that it does not name plainly. */
export interface AnswerRules {
  /** Messages that the answer does not mention. `queued`: they were not taken and are sent again. */
  readonly unmentioned: 'inDoubt' | 'delivered' | 'queued';
  /** Messages that are named twice with different codes. `worst`: the worse of the two counts. */
  readonly twice: 'inDoubt' | 'worst';
  /** Names of messages that were not sent. `inDoubt`: then those not mentioned are in doubt, whatever `unmentioned` says. */
  readonly unknown: 'inDoubt' | 'warn';
  /** Counts in the answer's own envelope that do not hold. `inDoubt`: then those not mentioned are. */
  readonly counts: 'inDoubt' | 'warn';
}

/** The rules of a receiver of whom nothing is known. */
export const CAREFUL: AnswerRules = Object.freeze({
  unmentioned: 'inDoubt',
  twice: 'inDoubt',
  unknown: 'inDoubt',
  counts: 'warn',
});

/** One line of `check`: what was tried and what came of it. */
export interface CheckResult {
  /** `host`, `certificate`, `contract`, `credentials`, ... */
  readonly what: string;
  readonly ok: boolean;
  /** True where it could not be tried because an earlier one failed, or the contract has no way to. */
  readonly skipped?: boolean;
  readonly detail: string;
  readonly code?: string;
}

export interface Operation {
  readonly carries: Carries;
  /** Sending the same message twice is harmless (allows `inDoubt: resend`). */
  readonly repeatable: boolean;
  /** What an answer says about messages that it does not name plainly. */
  readonly answers: AnswerRules;
  /** `probe` can ask what became of messages (allows `inDoubt: probe`). */
  readonly probes: boolean;
  /**
   * Sends once. Never retries, sleeps or queues.
   * @throws TransientError, UncertainError, PermanentError, ConfigError, TooLargeError; anything else counts as uncertain.
   */
  send(delivery: Delivery, signal: AbortSignal): Promise<Answer>;
  /** Asks what became of messages in doubt; changes nothing at the receiver. @throws DeliveryError: nobody knows yet. */
  probe?(probe: Probe, signal: AbortSignal): Promise<ProbeAnswer>;
  /** Does what `send` needs, asks for no more rights, changes nothing at the receiver. Never throws. */
  check(signal: AbortSignal): Promise<readonly CheckResult[]>;
  close(): Promise<void>;
}

/** What is known of an operation before it is opened. */
export interface OperationFacts extends Pick<Operation, 'carries' | 'repeatable' | 'answers' | 'probes'> {
  /** The most that one call may carry, where that is known: messages, and bytes with the envelope of the batch. */
  readonly largest?: { readonly messages?: number; readonly bytes?: number };
}

export interface OperationContext {
  /** The destination's name. */
  readonly name: string;
  /** Folder of the production: relative paths in the config begin there. */
  readonly folder: string;
  readonly logger: Logger;
  readonly resources: Resources;
}

export interface OperationDefinition<C = unknown> extends ConfigurableDescription {
  readonly kind: 'operation';
  /** Schema of the adapter's own keys; the engine adds those that every destination has (batch, order, retry, inDoubt). */
  readonly schema: TSchema;
  readonly resources?: readonly ResourceKind[];
  /**
   * Name of the format of its answers: acknowledgements are read by it where the destination's batch has no format, and so
   * is what `answersTo` sends to a route; default: raw.
   */
  readonly answerFormat?: string;
  /** Facts needed before `open`, by the router and `check`; no I/O. @throws WaybillError where the config cannot be used. */
  describe(config: C, resources: Resources): OperationFacts;
  open(config: C, context: OperationContext): Promise<Operation>;
}

export function defineOperation<C>(definition: Omit<OperationDefinition<C>, 'kind'>): OperationDefinition<C> {
  return { kind: 'operation', ...definition };
}
