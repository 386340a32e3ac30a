/** Requests that bring messages, and those that ask what became of them. */
import { randomBytes } from 'node:crypto';
import type { Dialect } from '../dialect.ts';
import {
  type Ack,
  type AckList,
  ackList,
  isPositive,
  PLAIN,
  writeAcks,
  writeAllTaken,
  writeRefusal,
  writeReport,
  XML,
} from './acknowledge.ts';
import { decide, reword, STRANGER } from './decide.ts';
import { asXml, formReply, formText, needsPlainText } from './forms.ts';
import type { Memory, Ticket } from './memory.ts';
import type { Received } from './messages.ts';
import type { Plan } from './plan.ts';
import type { Parts, Replies, Reply } from './reply.ts';
import type { SoapRequest } from './request.ts';
import type { AckCode } from './sins.ts';

/** A request that brings messages. */
export interface Submission {
  readonly request: number;
  readonly now: Date;
  readonly plan: Plan;
  readonly soap: SoapRequest;
  readonly received: Received;
  /** Of its body. */
  readonly bytes: number;
}

interface Result {
  readonly reply: Reply;
  readonly refused: boolean;
  readonly asked?: string;
}

/** The text of an answer: as it is where a form needs it so, and as XML. */
interface Written {
  readonly plain: string;
  readonly xml: string;
}

type Encoding = Dialect['answer']['encoding'];

function encoded(text: string, encoding: Encoding): string {
  if (encoding === 'base64') return Buffer.from(text).toString('base64');
  return encoding === 'url' ? encodeURIComponent(text) : text;
}

/** A text written as the dialect and the sins of the request have it. */
function written(write: (style: typeof PLAIN) => string, encoding: Encoding, plan: Plan): Written {
  if (encoding === 'text' && !needsPlainText(plan)) return { plain: '', xml: write(XML) };
  const plain = formText(write(PLAIN), plan);
  return { plain, xml: asXml(encoded(plain, encoding), plan) };
}

export class Submissions {
  readonly #dialect: Dialect;
  readonly #replies: Replies;
  readonly #memory: Memory;
  readonly #seed: number;
  /** The last whole answer; its text holds no part of a request. */
  #previous: Reply | undefined;

  constructor(dialect: Dialect, replies: Replies, memory: Memory, seed: number) {
    this.#dialect = dialect;
    this.#replies = replies;
    this.#memory = memory;
    this.#seed = seed;
  }

