import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Happening } from '../../../alerts/condition.ts';
import { evaluate } from '../../../alerts/evaluate.ts';
import { facts, MINUTE, NOW, rule } from '../support.ts';

test('event: so often in so long', () => {
  const when = { kind: 'event', name: 'batchFailed', times: 2, within: 10 * MINUTE, destinations: [] } as const;
  const seen = (...happened: readonly Happening[]) =>
    evaluate([rule(when)], facts({ events: new Map([['the-rule', happened]]) })).conditions;
  const at = (minutes: number): Happening => ({ at: NOW - minutes * MINUTE, destination: 'registry', code: 'GAVE_UP' });
  assert.deepEqual(seen(), []);
  assert.deepEqual(seen(at(1)), []);
  assert.deepEqual(seen(at(10), at(1)), [], 'the first is too long ago');
  const [condition] = seen(at(9), at(1));
  assert.equal(
    condition?.sentence,
    'batchFailed, at least 2 times in 10 min: messages can never be delivered as they are; destinations: registry; codes: GAVE_UP.',
  );
  assert.deepEqual([condition.since, condition.once, condition.facts.times], [NOW - 9 * MINUTE, false, 2]);
});

test('rejectedRows: more than a share of a submission that is large enough, told once each', () => {
  const when = { kind: 'rejectedRows', overPercent: 5, minRows: 20, services: [] } as const;
  const row = (id: string, items: number, rejectedItems: number, service = 'drop') => ({
    id,
    service,
    items,
    rejectedItems,
    routedAt: NOW,
  });
  const routed = [
    row('7kq2-1', 100, 5),
    row('7kq2-2', 100, 6),
    row('7kq2-3', 19, 19),
    row('7kq2-4', 20, 20, 'upload'),
    row('7kq2-5', 0, 0),
  ];
  const seen = (services: readonly string[]) => evaluate([rule({ ...when, services })], facts({ routed })).conditions;
  assert.deepEqual(
    seen([]).map(({ subject }) => subject),
    ['7kq2-2', '7kq2-4'],
  );
  const [upload] = seen(['upload']);
  assert.equal(upload?.sentence, '20 of 20 rows (100 %) of submission 7kq2-4 of service upload were rejected.');
  assert.deepEqual([upload.once, upload.advice.startsWith('waybill trace 7kq2-4 ')], [true, true]);
});
