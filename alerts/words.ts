/** What the rules put into sentences: numbers, times, lists, codes. */
export { counted, span } from '../engine/words.ts';

/** Bytes in powers of 1,000: `1.2 GB`. */
export function size(bytes: number): string {
  for (const [unit, factor] of [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['KB', 1e3],
  ] as const)
    if (bytes >= factor) return `${(bytes / factor).toFixed(1)} ${unit}`;
  return `${bytes} B`;
}

/** Milliseconds since 1970 in a zone of the IANA list: `2026-03-01 14:05:09 (America/Denver)`. */
export function localTime(at: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  return `${format.format(at)} (${timeZone})`;
}

/** Words as a person lists them, the first few. */
export function listed(words: readonly string[], most = 5): string {
  const more = words.length - most;
  return more > 0 ? `${words.slice(0, most).join(', ')} and ${more} more` : words.join(', ');
}

/**
 * A code as it may stand in an alert: those of our own tables look like this. What a receiver calls its fault could hold
 * anything, so it is left out.
 */
export function safeCode(code: unknown): string | undefined {
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,59}$/.test(code) ? code : undefined;
}
