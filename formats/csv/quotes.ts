import { PlaceCounter } from '../text/charset.ts';

const QUOTE = 0x22;
const CR = 0x0d;
const LF = 0x0a;

/** Where a quote is wrong, and why, as the end of a sentence. */
export interface BadQuote {
  readonly line: number;
  readonly column: number;
  readonly what: string;
}

/**
 * Finds the quote at which strict CSV breaks off, in the bytes (UTF-8) from the last good row's end on.
 * @param line physical line at which the bytes begin, from 1
 */
export function findBadQuote(bytes: Buffer, delimiter: string, line: number): BadQuote {
  const mark = Buffer.from(delimiter);
  const isMark = (at: number) => bytes.subarray(at, at + mark.length).equals(mark);
  let fieldStart = true;
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === QUOTE && !fieldStart) return bad(bytes, at, line, 'a quote stands inside a field that is not quoted');
    if (byte === QUOTE) {
      const close = closingQuote(bytes, at + 1);
      if (close < 0) return bad(bytes, at, line, 'the quoted field that begins here is not closed');
      const next = bytes[close + 1];
      if (next !== undefined && next !== CR && next !== LF && !isMark(close + 1)) {
        const opened = placeIn(bytes, at, line);
        const what = `text follows the quote that closes the field begun at line ${opened.line}, column ${opened.column}`;
        return bad(bytes, close, line, what);
      }
      at = close + 1;
      fieldStart = false;
      continue;
    }
    const delimits = isMark(at);
    fieldStart = delimits || byte === CR || byte === LF;
    at += delimits ? mark.length : 1;
  }
  return bad(bytes, 0, line, 'the quotes of the row that begins here do not match');
}

/** Offset of the quote that ends a quoted field, or -1. A doubled quote is one of the text. */
function closingQuote(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(QUOTE, from);
  while (at >= 0 && bytes[at + 1] === QUOTE) at = bytes.indexOf(QUOTE, at + 2);
  return at;
}

function bad(bytes: Buffer, at: number, line: number, what: string): BadQuote {
  return { ...placeIn(bytes, at, line), what };
}

function placeIn(bytes: Buffer, at: number, line: number): { line: number; column: number } {
  const counter = new PlaceCounter(line);
  counter.add(bytes.subarray(0, at));
  return counter.place();
}
