/** Rows as items: values picked, trimmed, defaulted, and held against the rules of the record map. */
import type { DateParts, Fault, TypedValue } from '../../engine/contracts/item.ts';
import { restore } from '../../engine/rejected-csv.ts';
import type { PlacedItem } from '../text/reader.ts';
import { type CompiledColumn, dayFromText } from './columns.ts';
import { type ReturnedColumns, withoutReturned } from './returned.ts';
import { lineBreaks } from './rows.ts';
import type { Layout } from './scan.ts';

const NO_FAULTS: readonly Fault[] = Object.freeze([]);
const NO_DATES: readonly (DateParts | undefined)[] = Object.freeze([]);

/** One row. Dates that were read while it was checked are kept. */
export class RowItem implements PlacedItem {
  readonly line: number;
  readonly lastLine: number;
  /** Offset just after the row. */
  readonly cursor: number;
  readonly fields: readonly string[];
  readonly faults: readonly Fault[];
  readonly values: readonly string[];
  readonly corrects?: string;
  readonly #columns: readonly CompiledColumn[];
  /** By column, with holes; empty where the row has no date. */
  readonly #dates: readonly (DateParts | undefined)[];

  constructor(
    place: { readonly line: number; readonly lastLine: number; readonly cursor: number },
    fields: readonly string[],
    values: readonly string[],
    faults: readonly Fault[],
    columns: readonly CompiledColumn[],
    dates: readonly (DateParts | undefined)[],
    corrects?: string,
  ) {
    this.line = place.line;
    this.lastLine = place.lastLine;
    this.cursor = place.cursor;
    this.fields = fields;
    this.values = values;
    this.faults = faults;
    this.#columns = columns;
    this.#dates = dates;
    if (corrects !== undefined) this.corrects = corrects;
  }

  /** The row's line end is its last line's. */
  get linesAfter(): number {
    return this.lastLine;
  }

  typed(index: number): TypedValue {
    const value = this.values[index];
    if (value === undefined || value === '') return null;
    const column = this.#columns[index];
    return column === undefined ? value : column.typed(value, this.#dates[index]);
  }

  date(index: number): DateParts | undefined {
    return this.#dates[index];
  }
}

/** Where a row stands. */
interface Place {
  readonly line: number;
  readonly lastLine: number;
  readonly cursor: number;
}

/** Makes items of the rows of one file. */
export class ItemMaker {
  readonly #columns: readonly CompiledColumn[];
  readonly #places: readonly number[];
  readonly #width: number;
  readonly #header: readonly string[] | undefined;
  readonly #trim: boolean;
  readonly #today: string;
  readonly #todayNumber: number;
  readonly #noValues: readonly string[];
  readonly #returned: ReturnedColumns | undefined;
  #faults: Fault[] = [];
  #dates: (DateParts | undefined)[] = [];

  /** @param today `yyyy-MM-dd` */
  constructor(columns: readonly CompiledColumn[], layout: Layout, trim: boolean, today: string) {
    this.#columns = columns;
    this.#places = layout.columns ?? [];
    this.#width = layout.width;
    this.#header = layout.header;
    this.#returned = layout.returned;
    this.#trim = trim;
    this.#today = today;
    this.#todayNumber = dayFromText(today);
    const own = layout.width - (layout.returned?.count ?? 0);
    this.#noValues = Object.freeze(new Array<string>(layout.columns?.length ?? own).fill(''));
  }

  make(fields: readonly string[], line: number, lastLine: number, cursor: number): RowItem {
    const place = { line, lastLine, cursor };
    if (this.#returned !== undefined) return this.#makeReturned(fields, place, this.#returned);
    return this.#make(fields, fields.length, place, undefined);
  }

  /** A row out of `rejected.csv`; with its id come the cells as we wrote them, made harmless for spreadsheets. */
  #makeReturned(row: readonly string[], place: Place, returned: ReturnedColumns): RowItem {
    const id = (row[returned.at] ?? '').trim();
    const fields = withoutReturned(row, returned);
    return id === ''
      ? this.#make(fields, row.length, place, undefined)
      : this.#make(fields.map(restore), row.length, place, id);
  }

