/** Record maps as they are written: the columns of a file, and the rules for a row. */
import type { CsvSettings } from './settings.ts';

export const COLUMN_TYPES = ['text', 'code', 'integer', 'decimal', 'date', 'dateTime', 'boolean'] as const;
export type ColumnType = (typeof COLUMN_TYPES)[number];

export interface Column {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly type: ColumnType;
  readonly required?: boolean;
  readonly inHeader?: 'required' | 'optional';
  readonly default?: string;
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly formats?: readonly string[];
  readonly table?: string;
  readonly ignoreCase?: boolean;
  readonly notAfter?: string;
  readonly notBefore?: string;
  readonly searchable?: boolean;
}

export interface Unique {
  readonly columns: readonly string[];
  readonly ignoreCase?: boolean;
}

export interface RecordMap extends CsvSettings {
  readonly recordMap: string;
  readonly headerCase?: 'exact' | 'ignore';
  readonly extraColumns?: 'ignore' | 'refuse';
  readonly trim?: boolean;
  readonly columns: readonly Column[];
  readonly unique?: Unique;
}

/** True where the header must have the column: where the map says so, and for required columns unless it says otherwise. */
export function mustStandInHeader(column: Column): boolean {
  return (column.inHeader ?? (column.required ? 'required' : 'optional')) === 'required';
}
