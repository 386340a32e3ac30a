/**
 * Documents as MongoDB Extended JSON v2, relaxed where that is exact (specifications/extended-json): a double and a 32 bit
 * integer are plain numbers, dates `$date`, long integers `$numberLong`, decimals `$numberDecimal`, bytes `$binary`.
 */
import type { Node } from './document.ts';
import { base64, Decimal, type Scalar } from './values.ts';

/** Dates outside of these years are written as milliseconds. */
const YEARS = { first: 1970, last: 9999 };

/**
 * Writes a document or a part of one. Empty maps and lists are left out: the result is `undefined` where nothing
 * remains.
 */
export function writeNode(node: Node): string | undefined {
  if (node instanceof Map) return writeMap(node);
  if (Array.isArray(node)) return writeList(node);
  return node === undefined ? undefined : writeScalar(node);
}

function writeMap(map: ReadonlyMap<string, Node>): string | undefined {
  let text = '';
  for (const [key, node] of map) {
    const value = writeNode(node);
    if (value !== undefined) text += `${text === '' ? '' : ','}${quoted(key)}:${value}`;
  }
  return text === '' ? undefined : `{${text}}`;
}

function writeList(list: readonly Node[]): string | undefined {
  const values = list.map(writeNode).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : `[${values.join(',')}]`;
}

function writeScalar(value: Scalar): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `{"$numberDouble":"${value}"}`;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return `{"$numberLong":"${value}"}`;
  if (value instanceof Decimal) return `{"$numberDecimal":"${value.digits}"}`;
  if (value instanceof Date) return writeDate(value);
  return `{"$binary":{"base64":"${base64(value)}","subType":"00"}}`;
}

function writeDate(date: Date): string {
  const year = date.getUTCFullYear();
  if (year < YEARS.first || year > YEARS.last) return `{"$date":{"$numberLong":"${date.getTime()}"}}`;
  return `{"$date":"${date.toISOString().replace('.000Z', 'Z')}"}`;
}

/** A JSON text. A lone surrogate stays one instead of being escaped, so that whoever carries the message sees it. */
function quoted(text: string): string {
  if (text.isWellFormed()) return JSON.stringify(text);
  const inside = text.replace(/["\\\0-\x1f]/g, (character) => JSON.stringify(character).slice(1, -1));
  return `"${inside}"`;
}
