import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { RetrySettings } from '../../engine/contracts/production.ts';
import { nextTry, retryWait } from '../../engine/retry.ts';

const NOW = 1_000_000;
const MINUTE = 60_000;
const RETRY: RetrySettings = {
  first: 1000,
  factor: 2,
  ceiling: 8000,
  jitter: 0.2,
  giveUpAfter: 'never',
  maxAttempts: 'unlimited',
};
const middle = () => 0.5;

describe('the wait before the next try', () => {
  test('grows by the factor up to the ceiling, with jitter to both sides', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 2000].map((attempts) => retryWait(attempts, RETRY, middle)),
      [1000, 2000, 4000, 8000, 8000, 8000],
    );
    const settings = fc.record({
      first: fc.nat(10_000),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      ceiling: fc.nat(600_000),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const chances = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 5000 }), chances, (s, attempts, chance) => {
        const wait = retryWait(attempts, { ...RETRY, ...s }, () => chance);
        const full = Math.min(s.first === 0 ? 0 : s.first * s.factor ** (attempts - 1), s.ceiling);
        assert.ok(wait >= Math.floor(full * (1 - s.jitter)) && wait <= Math.ceil(full * (1 + s.jitter)), `${wait}`);
      }),
    );
  });

  test('by a schedule: each wait in turn, exactly, the last of them again and again', () => {
    const gateway = { ...RETRY, schedule: [0, 5 * MINUTE, 10 * MINUTE, 60 * MINUTE] };
    assert.deepEqual(
      [1, 2, 3, 4, 5, 500].map((attempts) => retryWait(attempts, gateway, () => 0.9)),
      [0, 5, 10, 60, 60, 60].map((minutes) => minutes * MINUTE),
    );
    assert.equal(retryWait(1, { ...RETRY, schedule: [] }, middle), 1000, 'an empty one is none');
  });
});

describe('the next try', () => {
  const first = { attempts: 0, firstAttemptAt: undefined };

  test('comes after the wait, or as late as the receiver asks', () => {
    assert.deepEqual(nextTry(first, RETRY, NOW, middle), { kind: 'at', at: NOW + 1000 });
    assert.deepEqual(nextTry(first, RETRY, NOW, middle, 5000), { kind: 'at', at: NOW + 5000 });
    assert.deepEqual(nextTry(first, RETRY, NOW, middle, 10), { kind: 'at', at: NOW + 1000 });
    assert.deepEqual(nextTry({ attempts: 1, firstAttemptAt: NOW }, { ...RETRY, schedule: [0, 7] }, NOW, middle), {
      kind: 'at',
      at: NOW + 7,
    });
  });

  test('is never, after so many attempts, or so long since the first', () => {
    const kind = (tried: { attempts: number; firstAttemptAt: number | undefined }, over: Partial<RetrySettings>) =>
      nextTry(tried, { ...RETRY, ...over }, NOW, middle).kind;
    assert.equal(kind(first, { maxAttempts: 1 }), 'never');
    assert.equal(kind(first, { maxAttempts: 2 }), 'at');
    assert.equal(kind({ attempts: 1, firstAttemptAt: NOW }, { maxAttempts: 2 }), 'never');
    assert.equal(kind({ attempts: 9, firstAttemptAt: NOW - 4999 }, { giveUpAfter: 5000 }), 'at');
    assert.equal(kind({ attempts: 9, firstAttemptAt: NOW - 5000 }, { giveUpAfter: 5000 }), 'never');
    assert.equal(kind({ attempts: 9_000_000, firstAttemptAt: 0 }, {}), 'at', 'for ever');
  });

  test('a schedule, a count and a time go together', () => {
    const gateway = { ...RETRY, schedule: [0, 5 * MINUTE], maxAttempts: 5, giveUpAfter: 30 * MINUTE };
    assert.deepEqual(nextTry({ attempts: 3, firstAttemptAt: NOW }, gateway, NOW, middle), {
      kind: 'at',
      at: NOW + 5 * MINUTE,
    });
    assert.deepEqual(nextTry({ attempts: 4, firstAttemptAt: NOW }, gateway, NOW, middle), {
      kind: 'never',
      why: 'Tried 5 times, as often as the destination allows',
    });
  });
});
