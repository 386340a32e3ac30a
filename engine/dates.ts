/**
 * Dates as people write them, by the date patterns of Unicode (LDML, UTS 35 "Date Field Symbols"): `yyyy yy`, `M MM`,
 * `d dd`, `H HH`, `h hh`, `m mm`, `s ss`, `S` to `SSSSSSSSS`, `a`, `x xx xxx`, `X XX XXX`, `Z`; other letters stand in
 * single quotes, `''` is a quote, everything else is itself. A pattern is compiled once to closures.
 *
 * Reading is strict: the whole text, the exact number of digits (one or two where the letter stands alone), a day that
 * exists. A two-digit year gives the latest date of that year that does not lie after today.
 */
import type { DateParts } from './contracts/item.ts';
import { defineErrors, WaybillError } from './errors.ts';
import { offsetOf, ZONE_ERRORS } from './zones.ts';

export { inZone, isZone, shift, today, toInstant } from './zones.ts';

export const DATE_ERRORS = defineErrors({
  ...ZONE_ERRORS,
  BAD_DATE_PATTERN: {
    means: 'A date format is not a Unicode date pattern that can be used here.',
    cure: 'Write it with yyyy yy M MM d dd H HH h hh m mm s ss S a x xx xxx X XX XXX Z; other letters in single quotes.',
  },
  DATE_WITHOUT_ZONE: {
    means: 'A date format asks for an offset, and neither the date nor the caller has a zone.',
    cure: 'Give the zone, or leave the offset out of the format.',
  },
});

/** Reads a text, or says `undefined` where it does not fit. `today` (`yyyy-MM-dd`) is for two-digit years; else the clock's. */
export type DateReader = (text: string, today?: string) => DateParts | undefined;
/** Writes parts. `zone` gives the offset where the pattern asks for one and the parts have none. @throws `DATE_WITHOUT_ZONE` */
export type DateWriter = (parts: DateParts, zone?: string) => string;

type Letter = 'y' | 'M' | 'd' | 'H' | 'h' | 'm' | 's' | 'S' | 'a' | 'x' | 'X' | 'Z';
type Token = { readonly literal: string } | { readonly letter: Letter; readonly width: number };

const WIDTHS: Readonly<Record<Letter, readonly number[]>> = {
  y: [2, 4],
  M: [1, 2],
  d: [1, 2],
  H: [1, 2],
  h: [1, 2],
  m: [1, 2],
  s: [1, 2],
  S: [1, 2, 3, 4, 5, 6, 7, 8, 9],
  a: [1],
  x: [1, 2, 3],
  X: [1, 2, 3],
  Z: [1, 2, 3],
};
const HINTS: Readonly<Record<string, string>> = {
  Y: 'Y is the year of the week: write yyyy',
  u: 'write yyyy for the year',
  D: 'D is the day of the year: write d or dd for the day of the month',
  n: 'write m or mm for minutes',
  z: 'write x or X for an offset',
  T: "write 'T' in single quotes",
  y: 'write yyyy or yy',
};

/** What is wrong with a pattern, as a sentence; `undefined` where it can be used. Reading asks for more than writing. */
export function datePatternProblem(pattern: string, use: 'read' | 'write' = 'write'): string | undefined {
  const tokens = tokensOf(pattern);
  if (typeof tokens === 'string') return tokens;
  return use === 'read' ? readingProblem(tokens) : undefined;
}

/** Compiles a pattern for reading. @throws WaybillError `BAD_DATE_PATTERN` */
export function compileDateReader(pattern: string): DateReader {
  const tokens = tokensOf(pattern);
  const problem = typeof tokens === 'string' ? tokens : readingProblem(tokens);
  if (typeof tokens === 'string' || problem !== undefined) throw badPattern(pattern, problem ?? '');
  const steps = tokens.map(readStep);
  const seen = new Int32Array(SLOTS);
  const shortYear = tokens.some((token) => 'letter' in token && token.letter === 'y' && token.width === 2);
  return (text, day) => {
    seen.set(EMPTY);
    let at = 0;
    for (const step of steps) {
      at = step(text, at, seen);
      if (at < 0) return undefined;
    }
    if (at !== text.length) return undefined;
    if (shortYear) seen[YEAR] = fullYear(seen, day);
    return partsOf(seen);
  };
}

/** Compiles a pattern for writing. @throws WaybillError `BAD_DATE_PATTERN` */
export function compileDateWriter(pattern: string): DateWriter {
  const tokens = tokensOf(pattern);
  if (typeof tokens === 'string') throw badPattern(pattern, tokens);
  const steps = tokens.map((token) => writeStep(token, pattern));
  return (parts, zone) => {
    let text = '';
    for (const step of steps) text += step(parts, zone);
    return text;
  };
}

function badPattern(pattern: string, problem: string): WaybillError {
  return new WaybillError('BAD_DATE_PATTERN', `date format ${JSON.stringify(pattern.slice(0, 60))}: ${problem}`);
}

