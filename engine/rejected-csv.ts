/**
 * `rejected.csv`: the rows that were not taken, with the reasons, in the file's own layout, for people to mend and drop
 * again. A spreadsheet would run a cell that begins with `=` and the like as a formula, so such cells are made harmless
 * here, and only here.
 */
import type { RejectedItem } from './contracts/service.ts';

const ENTRY_COLUMN = 'entry';
/** Those that stand there in every file. */
export const ALWAYS_COLUMNS = ['waybill_id', 'line', 'column', 'code', 'reason'] as const;
/** The columns in front of the file's own, in their order; the last one stands there only where it is needed. */
export const OWN_COLUMNS = [...ALWAYS_COLUMNS, ENTRY_COLUMN] as const;
/** Characters that are gathered before they are written. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Puts one `'` in front of a field that a spreadsheet could run (it begins with `=`, `+`, `-`, `@`, TAB or CR) or that
 * begins with `'` and then one of these, so that taking one `'` away always gives the field back.
 */
export function neutralise(field: string): string {
  return /^'*[=+\-@\t\r]/.test(field) ? `'${field}` : field;
}

/** Takes away exactly what `neutralise` put in front: `restore(neutralise(x)) === x` for every text. */
export function restore(field: string): string {
  return /^'+[=+\-@\t\r]/.test(field) ? field.slice(1) : field;
}

export interface RejectedFile {
  /** Delimiter and header of the original, where it had them. */
  readonly delimiter: string;
  readonly header: readonly string[];
  /** Gives the rejected items from the first at each call. */
  items(): AsyncIterable<RejectedItem>;
}

/**
 * The file as text, in chunks: a byte order mark, the header, one CRLF line an item. With the column `entry` if any item
 * was refused by the transform of an entry; which is found out first, so the items are asked for twice.
 */
export async function* rejectedCsv(file: RejectedFile): AsyncGenerator<string> {
  const withEntry = await anyEntry(file.items());
  const own = withEntry ? OWN_COLUMNS : ALWAYS_COLUMNS;
  let text = `\uFEFF${lineOf([...own, ...file.header], file.delimiter)}`;
  for await (const item of file.items()) {
    text += lineOf([...ownFields(item, withEntry), ...item.fields], file.delimiter);
    if (text.length < CHUNK_CHARACTERS) continue;
    yield text;
    text = '';
  }
  yield text;
}

async function anyEntry(items: AsyncIterable<RejectedItem>): Promise<boolean> {
  for await (const { faults } of items) if (faults.some(({ entry }) => entry !== undefined)) return true;
  return false;
}

/** Several faults of one item stand in one field each, in the same order, parted by `; `. */
function ownFields({ waybillId, line, faults }: RejectedItem, withEntry: boolean): string[] {
  const joined = (part: (fault: RejectedItem['faults'][number]) => string | undefined) => {
    const parts = faults.map((fault) => part(fault) ?? '');
    return parts.every((text) => text === '') ? '' : parts.join('; ');
  };
  // A fault further down in an item of several lines is where people have to look.
  const lines = faults.every((fault) => fault.line <= line) ? String(line) : joined((fault) => String(fault.line));
  const fields = [waybillId, lines, joined((f) => f.column), joined((f) => f.code), joined((f) => f.reason)];
  return withEntry ? [...fields, joined((fault) => fault.entry)] : fields;
}

function lineOf(fields: readonly string[], delimiter: string): string {
  return `${fields.map((field) => quoted(neutralise(field), delimiter)).join(delimiter)}\r\n`;
}

function quoted(field: string, delimiter: string): string {
  if (!field.includes(delimiter) && !/["\r\n]/.test(field)) return field;
  return `"${field.replaceAll('"', '""')}"`;
}

/** Delimiter and header from what the format's scan found, with a comma and no names where it found none. */
export function layoutOf(
  scan: Readonly<Record<string, unknown>> | undefined,
): Pick<RejectedFile, 'delimiter' | 'header'> {
  const { delimiter, header }: { readonly delimiter?: unknown; readonly header?: unknown } = scan ?? {};
  return {
    delimiter: typeof delimiter === 'string' && delimiter !== '' ? delimiter : ',',
    header: Array.isArray(header) ? header.filter((name) => typeof name === 'string') : [],
  };
}