  /** Decides about the messages of a request, takes what is to be taken, and answers. */
  take(submission: Submission): Result {
    const { request, plan, soap, received } = submission;
    const announced = this.#announced(soap, received);
    if (announced !== undefined) return { reply: this.#replies.fault('Sender', announced), refused: true };
    const large = this.#tooLarge(submission);
    if (large) return { reply: large, refused: true };
    if (received.unreadable) return this.#refuse(submission);
    const { answer } = this.#dialect;
    const together = answer.success !== undefined;
    const codes = decide(received.messages, plan, (id) => this.#memory.wasTaken(id), together);
    const ticket = answer.ticket === undefined ? undefined : `TWIN-${request}-${randomBytes(4).toString('hex')}`;
    this.#memory.take(request, received, codes, ticket);
    const result = this.#answer(submission, codes, ticket);
    const previous = this.#previous;
    this.#previous = result.reply;
    return previous && plan.commit('previous-answer') ? { ...result, reply: previous } : result;
  }

  #answer(submission: Submission, codes: readonly AckCode[] | undefined, ticket: string | undefined): Result {
    const { request, now, plan, received } = submission;
    const { answer, batch } = this.#dialect;
    const id = `T${request}`;
    if (plan.isGood && answer.content === 'hl7' && batch.answers === 'each') {
      const text = written((style) => writeAllTaken(received, id, now, style), answer.encoding, plan);
      return { reply: this.#whole(text, true, '', ticket, plan), refused: false };
    }
    const decided = ackList(received, codes, id, now);
    const refused = decided.acks.length > 0 && decided.acks.every(({ code }) => !isPositive(code));
    const told = batch.answers === 'errorsOnly' ? onlyErrors(decided) : decided;
    const list = plan.isGood ? told : this.#reworded(told, submission);
    return { reply: this.#reply(list, refused, submission, ticket), refused };
  }

  #reworded(list: AckList, { plan, request }: Submission): AckList {
    // Where there was no answer before, it is one about a message of another sender.
    if (this.#previous || !plan.commit('previous-answer')) return reword(list, plan, this.#seed, request);
    const [first] = list.acks;
    return { ...list, acks: first ? [{ ...first, reference: STRANGER }] : [], count: first ? 1 : 0 };
  }

  /** What the request says of itself and does not hold. */
  #announced({ values }: SoapRequest, { messages }: Received): string | undefined {
    for (const { child, text } of values) {
      if (child.from === 'messages' && Number(text) !== messages.length)
        return `${child.element} is not the number of messages`;
    }
    return undefined;
  }

  #tooLarge({ plan, received, bytes }: Submission): Reply | undefined {
    const { maxMessages = Number.POSITIVE_INFINITY, maxBytes } = this.#dialect.batch;
    const count = received.messages.length;
    const size = maxBytes === undefined ? bytes : sizeOf(received);
    if (count > maxMessages || size > (maxBytes ?? Number.POSITIVE_INFINITY))
      return this.#replies.tooLarge(size, maxBytes, 'fault');
    if (plan.isGood) return undefined;
    const one = plan.look('one-message');
    if (one && count > 1) {
      plan.commit('one-message');
      return this.#replies.tooLarge(bytes, undefined, one.answer);
    }
    const limit = plan.look('too-large');
    if (!limit) return undefined;
    const { messages = Number.POSITIVE_INFINITY, bytes: most = Number.POSITIVE_INFINITY } = limit;
    if (count <= messages && bytes <= most) return undefined;
    plan.commit('too-large');
    return this.#replies.tooLarge(bytes, limit.bytes, limit.answer);
  }

  #refuse({ request, now, plan, received }: Submission): Result {
    const { content, encoding } = this.#dialect.answer;
    const words = received.unreadable?.words ?? '';
    const text = written(
      (style) => (content === 'hl7' ? writeRefusal(received, `T${request}`, now, style) : style.write(words)),
      encoding,
      plan,
    );
    return { reply: this.#whole(text, false, words, undefined, plan), refused: true };
  }

  #reply(list: AckList, refused: boolean, { plan }: Submission, ticket: string | undefined): Reply {
    const { content, encoding } = this.#dialect.answer;
    const isReport = content === 'text' || plan.commit('report') !== undefined;
    const report = plan.look('success-false')?.words ?? writeReport(list);
    const text = written((style) => (isReport ? style.write(report) : writeAcks(list, style)), encoding, plan);
    return this.#whole(text, !refused, report, ticket, plan);
  }

  /** The whole answer, with a flag and a ticket where the dialect has them. */
  #whole({ plain, xml }: Written, good: boolean, words: string, ticket: string | undefined, plan: Plan): Reply {
    const { request, namespace, answer } = this.#dialect;
    const { success } = answer;
    const flag = success && (good ? success.equals[0] : (success.refused?.[0] ?? 'false'));
    const text =
      ticket === undefined ? { path: answer.element, xml } : { path: answer.ticket ?? '', xml: XML.write(ticket) };
    const parts: Parts = [
      text,
      ...(success ? [{ path: success.element, xml: XML.write(flag ?? '') }] : []),
      ...(answer.words !== undefined && answer.words !== answer.element
        ? [{ path: answer.words, xml: XML.write(words) }]
        : []),
    ];
    const reply = this.#replies.good(request.element, namespace, parts);
    return plan.isGood ? reply : formReply(reply, plain, plan);
  }
}

