/** What a careful receiver does with an HL7 text: takes it apart, counts, and acknowledges each message. */

export interface Taken {
  readonly controlId: string;
  /** The message as it came, with its segment ends. */
  readonly text: string;
}

export interface Acknowledged {
  readonly taken: readonly Taken[];
  /** The answer as XML character data: already escaped. */
  readonly xml: string;
}

const CR = '&#xD;';
const DELIMITERS = '^~\\&amp;';

function escaped(text: string): string {
  if (!/[&<>\r\n]/.test(text)) return text;
  const markup: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': CR, '\n': '&#xA;' };
  return text.replace(/[&<>\r\n]/g, (character) => markup[character] ?? '');
}

/** The first twelve fields of a header segment (MSH, BHS, FHS), where the separator itself is field 1. */
class Header {
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
}

function timestamp(now: Date): string {
  return `${now.toISOString().replace(/\D/g, '').slice(0, 14)}+0000`;
}

function segmentEnd(text: string, start: number): number {
  const end = text.indexOf('\r', start);
  return end < 0 ? text.length : end;
}

/** The part of an acknowledgement before its control id, the same for messages with the same header. */
class AckHeads {
  readonly #time: string;
  #key = '';
  #head = '';
  #tail = '';

  constructor(time: string) {
    this.#time = time;
  }

  ack(header: Header, id: string, code: string, controlId: string): string {
    const key = `${header.fields(3, 6)}\r${header.field(9)}\r${header.fields(11, 12)}`;
    if (key !== this.#key) {
      const trigger = header.field(9).split('^')[1] ?? '';
      const type = trigger === '' ? 'ACK' : `ACK^${escaped(trigger)}^ACK`;
      this.#key = key;
      this.#head = `MSH|${DELIMITERS}|${answering(header)}|${this.#time}||${type}|`;
      this.#tail = `|${escaped(header.field(11) || 'P')}|${escaped(header.field(12) || '2.5.1')}${CR}MSA|`;
    }
    return `${this.#head}${id}${this.#tail}${code}|${escaped(controlId)}${CR}`;
  }
}

/** Applications and facilities of a header, receiver first: who answers to whom. */
function answering(header: Header): string {
  return [5, 6, 3, 4].map((number) => escaped(header.field(number))).join('|');
}

function refusal(time: string, id: string, reference: string, condition: string, words: string): string {
  return (
    `MSH|${DELIMITERS}|TWIN|WAYBILL|||${time}||ACK|${id}|P|2.5.1${CR}` +
    `MSA|AR|${escaped(reference)}${CR}ERR||MSH^1|${condition}^HL70357|E||||${words}${CR}`
  );
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

/**
 * Takes a message or a batch. A batch gets BHS, one MSH and MSA for each message, BTS; a message gets MSH and MSA; what is
 * no HL7, or a batch whose BTS-1 is not its number of messages, is refused as a whole (AR).
 */
export function acknowledge(given: string, request: number, now: Date): Acknowledged {
  const text = given.includes('\n') ? given.replace(/\r?\n/g, '\r') : given;
  const time = timestamp(now);
  const id = `T${request}`;
  if (!/^(MSH|FHS|BHS)./.test(text)) {
    return {
      taken: [],
      xml: refusal(time, id, '', '100^Segment sequence error', 'the text begins with neither MSH, FHS nor BHS'),
    };
  }
  const begins = starts(text, 'MSH');
  const last = trailerStart(text);
  const isBatch = !text.startsWith('MSH');
  const batch = isBatch ? new Header(text, starts(text, 'BHS')[0] ?? 0) : undefined;
  const batchId = batch?.field(11) ?? '';
  const bts = text.lastIndexOf('\rBTS');
  const announced = bts < 0 ? '' : (text.slice(bts + 1, segmentEnd(text, bts + 1)).split('|')[1] ?? '');
  if (announced !== '' && Number(announced) !== begins.length) {
    const words = 'BTS-1 is not the number of messages';
    return { taken: [], xml: refusal(time, id, batchId, '102^Data type error', words) };
  }
  const heads = new AckHeads(time);
  const taken: Taken[] = [];
  let xml = '';
  for (let i = 0; i < begins.length; i++) {
    const start = begins[i]!;
    const next = begins[i + 1] ?? Math.max(last, start);
    const header = new Header(text, start);
    const controlId = header.field(10);
    taken.push({ controlId, text: text.slice(start, next) });
    xml += heads.ack(header, `${id}-${i + 1}`, 'AA', controlId);
  }
  if (!batch) return { taken, xml };
  const envelope = `BHS|${DELIMITERS}|${answering(batch)}|${time}||||${id}|${escaped(batchId)}${CR}`;
  return { taken, xml: `${envelope}${xml}BTS|${begins.length}${CR}` };
}
