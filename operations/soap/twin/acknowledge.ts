/** Writes acknowledgements: a message gets MSH and MSA; a batch gets BHS, one of them for each message, and BTS. */
import type { Header, Message, Received } from './messages.ts';
import type { AckCode } from './sins.ts';

/** How a text is written: as it is, or as the content of an XML element. */
export interface Style {
  readonly cr: string;
  /** MSH-2. */
  readonly delimiters: string;
  write(text: string): string;
}

const MARKUP: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\r': '&#xD;',
  '\n': '&#xA;',
};

/** A text as the content of an XML element. A CR is written so that the reader gets a CR. */
export function escaped(text: string): string {
  return /[&<>\r\n]/.test(text) ? text.replace(/[&<>\r\n]/g, (character) => MARKUP[character] ?? '') : text;
}

/** As the content of an XML element. */
export const XML: Style = { cr: '&#xD;', delimiters: '^~\\&amp;', write: escaped };
/** As it is. */
export const PLAIN: Style = { cr: '\r', delimiters: '^~\\&', write: (text) => text };

/** One acknowledgement. */
export interface Ack {
  /** The message that it answers; `undefined` where there is none. */
  readonly message: Message | undefined;
  /** MSH-10 of its own, after the answer's id. */
  readonly place: number;
  readonly code: AckCode;
  /** MSA-2. */
  readonly reference: string;
  /** Number of ERR segments; those of a good code are warnings. */
  readonly errors: number;
}

/** An answer before it is written. */
export interface AckList {
  readonly acks: readonly Ack[];
  /** With an envelope around them. */
  readonly isBatch: boolean;
  readonly batch: Header | undefined;
  readonly batchId: string;
  /** BTS-1. */
  readonly count: number;
  /** Its own id: BHS-11, and the start of each MSH-10. */
  readonly id: string;
  readonly now: Date;
}

/** True where the message was taken. */
export function isPositive(code: AckCode): boolean {
  return code === 'AA' || code === 'CA';
}

/** The acknowledgements of everything that a request brought, all with this code or with that of their place. */
export function ackList(received: Received, codes: readonly AckCode[] | undefined, id: string, now: Date): AckList {
  const { messages, isBatch, batch, batchId } = received;
  const acks = messages.map((message, index): Ack => {
    const code = codes?.[index] ?? 'AA';
    const errors = isPositive(code) ? 0 : 1;
    return { message, place: index + 1, code, reference: message.controlId, errors };
  });
  return { acks, isBatch, batch, batchId, count: acks.length, id, now };
}

function timestamp(now: Date): string {
  return `${now.toISOString().replace(/\D/g, '').slice(0, 14)}+0000`;
}

/** Applications and facilities of a header, receiver first: who answers to whom. */
function answering(header: Header | undefined, style: Style): string {
  if (!header) return 'TWIN|WAYBILL||';
  return [5, 6, 3, 4].map((number) => style.write(header.field(number))).join('|');
}

/** The part of an acknowledgement around its own id, the same for messages with the same header. */
class AckHeads {
  readonly #style: Style;
  readonly #time: string;
  #last: Header | undefined;
  /** Fields 3 to 6, 9, and 11 to 12 of the last header. */
  #parties = '';
  #type = '';
  #version = '';
  #head = '';
  #tail = '';

  constructor(style: Style, time: string) {
    this.#style = style;
    this.#time = time;
    this.#turnTo(undefined);
  }

  write({ message, code, reference, errors }: Ack, id: string): string {
    const text = this.writePlain(message?.header, code, reference, id);
    return errors === 0 ? text : text + this.#errors(code, errors);
  }

  /** Without ERR. */
  writePlain(header: Header | undefined, code: AckCode, reference: string, id: string): string {
    if (!this.#isAlike(header)) this.#turnTo(header);
    return `${this.#head}${id}${this.#tail}${code}|${this.#style.write(reference)}${this.#style.cr}`;
  }

  #isAlike(header: Header | undefined): boolean {
    if (!header || !this.#last) return header === this.#last;
    return header.says(3, 6, this.#parties) && header.says(9, 9, this.#type) && header.says(11, 12, this.#version);
  }

  #turnTo(header: Header | undefined): void {
    const { cr, delimiters, write } = this.#style;
    const trigger = header?.field(9).split('^')[1] ?? '';
    const type = trigger === '' ? 'ACK' : `ACK^${write(trigger)}^ACK`;
    const [processing, version] = [header?.field(11) || 'P', header?.field(12) || '2.5.1'].map(write);
    this.#last = header;
    this.#parties = header?.fields(3, 6) ?? '';
    this.#type = header?.field(9) ?? '';
    this.#version = header?.fields(11, 12) ?? '';
    this.#head = `MSH|${delimiters}|${answering(header, this.#style)}|${this.#time}||${type}|`;
    this.#tail = `|${processing}|${version}${cr}MSA|`;
  }

  #errors(code: AckCode, count: number): string {
    const positive = isPositive(code);
    const words = positive ? 'the street was not found, the message was taken' : 'this receiver was told to refuse it';
    const condition = positive ? '0^Message accepted^HL70357|W' : '207^Application internal error^HL70357|E';
    return `ERR||PID^1^11|${condition}||||${words}${this.#style.cr}`.repeat(count);
  }
}

/** An answer as text. */
export function writeAcks(list: AckList, style: Style): string {
  const { acks, count, id, now } = list;
  const heads = new AckHeads(style, timestamp(now));
  let text = '';
  for (const ack of acks) text += heads.write(ack, `${id}-${ack.place}`);
  return inEnvelope(list, text, count, style);
}

/** The same for a request that was taken whole, without a list in between: the way of nearly every message. */
export function writeAllTaken(received: Received, id: string, now: Date, style: Style): string {
  const { messages } = received;
  const heads = new AckHeads(style, timestamp(now));
  let text = '';
  let place = 0;
  for (const { header, controlId } of messages) {
    place += 1;
    text += heads.writePlain(header, 'AA', controlId, `${id}-${place}`);
  }
  return inEnvelope({ ...received, id, now }, text, messages.length, style);
}

function inEnvelope(
  { isBatch, batch, batchId, id, now }: Pick<AckList, 'isBatch' | 'batch' | 'batchId' | 'id' | 'now'>,
  text: string,
  count: number,
  style: Style,
): string {
  if (!isBatch) return text;
  const { cr, delimiters, write } = style;
  const head = `BHS|${delimiters}|${answering(batch, style)}|${timestamp(now)}||||${id}|${write(batchId)}${cr}`;
  return `${head}${text}BTS|${count}${cr}`;
}

/** The one acknowledgement (AR) of a request that cannot be read, naming its batch where it has one. */
export function writeRefusal({ batchId, unreadable }: Received, id: string, now: Date, style: Style): string {
  const { cr, delimiters, write } = style;
  const { condition, words } = unreadable ?? { condition: '207^Application internal error', words: 'refused' };
  return (
    `MSH|${delimiters}|TWIN|WAYBILL|||${timestamp(now)}||ACK|${id}|P|2.5.1${cr}` +
    `MSA|AR|${write(batchId)}${cr}ERR||MSH^1|${condition}^HL70357|E||||${words}${cr}`
  );
}

/** What a receiver writes that reports to people. */
export function writeReport(list: AckList): string {
  const good = list.acks.filter(({ code }) => isPositive(code)).length;
  const all = list.acks.length;
  return `${all} messages received, ${good} accepted, ${all - good} rejected.`;
}
