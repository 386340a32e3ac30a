/** Fields of a row by name: for people who edit a row, and who look rows up. */
import type { SearchField } from '../../engine/contracts/format.ts';
import { Names } from './header.ts';
import type { RecordMap } from './record-map.ts';
import type { Layout } from './scan.ts';

/** Place in a row of a column of the record map, by its name or an alias, or of a name in the header. */
export function placeOfField(layout: Layout, map: RecordMap | undefined, name: string): number | undefined {
  const owner = map && new Names(map).owner(name);
  const place = owner === undefined ? (layout.header ?? []).indexOf(name.trim()) : (layout.columns?.[owner] ?? -1);
  return place < 0 ? undefined : place;
}

/** The columns that are searchable. Dates are found as they are written, and by their day. */
export function searchFields(map: RecordMap): readonly SearchField[] {
  return map.columns.flatMap(({ name, type, searchable }, index): SearchField[] => {
    if (searchable !== true) return [];
    const written: SearchField = { name, value: (item) => item.values[index] ?? '' };
    if (type !== 'date' && type !== 'dateTime') return [written];
    const day: SearchField = {
      name,
      value: (item) => {
        const parts = item.date(index);
        return parts ? [digits(parts.year, 4), digits(parts.month, 2), digits(parts.day, 2)].join('-') : '';
      },
    };
    return [written, day];
  });
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
