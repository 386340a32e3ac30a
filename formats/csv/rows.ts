/**
 * csv-parse, at its one edge. Its Parser is driven by hand (no stream): chunks in, rows out at once, each with its place.
 * What csv-parse's `info` says was tried out: `bytes` is the offset just after a record; `lines` counts a CRLF inside
 * quotes twice, so lines are counted here where a row has line breaks; `empty_lines` are lines without any character.
 */
import { CsvError, Parser } from 'csv-parse';
import { RefusedError } from '../../engine/errors.ts';
import { CSV_ERRORS } from './errors.ts';
import { findBadQuote } from './quotes.ts';
import type { Settings } from './settings.ts';

/** csv-parse holds back a few bytes of a chunk to look ahead. */
const LOOK_AHEAD = 64;

/** How rows are told apart. */
export interface Framing extends Pick<Settings, 'quotes' | 'maxField' | 'maxRecord' | 'maxColumns'> {
  readonly delimiter: string;
}

/**
 * Called for each row, during `feed` or `finish`.
 * @param line first physical line, from 1; `lastLine` its last
 * @param cursor offset just after the row
 */
export type OnRow = (fields: string[], line: number, lastLine: number, cursor: number) => void;

/** Physical line ends in a value: CR, LF, and CRLF as one. */
export function lineBreaks(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x0a || (code === 0x0d && text.charCodeAt(at + 1) !== 0x0a)) count += 1;
  }
  return count;
}

export class RowParser extends Parser {
  readonly #framing: Framing;
  readonly #onRow: OnRow;
  readonly #base: number;
  /** Physical lines before the next row. */
  #lines: number;
  #cursor: number;
  #fed: number;
  /** What `info.lines` is at the end of the next row if that has no line break, and empty lines seen so far. */
  #expected = 1;
  #empty = 0;
  /** Chunks since the last row's end, to say where a quote is wrong. */
  #held: Buffer[] = [];
  #heldFrom: number;
  #failure: unknown;

  /** @param from where in the body the first chunk begins: offset, and number of physical lines before it */
  constructor(framing: Framing, from: { readonly cursor: number; readonly lines: number }, onRow: OnRow) {
    super({
      delimiter: framing.delimiter,
      quote: framing.quotes === 'none' ? null : '"',
      relax_quotes: framing.quotes === 'relaxed',
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: framing.maxRecord,
    });
    this.#framing = framing;
    this.#onRow = onRow;
    this.#base = from.cursor;
    this.#cursor = from.cursor;
    this.#fed = from.cursor;
    this.#heldFrom = from.cursor;
    this.#lines = from.lines;
  }

  /** Parses a chunk, which is kept until its last row is complete. @throws RefusedError where the file is no CSV */
  feed(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#fed += chunk.length;
    this._transform(chunk, 'utf8', this.#done);
    this.#check();
    if (this.#pending() > this.#framing.maxRecord + LOOK_AHEAD) throw this.#tooLarge();
    this.#letGo();
  }

  /** Parses what is left at the end of the body. @throws RefusedError */
  finish(): void {
    this._flush(this.#done);
    this.#check();
  }

  /** Takes csv-parse's records, instead of the stream. */
  override push(record: unknown): boolean {
    if (!Array.isArray(record)) return false;
    const fields: string[] = record;
    const { info } = this;
    const empty = info.empty_lines - this.#empty;
    const line = this.#lines + empty + 1;
    let lastLine = line;
    if (info.lines - empty !== this.#expected) for (const field of fields) lastLine += lineBreaks(field);
    const cursor = this.#base + info.bytes;
    this.#checkSizes(fields, line, cursor - this.#cursor, empty);
    this.#expected = info.lines + 1;
    this.#empty = info.empty_lines;
    this.#lines = lastLine;
    this.#cursor = cursor;
    this.#onRow(fields, line, lastLine, cursor);
    return true;
  }

  readonly #done = (error?: Error | null): void => {
    this.#failure = error ?? undefined;
  };

  /** At least so many bytes of a row have come whose end has not. An empty line has at most two bytes. */
  #pending(): number {
    return this.#fed - this.#cursor - 2 * (this.info.empty_lines - this.#empty);
  }

  #check(): void {
    if (this.#failure === undefined) return;
    if (!(this.#failure instanceof CsvError)) throw this.#failure;
    // The package's messages hold values: they are not passed on.
    switch (this.#failure.code) {
      case 'CSV_MAX_RECORD_SIZE':
        throw this.#tooLarge();
      case 'CSV_INVALID_CLOSING_QUOTE':
      case 'CSV_QUOTE_NOT_CLOSED':
      case 'INVALID_OPENING_QUOTE':
        throw this.#badQuote();
      default:
        throw refused(
          'CSV_UNREADABLE',
          this.#lines + 1,
          `the row that begins here cannot be read (${this.#failure.code})`,
        );
    }
  }

  /** @param bytes of the row with its end, and of the empty lines before it */
  #checkSizes(fields: readonly string[], line: number, bytes: number, emptyLines: number): void {
    const { maxField, maxRecord, maxColumns } = this.#framing;
    // csv-parse counts no delimiters. A row that came in one chunk must not pass where one in pieces does not.
    if (bytes - 2 * (emptyLines + 1) > maxRecord) throw this.#tooLarge();
    if (fields.length > maxColumns) {
      throw refused('TOO_MANY_COLUMNS', line, `the row has ${fields.length} fields, ${maxColumns} are allowed`);
    }
    if (bytes <= maxField) return;
    const index = fields.findIndex((field) => Buffer.byteLength(field) > maxField);
    if (index >= 0) throw refused('FIELD_TOO_LARGE', line, `field ${index + 1} has more than ${maxField} bytes`);
  }

  #tooLarge(): RefusedError {
    return refused(
      'RECORD_TOO_LARGE',
      this.#lines + 1,
      `the row that begins here has more than ${this.#framing.maxRecord} bytes`,
    );
  }

  #badQuote(): RefusedError {
    const bytes = Buffer.concat(this.#held).subarray(this.#cursor - this.#heldFrom);
    const { line, column, what } = findBadQuote(bytes, this.#framing.delimiter, this.#lines + 1);
    return new RefusedError('BAD_QUOTE', `line ${line}, column ${column}: ${what}. ${CSV_ERRORS.BAD_QUOTE.cure}`, {
      line,
      column,
    });
  }

  /** Lets go of chunks that end before the last row's end. */
  #letGo(): void {
    let first = this.#held[0];
    while (first !== undefined && this.#heldFrom + first.length <= this.#cursor) {
      this.#heldFrom += first.length;
      this.#held.shift();
      first = this.#held[0];
    }
  }
}

function refused(code: keyof typeof CSV_ERRORS, line: number, what: string): RefusedError {
  return new RefusedError(code, `line ${line}: ${what}. ${CSV_ERRORS[code].cure}`, { line });
}
