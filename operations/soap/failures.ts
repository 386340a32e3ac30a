/**
 * What a broken exchange or an HTTP status means for the messages. The one question that decides: may the receiver have
 * taken them? Only where it certainly has not may they be tried again by themselves.
 */
import {
  ConfigError,
  type DeliveryError,
  type DeliveryErrorDetails,
  TooLargeError,
  TransientError,
  UncertainError,
} from '../../engine/errors.ts';
import type { BrokenExchange, HttpAnswer, Limits } from './transport.ts';

const RECEIVER_CERTIFICATE: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CERT_CHAIN_TOO_LONG',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * Alerts by which a receiver refuses our certificate, or the lack of one. In TLS 1.3 they come after the client's side of
 * the handshake is done, so the request may be on its way; but a server that refuses the handshake cannot have read it.
 */
const CLIENT_CERTIFICATE =
  /^ERR_SSL_(SSLV3|TLSV1|TLSV13)_ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN|REQUIRED)|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)$/;

const NAME_NOT_FOUND: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME']);

function networkCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return 'UNKNOWN';
}

/** What was wrong with the network, in a word for people and programs. */
export interface NetworkTrouble {
  readonly code:
    | 'SOAP_NAME_NOT_FOUND'
    | 'SOAP_CONNECT_FAILED'
    | 'SOAP_CONNECT_TIMEOUT'
    | 'SOAP_TLS_FAILED'
    | 'SOAP_RECEIVER_CERTIFICATE'
    | 'SOAP_CLIENT_CERTIFICATE';
  /** The code of the system or of TLS (`ECONNREFUSED`). */
  readonly system: string;
}

/** Sorts an error that came while connecting. */
export function connectTrouble(error: unknown): NetworkTrouble {
  const system = networkCode(error);
  if (RECEIVER_CERTIFICATE.has(system)) return { code: 'SOAP_RECEIVER_CERTIFICATE', system };
  if (CLIENT_CERTIFICATE.test(system)) return { code: 'SOAP_CLIENT_CERTIFICATE', system };
  if (NAME_NOT_FOUND.has(system)) return { code: 'SOAP_NAME_NOT_FOUND', system };
  if (system === 'UND_ERR_CONNECT_TIMEOUT' || system === 'ETIMEDOUT') return { code: 'SOAP_CONNECT_TIMEOUT', system };
  if (system.startsWith('ERR_SSL_') || system.startsWith('ERR_TLS_') || system === 'EPROTO') {
    return { code: 'SOAP_TLS_FAILED', system };
  }
  return { code: 'SOAP_CONNECT_FAILED', system };
}

const TROUBLE: Readonly<Record<NetworkTrouble['code'], string>> = {
  SOAP_NAME_NOT_FOUND: 'the name cannot be resolved',
  SOAP_CONNECT_FAILED: 'no connection',
  SOAP_CONNECT_TIMEOUT: 'no connection in time',
  SOAP_TLS_FAILED: 'the TLS handshake failed',
  SOAP_RECEIVER_CERTIFICATE: "the receiver's certificate is not accepted",
  SOAP_CLIENT_CERTIFICATE: 'the receiver does not accept our certificate, or wants one',
};

/** A sentence about it that names the host. */
export function troubleSentence(host: string, trouble: NetworkTrouble): string {
  return `${host}: ${TROUBLE[trouble.code]} (${trouble.system})`;
}

function notBegun(broken: BrokenExchange, host: string): DeliveryError {
  if (broken.reason === 'aborted') {
    return new TransientError('SOAP_ABORTED', `${host}: broken off before anything was sent`, { whose: 'ours' });
  }
  if (broken.reason === 'total') {
    return new TransientError('SOAP_CONNECT_TIMEOUT', `${host}: nothing could be sent within timeouts.total`, {
      whose: 'network',
    });
  }
  const trouble = connectTrouble(broken.cause);
  const details: DeliveryErrorDetails = { cause: broken.cause };
  const message = `${troubleSentence(host, trouble)}; nothing was sent`;
  if (trouble.code === 'SOAP_RECEIVER_CERTIFICATE') {
    return new ConfigError(trouble.code, message, { ...details, whose: 'receiver' });
  }
  if (trouble.code === 'SOAP_CLIENT_CERTIFICATE') {
    return new ConfigError(trouble.code, message, { ...details, whose: 'ours' });
  }
  return new TransientError(trouble.code, message, { ...details, whose: 'network' });
}

