/** The rule `unique`: the key of a row, and the fault of a later row with the same key. */
import type { Fault } from '../../engine/contracts/item.ts';
import type { Resources } from '../../engine/contracts/resources.ts';
import { compileDateReader, toInstant } from '../../engine/dates.ts';
import type { Column, RecordMap } from './record-map.ts';

/** Compiles the rule to a function from a row's values to its key; `undefined` for a row whose key is empty throughout. */
export function compileUnique(
  map: RecordMap,
  resources: Resources,
): ((values: readonly string[]) => string | undefined) | undefined {
  const { unique } = map;
  if (unique === undefined) return undefined;
  const parts = unique.columns.map((name) => {
    const index = map.columns.findIndex((column) => column.name === name);
    return { index, normal: normalOf(map.columns[index], unique.ignoreCase ?? false, resources.timeZone) };
  });
  return (values) => {
    let key = '';
    let empty = true;
    for (const { index, normal } of parts) {
      const value = normal(values[index] ?? '');
      if (value !== '') empty = false;
      key += `${value.length}:${value}`;
    }
    return empty ? undefined : key;
  };
}

/** One fault for each column of the key. */
export function uniqueFaults(map: RecordMap, line: number): readonly Fault[] {
  const columns = map.unique?.columns ?? [];
  const reason = `an earlier row of the file has the same ${columns.join(', ')}`;
  return columns.map((column) => ({ code: 'NOT_UNIQUE', column, line, reason }));
}

/** How a value is compared: a date by what it means however it is written, other values as text. */
function normalOf(column: Column | undefined, ignoreCase: boolean, timeZone: string): (value: string) => string {
  const readers = (column?.formats ?? []).map((format) => compileDateReader(format));
  if (readers.length === 0) return ignoreCase ? (value) => value.toLowerCase() : (value) => value;
  return (value) => {
    for (const read of readers) {
      const parts = read(value);
      if (parts !== undefined) return String(toInstant(parts, timeZone));
    }
    return value;
  };
}
