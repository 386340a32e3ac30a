/** The harness: one data folder, two receivers, and rounds of people's acts, in each of which the process dies at a label. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { SelectedMessage, SelectionCursor } from '../../engine/contracts/acting.ts';
import { control, describeLedger, type PluggedEngine, type Pull, spawnPlugged } from '../support/crash.ts';
import { askLedger, waybill } from '../support/engine.ts';
import type { TestProduction } from '../support/production.ts';
import { until } from '../support/until.ts';
import { type ActingAudit, auditActs, lawProblems } from './acting-audit.ts';
import { actingProduction } from './acting-production.ts';
import { type MoodyReceiver, startMoody } from './acting-receiver.ts';
import { type Deed, Round } from './acting-round.ts';
import type { Label } from './matrix.ts';
import { pullOf } from './seed.ts';

/** Every label of people's acts; each is reached so often in one round. */
export const ACT_LABELS: readonly Label[] = [
  { label: 'act.beforeCommit', most: 5 },
  { label: 'act.recorded', most: 5 },
  { label: 'act.partBeforeCommit', most: 11 },
  { label: 'act.continued', most: 11 },
  { label: 'versions.beforeCommit', most: 3 },
  { label: 'versions.afterCommit', most: 3 },
  { label: 'corrections.beforeCommit', most: 2 },
  { label: 'route.afterCommit', most: 2 },
  { label: 'purge.begun', most: 2 },
  { label: 'purge.slice', most: 2 },
  { label: 'purge.sliced', most: 2 },
  { label: 'purge.filesGone', most: 2 },
  { label: 'purge.ended', most: 4 },
];

export interface ActingFigures extends ActingAudit {
  readonly deaths: number;
  readonly deeds: number;
  /** Begun before a death and not there after it: done again by the person. */
  readonly unmade: number;
  /** There at a death and not finished: they went on by themselves. */
  readonly wentOn: number;
}

/** How long one step may take, milliseconds. */
const STEP_WITHIN = 90_000;
/** How often the ledger is looked at, milliseconds: each look opens it anew. */
const LOOK_EVERY = 50;
/** Share of the second lives that end at the same label. */
const DIES_AGAIN = 0.3;

/** Runs a round for each of these labels in one data folder. @throws AssertionError where anything does not hold */
export async function runActing(
  t: TestContext,
  labels: readonly Label[],
  random: () => number,
): Promise<ActingFigures> {
  const chain = await ActingChain.begin(t, random);
  for (const label of labels) await chain.round(label);
  const figures = await chain.end();
  assert.deepEqual(figures.problems.slice(0, 20), []);
  return figures;
}

class ActingChain {
  readonly #t: TestContext;
  readonly #production: TestProduction;
  readonly #registry: MoodyReceiver;
  readonly #archive: MoodyReceiver;
  readonly #random: () => number;
  readonly #rounds: Round[] = [];
  /** What a person asked for, and of that what was answered with a yes. */
  readonly #asked = new Set<Deed>();
  readonly #promised = new Set<Deed>();
  #engine: PluggedEngine;
  #ended = false;
  #deaths = 0;
  #deeds = 0;
  #unmade = 0;
  #wentOn = 0;

  private constructor(
    t: TestContext,
    production: TestProduction,
    receivers: { readonly registry: MoodyReceiver; readonly archive: MoodyReceiver },
    random: () => number,
  ) {
    this.#t = t;
    this.#production = production;
    this.#registry = receivers.registry;
    this.#archive = receivers.archive;
    this.#random = random;
    this.#engine = this.#spawn();
  }

  static async begin(t: TestContext, random: () => number): Promise<ActingChain> {
    const production = await actingProduction(t);
    const registry = await startMoody(t, production.root, 'registry');
    const archive = await startMoody(t, production.root, 'archive');
    const chain = new ActingChain(t, production, { registry, archive }, random);
    await chain.#engine.ready();
    return chain;
  }

