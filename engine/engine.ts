import { randomUUID } from 'node:crypto';
import { accept } from './accept.ts';
import { BodyFolder } from './bodies.ts';
import { snapshotOf } from './config/hash.ts';
import type { Wakeups } from './contracts/handover.ts';
import type { Listeners } from './contracts/listener.ts';
import type { Operation } from './contracts/operation.ts';
import type { Destination, Production } from './contracts/production.ts';
import type { Clock, Logger } from './contracts/runtime.ts';
import type { Accepted, AcceptRequest, ReceiptView, RejectedItem } from './contracts/service.ts';
import type { Store, StoreFacts } from './contracts/store.ts';
import { Decisions } from './decisions.ts';
import { WaybillError } from './errors.ts';
import { emit } from './events.ts';
import { answerFormat, formatsInUse } from './formats-in-use.ts';
import { parseSubmissionId } from './ids.ts';
import { Intake } from './intake.ts';
import type { Registry } from './registry.ts';
import { report } from './report.ts';
import { Router } from './route.ts';
import { openFormat, type Transports } from './route-program.ts';
import { Sending } from './sending.ts';
import { bodiesFolder, receiptView, rejectedItems, Services } from './services.ts';
import { StoreHealth } from './store-health.ts';
import { watchStore } from './watch-store.ts';

export interface EngineOptions {
  readonly production: Production;
  readonly registry: Registry;
  readonly store: Store;
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly logger: (name: string) => Logger;
  /** Folders of adapters beside Waybill's own. */
  readonly adapters: readonly string[];
  /** A destination's settings with its secrets read anew. */
  readonly freshDestination: (name: string) => Promise<Destination>;
  readonly orphans: 'refuse' | 'hold';
  /** Where services take requests over HTTP, if any do. */
  readonly listener?: Listeners;
  readonly random?: () => number;
  readonly sweepEvery?: number;
  readonly hangAfter?: number;
}

const SWEEP_EVERY = 5000;
const HANG_AFTER = 60_000;

/** The whole engine over one production and one data folder. */
export class Engine {
  /** What people decide. */
  readonly decisions: Decisions;
  readonly #options: EngineOptions;
  readonly #run = randomUUID();
  readonly #sending = new Map<string, Sending>();
  readonly #health = new StoreHealth();
  #facts: StoreFacts | undefined;
  #router: Router | undefined;
  #services: Services | undefined;
  #bodies: BodyFolder;
  #wakeups: Wakeups | undefined;
  #intake: Intake | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #sweeping = false;
  #prepared = false;
  #transports: Transports = {};
  #ending: Promise<void> | undefined;

  constructor(options: EngineOptions) {
    this.#options = { ...options, store: watchStore(options.store, (error) => this.#health.notStored(error)) };
    this.#bodies = new BodyFolder(bodiesFolder(options.dataFolder));
    this.decisions = new Decisions({
      store: this.#options.store,
      clock: options.clock,
      instance: () => this.facts.instance,
      sendingTo: (destination) => this.#sending.get(destination),
      signal: (lane) => this.#signal(lane),
      sweep: () => this.sweep(),
    });
  }

  get facts(): StoreFacts {
    if (!this.#facts) throw new WaybillError('STORE_CLOSED', 'The engine is not started.');
    return this.#facts;
  }

  /** Lanes that a hand-over knows: the router's and one for each destination. */
  get lanes(): readonly string[] {
    return ['route', ...this.#sending.keys()];
  }

  /** Whether ledger and bodies took what was last asked of them. */
  get storeWell(): boolean {
    return this.#health.trouble === undefined;
  }

  /** Why nothing can be stored now: a code and a sentence. */
  get storeTrouble(): string | undefined {
    return this.#health.trouble;
  }

  /**
   * Recovers what an earlier run left, then starts lanes, router and services. What it began is ended where it cannot.
   * @throws WaybillError `ORPHANED_MESSAGES` and whatever keeps an adapter from starting.
   */
  async start(): Promise<void> {
    try {
      await this.#begin();
    } catch (error) {
      await Promise.allSettled([this.#end()]);
      throw error;
    }
  }

  async #begin(): Promise<void> {
    const { store, production, clock } = this.#options;
    this.#facts = await store.facts();
    await this.#refuseOrphans();
    await this.#bodies.prepare();
    await this.#bodies.sweep(async (submission) => (await store.submission({ submission })) !== undefined);
    await this.#recover();
    this.#intake = await Intake.open(
      {
        store,
        bodies: this.#bodies,
        clock,
        receiving: () => this.#prepare(),
        toRoute: () => this.#signal('route'),
        failed: (error) => this.#health.notStored(error),
      },
      this.#facts,
      snapshotOf(production),
    );
    for (const name of Object.keys(production.destinations)) {
      await store.resumeDestination({
        destination: name,
        at: clock.now(),
        who: 'engine',
        why: 'the engine was started',
      });
    }
    const carries = await this.#openLanes();
    this.#transports = carries;
    this.#router = this.#makeRouter(carries, await formatsInUse(production, this.#options.registry));
    this.#services = new Services({
      store,
      accepting: this.#taking().context(),
      production,
      registry: this.#options.registry,
      logger: this.#options.logger,
      clock,
      instance: this.facts.instance,
      listener: this.#options.listener,
    });
    await this.#services.start();
    this.#wakeAll();
    this.#sweeper = setInterval(() => this.#sweepOnce(), this.#options.sweepEvery ?? SWEEP_EVERY);
    emit('engineStarted', { production: production.name });
  }

