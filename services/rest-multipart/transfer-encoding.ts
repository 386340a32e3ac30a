import { refusal } from './errors.ts';
import type { PartHeader } from './part-header.ts';

/** Longest run of blanks before a line end that quoted-printable may have (its lines have at most 998 bytes, RFC 5322). */
const MOST_BLANKS = 998;

/**
 * The content of a part with its transfer encoding undone, by streaming.
 * @throws UploadError where it is not what the encoding allows: nothing is dropped or guessed.
 */
export function decodeTransfer(
  body: AsyncIterable<Buffer>,
  { encoding, number }: Pick<PartHeader, 'encoding' | 'number'>,
): AsyncIterable<Buffer> {
  if (encoding === 'base64') return decodeBase64(body, number);
  if (encoding === 'quoted-printable') return decodeQuotedPrintable(body, number);
  return body;
}

/** RFC 2045, 6.8; blanks and line ends anywhere, padding as the length wants it, nothing after it. */
async function* decodeBase64(body: AsyncIterable<Buffer>, number: number): AsyncGenerator<Buffer> {
  let carry = '';
  for await (const chunk of body) {
    const text = carry + chunk.toString('latin1').replace(/[ \t\r\n]+/g, '');
    const whole = text.length - (text.length % 4);
    // The last four stay behind: only they may hold padding.
    const end = whole === text.length ? Math.max(0, whole - 4) : whole;
    if (!/^[A-Za-z0-9+/]*$/.test(text.slice(0, end))) throw notBase64(number);
    if (end > 0) yield Buffer.from(text.slice(0, end), 'base64');
    carry = text.slice(end);
  }
  if (carry === '') return;
  const last = Buffer.from(carry, 'base64');
  if (carry.length !== 4 || last.toString('base64') !== carry) throw notBase64(number);
  yield last;
}

/** RFC 2045, 6.7: `=XX` is a byte, `=` at the end of a line joins it with the next, blanks before a line end go. */
async function* decodeQuotedPrintable(body: AsyncIterable<Buffer>, number: number): AsyncGenerator<Buffer> {
  let carry = '';
  for await (const chunk of body) {
    const text = carry + chunk.toString('latin1');
    const end = settledEnd(text);
    if (text.length - end > MOST_BLANKS) throw notQuotedPrintable(number);
    if (end > 0) yield quotedPrintable(text.slice(0, end), number);
    carry = text.slice(end);
  }
  // The line end after the last line belongs to the boundary: blanks before it go, and so does a `=` that joins.
  const last = quotedPrintable(carry.replace(/=?[ \t]*$/, ''), number);
  if (last.length > 0) yield last;
}

/** Where the characters begin whose meaning depends on what follows: an escape begun, or blanks and half a line end. */
function settledEnd(text: string): number {
  const mark = text.lastIndexOf('=');
  if (mark !== -1 && /^=[0-9A-Fa-f]?$/.test(text.slice(mark, mark + 3))) return mark;
  let end = text.length;
  if (text[end - 1] === '\r') end -= 1;
  while (text[end - 1] === ' ' || text[end - 1] === '\t') end -= 1;
  return text[end - 1] === '=' ? end - 1 : end;
}

function quotedPrintable(text: string, number: number): Buffer {
  const joined = text.replace(/=[ \t]*\r\n/g, '').replace(/[ \t]+(\r\n)?/g, (all, end?: string) => end ?? all);
  if (/[^\t\r\n\x20-\x7e]|=(?![0-9A-Fa-f]{2})/.test(joined)) throw notQuotedPrintable(number);
  const bytes = joined.replace(/=([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1');
}

function notBase64(number: number) {
  return refusal('PART_ENCODING_WRONG', `Part ${number} is not base64, as its header says.`);
}

function notQuotedPrintable(number: number) {
  return refusal('PART_ENCODING_WRONG', `Part ${number} is not quoted-printable, as its header says.`);
}
