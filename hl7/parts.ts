import { WaybillError } from '../engine/errors.ts';
import { type Delimiters, isHeader } from './delimiters.ts';
import type { Path } from './paths.ts';

/**
 * Finding and replacing parts of one segment's text by counting separators. Nothing is split into a tree: what is not
 * asked for is not looked at, and what is not changed stays as it was read.
 */

/** Where inside a field: as in `Path`, 0 = not said. */
export type FieldPart = Pick<Path, 'repetition' | 'component' | 'subcomponent'>;

interface Span {
  readonly start: number;
  readonly end: number;
}

/** The n-th part (from 1) of `text` inside `within`; `undefined` where there are fewer. */
function nthSpan(text: string, separator: string, n: number, within: Span): Span | undefined {
  if (separator === '') return n === 1 ? within : undefined;
  let start = within.start;
  for (let passed = 1; passed < n; passed++) {
    const at = text.indexOf(separator, start);
    if (at < 0 || at >= within.end) return undefined;
    start = at + 1;
  }
  const at = text.indexOf(separator, start);
  return { start, end: at < 0 || at > within.end ? within.end : at };
}

/** The place of a field among a segment's separators, from 1. In a header the separator itself is field 1. */
function position(segment: string, field: number): number {
  return isHeader(segment) ? field : field + 1;
}

/** The raw text of a field of a segment's text; `undefined` where the segment ends before it. */
export function rawField(line: string, segment: string, field: number, delimiters: Delimiters): string | undefined {
  if (field === 1 && isHeader(segment)) return delimiters.field;
  const span = nthSpan(line, delimiters.field, position(segment, field), { start: 0, end: line.length });
  return span && line.slice(span.start, span.end);
}

/** The raw text of a part of a field; `undefined` where it is not there. */
export function rawPart(field: string, part: FieldPart, delimiters: Delimiters): string | undefined {
  let span: Span | undefined = { start: 0, end: field.length };
  for (const level of levels(part, delimiters)) {
    span = nthSpan(field, level.separator, level.n, span);
    if (!span) return undefined;
  }
  return field.slice(span.start, span.end);
}

/** Number of repetitions of a field; none where it is empty. */
export function countRepetitions(field: string, delimiters: Delimiters): number {
  if (field === '') return 0;
  return delimiters.repetition === '' ? 1 : field.split(delimiters.repetition).length;
}

/**
 * The segment's text with another raw value in one field.
 * @throws WaybillError HL7_DELIMITERS_FIXED for the first two fields of a header.
 */
export function withField(line: string, segment: string, field: number, raw: string, delimiters: Delimiters): string {
  refuseDelimiterFields(segment, field);
  return withNth(line, delimiters.field, position(segment, field), () => raw);
}

/**
 * The field's text with another raw value in one part of it.
 * @throws WaybillError HL7_DELIMITER_MISSING where the message declares no delimiter for that part.
 */
export function withPart(field: string, part: FieldPart, raw: string, delimiters: Delimiters): string {
  const [outer, ...inner] = levels(part, delimiters);
  if (!outer) return raw;
  return replaceIn(field, outer, inner, raw);
}

/** @throws WaybillError HL7_DELIMITERS_FIXED for the first two fields of a header segment. */
export function refuseDelimiterFields(segment: string, field: number): void {
  if (field > 2 || !isHeader(segment)) return;
  throw new WaybillError(
    'HL7_DELIMITERS_FIXED',
    `${segment}-${field} holds the delimiters, which are written by themselves; leave it out`,
    { path: `${segment}-${field}` },
  );
}

interface Level {
  readonly separator: string;
  readonly n: number;
}

/** The separators to count on the way to a part, from the outermost; none for the whole field. */
function levels(part: FieldPart, delimiters: Delimiters): Level[] {
  const { repetition, component, subcomponent } = part;
  if (repetition === 0 && component === 0) return [];
  const found: Level[] = [{ separator: delimiters.repetition, n: repetition || 1 }];
  if (component > 0) found.push({ separator: delimiters.component, n: component });
  if (subcomponent > 0) found.push({ separator: delimiters.subcomponent, n: subcomponent });
  return found;
}

function replaceIn(text: string, level: Level, inner: readonly Level[], raw: string): string {
  const [next, ...rest] = inner;
  return withNth(text, level.separator, level.n, (old) => (next ? replaceIn(old, next, rest, raw) : raw));
}

function withNth(text: string, separator: string, n: number, change: (old: string) => string): string {
  const span = nthSpan(text, separator, n, { start: 0, end: text.length });
  if (span) {
    const value = change(text.slice(span.start, span.end));
    const changed = text.slice(0, span.start) + value + text.slice(span.end);
    const clearedTheLast = value === '' && span.end === text.length;
    return clearedTheLast ? trimEnd(changed, separator) : changed;
  }
  const value = change('');
  if (value === '') return text;
  if (separator === '') throw missingDelimiter();
  return text + separator.repeat(n - count(text, separator)) + value;
}

function count(text: string, separator: string): number {
  let parts = 1;
  for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + 1)) parts++;
  return parts;
}

/** The text without the separators at its end. */
export function trimEnd(text: string, separator: string): string {
  if (separator === '') return text;
  let end = text.length;
  while (end > 0 && text[end - 1] === separator) end--;
  return text.slice(0, end);
}

function missingDelimiter(): WaybillError {
  return new WaybillError(
    'HL7_DELIMITER_MISSING',
    'the path names a part for which MSH-2 declares no delimiter; have the message declare ^~\\&',
  );
}
