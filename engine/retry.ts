/** When a call that did not get through is tried again: schedules as data. */
import type { RetrySettings } from './contracts/production.ts';

/**
 * Milliseconds before attempt `attempts + 1`. By the schedule, whose last wait is repeated, exactly; else `first`, times
 * `factor` each time, up to `ceiling`, a part of it by chance.
 * @param attempts made so far, from 1
 * @param random a number from 0 to 1
 */
export function retryWait(attempts: number, retry: RetrySettings, random: () => number): number {
  const nth = Math.max(attempts - 1, 0);
  const { schedule } = retry;
  if (schedule && schedule.length > 0) return schedule[Math.min(nth, schedule.length - 1)] ?? 0;
  const grown = retry.first === 0 ? 0 : retry.first * retry.factor ** nth;
  const full = Math.min(grown, retry.ceiling);
  return Math.round(full * (1 - retry.jitter + 2 * retry.jitter * random()));
}

/** What was tried so far. */
export interface Tried {
  /** Attempts before the one that has just failed. */
  readonly attempts: number;
  /** Milliseconds since 1970; `undefined`: the one that has just failed was the first. */
  readonly firstAttemptAt: number | undefined;
}

export type NextTry =
  /** Milliseconds since 1970. */
  | { readonly kind: 'at'; readonly at: number }
  /** No more tries; why, as the beginning of a sentence. */
  | { readonly kind: 'never'; readonly why: string };

/**
 * When what has just failed is tried again, or that it is not.
 * @param retryAfterMs what the receiver asked for; it wins where it is longer
 */
export function nextTry(
  tried: Tried,
  retry: RetrySettings,
  now: number,
  random: () => number,
  retryAfterMs = 0,
): NextTry {
  const attempts = tried.attempts + 1;
  if (retry.maxAttempts !== 'unlimited' && attempts >= retry.maxAttempts)
    return {
      kind: 'never',
      why: `Tried ${attempts === 1 ? 'once' : `${attempts} times`}, as often as the destination allows`,
    };
  if (retry.giveUpAfter !== 'never' && now - (tried.firstAttemptAt ?? now) >= retry.giveUpAfter)
    return { kind: 'never', why: 'Tried for as long as the destination allows' };
  return { kind: 'at', at: now + Math.max(retryWait(attempts, retry, random), retryAfterMs) };
}