/** Splits a pattern, or says what is wrong with it. */
function tokensOf(pattern: string): readonly Token[] | string {
  if (pattern === '') return 'it is empty';
  const tokens: Token[] = [];
  const letters = new Set<string>();
  for (const [run] of pattern.matchAll(/'(?:[^']|'')*'?|([A-Za-z])\1*|[^A-Za-z']+/g)) {
    if (run.startsWith("'")) {
      if (run.split("'").length % 2 === 0) return 'a single quote is not closed';
      tokens.push({ literal: run === "''" ? "'" : run.slice(1, -1).replaceAll("''", "'") });
      continue;
    }
    const letter = run.charAt(0);
    if (!/[A-Za-z]/.test(letter)) {
      tokens.push({ literal: run });
      continue;
    }
    if (!isLetter(letter) || !WIDTHS[letter].includes(run.length)) {
      return `${run} is not known here: ${HINTS[letter] ?? 'put words in single quotes'}`;
    }
    const field = 'xXZ'.includes(letter) ? 'offset' : letter;
    if (letters.has(field)) return `${letter} stands there twice`;
    letters.add(field);
    tokens.push({ letter, width: run.length });
  }
  return tokens;
}

function isLetter(letter: string): letter is Letter {
  return Object.hasOwn(WIDTHS, letter);
}

/** What keeps a pattern from being read without a guess. */
function readingProblem(tokens: readonly Token[]): string | undefined {
  const letters = new Set(tokens.map((token) => ('letter' in token ? token.letter : undefined)));
  if (!letters.has('y')) return 'it has no year';
  if (letters.has('d') && !letters.has('M')) return 'it has a day but no month';
  if (letters.has('h') !== letters.has('a')) return 'h (1 to 12) and a (AM or PM) go together; H counts from 0 to 23';
  if (letters.has('h') && letters.has('H')) return 'it has both h and H';
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1];
    if (next === undefined || !('letter' in token) || token.width !== 1 || !'MdHhms'.includes(token.letter)) continue;
    const digitFollows = 'literal' in next ? /^\d/.test(next.literal) : 'yMdHhmsS'.includes(next.letter);
    if (digitFollows)
      return `${token.letter} may be one or two digits, and digits follow: write ${token.letter.repeat(2)}`;
  }
  return undefined;
}

// Reading. What was read stands in slots of one array, so that nothing is allocated for a text that does not fit.
const YEAR = 0;
const MONTH = 1;
const DAY = 2;
const HOUR = 3;
const MINUTE = 4;
const SECOND = 5;
const MILLISECOND = 6;
const HALF = 7;
const OFFSET = 8;
const SLOTS = 9;
const NONE = -1;
const NO_OFFSET = 10_000;
const EMPTY = [0, 1, 1, 0, 0, 0, 0, NONE, NO_OFFSET];
const SLOT_OF = { y: YEAR, M: MONTH, d: DAY, H: HOUR, h: HOUR, m: MINUTE, s: SECOND } as const;

/** Reads its part of the text at a position; gives the position after it, or -1. */
type ReadStep = (text: string, at: number, seen: Int32Array) => number;

function readStep(token: Token): ReadStep {
  if ('literal' in token) {
    const { literal } = token;
    return (text, at) => (text.startsWith(literal, at) ? at + literal.length : -1);
  }
  const { letter, width } = token;
  switch (letter) {
    case 'S':
      return (text, at, seen) => {
        const value = number(text, at, width);
        if (value < 0) return -1;
        seen[MILLISECOND] = width <= 3 ? value * 10 ** (3 - width) : Math.floor(value / 10 ** (width - 3));
        return at + width;
      };
    case 'a':
      return (text, at, seen) => {
        const half = text.slice(at, at + 2).toUpperCase();
        if (half !== 'AM' && half !== 'PM') return -1;
        seen[HALF] = half === 'AM' ? 0 : 1;
        return at + 2;
      };
    case 'x':
    case 'X':
    case 'Z':
      return offsetStep(letter === 'Z' ? 2 : width, letter === 'X');
    default: {
      const slot = SLOT_OF[letter];
      return width === 1 ? oneOrTwo(slot) : exactly(width, slot);
    }
  }
}

function exactly(width: number, slot: number): ReadStep {
  return (text, at, seen) => {
    const value = number(text, at, width);
    if (value < 0) return -1;
    seen[slot] = value;
    return at + width;
  };
}

function oneOrTwo(slot: number): ReadStep {
  return (text, at, seen) => {
    const first = text.charCodeAt(at) - 48;
    if (!(first >= 0 && first <= 9)) return -1;
    const second = text.charCodeAt(at + 1) - 48;
    const both = second >= 0 && second <= 9;
    seen[slot] = both ? first * 10 + second : first;
    return at + (both ? 2 : 1);
  };
}

