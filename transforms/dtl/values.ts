/** Values as documents have them: numbers that stay exact, booleans, instants, bytes. Pure. */
import type { DateParts } from '../../engine/contracts/item.ts';
import { toInstant } from '../../engine/dates.ts';

/** A decimal number that a double cannot give back: its digits, as `$numberDecimal` takes them. */
export class Decimal {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }
}

/** One value of a document. A bigint is a whole number of at most 64 bits that a double cannot hold. */
export type Scalar = string | number | bigint | boolean | Date | Decimal | Uint8Array;

/** What a decimal128 holds (IEEE 754-2008, 3.5); the exponent with room for the digits. */
const DECIMAL_DIGITS = 34;
const DECIMAL_EXPONENT = 6000;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;
const WORDS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', 'y', 't', '1'].map((word) => [word, true] as const),
  ...['false', 'no', 'n', 'f', '0'].map((word) => [word, false] as const),
]);

/**
 * The number that a text writes in decimal: a double where that gives back the same number, else a 64 bit integer, else a
 * decimal of at most 34 digits; `undefined` where it is none of them.
 */
export function numberOf(text: string): number | bigint | Decimal | undefined {
  const written = text.trim();
  const digits = significant(written);
  if (digits === undefined) return undefined;
  const double = Number(written);
  if (Number.isFinite(double) && significant(String(double)) === digits) return double === 0 ? 0 : double;
  const [, sign = '', whole = '', fraction = '', exponent] = DECIMAL.exec(written) ?? [];
  if (fraction === '' && exponent === undefined) {
    const integer = BigInt(whole) * (sign === '-' ? -1n : 1n);
    if (BigInt.asIntN(64, integer) === integer) return integer;
  }
  const length = digits.replace('-', '').indexOf('e');
  const fits = length <= DECIMAL_DIGITS && Math.abs(Number(exponent ?? 0)) <= DECIMAL_EXPONENT;
  return fits ? new Decimal(written.replace(/^\+/, '')) : undefined;
}

/** A number as `DIGITSeEXPONENT` without outer zeros, so that equal numbers have equal texts; `undefined` for other texts. */
function significant(text: string): string | undefined {
  const match = DECIMAL.exec(text);
  if (!match || `${match[2] ?? ''}${match[3] ?? ''}` === '') return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const all = (whole + fraction).replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  if (digits === '') return '0e0';
  return `${sign === '-' ? '-' : ''}${digits}e${Number(exponent) - fraction.length + all.length - digits.length}`;
}

/** true or false as record maps read them (yes, no, Y, N, T, F, 1, 0); `undefined` for other texts. */
export function booleanOf(text: string): boolean | undefined {
  return WORDS.get(text.trim().toLowerCase());
}

/** Whether a text that `readAnyDate` takes is a day (or a month, a year) without a time. */
export function isDay(text: string): boolean {
  return /^(?:\d{4}-\d\d-\d\d|\d{4}(?:\d\d){0,2})$/.test(text);
}

/** A date as an instant: a day at midnight UTC, so that it is the same day for everyone; a time without a zone in `zone`. */
export function instantOf(parts: DateParts, day: boolean, zone: string): Date {
  return new Date(day ? toInstant({ ...parts, offset: 0 }, 'UTC') : toInstant(parts, zone));
}

/** A value as text: numbers in decimal, dates in ISO 8601 (UTC), bytes in base64. */
export function scalarText(value: Scalar): string {
  if (typeof value === 'string') return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Decimal) return value.digits;
  if (value instanceof Uint8Array) return base64(value);
  return String(value);
}

/** Bytes in base64 with padding. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
