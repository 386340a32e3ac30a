import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { MessagePacker, unpackMessages } from '../../engine/blocks.ts';
import type { AnswerRead, Format } from '../../engine/contracts/format.ts';
import type { MessageOutcome } from '../../engine/contracts/operation.ts';
import type { RetrySettings } from '../../engine/contracts/production.ts';
import { ConfigError, PermanentError, TooLargeError, TransientError, UncertainError } from '../../engine/errors.ts';
import { readAnswer, readFailure, retryWait } from '../../engine/outcome.ts';
import { Members, type Ready } from '../../engine/plan-batch.ts';

const NOW = 100_000;
const RETRY: RetrySettings = { first: 1000, factor: 2, ceiling: 8000, jitter: 0.2, giveUpAfter: 'never' };
const middle = () => 0.5;

function ready(over: Partial<Ready> = {}, ids: readonly string[] = ['a', 'b']): Ready {
  const packer = new MessagePacker();
  for (const id of ids) packer.addText('MSH', id);
  const members = new Members();
  const add = members.from(unpackMessages(packer.pack()), 40);
  ids.forEach((_, position) => {
    add(position);
  });
  return {
    batch: 3,
    attempts: 0,
    firstAttemptAt: undefined,
    plannedAt: 0,
    dueAt: 0,
    replaces: undefined,
    members,
    ...over,
  };
}

function fail(error: unknown, over: Partial<Ready> = {}, retry: Partial<RetrySettings> = {}) {
  return readFailure(error, ready(over), { ...RETRY, ...retry }, NOW, middle);
}

describe('an error by its class', () => {
  test('the receiver’s words stand in the ledger and never in the log: they may name a patient', () => {
    const error = new ConfigError('X_FAULT', 'host: the receiver refused the request', {
      words: 'unknown: Ironwood, Quin',
    });
    const { words, logged, stop } = fail(error);
    assert.match(words, /Ironwood/);
    assert.match(stop?.reason ?? '', /Ironwood/);
    assert.equal(logged, 'host: the receiver refused the request');
  });

  test('transient: queued again, due after the back-off, nothing stopped', () => {
    const { rest, dueAt, stop, code, whose } = fail(new TransientError('X_AWAY', 'Away.', { whose: 'network' }));
    assert.deepEqual([rest, dueAt, stop, code, whose], ['queued', NOW + 1000, undefined, 'X_AWAY', 'network']);
    assert.equal(fail(new TransientError('X', 'x'), { attempts: 2 }).dueAt, NOW + 4000);
  });

  test('transient with Retry-After: never before it, never before the back-off', () => {
    assert.equal(fail(new TransientError('X', 'x', { retryAfterMs: 60_000 })).dueAt, NOW + 60_000);
    assert.equal(fail(new TransientError('X', 'x', { retryAfterMs: 10 })).dueAt, NOW + 1000);
  });

  test('transient after giveUpAfter since the first attempt: failed', () => {
    const error = new TransientError('X', 'Away.');
    const settings = { giveUpAfter: 5000 };
    assert.equal(fail(error, { firstAttemptAt: NOW - 4999 }, settings).rest, 'queued');
    const gaveUp = fail(error, { firstAttemptAt: NOW - 5000 }, settings);
    assert.deepEqual([gaveUp.rest, gaveUp.code, gaveUp.dueAt], ['failed', 'GAVE_UP', 0]);
    assert.match(gaveUp.words, /Away\./);
    assert.equal(fail(error, {}, settings).rest, 'queued', 'the first attempt itself');
    assert.equal(fail(error, { firstAttemptAt: 0 }).rest, 'queued', 'never');
  });

  test('uncertain, and anything that nobody foresaw: in doubt', () => {
    assert.equal(fail(new UncertainError('X', 'x')).rest, 'inDoubt');
    const foreign = fail(new TypeError('x is not a function'));
    assert.deepEqual([foreign.rest, foreign.code, foreign.whose], ['inDoubt', 'UNEXPECTED', 'unknown']);
    assert.equal(fail('thrown text').rest, 'inDoubt');
  });

  test('permanent: failed', () => {
    assert.equal(fail(new PermanentError('X', 'x')).rest, 'failed');
  });

  test('configuration and too large: queued, and the destination stops with the reason', () => {
    for (const error of [
      new ConfigError('X', 'Bad password.', { whose: 'ours' }),
      new TooLargeError('X', 'Bad password.'),
    ]) {
      const { rest, dueAt, stop } = fail(error);
      assert.deepEqual([rest, dueAt], ['queued', 0]);
      assert.equal(stop?.since, NOW);
      assert.equal(stop?.code, 'X');
      assert.match(stop?.reason ?? '', /Bad password/);
      assert.match(stop?.next ?? '', /waybill resume/);
    }
  });

  test("the receiver's words and its answer are kept", () => {
    const answer = Buffer.from('<fault/>');
    const kept = fail(new PermanentError('X', 'It said no.', { words: 'go away', answer }));
    assert.equal(kept.words, 'It said no. The receiver said: go away');
    assert.equal(zstdDecompressSync(kept.answer ?? new Uint8Array()).toString(), '<fault/>');
  });
});

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
    fc.assert(
      fc.property(
        settings,
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (s, attempts, chance) => {
          const wait = retryWait(attempts, { ...s, giveUpAfter: 'never' }, () => chance);
          const full = Math.min(s.first === 0 ? 0 : s.first * s.factor ** (attempts - 1), s.ceiling);
          assert.ok(wait >= Math.floor(full * (1 - s.jitter)) && wait <= Math.ceil(full * (1 + s.jitter)), `${wait}`);
        },
      ),
    );
  });
});