  /** Uses a hand-over to other processes from now on. */
  handOver(wakeups: Wakeups): void {
    this.#wakeups = wakeups;
  }

  /** A wake-up that came from another process. */
  wake(lane: string): void {
    if (lane === 'route') this.#router?.wake();
    else this.#sending.get(lane)?.wake();
  }

  /** Stops accepting, finishes the calls in flight, stores their answers. Asked again, it is the same stop. */
  stop(): Promise<void> {
    if (!this.#ending) emit('engineStopping');
    return this.#end();
  }

  #end(): Promise<void> {
    this.#intake?.close();
    this.#ending ??= this.#endAll();
    return this.#ending;
  }

  async #endAll(): Promise<void> {
    clearInterval(this.#sweeper);
    const intake = async () => {
      try {
        await this.#services?.stop();
      } finally {
        await this.#router?.stop();
      }
    };
    // Lanes are told at once: no call begins any more while a service or the router still comes to its end.
    const ends = await Promise.allSettled([intake(), ...[...this.#sending.values()].map((sending) => sending.stop())]);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Takes an input in on behalf of a service (`waybill submit`). @throws as `accept`. */
  accept(service: string, request: AcceptRequest): Promise<Accepted> {
    return accept(this.#taking().context(), service, request);
  }

  /** A receipt with what became of its parts; `undefined` for an id that is none. */
  receipt(id: string): Promise<ReceiptView | undefined> {
    return receiptView(this.#options.store, this.facts.instance, id);
  }

  /** What became of a submission, as data for people. */
  report(id: string): Promise<Readonly<Record<string, unknown>>> {
    return report(this.#options.store, this.facts.instance, this.#submission(id));
  }

  /** The rejected items of a submission, in the order of the file; constant memory. */
  rejected(id: string): AsyncIterable<RejectedItem> {
    return rejectedItems(this.#options.store, this.facts.instance, this.#submission(id));
  }

  #submission(id: string): number {
    const number = parseSubmissionId(this.facts.instance, id);
    if (number !== undefined) return number;
    throw new WaybillError('SUBMISSION_UNKNOWN', `${id} is no submission of this ledger.`);
  }

  /** What each destination's transport can carry, and in which order its messages go. */
  get transports(): Transports {
    return this.#transports;
  }

  /** What is due is signalled again; attempts that nobody holds become in doubt. Asks only the store. */
  async sweep(): Promise<void> {
    const { store, clock } = this.#options;
    try {
      await this.#recover();
      const due = await store.due({ now: clock.now() });
      if (!this.storeWell) await this.#bodies.probe();
      this.#health.stored();
      const lanes = Map.groupBy(due.lanes, ({ destination }) => destination);
      for (const [name, sending] of this.#sending)
        sending.look(clock.now(), lanes.get(name)?.map(({ lane }) => lane) ?? []);
      if (due.toRoute) this.#signal('route');
      for (const destination of due.destinations) this.#signal(destination);
      for (const { service, submission } of due.services) this.#services?.tell(service, submission);
    } catch (error) {
      this.#health.notStored(error);
    }
  }

  /** The timer's sweep: while one waits for the ledger, no other is begun. */
  #sweepOnce(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    void this.sweep().finally(() => {
      this.#sweeping = false;
    });
  }

  /** Attempts that nobody holds become in doubt; each is told once, by whoever finds it. */
  async #recover(): Promise<void> {
    const { store, clock, production } = this.#options;
    const registered = [...this.#sending.values()].flatMap((sending) => sending.registered);
    for (const found of await store.recover({ run: this.#run, registered, at: clock.now() })) {
      if (production.destinations[found.destination]?.inDoubt.policy === 'hold')
        emit('batchInDoubt', { ...found, code: 'ENGINE_ENDED' });
    }
  }

  /** What takes things in. @throws WaybillError before the engine is started. */
  #taking(): Intake {
    if (!this.#intake) throw new WaybillError('STORE_CLOSED', 'The engine is not started.');
    return this.#intake;
  }

  async #refuseOrphans(): Promise<void> {
    const { store, production, clock, orphans } = this.#options;
    if (orphans === 'hold') return;
    const due = await store.due({ now: clock.now() });
    const lost = due.destinations.filter((name) => !Object.hasOwn(production.destinations, name));
    if (lost.length === 0) return;
    throw new WaybillError(
      'ORPHANED_MESSAGES',
      `Messages wait for ${lost.join(', ')}, which the production no longer has: put it back, or start with --orphans hold to leave them where they are.`,
    );
  }

  async #openLanes(): Promise<Transports> {
    const { production, registry } = this.#options;
    const transports: Record<string, Transports[string]> = {};
    for (const [name, destination] of Object.entries(production.destinations)) {
      const definition = await registry.get('operation', destination.type);
      const { carries } = definition.describe(destination.config, production.resources);
      transports[name] = { ...carries, order: destination.order };
      this.#sending.set(name, await this.#open(name, destination));
    }
    return transports;
  }

  async #open(name: string, destination: Destination): Promise<Sending> {
    const { production, registry, store, clock, random, freshDestination, logger } = this.#options;
    const { format } = destination.batch;
    const rule = destination.answersTo;
    const content = snapshotOf(production);
    const opened = format && (await openFormat(registry, content, format));
    let settings: Destination | undefined = destination;
    const open = async (): Promise<Operation> => {
      const fresh = settings ?? (await freshDestination(name));
      settings = undefined;
      const definition = await registry.get('operation', fresh.type);
      return definition.open(fresh.config, {
        name,
        folder: production.folder,
        logger: logger(name),
        resources: production.resources,
      });
    };
    return Sending.open({
      name,
      destination,
      timeZone: production.resources.timeZone,
      store,
      clock,
      instance: this.facts.instance,
      run: this.#run,
      format: opened,
      answers: opened ?? (await answerFormat(registry, destination.type, content)),
      random: random ?? Math.random,
      open,
      dueAt: (at) => this.#wakeups?.signalAt(name, at),
      settled: (submissions) => void this.#settled(submissions),
      keepAnswer: rule && ((batch, body) => this.#taking().keepAnswer(name, rule, batch, body)),
      answerAccepted: (submission) => this.#taking().answerAccepted(name, submission),
    });
  }

  async #settled(submissions: readonly number[]): Promise<void> {
    for (const submission of submissions) {
      const row = await this.#options.store.submission({ submission }).catch(() => undefined);
      if (row) this.#services?.tell(row.service, submission);
    }
  }

  #makeRouter(carries: Transports, formats: readonly string[]): Router {
    const { store, clock, adapters, hangAfter } = this.#options;
    return new Router({
      store,
      bodies: this.#bodies,
      clock,
      facts: this.facts,
      adapters,
      carries,
      formats,
      hangAfter: hangAfter ?? HANG_AFTER,
      snapshot: (hash) => this.#taking().snapshot(hash),
      released: (destinations) => {
        for (const destination of destinations) this.#signal(destination);
      },
      ended: (submission, service) => {
        this.#services?.tell(service, submission);
        // A refused submission may have held others back.
        for (const name of this.#sending.keys()) this.#signal(name);
      },
    });
  }

  /** Something is being received: what routes and sends is loaded meanwhile, since an idle engine does without. */
  #prepare(): void {
    this.#router?.prepare();
    if (this.#prepared) return;
    this.#prepared = true;
    for (const sending of this.#sending.values()) sending.prepare();
  }

  /** At once in this process, and as a job that any other process would see. */
  #signal(lane: string): void {
    this.wake(lane);
    this.#wakeups?.signal(lane);
  }

  #wakeAll(): void {
    for (const lane of this.lanes) this.#signal(lane);
  }
}
