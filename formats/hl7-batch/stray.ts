/** Text that belongs to no message, and headers that do not stand where a reader looks for them. */
import { RefusedError } from '../../engine/errors.ts';
import { type ByteLine, eachLine, isBlankLine } from '../../hl7/lines.ts';
import type { Part } from '../../hl7/split.ts';
import { HL7_BATCH_ERRORS } from './errors.ts';

/** Characters that may stand before a header on its line: far fewer than a value would have. */
const LOOK_BYTES = 16;
const HEADER = /^[\x00-\x20\x7f-\xff]+(?:MSH|FHS|BHS|BTS|FTS)(?:[^A-Za-z0-9\s]|$)/;

/** The end of an MLLP frame: FS (MLLP Release 1, 2). Behind it, what belongs to no message. */
const FRAME_END = 0x1c;

/** Blank lines are tolerated wherever they stand. @throws RefusedError HL7_STRAY_TEXT, HL7_HEADER_MISPLACED */
export function refuseStray(part: Part): void {
  misplacedHeader(part);
  let line = part.line;
  eachLine(part.bytes, (at) => {
    if (!isBlankLine(part.bytes, at)) throw refusal('HL7_STRAY_TEXT', line, 'this text belongs to no message');
    line += 1;
    return true;
  });
}

/**
 * A header with something before it on its line would hide its message in the one before.
 * @throws RefusedError HL7_HEADER_MISPLACED; HL7_STRAY_TEXT where an MLLP frame was left around a message
 */
export function misplacedHeader(part: Part): void {
  let line = part.line;
  let frameEnd = 0;
  eachLine(part.bytes, (at) => {
    if (frameEnd === 0 && part.bytes[at.start] === FRAME_END) frameEnd = line;
    if (HEADER.test(startOf(part.bytes, at))) {
      throw refusal('HL7_HEADER_MISPLACED', line, 'a header does not stand at the start of its line');
    }
    line += 1;
    return true;
  });
  if (frameEnd > 0) throw refusal('HL7_STRAY_TEXT', frameEnd, 'an MLLP frame ends here');
}

function startOf(bytes: Uint8Array, { start, end }: ByteLine): string {
  const length = Math.min(end - start, LOOK_BYTES);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1');
}

function refusal(code: 'HL7_STRAY_TEXT' | 'HL7_HEADER_MISPLACED', line: number, what: string): RefusedError {
  const message = `line ${line}, column 1: ${what}. ${HL7_BATCH_ERRORS[code].cure}`;
  return new RefusedError(code, message, { line, column: 1 });
}
