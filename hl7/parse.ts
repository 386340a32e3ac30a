import { WaybillError } from '../engine/errors.ts';
import { type Delimiters, delimitersOf, isHeader } from './delimiters.ts';
import { DELETE, type Escaper, escaperFor } from './escape.ts';
import { countRepetitions, rawField, rawPart, withField, withPart } from './parts.ts';
import { type Path, parsePath, parseSegmentPath, type SegmentPath } from './paths.ts';

/** One line of a message as it was read. `segment` is empty for a blank line and for one that is no segment. */
interface Line {
  readonly segment: string;
  text: string;
  /** Its line end: CR, LF, CRLF, or nothing at the end of the text. */
  readonly end: string;
}

const SEGMENT_NAME = /^[A-Z][A-Z0-9]{2}$/;

/** A segment of a message, for those who go through all of them. */
export interface SegmentView {
  readonly segment: string;
  /** Which of the segments of this name, from 1. */
  readonly occurrence: number;
  /** Physical line in the text, from 1. */
  readonly line: number;
  /** As it stands, without the line end. */
  readonly raw: string;
}

/**
 * Reads a message. It is looked at lazily, and what is not changed prints byte for byte: line ends (CR, LF, CRLF), blank
 * lines, Z segments, trailing separators and a byte order mark included. Delimiters are those that the first segment
 * declares (MSH, FHS or BHS).
 * @throws WaybillError HL7_NOT_A_MESSAGE or HL7_DELIMITERS_INVALID, with the line of the first segment.
 */
export function parseMessage(text: string): Message {
  const start = /^\uFEFF?[\r\n]*/.exec(text)?.[0].length ?? 0;
  try {
    return new Message(text, start, delimitersOf(text.slice(start, start + 10)));
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    const line = (text.slice(0, start).match(/\r\n|\r|\n/g)?.length ?? 0) + 1;
    throw new WaybillError(error.code, `line ${line}: ${error.message}`, { line, cause: error });
  }
}

/** A message that was read. Paths are texts (`PID-5.1`) or what `parsePath` made of one. */
export class Message {
  readonly delimiters: Delimiters;
  readonly #escaper: Escaper;
  readonly #text: string;
  /** Lines found so far; the rest of the text, from `#next` on, has not been looked at. */
  readonly #lines: Line[] = [];
  readonly #prefix: string;
  readonly #ends = { '\r': -1, '\n': -1 };
  #next: number;
  #changed = false;

  constructor(text: string, start: number, delimiters: Delimiters) {
    this.#text = text;
    this.#prefix = text.slice(0, start);
    this.#next = start;
    this.delimiters = delimiters;
    this.#escaper = escaperFor(delimiters);
  }

  /**
   * The text at a path, unescaped; empty where there is nothing. Of a field with components that is all of them, with
   * their separators: name a component to get one value, use `raw` to copy structure.
   */
  get(path: Path | string): string {
    const where = asPath(path);
    const raw = this.raw(where) ?? '';
    return isHeader(where.segment) && where.field <= 2 ? raw : this.#escaper.unescape(raw);
  }

  /** The text at a path as it stands; `undefined` where the message ends before it. */
  raw(path: Path | string): string | undefined {
    const where = asPath(path);
    const line = this.#find(where);
    const field = line && rawField(line.text, line.segment, where.field, this.delimiters);
    if (field === undefined) return undefined;
    // MSH-2 is made of separators, so it cannot be taken apart by them.
    if (isHeader(where.segment) && where.field <= 2) return where.component > 1 ? undefined : field;
    return rawPart(field, where, this.delimiters);
  }

  /** Whether the message says "remove what you have" there (`""`). */
  isDelete(path: Path | string): boolean {
    return this.raw(path) === DELETE;
  }

