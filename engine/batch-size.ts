/**
 * How many messages go out at once, where batches are `auto`: a batch that is too large is halved, down to single messages;
 * what worked is remembered, and tried larger again after a while.
 */
import type { BatchSettings } from './contracts/production.ts';
import type { BatchLimit } from './contracts/store.ts';

/** Time that a size is kept before a larger one is tried, where the settings do not say, milliseconds. */
const TRY_LARGER_AFTER = 86_400_000;
/** A size between what worked and what was too many is tried while one is more than this many times the other. */
const CLOSE = 1.5;

/** The limits for the next batch: those of the settings, or what the receiver is known to take. */
export function limited(settings: BatchSettings, limit: BatchLimit | undefined, now: number): BatchSettings {
  if (settings.mode !== 'auto' || !limit) return settings;
  const larger = now >= limit.tryLargerAt ? limit.messages * 2 : limit.messages;
  return {
    ...settings,
    maxMessages: Math.max(1, Math.min(settings.maxMessages, larger)),
    maxBytes: Math.min(settings.maxBytes, limit.bytes ?? settings.maxBytes),
  };
}

/** What is known after a batch of `count` messages was too large. @param maxBytes where the receiver said how much it takes */
export function afterTooLarge(
  limit: BatchLimit | undefined,
  count: number,
  maxBytes: number | undefined,
  settings: BatchSettings,
  now: number,
): BatchLimit {
  // What worked before and is too many now has ceased to work.
  const worked = limit && limit.worked < count ? limit.worked : 0;
  const tooMany = Math.min(count, limit && limit.tryLargerAt > now ? (limit.tooMany ?? count) : count);
  const half = Math.max(1, Math.ceil(tooMany / 2));
  return {
    messages: worked > 0 ? worked : half,
    worked,
    tooMany,
    bytes: maxBytes ?? limit?.bytes,
    since: now,
    tryLargerAt: now + (settings.tryLargerAfter ?? TRY_LARGER_AFTER),
  };
}

/**
 * What is known after a batch of `count` messages was taken; the same object where nothing is new. Between what worked and
 * what was too many, the middle is tried, once or twice: then the calls are few and none is wasted.
 */
export function afterTaken(limit: BatchLimit, count: number, settings: BatchSettings, now: number): BatchLimit {
  if (count < limit.messages || count <= limit.worked) return limit;
  const tooMany = limit.tooMany !== undefined && limit.tooMany > count ? limit.tooMany : undefined;
  const messages = tooMany !== undefined && tooMany / count > CLOSE ? Math.ceil((count + tooMany) / 2) : count;
  const tryLargerAt = now + (settings.tryLargerAfter ?? TRY_LARGER_AFTER);
  return { ...limit, messages, worked: count, tooMany, since: now, tryLargerAt };
}
