/**
 * Order under faults, deaths and decisions: whatever the receiver does, however often the engine dies, and whoever suspends
 * or cancels messages meanwhile, each lane's messages come in order, each once, and none that was cancelled.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { Acting } from '../../engine/acting.ts';
import { MessagePacker } from '../../engine/blocks.ts';
import type { Answer } from '../../engine/contracts/operation.ts';
import type { Order } from '../../engine/contracts/production.ts';
import type { NewBodyBlock, Store } from '../../engine/contracts/store.ts';
import { TransientError, UncertainError } from '../../engine/errors.ts';
import { membersOf } from '../../engine/plan-batch.ts';
import { Sending } from '../../engine/sending.ts';
import { sendingContext } from '../engine/sending-support.ts';
import { acknowledge, blockOf, DESTINATION, fakeOperation, HOLD, ledger } from '../engine/support.ts';
import { accept, audit, scan } from '../store/support.ts';
import { until } from '../support/until.ts';

const LANES = 3;

/** What the receiver does with a call. */
const FAULTS = ['take', 'busy', 'cutBefore', 'cutAfter', 'half', 'dies'] as const;
type Fault = (typeof FAULTS)[number];

interface Action {
  /** Done once the receiver has so many messages. */
  readonly at: number;
  readonly verb: 'suspend' | 'cancel' | 'release';
  readonly item: number;
}

interface Plan {
  readonly order: 'strict' | 'key' | 'none';
  readonly lanes: readonly number[];
  readonly faults: readonly Fault[];
  readonly actions: readonly Action[];
}

const plan: fc.Arbitrary<Plan> = fc.record({
  order: fc.constantFrom('strict' as const, 'key' as const, 'none' as const),
  lanes: fc.array(fc.integer({ min: 1, max: LANES }), { minLength: 4, maxLength: 16 }),
  faults: fc.array(fc.constantFrom(...FAULTS), { maxLength: 8 }),
  actions: fc.array(
    fc.record({
      at: fc.nat(10),
      verb: fc.constantFrom('suspend' as const, 'cancel' as const, 'release' as const),
      item: fc.nat(15),
    }),
    { maxLength: 4 },
  ),
});

/** A store that falls silent with the run that used it, as a process that was killed. */
function mortal(store: Store): { readonly store: Store; die(): void } {
  let alive = true;
  const silent = new Promise<never>(() => undefined);
  const proxy = new Proxy(store, {
    get(target, key: keyof Store) {
      const method = target[key] as (...args: readonly unknown[]) => Promise<unknown>;
      return (...args: readonly unknown[]) =>
        alive ? Reflect.apply(method, target, args).then((value) => (alive ? value : silent)) : silent;
    },
  });
  return {
    store: proxy,
    die: () => {
      alive = false;
    },
  };
}

async function routed(store: Store, { order, lanes }: Plan, texts: readonly string[]): Promise<void> {
  await accept(store, 1);
  await scan(store, 1, texts.length);
  await store.beginRouting({ submission: 1 });
  const numbers = order === 'key' ? [...new Set(lanes)] : [0];
  const bodies = numbers.map((lane): NewBodyBlock => {
    const packer = new MessagePacker();
    const positions = texts.flatMap((_, index) => (lane === 0 || lanes[index] === lane ? [index] : []));
    for (const position of positions) packer.addText(texts[position] ?? '', texts[position] ?? '');
    const body = { body: packer.pack(), bytes: packer.bytes, exceptions: [] };
    return { destination: 'registry', lane, items: lane === 0 ? undefined : positions, entries: [0], ...body };
  });
  await store.commitBlock({ ...blockOf(1, texts), bodies });
  await store.endRouting({ submission: 1, at: 1 });
}

/** The world of one plan: a ledger, a receiver with its faults, and runs of an engine that die and come back. */
class World {
  readonly log: string[] = [];
  readonly suspended = new Set<string>();
  readonly cancelled = new Set<string>();
  readonly #plan: Plan;
  readonly #store: Store;
  readonly #texts: readonly string[];
  readonly #instance: string;
  #run = 0;
  #faults = 0;
  #sending: Sending | undefined;
  #death: (() => void) | undefined;
  #dying = false;

  constructor(plan: Plan, store: Store, texts: readonly string[], instance: string) {
    this.#plan = plan;
    this.#store = store;
    this.#texts = texts;
    this.#instance = instance;
  }

  async begin(): Promise<void> {
    this.#run += 1;
    const { store, die } = mortal(this.#store);
    this.#death = die;
    const run = `run-${this.#run}`;
    await this.#store.recover({ run, registered: [], at: Date.now() });
    const operation = fakeOperation();
    operation.send = (delivery) => this.#receive([...delivery.each()].map(({ id }) => id));
    const { order } = this.#plan;
    const kind: Order = order === 'key' ? { kind: 'key', paths: ['k'] } : { kind: order };
    this.#sending = await Sending.open(
      sendingContext(store, operation, {
        destination: {
          batch: { ...DESTINATION.batch, maxMessages: 3 },
          order: kind,
          maxInFlight: order === 'strict' ? 1 : 3,
          inDoubt: HOLD,
          retry: { ...DESTINATION.retry, first: 1, ceiling: 1 },
          breaker: { failures: 1000 },
        },
        instance: this.#instance,
        run,
      }),
    );
  }

