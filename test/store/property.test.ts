import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NewAnswer, Store } from '../../engine/contracts/store.ts';
import type { MessageState } from '../../engine/states.ts';
import { dataFolder, openOne } from './ledger.ts';
import { Model } from './model.ts';
import {
  accept,
  answerTo,
  audit,
  counts,
  entriesTo,
  exception,
  membersOf,
  newBlock,
  planOf,
  STRICT,
  scan,
  stale,
  waitingOf,
  work,
} from './support.ts';

interface Real {
  store: Store;
  again(): Promise<Store>;
}

type Command = fc.AsyncCommand<Model, Real>;

/** One step on both sides; after each the ledger conserves, and its counters are the model's. */
abstract class Step implements Command {
  abstract check(model: Readonly<Model>): boolean;
  abstract step(model: Model, real: Real): Promise<void>;
  abstract toString(): string;

  async run(model: Model, real: Real): Promise<void> {
    await this.step(model, real);
    await audit(real.store);
    for (const { number } of model.submissions)
      assert.deepEqual(await counts(real.store, number), model.counts(number));
  }
}

class Accept extends Step {
  readonly items: number;
  readonly entries: number;
  readonly gate: boolean;
  constructor(items: number, entries: number, gate: boolean) {
    super();
    this.items = items;
    this.entries = entries;
    this.gate = gate;
  }
  check = (model: Readonly<Model>) => model.submissions.length < 8;
  async step(model: Model, { store }: Real) {
    const { items, entries, gate } = this;
    const number = model.submissions.length + 1;
    await accept(store, number, { gate, entries: entriesTo(...Array.from({ length: entries }, () => 'registry')) });
    model.submissions.push({ number, items, entries, gate, routedItems: 0, invalid: false, state: 'accepted' });
  }
  toString = () => `accept(${this.items} items, ${this.entries} entries${this.gate ? ', gate' : ''})`;
}

class Route extends Step {
  readonly items: number;
  readonly states: readonly MessageState[];
  constructor(items: number, states: readonly MessageState[]) {
    super();
    this.items = items;
    this.states = states;
  }
  check = (model: Readonly<Model>) => model.nextToRoute() !== undefined;
  async step(model: Model, { store }: Real) {
    const submission = model.nextToRoute();
    const found = await store.nextToRoute();
    assert.ok(submission && found);
    const { number, entries } = submission;
    assert.equal(found.number, number);
    if (found.state === 'accepted') await scan(store, number, submission.items);
    if (found.state !== 'routing') await store.beginRouting({ submission: number });
    const items = Math.min(this.items, submission.items - submission.routedItems);
    if (items > 0) {
      const positions = this.states.slice(0, items * entries).map((state, at) => [at, state] as const);
      const exceptions = new Map(positions.filter(([, state]) => state !== 'queued'));
      const to = [['registry', Array.from({ length: entries }, (_, n) => n)]] as const;
      const shape = { items, to, exceptions: Object.fromEntries(exceptions) };
      await store.commitBlock(newBlock(number, found.blocks, found.itemsRouted, found.cursor, shape));
      model.route(submission, items, exceptions);
    }
    if (submission.routedItems < submission.items) return;
    const { cancelled } = await store.endRouting({ submission: number, at: 1 });
    assert.equal(cancelled, model.endRouting(submission));
  }
  toString = () => `route(${this.items}, [${this.states.join()}])`;
}

class Plan extends Step {
  readonly max: number;
  readonly mix: boolean;
  readonly ahead: boolean;
  constructor(max: number, mix: boolean, ahead: boolean) {
    super();
    this.max = max;
    this.mix = mix;
    this.ahead = ahead;
  }
  check = () => true;
  async step(model: Model, { store }: Real) {
    const options = { maxMessages: this.max, mixSubmissions: this.mix, ahead: this.ahead };
    const found = await work(store, options);
    if (found.kind === 'held') assert.ok(model.busy?.doubt);
    if (found.kind === 'sending') assert.ok(model.busy && !model.busy.doubt);
    if (found.kind === 'idle' && !model.busy) assert.deepEqual(model.free(), []);
    if (found.kind !== 'candidates') return;
    const offered = found.blocks.flatMap(waitingOf);
    const free = model.free().map(({ id }) => id);
    assert.deepEqual(offered, free.slice(0, offered.length), 'what is offered is the head of the lane');
    const waiting = model.messages.filter(({ state, batch }) => state === 'queued' && batch !== undefined);
    const plannedFrom = Math.min(...waiting.map(({ id }) => id));
    if (!this.ahead) for (const id of offered) assert.ok(id < plannedFrom, 'nothing behind a planned batch is offered');
    const batch = await planOf(store, found.blocks, options);
    for (const id of offered.slice(0, this.max)) model.message(id).batch = batch;
  }
  toString = () => `plan(${this.max}${this.mix ? ', mix' : ''}${this.ahead ? ', ahead' : ''})`;
}

class Begin extends Step {
  check = () => true;
  async step(model: Model, { store }: Real) {
    const found = await work(store, { ahead: true });
    if (found.kind !== 'planned') return;
    const { batch, attempts } = found.batch;
    const key = { batch, attempt: attempts + 1, run: `run-${model.run}`, at: 1, ...STRICT };
    assert.deepEqual(
      membersOf(found.batch),
      model.members(batch).map(({ id }) => id),
    );
    if (model.busy) {
      await stale(store, store.beginSending(key));
      return;
    }
    await store.beginSending(key);
    model.begin(batch, key.attempt);
  }
  toString = () => 'begin';
}

