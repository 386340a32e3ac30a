/** The header of a file: its delimiter, and where each column of the record map stands. */
import { RefusedError } from '../../engine/errors.ts';
import { CSV_ERRORS } from './errors.ts';
import { mustStandInHeader, type RecordMap } from './record-map.ts';
import { type Framing, RowParser } from './rows.ts';

const NO_CAPS = { maxField: Number.MAX_SAFE_INTEGER, maxColumns: Number.MAX_SAFE_INTEGER };
const SHOWN_NAMES = 30;
const SHOWN_CHARACTERS = 40;

/** Finds which field holds which column, by the names that a record map gives it. */
export class Names {
  readonly #owners = new Map<string, number>();
  readonly #fold: (name: string) => string;

  constructor(map: RecordMap) {
    this.#fold = map.headerCase === 'ignore' ? (name) => name.trim().toLowerCase() : (name) => name.trim();
    for (const [index, column] of map.columns.entries()) {
      for (const name of [column.name, ...(column.aliases ?? [])]) this.#owners.set(this.#fold(name), index);
    }
  }

  /** Index of the column that this name of a header means, or `undefined`. */
  owner(name: string): number | undefined {
    return this.#owners.get(this.#fold(name));
  }

  /** True where two names of a header are the same. */
  key(name: string): string {
    return this.#fold(name);
  }
}

/**
 * The delimiter that fits the first line best: with a record map the one that shows most of its columns, then the one that
 * gives most fields, then the first of the list.
 */
export function detectDelimiter(
  firstLine: Buffer,
  delimiters: readonly string[],
  framing: Omit<Framing, 'delimiter'>,
  map: RecordMap | undefined,
): string {
  const names = map === undefined ? undefined : new Names(map);
  let best = { delimiter: delimiters[0] ?? ',', known: -1, fields: -1 };
  for (const delimiter of delimiters) {
    const fields = fieldsOf(firstLine, { ...framing, ...NO_CAPS, delimiter });
    if (fields === undefined) continue;
    const known = names === undefined ? 0 : fields.filter((field) => names.owner(field) !== undefined).length;
    if (known < best.known || (known === best.known && fields.length <= best.fields)) continue;
    best = { delimiter, known, fields: fields.length };
  }
  return best.delimiter;
}

/** The fields of one line, or `undefined` where its quotes do not fit this delimiter. */
function fieldsOf(line: Buffer, framing: Framing): readonly string[] | undefined {
  let found: readonly string[] = [];
  const parser = new RowParser(framing, { cursor: 0, lines: 0 }, (fields) => {
    if (found.length === 0) found = fields;
  });
  try {
    parser.feed(line);
    parser.finish();
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
  return found;
}

/**
 * For each column of the record map the index of its field, -1 where the header does not have it.
 * @throws RefusedError `COLUMNS_MISSING`, `HEADER_NAME_EMPTY`, `HEADER_NAME_REPEATED`, `EXTRA_COLUMNS`
 */
export function placeColumns(header: readonly string[], line: number, map: RecordMap): readonly number[] {
  const names = new Names(map);
  const places = map.columns.map(() => -1);
  const repeated = new Set<string>();
  const extra: string[] = [];
  const seen = new Set<string>();
  for (const [index, name] of header.entries()) {
    const owner = names.owner(name);
    if (owner === undefined) extra.push(name);
    if ((owner !== undefined && places[owner] !== -1) || seen.has(names.key(name))) repeated.add(name.trim());
    if (owner !== undefined) places[owner] = index;
    seen.add(names.key(name));
  }
  const missing = map.columns.filter((column, index) => places[index] === -1 && mustStandInHeader(column));
  if (missing.length > 0) {
    const wanted = missing.map((column) => [column.name, ...(column.aliases ?? [])]);
    throw refused(
      'COLUMNS_MISSING',
      line,
      `the header lacks ${listed(
        missing.map((column) => column.name),
        missing.length,
      )}. ${foundWords(header, extra, wanted)}`,
    );
  }
  const empty = header.findIndex((name) => name.trim() === '');
  if (empty >= 0)
    throw refused('HEADER_NAME_EMPTY', line, `name ${empty + 1} of ${header.length} in the header is empty`);
  if (repeated.size > 0) {
    throw refused('HEADER_NAME_REPEATED', line, `the header names a column more than once: ${listed([...repeated])}`);
  }
  if (map.extraColumns === 'refuse' && extra.length > 0) {
    throw refused('EXTRA_COLUMNS', line, `the header has columns that the record map does not know: ${listed(extra)}`);
  }
  return places;
}

/**
 * What was found, for people. Where no name is known, the line may be no header but the data of a patient: then only names
 * are shown that differ from a wanted one by case and punctuation.
 */
function foundWords(
  header: readonly string[],
  extra: readonly string[],
  wanted: readonly (readonly string[])[],
): string {
  const near = extra.flatMap((name) => {
    const column = wanted.find((names) => names.some((other) => bare(other) === bare(name)));
    return column?.[0] === undefined || bare(name) === '' ? [] : [`${shown(name)} may be ${column[0]}`];
  });
  const hint = near.length === 0 ? '' : ` ${near.slice(0, SHOWN_NAMES).join(', ')}.`;
  if (extra.length === header.length) {
    return `Found: ${header.length} ${header.length === 1 ? 'name' : 'names'}, none of them in the record map.${hint}`;
  }
  return `Found: ${listed(header)}.${hint}`;
}

function listed(names: readonly string[], most = SHOWN_NAMES): string {
  const rest = names.length - most;
  return names.slice(0, most).map(shown).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function shown(name: string): string {
  const clean = name.trim().replace(/\p{Cc}/gu, ' ');
  if (clean === '') return '(empty)';
  return clean.length > SHOWN_CHARACTERS ? `${clean.slice(0, SHOWN_CHARACTERS)}…` : clean;
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function refused(code: keyof typeof CSV_ERRORS, line: number, what: string): RefusedError {
  return new RefusedError(code, `line ${line}: ${what}${what.endsWith('.') ? '' : '.'} ${CSV_ERRORS[code].cure}`, {
    line,
  });
}