describe('an answer', () => {
  const raw = Buffer.from('raw');
  const unmentioned = { unmentioned: 'inDoubt' } as const;
  const acknowledged = (read: AnswerRead | Error) => {
    const format: Format = {
      answers: () => {
        if (read instanceof Error) throw read;
        return read;
      },
    };
    return readAnswer(
      { kind: 'acknowledgement', text: 'MSA', raw, status: 200 },
      ready(),
      'aaaa-B3',
      format,
      unmentioned,
    );
  };
  const ack = (controlId: string, code: string) => ({ controlId, code, accepted: code === 'AA', words: '' });

  test('is decided by its body; the exceptions name messages of the ledger', () => {
    const { rest, exceptions, whose, status, answer } = acknowledged({
      acknowledgements: [ack('a', 'AA'), ack('b', 'AE')],
    });
    assert.deepEqual([rest, whose, status], ['delivered', 'data', 200]);
    assert.deepEqual(exceptions, [{ message: 41, state: 'rejected', code: 'AE', words: '' }]);
    assert.equal(zstdDecompressSync(answer ?? new Uint8Array()).toString(), 'raw');
  });

  test('that leaves a message out is a matter of the receiver', () => {
    assert.equal(acknowledged({ acknowledgements: [ack('a', 'AA')] }).whose, 'receiver');
  });

  test('that cannot be read, with HTTP 200: all in doubt', () => {
    const { rest, code, words } = acknowledged(new Error('no MSH'));
    assert.deepEqual([rest, code], ['inDoubt', 'ANSWER_NOT_UNDERSTOOD']);
    assert.match(words, /no MSH/);
  });

  test('that nobody can read, since there is no format: in doubt', () => {
    const answer = { kind: 'acknowledgement', text: 'AA', raw, status: 200 } as const;
    assert.equal(readAnswer(answer, ready(), 'aaaa-B3', undefined, unmentioned).rest, 'inDoubt');
  });

  const outcomes = (...known: MessageOutcome[]) =>
    readAnswer({ kind: 'outcomes', outcomes: known, raw }, ready(), 'aaaa-B3', undefined, unmentioned);
  const one = (index: number, outcome: MessageOutcome['outcome']) => ({ index, outcome, code: 'C', words: 'w' });

  test('of a database: each message by its index; one that it does not speak of is in doubt', () => {
    const mixed = outcomes(one(1, 'rejected'));
    assert.deepEqual(
      mixed.exceptions.map(({ message, state }) => [message, state]),
      [
        [40, 'inDoubt'],
        [41, 'rejected'],
      ],
    );
    const good = outcomes(one(0, 'delivered'), one(1, 'delivered'));
    assert.deepEqual([good.rest, good.exceptions, good.code, good.whose], ['delivered', [], 'ACCEPTED', '']);
  });

  test('of a database in which nothing was delivered is not told as a delivery', () => {
    assert.equal(outcomes(one(0, 'rejected'), one(1, 'rejected')).rest, 'rejected');
    assert.equal(outcomes(one(0, 'queued'), one(1, 'queued')).rest, 'queued');
  });
});
