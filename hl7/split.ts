import { WaybillError } from '../engine/errors.ts';

/**
 * Splits a stream of bytes into messages and envelope segments. Every byte is in exactly one part, so the parts in a row
 * are the input. Any charset in which ASCII stands for itself will do: nothing is decoded.
 */
export interface Part {
  /**
   * `message`: from MSH to the line before the next MSH or envelope segment, blank lines after it included. `FHS`, `BHS`,
   * `BTS`, `FTS`: that segment. `blank`: a byte order mark and blank lines before anything else. `stray`: text that belongs
   * to no message.
   */
  readonly kind: 'message' | 'FHS' | 'BHS' | 'BTS' | 'FTS' | 'blank' | 'stray';
  readonly bytes: Uint8Array;
  /** Offset of its first byte in the input. */
  readonly offset: number;
  /** Physical line on which it begins, from 1; CR, LF and CRLF each end one. */
  readonly line: number;
}

export interface SplitOptions {
  /** Longest part that is taken, in bytes; default 100 MB. */
  readonly maxPartBytes?: number;
}

const CR = 13;
const LF = 10;
const HEADERS = new Set(['MSH', 'FHS', 'BHS']);
const TRAILERS = new Set(['BTS', 'FTS']);

/** Takes chunks of any size and gives parts as they become complete. Chunks must not be changed afterwards. */
export class MessageSplitter {
  readonly #maxPartBytes: number;
  #kind: Part['kind'] = 'blank';
  #pieces: Uint8Array[] = [];
  #partBytes = 0;
  #partOffset = 0;
  #partLine = 1;
  /** Bytes at the start of a line that are too few to say what the line is. */
  #held: Uint8Array = new Uint8Array(0);
  #line = 1;
  #atLineStart = true;
  #afterCr = false;
  #atStart = true;
  #parts: Part[] = [];

  constructor(options: SplitOptions = {}) {
    this.#maxPartBytes = options.maxPartBytes ?? 100_000_000;
  }

  /** @throws WaybillError HL7_MESSAGE_TOO_LONG with the line on which the message begins. */
  push(chunk: Uint8Array): Part[] {
    return this.#take(chunk, false);
  }

  /** The parts that were still open. */
  end(): Part[] {
    const parts = this.#take(new Uint8Array(0), true);
    this.#close('blank');
    const last = this.#parts;
    this.#parts = [];
    return [...parts, ...last];
  }

  #take(chunk: Uint8Array, isLast: boolean): Part[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = new Uint8Array(0);
    const lineEnds = new LineEnds(bytes);
    let from = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#atLineStart) {
        const start = this.#lineStart(bytes, at, isLast);
        if (start === undefined) break;
        if (start.opens) {
          this.#keep(bytes.subarray(from, at));
          from = at;
          this.#close(start.opens);
        }
        at = start.next;
        if (this.#atLineStart) continue;
      }
      const end = lineEnds.next(at);
      if (end === undefined) {
        at = bytes.length;
        break;
      }
      this.#afterCr = bytes[end] === CR;
      this.#atLineStart = true;
      this.#line++;
      at = end + 1;
    }
    this.#keep(bytes.subarray(from, at));
    this.#held = bytes.subarray(at);
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  /**
   * Looks at the start of a line: what it opens, if anything, and where to go on. `undefined`: too few bytes to say.
   * An LF that completes a CR, and a blank line, leave the position at the start of a line.
   */
  #lineStart(bytes: Uint8Array, at: number, isLast: boolean): { opens?: Part['kind']; next: number } | undefined {
    const first = bytes[at]!;
    if (this.#afterCr && first === LF) {
      this.#afterCr = false;
      return { next: at + 1 };
    }
    const available = bytes.length - at;
    if (this.#atStart && first === 0xef && available < 3 && !isLast) return undefined;
    const isBom = this.#atStart && first === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf;
    this.#atStart = false;
    if (isBom) return { next: at + 3 };
    if (first === CR || first === LF) {
      this.#afterCr = first === CR;
      this.#line++;
      return { next: at + 1 };
    }
    if (available < 4 && !isLast && !hasLineEnd(bytes, at)) return undefined;
    this.#afterCr = false;
    this.#atLineStart = false;
    const kind = kindOf(bytes, at);
    if (kind) return { opens: kind, next: at };
    // A segment that is no envelope goes to the message before it; anywhere else it belongs to no message.
    if (this.#kind === 'message' || this.#kind === 'stray') return { next: at };
    return { opens: 'stray', next: at };
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#partBytes += bytes.length;
    if (this.#partBytes > this.#maxPartBytes) {
      throw new WaybillError(
        'HL7_MESSAGE_TOO_LONG',
        `the message that begins on line ${this.#partLine} is longer than ${this.#maxPartBytes} bytes`,
        { line: this.#partLine },
      );
    }
    this.#pieces.push(bytes);
  }

  /** Ends the part at hand and begins the next where the position is now. */
  #close(next: Part['kind']): void {
    if (this.#partBytes > 0) {
      const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
      this.#parts.push({ kind: this.#kind, bytes, offset: this.#partOffset, line: this.#partLine });
    }
    this.#partOffset += this.#partBytes;
    this.#partBytes = 0;
    this.#pieces = [];
    this.#kind = next;
    this.#partLine = this.#line;
  }
}

/** Every part of a text that is there as a whole. @throws WaybillError HL7_MESSAGE_TOO_LONG. */
export function splitMessages(bytes: Uint8Array, options: SplitOptions = {}): Part[] {
  const splitter = new MessageSplitter(options);
  return [...splitter.push(bytes), ...splitter.end()];
}

/** Finds line ends in one chunk; each kind is searched for once. */
class LineEnds {
  readonly #bytes: Uint8Array;
  #cr = -1;
  #lf = -1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(from: number): number | undefined {
    if (this.#cr < from) this.#cr = this.#find(CR, from);
    if (this.#lf < from) this.#lf = this.#find(LF, from);
    const at = Math.min(this.#cr, this.#lf);
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  #find(byte: number, from: number): number {
    const at = this.#bytes.indexOf(byte, from);
    return at < 0 ? Number.POSITIVE_INFINITY : at;
  }
}

function hasLineEnd(bytes: Uint8Array, at: number): boolean {
  return bytes.indexOf(CR, at) >= 0 || bytes.indexOf(LF, at) >= 0;
}

/** What a line opens by its first four bytes: a header wants a separator after its name, a trailer may end there. */
function kindOf(bytes: Uint8Array, at: number): Part['kind'] | undefined {
  const name = String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0);
  const fourth = bytes[at + 3];
  if (HEADERS.has(name) && fourth !== undefined && isSeparator(fourth)) {
    return name === 'MSH' ? 'message' : (name as 'FHS' | 'BHS');
  }
  const ends = fourth === undefined || fourth === CR || fourth === LF;
  if (TRAILERS.has(name) && (ends || isSeparator(fourth))) return name as 'BTS' | 'FTS';
  return undefined;
}

/** Not a letter, a digit, a space or a line end. */
function isSeparator(byte: number): boolean {
  const isDigit = byte >= 48 && byte <= 57;
  const isLetter = (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
  return byte !== CR && byte !== LF && byte !== 32 && byte !== 9 && !isDigit && !isLetter;
}