/** Bytes of the messages, in UTF-8. */
function sizeOf({ messages }: Received): number {
  return messages.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
}

/** Acknowledges only what was not taken; an empty batch means that everything was. */
function onlyErrors(list: AckList): AckList {
  if (!list.isBatch) return list;
  const acks = list.acks.filter(({ code }) => !isPositive(code));
  return { ...list, acks, count: acks.length };
}

interface Books {
  readonly dialect: Dialect;
  readonly replies: Replies;
  readonly memory: Memory;
}

/** What was decided, under a ticket or about one control id. */
function known({ memory }: Books, by: 'ticket' | 'controlId', name: string): Ticket | undefined {
  if (by === 'ticket') return memory.ticket(name);
  const code = memory.codeOf(name);
  return code && { batchId: '', isBatch: false, verdicts: [[name, code]] };
}

/** Answers a status query from what was taken. */
export function answerStatus(
  books: Books,
  soap: SoapRequest,
  plan: Plan,
  { request, now }: { readonly request: number; readonly now: Date },
): Result {
  const { dialect, replies, memory } = books;
  const { status } = dialect;
  const about = soap.values.find(({ child }) => child.from === 'ticket' || child.from === 'controlId')?.text ?? '';
  if (!status) return { reply: replies.unsupported(), refused: true };
  const asks = memory.timesAsked(about);
  const still = plan.look('still-working');
  const ticket = plan.commit('unknown-ticket') ? undefined : known(books, status.by, about);
  const waits = ticket !== undefined && still !== undefined && asks <= still.asks;
  if (waits) plan.commit('still-working');
  const { states, state, answer, words } = status;
  if (!ticket && state === undefined)
    return { reply: replies.fault('Sender', 'nothing is known of it'), refused: true, asked: about };
  const good = ticket?.verdicts.every(([, code]) => isPositive(code)) ?? false;
  const done =
    answer?.content === 'hl7'
      ? (states.done[0] ?? states.delivered[0])
      : good
        ? states.delivered[0]
        : states.rejected[0];
  const word = !ticket ? states.unknown[0] : waits ? states.working[0] : done;
  const verdict = ticket && !waits ? verdictText(ticket, `T${request}`, now, answer, plan) : { plain: '', xml: '' };
  const parts: Parts = [
    ...(answer ? [{ path: answer.element, xml: verdict.xml }] : []),
    ...(state === undefined ? [] : [{ path: state, xml: XML.write(word ?? '') }]),
    ...(words === undefined ? [] : [{ path: words, xml: XML.write(said(ticket, waits)) }]),
  ];
  const reply = replies.good(status.request.element, status.namespace, parts);
  return { reply: plan.isGood ? reply : formReply(reply, verdict.plain, plan), refused: false, asked: about };
}

function said(ticket: Ticket | undefined, waits: boolean): string {
  if (!ticket) return 'nothing is known of it';
  return waits ? 'it was not looked at yet' : 'it was looked at';
}

type Place = NonNullable<NonNullable<Dialect['status']>['answer']>;

function verdictText(ticket: Ticket, id: string, now: Date, place: Place | undefined, plan: Plan): Written {
  const list: AckList = {
    acks: ticket.verdicts.map(([reference, code], index): Ack => ackOf(reference, code, index + 1)),
    isBatch: ticket.isBatch,
    batch: undefined,
    batchId: ticket.batchId,
    count: ticket.verdicts.length,
    id,
    now,
  };
  const worded = reword(list, plan, 1, list.count);
  return written(
    (style) => (place?.content === 'text' ? style.write(writeReport(worded)) : writeAcks(worded, style)),
    place?.encoding ?? 'text',
    plan,
  );
}

function ackOf(reference: string, code: AckCode, place: number): Ack {
  return { message: undefined, place, code, reference, errors: isPositive(code) ? 0 : 1 };
}
