/** How the API says what was wrong. */
import { codeOf, messageOf, WaybillError } from '../../engine/errors.ts';
import { type AnswerHeaders, type Problem, problem } from '../problems.ts';

/** Statuses that say more than 422. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  ACT_UNKNOWN: 404,
  DESTINATION_UNKNOWN: 404,
  SUBMISSION_UNKNOWN: 404,
  ACT_COUNT: 409,
  STORE_STALE: 409,
};
const NOT_NOW = new Set(['STORE_FULL', 'STORE_FAILED', 'ENGINE_STOPPING']);
/** Statuses of the HTTP layer with what is to be mended. */
const OF_FASTIFY: Readonly<Record<string, readonly [number, string]>> = {
  FST_ERR_VALIDATION: [400, 'API_BODY'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'API_JSON'],
  FST_ERR_CTP_INVALID_JSON_BODY: [400, 'API_JSON'],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, 'API_JSON'],
};

/**
 * What an operator is told. Words of ours are told as they are; words of others could repeat what was sent, so only
 * Fastify's of a body that does not fit are, which name keys. A failure of ours has no words.
 */
export function apiProblem(error: unknown): { readonly problem: Problem; readonly headers: AnswerHeaders } {
  const code = codeOf(error);
  if (NOT_NOW.has(code)) return { problem: problem(503, code, messageOf(error)), headers: { 'retry-after': '30' } };
  const known = OF_FASTIFY[code];
  if (known) {
    const words = code === 'FST_ERR_VALIDATION' ? messageOf(error) : 'The body is to be JSON, and to say so.';
    return { problem: problem(known[0], known[1], words), headers: {} };
  }
  if (error instanceof WaybillError) {
    const status = 'statusCode' in error ? Number(error.statusCode) : (STATUS_BY_CODE[code] ?? 422);
    return { problem: problem(status, code, error.message), headers: headersOf(error) };
  }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500) return { problem: problem(status, 'REQUEST_NOT_VALID'), headers: {} };
  return { problem: problem(500, 'REQUEST_FAILED', 'The request failed.'), headers: {} };
}

function headersOf(error: WaybillError): AnswerHeaders {
  const headers = 'headers' in error ? (error.headers as AnswerHeaders) : {};
  if (error.code !== 'CREDENTIAL_REFUSED') return headers;
  // Keys only: a browser that is asked for a password would send it by itself from then on.
  return { ...headers, 'www-authenticate': 'Bearer realm="waybill"' };
}

/** Whether a failure is ours, for the log. */
export function isOurs({ status }: Problem): boolean {
  return status >= 500 && status !== 503;
}
