/** A pacer against a model that counts calls, whatever comes: calls that end well or badly or are not made, and clocks that jump. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { maintenanceUntil } from '../../engine/maintenance.ts';
import { Pacer, type PacerContext, type Turn } from '../../engine/pacer.ts';
import { retryWait } from '../../engine/retry.ts';
import { DESTINATION } from '../engine/support.ts';

type Settings = PacerContext['destination'];

type Step =
  | { readonly kind: 'turn' }
  /** One of the calls in flight ends. */
  | { readonly kind: 'end'; readonly through: boolean; readonly retryIn: number | undefined }
  /** One of the calls in flight is not made after all. */
  | { readonly kind: 'withdraw'; readonly which: number }
  /** The clock goes on, or is set back. */
  | { readonly kind: 'clock'; readonly by: number };

const START = Date.UTC(2026, 0, 5, 10, 0);
const DAY = 86_400_000;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ kind: 'turn' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      through: fc.boolean(),
      retryIn: fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), which: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('clock' as const), by: fc.integer({ min: 1, max: 1500 }) }) },
);
const jump: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('clock' as const),
  by: fc.oneof(fc.integer({ min: -2000, max: -1 }), fc.integer({ min: -2 * DAY, max: DAY })),
});
const forward = fc.array(step, { maxLength: 60 });
const anyhow = fc.array(fc.oneof({ weight: 9, arbitrary: step }, { weight: 1, arbitrary: jump }), { maxLength: 60 });

const minute = fc.integer({ min: 0, max: 1439 });
const settings: fc.Arbitrary<Settings> = fc
  .record({
    maxInFlight: fc.integer({ min: 1, max: 4 }),
    failures: fc.integer({ min: 1, max: 4 }),
    pause: fc.option(fc.integer({ min: 0, max: 2000 }), { nil: undefined }),
    rate: fc.option(fc.record({ calls: fc.integer({ min: 1, max: 4 }), per: fc.integer({ min: 1, max: 3000 }) }), {
      nil: undefined,
    }),
    schedule: fc.option(fc.array(fc.nat(2000), { minLength: 1, maxLength: 3 }), { nil: undefined }),
    // Most days have none; else the calls would wait most of the time.
    window: fc.option(fc.tuple(minute, minute), { nil: undefined, freq: 4 }),
  })
  .map(({ maxInFlight, failures, pause, rate, schedule, window }) => ({
    maxInFlight,
    breaker: { failures, ...(pause === undefined ? {} : { pause }) },
    maintenance:
      window && window[0] !== window[1]
        ? [{ days: [0, 1, 2, 3, 4, 5, 6], from: window[0], to: window[1], timeZone: 'UTC' }]
        : [],
    retry: { ...DESTINATION.retry, ...(schedule ? { schedule } : {}) },
    ...(rate ? { rate } : {}),
  }));

interface Answer {
  readonly id: number;
  readonly turn: Turn;
}

/** One run: the pacer, what came of it, and what the rules say of it. */
class Run {
  #now = START;
  readonly #settings: Settings;
  readonly #pacer: Pacer;
  /** Those who have asked and have no answer yet, in their order. */
  readonly #waiting: number[] = [];
  /** Answers that were not held against the rules yet. */
  readonly #answers: Answer[] = [];
  #asked = 0;
  /** When the calls in flight have begun. */
  readonly #inFlight: number[] = [];
  /** When calls began, as far as the clock was never set back since. */
  #begun: number[] = [];
  #rewound = false;
  #failures = 0;
  #trialAt = 0;

  constructor(given: Settings) {
    this.#settings = given;
    const store = { notePause: async () => undefined };
    this.#pacer = new Pacer({ name: 'registry', destination: given, store });
  }

  async do(given: Step): Promise<void> {
    if (given.kind === 'turn') await this.#turn();
    if (given.kind === 'end') await this.#end(given.through, given.retryIn);
    if (given.kind === 'withdraw') await this.#withdraw(given.which);
    if (given.kind === 'clock') this.#moveTo(this.#now + given.by);
  }

