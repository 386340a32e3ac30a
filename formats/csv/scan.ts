/** The scan: charset, framing and header to the end of the input, with the number of rows. */
import type { BodySource, Scan, ScanContext } from '../../engine/contracts/format.ts';
import { RefusedError, WaybillError } from '../../engine/errors.ts';
import { restore } from '../../engine/rejected-csv.ts';
import { KIND_BYTES, refuseBinary } from '../text/binary.ts';
import { charsetOf, decoded } from '../text/charset.ts';
import { isEndMark } from './end-mark.ts';
import { CSV_ERRORS } from './errors.ts';
import { detectDelimiter, Names, placeColumns } from './header.ts';
import { QuickCount } from './quick-count.ts';
import type { RecordMap } from './record-map.ts';
import { type ReturnedColumns, returnedColumns, withoutReturned } from './returned.ts';
import { type Framing, RowParser } from './rows.ts';
import type { Settings } from './settings.ts';

const CR = 0x0d;
const LF = 0x0a;
const QUOTE = 0x22;
/** A first line longer than this is not looked at further to find the delimiter. */
const DETECT_BYTES = 1_000_000;

/** What a reader needs of a scan; stored as `Scan.details`. */
export interface Layout {
  readonly delimiter: string;
  /** Names as the file has them, without `returned`; absent for files without a header. */
  readonly header?: readonly string[];
  /** Number of fields that every row must have. */
  readonly width: number;
  /** For each column of the record map the index of its field, `returned` left out, or -1; absent without a record map. */
  readonly columns?: readonly number[];
  /** Columns of `rejected.csv` in front of the file's own, where it came back corrected. */
  readonly returned?: ReturnedColumns;
}

/** @throws RefusedError with line and column where the file as a whole cannot be taken. */
export async function scanCsv(
  source: BodySource,
  context: ScanContext,
  settings: Settings,
  map: RecordMap | undefined,
): Promise<Scan> {
  const start = await firstBytes(source, KIND_BYTES);
  refuseBinary(start);
  const found = charsetOf(start, settings.charset);
  const transcoded = found.charset !== 'utf-8';
  const sink = transcoded ? context.transcode() : undefined;
  const chunks = decoded(source, found);
  try {
    const quoted = settings.quotes !== 'none';
    const { head, ended } = await firstLine(chunks, quoted);
    const framing = {
      ...settings,
      delimiter: detectDelimiter(lineOf(head, quoted), settings.delimiters, settings, map),
    };
    const from = { cursor: transcoded ? 0 : found.mark, lines: 0 };
    const what = { charset: found.charset, transcoded };
    const counter = new Counter(from, framing.delimiter, settings, map);
    const parser = new RowParser(framing, from, counter.row);
    const take = async (chunk: Buffer) => {
      context.signal.throwIfAborted();
      parser.feed(chunk);
      await sink?.write(chunk);
    };
    for (const chunk of head) await take(chunk);
    if (!ended && !transcoded && counter.begun && QuickCount.canRead(framing)) {
      const rows = await quickRows(head, chunks, framing, context.signal);
      if (rows !== undefined) return { ...counter.result(rows), ...what };
      // Something is unusual or broken: the parser reads on from where it stopped, with a source of its own.
      for await (const chunk of skipped(decoded(source, found), head)) await take(chunk);
    } else if (!ended) for await (const chunk of chunks) await take(chunk);
    parser.finish();
    return { ...counter.result(), ...what };
  } finally {
    await chunks.return(undefined);
  }
}

/** Number of rows (with the header) by a quick look at the bytes; `undefined` where it cannot tell. */
async function quickRows(
  head: readonly Buffer[],
  chunks: AsyncIterable<Buffer>,
  framing: Framing,
  signal: AbortSignal,
): Promise<number | undefined> {
  const quick = new QuickCount(framing);
  for (const chunk of head) if (!quick.feed(chunk)) return undefined;
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    if (!quick.feed(chunk)) return undefined;
  }
  return quick.finish();
}

