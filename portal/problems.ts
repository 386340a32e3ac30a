/** Errors as `application/problem+json` (RFC 9457), with the stable code; the same for partners and for the control socket. */
import type { FastifyReply } from 'fastify';
import { codeOf, messageOf, type Place, RefusedError, WaybillError } from '../engine/errors.ts';
import type { ApiCode } from './acting/errors.ts';
import type { PortalCode } from './errors.ts';
import { http } from './node-http.ts';

export const PROBLEM_TYPE = 'application/problem+json';

export interface Problem extends Place {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
}

/** Headers that come with an answer. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

/** A refusal of the portal or of the API for operators, with its status (400 to 499, or 503) and headers. */
export class HttpError extends WaybillError {
  readonly statusCode: number;
  readonly headers: AnswerHeaders;

  constructor(statusCode: number, code: PortalCode | ApiCode, message: string, headers: AnswerHeaders = {}) {
    super(code, message);
    this.statusCode = statusCode;
    this.headers = headers;
  }
}

/**
 * What the owner of the data folder is told: the words of every error, since nobody else reads the socket. What we refuse is
 * 422; what Fastify refuses keeps its status; anything else is a failure of ours.
 */
export function operatorProblem(error: unknown): Problem {
  const known = error instanceof WaybillError;
  const status = known ? 422 : (refusalStatus(error) ?? 500);
  return problem(status, codeOf(error), messageOf(error), known ? error.place : {});
}

/** Codes with which the ledger or the disk says that nothing was kept and that it may go well later. */
const NOT_NOW = new Set(['STORE_FULL', 'STORE_FAILED', 'ENGINE_STOPPING', 'ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE']);
/** Seconds after which a sender may try again when we could not take its request. */
const RETRY_AFTER = '30';

/**
 * What a partner is told: the words of a refusal, whose place is in what it sent; of a failure of ours only that there was
 * one. An error with a `statusCode` of 400 to 499 has that status, one of ours also with 503; another refusal 422.
 */
export function partnerProblem(error: unknown): { readonly problem: Problem; readonly headers: AnswerHeaders } {
  const headers = error instanceof HttpError ? error.headers : {};
  if (NOT_NOW.has(codeOf(error))) {
    const detail = 'Nothing of the request was kept; try again later.';
    return { problem: problem(503, 'NOT_NOW', detail), headers: { 'retry-after': RETRY_AFTER } };
  }
  const status = partnerStatus(error);
  if (status === undefined) return { problem: problem(500, 'REQUEST_FAILED', 'The request failed.'), headers };
  if (!(error instanceof WaybillError)) return { problem: statusProblem(status), headers };
  const { line, column, path } = error.place;
  const place = { ...(line && { line }), ...(column && { column }), ...(path && { path }) };
  return { problem: problem(status, error.code, error.message, place), headers };
}

function partnerStatus(error: unknown): number | undefined {
  if (error instanceof WaybillError && 'statusCode' in error && error.statusCode === 503) return 503;
  return refusalStatus(error) ?? (error instanceof RefusedError ? 422 : undefined);
}

/** The status that an error carries, where it is a refusal (400 to 499). */
function refusalStatus(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

/** A refusal of the HTTP layer. Foreign words could repeat what was sent, so only those of the status are told. */
export function statusProblem(status: number): Problem {
  return problem(status, 'REQUEST_NOT_VALID', `${http.STATUS_CODES[status] ?? 'Bad Request'}.`);
}

export function problem(status: number, code: string, detail?: string, place: Place = {}): Problem {
  return {
    type: 'about:blank',
    title: status < 500 ? 'The request was refused' : 'The request failed',
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
    ...place,
  };
}

/** Answers with a problem. */
export function sendProblem(reply: FastifyReply, answer: Problem, headers: AnswerHeaders = {}): FastifyReply {
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
  return reply.code(answer.status).type(PROBLEM_TYPE).send(answer);
}