  #moveTo(time: number): void {
    if (time < this.#now) {
      this.#begun = [];
      this.#rewound = true;
      this.#trialAt -= this.#now - time;
    }
    this.#now = time;
  }

  /** The answer, where it came at once. */
  async #turn(): Promise<Turn | undefined> {
    const id = this.#asked;
    this.#asked += 1;
    this.#waiting.push(id);
    void this.#pacer.turn(this.#now).then((turn) => this.#answers.push({ id, turn }));
    const answers = await this.#look();
    return answers.find((answer) => answer.id === id)?.turn;
  }

  async #end(through: boolean, retryIn?: number): Promise<void> {
    if (this.#inFlight.length === 0) return;
    const retryAt = retryIn === undefined ? 0 : this.#now + retryIn;
    this.#inFlight.shift();
    this.#failures = through ? 0 : this.#failures + 1;
    if (this.#open) this.#trialAt = this.#nextTrial(retryAt);
    this.#pacer.end(through, retryAt, this.#now);
    await this.#look();
  }

  async #withdraw(which: number): Promise<void> {
    const [begunAt] = this.#inFlight.splice(which, 1);
    if (begunAt === undefined) return;
    const counted = this.#begun.lastIndexOf(begunAt);
    if (counted >= 0) this.#begun.splice(counted, 1);
    this.#pacer.withdraw(begunAt, this.#now);
    await this.#look();
  }

  #nextTrial(retryAt: number): number {
    const { breaker, retry } = this.#settings;
    if (breaker.pause !== undefined) return this.#now + breaker.pause;
    return Math.max(retryAt, this.#now + retryWait(this.#failures, retry, () => 0.5));
  }

  get #open(): boolean {
    return this.#failures >= this.#settings.breaker.failures;
  }

  get #most(): number {
    return this.#open ? 1 : this.#settings.maxInFlight;
  }

  /** When what holds calls back now ends, by the rules; `undefined` where nothing does. */
  #pausedUntil(): number | undefined {
    const { rate, maintenance } = this.#settings;
    const oldest = rate && this.#begun.at(-rate.calls);
    const times = [
      maintenanceUntil(maintenance, this.#now) ?? 0,
      this.#open ? this.#trialAt : 0,
      rate && oldest !== undefined ? oldest + rate.per : 0,
    ];
    const until = Math.max(...times);
    return until > this.#now ? until : undefined;
  }

  #answered(id: number, turn: Turn): void {
    assert.equal(this.#waiting.shift(), id, 'first come, first served');
    const until = this.#pausedUntil();
    if (turn.kind === 'wait') {
      assert.ok(Number.isFinite(turn.until) && turn.until > this.#now, `a time to come, not ${turn.until}`);
      if (!this.#rewound) assert.equal(turn.until, until, 'nobody waits longer than what holds the calls back');
      const { rate, maintenance } = this.#settings;
      if (!this.#open && maintenance.length === 0)
        assert.ok(rate && turn.until <= this.#now + rate.per, 'the rate never holds longer than its time');
      return;
    }
    assert.equal(until, undefined, 'a call began while the calls were held back');
    assert.ok(this.#inFlight.length < this.#most, `${this.#inFlight.length} in flight, and one more began`);
    this.#inFlight.push(turn.begunAt);
    this.#begun.push(this.#now);
  }

  /** The answers that have come; who waits still, waits for a call in flight. */
  async #look(): Promise<readonly Answer[]> {
    await Promise.resolve();
    const answers = this.#answers.splice(0);
    for (const { id, turn } of answers) this.#answered(id, turn);
    if (this.#waiting.length === 0) return answers;
    assert.ok(this.#inFlight.length >= this.#most, 'somebody waits though a call may begin');
    assert.equal(this.#pausedUntil(), undefined, 'somebody waits without knowing until when');
    return answers;
  }

  /** All calls end; then nobody waits for one, and who asks again at the time told may go soon. */
  async finish(through: boolean): Promise<void> {
    while (this.#inFlight.length > 0) await this.#end(through);
    assert.deepEqual(this.#waiting, []);
    for (let asked = 0; asked < 5; asked += 1) {
      const turn = await this.#turn();
      assert.ok(turn, 'an answer at once, since nothing is in flight');
      if (turn.kind === 'go') return;
      this.#moveTo(turn.until);
    }
    assert.fail('who asks again at the time told never may go');
  }
}

async function runs(given: Settings, steps: readonly Step[], through: boolean): Promise<void> {
  const run = new Run(given);
  for (const each of steps) await run.do(each);
  await run.finish(through);
}

test('whatever comes while the clock goes on, calls keep to limits, rate, breaker and windows, in order, and none waits for ever', async () => {
  await fc.assert(fc.asyncProperty(settings, forward, fc.boolean(), runs), { numRuns: 1500 });
});

test('nor does a clock that jumps hold calls for ever, or let more begin than may be in flight', async () => {
  await fc.assert(fc.asyncProperty(settings, anyhow, fc.boolean(), runs), { numRuns: 1500 });
});
