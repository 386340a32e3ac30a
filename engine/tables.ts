/**
 * Look-up tables: reading them from files (CSV with a header, or YAML), and finding values in them by one or several key
 * columns. Everything is text; of two equal keys the first counts.
 */
import { createRequire } from 'node:module';
import { parse as parseCsv } from 'csv-parse/sync';
import type { TableData } from './contracts/resources.ts';
import { defineErrors, WaybillError } from './errors.ts';

/** Loaded for the first table in YAML: the thread that routes only looks into tables that were read already. */
const require = createRequire(import.meta.url);

export const TABLE_ERRORS = defineErrors({
  TABLE_UNREADABLE: {
    means: 'A file under `tables` is no table: broken CSV, broken YAML, or rows that do not fit the header.',
    cure: 'A CSV table has a header line and as many values in each row; a YAML table is a list of maps, or keys with values.',
  },
  TABLE_UNKNOWN_COLUMN: {
    means: 'A look-up names a column that its table does not have.',
    cure: "Use a column of the table's header; without `key` the first column is the key, without `give` the second is given.",
  },
  NOT_IN_TABLE: {
    means: 'A value is not among the keys of its table.',
    cure: 'Add it to the table, or mend the source; in a transform a `default` says what to write instead.',
  },
});

/** How a table is looked into. */
export interface LookupOptions {
  /** Key columns; default: the first column. */
  readonly keys?: readonly string[];
  /** Upper and lower case are the same in keys. */
  readonly ignoreCase?: boolean;
}

/** Finds rows of one table by their key columns. */
export interface Lookup {
  readonly table: TableData;
  readonly keys: readonly string[];
  /** Number of the first row with this key, from 0; -1 where there is none. For tables with one key column. */
  find(key: string): number;
  /** The same for several key columns: one part for each, in the order of `keys`. */
  findParts(parts: readonly string[]): number;
  /** Index of a column. @throws WaybillError TABLE_UNKNOWN_COLUMN. */
  column(name: string): number;
  /** Index of the column that is given when nobody names one: the second, or the only one. */
  readonly given: number;
}

/** Rows with a key that an earlier row has: the row counts from 0. */
export interface DuplicateKey {
  readonly row: number;
  readonly first: number;
}

/** A branch for each text of a key column; a number of a row at the end. */
type Branch = Map<string, Branch | number>;

const lookups = new WeakMap<TableData, Map<string, Lookup>>();

/**
 * The look-up of a table by these keys. It is built once for a table and the same options.
 * @throws WaybillError TABLE_UNKNOWN_COLUMN.
 */
export function lookupOf(table: TableData, options: LookupOptions = {}): Lookup {
  const made = lookups.get(table) ?? new Map<string, Lookup>();
  lookups.set(table, made);
  const name = JSON.stringify([options.keys ?? null, options.ignoreCase ?? false]);
  const lookup = made.get(name) ?? buildLookup(table, options);
  made.set(name, lookup);
  return lookup;
}

/** Every row whose key an earlier row already has, so that only the earlier one counts. */
export function duplicateKeys(table: TableData, options: LookupOptions = {}): readonly DuplicateKey[] {
  const columns = keyColumns(table, options);
  const firsts = new Map<string, number>();
  const found: DuplicateKey[] = [];
  for (const [row, cells] of table.rows.entries()) {
    const key = JSON.stringify(columns.map((column) => folded(cells[column] ?? '', options)));
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, row);
    else found.push({ row, first });
  }
  return found;
}

function buildLookup(table: TableData, options: LookupOptions): Lookup {
  const columns = keyColumns(table, options);
  const root: Branch = new Map();
  for (const [row, cells] of table.rows.entries())
    addRow(
      root,
      columns.map((column) => folded(cells[column] ?? '', options)),
      row,
    );
  const fold = options.ignoreCase ?? false;
  return {
    table,
    keys: columns.map((column) => table.columns[column] ?? ''),
    given: Math.min(1, table.columns.length - 1),
    column: (name) => columnOf(table, name),
    find: (key) => rowAt(root.get(fold ? key.toLowerCase() : key)),
    findParts(parts) {
      let at: Branch | number | undefined = root;
      for (const part of parts) {
        if (!(at instanceof Map)) return -1;
        at = at.get(fold ? part.toLowerCase() : part);
      }
      return rowAt(at);
    },
  };
}

function rowAt(place: Branch | number | undefined): number {
  return typeof place === 'number' ? place : -1;
}

