/**
 * The errors of the house. A message says what failed, where, why and what to do; it never holds a payload or a secret.
 * A code is stable: people search for it, and `docs/reference/errors.md` is generated from the tables made with
 * `defineErrors`, one in each folder that has codes.
 */

/** What a code means and what a person can do about it. Both are whole sentences. */
export interface ErrorEntry {
  readonly means: string;
  readonly cure: string;
}

/** Fixes the keys of a table of codes, so that the type of its codes derives from the table. */
export function defineErrors<const T extends Record<string, ErrorEntry>>(table: T): T {
  return table;
}

/** A place in something a person wrote: a file, and where in it. Lines and columns count from 1. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** Path of keys inside a document, as people write it: `routes.doses.to[0].when`. */
  readonly path?: string;
}

export interface ErrorDetails extends Place {
  readonly cause?: unknown;
}

/** Base of every error that Waybill raises on purpose. */
export class WaybillError extends Error {
  readonly code: string;
  readonly place: Place;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    const { cause, ...place } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.place = place;
  }
}

/** Input that cannot be taken as a whole: a submission is refused with this reason. */
export class RefusedError extends WaybillError {}

/** Whose fault a failed delivery is, as the operator is told. */
export type Whose = 'ours' | 'data' | 'receiver' | 'network' | 'unknown';

export interface DeliveryErrorDetails extends ErrorDetails {
  readonly whose?: Whose;
  /** What the receiver said, cut to a sane length; shown to people, so never a payload of ours. */
  readonly words?: string;
  /** The raw answer, kept with the attempt as a body. */
  readonly answer?: Uint8Array;
  /** Wait at least this long before the next try, in milliseconds (Retry-After). */
  readonly retryAfterMs?: number;
  /** The most bytes of messages that the receiver takes in a call, where it said so (too large). */
  readonly maxBytes?: number;
}

/** Base of what an operation throws; the subclass tells the engine what to do, the code tells people why. */
export class DeliveryError extends WaybillError {
  readonly whose: Whose;
  readonly words: string | undefined;
  readonly answer: Uint8Array | undefined;
  readonly retryAfterMs: number | undefined;
  readonly maxBytes: number | undefined;

  constructor(code: string, message: string, details: DeliveryErrorDetails = {}) {
    const { whose, words, answer, retryAfterMs, maxBytes, ...rest } = details;
    super(code, message, rest);
    this.whose = whose ?? 'unknown';
    this.words = words;
    this.answer = answer;
    this.retryAfterMs = retryAfterMs;
    this.maxBytes = maxBytes;
  }
}

/** It did not arrive, or was refused before it was taken: the messages are queued again and tried later. */
export class TransientError extends DeliveryError {}
/** It may have arrived: the messages are in doubt. */
export class UncertainError extends DeliveryError {}
/** It will never succeed as it is: the messages are failed. */
export class PermanentError extends DeliveryError {}
/** Every message would fail alike (credentials, certificate, contract): queued again, and the destination stops. */
export class ConfigError extends DeliveryError {}
/** The receiver finds the request too large: split where the destination's batches are `auto`; else it stops like a ConfigError. */
export class TooLargeError extends DeliveryError {}

/** The `code` of anything thrown, for logs and answers; foreign errors keep their own (`ENOENT`). */
export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return 'UNEXPECTED';
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
