/** Reads an HL7 text as a careful receiver does: takes it apart, and counts. */

/** The first twelve fields of a header segment (MSH, BHS, FHS), where the separator itself is field 1. */
export class Header {
  readonly #text: string;
  readonly #end: number;
  /** Offset of the separator before field n, at index n - 2. */
  readonly #before: number[] = [];

  constructor(text: string, start: number) {
    this.#text = text;
    this.#end = segmentEnd(text, start);
    const separator = text[start + 3] ?? '|';
    let at = start + 3;
    while (at >= 0 && at < this.#end && this.#before.length < 12) {
      this.#before.push(at);
      at = text.indexOf(separator, at + 1);
    }
  }

  field(number: number): string {
    return this.fields(number, number);
  }

  /** Several fields in a row, with the separators between them. */
  fields(first: number, last: number): string {
    const before = this.#before[first - 2];
    if (before === undefined) return '';
    return this.#text.slice(before + 1, this.#before[last - 1] ?? this.#end);
  }

  /** True where these fields say this, as `fields` would give it. */
  says(first: number, last: number, text: string): boolean {
    const before = this.#before[first - 2];
    if (before === undefined) return text === '';
    const end = this.#before[last - 1] ?? this.#end;
    return end - before - 1 === text.length && this.#text.startsWith(text, before + 1);
  }
}

export interface Message {
  /** MSH-10. */
  readonly controlId: string;
  readonly header: Header;
  /** The message as it came, with its segment ends. */
  readonly text: string;
}

/** What is wrong with a text as a whole: a condition of table 0357, and words. */
export interface Unreadable {
  readonly condition: string;
  readonly words: string;
}

/** What a request brought. */
export interface Received {
  readonly messages: readonly Message[];
  /** True where the text began with a batch or file envelope. */
  readonly isBatch: boolean;
  /** The batch's header, or that of the file. */
  readonly batch: Header | undefined;
  /** BHS-11; empty without a batch. */
  readonly batchId: string;
  /** Why nothing of it can be taken. */
  readonly unreadable: Unreadable | undefined;
}

/** Offset where the segment that begins at `start` ends: at its CR or the end of the text. */
function segmentEnd(text: string, start: number): number {
  const end = text.indexOf('\r', start);
  return end < 0 ? text.length : end;
}

/** Offsets at which the segments of these names begin, in order. */
function starts(text: string, name: string): readonly number[] {
  const found: number[] = text.startsWith(name) ? [0] : [];
  for (let at = text.indexOf(`\r${name}`); at >= 0; at = text.indexOf(`\r${name}`, at + 1)) found.push(at + 1);
  return found;
}

/** The offset where the messages end: the batch's or file's trailer, else the end of the text. */
function trailerStart(text: string): number {
  const trailers = [text.lastIndexOf('\rBTS'), text.lastIndexOf('\rFTS')].filter((at) => at >= 0);
  return trailers.length === 0 ? text.length : Math.min(...trailers) + 1;
}

/** BTS-1, or nothing. */
function announced(text: string): string {
  const bts = text.lastIndexOf('\rBTS');
  return bts < 0 ? '' : (text.slice(bts + 1, segmentEnd(text, bts + 1)).split('|')[1] ?? '');
}

/** Takes a message or a batch apart. What is no HL7, or a batch whose BTS-1 is not its number of messages, is unreadable. */
export function readMessages(given: string): Received {
  const text = given.includes('\n') ? given.replace(/\r?\n/g, '\r') : given;
  if (!/^(MSH|FHS|BHS)./.test(text)) {
    const words = 'the text begins with neither MSH, FHS nor BHS';
    const unreadable = { condition: '100^Segment sequence error', words };
    return { messages: [], isBatch: false, batch: undefined, batchId: '', unreadable };
  }
  const begins = starts(text, 'MSH');
  const isBatch = !text.startsWith('MSH');
  const batch = isBatch ? new Header(text, starts(text, 'BHS')[0] ?? 0) : undefined;
  const batchId = batch?.field(11) ?? '';
  const count = announced(text);
  if (count !== '' && Number(count) !== begins.length) {
    const unreadable = { condition: '102^Data type error', words: 'BTS-1 is not the number of messages' };
    return { messages: [], isBatch, batch, batchId, unreadable };
  }
  const last = trailerStart(text);
  const messages: Message[] = [];
  for (let i = 0; i < begins.length; i++) {
    const start = begins[i]!;
    const header = new Header(text, start);
    const end = begins[i + 1] ?? Math.max(last, start);
    messages.push({ controlId: header.field(10), header, text: text.slice(start, end) });
  }
  return { messages, isBatch, batch, batchId, unreadable: undefined };
}
