/** Lines of one dialect laid over those of another, and whole ones made of what came together. */
import { type AnswerRules, CAREFUL } from '../../engine/contracts/operation.ts';
import type {
  AnswerShape,
  BatchLines,
  BatchShape,
  DialectFile,
  RequestShape,
  Security,
  StatusLines,
  StatusQuery,
  StatusWords,
} from './dialect-types.ts';
import { leaves } from './dialect-types.ts';

/** Lines of the later win; maps key by key, lists as a whole. A content type goes with its version of SOAP. */
export function merge(base: DialectFile, over: DialectFile): DialectFile {
  const { contentType, ...rest } = base;
  const sameVersion = over.soap === undefined || base.soap === undefined || over.soap === base.soap;
  const security = either(base.security, over.security);
  const status = mergeStatus(base.status, over.status);
  return {
    ...rest,
    ...(contentType !== undefined && sameVersion ? { contentType } : {}),
    ...over,
    request: { ...base.request, ...over.request },
    answer: { ...answerLines(base), ...answerLines(over) },
    batch: mergeBatch(base, over),
    faults: { ...base.faults, ...over.faults },
    statuses: { ...base.statuses, ...over.statuses },
    ...(security === undefined ? {} : { security }),
    ...(status === undefined ? {} : { status }),
  };
}

function either<T extends object>(base: T | undefined, over: T | undefined): T | undefined {
  return base === undefined && over === undefined ? undefined : ({ ...base, ...over } as T);
}

/** A style of answers that is said anew brings its own meaning of what is missing, unless that is said with it. */
function mergeBatch(base: DialectFile, over: DialectFile): BatchLines {
  const { missing: earlier, ...rest } = base.batch ?? {};
  const missing = missingOf(over) ?? (over.batch?.answers === undefined ? (earlier ?? missingOf(base)) : undefined);
  return { ...rest, ...over.batch, ...(missing === undefined ? {} : { missing }) };
}

/** Without the line that has its place under `batch` too. */
function answerLines({ answer = {} }: DialectFile): Partial<AnswerShape> {
  const { unmentioned: _, ...rest } = answer;
  return rest;
}

function missingOf({ batch, answer }: DialectFile): AnswerRules['unmentioned'] | undefined {
  return batch?.missing ?? answer?.unmentioned;
}

function mergeStatus(base: StatusLines | undefined, over: StatusLines | undefined): StatusLines | undefined {
  if (base === undefined || over === undefined) return over ?? base;
  return {
    ...base,
    ...over,
    request: { ...base.request, ...over.request },
    ...(base.answer || over.answer ? { answer: { ...base.answer, ...over.answer } } : {}),
    states: { ...base.states, ...over.states },
  };
}

/** What is absent from `lines` and cannot be guessed, as a path; `undefined` where nothing is. */
export function missingLine(lines: DialectFile): string | undefined {
  if (lines.namespace === undefined) return 'namespace';
  if (lines.request?.element === undefined) return 'request.element';
  if (lines.answer?.element === undefined && lines.answer?.ticket === undefined) return 'answer.element';
  if (lines.security !== undefined && lines.security.usernameToken === undefined) return 'security.usernameToken';
  if (lines.status !== undefined && lines.status.request?.element === undefined) return 'status.request.element';
  return undefined;
}

export function requestOf(lines: Partial<RequestShape> | undefined): RequestShape {
  return { element: lines?.element ?? '', qualified: lines?.qualified ?? true, children: lines?.children ?? [] };
}

export function answerOf(lines: Partial<AnswerShape> = {}): AnswerShape {
  return {
    ...lines,
    element: lines.element ?? lines.ticket ?? '',
    content: lines.content ?? 'hl7',
    encoding: lines.encoding ?? 'text',
    lenient: lines.lenient ?? [],
  };
}

/** What is not said about a batch follows from the style of its answers. */
export function batchOf(lines: BatchLines = {}): BatchShape {
  const { answers = 'each', missing, twice, unknown, counts, maxMessages, maxBytes } = lines;
  return {
    answers,
    rules: {
      unmentioned: missing ?? (answers === 'errorsOnly' ? 'delivered' : CAREFUL.unmentioned),
      twice: twice ?? CAREFUL.twice,
      unknown: unknown ?? CAREFUL.unknown,
      counts: counts ?? CAREFUL.counts,
    },
    ...(maxMessages === undefined ? {} : { maxMessages }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}

export function securityOf({ usernameToken = 'passwordText', timestamp, mustUnderstand }: Partial<Security>): Security {
  return { usernameToken, timestamp: timestamp ?? false, mustUnderstand: mustUnderstand ?? true };
}

const NO_WORDS: StatusWords = { working: [], unknown: [], done: [], delivered: [], rejected: [] };

export function statusOf(lines: StatusLines, namespace: string): StatusQuery {
  const request = requestOf(lines.request);
  const { element, content, encoding } = lines.answer ?? {};
  const byId = leaves(request.children).some(({ child }) => child.from === 'controlId');
  return {
    by: byId ? 'controlId' : 'ticket',
    action: lines.action ?? '',
    namespace: lines.namespace ?? namespace,
    request,
    states: { ...NO_WORDS, ...lines.states },
    ...(element === undefined ? {} : { answer: { element, content: content ?? 'hl7', encoding: encoding ?? 'text' } }),
    ...(lines.state === undefined ? {} : { state: lines.state }),
    ...(lines.words === undefined ? {} : { words: lines.words }),
    ...(lines.every === undefined ? {} : { every: lines.every }),
  };
}
