import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { MessagePacker, unpackMessages } from '../../engine/blocks.ts';
import type { AnswerRead, Format } from '../../engine/contracts/format.ts';
import {
  type Answer,
  type AnswerRules,
  CAREFUL,
  type MessageOutcome,
  type ProbeAnswer,
} from '../../engine/contracts/operation.ts';
import type { DoubtSettings, OutcomeOverride, RetrySettings } from '../../engine/contracts/production.ts';
import { ConfigError, PermanentError, TooLargeError, TransientError, UncertainError } from '../../engine/errors.ts';
import { type FailureSettings, readAnswer, readFailure, readProbe } from '../../engine/outcome.ts';
import { Members, type Ready } from '../../engine/plan-batch.ts';

const NOW = 100_000;
const RETRY: RetrySettings = {
  first: 1000,
  factor: 2,
  ceiling: 8000,
  jitter: 0.2,
  giveUpAfter: 'never',
  maxAttempts: 'unlimited',
};
const HOLD: DoubtSettings = { policy: 'hold', every: 60_000, deadline: 'never', afterDeadline: 'hold', lane: 'waits' };
const BATCH: FailureSettings['batch'] = {
  mode: 'batch',
  maxMessages: 100,
  maxBytes: 1_000_000,
  maxAge: 0,
  mixSubmissions: false,
};
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
  return failWith(error, { retry: { ...RETRY, ...retry } }, over);
}

/** The outcome of an error at a destination that is set in this way. */
function failWith(error: unknown, settings: Partial<FailureSettings>, over: Partial<Ready> = {}, repeatable = false) {
  const destination = { retry: RETRY, outcomes: {}, batch: BATCH, ...settings };
  return readFailure(error, ready(over), destination, repeatable, NOW, middle);
}

/** The same, with this line of the outcome table taken otherwise. */
function overridden(
  error: unknown,
  override: OutcomeOverride,
  more: Partial<FailureSettings> = {},
  repeatable = false,
) {
  return failWith(error, { outcomes: { X: override }, ...more }, {}, repeatable);
}

// A computed key: an object with a literal `then` is taken for a promise by the linter.
const THEN = 'then';

