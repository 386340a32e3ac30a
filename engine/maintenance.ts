/** Maintenance windows: hours in which no call to a receiver begins. */
import type { MaintenanceWindow } from './contracts/production.ts';
import { inZone, toInstant } from './zones.ts';

const MINUTES_OF_DAY = 24 * 60;
/** A window that begins at the end of another makes one long stop; more than this many in a row are no plan. */
const IN_A_ROW = 50;

/** When the maintenance that is on at `now` ends, milliseconds since 1970; `undefined` where none is. */
export function maintenanceUntil(windows: readonly MaintenanceWindow[], now: number): number | undefined {
  let until: number | undefined;
  for (let turn = 0; turn < IN_A_ROW; turn += 1) {
    const at = until ?? now;
    const ends = windows.flatMap((window) => windowEnd(window, at) ?? []);
    if (ends.length === 0) return until;
    until = Math.max(...ends);
  }
  return until;
}

/** The end of this window where it is on at `now`; it may have begun yesterday. */
function windowEnd(window: MaintenanceWindow, now: number): number | undefined {
  for (const daysBack of [0, 1]) {
    const day = localDay(now, window.timeZone, -daysBack);
    if (!window.days.includes(day.weekday)) continue;
    const overnight = window.to <= window.from ? MINUTES_OF_DAY : 0;
    const begins = instant(day, window.from, window.timeZone);
    const ends = instant(day, window.to + overnight, window.timeZone);
    if (begins <= now && now < ends) return ends;
  }
  return undefined;
}

interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** 0 Sunday. */
  readonly weekday: number;
}

function localDay(now: number, zone: string, shift: number): Day {
  const { year, month, day } = inZone(now, zone);
  return dayOf(new Date(Date.UTC(year, month - 1, day + shift)));
}

function dayOf(date: Date): Day {
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
  };
}

/** The instant that is so many minutes after a day's midnight by the clocks there. */
function instant({ year, month, day }: Day, minutes: number, zone: string): number {
  const on = dayOf(new Date(Date.UTC(year, month - 1, day + Math.floor(minutes / MINUTES_OF_DAY))));
  const clock = minutes % MINUTES_OF_DAY;
  const time = { hour: Math.floor(clock / 60), minute: clock % 60, second: 0, millisecond: 0, offset: undefined };
  return toInstant({ year: on.year, month: on.month, day: on.day, ...time }, zone);
}
