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

export type Answer =
  /** The receiver's acknowledgement as text; the batch's format reads it and the engine decides each message by it. */
  | { readonly kind: 'acknowledgement'; readonly text: string; readonly raw: Uint8Array; readonly status: number }
  /** An outcome for each message, from the operation itself. */
  | { readonly kind: 'outcomes'; readonly outcomes: readonly MessageOutcome[]; readonly raw: Uint8Array };

/*
 * Either kind may become a submission of its own (`answersTo`): then `raw` (for acknowledgements, `text` as UTF-8) is its
 * body; an empty one makes none.
 */

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
  /** What an answer that does not mention a message says about it. */
  readonly unmentioned: 'inDoubt' | 'delivered';
  /**
   * Sends once. Never retries, sleeps or queues.
   * @throws TransientError, UncertainError, PermanentError, ConfigError, TooLargeError; anything else counts as uncertain.
   */
  send(delivery: Delivery, signal: AbortSignal): Promise<Answer>;
  /** Does what `send` needs, asks for no more rights, changes nothing at the receiver. Never throws. */
  check(signal: AbortSignal): Promise<readonly CheckResult[]>;
  close(): Promise<void>;
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
  describe(config: C, resources: Resources): Pick<Operation, 'carries' | 'repeatable' | 'unmentioned'>;
  open(config: C, context: OperationContext): Promise<Operation>;
}

export function defineOperation<C>(definition: Omit<OperationDefinition<C>, 'kind'>): OperationDefinition<C> {
  return { kind: 'operation', ...definition };
}
