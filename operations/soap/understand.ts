/** What an answer means: the body has the word, then the status. */
import type { Answer, MessageOutcome } from '../../engine/contracts/operation.ts';
import type { DeliveryError } from '../../engine/errors.ts';
import { type AnswerContent, decodeAnswer, type Fault, readAnswer, UnreadableAnswer } from './answer.ts';
import type { Dialect, SuccessFlag } from './dialect-types.ts';
import { decodedText } from './encoding.ts';
import { decidedByStatus, retryAfter, unexplainedStatus } from './failures.ts';
import { faultError, ruleFor, tidyWords } from './faults.ts';
import { lenientText, looksLikeHl7 } from './lenient.ts';
import { unpacked } from './multipart.ts';
import { soapFailure } from './outcomes.ts';
import type { Sender } from './sender.ts';
import type { HttpAnswer } from './transport.ts';

/** What of a sender its answers are read with. */
export type Reader = Pick<Sender, 'url' | 'dialect' | 'secrets'>;

/** Where the parts of an answer stand. */
export interface Places {
  readonly element: string;
  readonly content: 'hl7' | 'text';
  readonly encoding: Dialect['answer']['encoding'];
  /** Paths of other parts, by their names. */
  readonly also: Readonly<Record<string, string | undefined>>;
}

/** An answer that is no fault, whose text and other parts can be looked at; nothing is decided yet. */
export interface Received {
  /** Without our credentials, should it repeat them. */
  readonly answer: HttpAnswer;
  readonly content: AnswerContent;
  /** The text of the answer's element, decoded; absent where there is none. */
  readonly text: string | undefined;
  readonly unreadable: UnreadableAnswer | undefined;
  /** Its status is one of the 200s. */
  readonly good: boolean;
}

/**
 * Reads an answer up to what it says. An acknowledgement in a 500 is one, a fault in a 200 is one; only statuses by which
 * a receiver or a proxy refuses a request outright decide by themselves.
 * @throws DeliveryError for a fault and for such a status
 */
