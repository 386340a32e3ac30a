import { endsWithMark } from './end-mark.ts';
import type { Framing } from './rows.ts';

const QUOTE = 0x22;
const CR = 0x0d;
const LF = 0x0a;

/** Where in a field a byte stands. */
const START = 0;
const PLAIN = 1;
const QUOTED = 2;
const CLOSED = 3;

/**
 * Counts the rows of sound CSV by its bytes alone, ten times as fast as the parser makes values of them. Whatever is not
 * plainly sound (a stray quote, an open end, anything too large) makes it give up: the parser has the word then. That both
 * count the same is a property that is tested.
 */
export class QuickCount {
  readonly #framing: Framing;
  readonly #delimiter: number;
  readonly #quote: number;
  #state = START;
  #afterCr = false;
  #rows = 0;
  #columns = 1;
  #offset = 0;
  #rowStart = 0;
  #fieldStart = 0;
  #empty = true;
  /** True where the last byte that is no line end is the mark of the end: the parser says whether it is a row. */
  #marked = false;

  /** True for the framings that can be counted: a delimiter of one byte, and quotes that are not relaxed. */
  static canRead(framing: Framing): boolean {
    return framing.quotes !== 'relaxed' && Buffer.byteLength(framing.delimiter) === 1;
  }

  constructor(framing: Framing) {
    this.#framing = framing;
    this.#delimiter = framing.delimiter.charCodeAt(0);
    this.#quote = framing.quotes === 'none' ? -1 : QUOTE;
  }

  /** False where it gives up. */
  feed(chunk: Buffer): boolean {
    const delimiter = this.#delimiter;
    const quote = this.#quote;
    let state = this.#state;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (state === QUOTED) {
        if (byte === quote) state = CLOSED;
      } else if (byte === delimiter) {
        this.#afterCr = false;
        this.#empty = false;
        this.#columns += 1;
        if (!this.#endField(at)) return false;
        state = START;
      } else if (byte === LF || byte === CR) {
        if (byte === LF && this.#afterCr) this.#begin(at);
        else if (!this.#endRow(at)) return false;
        this.#afterCr = byte === CR;
        state = START;
      } else if (byte === quote) {
        if (state === PLAIN) return false;
        this.#afterCr = false;
        this.#empty = false;
        state = QUOTED;
      } else if (state !== PLAIN) {
        if (state === CLOSED) return false;
        this.#afterCr = false;
        this.#empty = false;
        state = PLAIN;
      }
    }
    this.#marked = endsWithMark(chunk, this.#marked);
    this.#state = state;
    this.#offset += chunk.length;
    return this.#offset - this.#rowStart <= this.#framing.maxRecord;
  }

  /** Number of rows, or `undefined` where the end is not sound. */
  finish(): number | undefined {
    if (this.#marked || this.#state === QUOTED || !this.#endRow(0)) return undefined;
    return this.#rows;
  }

  #endField(at: number): boolean {
    const end = this.#offset + at;
    const sound = end - this.#fieldStart <= this.#framing.maxField;
    this.#fieldStart = end + 1;
    return sound;
  }

  #endRow(at: number): boolean {
    const sound =
      this.#endField(at) &&
      this.#columns <= this.#framing.maxColumns &&
      this.#offset + at - this.#rowStart <= this.#framing.maxRecord;
    if (!this.#empty) this.#rows += 1;
    this.#empty = true;
    this.#columns = 1;
    this.#begin(at);
    return sound;
  }

  /** A row begins after this byte. */
  #begin(at: number): void {
    this.#rowStart = this.#offset + at + 1;
    this.#fieldStart = this.#rowStart;
  }
}