/** The delivery error for an exchange that gave no whole answer. */
export function brokenError(broken: BrokenExchange, host: string, limits: Limits): DeliveryError {
  if (!broken.begun) return notBegun(broken, host);
  switch (broken.reason) {
    case 'aborted':
      return new UncertainError('SOAP_ABORTED', `${host}: broken off by us after the request had begun to go out`, {
        whose: 'ours',
      });
    case 'firstByte':
      return new UncertainError('SOAP_ANSWER_TIMEOUT', `${host}: no answer began within ${limits.firstByte} ms`, {
        whose: 'receiver',
      });
    case 'total':
      return new UncertainError('SOAP_ANSWER_TIMEOUT', `${host}: the call was not complete within ${limits.total} ms`, {
        whose: 'receiver',
      });
    case 'answerTooLarge':
      return new UncertainError(
        'SOAP_ANSWER_TOO_LARGE',
        `${host}: the answer is larger than maxAnswerBytes (${limits.maxAnswerBytes}) and was broken off`,
        { whose: 'receiver' },
      );
    case 'network': {
      const trouble = connectTrouble(broken.cause);
      if (trouble.code === 'SOAP_CLIENT_CERTIFICATE') {
        return new ConfigError(trouble.code, troubleSentence(host, trouble), { cause: broken.cause, whose: 'ours' });
      }
      return new UncertainError(
        'SOAP_CONNECTION_LOST',
        `${host}: the connection broke after the request had begun to go out, before a whole answer came (${trouble.system})`,
        { cause: broken.cause, whose: 'network' },
      );
    }
  }
}

const DAY = 86_400_000;

/** Retry-After in milliseconds (RFC 9110, 10.2.3: seconds or a date), at most a day; `undefined` where there is none. */
export function retryAfter(answer: HttpAnswer, now: number): number | undefined {
  const value = answer.headers['retry-after'];
  if (typeof value !== 'string') return undefined;
  const wait = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), DAY) : undefined;
}

function header(answer: HttpAnswer, name: string): string {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : '';
}

/** The scheme and host of a redirect; never the rest, which may hold anything. */
function redirectTarget(answer: HttpAnswer, base: URL): string {
  const location = header(answer, 'location');
  return URL.canParse(location, base.href) ? new URL(location, base).origin : 'no readable address';
}

/**
 * The error that a status alone decides, whatever stands in the body; `undefined` where the body has the word.
 * A 502 or 504 is a proxy's and says nothing about the receiver behind it; a bare 503 may be a proxy's as well.
 */
export function decidedByStatus(answer: HttpAnswer, url: URL, words: string): DeliveryError | undefined {
  const { status, body } = answer;
  const details: DeliveryErrorDetails = { answer: body, ...(words === '' ? {} : { words }) };
  const at = `${url.host}: HTTP ${status}`;
  if (status >= 300 && status < 400) {
    const target = redirectTarget(answer, url);
    return new ConfigError('SOAP_HTTP_REDIRECT', `${at} to ${target}; redirects are not followed`, {
      ...details,
      whose: 'receiver',
    });
  }
  if (status === 401 || status === 403 || status === 407) {
    return new ConfigError('SOAP_HTTP_UNAUTHORIZED', `${at}: we are refused`, { ...details, whose: 'ours' });
  }
  if (status === 404 || status === 410) {
    return new ConfigError('SOAP_HTTP_NOT_FOUND', `${at}: no service at ${url.pathname}`, {
      ...details,
      whose: 'unknown',
    });
  }
  if (status === 413) {
    return new TooLargeError('SOAP_HTTP_TOO_LARGE', `${at}: the request is too large`, {
      ...details,
      whose: 'receiver',
    });
  }
  const wait = retryAfter(answer, Date.now());
  if (status === 429 || status === 408 || (status === 503 && wait !== undefined)) {
    return new TransientError('SOAP_HTTP_BUSY', `${at}: not taken for now`, {
      ...details,
      whose: 'receiver',
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    });
  }
  return undefined;
}

/** The error of a status other than 2xx whose body holds neither fault nor acknowledgement. */
export function unexplainedStatus(answer: HttpAnswer, host: string): DeliveryError {
  const at = `${host}: HTTP ${answer.status}`;
  if (answer.status < 500) {
    return new ConfigError('SOAP_HTTP_REFUSED', `${at} without a readable fault: the request is refused`, {
      answer: answer.body,
      whose: 'unknown',
    });
  }
  return new UncertainError('SOAP_HTTP_ERROR', `${at} without a readable fault or acknowledgement`, {
    answer: answer.body,
    whose: 'receiver',
  });
}