class Answer extends Step {
  readonly rest: NewAnswer['rest'];
  readonly states: readonly (NewAnswer['rest'] | undefined)[];
  constructor(rest: NewAnswer['rest'], states: readonly (NewAnswer['rest'] | undefined)[]) {
    super();
    this.rest = rest;
    this.states = states;
  }
  check = (model: Readonly<Model>) => model.busy !== undefined && !model.busy.doubt;
  async step(model: Model, { store }: Real) {
    assert.ok(model.busy);
    const { batch, attempt } = model.busy;
    const named = model
      .members(batch)
      .flatMap(({ id }, at) => (this.states[at] ? [[id, this.states[at]] as const] : []));
    const exceptions = named.map(([id, state]) => exception(id, state));
    await stale(store, store.answer(answerTo(batch, { attempt, run: 'another run', rest: this.rest })));
    await store.answer(answerTo(batch, { attempt, run: `run-${model.run}`, rest: this.rest, exceptions }));
    model.answer(this.rest, new Map(named));
  }
  toString = () => `answer(${this.rest}, [${this.states.join()}])`;
}

class Crash extends Step {
  check = () => true;
  async step(model: Model, real: Real) {
    real.store = await real.again();
    model.run += 1;
    const recovered = await real.store.recover({ run: `run-${model.run}`, registered: [], at: 1 });
    const inFlight = model.busy && !model.busy.doubt ? [model.busy.batch] : [];
    assert.deepEqual(
      recovered.map(({ batch }) => batch),
      inFlight,
    );
    if (inFlight.length > 0) model.answer('inDoubt', new Map());
  }
  toString = () => 'crash';
}

class Resolve extends Step {
  readonly to: 'delivered' | 'rejected' | 'queued' | 'cancelled';
  constructor(to: 'delivered' | 'rejected' | 'queued' | 'cancelled') {
    super();
    this.to = to;
  }
  check = (model: Readonly<Model>) => model.busy !== undefined;
  async step(model: Model, { store }: Real) {
    assert.ok(model.busy);
    const decision = { batch: model.busy.batch, to: this.to, reason: 'asked', who: 'ana', at: 1 };
    if (!model.busy.doubt) {
      await stale(store, store.resolve(decision));
      return;
    }
    assert.equal((await store.resolve(decision)).messages, model.resolve(this.to));
  }
  toString = () => `resolve(${this.to})`;
}

const outcome = fc.constantFrom<NewAnswer['rest'][]>('delivered', 'rejected', 'failed', 'queued', 'inDoubt');
const routedAs = fc.constantFrom<MessageState[]>(
  'queued',
  'queued',
  'queued',
  'queued',
  'invalid',
  'filtered',
  'failed',
);
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 2 }), fc.boolean()).map((a) => new Accept(...a)),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.array(routedAs, { maxLength: 10 }))
      .map((a) => new Route(...a)),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.boolean(), fc.boolean()).map((a) => new Plan(...a)),
  },
  { weight: 4, arbitrary: fc.constant(new Begin()) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(outcome, fc.array(fc.option(outcome, { nil: undefined }), { maxLength: 6 }))
      .map((a) => new Answer(...a)),
  },
  { weight: 1, arbitrary: fc.constant(new Crash()) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('delivered', 'rejected', 'queued', 'cancelled').map((to) => new Resolve(to)),
  },
);

/** Lets everything that waits go out and be delivered: no lane is wedged, whatever came before. */
async function finish(model: Model, real: Real): Promise<void> {
  const run = (command: Step) => (command.check(model) ? command.run(model, real) : Promise.resolve());
  while (model.nextToRoute()) await run(new Route(5, []));
  for (
    let turns = 0;
    model.messages.some(({ state }) => ['queued', 'sending', 'inDoubt'].includes(state));
    turns += 1
  ) {
    assert.ok(turns < 500, 'the lane goes on');
    for (const command of [new Resolve('queued'), new Plan(4, true, false), new Begin(), new Answer('delivered', [])]) {
      await run(command);
    }
  }
  for (const { number } of model.submissions) {
    const row = await real.store.submission({ submission: number });
    assert.deepEqual([row?.unsettled, row?.settledAt === undefined], [0, false]);
  }
  for (const submission of model.submissions) {
    for (let line = 2; line < submission.items + 2; line += 1) {
      const item = await real.store.ask({ question: 'locate', with: { submission: submission.number, line } });
      for (const { message, state } of item?.messages ?? []) assert.equal(state, model.message(message).state);
    }
  }
}

test('whatever happens: every row is accounted for, each lane keeps its order, nothing is sent twice unasked', async (t) => {
  const numRuns = Number(process.env.WAYBILL_PROPERTY_RUNS ?? 25);
  await fc.assert(
    fc.asyncProperty(fc.commands([step], { size: '+1', maxCommands: 60 }), async (commands) => {
      let open: Store | undefined;
      const path = join(
        dataFolder(t, () => open?.close()),
        'ledger.db',
      );
      open = await openOne(path);
      const model = new Model();
      const real: Real = {
        store: open,
        async again() {
          await open?.close();
          open = await openOne(path);
          return open;
        },
      };
      await fc.asyncModelRun(() => ({ model, real }), commands);
      await finish(model, real);
      await real.store.close();
    }),
    { numRuns, interruptAfterTimeLimit: 60_000 },
  );
});
