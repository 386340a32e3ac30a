/** Files that come back: the columns that `rejected.csv` puts in front of a file's own. */
import { ALWAYS_COLUMNS, OWN_COLUMNS } from '../../engine/rejected-csv.ts';

const [ID] = OWN_COLUMNS;

/** Where the columns of `rejected.csv` stand in a row: a run of so many, of which the first is the row's id. */
export interface ReturnedColumns {
  readonly at: number;
  readonly count: number;
}

/**
 * Finds the columns of `rejected.csv` in a header; `undefined` where it has no `waybill_id`, or the record map has a column
 * of that name. All of ours in a row are ours. People take some of them away, and files have columns with the same names:
 * then one behind the id counts as ours while they stand in our order, unless the record map knows the name and the header
 * has it only once.
 */
export function returnedColumns(
  header: readonly string[],
  known: (name: string) => boolean,
): ReturnedColumns | undefined {
  const names = header.map((name) => name.trim());
  const at = names.indexOf(ID);
  if (at < 0 || known(ID)) return undefined;
  const whole = ALWAYS_COLUMNS.every((name, index) => names[at + index] === name);
  let order = whole ? ALWAYS_COLUMNS.length - 1 : 0;
  let end = at + 1 + order;
  for (; end < names.length; end += 1) {
    const name = names[end] ?? '';
    const place = (OWN_COLUMNS as readonly string[]).indexOf(name);
    const again = names.indexOf(name, end + 1) >= 0;
    if (place <= order || (known(name) && !again)) break;
    order = place;
  }
  return { at, count: end - at };
}

/** The row without those columns. */
export function withoutReturned(fields: readonly string[], { at, count }: ReturnedColumns): string[] {
  return [...fields.slice(0, at), ...fields.slice(at + count)];
}
