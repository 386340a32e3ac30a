import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Condition, Facts } from '../../../alerts/condition.ts';
import { evaluate } from '../../../alerts/evaluate.ts';
import type { AlertCondition } from '../../../engine/contracts/alerts.ts';
import { facts, HOUR, MINUTE, NOW, rule } from '../support.ts';

const DAY = 24 * HOUR;

function see(when: AlertCondition, over: Partial<Facts>): readonly Condition[] | 'unknown' {
  const { conditions, unknown } = evaluate([rule(when)], facts(over));
  return unknown.has('the-rule') ? 'unknown' : conditions;
}

function one(when: AlertCondition, over: Partial<Facts>): Condition | undefined {
  const seen = see(when, over);
  assert.ok(Array.isArray(seen) && seen.length <= 1);
  return seen[0];
}

test('disk: below a size or a share, and room again only with some more', () => {
  const bytes = { kind: 'disk', below: { bytes: 5e9 } } as const;
  const percent = { kind: 'disk', below: { percent: 10 } } as const;
  const disk = (free: number) => ({ disk: { free, size: 100e9 } });
  assert.equal(one(bytes, disk(4.9e9))?.due, true);
  assert.equal(one(bytes, disk(5e9))?.due, false);
  assert.equal(one(bytes, disk(5.25e9)), undefined);
  assert.equal(one(percent, disk(9.9e9))?.due, true);
  assert.equal(one(percent, disk(10.1e9))?.due, false);
  assert.equal(one(percent, disk(10.6e9)), undefined);
  assert.equal(one(percent, disk(9.9e9))?.sentence, 'The disk of the data folder has 9.9 GB (9.9 %) left.');
  assert.equal(one(percent, { disk: { free: 0, size: 0 } })?.due, true);
  assert.equal(see(bytes, {}), 'unknown');
});

test('certificate: of the listener, of ours, of receivers where that is wanted', () => {
  const certificates = [
    { of: 'listener', name: '', endsAt: NOW + 6 * DAY },
    { of: 'client', name: 'registry', endsAt: NOW - DAY },
    { of: 'receiver', name: 'registry', endsAt: NOW + 29 * DAY },
    { of: 'receiver', name: 'archive', endsAt: NOW + 31 * DAY },
    { of: 'receiver', name: 'away', endsAt: Number.NaN },
  ] as const;
  const subjects = (receivers: boolean) => {
    const seen = see({ kind: 'certificate', endsWithin: 30 * DAY, receivers }, { certificates });
    assert.ok(seen !== 'unknown');
    return seen.map(({ subject, due }) => [subject, due]);
  };
  assert.deepEqual(subjects(false), [
    ['listener', true],
    ['client registry', true],
  ]);
  assert.deepEqual(subjects(true), [
    ['listener', true],
    ['client registry', true],
    ['receiver registry', true],
    ['receiver away', false],
  ]);
  const seen = see({ kind: 'certificate', endsWithin: 30 * DAY, receivers: true }, { certificates });
  assert.ok(seen !== 'unknown');
  assert.deepEqual(
    seen.map(({ sentence }) => sentence),
    [
      'The certificate of the listener ends in 6 days: 2026-03-08 12:00:00 (UTC).',
      'Our certificate for the destination registry has ended: 2026-03-01 12:00:00 (UTC).',
      'The certificate of the receiver of registry ends in 29 days: 2026-03-31 12:00:00 (UTC).',
      'The certificate of the receiver of away could not be looked at.',
    ],
  );
});

test('redisAway and cannotStore: for so long', () => {
  const away = { kind: 'redisAway', for: MINUTE } as const;
  assert.equal(see(away, {}), 'unknown');
  assert.equal(one(away, { redis: {} }), undefined);
  assert.equal(one(away, { redis: { since: NOW - MINUTE + 1 } })?.due, false);
  assert.equal(one(away, { redis: { since: NOW - MINUTE } })?.due, true);
  const store = { kind: 'cannotStore', for: 0 } as const;
  assert.equal(see(store, {}), 'unknown');
  assert.equal(one(store, { store: {} }), undefined);
  const full = one(store, { store: { since: NOW, code: 'STORE_FULL' } });
  assert.equal(full?.due, true);
  assert.match(full.sentence, /Nothing can be stored since .+ \(STORE_FULL\): services take nothing in\./);
});