/** The chunks without the bytes of `head`, however the chunks are cut. */
async function* skipped(chunks: AsyncIterable<Buffer>, head: readonly Buffer[]): AsyncGenerator<Buffer> {
  let left = head.reduce((sum, chunk) => sum + chunk.length, 0);
  for await (const chunk of chunks) {
    if (chunk.length > left) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

/** Takes the first row for the header, and counts the others. */
class Counter {
  readonly #delimiter: string;
  readonly #settings: Settings;
  readonly #map: RecordMap | undefined;
  #layout: Layout | undefined;
  #begin: { readonly cursor: number; readonly lines: number };
  #items = 0;
  /** Marks of the end that are rows if another one comes after them. */
  #marks = 0;
  /** Lines that are names. */
  #headers = 0;

  constructor(
    start: { readonly cursor: number; readonly lines: number },
    delimiter: string,
    settings: Settings,
    map: RecordMap | undefined,
  ) {
    this.#begin = start;
    this.#delimiter = delimiter;
    this.#settings = settings;
    this.#map = map;
  }

  readonly row = (fields: string[], line: number, lastLine: number, cursor: number): void => {
    const named = this.#settings.header !== 'none';
    if (isEndMark(fields) && (this.#layout !== undefined || !named)) {
      this.#marks += 1;
      return;
    }
    if (this.#layout !== undefined) {
      this.#items += 1 + this.#marks;
      this.#marks = 0;
      return;
    }
    const map = this.#map;
    const names = map && new Names(map);
    // Without names and without a record map nothing says how many columns the file's own rows have.
    const returned = named || map ? returnedColumns(fields, (name) => names?.owner(name) !== undefined) : undefined;
    if (!named) {
      this.#layout = {
        delimiter: this.#delimiter,
        width: (returned?.count ?? 0) + (map?.columns.length ?? fields.length),
        ...(map === undefined ? {} : { columns: map.columns.map((_, index) => index) }),
        ...(returned ? { returned } : {}),
      };
      if (!returned) {
        this.#items = 1 + this.#marks;
        this.#marks = 0;
        return;
      }
    } else {
      const own = returned ? withoutReturned(fields, returned).map(restore) : fields;
      this.#layout = {
        delimiter: this.#delimiter,
        header: own.map((name) => name.trim()),
        width: fields.length,
        ...(map === undefined ? {} : { columns: placeColumns(own, line, map) }),
        ...(returned ? { returned } : {}),
      };
    }
    this.#headers = 1;
    this.#begin = { cursor, lines: lastLine };
  };

  /** True once the first row has been seen. */
  get begun(): boolean {
    return this.#layout !== undefined;
  }

  /** @param rows all rows of the file, where they were counted in another way */
  result(rows?: number): Pick<Scan, 'items' | 'cursor' | 'lines' | 'details'> {
    if (this.#layout === undefined) {
      throw new RefusedError('EMPTY_FILE', `the file is empty. ${CSV_ERRORS.EMPTY_FILE.cure}`, { line: 1 });
    }
    const items = rows === undefined ? this.#items : rows - this.#headers;
    return { items, ...this.#begin, details: { ...this.#layout } };
  }
}

/** The layout that a scan stored. @throws WaybillError `CSV_UNREADABLE` where it is of another format or record map */
export function layoutOf(scan: Scan, map: RecordMap | undefined): Layout {
  const { delimiter, width, columns, header, returned } = scan.details;
  const sound =
    typeof delimiter === 'string' &&
    typeof width === 'number' &&
    (header === undefined || isList(header, 'string')) &&
    (columns === undefined || isList(columns, 'number')) &&
    (returned === undefined || isReturned(returned));
  if (!sound || columns?.length !== map?.columns.length) {
    throw new WaybillError('CSV_UNREADABLE', 'what the scan stored does not fit the format csv with this record map');
  }
  return {
    delimiter,
    width,
    ...(header === undefined ? {} : { header }),
    ...(columns === undefined ? {} : { columns }),
    ...(returned === undefined ? {} : { returned }),
  };
}

function isReturned(value: unknown): value is ReturnedColumns {
  if (typeof value !== 'object' || value === null) return false;
  return 'at' in value && 'count' in value && typeof value.at === 'number' && typeof value.count === 'number';
}

function isList<T extends 'string' | 'number'>(
  value: unknown,
  type: T,
): value is (T extends 'string' ? string : number)[] {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}

async function firstBytes(source: BodySource, count: number): Promise<Uint8Array> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of source.read()) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= count) break;
  }
  return bytes.subarray(0, count);
}

/** Chunks up to the one in which the first line that is not empty ends. */
async function firstLine(chunks: AsyncGenerator<Buffer>, quoted: boolean): Promise<{ head: Buffer[]; ended: boolean }> {
  const head: Buffer[] = [];
  let bytes = 0;
  while (bytes < DETECT_BYTES) {
    const next = await chunks.next();
    if (next.done) return { head, ended: true };
    head.push(next.value);
    bytes += next.value.length;
    if (endOfLine(Buffer.concat(head), quoted) >= 0) break;
  }
  return { head, ended: false };
}

function lineOf(head: readonly Buffer[], quoted: boolean): Buffer {
  const bytes = Buffer.concat(head);
  const end = endOfLine(bytes, quoted);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** Offset at which the first line that is not empty ends, quoted line ends left out; -1 where it does not. */
function endOfLine(bytes: Buffer, quoted: boolean): number {
  let inQuotes = false;
  let empty = true;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === QUOTE && quoted) inQuotes = !inQuotes;
    if ((byte === CR || byte === LF) && !inQuotes) {
      if (!empty) return at;
    } else empty = false;
  }
  return -1;
}
