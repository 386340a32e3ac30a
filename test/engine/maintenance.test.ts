import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MaintenanceWindow } from '../../engine/contracts/production.ts';
import { maintenanceUntil } from '../../engine/maintenance.ts';

const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];
const NIGHT: MaintenanceWindow = { days: EVERY_DAY, from: 22 * 60, to: 2 * 60, timeZone: 'UTC' };
const at = (text: string) => Date.parse(text);
const until = (windows: readonly MaintenanceWindow[], now: string) => {
  const end = maintenanceUntil(windows, at(now));
  return end === undefined ? undefined : new Date(end).toISOString().slice(0, 16);
};

describe('a maintenance window', () => {
  test('begins at its first minute and ends before its last, over midnight too', () => {
    assert.equal(until([NIGHT], '2026-11-22T21:59:59Z'), undefined);
    assert.equal(until([NIGHT], '2026-11-22T22:00:00Z'), '2026-11-23T02:00');
    assert.equal(until([NIGHT], '2026-11-23T01:59:59Z'), '2026-11-23T02:00');
    assert.equal(until([NIGHT], '2026-11-23T02:00:00Z'), undefined);
  });

  test('is on the days on which it begins, by the clocks of its zone', () => {
    const sunday = { days: [0], from: 2 * 60, to: 4 * 60, timeZone: 'America/Denver' };
    assert.equal(until([sunday], '2026-11-22T09:30:00Z'), '2026-11-22T11:00');
    assert.equal(until([sunday], '2026-11-22T03:00:00Z'), undefined, 'Saturday there');
    assert.equal(until([{ ...NIGHT, days: [6] }], '2026-11-22T01:00:00Z'), '2026-11-22T02:00', 'began on Saturday');
    assert.equal(until([{ ...NIGHT, days: [0] }], '2026-11-22T01:00:00Z'), undefined);
  });

  test('keeps its clock times when the clocks change', () => {
    const zone = { days: EVERY_DAY, from: 60, to: 4 * 60, timeZone: 'America/Denver' };
    assert.equal(until([zone], '2026-03-08T08:30:00Z'), '2026-03-08T10:00', 'two hours long on the short day');
    assert.equal(until([zone], '2026-11-01T07:30:00Z'), '2026-11-01T11:00', 'four hours long on the long day');
  });

  test('that begins where another ends goes on with it', () => {
    const late = { ...NIGHT, from: 2 * 60, to: 3 * 60 };
    assert.equal(until([NIGHT, late], '2026-11-22T23:00:00Z'), '2026-11-23T03:00');
  });

  test('of a whole day, every day, does not run for ever', () => {
    const always = { ...NIGHT, from: 0, to: 0 };
    assert.ok((maintenanceUntil([always], at('2026-11-22T12:00:00Z')) ?? 0) > at('2026-11-23T00:00:00Z'));
  });

  test('none is none', () => {
    assert.equal(until([], '2026-11-22T23:00:00Z'), undefined);
  });
});