  /** The receiver takes a call; the engine may die while it waits for the answer. */
  #receive(messages: readonly string[]): Promise<Answer> {
    const fault = this.#plan.faults[this.#faults] ?? 'take';
    this.#faults += 1;
    if (fault === 'busy') return Promise.reject(new TransientError('BUSY', 'busy'));
    if (fault === 'cutBefore') return Promise.reject(new UncertainError('CUT', 'cut'));
    this.log.push(...messages);
    if (fault === 'cutAfter') return Promise.reject(new UncertainError('CUT', 'cut'));
    if (fault === 'dies') {
      this.#dying = true;
      return new Promise(() => undefined);
    }
    const named = fault === 'half' ? messages.slice(0, Math.ceil(messages.length / 2)) : messages;
    return Promise.resolve(acknowledge(named.map((id) => `${id} AA`).join('\n')));
  }

  /** One look around: a death, decisions about doubt by what the receiver has, wake-ups. */
  async turn(): Promise<void> {
    if (this.#dying) {
      this.#dying = false;
      this.#death?.();
      await this.begin();
    }
    const { due } = await this.#store.doubts({ destination: 'registry', now: Number.MAX_SAFE_INTEGER });
    const had = new Set(this.log);
    for (const { batch, attempts: attempt } of due) {
      const members = membersOf(await this.#store.doubtMembers({ batch }));
      const exceptions = members.controlIds.flatMap((id, index) =>
        had.has(id) ? [{ message: members.message(index), state: 'delivered' as const, code: 'FOUND', words: '' }] : [],
      );
      const verdicts = { batch, attempt, at: 1, who: 'test', exceptions, code: 'ASKED', words: '' };
      await this.#store.decideDoubt({ ...verdicts, rest: 'queued', answer: undefined, askAt: 0 });
    }
    this.#sending?.wake();
  }

  /** Somebody suspends, cancels or releases a message, if it is not under way. */
  async act({ verb, item }: Action): Promise<void> {
    const text = this.#texts[item];
    if (text === undefined) return;
    const state = verb === 'release' ? 'suspended' : verb === 'cancel' ? 'queued,suspended' : 'queued';
    await this.#do(verb, `message=${this.#instance}-1-${item + 1} state=${state}`, (done) => {
      if (done === 0) return;
      if (verb === 'suspend') this.suspended.add(text);
      if (verb === 'cancel') this.cancelled.add(text);
    });
  }

  async releaseAll(): Promise<void> {
    await this.#do('release', 'destination=registry state=suspended', () => undefined);
  }

  async #do(verb: Action['verb'], where: string, told: (done: number) => void): Promise<void> {
    const facts = await this.#store.facts();
    const acting = new Acting({
      store: this.#store,
      clock: { now: Date.now },
      facts,
      changed: async () => this.#sending?.wake(),
    });
    try {
      const { act } = await acting.begin({ verb, where, who: 'test', reason: 'test', confirm: 'any' });
      await acting.finish();
      told((await acting.act(act)).done);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ACT_NOTHING')) throw error;
    } finally {
      await acting.stop();
    }
  }

  async counts(): Promise<Record<string, number>> {
    const counters = await this.#store.ask({ question: 'counters', with: { submission: 1 } });
    return Object.fromEntries(counters.map(({ state, count }) => [state, count]));
  }
}

async function check(t: TestContext, given: Plan): Promise<void> {
  const store = await ledger(t);
  const { instance } = await store.facts();
  const texts = given.lanes.map((lane, index) => `L${lane}-${String(index).padStart(2, '0')}`);
  await routed(store, given, texts);
  const world = new World(given, store, texts, instance);
  await world.begin();
  const waiting = given.actions.toSorted((a, b) => a.at - b.at);
  await until(
    'everything is settled, or suspended',
    async () => {
      while (waiting[0] && waiting[0].at <= world.log.length) await world.act(waiting.shift() as Action);
      await world.turn();
      const { queued = 0, sending = 0, inDoubt = 0 } = await world.counts();
      if (queued + sending + inDoubt > 0) return false;
      for (const action of waiting.splice(0)) await world.act(action);
      return true;
    },
    20_000,
  );
  await world.releaseAll();
  await until(
    'everything is settled',
    async () => {
      await world.turn();
      const { queued = 0, sending = 0, inDoubt = 0, suspended = 0 } = await world.counts();
      return queued + sending + inDoubt + suspended === 0;
    },
    20_000,
  );
  await audit(store);
  assert.equal(new Set(world.log).size, world.log.length, `each once: ${world.log.join(' ')}`);
  assert.deepEqual(
    world.log.toSorted(),
    texts.filter((text) => !world.cancelled.has(text)).toSorted(),
    'all but what was cancelled',
  );
  const inOrder = (lane: readonly string[]) => {
    const kept = lane.filter((text) => !world.suspended.has(text));
    const byItem = (text: string) => text.slice(-2);
    assert.deepEqual(
      kept,
      kept.toSorted((a, b) => byItem(a).localeCompare(byItem(b))),
      world.log.join(' '),
    );
  };
  if (given.order === 'strict') inOrder(world.log);
  if (given.order === 'key')
    for (let lane = 1; lane <= LANES; lane += 1) inOrder(world.log.filter((text) => text.startsWith(`L${lane}`)));
}

test('each lane in order, each message once, decisions exactly as they were made', async (t) => {
  const seed = process.env.WAYBILL_SEED;
  await fc.assert(
    fc.asyncProperty(plan, (given) => check(t, given)),
    { numRuns: Number(process.env.WAYBILL_RUNS ?? 60), ...(seed === undefined ? {} : { seed: Number(seed) }) },
  );
});
