import type { Invocation } from './command.ts';

export { counted, span } from '../engine/words.ts';

/** Control characters, and those that turn the direction of text: what a receiver or a sender wrote must not steer a terminal. */
const STEERING = /[\0-\x08\x0B-\x1F\x7F-\x9F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g;

/** The text with characters that would steer a terminal written as `\x1b` or `\u202e`. Line ends and tabs stay. */
export function visible(text: string): string {
  return text.replace(STEERING, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** Prints lines for people, safe for a terminal: a line break in a file's name makes no line of its own. */
export function printLines(invocation: Invocation, lines: readonly string[]): void {
  for (const line of lines) invocation.print(visible(line).replaceAll('\n', '\\x0a'));
}

/** Prints one value as JSON; undefined keys are left out. */
export function printJson(invocation: Invocation, value: unknown): void {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  invocation.print(
    JSON.stringify(value, undefined, 2).replace(/[\x7F-\x9F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g, escaped),
  );
}

/** Whether `--json` was given. */
export function wantsJson(invocation: Invocation): boolean {
  return invocation.flags.json === true;
}

/** Columns side by side, two spaces between them; the last one is as wide as it is. Empty cells at the end leave nothing. */
export function aligned(rows: readonly (readonly string[])[], indent = ''): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, cell.length);
    });
  }
  return rows.map((row) => `${indent}${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd());
}

/** Milliseconds since 1970 as ISO 8601 in the zone of this machine: `2026-03-01T14:05:09-07:00`. */
export function localTime(at: number): string {
  const minutes = -new Date(at).getTimezoneOffset();
  const zone = `${minutes < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return `${new Date(at + minutes * 60_000).toISOString().slice(0, 19)}${zone}`;
}

/** Milliseconds since 1970 as ISO 8601 in UTC, for programs. */
export function isoTime(at: number): string;
export function isoTime(at: number | undefined): string | null;
export function isoTime(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}

/** Counts by state in words: `10 delivered, 2 invalid`; `none` where there are none. */
export function stateCounts(counts: Readonly<Partial<Record<string, number>>>): string {
  const words = Object.entries(counts).map(([state, n]) => `${n ?? 0} ${state}`);
  return words.length === 0 ? 'none' : words.join(', ');
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
