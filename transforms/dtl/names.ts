/** What a name in `from` stands for: a column, a typed column, a value, a field of the upload, the submission, a variable. */
import { suggest } from '../../engine/config/suggest.ts';
import type { TypedValue } from '../../engine/contracts/item.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { dateOfText } from './chain.ts';
import type { Read, ReadDate, Scope } from './program.ts';

/** A name that was found. */
export interface Origin {
  readonly label: string;
  readonly read: Read;
  /** The date parts behind `read`, where the name is a date column. */
  readonly date: ReadDate | undefined;
  /** Name and index of the column behind it. */
  readonly column: string | undefined;
  /** Index of the column whose text this is as it stands; -1 otherwise. */
  readonly index: number;
  /** Set where the value is the same for every item. */
  readonly constant: string | undefined;
}

const SUBMISSION_KEYS = ['name', 'line', 'id', 'service'] as const;

/** Finds a name; what does not exist is reported, and is empty. */
export function originOf(name: string, at: KeyPath, scope: Scope): Origin {
  const found = find(name, scope);
  if (found) return found;
  scope.problems.add(at, 'DTL_UNKNOWN_NAME', name, suggestion(name, scope));
  return constantOrigin(name, '');
}

function find(name: string, scope: Scope): Origin | undefined {
  const { columns, resources } = scope.compilation;
  const slot = scope.variables.get(name);
  if (slot !== undefined) return plainOrigin(name, (frame) => frame.variables[slot] ?? '');
  const index = columns.findIndex((column) => column.name === name);
  if (index >= 0) return columnOrigin(index, scope);
  const dot = name.indexOf('.');
  const [root, key] = dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
  if (root === 'row' && dot > 0) return find(key, scope);
  if (root === 'typed') return typedOrigin(key, scope);
  if (root === 'values' && Object.hasOwn(resources.values, key))
    return constantOrigin(name, resources.values[key] ?? '');
  if (root === 'fields' && key !== '') {
    return plainOrigin(name, ({ context }) => (Object.hasOwn(context.fields, key) ? (context.fields[key] ?? '') : ''));
  }
  if (root === 'submission') return submissionOrigin(name, key);
  return name === 'partner' ? plainOrigin(name, ({ context }) => context.partner) : undefined;
}

function plainOrigin(label: string, read: Read): Origin {
  return { label, read, date: undefined, column: undefined, index: -1, constant: undefined };
}

function constantOrigin(label: string, text: string): Origin {
  return { ...plainOrigin(label, () => text), constant: text };
}

function columnOrigin(index: number, scope: Scope): Origin {
  const column = scope.compilation.columns[index]!;
  const isDate = column.type === 'date' || column.type === 'dateTime';
  // A column with a default, say, has a text but may have no parts: then the text itself is read.
  const date: ReadDate = (frame) =>
    frame.item.date(index) ?? dateOfText(frame, frame.values[index] ?? '', [column.name]);
  return {
    label: column.name,
    read: ({ values }) => values[index] ?? '',
    date: isDate ? date : undefined,
    column: column.name,
    index,
    constant: undefined,
  };
}

function typedOrigin(key: string, scope: Scope): Origin | undefined {
  const index = scope.compilation.columns.findIndex((column) => column.name === key);
  if (index < 0) return undefined;
  const origin = columnOrigin(index, scope);
  return { ...origin, label: `typed.${key}`, index: -1, read: ({ item }) => typedText(item.typed(index)) };
}

/** A typed value as text: numbers in decimal, dates in ISO 8601 (UTC). */
export function typedText(value: TypedValue): string {
  if (value === null) return '';
  return value instanceof Date ? value.toISOString() : String(value);
}

function submissionOrigin(label: string, key: string): Origin | undefined {
  if (key === 'line') return plainOrigin(label, ({ item }) => String(item.line));
  if (key === 'name' || key === 'id' || key === 'service')
    return plainOrigin(label, ({ context }) => context.submission[key]);
  return undefined;
}

function suggestion(name: string, scope: Scope): string {
  const { columns, resources } = scope.compilation;
  const names = [
    ...columns.map((column) => column.name),
    ...columns.map((column) => `typed.${column.name}`),
    ...Object.keys(resources.values).map((key) => `values.${key}`),
    ...SUBMISSION_KEYS.map((key) => `submission.${key}`),
    ...scope.variables.keys(),
  ];
  const meant = suggest(name, names);
  return meant
    ? `${meant}?`
    : 'a column of the record map, values.NAME, fields.NAME, submission.NAME, typed.COLUMN or a variable';
}
