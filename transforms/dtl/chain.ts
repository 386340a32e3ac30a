/** Runs the functions of `as` one after the other; between date functions the value stays a date. */

import type { DateParts } from '../../engine/contracts/item.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { compileDateWriter, inZone, shift, toInstant } from '../../engine/dates.ts';
import { readAnyDate } from './anydate.ts';
import type { ChainLink } from './functions.ts';
import { addFault, type Frame, type Read, type ReadDate, type Scope, type TextFunction } from './program.ts';

/** The value that the functions begin with. */
interface Start {
  readonly read: Read;
  /** Its date parts, where it comes from a date column. */
  readonly date: ReadDate | undefined;
  readonly columns: readonly string[];
}

/** The value at some place of the chain: a text, or a date until something writes it. */
type Value = { readonly read: Read; readonly date?: never } | { readonly date: ReadDate; readonly read?: never };

/** Compiles a chain to one function. A chain that ends with a date that nobody writes is reported. */
export function runChain(links: readonly ChainLink[], start: Start, at: KeyPath, scope: Scope): Read {
  const zone = scope.compilation.resources.timeZone;
  const [first] = links;
  let value: Value = first && first.kind !== 'text' && start.date ? { date: start.date } : { read: start.read };
  for (const link of links) {
    if (link.kind === 'text' && !value.read) return unwritten(at, scope);
    value = applied(link, value, start.columns, zone);
  }
  return value.read ?? unwritten(at, scope);
}

function unwritten(at: KeyPath, scope: Scope): Read {
  scope.problems.add(at, 'DTL_BAD_ARGUMENT', 'a date that is not written', 'date(FORMAT) after shift and zone');
  return () => '';
}

function applied(link: ChainLink, value: Value, columns: readonly string[], zone: string): Value {
  if (link.kind === 'text') return { read: textStep(value.read ?? (() => ''), link.run) };
  const date = value.date ?? ((frame: Frame) => dateOfText(frame, value.read(frame), columns));
  if (link.kind === 'write') return { read: written(date, compileDateWriter(link.pattern), zone) };
  return {
    date: dateStep(
      date,
      link.kind === 'shift' ? (parts) => shift(parts, link.ms) : (parts) => inZone(toInstant(parts, zone), link.zone),
    ),
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
