/**
 * What a broken command means for the messages. The one question that decides: may the server have done any of it? Only
 * where it certainly has not may they be tried again by themselves.
 */
import type { DeliveryError, DeliveryErrorDetails } from '../../engine/errors.ts';
import { CLIENT_CERTIFICATE, NAME_NOT_FOUND, RECEIVER_CERTIFICATE } from '../tls/codes.ts';
import type { BrokenCommand } from './client.ts';
import { MONGODB_OUTCOMES, mongoFailure } from './outcome-table.ts';
import type { Words } from './words.ts';

/** Where it happened, for the sentence, and whose words to clean. */
export interface FailureContext {
  readonly hosts: string;
  readonly words: Words;
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number; readonly total: number };
  /** A read changes nothing: whatever happened to it, it may be tried again. */
  readonly reading: boolean;
}

/** Names are looked up by getaddrinfo, and the SRV record of mongodb+srv by c-ares. */
const NOT_RESOLVED: ReadonlySet<string> = new Set([...NAME_NOT_FOUND, 'ENODATA', 'ESERVFAIL']);

/** Codes of the server (src/mongo/base/error_codes.yml of MongoDB), by what they mean for a command. */
const AUTHENTICATION: ReadonlySet<number> = new Set([11, 18, 31, 334, 8000]);
const UNAUTHORIZED = 13;
/** Another server takes writes; this one looked at nothing. */
const NOT_PRIMARY: ReadonlySet<number> = new Set([10107, 13435, 10058, 13436]);
/** The command itself is not liked: parse errors, wrong kinds of collection, unknown write concerns, no such command. */
const REFUSED: ReadonlySet<number> = new Set([2, 9, 14, 20, 26, 59, 72, 73, 79, 115, 166, 40324, 40415]);
/** Of a single document: not written now, but it may be later. */
const LATER: ReadonlySet<number> = new Set([
  24,
  46,
  50,
  63,
  91,
  112,
  146,
  175,
  189,
  202,
  262,
  11600,
  11602,
  13388,
  14031,
  ...NOT_PRIMARY,
]);
/** Of a single document on a sharded cluster: the router lost the shard that may have written it. */
const LOST: ReadonlySet<number> = new Set([6, 7, 89, 9001]);

/** What the server says of one document means that it is to be tried later, may be written, or is refused for good. */
export function fateOf(code: number): 'later' | 'lost' | 'refused' {
  if (LATER.has(code)) return 'later';
  return LOST.has(code) ? 'lost' : 'refused';
}

/** An error and everything that it says it came from: causes, and what the driver knows of each server. */
function* chain(error: unknown, depth = 0): Generator<Error> {
  if (!(error instanceof Error) || depth > 8) return;
  yield error;
  yield* chain(error.cause, depth + 1);
  if (!('reason' in error) || typeof error.reason !== 'object' || error.reason === null) return;
  const servers = 'servers' in error.reason ? error.reason.servers : undefined;
  if (!(servers instanceof Map)) return;
  for (const server of servers.values()) yield* chain(server?.error, depth + 1);
}

function systemCodes(error: unknown): readonly string[] {
  return [...chain(error)].flatMap((one) => ('code' in one && typeof one.code === 'string' ? [one.code] : []));
}

function serverCode(error: unknown): number | undefined {
  for (const one of chain(error)) if ('code' in one && typeof one.code === 'number') return one.code;
  return undefined;
}

function hasName(error: unknown, ...names: readonly string[]): boolean {
  return [...chain(error)].some((one) => names.includes(one.name));
}

function hasLabel(error: unknown, label: string): boolean {
  return [...chain(error)].some(
    (one) => 'errorLabels' in one && Array.isArray(one.errorLabels) && one.errorLabels.includes(label),
  );
}

/** Codes of what went wrong before anything was sent. */
type TroubleCode =
  | 'MONGODB_SERVER_CERTIFICATE'
  | 'MONGODB_CLIENT_CERTIFICATE'
  | 'MONGODB_AUTHENTICATION'
  | 'MONGODB_SERVER_UNSUPPORTED'
  | 'MONGODB_NAME_NOT_FOUND'
  | 'MONGODB_TLS_FAILED'
  | 'MONGODB_CONNECT_TIMEOUT'
  | 'MONGODB_CONNECT_FAILED';

/** What was wrong, in a code and a sentence; `stop` where every message would fail alike. */
export interface Trouble {
  readonly code: TroubleCode;
  readonly sentence: string;
  readonly stop: boolean;
}

function trouble(code: TroubleCode, sentence: string): Trouble {
  return { code, sentence, stop: MONGODB_OUTCOMES[code].outcome === 'stop' };
}