  /**
   * Writes a text, escaped. A segment that is not there is added at the end; a part that is not there is reached by
   * separators.
   * @throws WaybillError HL7_DELIMITERS_FIXED, HL7_DELIMITER_MISSING.
   */
  set(path: Path | string, text: string): void {
    this.setRaw(path, this.#escaper.escape(text));
  }

  /** Writes HL7 as it stands. @throws WaybillError as `set`. */
  setRaw(path: Path | string, raw: string): void {
    const where = asPath(path);
    const line = this.#find(where) ?? (raw === '' ? undefined : this.#add(where));
    if (!line) return;
    const field = rawField(line.text, line.segment, where.field, this.delimiters) ?? '';
    const changed = withPart(field, where, raw, this.delimiters);
    line.text = withField(line.text, line.segment, where.field, changed, this.delimiters);
    this.#changed = true;
  }

  /** Writes the explicit delete, `""`. */
  delete(path: Path | string): void {
    this.setRaw(path, DELETE);
  }

  /** Adds an empty segment at the end; `set` with its occurrence fills it. Returns its occurrence. */
  append(segment: string): number {
    const occurrence = this.count(segment) + 1;
    this.#add({ segment, occurrence });
    return occurrence;
  }

  /** Takes a segment out, with its line end. Returns whether it was there. */
  remove(segment: SegmentPath | string): boolean {
    const where = typeof segment === 'string' ? parseSegmentPath(segment) : segment;
    const line = this.#find(where);
    if (!line) return false;
    this.#lines.splice(this.#lines.indexOf(line), 1);
    this.#changed = true;
    return true;
  }

  /** Number of segments of this name. */
  count(segment: string): number {
    this.#readAll();
    return this.#lines.filter((line) => line.segment === segment).length;
  }

  /** Number of repetitions of a field; 0 where it is empty or not there. */
  repetitions(path: Path | string): number {
    const where = asPath(path);
    const field = this.raw({ ...where, repetition: 0, component: 0, subcomponent: 0 });
    return field === undefined ? 0 : countRepetitions(field, this.delimiters);
  }

  /** Every segment in turn; blank lines are passed over. */
  *segments(): IterableIterator<SegmentView> {
    this.#readAll();
    const seen = new Map<string, number>();
    let line = (this.#prefix.match(/\r\n|\r|\n/g)?.length ?? 0) + 1;
    for (const { segment, text } of this.#lines) {
      if (segment !== '') {
        const occurrence = (seen.get(segment) ?? 0) + 1;
        seen.set(segment, occurrence);
        yield { segment, occurrence, line, raw: text };
      }
      line++;
    }
  }

  /** The whole message as text. */
  print(): string {
    if (!this.#changed) return this.#text;
    let text = this.#prefix;
    for (const line of this.#lines) text += line.text + line.end;
    return text + this.#text.slice(this.#next);
  }

  #find(where: SegmentPath): Line | undefined {
    let left = where.occurrence || 1;
    for (let at = 0; ; at++) {
      const line = this.#lines[at] ?? this.#read();
      if (!line) return undefined;
      if (line.segment === where.segment && --left === 0) return line;
    }
  }

  #add({ segment, occurrence }: SegmentPath): Line {
    const missing = Math.max(1, (occurrence || 1) - this.count(segment));
    const last = this.#lines.at(-1);
    const end = this.#lines[0]?.end || '\r';
    if (last && last.end === '') this.#lines[this.#lines.length - 1] = { ...last, end };
    for (let n = 0; n < missing; n++) this.#lines.push({ segment, text: segment, end });
    this.#changed = true;
    return this.#lines[this.#lines.length - 1]!;
  }

  #readAll(): void {
    while (this.#read());
  }

  /** Takes the next line from what has not been looked at. */
  #read(): Line | undefined {
    const start = this.#next;
    if (start >= this.#text.length) return undefined;
    const stop = Math.min(this.#nextOf('\r', start), this.#nextOf('\n', start));
    const text = this.#text.slice(start, stop);
    const isCrLf = this.#text.startsWith('\r\n', stop);
    this.#next = Math.min(stop + (isCrLf ? 2 : 1), this.#text.length);
    const line = { segment: this.#segmentOf(text), text, end: this.#text.slice(stop, this.#next) };
    this.#lines.push(line);
    return line;
  }

  #segmentOf(text: string): string {
    if (text.length > 3 && text.charAt(3) !== this.delimiters.field) return '';
    const name = text.slice(0, 3);
    return SEGMENT_NAME.test(name) ? name : '';
  }

  /** Where a kind of line end comes next; remembered, so that the text is searched once for each. */
  #nextOf(lineEnd: '\r' | '\n', from: number): number {
    const known = this.#ends[lineEnd];
    if (known >= from) return known;
    const at = this.#text.indexOf(lineEnd, from);
    this.#ends[lineEnd] = at < 0 ? this.#text.length : at;
    return this.#ends[lineEnd];
  }
}

function asPath(path: Path | string): Path {
  return typeof path === 'string' ? parsePath(path) : path;
}