export function receive({ url, dialect, secrets }: Reader, received: HttpAnswer, places: Places): Received {
  const read = strictly(received, places);
  const answer = { ...received, body: secrets.outOfBytes(received.body) };
  const fault = read.content.fault;
  const said = textOf(read, received, places, dialect);
  if (fault && said !== undefined && holdsAcknowledgement(said)) throw contradicts(answer, url.host);
  const text = fault ? undefined : said;
  if (!fault && text === undefined && saysOfStatus(dialect, answer.status)) {
    throw unexplainedStatus(answer, url.host, dialect.statuses);
  }
  const decided = decidedByStatus(answer, url, tidyWords(fault?.reason ?? '', secrets));
  // A status by which all would go again by itself has no word against a yes in the body: that would send it twice.
  const taken = places.content === 'hl7' && text !== undefined && holdsYes(text);
  if (decided && !(taken && SENT_AGAIN.has(decided.code))) throw decided;
  if (fault) {
    const wait = retryAfter(answer, Date.now());
    const maxBytes = largest(fault, dialect);
    throw faultError(fault, dialect, {
      host: url.host,
      answer: answer.body,
      secrets,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
  }
  const good = answer.status >= 200 && answer.status < 300;
  return { answer, content: read.content, text, unreadable: read.unreadable, good };
}

const SENT_AGAIN: ReadonlySet<string> = new Set(['SOAP_HTTP_BUSY', 'SOAP_HTTP_TOO_LARGE']);

function saysOfStatus({ statuses }: Dialect, status: number): boolean {
  return Object.hasOwn(statuses, String(status)) || Object.hasOwn(statuses, `${Math.trunc(status / 100)}xx`);
}

/** How many bytes the receiver takes, where its fault says so. */
function largest(fault: Fault, { faults }: Dialect): number | undefined {
  const { maxSize } = ruleFor(fault, faults).rule ?? {};
  const said = maxSize === undefined ? undefined : fault.values[maxSize];
  const bytes = said === undefined || !/^\d{1,15}$/.test(said) ? 0 : Number(said);
  return bytes > 0 ? bytes : undefined;
}

interface Read {
  readonly xml: string;
  readonly content: AnswerContent;
  readonly unreadable: UnreadableAnswer | undefined;
}

const NOTHING: AnswerContent = { values: {} };

function strictly(answer: HttpAnswer, { element, also }: Places): Read {
  let xml = '';
  try {
    const { root, parts } = unpacked(answer);
    xml = decodeAnswer(root);
    return { xml, content: readAnswer(xml, element, also, parts), unreadable: undefined };
  } catch (error) {
    if (error instanceof UnreadableAnswer) return { xml, content: NOTHING, unreadable: error };
    throw error;
  }
}

/** The answer's text, decoded; where the answer is odd in a way that the dialect allows, read all the same. */
function textOf(
  { xml, content, unreadable }: Read,
  { headers }: HttpAnswer,
  places: Places,
  dialect: Dialect,
): string | undefined {
  const text = content.text === undefined ? undefined : together(content.text, content.more, places);
  if (places.content !== 'hl7' || (text !== undefined && text.trim() !== '')) return text;
  const strict = unreadable ? 'notXml' : text === undefined ? 'noElement' : 'emptyElement';
  // Without a length, a connection that broke looks like an answer that ended.
  const whole = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return lenientText(xml, strict, dialect.answer.lenient, whole) ?? text;
}

/** The texts of all elements of one path: a yes in the first must not hide a no in the second. */
function together(first: string, more: readonly string[] | undefined, { encoding }: Places): string {
  return [first, ...(more ?? [])].map((each) => decodedText(each, encoding)).join(more ? '\r' : '');
}

/** An MSA segment with a code: enough to believe an answer whose status says that something went wrong. */
function holdsAcknowledgement(text: string): boolean {
  return /(^|[\r\n])[ \t]*MSA[^A-Za-z0-9\s][ \t]*(AA|AE|AR|CA|CE|CR)/.test(text);
}

/** The same, with a code that says that something was taken. */
function holdsYes(text: string): boolean {
  return looksLikeHl7(text) && /(^|[\r\n])[ \t]*MSA[^A-Za-z0-9\s][ \t]*(AA|CA)/.test(text);
}

/** The same, with a code that says that something was refused. */
function holdsNo(text: string): boolean {
  return looksLikeHl7(text) && /(^|[\r\n])[ \t]*MSA[^A-Za-z0-9\s][ \t]*(AE|AR|CE|CR)/.test(text);
}

function hiddenNo({ dialect, url }: Reader, { answer }: Received): DeliveryError {
  return soapFailure(
    'SOAP_SUCCESS_UNKNOWN',
    `${url.host}: ${dialect.answer.element} holds an HL7 acknowledgement that refuses, which the dialect ${dialect.dialect} reads as words; give it answer.content: hl7`,
    { answer: answer.body },
  );
}

function contradicts(answer: HttpAnswer, host: string): DeliveryError {
  return soapFailure(
    'SOAP_FAULT_IN_DOUBT',
    `${host}: the answer holds an acknowledgement and a SOAP fault; nobody knows which of them is true`,
    { answer: answer.body },
  );
}

/**
 * What the answer to a delivery means.
 * @param messages how many were sent
 * @throws DeliveryError
 */
export function understand(reader: Reader, received: HttpAnswer, messages: number): Answer {
  const { dialect, url } = reader;
  const { element, content, encoding, success, words, ticket } = dialect.answer;
  const also = { success: success?.element, words, ticket };
  const got = receive(reader, received, { element, content, encoding, also });
  const flag = success && flagOf(got, success);
  if (flag === 'refused') return refused(reader, got, messages);
  const { text, good, answer } = got;
  const mayDecide = content === 'hl7' && ticket !== element && (flag === undefined || flag === 'good');
  if (mayDecide && text !== undefined && text.trim() !== '' && (good || holdsAcknowledgement(text))) {
    return acknowledgement(reader, answer, text);
  }
  if (!good) throw unexplainedStatus(answer, url.host, dialect.statuses);
  if (got.unreadable) throw unreadableError(got.unreadable, answer, url.host);
  if (flag === 'absent' || flag === 'strange') throw flagError(reader, answer, flag);
  if (ticket !== undefined) return later(reader, got);
  if (text === undefined && flag === undefined) {
    throw emptyError(url.host, answer, `the answer has neither ${element} nor a fault`);
  }
  if (content === 'text') return inWords(reader, got, messages, flag === 'good' ? 'delivered' : undefined);
  throw emptyError(url.host, answer, `${element} is empty`);
}

type Flag = 'good' | 'refused' | 'absent' | 'strange';

function flagOf({ content }: Received, { equals, refused }: SuccessFlag): Flag {
  const words = (content.values.success ?? []).map((word) => word.trim());
  if (words.length === 0 || words.some((word) => word === '')) return 'absent';
  const isGood = (word: string): boolean => oneOf(word, equals);
  if (words.every(isGood)) return 'good';
  // Where a part was taken and another was not, nobody can say of a message which part it was in.
  return words.every((word) => !isGood(word) && (refused === undefined || oneOf(word, refused)))
    ? 'refused'
    : 'strange';
}

/** Whether a word of an answer is one of a list, without white space around it, small and capital letters alike. */
export function oneOf(word: string, list: readonly string[]): boolean {
  const wanted = word.trim().toLowerCase();
  return list.some((each) => each.trim().toLowerCase() === wanted);
}

function flagError({ dialect, url }: Reader, answer: HttpAnswer, flag: 'absent' | 'strange'): DeliveryError {
  const { element = '' } = dialect.answer.success ?? {};
  if (flag === 'absent')
    return emptyError(url.host, answer, `the answer has no ${element}, which says whether it went well`);
  return soapFailure(
    'SOAP_SUCCESS_UNKNOWN',
    `${url.host}: ${element} holds a word that the dialect ${dialect.dialect} does not know`,
    { answer: answer.body },
  );
}

/** Every message gets the receiver's no: it speaks of the whole request. */
function refused(reader: Reader, got: Received, messages: number): Answer {
  const words = tidyWords(got.content.values.words?.join(' ') ?? got.text ?? '', reader.secrets);
  return outcomes(got, messages, {
    outcome: 'rejected',
    code: 'SOAP_SUCCESS_FALSE',
    words: words || 'the receiver refused the request',
  });
}

function inWords(reader: Reader, got: Received, messages: number, decided: 'delivered' | undefined): Answer {
  const outcome = decided ?? reader.dialect.batch.rules.unmentioned;
  // Read as words it would hide a plain no.
  if (outcome === 'delivered' && got.text !== undefined && holdsNo(got.text)) throw hiddenNo(reader, got);
  return outcomes(got, messages, { outcome, code: '', words: tidyWords(got.text ?? '', reader.secrets) });
}

function outcomes({ answer }: Received, messages: number, each: Omit<MessageOutcome, 'index'>): Answer {
  return {
    kind: 'outcomes',
    outcomes: Array.from({ length: messages }, (_, index) => ({ index, ...each })),
    raw: answer.body,
  };
}

/** The answer with an acknowledgement, as the engine takes it. */
export function acknowledgement(
  { secrets }: Reader,
  answer: HttpAnswer,
  text: string,
): Answer & { kind: 'acknowledgement' } {
  return { kind: 'acknowledgement', text: secrets.outOfAcknowledgement(text), raw: answer.body, status: answer.status };
}

const MAX_TICKET = 200;

/** The receiver took the request and answers later. @throws UncertainError where it gave no ticket that can be given back */
function later({ dialect, url, secrets }: Reader, { answer, content, text }: Received): Answer {
  const ticket = (content.values.ticket?.[0] ?? '').trim();
  if (ticket === '') throw emptyError(url.host, answer, `the answer has no ${dialect.answer.ticket ?? 'ticket'}`);
  if (ticket.length > MAX_TICKET || /[^\x20-\x7e]/.test(ticket)) {
    throw soapFailure('SOAP_TICKET_UNUSABLE', `${url.host}: the ticket cannot be given back`, { answer: answer.body });
  }
  const said =
    content.values.words?.join(' ') ?? (dialect.answer.element === dialect.answer.ticket ? '' : (text ?? ''));
  const every = dialect.status?.every;
  return {
    kind: 'later',
    ticket,
    words: tidyWords(said, secrets),
    raw: answer.body,
    status: answer.status,
    ...(every === undefined ? {} : { askAfterMs: every }),
  };
}

function emptyError(host: string, answer: HttpAnswer, what: string): DeliveryError {
  return soapFailure('SOAP_ANSWER_EMPTY', `${host}: ${what}`, { answer: answer.body });
}

/** A login page, or that of a proxy, is what stands at a wrong address. */
function page({ body }: HttpAnswer): string {
  const start = body.toString('latin1', 0, 200);
  return /^\W{0,20}(!doctype html|html)\b/i.test(start)
    ? '; it is a web page, so the url may be that of something else'
    : '';
}

export function unreadableError(unreadable: UnreadableAnswer, answer: HttpAnswer, host: string): DeliveryError {
  const packed = answer.headers['content-encoding'];
  const hint =
    typeof packed === 'string' && packed !== 'identity' ? '; it is compressed, which was not asked for' : page(answer);
  const code = unreadable.kind === 'charset' ? 'SOAP_ANSWER_CHARSET' : 'SOAP_ANSWER_NOT_XML';
  const why = answer.body.length === 0 ? 'it is empty' : `${unreadable.message}${hint}`;
  const message = `${host}: HTTP ${answer.status}, but the answer cannot be read: ${why}`;
  return soapFailure(code, message, { answer: answer.body });
}
