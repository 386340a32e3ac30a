/** Columns of a record map, compiled to closures: what is wrong with a value, and what it is worth. */
import { RE2JS } from 're2js';
import type { DateParts, TypedValue } from '../../engine/contracts/item.ts';
import type { Resources, TableData } from '../../engine/contracts/resources.ts';
import { compileDateReader, inZone, toInstant } from '../../engine/dates.ts';
import { WaybillError } from '../../engine/errors.ts';
import type { Column } from './record-map.ts';

/** A rule that a value which is not empty must keep. The reason names the rule. */
export interface Rule {
  readonly code: string;
  readonly reason: string;
  keeps(value: string): boolean;
}

/** Rules for the day of a date; `today` as `yyyyMMdd`. */
interface DayRule {
  readonly code: string;
  readonly reason: string;
  keeps(day: number, today: number): boolean;
}

export interface CompiledColumn {
  readonly name: string;
  readonly required: boolean;
  readonly fallback: string;
  readonly rules: readonly Rule[];
  /** For dates: reads a value by the first format that fits. */
  readonly read: ((value: string, today: string) => DateParts | undefined) | undefined;
  readonly dateFault: Rule | undefined;
  readonly dayRules: readonly DayRule[];
  /** The day by which `dayRules` go, `yyyyMMdd`, in the production's zone where the value has an offset. */
  dayOf(parts: DateParts): number;
  /** Typed value; `parts` for dates. */
  typed(value: string, parts: DateParts | undefined): TypedValue;
  /** Everything that is wrong with one value; for defaults. */
  faultsOf(value: string, today: string): readonly { readonly code: string; readonly reason: string }[];
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', 'y', 't', '1'].map((word) => [word, true] as const),
  ...['false', 'no', 'n', 'f', '0'].map((word) => [word, false] as const),
]);

/** Compiles one column. @throws WaybillError where the record map has issues that `check` would have found */
export function compileColumn(column: Column, resources: Resources): CompiledColumn {
  const { timeZone } = resources;
  const dated = column.type === 'date' || column.type === 'dateTime';
  const compiled: Omit<CompiledColumn, 'faultsOf'> = {
    name: column.name,
    required: column.required ?? false,
    fallback: column.default ?? '',
    rules: rulesOf(column, resources),
    read: dated ? compileFormats(column.formats ?? []) : undefined,
    dateFault: dated ? dateFault(column) : undefined,
    dayRules: dayRulesOf(column),
    dayOf: (parts) => dayNumber(parts.offset === undefined ? parts : inZone(toInstant(parts, timeZone), timeZone)),
    typed: typedOf(column, timeZone),
  };
  return { ...compiled, faultsOf: (value, today) => faultsOf(compiled, value, today) };
}

function faultsOf(column: Omit<CompiledColumn, 'faultsOf'>, value: string, today: string) {
  const broken: { code: string; reason: string }[] = column.rules.filter((rule) => !rule.keeps(value));
  if (column.read === undefined || column.dateFault === undefined) return broken;
  const parts = column.read(value, today);
  if (parts === undefined) return [...broken, column.dateFault];
  const day = column.dayOf(parts);
  return [...broken, ...column.dayRules.filter((rule) => !rule.keeps(day, dayFromText(today)))];
}

function rulesOf(column: Column, resources: Resources): readonly Rule[] {
  const rules: Rule[] = [];
  const { name, maxLength, minLength, pattern } = column;
  const typeRule = typeRuleOf(column, resources);
  if (typeRule !== undefined) rules.push(typeRule);
  if (maxLength !== undefined) {
    const keeps = (value: string) => value.length <= maxLength || characters(value) <= maxLength;
    rules.push({ code: 'TOO_LONG', reason: `${name} may have at most ${maxLength} characters`, keeps });
  }
  if (minLength !== undefined) {
    const keeps = (value: string) => characters(value) >= minLength;
    rules.push({ code: 'TOO_SHORT', reason: `${name} must have at least ${minLength} characters`, keeps });
  }
  if (pattern !== undefined) {
    const compiled = RE2JS.compile(pattern);
    const keeps = (value: string) => compiled.testExact(value);
    rules.push({ code: 'PATTERN_MISMATCH', reason: `${name} must fit the pattern ${pattern}`, keeps });
  }
  return rules;
}

