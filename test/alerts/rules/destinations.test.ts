import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Condition, Facts } from '../../../alerts/condition.ts';
import { evaluate } from '../../../alerts/evaluate.ts';
import type { AlertCondition } from '../../../engine/contracts/alerts.ts';
import { destination, facts, HOUR, MARKER, MINUTE, NOW, rule, status, stop } from '../support.ts';

const ALL = { destinations: [] };

function see(when: AlertCondition, over: Partial<Facts>): readonly Condition[] {
  const { conditions, unknown } = evaluate([rule(when)], facts(over));
  assert.equal(unknown.size, 0);
  for (const condition of conditions) assert.equal(JSON.stringify(condition).includes(MARKER), false);
  return conditions;
}

test('stopped: due once it has lasted, with code and count, never with the words of the receiver', () => {
  const when = { kind: 'stopped', for: 5 * MINUTE, ...ALL } as const;
  const seen = (since: number, code?: string) =>
    see(when, { status: status(destination({ stop: stop(since, code) })) });
  assert.equal(seen(NOW - 5 * MINUTE + 1)[0]?.due, false);
  const [condition] = seen(NOW - 5 * MINUTE);
  assert.equal(condition?.due, true);
  assert.equal(
    condition.sentence,
    'The destination registry has been stopped since 2026-03-02 11:55:00 (UTC) by SOAP_SECURITY_FAULT; 3 messages wait.',
  );
  assert.match(condition.advice, /waybill resume registry$/);
  assert.deepEqual(condition.facts, {
    destination: 'registry',
    waiting: 3,
    code: 'SOAP_SECURITY_FAULT',
    whose: 'ours',
  });
  assert.equal(seen(NOW - HOUR, `Fault of ${MARKER}`)[0]?.facts.code, undefined);
  assert.deepEqual(see(when, { status: status(destination()) }), []);
});

test('a rule looks only at the destinations that it names', () => {
  const both = status(destination({ stop: stop(NOW) }), destination({ name: 'archive', stop: stop(NOW) }));
  const names = (destinations: readonly string[]) =>
    see({ kind: 'stopped', for: 0, destinations }, { status: both }).map(({ subject }) => subject);
  assert.deepEqual(names([]), ['registry', 'archive']);
  assert.deepEqual(names(['archive']), ['archive']);
});

test('oldestMessage: late, but not in hours of maintenance', () => {
  const when = { kind: 'oldestMessage', olderThan: HOUR, ...ALL } as const;
  const seen = (oldestUnsettledAt: number | undefined, over: Partial<Parameters<typeof destination>[0]> = {}) =>
    see(when, { status: status(destination({ oldestUnsettledAt, ...over })) });
  assert.deepEqual(seen(undefined), []);
  assert.deepEqual(seen(NOW - HOUR + 1), []);
  const [late] = seen(NOW - 3 * HOUR);
  assert.deepEqual([late?.due, late?.since], [true, NOW - 2 * HOUR]);
  assert.equal(late?.sentence, 'The oldest message for registry has been under way for 3 h; 3 messages wait.');
  const pause = { kind: 'maintenance', since: NOW, until: NOW + HOUR, code: 'X', reason: '', next: '' } as const;
  assert.equal(seen(NOW - 3 * HOUR, { pauses: [pause] })[0]?.due, false);
});

test('inDoubt: any batch for long enough, or enough messages', () => {
  const batch = (id: number, messages: number, since: number) => ({
    batch: id,
    messages,
    since,
    askAt: 0,
    asked: 0,
    overdue: false,
    ticket: MARKER,
  });
  const inDoubt = [batch(3, 2, NOW - 20 * MINUTE), batch(4, 5, NOW - MINUTE)];
  const seen = (messages: number, ms: number) =>
    see({ kind: 'inDoubt', for: ms, messages, ...ALL }, { status: status(destination({ inDoubt })) })[0];
  assert.equal(seen(1, 10 * MINUTE)?.due, true);
  assert.equal(seen(1, 30 * MINUTE)?.due, false);
  assert.equal(seen(3, 10 * MINUTE)?.due, false, 'only two of them are old');
  assert.equal(seen(7, 0)?.due, true);
  assert.equal(
    seen(7, 0)?.sentence,
    '7 messages for registry may have arrived or not, since 2026-03-02 11:40:00 (UTC): 7kq2-B3, 7kq2-B4.',
  );
  assert.match(seen(7, 0)?.advice ?? '', /waybill resolve 7kq2-B3 --delivered/);
});

test('a ledger that cannot be read leaves every level as it is', () => {
  for (const when of [
    { kind: 'stopped', for: 0, ...ALL },
    { kind: 'oldestMessage', olderThan: 1, ...ALL },
    { kind: 'inDoubt', for: 0, messages: 1, ...ALL },
  ] as const) {
    const { conditions, unknown } = evaluate([rule(when)], facts());
    assert.deepEqual([conditions, [...unknown]], [[], ['the-rule']]);
  }
});
