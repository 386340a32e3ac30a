/**
 * What a name in `from` stands for: a column, a typed column, a place in a message or a document, a value, a field of the
 * upload, the submission, a variable.
 */
import { suggest } from '../../engine/config/suggest.ts';
import type { TypedValue } from '../../engine/contracts/item.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import type { TransformContext } from '../../engine/contracts/transform.ts';
import { dateOfText } from './chain.ts';
import { isLikeHl7, itemOrigin, itemPathProblem } from './item-names.ts';
import type { Frame, InputKind, Read, ReadDate, ReadValue, Scope } from './program.ts';
import { isDay, numberOf, type Scalar } from './values.ts';

/** A name that was found. */
export interface Origin {
  readonly label: string;
  readonly read: Read;
  /** The date parts behind `read`, where the name is a date column. */
  readonly date: ReadDate | undefined;
  /** Whether the value is a day without a time. */
  readonly day: (frame: Frame) => boolean;
  /** The typed value, where it is more than a text. */
  readonly value: ReadValue | undefined;
  /** Name of the column behind it, or path of the item: for faults. */
  readonly column: string | undefined;
  /** Index of the column whose text this is as it stands; -1 otherwise. */
  readonly index: number;
  /** Set where the value is the same for every item. */
  readonly constant: string | undefined;
}

const SUBMISSION: Readonly<Record<string, (context: TransformContext) => string>> = {
  name: ({ submission }) => submission.name,
  id: ({ submission }) => submission.id,
  service: ({ submission }) => submission.service,
  contentType: ({ submission }) => submission.contentType ?? '',
  part: ({ submission }) => submission.part ?? '',
  receipt: ({ submission }) => submission.receipt ?? '',
};
/** Names that mean something else than a part of a document. */
const RESERVED = new Set(['row', 'typed', 'values', 'fields', 'submission', 'partner']);
const SUBMISSION_KEYS = [...Object.keys(SUBMISSION), 'line', 'acceptedAt'];

/** Finds a name; what does not exist is reported, and is empty. */
export function originOf(name: string, at: KeyPath, scope: Scope): Origin {
  const found = find(name, scope);
  if (found) return found;
  const { input } = scope.compilation;
  const wrongPath = input !== 'hl7' || isLikeHl7(name) ? itemPathProblem(name, input) : undefined;
  if (wrongPath !== undefined) {
    scope.problems.add(
      at,
      'DTL_UNKNOWN_NAME',
      name,
      `a path into the ${input === 'hl7' ? 'message' : 'object'}: ${wrongPath}`,
    );
    return constantOrigin(name, '');
  }
  scope.problems.add(at, 'DTL_UNKNOWN_NAME', name || 'nothing', suggestion(name, scope));
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
  if (name === 'acceptedAt') return acceptedOrigin(name);
  if (name === 'partner') return plainOrigin(name, ({ context }) => context.partner);
  return RESERVED.has(root) ? undefined : itemOrigin(name, scope.compilation.input);
}

/** A name whose value is a text, and perhaps more than that. */
export function plainOrigin(label: string, read: Read, value?: ReadValue): Origin {
  return {
    label,
    read,
    date: undefined,
    day: (frame) => isDay(read(frame)),
    value,
    column: undefined,
    index: -1,
    constant: undefined,
  };
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
  const read: Read = ({ values }) => values[index] ?? '';
  return {
    ...plainOrigin(column.name, read),
    date: isDate ? date : undefined,
    day: isDate ? () => column.type === 'date' : (frame) => isDay(read(frame)),
    column: column.name,
    index,
  };
}

function typedOrigin(key: string, scope: Scope): Origin | undefined {
  const index = scope.compilation.columns.findIndex((column) => column.name === key);
  if (index < 0) return undefined;
  const origin = columnOrigin(index, scope);
  const { type } = scope.compilation.columns[index]!;
  const isNumber = type === 'integer' || type === 'decimal';
  // The text of a number is exact, a double of it may not be.
  const value: ReadValue = isNumber
    ? ({ values }) => numberOf(values[index] ?? '')
    : ({ item }) => scalarOf(item.typed(index));
  return { ...origin, label: `typed.${key}`, index: -1, read: ({ item }) => typedText(item.typed(index)), value };
}

/** A typed value as documents have it; nothing for an empty one. */
export function scalarOf(value: TypedValue): Scalar | undefined {
  if (value === null || value === '') return undefined;
  return typeof value === 'bigint' ? numberOf(String(value)) : value;
}

/** A typed value as text: numbers in decimal, dates in ISO 8601 (UTC). */
export function typedText(value: TypedValue): string {
  if (value === null) return '';
  return value instanceof Date ? value.toISOString() : String(value);
}

function submissionOrigin(label: string, key: string): Origin | undefined {
  if (key === 'line')
    return plainOrigin(
      label,
      ({ item }) => String(item.line),
      ({ item }) => item.line,
    );
  if (key === 'acceptedAt') return acceptedOrigin(label);
  const read = Object.hasOwn(SUBMISSION, key) ? SUBMISSION[key] : undefined;
  return read && plainOrigin(label, ({ context }) => read(context));
}

/** When the submission was accepted: in texts ISO 8601 in UTC. */
function acceptedOrigin(label: string): Origin {
  const value = ({ context }: Frame): Date => new Date(context.acceptedAt);
  return plainOrigin(label, (frame) => value(frame).toISOString(), value);
}

function suggestion(name: string, scope: Scope): string {
  const { columns, resources, input } = scope.compilation;
  const names = [
    ...columns.map((column) => column.name),
    ...columns.map((column) => `typed.${column.name}`),
    ...Object.keys(resources.values).map((key) => `values.${key}`),
    ...SUBMISSION_KEYS.map((key) => `submission.${key}`),
    ...(input === 'rows' || input === 'none' ? [] : ['item.text', 'item.bytes']),
    ...['partner', 'acceptedAt'],
    ...scope.variables.keys(),
  ];
  const meant = suggest(name, names);
  const others = 'values.NAME, fields.NAME, submission.NAME, partner, acceptedAt or a variable';
  return meant ? `${meant}?` : `${ITEMS[input]}${others}`;
}

/** What the names of each kind of input are, for messages. */
const ITEMS: Readonly<Record<InputKind, string>> = {
  rows: 'a column of the record map, typed.COLUMN, ',
  hl7: 'a path such as PID-5.1, item.text, item.bytes, ',
  json: 'a path into the item, item.text, item.bytes, ',
  raw: 'item.bytes, item.text, ',
  none: '',
};