function addRow(root: Branch, parts: readonly string[], row: number): void {
  let branch = root;
  for (const part of parts.slice(0, -1)) {
    const next = branch.get(part);
    const inner: Branch = next instanceof Map ? next : new Map();
    branch.set(part, inner);
    branch = inner;
  }
  const last = parts.at(-1) ?? '';
  if (!branch.has(last)) branch.set(last, row);
}

function keyColumns(table: TableData, options: LookupOptions): readonly number[] {
  return options.keys === undefined ? [0] : options.keys.map((name) => columnOf(table, name));
}

function columnOf(table: TableData, name: string): number {
  const index = table.columns.indexOf(name);
  if (index >= 0) return index;
  throw new WaybillError(
    'TABLE_UNKNOWN_COLUMN',
    `the table has no column ${name}; it has ${table.columns.slice(0, 12).join(', ')}`,
  );
}

function folded(text: string, options: LookupOptions): string {
  return options.ignoreCase ? text.toLowerCase() : text;
}

/**
 * Reads a table from the text of a file: `.csv` with a header line, `.yaml` or `.yml` with a list of maps or with keys and
 * values (columns `key` and `value`). A byte order mark is skipped; values are kept as written.
 * @throws WaybillError TABLE_UNREADABLE with file and line.
 */
export function parseTableFile(file: string, text: string): TableData {
  return /\.ya?ml$/i.test(file) ? parseYamlTable(file, text) : parseCsvTable(file, text);
}

function parseCsvTable(file: string, text: string): TableData {
  const [header, ...rows] = csvRows(file, text);
  if (header === undefined) throw unreadable(file, 'it is empty; a table begins with a header line', 1);
  const columns = header.map((name) => name.trim());
  const twice = columns.find((name, index) => columns.indexOf(name) < index);
  if (twice !== undefined)
    throw unreadable(file, `the column ${twice || '(without a name)'} stands in the header twice`, 1);
  return { columns, rows };
}

function csvRows(file: string, text: string): readonly (readonly string[])[] {
  try {
    return parseCsv(text, { bom: true, skip_empty_lines: true, record_delimiter: ['\r\n', '\n', '\r'] });
  } catch (error) {
    const line =
      error instanceof Error && 'lines' in error && typeof error.lines === 'number' ? error.lines : undefined;
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'CSV_ERROR';
    throw unreadable(file, csvReason(code), line);
  }
}

/** Why csv-parse stopped, without the text that it quotes. */
function csvReason(code: string): string {
  if (code.startsWith('CSV_RECORD_INCONSISTENT')) return 'a row has more or fewer values than the header';
  if (code.includes('QUOTE')) return 'a quote is not closed, or stands inside a value without quotes';
  return `it is no CSV (${code})`;
}

function unreadable(file: string, why: string, line?: number): WaybillError {
  const place = line === undefined ? { file } : { file, line };
  return new WaybillError('TABLE_UNREADABLE', `${file}${line === undefined ? '' : ` line ${line}`}: ${why}`, place);
}

function parseYamlTable(file: string, text: string): TableData {
  const { parseDocument } = require('yaml') as typeof import('yaml');
  const document = parseDocument(text, { schema: 'failsafe', strict: true, uniqueKeys: true });
  const broken = document.errors[0];
  if (broken) throw unreadable(file, broken.code.toLowerCase().replaceAll('_', ' '), broken.linePos?.[0].line);
  return yamlTable(file, document.toJS({ mapAsMap: true }));
}

function yamlTable(file: string, data: unknown): TableData {
  if (data instanceof Map)
    return { columns: ['key', 'value'], rows: [...data].map((pair) => pair.map((cell) => cellText(file, cell))) };
  if (!Array.isArray(data) || data.length === 0)
    throw unreadable(file, 'a YAML table is a list of maps, or keys with values');
  const columns: string[] = [];
  for (const row of data) {
    if (!(row instanceof Map)) throw unreadable(file, 'each entry of the list is a map of columns to values');
    for (const name of row.keys()) if (!columns.includes(String(name))) columns.push(String(name));
  }
  const rows = data.map((row: ReadonlyMap<string, unknown>) =>
    columns.map((name) => cellText(file, row.get(name) ?? '')),
  );
  return { columns, rows };
}

function cellText(file: string, cell: unknown): string {
  if (typeof cell === 'string') return cell;
  if (cell === null) return '';
  throw unreadable(file, 'a value is a text; lists and maps cannot be looked up');
}