  /** Files come in and stop half way; people act; the process dies; what they decided is done all the same. */
  async round(label: Label): Promise<void> {
    const { instance } = askLedger(this.#production, 'facts', {});
    const round = new Round(this.#production, instance, this.#rounds.length + 1, this.#random() < 0.5);
    this.#rounds.push(round);
    await this.#prepare(round);
    const deeds = shuffled(round.deeds(), this.#random);
    this.#deeds += deeds.length;
    await this.#arm(pullOf(label, this.#random));
    const again = this.#random() < DIES_AGAIN ? pullOf({ ...label, most: 2 }, this.#random) : undefined;
    await this.#live(deeds, round);
    await this.#wait(`${label.label} is reached`, () => this.#ended);
    await this.#death(deeds);
    await this.#live(deeds, round, again);
    if (again) await this.#disarm();
    if (this.#ended) {
      await this.#death(deeds);
      await this.#live(deeds, round);
    }
    assert.ok(!this.#ended, this.#story());
    const { problems } = auditActs(this.#production, this.#rounds, this.#taken());
    assert.deepEqual(problems.slice(0, 20), [], `after ${label.label}\n${this.#story()}`);
  }

  async end(): Promise<ActingFigures> {
    assert.deepEqual(await this.#engine.stop(), { code: 0, signal: null }, this.#story());
    const verified = await waybill(['verify', '--data', this.#production.data]);
    assert.equal(verified.code, 0, `${verified.stdout}${verified.stderr}`);
    return {
      ...auditActs(this.#production, this.#rounds, this.#taken()),
      deaths: this.#deaths,
      deeds: this.#deeds,
      unmade: this.#unmade,
      wentOn: this.#wentOn,
    };
  }

  /** Delivered, rejected, invalid, in doubt, waiting, and past its retention: some of each. */
  async #prepare(round: Round): Promise<void> {
    this.#registry.mood = 'refuses';
    this.#archive.mood = round.arrived ? 'cutsAfter' : 'cuts';
    for (const key of ['doses', 'mixed', 'oldA', 'oldB', 'lossy'] as const) await round.drop(key);
    await this.#wait('each file has come to what was wanted', () =>
      Object.entries(round.begins).every(([key, counts]) =>
        isDeepStrictEqual(round.counts(round.name(key as 'doses')), counts),
      ),
    );
    await round.drop('held');
    await this.#wait(
      'the last file waits',
      () => round.counts(round.name('held')).queued !== undefined && this.#isRouted(round.name('held')),
    );
    await this.#wait('two submissions are past their retention', () => {
      const page = askLedger(this.#production, 'purgeable', { what: 'bodies', from: 'whole', after: undefined });
      return page.submissions.length === round.purged.length;
    });
    this.#registry.mood = 'takes';
    this.#archive.mood = 'takes';
  }

  #isRouted(name: string): boolean {
    return askLedger(this.#production, 'submissions', { limit: 1, name })[0]?.state === 'routed';
  }

  /** Begins what the ledger does not have, and waits until everything is done, or the process dies. */
  async #live(deeds: readonly Deed[], round: Round, again?: Pull): Promise<void> {
    if (this.#ended) this.#engine = this.#spawn(again);
    await this.#untilReady();
    // What was there before is finished before anybody asks for it.
    await this.#orEnded('what was begun goes on by itself', () => deeds.every((deed) => !deed.there() || deed.done()));
    for (const deed of deeds) {
      const before = deeds.filter(({ name }) => deed.after.includes(name));
      await this.#orEnded(`${deed.name} can be begun`, () => before.every((each) => each.done()));
      if (this.#ended) return;
      if (!deed.there()) await this.#begin(deed);
    }
    await this.#orEnded('everything is settled', async () => {
      if (!deeds.every((deed) => deed.there() && deed.done())) return false;
      await this.#decide();
      return this.#settled(round);
    });
  }

  async #begin(deed: Deed): Promise<void> {
    const status = await deed.begin().catch(() => 503);
    if (status < 300) this.#promised.add(deed);
    else if (status !== 503) assert.fail(`${deed.name}: ${status}\n${this.#story()}`);
    // A request that failed while the process lives is a fault; that the process is gone may be told a little later.
    else await this.#wait(`the process ended, since ${deed.name} was not answered`, () => this.#ended);
    this.#asked.add(deed);
  }

  async #death(deeds: readonly Deed[]): Promise<void> {
    assert.deepEqual(await this.#engine.ended, { code: null, signal: 'SIGKILL' }, this.#story());
    this.#deaths += 1;
    assert.deepEqual(lawProblems(this.#production), []);
    const lost = deeds.filter((deed) => this.#promised.has(deed) && !deed.there());
    assert.deepEqual(
      lost.map(({ name }) => name),
      [],
      'what was promised is there',
    );
    const done = new Set(deeds.filter((deed) => deed.done()).map(({ name }) => name));
    const traces = deeds
      .filter((deed) => !deed.there() && deed.after.every((name) => done.has(name)))
      .flatMap((deed) => deed.traces());
    assert.deepEqual(traces, [], `what is not there has left nothing\n${this.#story()}`);
    this.#unmade += deeds.filter((deed) => this.#asked.has(deed) && !deed.there()).length;
    this.#wentOn += deeds.filter((deed) => deed.there() && !deed.done()).length;
  }

  /** What was in flight at a death is decided by what the receivers have, as a person would who asks them. */
  async #decide(): Promise<void> {
    const doubtful = this.#doubtful();
    if (doubtful.length === 0 || askLedger(this.#production, 'acts', { limit: 1, running: true }).length > 0) return;
    const { instance } = askLedger(this.#production, 'facts', {});
    const taken = new Set(this.#taken().map(({ controlId }) => controlId));
    const ids = doubtful.map(({ submission, item, version }) => ({
      id: `${instance}-${submission}-${item}`,
      there: taken.has(`${instance}-${submission}-${item}${version > 1 ? `v${version}` : ''}`),
    }));
    for (const [there, same] of Map.groupBy(ids, (each) => each.there)) {
      const where = `message=${same.map(({ id }) => id).join(',')} state=inDoubt`;
      const body = {
        verb: 'resolve',
        outcome: there ? 'delivered' : 'queued',
        where,
        reason: 'asked',
        who: 'bo',
        confirm: 'any',
      };
      const { status } = await control(this.#production, '/api/v1/acts', body).catch(() => ({ status: 503 }));
      assert.ok([202, 422, 503].includes(status), `${status}\n${this.#story()}`);
    }
  }

  #doubtful(): readonly SelectedMessage[] {
    const found: SelectedMessage[] = [];
    for (let after: SelectionCursor | undefined, more = true; more; more = after !== undefined) {
      const page = askLedger(this.#production, 'selectMessages', { filter: { states: ['inDoubt'] }, after });
      found.push(...page.messages);
      after = page.next;
    }
    return found;
  }

  #settled(round: Round): boolean {
    return (
      askLedger(this.#production, 'acts', { limit: 1, running: true }).length === 0 &&
      Object.entries(round.ends).every(([name, counts]) => isDeepStrictEqual(round.counts(name), counts)) &&
      askLedger(this.#production, 'submissions', { limit: 8 }).every(({ progress }) => progress === 'closed')
    );
  }

  #spawn(pull?: Pull): PluggedEngine {
    const env = { ARCHIVE_URL: this.#archive.url };
    const args = ['--log-level', 'debug'];
    const engine = spawnPlugged(this.#t, this.#production, { url: this.#registry.url, env, args }, pull);
    this.#ended = false;
    void engine.ended.then(() => {
      if (this.#engine === engine) this.#ended = true;
    });
    return engine;
  }

  async #untilReady(): Promise<void> {
    await this.#engine.ready().catch(async (error: unknown) => {
      // A second plug may be pulled while what was begun goes on.
      if (!this.#engine.fired()) throw error;
      await this.#engine.ended;
    });
  }

  /** What was not reached is not to be reached in the next round; it may be reached just now. */
  async #disarm(): Promise<void> {
    const none: Pull = { label: 'never.reached', nth: 1, fault: 'kill' };
    await Promise.race([this.#engine.ended, this.#arm(none)]).catch(async (error: unknown) => {
      if (!this.#engine.fired()) throw error;
    });
    if (this.#engine.fired()) await this.#engine.ended;
  }

  async #arm(pull: Pull): Promise<void> {
    const armed = () => this.#engine.log().split('{"plug":"armed"').length;
    const before = armed();
    await this.#engine.arm(pull);
    await this.#wait('the plug is armed', () => armed() > before || this.#ended);
  }

  #taken() {
    return [...this.#registry.taken(), ...this.#archive.taken()];
  }

  #orEnded(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    return this.#wait(what, async () => this.#ended || condition());
  }

  async #wait(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const look = async () => (await condition()) || wait(LOOK_EVERY, false);
    await until(what, look, STEP_WITHIN).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#story()}`, { cause: error });
    });
  }

  #story(): string {
    return `${describeLedger(this.#production)}\n${this.#engine.log().slice(-6000)}`;
  }
}

/** By chance, but nothing before what it comes after. */
function shuffled(deeds: readonly Deed[], random: () => number): readonly Deed[] {
  const left = deeds.map((deed) => ({ deed, at: random() })).sort((a, b) => a.at - b.at);
  const order: Deed[] = [];
  while (left.length > 0) {
    const next = left.findIndex(({ deed }) => deed.after.every((name) => order.some((each) => each.name === name)));
    const [found] = left.splice(next, 1);
    if (!found) break;
    order.push(found.deed);
  }
  return order;
}
