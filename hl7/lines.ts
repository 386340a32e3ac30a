/** Looking at the lines of a message in bytes, without decoding it. Any charset in which ASCII stands for itself will do. */

const CR = 13;
const LF = 10;
/** Tab, space, and the mark that DOS puts behind the end of a text (Ctrl-Z). */
const BLANKS = new Set([9, 26, 32]);

/** One physical line: `start` to `end` is its text, `next` is where the line after it begins. */
export interface ByteLine {
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

/** Goes through the lines of a text, each ended by CR, LF, CRLF or the end of the text. A visit that gives false ends it. */
export function eachLine(bytes: Uint8Array, visit: (line: ByteLine) => boolean | undefined): void {
  const places = { cr: -1, lf: -1 };
  let start = 0;
  while (start < bytes.length) {
    if (places.cr < start) places.cr = placeOf(bytes, CR, start);
    if (places.lf < start) places.lf = placeOf(bytes, LF, start);
    const end = Math.min(places.cr, places.lf);
    const isCrLf = places.lf === end + 1 && places.cr === end;
    const next = Math.min(end + (isCrLf ? 2 : 1), bytes.length);
    if (visit({ start, end, next }) === false) return;
    start = next;
  }
}

function placeOf(bytes: Uint8Array, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at < 0 ? bytes.length : at;
}

/** Whether a line has nothing in it but spaces, tabs and marks of the end of a text. */
export function isBlankLine(bytes: Uint8Array, { start, end }: Pick<ByteLine, 'start' | 'end'>): boolean {
  for (let at = start; at < end; at++) if (!BLANKS.has(bytes[at]!)) return false;
  return true;
}

/** Whether a line begins as a segment does: three characters of a name, then the separator or the end of the line. */
function isSegmentLine(bytes: Uint8Array, { start, end }: ByteLine, separator: number): boolean {
  if (end - start < 3) return false;
  const [first, second, third] = [bytes[start]!, bytes[start + 1]!, bytes[start + 2]!];
  if (!isCapital(first) || !isNameByte(second) || !isNameByte(third)) return false;
  return end - start === 3 || bytes[start + 3] === separator;
}

function isCapital(byte: number): boolean {
  return byte >= 65 && byte <= 90;
}

function isNameByte(byte: number): boolean {
  return isCapital(byte) || (byte >= 48 && byte <= 57);
}

/** What the bytes of a message look like, line by line. */
export interface MessageShape {
  /** Physical lines of the part, blank ones included. */
  readonly lines: number;
  /** The last line that is not blank, counted from 1. */
  readonly lastLine: number;
  /** Offset just after that line, its line end included. */
  readonly end: number;
  /** True where it is sent on as it stands: each segment ends with CR alone, and there are no blank lines up to `end`. */
  readonly isCanonical: boolean;
  /** Lines that are not blank. */
  readonly segments: number;
  /** Lines (from 1) that are neither blank nor a segment, at most `MANY_BROKEN_LINES`. */
  readonly broken: readonly number[];
}

/** So many broken lines of one message are told of. */
const MANY_BROKEN_LINES = 20;

/** Looks at a message from its MSH on. */
export function shapeOf(bytes: Uint8Array): MessageShape {
  const separator = bytes[3] ?? 0;
  const broken: number[] = [];
  const shape = { lines: 0, lastLine: 0, end: 0, segments: 0, isCanonical: true };
  eachLine(bytes, (line) => {
    shape.lines += 1;
    if (isBlankLine(bytes, line)) return true;
    if (shape.lastLine < shape.lines - 1) shape.isCanonical = false;
    if (!(bytes[line.end] === CR && line.next === line.end + 1)) shape.isCanonical = false;
    shape.segments += 1;
    shape.lastLine = shape.lines;
    shape.end = line.next;
    if (broken.length < MANY_BROKEN_LINES && !isSegmentLine(bytes, line, separator)) broken.push(shape.lines);
    return true;
  });
  return { ...shape, broken };
}

/** The message as HL7 2.x is sent: every segment ends with CR, blank lines are left out. Uncopied where it is so already. */
export function withCrEnds(bytes: Uint8Array, shape: MessageShape): Uint8Array {
  if (shape.isCanonical) return bytes.subarray(0, shape.end);
  const sent = Buffer.allocUnsafeSlow(shape.end + 1);
  let length = 0;
  eachLine(bytes, (line) => {
    if (isBlankLine(bytes, line)) return true;
    sent.set(bytes.subarray(line.start, line.end), length);
    length += line.end - line.start;
    sent[length] = CR;
    length += 1;
    return true;
  });
  return sent.subarray(0, length);
}