  /** @param found number of fields in the file's row; an edited row has those that it must have */
  #make(fields: readonly string[], found: number, place: Place, corrects: string | undefined): RowItem {
    if (found !== this.#width) {
      const reason = `the row has ${found} ${found === 1 ? 'field' : 'fields'}, ${this.#width} are expected`;
      const fault = { code: 'WRONG_COLUMN_COUNT', line: place.line, reason };
      return new RowItem(place, fields, this.#noValues, [fault], this.#columns, NO_DATES, corrects);
    }
    if (this.#isHeader(fields)) {
      const fault = {
        code: 'HEADER_REPEATED',
        line: place.line,
        reason: 'the row is the header of the file once more',
      };
      return new RowItem(place, fields, this.#noValues, [fault], this.#columns, NO_DATES, corrects);
    }
    if (this.#columns.length === 0)
      return new RowItem(place, fields, fields, NO_FAULTS, this.#columns, NO_DATES, corrects);
    this.#faults = [];
    this.#dates = [];
    const values: string[] = [];
    for (let index = 0; index < this.#columns.length; index += 1) values.push(this.#value(index, fields, place));
    const faults = this.#faults.length === 0 ? NO_FAULTS : this.#faults;
    return new RowItem(place, fields, values, faults, this.#columns, this.#dates, corrects);
  }

  /** Every value is the name of its column: no patient is called `last_name`. */
  #isHeader(fields: readonly string[]): boolean {
    const header = this.#header;
    if (header === undefined || fields[0]?.trim() !== header[0]) return false;
    return header.every((name, index) => fields[index]?.trim() === name);
  }

  /** The item that a row of the file's own columns would be. */
  remake(fields: readonly string[], { line, lastLine }: { readonly line: number; readonly lastLine: number }): RowItem {
    const found = fields.length + (this.#returned?.count ?? 0);
    return this.#make(fields, found, { line, lastLine, cursor: 0 }, undefined);
  }

  #value(
    index: number,
    fields: readonly string[],
    place: { readonly line: number; readonly lastLine: number },
  ): string {
    const column = this.#columns[index]!;
    let value = fields[this.#places[index]!] ?? '';
    if (this.#trim) value = value.trim();
    if (value === '') {
      value = column.fallback;
      if (value === '') {
        if (column.required) this.#fault(index, 'VALUE_MISSING', `${column.name} must have a value`, fields, place);
        return value;
      }
    }
    for (const rule of column.rules) {
      if (!rule.keeps(value)) this.#fault(index, rule.code, rule.reason, fields, place);
    }
    if (column.read !== undefined) this.#readDate(index, column.read(value, this.#today), fields, place);
    return value;
  }

  #readDate(
    index: number,
    parts: DateParts | undefined,
    fields: readonly string[],
    place: { readonly line: number; readonly lastLine: number },
  ): void {
    const column = this.#columns[index]!;
    if (parts === undefined) {
      const { dateFault } = column;
      if (dateFault !== undefined) this.#fault(index, dateFault.code, dateFault.reason, fields, place);
      return;
    }
    this.#dates[index] = parts;
    if (column.dayRules.length === 0) return;
    const day = column.dayOf(parts);
    for (const rule of column.dayRules) {
      if (!rule.keeps(day, this.#todayNumber)) this.#fault(index, rule.code, rule.reason, fields, place);
    }
  }

  /** Notes a fault, with the physical line on which its field begins. */
  #fault(
    index: number,
    code: string,
    reason: string,
    fields: readonly string[],
    place: { readonly line: number; readonly lastLine: number },
  ): void {
    let { line } = place;
    if (place.lastLine > line) {
      for (const field of fields.slice(0, Math.max(this.#places[index]!, 0))) line += lineBreaks(field);
    }
    this.#faults.push({ code, column: this.#columns[index]!.name, line, reason });
  }
}
