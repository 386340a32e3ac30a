/** One call: build the request, exchange it, and say what the answer means. */
import type { Answer, Delivery } from '../../engine/contracts/operation.ts';
import { type DeliveryError, UncertainError } from '../../engine/errors.ts';
import { type AnswerContent, decodeAnswer, readAnswer, UnreadableAnswer } from './answer.ts';
import type { Dialect } from './dialect.ts';
import { type Frame, makeBody } from './envelope.ts';
import { brokenError, decidedByStatus, retryAfter, unexplainedStatus } from './failures.ts';
import { faultError, tidyWords } from './faults.ts';
import type { Secrets } from './secrets.ts';
import { BrokenExchange, type HttpAnswer, type Limits, type Transport } from './transport.ts';

export interface Sender {
  readonly url: URL;
  readonly dialect: Dialect;
  readonly frame: Frame;
  readonly limits: Limits;
  readonly transport: Transport;
  /** What must never be repeated out of an answer. */
  readonly secrets: Secrets;
}

/**
 * Sends a delivery once.
 * @throws DeliveryError of the class that says what the engine is to do.
 */
export async function send(sender: Sender, delivery: Delivery, signal: AbortSignal): Promise<Answer> {
  const { url, frame, limits, transport } = sender;
  const body = makeBody(frame, delivery);
  const answer = await transport
    .exchange(
      {
        method: 'POST',
        path: url.pathname + url.search,
        headers: frame.headers,
        body,
        onFirstByte: () => delivery.firstByte(),
        onLastByte: () => delivery.lastByte(),
      },
      signal,
    )
    .catch((error: unknown): never => {
      throw error instanceof BrokenExchange ? brokenError(error, url.host, limits) : error;
    });
  return understand(sender, answer, delivery.messages);
}

type Read = { readonly content: AnswerContent } | { readonly unreadable: UnreadableAnswer };

function read(answer: HttpAnswer, dialect: Dialect): Read {
  try {
    return { content: readAnswer(decodeAnswer(answer), dialect.answer.element) };
  } catch (error) {
    if (error instanceof UnreadableAnswer) return { unreadable: error };
    throw error;
  }
}

/**
 * What an answer means. The body has the word before the status: an acknowledgement in a 500 is one, a fault in a 200 is
 * one. Only statuses by which a receiver or a proxy refuses a request outright decide by themselves. What is kept of the
 * answer is without our credentials, should it repeat them.
 * @throws DeliveryError
 */
export function understand(sender: Sender, received: HttpAnswer, messages: number): Answer {
  const { url, dialect, secrets } = sender;
  const result = read(received, dialect);
  const answer = { ...received, body: secrets.outOfBytes(received.body) };
  const content: AnswerContent = 'content' in result ? result.content : {};
  const { fault, text } = content;
  const decided = decidedByStatus(answer, url, tidyWords(fault?.reason ?? '', secrets));
  if (decided) throw decided;
  if (fault) {
    const wait = retryAfter(answer, Date.now());
    throw faultError(fault, dialect, {
      host: url.host,
      answer: answer.body,
      secrets,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    });
  }
  const good = answer.status >= 200 && answer.status < 300;
  if (text !== undefined && (good || holdsAcknowledgement(text, dialect))) {
    return asAnswer(text, sender, answer, messages);
  }
  if (!good) throw unexplainedStatus(answer, url.host);
  if ('unreadable' in result) throw unreadableError(result.unreadable, answer, url.host);
  throw new UncertainError(
    'SOAP_ANSWER_EMPTY',
    `${url.host}: the answer has neither ${dialect.answer.element} nor a fault`,
    { answer: answer.body, whose: 'receiver' },
  );
}

/** An MSA segment with a code: enough to believe an answer whose status says that something went wrong. */
function holdsAcknowledgement(text: string, dialect: Dialect): boolean {
  return dialect.answer.content === 'hl7' && /(^|[\r\n])MSA.(AA|AE|AR|CA|CE|CR)/.test(text);
}

function asAnswer(text: string, { dialect, secrets, url }: Sender, answer: HttpAnswer, messages: number): Answer {
  const { content, unmentioned } = dialect.answer;
  if (content === 'text') {
    const outcome = { outcome: unmentioned, code: '', words: tidyWords(text, secrets) };
    return {
      kind: 'outcomes',
      outcomes: Array.from({ length: messages }, (_, index) => ({ index, ...outcome })),
      raw: answer.body,
    };
  }
  if (text.trim() === '') {
    throw new UncertainError('SOAP_ANSWER_EMPTY', `${url.host}: ${dialect.answer.element} is empty`, {
      answer: answer.body,
      whose: 'receiver',
    });
  }
  return { kind: 'acknowledgement', text: secrets.outOfAcknowledgement(text), raw: answer.body, status: answer.status };
}

function unreadableError(unreadable: UnreadableAnswer, answer: HttpAnswer, host: string): DeliveryError {
  const packed = answer.headers['content-encoding'];
  const hint = typeof packed === 'string' && packed !== 'identity' ? '; it is compressed, which was not asked for' : '';
  const code = unreadable.kind === 'charset' ? 'SOAP_ANSWER_CHARSET' : 'SOAP_ANSWER_NOT_XML';
  const message = `${host}: HTTP ${answer.status}, but the answer cannot be read: ${unreadable.message}${hint}`;
  return new UncertainError(code, message, { answer: answer.body, whose: 'receiver' });
}
