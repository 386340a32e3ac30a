/**
 * What a broken exchange or an HTTP status means for the messages. The one question that decides: may the receiver have
 * taken them? Only where it certainly has not may they be tried again by themselves.
 */
import type { DeliveryError, DeliveryErrorDetails } from '../../engine/errors.ts';
import { CLIENT_CERTIFICATE, NAME_NOT_FOUND, RECEIVER_CERTIFICATE } from '../tls/codes.ts';
import type { Dialect, FaultAction } from './dialect.ts';
import { type SoapFailureCode, soapFailure } from './outcomes.ts';
import type { BrokenExchange, HttpAnswer, Limits } from './transport.ts';

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
  if (broken.reason === 'aborted') return soapFailure('SOAP_ABORTED', `${host}: broken off before anything was sent`);
  if (broken.reason === 'total')
    return soapFailure('SOAP_CONNECT_TIMEOUT', `${host}: nothing could be sent within timeouts.total`);
  const trouble = connectTrouble(broken.cause);
  return soapFailure(trouble.code, `${troubleSentence(host, trouble)}; nothing was sent`, { cause: broken.cause });
}

/** What of an answer is no HTTP that can be read, as a sentence; `undefined` for everything else that ends a connection. */
function strangeHttp(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'HTTPParserError') return 'the answer is no HTTP that can be read';
  const system = networkCode(error);
  if (system === 'UND_ERR_HEADERS_OVERFLOW') return 'the headers of the answer are larger than 16 KB';
  if (system === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return 'the answer has another length than it announced';
  // undici's words for it; there is no code.
  if (system === 'UND_ERR_SOCKET' && error.message === 'bad response')
    return 'the answer began with HTTP 100 (Continue), which was not asked for';
  return undefined;
}

/** The delivery error for an exchange that gave no whole answer. */
export function brokenError(broken: BrokenExchange, host: string, limits: Limits): DeliveryError {
  if (!broken.begun) return notBegun(broken, host);
  const { whole, cause } = broken;
  switch (broken.reason) {
    case 'aborted':
      return soapFailure('SOAP_BROKEN_OFF', `${host}: broken off by us after the request had begun to go out`);
    case 'firstByte':
      return soapFailure('SOAP_ANSWER_TIMEOUT', `${host}: no answer began within ${limits.firstByte} ms`);
    case 'total':
      return whole
        ? soapFailure('SOAP_ANSWER_TIMEOUT', `${host}: the call was not complete within ${limits.total} ms`)
        : soapFailure('SOAP_SEND_TIMEOUT', `${host}: the request was not all sent within ${limits.total} ms`);
    case 'answerTooLarge':
      return soapFailure(
        'SOAP_ANSWER_TOO_LARGE',
        `${host}: the answer is larger than maxAnswerBytes (${limits.maxAnswerBytes}) and was broken off`,
      );
    case 'network': {
      const strange = whole ? strangeHttp(cause) : undefined;
      if (strange !== undefined)
        return soapFailure('SOAP_CONNECTION_LOST', `${host}: ${strange}; the connection was broken off`, {
          whose: 'receiver',
        });
      const trouble = connectTrouble(cause);
      if (trouble.code === 'SOAP_CLIENT_CERTIFICATE')
        return soapFailure(trouble.code, troubleSentence(host, trouble), { cause });
      const when = whole
        ? 'after the request had gone out, before a whole answer came'
        : 'while the request went out, before a whole answer came';
      return soapFailure('SOAP_CONNECTION_LOST', `${host}: the connection broke ${when} (${trouble.system})`, {
        cause,
      });
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
    return soapFailure('SOAP_HTTP_REDIRECT', `${at} to ${target}; redirects are not followed`, details);
  }
  if (status === 401 || status === 403 || status === 407)
    return soapFailure('SOAP_HTTP_UNAUTHORIZED', `${at}: we are refused`, details);
  if (status === 404 || status === 410)
    return soapFailure('SOAP_HTTP_NOT_FOUND', `${at}: no service at ${url.pathname}`, details);
  if (status === 413) return soapFailure('SOAP_HTTP_TOO_LARGE', `${at}: the request is too large`, details);
  const wait = retryAfter(answer, Date.now());
  if (status === 429 || status === 408 || (status === 503 && wait !== undefined))
    return soapFailure('SOAP_HTTP_BUSY', `${at}: not taken for now`, {
      ...details,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    });
  return undefined;
}

const BY_DIALECT: Readonly<Record<FaultAction, SoapFailureCode>> = {
  stop: 'SOAP_STATUS_STOP',
  retry: 'SOAP_STATUS_RETRY',
  tooLarge: 'SOAP_STATUS_TOO_LARGE',
  fail: 'SOAP_STATUS_FAIL',
  inDoubt: 'SOAP_STATUS_IN_DOUBT',
};

/** The error of a status other than 2xx whose body holds neither fault nor acknowledgement. The dialect's word comes first. */
export function unexplainedStatus(answer: HttpAnswer, host: string, statuses: Dialect['statuses']): DeliveryError {
  const { status, body } = answer;
  const at = `${host}: HTTP ${status}`;
  const rule = statuses[String(status)] ?? statuses[`${Math.trunc(status / 100)}xx`];
  if (rule) {
    const advice = rule.advice === undefined ? '' : `: ${rule.advice}`;
    const wait = retryAfter(answer, Date.now());
    return soapFailure(BY_DIALECT[rule.then], `${at} without a readable fault or acknowledgement${advice}`, {
      answer: body,
      ...(rule.whose === undefined ? {} : { whose: rule.whose }),
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    });
  }
  if (status < 500)
    return soapFailure('SOAP_HTTP_REFUSED', `${at} without a readable fault: the request is refused`, { answer: body });
  return soapFailure('SOAP_HTTP_ERROR', `${at} without a readable fault or acknowledgement`, { answer: body });
}
