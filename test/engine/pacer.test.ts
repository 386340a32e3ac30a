import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pause } from '../../engine/contracts/store.ts';
import { Pacer, type PacerContext, type Turn } from '../../engine/pacer.ts';
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

/** What is said of the call at once, or `busy` where it comes when another call has ended. */
async function asked(made: Pacer, now: number): Promise<Turn | { readonly kind: 'busy' }> {
  return Promise.race([made.turn(now), Promise.resolve({ kind: 'busy' } as const)]);
}

describe('a pacer', () => {
  test('lets as many calls be in flight as may be, and gives the next one to who waits longest', async () => {
    const { made } = pacer({ maxInFlight: 2 });
    assert.equal((await asked(made, 0)).kind, 'go');
    assert.equal((await asked(made, 0)).kind, 'go');
    const waiting = [made.turn(0), made.turn(0)];
    made.end(true, 0, 1);
    assert.deepEqual(await waiting[0], { kind: 'go', begunAt: 1 });
    made.withdraw(1, 1);
    assert.deepEqual(await waiting[1], { kind: 'go', begunAt: 1 });
    made.end(true, 0, 2);
    made.end(true, 0, 2);
    assert.equal((await asked(made, 2)).kind, 'go');
    assert.equal((await asked(made, 2)).kind, 'go');
  });

  test('keeps to the rate in any such time', async () => {
    const { made, noted } = pacer({ maxInFlight: 9, rate: { calls: 2, per: 60_000 } });
    assert.equal((await asked(made, 0)).kind, 'go');
    assert.equal((await asked(made, 10)).kind, 'go');
    assert.deepEqual(await asked(made, 20), { kind: 'wait', until: 60_000 });
    assert.equal(noted.at(-1)?.[1]?.code, 'RATE');
    assert.equal((await asked(made, 60_000)).kind, 'go');
    assert.deepEqual(await asked(made, 60_001), { kind: 'wait', until: 60_010 });
  });

  test('a call that is not made does not count for the rate', async () => {
    const { made } = pacer({ maxInFlight: 9, rate: { calls: 1, per: 60_000 } });
    assert.equal((await asked(made, 0)).kind, 'go');
    made.withdraw(0, 1);
    assert.equal((await asked(made, 1)).kind, 'go');
  });

  test('opens the breaker after calls in a row, tries one at a time, and closes it when one gets through', async (t) => {
    const events = recordEvents(t);
    const { made, noted } = pacer({ maxInFlight: 3, breaker: { failures: 2, pause: 1000 } });
    for (let call = 0; call < 3; call += 1) await asked(made, 0);
    made.end(false, 50, 10);
    assert.equal((await asked(made, 10)).kind, 'go');
    made.end(false, 50, 20);
    assert.deepEqual(await asked(made, 20), { kind: 'wait', until: 1020 });
    made.end(true, 0, 30);
    assert.equal((await asked(made, 30)).kind, 'go', 'a call that was in flight got through');
    made.end(false, 0, 40);
    made.end(false, 0, 50);
    assert.equal((await asked(made, 1050)).kind, 'go');
    assert.equal((await asked(made, 1050)).kind, 'busy', 'one trial at a time');
    made.end(false, 0, 1060);
    assert.deepEqual(await asked(made, 1060), { kind: 'wait', until: 2060 });
    assert.equal(noted.at(-1)?.[1]?.code, 'BREAKER');
    assert.equal((await asked(made, 2060)).kind, 'go');
    made.end(true, 0, 2070);
    assert.equal(noted.at(-1)?.[1], undefined);
    for (let call = 0; call < 3; call += 1) assert.equal((await asked(made, 2080)).kind, 'go');
    assert.deepEqual([events.named('breakerOpened').length, events.named('breakerClosed').length], [2, 2]);
  });

  test('without a pause of its own the breaker waits as long as the retry', async () => {
    const { made } = pacer({ breaker: { failures: 1 } });
    await asked(made, 0);
    made.end(false, 700, 0);
    assert.deepEqual(await asked(made, 1), { kind: 'wait', until: 700 });
  });

  test('opened by a batch that is not tried again, the breaker waits all the same', async () => {
    const ended = async (over: Partial<PacerContext['destination']>) => {
      const { made, noted } = pacer(over);
      await asked(made, 1000);
      made.end(false, 0, 2000);
      assert.equal(noted.at(-1)?.[1]?.code, 'BREAKER');
      return asked(made, 2000);
    };
    const schedule = { ...DESTINATION.retry, schedule: [300] };
    assert.deepEqual(await ended({ breaker: { failures: 1, pause: 700 } }), { kind: 'wait', until: 2700 });
    assert.deepEqual(await ended({ breaker: { failures: 1 }, retry: schedule }), { kind: 'wait', until: 2300 });
    assert.deepEqual(await ended({ breaker: { failures: 1 } }), { kind: 'wait', until: 2005 });
  });

  test('a clock that was set back does not keep calls waiting for the rate', async () => {
    const { made } = pacer({ maxInFlight: 9, rate: { calls: 2, per: 1000 } });
    const hour = 3_600_000;
    assert.equal((await asked(made, hour)).kind, 'go');
    assert.equal((await asked(made, hour + 1)).kind, 'go');
    assert.equal((await asked(made, hour + 2)).kind, 'wait');
    assert.equal((await asked(made, 10)).kind, 'go', 'the clock was set back by an hour');
    assert.equal((await asked(made, 20)).kind, 'go');
    assert.deepEqual(await asked(made, 30), { kind: 'wait', until: 1010 }, 'the rate holds by the new time');
    assert.equal((await asked(made, 1010)).kind, 'go');
  });

  test('begins no call in a maintenance window, and says so once', async (t) => {
    const events = recordEvents(t);
    const window = { days: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 60, timeZone: 'UTC' };
    const { made, noted } = pacer({ maintenance: [window] });
    assert.deepEqual(await asked(made, 60_000), { kind: 'wait', until: 3_600_000 });
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
