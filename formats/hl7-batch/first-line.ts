/** What is looked at on the way through a file, before it falls into messages. */
import { RefusedError } from '../../engine/errors.ts';
import { PlaceCounter } from '../text/charset.ts';
import { HL7_BATCH_ERRORS } from './errors.ts';

/** Something that is no HL7 is known by its first characters, so that nothing of it needs to be held. */
export class FirstLine {
  readonly #place = new PlaceCounter();
  #held = Buffer.alloc(0);
  #known = false;

  /** @throws RefusedError HL7_FILE_NOT_HL7 */
  feed(chunk: Buffer): void {
    if (this.#known) return;
    const bytes = Buffer.concat([this.#held, chunk]);
    const start = bytes.findIndex((byte) => !isWhite(byte));
    this.#place.add(bytes.subarray(0, start < 0 ? bytes.length : start));
    this.#held = start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
    if (this.#held.length >= 4) this.#decide();
  }

  /** The end of the file. @throws RefusedError HL7_FILE_EMPTY, HL7_FILE_NOT_HL7 */
  finish(): void {
    if (this.#known) return;
    if (this.#held.length > 0) {
      this.#decide();
      return;
    }
    const { cure } = HL7_BATCH_ERRORS.HL7_FILE_EMPTY;
    throw new RefusedError('HL7_FILE_EMPTY', `there is nothing in the file. ${cure}`, { line: 1 });
  }

  #decide(): void {
    this.#known = true;
    const start = this.#held.subarray(0, 4).toString('latin1');
    this.#held = Buffer.alloc(0);
    const { line, column } = this.#place.place();
    if (column === 1 && /^(?:(?:MSH|FHS|BHS)[^A-Za-z0-9\s]|(?:BTS|FTS)(?:[^A-Za-z0-9]|$))/.test(start)) return;
    const { cure } = HL7_BATCH_ERRORS.HL7_FILE_NOT_HL7;
    const message = `line ${line}, column ${column}: ${whatItIs(start)}. ${cure}`;
    throw new RefusedError('HL7_FILE_NOT_HL7', message, { line, column });
  }
}

function isWhite(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 10) || byte === 13;
}

function whatItIs(start: string): string {
  if (start.startsWith('{') || start.startsWith('[')) return 'the file looks like JSON, not like HL7 v2';
  if (start.startsWith('<')) return 'the file looks like XML, not like HL7 v2';
  if (start.startsWith('\x0b')) return 'the file has MLLP frames around its messages';
  return 'the file does not begin with MSH, FHS or BHS';
}

const CR = 13;
const LF = 10;

/** By what the lines of a file end. */
export class LineEndings {
  readonly #seen = { CR: false, LF: false, CRLF: false };
  /** True where the last byte was a CR: what follows says which kind it is. */
  #open = false;
  #last = 0;

  feed(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.#open) this.#seen[chunk[0] === LF ? 'CRLF' : 'CR'] = true;
    this.#lookForCr(chunk);
    this.#lookForLf(chunk, this.#open && chunk[0] === LF ? 1 : 0);
    this.#last = chunk[chunk.length - 1] ?? 0;
    this.#open = this.#last === CR;
  }

  /** True where the last line has a line end. */
  get endsLine(): boolean {
    return this.#last === CR || this.#last === LF;
  }

  /** `CR`, `LF`, `CRLF`, `mixed`, or `none`. */
  get name(): string {
    const { CR: cr, LF: lf, CRLF: crlf } = this.#seen;
    const seen = [cr || this.#open ? 'CR' : '', lf ? 'LF' : '', crlf ? 'CRLF' : ''].filter((name) => name !== '');
    return seen.length > 1 ? 'mixed' : (seen[0] ?? 'none');
  }

  #lookForCr(chunk: Buffer): void {
    for (let at = chunk.indexOf(CR); at >= 0 && at + 1 < chunk.length; at = chunk.indexOf(CR, at + 1)) {
      this.#seen[chunk[at + 1] === LF ? 'CRLF' : 'CR'] = true;
      if (this.#seen.CR && this.#seen.CRLF) return;
    }
  }

  #lookForLf(chunk: Buffer, from: number): void {
    for (let at = chunk.indexOf(LF, from); at >= 0 && !this.#seen.LF; at = chunk.indexOf(LF, at + 1)) {
      if (at === 0 || chunk[at - 1] !== CR) this.#seen.LF = true;
    }
  }
}