/** Sorts what went wrong before anything was sent. */
export function connectTrouble(error: unknown, { hosts, timeouts }: FailureContext): Trouble {
  const codes = systemCodes(error);
  const find = (known: (code: string) => boolean): string | undefined => codes.find(known);
  const server = find((code) => RECEIVER_CERTIFICATE.has(code));
  if (server !== undefined)
    return trouble('MONGODB_SERVER_CERTIFICATE', `${hosts}: the certificate of the server is not accepted (${server})`);
  const client = find((code) => CLIENT_CERTIFICATE.test(code));
  if (client !== undefined)
    return trouble(
      'MONGODB_CLIENT_CERTIFICATE',
      `${hosts}: the server refuses our certificate, or the lack of one (${client})`,
    );
  const number = serverCode(error);
  if ((number !== undefined && AUTHENTICATION.has(number)) || hasName(error, 'MongoMissingCredentialsError'))
    return trouble('MONGODB_AUTHENTICATION', `${hosts}: user name or password is refused`);
  if (hasName(error, 'MongoCompatibilityError', 'MongoMissingDependencyError', 'MongoParseError'))
    return trouble('MONGODB_SERVER_UNSUPPORTED', `${hosts}: driver and server do not understand each other`);
  const name = find((code) => NOT_RESOLVED.has(code));
  if (name !== undefined) return trouble('MONGODB_NAME_NOT_FOUND', `${hosts}: the name cannot be resolved (${name})`);
  const tls = find((code) => /^ERR_(SSL|TLS|OSSL)_/.test(code) || code === 'EPROTO');
  if (tls !== undefined) return trouble('MONGODB_TLS_FAILED', `${hosts}: the TLS handshake failed (${tls})`);
  const system = codes[0];
  if (system === undefined || system === 'ETIMEDOUT')
    return trouble('MONGODB_CONNECT_TIMEOUT', `${hosts}: no server that takes writes within ${timeouts.connect} ms`);
  return trouble('MONGODB_CONNECT_FAILED', `${hosts}: no connection (${system})`);
}

function notBegun(broken: BrokenCommand, context: FailureContext): DeliveryError {
  const { hosts, timeouts } = context;
  if (broken.reason === 'aborted')
    return mongoFailure('MONGODB_ABORTED', `${hosts}: broken off by us before anything was sent`);
  if (broken.reason === 'total')
    return mongoFailure(
      'MONGODB_CONNECT_TIMEOUT',
      `${hosts}: nothing could be sent within timeouts.total (${timeouts.total} ms)`,
    );
  const { code, sentence } = connectTrouble(broken.cause, context);
  return mongoFailure(code, `${sentence}; nothing was sent`);
}

/** A failure of the whole command in the server's own words. */
function answered(error: Error, code: number, context: FailureContext): DeliveryError {
  const { hosts, words, reading } = context;
  const named = 'codeName' in error && typeof error.codeName === 'string' ? ` ${error.codeName}` : '';
  const at = `${hosts}: the server answered error ${code}${/^ \w{1,64}$/.test(named) ? named : ''}`;
  const details: DeliveryErrorDetails = { words: words.tidy(error.message) };
  if (AUTHENTICATION.has(code))
    return mongoFailure('MONGODB_AUTHENTICATION', `${hosts}: user name or password is refused`, details);
  if (code === UNAUTHORIZED) return mongoFailure('MONGODB_NOT_ALLOWED', `${at}: the user lacks the right`, details);
  if (NOT_PRIMARY.has(code)) return mongoFailure('MONGODB_NOT_PRIMARY', `${at}: it takes no writes now`, details);
  if (hasLabel(error, 'SystemOverloadedError') || hasLabel(error, 'NoWritesPerformed'))
    return mongoFailure('MONGODB_BUSY', `${at}: it did nothing of it`, details);
  if (REFUSED.has(code)) return mongoFailure('MONGODB_REFUSED', `${at}: the command is refused`, details);
  if (reading) return mongoFailure('MONGODB_BUSY', `${at} to a query`, details);
  return mongoFailure('MONGODB_INTERRUPTED', `${at}: some of the command may be done`, details);
}

/** The delivery error for a command that gave no answer about its documents. */
export function brokenError(broken: BrokenCommand, context: FailureContext): DeliveryError {
  const { hosts, timeouts, reading } = context;
  const { cause } = broken;
  // Where no server was found, nothing went out either.
  if (!broken.begun || hasName(cause, 'MongoServerSelectionError')) return notBegun(broken, context);
  if (broken.reason === 'aborted')
    return mongoFailure(
      reading ? 'MONGODB_READ_BROKEN' : 'MONGODB_BROKEN_OFF',
      `${hosts}: broken off by us after the command had begun to go out`,
    );
  if (broken.reason === 'total')
    return mongoFailure(
      reading ? 'MONGODB_READ_BROKEN' : 'MONGODB_TIMEOUT',
      `${hosts}: no answer within timeouts.total (${timeouts.total} ms)`,
    );
  const code = hasName(cause, 'MongoNetworkError', 'MongoNetworkTimeoutError') ? undefined : serverCode(cause);
  if (cause instanceof Error && code !== undefined) return answered(cause, code, context);
  const system = systemCodes(cause)[0];
  return mongoFailure(
    reading ? 'MONGODB_READ_BROKEN' : 'MONGODB_CONNECTION_LOST',
    `${hosts}: the connection broke before the answer came${system === undefined ? '' : ` (${system})`}`,
  );
}
