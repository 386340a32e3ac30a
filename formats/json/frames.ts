/** Finds objects in a stream of JSON: an array of them, one alone, or one after the other (NDJSON). */
import { RefusedError } from '../../engine/errors.ts';
import { JSON_ERRORS } from './errors.ts';

/** One object as it stands. */
export interface Frame {
  readonly bytes: Uint8Array;
  /** Offset of its first byte in the source, and of the byte after it. */
  readonly offset: number;
  readonly end: number;
  /** Physical lines of its first and last byte, from 1. */
  readonly line: number;
  readonly lastLine: number;
  /** Column of its first byte, from 1, in characters. */
  readonly column: number;
}

export interface FrameLimits {
  readonly maxItemBytes: number;
  readonly maxDepth: number;
}

/** `array`: between the brackets of one array. `values`: objects with white space between them, or nothing. */
export type Shape = 'array' | 'values';

/** Where a framer begins: at the start of the source, or behind an object. */
export interface Start {
  readonly cursor: number;
  readonly lines: number;
  /** Given when the framer begins behind an object. */
  readonly shape?: Shape;
}

const [TAB, LF, CR, SPACE, QUOTE, COMMA, BACKSLASH] = [9, 10, 13, 32, 34, 44, 92];
const [LIST, LIST_END, OBJECT, OBJECT_END] = [91, 93, 123, 125];

/** What may come next outside of objects. */
type Expected = 'start' | 'firstOrEnd' | 'item' | 'commaOrEnd' | 'value' | 'nothing';

/** Takes UTF-8 in chunks of any size. Only brackets and quotes are looked at: what is in an object is its parser's. */
export class JsonFramer {
  readonly #limits: FrameLimits;
  #expected: Expected;
  #offset: number;
  #line: number;
  #column = 1;
  #afterCr = false;
  #depth = 0;
  #inText = false;
  #escaped = false;
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #begin = { offset: 0, line: 0, column: 0 };
  #frames: Frame[] = [];

  constructor(limits: FrameLimits, start: Start) {
    this.#limits = limits;
    this.#offset = start.cursor;
    this.#line = start.lines + 1;
    this.#expected = start.shape === undefined ? 'start' : start.shape === 'array' ? 'commaOrEnd' : 'value';
  }

  /** Known once the first character has been seen. */
  get shape(): Shape {
    return this.#expected === 'value' || this.#expected === 'start' ? 'values' : 'array';
  }

  /** The objects that end in this chunk. @throws RefusedError with line and column */
  feed(chunk: Uint8Array): Frame[] {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#depth > 0) {
        this.#inside(byte);
        if (this.#depth === 0) {
          this.#keep(chunk.subarray(from, at + 1));
          this.#advance(byte);
          this.#close();
          continue;
        }
      } else if (this.#between(byte)) from = at;
      this.#advance(byte);
    }
    if (this.#depth > 0) this.#keep(chunk.subarray(from));
    const frames = this.#frames;
    this.#frames = [];
    return frames;
  }

  /** The end of the source. @throws RefusedError JSON_EMPTY, JSON_BROKEN */
  finish(): void {
    if (this.#expected === 'start')
      throw new RefusedError('JSON_EMPTY', `there is nothing in the input. ${JSON_ERRORS.JSON_EMPTY.cure}`, {
        line: 1,
      });
    if (this.#depth > 0) throw this.#broken('the input ends inside an object', this.#begin);
    if (this.#expected !== 'value' && this.#expected !== 'nothing') throw this.#broken('the array is not closed');
  }

  /** A byte of an object. */
  #inside(byte: number): void {
    if (this.#inText) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inText = false;
      return;
    }
    if (byte === QUOTE) this.#inText = true;
    else if (byte === OBJECT || byte === LIST) this.#deeper();
    else if (byte === OBJECT_END || byte === LIST_END) this.#depth -= 1;
  }

  #deeper(): void {
    this.#depth += 1;
    if (this.#depth <= this.#limits.maxDepth) return;
    throw this.#refusal('JSON_TOO_DEEP', `there are more than ${this.#limits.maxDepth} levels`, this.#here());
  }

  /** A byte between objects. @returns whether an object begins with it */
  #between(byte: number): boolean {
    if (byte === SPACE || byte === TAB || byte === LF || byte === CR) return false;
    if (byte === OBJECT && this.#mayBegin()) {
      this.#begin = this.#here();
      this.#depth = 1;
      return true;
    }
    if (byte === LIST && this.#expected === 'start') this.#expected = 'firstOrEnd';
    else if (byte === COMMA && this.#expected === 'commaOrEnd') this.#expected = 'item';
    else if (byte === LIST_END && (this.#expected === 'commaOrEnd' || this.#expected === 'firstOrEnd'))
      this.#expected = 'nothing';
    else throw this.#unexpected();
    return false;
  }

  #mayBegin(): boolean {
    if (this.#expected === 'start') this.#expected = 'value';
    return this.#expected === 'value' || this.#expected === 'item' || this.#expected === 'firstOrEnd';
  }

  #unexpected(): RefusedError {
    const wantsItem = this.#expected === 'item' || this.#expected === 'firstOrEnd';
    if (wantsItem) return this.#refusal('JSON_NOT_OBJECT', 'this is not an object', this.#here());
    if (this.#expected === 'start' || this.#expected === 'value')
      return this.#broken('an object or an array of objects was expected');
    return this.#broken(this.#expected === 'nothing' ? 'something stands behind the array' : 'a comma is missing');
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieceBytes += bytes.length;
    if (this.#pieceBytes > this.#limits.maxItemBytes) {
      const what = `the object is larger than ${this.#limits.maxItemBytes} bytes`;
      throw this.#refusal('JSON_TOO_LARGE', what, this.#begin);
    }
    this.#pieces.push(bytes);
  }

  #close(): void {
    const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    this.#frames.push({ bytes, ...this.#begin, end: this.#offset, lastLine: this.#line });
    this.#pieces = [];
    this.#pieceBytes = 0;
    if (this.#expected !== 'value') this.#expected = 'commaOrEnd';
  }

  #advance(byte: number): void {
    this.#offset += 1;
    const secondOfCrLf = byte === LF && this.#afterCr;
    this.#afterCr = byte === CR;
    if (secondOfCrLf) return;
    if (byte === LF || byte === CR) {
      this.#line += 1;
      this.#column = 1;
    } else if ((byte & 0xc0) !== 0x80) this.#column += 1;
  }

  #here(): { offset: number; line: number; column: number } {
    return { offset: this.#offset, line: this.#line, column: this.#column };
  }

  #broken(what: string, place: { line: number; column: number } = this.#here()): RefusedError {
    return this.#refusal('JSON_BROKEN', what, place);
  }

  #refusal(code: keyof typeof JSON_ERRORS, what: string, place: { line: number; column: number }): RefusedError {
    const { line, column } = place;
    const message = `line ${line}, column ${column}: ${what}. ${JSON_ERRORS[code].cure}`;
    return new RefusedError(code, message, { line, column });
  }
}
