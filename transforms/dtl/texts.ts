/** Pure work on texts for the functions of the DTL. Characters are code points, so that none is cut in half. */

const SURROGATE = /[\uD800-\uDFFF]/;

/** The characters from `from` up to, not including, `to`; negative numbers count from the end. */
export function slice(value: string, from: number, to: number | undefined): string {
  return SURROGATE.test(value) ? [...value].slice(from, to).join('') : value.slice(from, to);
}

/** Without any of these characters at one end. */
export function strip(value: string, characters: string, end: 'start' | 'end'): string {
  let from = 0;
  let to = value.length;
  if (end === 'start') while (from < to && characters.includes(value.charAt(from))) from++;
  else while (to > from && characters.includes(value.charAt(to - 1))) to--;
  return value.slice(from, to);
}

/** The part with this number, from 1, of a value split at a text; the empty text where there is none. */
export function part(value: string, separator: string, number: number): string {
  return value.split(separator, number)[number - 1] ?? '';
}

/** Each `#` of the mask replaced by the next character; the value itself where their numbers differ. */
export function fill(value: string, mask: string): string {
  const characters = [...value];
  if (mask.split('#').length - 1 !== characters.length) return value;
  let next = 0;
  return mask.replace(/#/g, () => characters[next++] ?? '');
}

/**
 * Whether a text is a National Provider Identifier: ten digits, the first 1 or 2, and the Luhn check over `80840` and the
 * digits (CMS, "Requirements for NPI check digit").
 */
export function isNpi(value: string): boolean {
  if (!/^[12]\d{9}$/.test(value)) return false;
  let sum = 24; // What the prefix 80840 adds.
  for (let index = 0; index < 10; index++) {
    const digit = value.charCodeAt(index) - 48;
    const doubled = digit * 2;
    sum += index % 2 === 1 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** A decimal number written with so many decimals, rounded half away from zero on its digits; `undefined` if it is none. */
export function decimals(value: string, places: number): string | undefined {
  const match = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(value.trim());
  if (!match) return undefined;
  const [, sign, whole = '', fraction = ''] = match;
  const kept = BigInt(whole + fraction.slice(0, places).padEnd(places, '0'));
  const up = fraction.charCodeAt(places) >= 0x35;
  const digits = String(kept + (up ? 1n : 0n)).padStart(places + 1, '0');
  const minus = sign === '-' && /[1-9]/.test(digits) ? '-' : '';
  const end = digits.length - places;
  return places === 0 ? minus + digits : `${minus}${digits.slice(0, end)}.${digits.slice(end)}`;
}
