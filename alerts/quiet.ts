import type { MaintenanceWindow } from '../engine/contracts/production.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const DAY = 24 * 60;

/** True where a moment (milliseconds since 1970) lies in one of the windows, in the zone of each. */
export function inWindow(windows: readonly MaintenanceWindow[], at: number): boolean {
  return windows.some((window) => {
    const { day, minute } = wallClock(at, window.timeZone);
    // A window that goes over midnight is looked at from the day on which it began, too.
    const length = (window.to - window.from + DAY) % DAY || DAY;
    return [0, 1].some((daysAgo) => {
      const begun = window.days.includes((day - daysAgo + 7) % 7);
      const passed = minute + daysAgo * DAY - window.from;
      return begun && passed >= 0 && passed < length;
    });
  });
}

function wallClock(at: number, timeZone: string): { readonly day: number; readonly minute: number } {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return { day: DAYS.indexOf(parts.get('weekday') ?? ''), minute };
}