function typeRuleOf(column: Column, resources: Resources): Rule | undefined {
  const { name } = column;
  switch (column.type) {
    case 'code':
      return codeRule(column, resources);
    case 'integer':
      return {
        code: 'NOT_AN_INTEGER',
        reason: `${name} must be a whole number`,
        keeps: (value) => /^[+-]?\d+$/.test(value),
      };
    case 'decimal': {
      const keeps = (value: string) => /^[+-]?(?:\d+(?:\.\d+)?|\.\d+)$/.test(value);
      return { code: 'NOT_A_DECIMAL', reason: `${name} must be a number, with a point for decimals`, keeps };
    }
    case 'boolean': {
      const keeps = (value: string) => BOOLEANS.has(value.toLowerCase());
      return {
        code: 'NOT_A_BOOLEAN',
        reason: `${name} must be true or false, yes or no, Y or N, T or F, 1 or 0`,
        keeps,
      };
    }
    default:
      return undefined;
  }
}

function codeRule(column: Column, resources: Resources): Rule {
  const name = column.table ?? '';
  const table = Object.hasOwn(resources.tables, name) ? resources.tables[name] : undefined;
  if (table === undefined) {
    throw new WaybillError('UNKNOWN_TABLE', `column ${column.name} names the table ${name}, which does not exist`);
  }
  const ignoreCase = column.ignoreCase ?? false;
  const codes = codesOf(table, ignoreCase);
  const reason = `${column.name} must be a code of the table ${name}`;
  const keeps = ignoreCase ? (value: string) => codes.has(value.toLowerCase()) : (value: string) => codes.has(value);
  return { code: 'NOT_IN_TABLE', reason, keeps };
}

const codeSets = { exact: new WeakMap<TableData, Set<string>>(), folded: new WeakMap<TableData, Set<string>>() };

/** The codes of a table, made once for each table. */
function codesOf(table: TableData, ignoreCase: boolean): Set<string> {
  const sets = ignoreCase ? codeSets.folded : codeSets.exact;
  let codes = sets.get(table);
  if (codes === undefined) {
    codes = new Set(table.rows.map(([code = '']) => (ignoreCase ? code.toLowerCase() : code)));
    sets.set(table, codes);
  }
  return codes;
}

function dateFault(column: Column): Rule {
  const reason = `${column.name} must be a date that exists, written as ${(column.formats ?? []).join(' or ')}`;
  return { code: 'NOT_A_DATE', reason, keeps: () => false };
}

function compileFormats(formats: readonly string[]): (value: string, today: string) => DateParts | undefined {
  const readers = formats.map((format) => compileDateReader(format));
  return (value, today) => {
    for (const read of readers) {
      const parts = read(value, today);
      if (parts !== undefined) return parts;
    }
    return undefined;
  };
}

function dayRulesOf(column: Column): readonly DayRule[] {
  const rules: DayRule[] = [];
  const { name, notAfter, notBefore } = column;
  if (notAfter !== undefined) {
    const fixed = notAfter === 'today' ? undefined : dayFromText(notAfter);
    const reason = `${name} must not lie after ${notAfter === 'today' ? 'the day the file came' : notAfter}`;
    rules.push({ code: 'DATE_TOO_LATE', reason, keeps: (day, today) => day <= (fixed ?? today) });
  }
  if (notBefore !== undefined) {
    const fixed = notBefore === 'today' ? undefined : dayFromText(notBefore);
    const reason = `${name} must not lie before ${notBefore === 'today' ? 'the day the file came' : notBefore}`;
    rules.push({ code: 'DATE_TOO_EARLY', reason, keeps: (day, today) => day >= (fixed ?? today) });
  }
  return rules;
}

function typedOf(column: Column, timeZone: string): (value: string, parts: DateParts | undefined) => TypedValue {
  switch (column.type) {
    case 'integer':
      return (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value.replace('+', '')));
    case 'decimal':
      return (value) => Number(value);
    case 'boolean':
      return (value) => BOOLEANS.get(value.toLowerCase()) ?? null;
    case 'date': // a day has no zone: midnight UTC, as databases of documents keep days
      return (_, parts) => (parts === undefined ? null : new Date(toInstant({ ...parts, offset: 0 }, 'UTC')));
    case 'dateTime':
      return (_, parts) => (parts === undefined ? null : new Date(toInstant(parts, timeZone)));
    default:
      return (value) => value;
  }
}

/** Number of characters, not of UTF-16 units. */
function characters(value: string): number {
  let count = 0;
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if (code < 0xdc00 || code > 0xdfff) count += 1;
  }
  return count;
}

function dayNumber(parts: DateParts): number {
  return parts.year * 10_000 + parts.month * 100 + parts.day;
}

/** `yyyy-MM-dd` as the number yyyyMMdd. */
export function dayFromText(day: string): number {
  return Number(day.slice(0, 4)) * 10_000 + Number(day.slice(5, 7)) * 100 + Number(day.slice(8, 10));
}