function otherwise(then: OutcomeOverride['then'], more: Partial<OutcomeOverride> = {}): OutcomeOverride {
  return { [THEN]: then, ...more };
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

describe('how often a call is tried', () => {
  test('after maxAttempts attempts: failed, with what was last in the way', () => {
    const error = new TransientError('X', 'Away.');
    assert.equal(fail(error, { attempts: 1 }, { maxAttempts: 3 }).rest, 'queued');
    const gaveUp = fail(error, { attempts: 2 }, { maxAttempts: 3 });
    assert.deepEqual([gaveUp.rest, gaveUp.code], ['failed', 'GAVE_UP']);
    assert.equal(gaveUp.words, 'Tried 3 times, as often as the destination allows; last: Away.');
  });

  test('by a schedule', () => {
    assert.equal(fail(new TransientError('X', 'x'), { attempts: 1 }, { schedule: [0, 300_000] }).dueAt, NOW + 300_000);
  });
});

describe('a batch that is too large', () => {
  const large = new TooLargeError('X', 'Too large.', { whose: 'receiver', maxBytes: 4000 });
  const auto = { batch: { ...BATCH, mode: 'auto' as const } };

  test('is split where batches are automatic, with the limit that the receiver named; nothing stops', () => {
    const { rest, tooLarge, stop, dueAt, code } = failWith(large, auto);
    assert.deepEqual([rest, tooLarge, stop, dueAt, code], ['queued', { maxBytes: 4000 }, undefined, 0, 'X']);
    assert.deepEqual(failWith(new TooLargeError('X', 'x'), auto).tooLarge, { maxBytes: undefined });
  });

  test('a single message that is too large alone fails, and is to be corrected', () => {
    const alone = readFailure(large, ready({}, ['a']), { retry: RETRY, outcomes: {}, ...auto }, false, NOW, middle);
    assert.deepEqual(
      [alone.rest, alone.code, alone.whose, alone.stop],
      ['failed', 'TOO_LARGE_ALONE', 'data', undefined],
    );
    assert.match(alone.words, /alone is too large for the receiver: Too large\./);
  });

  test('stops the destination in the other modes', () => {
    for (const mode of ['batch', 'single'] as const) {
      const { rest, stop, tooLarge } = failWith(large, { batch: { ...BATCH, mode } });
      assert.deepEqual([rest, stop?.code, tooLarge], ['queued', 'X', undefined]);
    }
  });
});

describe('a line that the destination takes otherwise', () => {
  const config = new ConfigError('X', 'No service there.', { whose: 'unknown' });

  test('does what it says, with its own words and whose fault it is', () => {
    const advice = 'They deploy at noon.';
    const retried = overridden(config, otherwise('retry', { whose: 'receiver', advice }));
    assert.deepEqual([retried.rest, retried.stop, retried.dueAt], ['queued', undefined, NOW + 1000]);
    assert.deepEqual([retried.whose, retried.words], ['receiver', `No service there. ${advice}`]);
    const stopped = overridden(new TransientError('X', 'Away'), otherwise('stop', { advice }));
    assert.match(stopped.stop?.next ?? '', /^They deploy at noon\. Nothing is sent until/);
    assert.equal(overridden(new TransientError('X', 'x'), otherwise('fail')).rest, 'failed');
    assert.equal(overridden(new TransientError('X', 'x'), otherwise('inDoubt')).rest, 'inDoubt');
  });

  test('never sends again what may have arrived, unless repeating is harmless', () => {
    const error = new UncertainError('X', 'x');
    for (const then of ['retry', 'stop', 'fail', 'split'] as const)
      assert.equal(overridden(error, otherwise(then)).rest, 'inDoubt', then);
    assert.equal(overridden(error, otherwise('retry'), {}, true).rest, 'queued');
  });

  test('split is a guess: a single message fares as the table says', () => {
    const auto = { batch: { ...BATCH, mode: 'auto' as const } };
    assert.ok(overridden(config, otherwise('split'), auto).tooLarge);
    const settings = { retry: RETRY, outcomes: { X: otherwise('split') }, ...auto };
    const alone = readFailure(config, ready({}, ['a']), settings, false, NOW, middle);
    assert.deepEqual([alone.rest, alone.stop?.code], ['queued', 'X']);
    assert.equal(overridden(config, otherwise('split')).stop?.code, 'X', 'no automatic batches');
  });

  test('a code that is named like a method of every object has no line', () => {
    assert.equal(failWith(new ConfigError('constructor', 'x'), {}).stop?.code, 'constructor');
  });
});

describe('an answer', () => {
  const raw = Buffer.from('raw');
  const receive = (
    answer: Answer,
    format?: Format,
    rules: AnswerRules = CAREFUL,
    retry = RETRY,
    over: Partial<Ready> = {},
  ) => {
    const destination = { retry, outcomes: {}, batch: BATCH, inDoubt: HOLD };
    const operation = { answers: rules, repeatable: false };
    return readAnswer(answer, ready(over), 'aaaa-B3', format, operation, destination, NOW, middle);
  };
  const reading = (read: AnswerRead): Format => ({ answers: () => read });
  const said = { kind: 'acknowledgement', text: 'MSA', raw, status: 200 } as const;
  const acknowledged = (read: AnswerRead | Error) => {
    const format: Format = {
      answers: () => {
        if (read instanceof Error) throw read;
        return read;
      },
    };
    return receive(said, format);
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
    assert.equal(receive(answer).rest, 'inDoubt');
  });

  const outcomes = (...known: MessageOutcome[]) => receive({ kind: 'outcomes', outcomes: known, raw });
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

  test('that says the same of every message says it of the whole; the log has none of its words', () => {
    const told = (...known: MessageOutcome[]) => {
      const { code, words, logged, whose } = outcomes(...known);
      return [code, words, logged, whose];
    };
    const none = '0 of 2 accepted';
    assert.deepEqual(told(one(0, 'rejected'), one(1, 'rejected')), ['C', `${none}: w`, none, 'data']);
    const other = { ...one(1, 'rejected'), code: 'D', words: 'v' };
    assert.deepEqual(told(one(0, 'rejected'), other), ['MIXED', none, none, 'data']);
    const half = '1 of 2 accepted';
    assert.deepEqual(told(one(0, 'delivered'), one(1, 'rejected')), ['MIXED', half, half, 'data']);
    assert.deepEqual(told().slice(0, 1), ['ANSWER_MISSING']);
  });

  test('that takes nothing: all are sent again after the wait, as often as the destination allows', () => {
    const silent = reading({ acknowledgements: [] });
    const rules: AnswerRules = { ...CAREFUL, unmentioned: 'queued' };
    const again = receive(said, silent, rules);
    assert.deepEqual([again.rest, again.code, again.dueAt], ['queued', 'ANSWER_NOT_TAKEN', NOW + 1000]);
    const gaveUp = receive(said, silent, rules, { ...RETRY, maxAttempts: 2 }, { attempts: 1 });
    assert.deepEqual([gaveUp.rest, gaveUp.code, gaveUp.exceptions], ['failed', 'GAVE_UP', []]);
    const one = receive(said, reading({ acknowledgements: [ack('a', 'AA')] }), rules);
    assert.deepEqual([one.dueAt, one.exceptions.map(({ message, state }) => [message, state])], [0, [[41, 'queued']]]);
  });

  test('that comes later: in doubt with its ticket, asked about when the receiver or the destination says', () => {
    const later = { kind: 'later', ticket: 'T-7', words: 'queued', raw, status: 202 } as const;
    const { rest, code, whose, ticket, dueAt, status, words, logged } = receive(later);
    assert.deepEqual([rest, code, whose, ticket, status], ['inDoubt', 'ANSWER_LATER', 'receiver', 'T-7', 202]);
    assert.equal(dueAt, NOW + HOLD.every);
    assert.match(words, /The receiver said: queued$/);
    assert.doesNotMatch(logged, /queued/);
    assert.equal(receive({ ...later, askAfterMs: 5 }).dueAt, NOW + 5);
  });

  test('that nobody understands may be tried again where repeating is harmless and the destination says so', () => {
    const outcomes = { ANSWER_NOT_UNDERSTOOD: otherwise('retry') };
    const destination = { retry: RETRY, outcomes, batch: BATCH, inDoubt: HOLD };
    const rest = (repeatable: boolean) =>
      readAnswer(said, ready(), 'aaaa-B3', undefined, { answers: CAREFUL, repeatable }, destination, NOW, middle);
    assert.deepEqual([rest(true).rest, rest(false).rest], ['queued', 'inDoubt']);
    assert.deepEqual([rest(true).status, Buffer.from(rest(true).body ?? []).toString()], [200, 'MSA']);
  });
});

