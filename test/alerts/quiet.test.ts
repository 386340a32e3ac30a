import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inWindow } from '../../alerts/quiet.ts';

const NIGHT = { days: [1], from: 22 * 60, to: 6 * 60, timeZone: 'America/Denver' };

test('a window belongs to the day on which it begins, in its zone, over midnight too', () => {
  // 2 March 2026 is a Monday; Denver is seven hours behind UTC then.
  const cases = [
    ['2026-03-03T04:59:00Z', false],
    ['2026-03-03T05:00:00Z', true],
    ['2026-03-03T12:59:00Z', true],
    ['2026-03-03T13:00:00Z', false],
    ['2026-03-04T05:30:00Z', false],
  ] as const;
  for (const [at, expected] of cases) assert.equal(inWindow([NIGHT], Date.parse(at)), expected, at);
});

test('from and to alike are a whole day; without windows nothing is quiet', () => {
  const sunday = { days: [0], from: 0, to: 0, timeZone: 'UTC' };
  assert.equal(inWindow([sunday], Date.parse('2026-03-01T23:59:00Z')), true);
  assert.equal(inWindow([sunday], Date.parse('2026-03-02T00:00:00Z')), false);
  assert.equal(inWindow([], Date.parse('2026-03-01T12:00:00Z')), false);
});