/** Offsets by width: 1 is `-07` or `+0530`, 2 is `-0700`, 3 is `-07:00`; with X also `Z`. At most 14 hours. */
function offsetStep(width: number, zulu: boolean): ReadStep {
  return (text, at, seen) => {
    const sign = text.charCodeAt(at);
    if (zulu && sign === 0x5a) {
      seen[OFFSET] = 0;
      return at + 1;
    }
    if (sign !== 0x2b && sign !== 0x2d) return -1;
    const hours = number(text, at + 1, 2);
    if (hours < 0 || hours > 14) return -1;
    if (width === 3 && text.charAt(at + 3) !== ':') return -1;
    const minutesAt = width === 3 ? at + 4 : at + 3;
    const minutes = number(text, minutesAt, 2);
    if (minutes < 0 && width > 1) return -1;
    const total = hours * 60 + Math.max(minutes, 0);
    if (minutes > 59 || total > 14 * 60) return -1;
    seen[OFFSET] = sign === 0x2d ? -total : total;
    return minutes < 0 ? at + 3 : minutesAt + 2;
  };
}

/** The number that these digits make, or -1. */
function number(text: string, at: number, width: number): number {
  let value = 0;
  for (let index = at; index < at + width; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function partsOf(seen: Int32Array): DateParts | undefined {
  const year = seen[YEAR]!;
  const month = seen[MONTH]!;
  const day = seen[DAY]!;
  const hour = hourOf(seen[HOUR]!, seen[HALF]!);
  const minute = seen[MINUTE]!;
  const second = seen[SECOND]!;
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour < 0 || hour > 23 || minute > 59 || second > 59) return undefined;
  const offset = seen[OFFSET] === NO_OFFSET ? undefined : seen[OFFSET];
  return { year, month, day, hour, minute, second, millisecond: seen[MILLISECOND]!, offset };
}

/** The hour from 0 to 23, or -1 where an hour of 12 is out of its range. */
function hourOf(hour: number, half: number): number {
  if (half === NONE) return hour;
  if (hour < 1 || hour > 12) return -1;
  return (hour % 12) + half * 12;
}

/** Number of days of a month (1 to 12) in the Gregorian calendar. */
function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** The latest year with these two last digits in which the date read does not lie after today. */
function fullYear(seen: Int32Array, today: string | undefined): number {
  const now = today ?? new Date().toISOString();
  const thisYear = Number(now.slice(0, 4));
  const year = thisYear - (thisYear % 100) + seen[YEAR]!;
  const late =
    year * 10_000 + seen[MONTH]! * 100 + seen[DAY]! >
    thisYear * 10_000 + Number(now.slice(5, 7)) * 100 + Number(now.slice(8, 10));
  return late ? year - 100 : year;
}

// Writing.
type WriteStep = (parts: DateParts, zone: string | undefined) => string;

function writeStep(token: Token, pattern: string): WriteStep {
  if ('literal' in token) return () => token.literal;
  const { letter, width } = token;
  switch (letter) {
    case 'y':
      return width === 2 ? (parts) => padded(parts.year % 100, 2) : (parts) => padded(parts.year, 4);
    case 'M':
      return (parts) => padded(parts.month, width);
    case 'd':
      return (parts) => padded(parts.day, width);
    case 'H':
      return (parts) => padded(parts.hour, width);
    case 'h':
      return (parts) => padded(parts.hour % 12 || 12, width);
    case 'm':
      return (parts) => padded(parts.minute, width);
    case 's':
      return (parts) => padded(parts.second, width);
    case 'S':
      return (parts) => padded(parts.millisecond, 3).padEnd(9, '0').slice(0, width);
    case 'a':
      return (parts) => (parts.hour < 12 ? 'AM' : 'PM');
    default:
      return (parts, zone) => offsetText(offsetFor(parts, zone, pattern), letter === 'Z' ? 2 : width, letter === 'X');
  }
}

function padded(value: number, width: number): string {
  return width === 2 && value > 9 ? String(value) : String(value).padStart(width, '0');
}

function offsetFor(parts: DateParts, zone: string | undefined, pattern: string): number {
  if (parts.offset !== undefined) return parts.offset;
  if (zone !== undefined) return offsetOf(parts, zone);
  const message = `date format ${JSON.stringify(pattern)} asks for an offset, and the date has none. ${DATE_ERRORS.DATE_WITHOUT_ZONE.cure}`;
  throw new WaybillError('DATE_WITHOUT_ZONE', message);
}

function offsetText(offset: number, width: number, zulu: boolean): string {
  if (zulu && offset === 0) return 'Z';
  const minutes = Math.abs(offset);
  const hours = (offset < 0 ? '-' : '+') + padded(Math.floor(minutes / 60), 2);
  const rest = minutes % 60;
  if (width === 1) return rest === 0 ? hours : hours + padded(rest, 2);
  return hours + (width === 3 ? ':' : '') + padded(rest, 2);
}
