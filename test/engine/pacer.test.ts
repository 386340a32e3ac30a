import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pause } from '../../engine/contracts/store.ts';
import { Pacer, type PacerContext } from '../../engine/pacer.ts';
import { DESTINATION, recordEvents } from './support.ts';

function pacer(over: Partial<PacerContext['destination']> = {}) {
  const noted: (readonly [string, Pause | undefined])[] = [];
  const made = new Pacer({
    name: 'registry',
    destination: { ...DESTINATION, breaker: { failures: 2 }, ...over },
    store: {
      notePause: async ({ kind, pause }) => {
        noted.push([kind, pause]);
      },
    },
  });
  return { made, noted };
}
const never = () => assert.fail('nobody waits');

describe('a pacer', () => {
  test('lets as many calls be in flight as may be, and wakes who waits when one ends', () => {
    const { made } = pacer({ maxInFlight: 2 });
    let woken = 0;
    assert.equal(made.turn(0, never).kind, 'go');
    assert.equal(made.turn(0, never).kind, 'go');
    assert.equal(made.turn(0, () => (woken += 1)).kind, 'busy');
    made.end(true, 0, 1);
    assert.equal(woken, 1);
    assert.equal(made.turn(1, never).kind, 'go');
    made.withdraw();
    made.end(true, 0, 2);
    assert.equal(made.turn(2, never).kind, 'go');
    assert.equal(made.turn(2, never).kind, 'go');
  });

  test('keeps to the rate in any such time', () => {
    const { made, noted } = pacer({ maxInFlight: 9, rate: { calls: 2, per: 60_000 } });
    assert.equal(made.turn(0, never).kind, 'go');
    assert.equal(made.turn(10, never).kind, 'go');
    assert.deepEqual(made.turn(20, never), { kind: 'wait', until: 60_000 });
    assert.equal(noted.at(-1)?.[1]?.code, 'RATE');
    assert.equal(made.turn(60_000, never).kind, 'go');
    assert.deepEqual(made.turn(60_001, never), { kind: 'wait', until: 60_010 });
  });

  test('a call that is not made does not count for the rate', () => {
    const { made } = pacer({ maxInFlight: 9, rate: { calls: 1, per: 60_000 } });
    assert.equal(made.turn(0, never).kind, 'go');
    made.withdraw();
    assert.equal(made.turn(1, never).kind, 'go');
  });

  test('opens the breaker after calls in a row, tries one at a time, and closes it when one gets through', (t) => {
    const events = recordEvents(t);
    const { made, noted } = pacer({ maxInFlight: 3, breaker: { failures: 2, pause: 1000 } });
    for (let call = 0; call < 3; call += 1) made.turn(0, never);
    made.end(false, 50, 10);
    assert.equal(made.turn(10, never).kind, 'go');
    made.end(false, 50, 20);
    assert.deepEqual(made.turn(20, never), { kind: 'wait', until: 1020 });
    made.end(true, 0, 30);
    assert.equal(made.turn(30, never).kind, 'go', 'a call that was in flight got through');
    made.end(false, 0, 40);
    made.end(false, 0, 50);
    assert.equal(made.turn(1050, never).kind, 'go');
    assert.equal(made.turn(1050, () => undefined).kind, 'busy', 'one trial at a time');
    made.end(false, 0, 1060);
    assert.deepEqual(made.turn(1060, never), { kind: 'wait', until: 2060 });
    assert.equal(noted.at(-1)?.[1]?.code, 'BREAKER');
    assert.equal(made.turn(2060, never).kind, 'go');
    made.end(true, 0, 2070);
    assert.equal(noted.at(-1)?.[1], undefined);
    for (let call = 0; call < 3; call += 1) assert.equal(made.turn(2080, never).kind, 'go');
    assert.deepEqual([events.named('breakerOpened').length, events.named('breakerClosed').length], [2, 2]);
  });

  test('without a pause of its own the breaker waits as long as the retry', () => {
    const { made } = pacer({ breaker: { failures: 1 } });
    made.turn(0, never);
    made.end(false, 700, 0);
    assert.deepEqual(made.turn(1, never), { kind: 'wait', until: 700 });
  });

  test('begins no call in a maintenance window, and says so once', (t) => {
    const events = recordEvents(t);
    const window = { days: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 60, timeZone: 'UTC' };
    const { made, noted } = pacer({ maintenance: [window] });
    assert.deepEqual(made.turn(60_000, never), { kind: 'wait', until: 3_600_000 });
    made.look(120_000);
    made.look(3_600_000);
    assert.deepEqual(
      noted.map(([kind, pause]) => [kind, pause?.until]),
      [
        ['maintenance', 3_600_000],
        ['maintenance', undefined],
      ],
    );
    assert.equal(events.named('maintenanceBegan').length, 1);
  });
});
