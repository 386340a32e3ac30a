/**
 * Time zones: instants to local time and back, by the zone database that Node brings. Looking up an offset costs
 * microseconds there, so the offsets of each zone and year are found once and kept.
 */
import type { DateParts } from './contracts/item.ts';
import { defineErrors, WaybillError } from './errors.ts';

export const ZONE_ERRORS = defineErrors({
  UNKNOWN_TIME_ZONE: {
    means: 'A time zone is not in the zone database.',
    cure: 'Write a name of the IANA database, such as America/Denver or Europe/Berlin, or UTC.',
  },
});

const MINUTE = 60_000;
const DAY = 86_400_000;

/** A stretch of time in which a zone has one offset: from `from` on, before `to` (epoch ms); `offset` in ms. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
}

interface Zone {
  readonly format: Intl.DateTimeFormat;
  readonly years: Map<number, readonly Stretch[]>;
  /** Where the last look-up ended: rows of one file lie close together. */
  last: Stretch;
}

const zones = new Map<string, Zone>();

/** True when the zone database knows this name (`America/Denver`, `UTC`, `+01:00`). */
export function isZone(name: string): boolean {
  return findZone(name) !== undefined;
}

/**
 * The instant that is meant by a local date and time, in epoch milliseconds. An offset in the parts wins over `zone`.
 * Where clocks go forward, a time that is skipped is taken by the offset before the change (02:30 becomes 03:30). Where
 * they go back, a time that comes twice is its first. Both are what RFC 5545 and ECMA-262 do.
 * @throws WaybillError `UNKNOWN_TIME_ZONE`
 */
export function toInstant(parts: DateParts, zone: string): number {
  const local = localMs(parts);
  if (parts.offset !== undefined) return local - parts.offset * MINUTE;
  const known = zoneOf(zone);
  const before = offsetAt(known, local - DAY);
  const early = local - before;
  if (offsetAt(known, early) === before) return early;
  const after = offsetAt(known, local + DAY);
  const late = local - after;
  return offsetAt(known, late) === after ? late : early;
}

/**
 * Local date and time of an instant in a zone, with the offset. Offsets are whole minutes: those of local mean time, before
 * zones were made by law, are rounded, as the written forms cannot hold their seconds.
 * @throws WaybillError `UNKNOWN_TIME_ZONE`
 */
export function inZone(epochMs: number, zone: string): DateParts {
  const offset = offsetAt(zoneOf(zone), epochMs);
  return partsOf(epochMs + offset, offset / MINUTE);
}

/** The same local date and time `ms` milliseconds later (or earlier), by the calendar without any change of clocks. */
export function shift(parts: DateParts, ms: number): DateParts {
  return partsOf(localMs(parts) + ms, parts.offset);
}

/** The day of an instant in a zone, `yyyy-MM-dd`. @throws WaybillError `UNKNOWN_TIME_ZONE` */
export function today(epochMs: number, zone: string): string {
  const parts = inZone(epochMs, zone);
  return `${String(parts.year).padStart(4, '0')}-${two(parts.month)}-${two(parts.day)}`;
}

/** Minutes east of UTC of a local date and time: its own offset, else that of the zone. @throws `UNKNOWN_TIME_ZONE` */
export function offsetOf(parts: DateParts, zone: string): number {
  return parts.offset ?? (localMs(parts) - toInstant(parts, zone)) / MINUTE;
}

/** Milliseconds since 1970 of a local date and time as if it were UTC. */
function localMs(parts: DateParts): number {
  const time = ((parts.hour * 60 + parts.minute) * 60 + parts.second) * 1000 + parts.millisecond;
  if (parts.year >= 100) return Date.UTC(parts.year, parts.month - 1, parts.day) + time;
  const date = new Date(0); // Date.UTC takes the years 0 to 99 for 1900 to 1999
  date.setUTCFullYear(parts.year, parts.month - 1, parts.day);
  return date.getTime() + time;
}

function partsOf(local: number, offset: number | undefined): DateParts {
  const date = new Date(local);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    millisecond: date.getUTCMilliseconds(),
    offset,
  };
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function zoneOf(name: string): Zone {
  const zone = zones.get(name) ?? findZone(name);
  if (zone === undefined) {
    throw new WaybillError(
      'UNKNOWN_TIME_ZONE',
      `no such time zone: ${name.slice(0, 60)}. ${ZONE_ERRORS.UNKNOWN_TIME_ZONE.cure}`,
    );
  }
  return zone;
}

function findZone(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const format = formatOf(name);
  if (format === undefined) return undefined;
  const zone: Zone = { format, years: new Map(), last: { from: 0, to: 0, offset: 0 } };
  zones.set(name, zone);
  return zone;
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function offsetAt(zone: Zone, at: number): number {
  const last = zone.last;
  if (at >= last.from && at < last.to) return last.offset;
  const year = new Date(at).getUTCFullYear();
  let stretches = zone.years.get(year);
  if (stretches === undefined) {
    stretches = stretchesOf(zone.format, year);
    zone.years.set(year, stretches);
  }
  let found = stretches[0]!;
  for (const stretch of stretches) if (stretch.from <= at) found = stretch;
  zone.last = found;
  return found.offset;
}

/** The stretches of a year in UTC: asked day by day, and halved to the millisecond where two days differ. */
function stretchesOf(format: Intl.DateTimeFormat, year: number): readonly Stretch[] {
  const end = yearStart(year + 1);
  const stretches: Stretch[] = [];
  let from = yearStart(year);
  let offset = askOffset(format, from);
  for (let day = from; day < end; day += DAY) {
    const next = Math.min(day + DAY, end - 1);
    const then = askOffset(format, next);
    if (then === offset) continue;
    const change = changeBetween(format, day, next, offset);
    stretches.push({ from, to: change, offset });
    from = change;
    offset = then;
  }
  stretches.push({ from, to: end, offset });
  return stretches;
}

function changeBetween(format: Intl.DateTimeFormat, before: number, after: number, offset: number): number {
  let low = before;
  let high = after;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (askOffset(format, middle) === offset) low = middle;
    else high = middle;
  }
  return high;
}

function yearStart(year: number): number {
  return new Date(0).setUTCFullYear(year, 0, 1);
}

/** Reads `GMT-07:00`, `GMT+05:30`, `GMT` or, for local mean time, `GMT-6:59:56`. */
function askOffset(format: Intl.DateTimeFormat, at: number): number {
  const match = /GMT(?:([+-])(\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(format.format(at));
  if (!match?.[1]) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]) + Math.round(Number(match[4] ?? 0) / 60);
  return (match[1] === '-' ? -minutes : minutes) * MINUTE;
}
