/** Runs the functions of `as` one after the other; between date functions the value stays a date. */

import type { DateParts } from '../../engine/contracts/item.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { compileDateWriter, inZone, shift, toInstant } from '../../engine/dates.ts';
import { readAnyDate } from './anydate.ts';
import type { ChainLink } from './functions.ts';
import {
  addFault,
  type Frame,
  type Read,
  type ReadDate,
  type ReadValue,
  type Scope,
  type TextFunction,
} from './program.ts';
import { booleanOf, instantOf, isDay, numberOf, type Scalar, scalarText } from './values.ts';

/** The value that the functions begin with. */
interface Start {
  readonly read: Read;
  /** Its date parts, where it comes from a date column. */
  readonly date: ReadDate | undefined;
  /** Whether it is a day without a time. */
  readonly day: IsDay;
  readonly columns: readonly string[];
}

type IsDay = (frame: Frame) => boolean;

/** The value at some place of the chain: a text, a date until something writes it, or what ends the chain. */
type Value =
  | { readonly kind: 'text'; readonly read: Read }
  | { readonly kind: 'date'; readonly date: ReadDate; readonly day: IsDay }
  | { readonly kind: 'typed'; readonly value: (frame: Frame) => Scalar | undefined };

/** What a chain gives: a text, and for documents the value that it ends with where that is no text. */
interface Chained {
  readonly read: Read;
  readonly value: ReadValue | undefined;
}

/** Compiles a chain to one function. A chain that ends with a date that nobody writes is reported. */
export function runChain(links: readonly ChainLink[], start: Start, at: KeyPath, scope: Scope): Chained {
  const zone = scope.compilation.resources.timeZone;
  const [first] = links;
  const text: Value = { kind: 'text', read: start.read };
  let value: Value =
    first && isDateLink(first) && start.date ? { kind: 'date', date: start.date, day: start.day } : text;
  for (const link of links) {
    if (value.kind === 'typed') return afterTyped(at, scope);
    if (!isDateLink(link) && value.kind === 'date') return unwritten(at, scope);
    value = applied(link, value, start, zone);
  }
  if (value.kind === 'date') return unwritten(at, scope);
  if (value.kind === 'text') return { read: value.read, value: undefined };
  const { value: typed } = value;
  const read: Read = (frame) => {
    const made = typed(frame);
    return made === undefined ? '' : scalarText(made);
  };
  return { read, value: typed };
}

/** Links that take a date. */
function isDateLink({ kind }: ChainLink): boolean {
  return kind === 'write' || kind === 'shift' || kind === 'zone' || kind === 'instant';
}

const NOTHING: Chained = { read: () => '', value: undefined };

function unwritten(at: KeyPath, scope: Scope): Chained {
  scope.problems.add(at, 'DTL_BAD_ARGUMENT', 'a date that is not written', 'date(FORMAT) after shift and zone');
  return NOTHING;
}

function afterTyped(at: KeyPath, scope: Scope): Chained {
  scope.problems.add(at, 'DTL_BAD_ARGUMENT', 'a function after number, boolean or date', 'that one at the end');
  return NOTHING;
}

function applied(link: ChainLink, value: Exclude<Value, { kind: 'typed' }>, start: Start, zone: string): Value {
  const { columns } = start;
  const read = value.kind === 'text' ? value.read : start.read;
  switch (link.kind) {
    case 'text':
      return { kind: 'text', read: textStep(read, link.run) };
    case 'number':
    case 'boolean':
      return { kind: 'typed', value: link.kind === 'number' ? numberStep(read, columns) : booleanStep(read, columns) };
    default:
      return datesApplied(link, value.kind === 'date' ? value : dateFrom(read, columns), zone);
  }
}

function dateFrom(read: Read, columns: readonly string[]): Extract<Value, { kind: 'date' }> {
  return {
    kind: 'date',
    date: (frame) => dateOfText(frame, read(frame), columns),
    day: (frame) => isDay(read(frame)),
  };
}

function datesApplied(
  link: Extract<ChainLink, { kind: 'write' | 'shift' | 'zone' | 'instant' }>,
  { date, day }: Extract<Value, { kind: 'date' }>,
  zone: string,
): Value {
  switch (link.kind) {
    case 'write':
      return { kind: 'text', read: written(date, compileDateWriter(link.pattern), zone) };
    case 'shift':
      return {
        kind: 'date',
        date: dateStep(date, (parts) => shift(parts, link.ms)),
        day: link.ms % DAY === 0 ? day : NO,
      };
    case 'zone':
      return { kind: 'date', date: dateStep(date, (parts) => inZone(toInstant(parts, zone), link.zone)), day: NO };
    case 'instant':
      return { kind: 'typed', value: instantStep(date, day, zone) };
  }
}

const DAY = 86_400_000;
const NO: IsDay = () => false;

function numberStep(read: Read, columns: readonly string[]): (frame: Frame) => Scalar | undefined {
  return (frame) => {
    const text = read(frame);
    const number = text === '' ? undefined : numberOf(text);
    if (text !== '' && number === undefined)
      addFault(frame, 'NUMBER_UNREADABLE', columns, 'a decimal number of at most 34 digits was expected');
    return number;
  };
}

function booleanStep(read: Read, columns: readonly string[]): (frame: Frame) => Scalar | undefined {
  return (frame) => {
    const text = read(frame);
    const word = text === '' ? undefined : booleanOf(text);
    if (text !== '' && word === undefined)
      addFault(frame, 'BOOLEAN_UNREADABLE', columns, 'true or false, yes or no, Y or N, T or F, 1 or 0 was expected');
    return word;
  };
}

function instantStep(date: ReadDate, day: IsDay, zone: string): (frame: Frame) => Scalar | undefined {
  return (frame) => {
    const parts = date(frame);
    return parts === undefined ? undefined : instantOf(parts, day(frame), zone);
  };
}

function textStep(read: Read, run: TextFunction): Read {
  return (frame) => {
    const text = read(frame);
    return text === '' ? '' : run(text, frame);
  };
}

function dateStep(date: ReadDate, run: (parts: DateParts) => DateParts): ReadDate {
  return (frame) => {
    const parts = date(frame);
    return parts === undefined ? undefined : run(parts);
  };
}

function written(date: ReadDate, write: (parts: DateParts, zone: string) => string, zone: string): Read {
  return (frame) => {
    const parts = date(frame);
    return parts === undefined ? '' : write(parts, zone);
  };
}

/** Reads a text as a date; an empty one is none, an unreadable one is a fault. */
export function dateOfText(frame: Frame, text: string, columns: readonly string[]): DateParts | undefined {
  if (text === '') return undefined;
  const parts = readAnyDate(text);
  if (parts === undefined)
    addFault(frame, 'DATE_UNREADABLE', columns, 'a date in an ISO 8601 or HL7 form was expected');
  return parts;
}
