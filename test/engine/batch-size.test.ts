import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { afterTaken, afterTooLarge, limited } from '../../engine/batch-size.ts';
import type { BatchSettings } from '../../engine/contracts/production.ts';
import type { BatchLimit } from '../../engine/contracts/store.ts';

const AUTO: BatchSettings = {
  mode: 'auto',
  maxMessages: 1000,
  maxBytes: 4_000_000,
  maxAge: 0,
  mixSubmissions: false,
  tryLargerAfter: 1000,
};

/** Calls that a lane makes to deliver so many messages to a receiver that takes this many at once. */
function calls(messages: number, takes: number, planAhead = false): { calls: number; refused: number; last: number } {
  let limit: BatchLimit | undefined;
  let left = messages;
  let [made, refused] = [0, 0];
  let next: number | undefined;
  while (left > 0) {
    const size = next ?? Math.min(left, limited(AUTO, limit, 0).maxMessages);
    next = planAhead && left > size ? Math.min(left - size, limited(AUTO, limit, 0).maxMessages) : undefined;
    made += 1;
    assert.ok(made < 10_000, 'it comes to an end');
    if (size > takes) {
      refused += 1;
      limit = afterTooLarge(limit, size, undefined, AUTO, 0);
      next = undefined;
      continue;
    }
    left -= size;
    if (limit) limit = afterTaken(limit, size, AUTO, 0);
  }
  return { calls: made, refused, last: limit?.messages ?? AUTO.maxMessages };
}

describe('the size of batches', () => {
  for (const takes of [1, 7, 120, 200, 999, 1000]) {
    for (const planAhead of [false, true]) {
      test(`1,000 messages to a receiver that takes ${takes}${planAhead ? ', planned ahead' : ''}`, () => {
        const least = Math.ceil(1000 / takes);
        const made = calls(1000, takes, planAhead);
        assert.ok(made.calls <= 2 * least, `${made.calls} calls, ${least} would do`);
      });
    }
  }

  test('a thousand messages to any receiver that takes at most two hundred: within twice the least', () => {
    const takes = fc.integer({ min: 1, max: 200 });
    fc.assert(
      fc.property(takes, (takes) => {
        const made = calls(1000, takes);
        assert.ok(made.calls <= 2 * Math.ceil(1000 / takes), `${made.calls} calls for ${takes} at once`);
        assert.ok(made.last <= takes);
      }),
    );
  });

  test('is tried larger after a while, once, and goes back where that is too many', () => {
    const learned = afterTaken(afterTooLarge(undefined, 4, undefined, AUTO, 0), 2, AUTO, 0);
    const worked = afterTaken({ ...learned, tooMany: 3 }, 2, AUTO, 0);
    assert.equal(limited(AUTO, worked, 999).maxMessages, worked.messages);
    assert.equal(limited(AUTO, worked, 1000).maxMessages, worked.messages * 2);
    const back = afterTooLarge(worked, worked.messages * 2, undefined, AUTO, 1000);
    assert.equal(back.messages, worked.worked);
    assert.equal(limited(AUTO, back, 1500).maxMessages, worked.worked);
    const larger = afterTaken(worked, worked.messages * 2, AUTO, 1000);
    assert.equal(larger.worked, worked.messages * 2);
  });

  test('what the receiver says that it takes counts, and never more than the settings allow', () => {
    const limit = afterTooLarge(undefined, 1000, 64_000, AUTO, 0);
    assert.equal(limited(AUTO, limit, 0).maxBytes, 64_000);
    assert.equal(limited({ ...AUTO, maxBytes: 1000 }, limit, 0).maxBytes, 1000);
    assert.equal(limited({ ...AUTO, maxMessages: 3 }, limit, 0).maxMessages, 3);
  });

  test('a receiver that takes less than before is learned anew', () => {
    const before: BatchLimit = {
      messages: 100,
      worked: 100,
      tooMany: 150,
      bytes: undefined,
      since: 0,
      tryLargerAt: 1000,
    };
    assert.equal(afterTooLarge(before, 100, undefined, AUTO, 0).messages, 50);
  });

  test('other modes know nothing of it', () => {
    const limit: BatchLimit = { messages: 1, worked: 1, tooMany: 2, bytes: 1, since: 0, tryLargerAt: 1000 };
    assert.deepEqual(limited({ ...AUTO, mode: 'batch' }, limit, 0), { ...AUTO, mode: 'batch' });
    assert.deepEqual(limited(AUTO, undefined, 0), AUTO);
  });
});