describe('what the receiver says when it is asked', () => {
  const raw = Buffer.from('raw');
  const asked = { ids: ['a', 'b'], message: (index: number) => 40 + index, ticket: undefined as string | undefined };
  const ask = (answer: ProbeAnswer, ticket?: string, acknowledgements: AnswerRead['acknowledgements'] = []) => {
    const format: Format = { answers: () => ({ acknowledgements }) };
    return readProbe(answer, { ...asked, ticket }, 'aaaa-B3', format, { ...CAREFUL, unmentioned: 'delivered' });
  };
  const text = { kind: 'acknowledgement', text: 'MSA', raw, status: 200 } as const;

  test('not yet, and what cannot be understood: all stay in doubt', () => {
    assert.deepEqual(ask({ kind: 'notYet', words: 'working', askAfterMs: 9 }), {
      kind: 'notYet',
      words: 'working',
      askAfterMs: 9,
    });
    const unread = readProbe(text, asked, 'aaaa-B3', undefined, CAREFUL);
    assert.equal(unread.kind, 'notYet');
    assert.match(unread.words, /could not be understood/);
  });

  test('its verdicts name messages of the ledger; what it does not have is sent again', () => {
    const one = (index: number, outcome: MessageOutcome['outcome']) => ({ index, outcome, code: 'C', words: 'w' });
    const read = ask({ kind: 'outcomes', outcomes: [one(0, 'delivered'), one(1, 'queued')], raw });
    assert.ok(read.kind === 'verdicts');
    assert.deepEqual(
      [read.rest, read.exceptions],
      ['delivered', [{ message: 41, state: 'queued', code: 'C', words: 'w' }]],
    );
    assert.equal(zstdDecompressSync(read.answer).toString(), 'raw');
  });

  test('silence is no answer to a question; it is in the late answer to the batch, which the rules read', () => {
    const named = [{ controlId: 'a', code: 'AA', accepted: true, words: '' }];
    const question = ask(text, undefined, named);
    assert.ok(question.kind === 'verdicts');
    assert.deepEqual(
      question.exceptions.map(({ message, state }) => [message, state]),
      [[41, 'inDoubt']],
    );
    const late = ask(text, 'T-7', named);
    assert.ok(late.kind === 'verdicts');
    assert.deepEqual([late.rest, late.exceptions], ['delivered', []]);
  });
});
