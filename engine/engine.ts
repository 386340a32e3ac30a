import { randomUUID } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { accept } from './accept.ts';
import { BodyFolder } from './bodies.ts';
import { parseSnapshot, snapshotHash, snapshotJson, snapshotOf } from './config/hash.ts';
import type { Wakeups } from './contracts/handover.ts';
import type { Carries, Operation } from './contracts/operation.ts';
import type { Destination, Production, Snapshot } from './contracts/production.ts';
import type { Clock, Logger } from './contracts/runtime.ts';
import type { Accepted, AcceptRequest } from './contracts/service.ts';
import type { ResolveRequest, Store, StoreFacts } from './contracts/store.ts';
import { Lane } from './deliver.ts';
import { codeOf, defineErrors, messageOf, WaybillError } from './errors.ts';
import { emit } from './events.ts';
import type { Registry } from './registry.ts';
import { Router } from './route.ts';
import { openFormat } from './route-program.ts';
import { bodiesFolder, Services } from './services.ts';
import { watchStore } from './watch-store.ts';

export const ENGINE_ERRORS = defineErrors({
  ORPHANED_MESSAGES: {
    means: 'Messages wait for a destination that the production no longer has.',
    cure: 'Put the destination back, or start with --orphans hold: they stay where they are and are shown.',
  },
  DESTINATION_UNKNOWN: {
    means: 'The production has no destination of this name.',
    cure: 'Look at the names with waybill status.',
  },
  SUBMISSION_UNKNOWN: { means: 'The ledger has no such submission.', cure: 'Look it up with waybill submissions.' },
  FORMAT_NOT_READABLE: {
    means: 'A service names a format that can only be written.',
    cure: 'Name a format that reads, such as csv.',
  },
  COPY_DAMAGED: {
    means: 'The UTF-8 copy of a body is not the one that was scanned.',
    cure: 'Restore the data folder, or submit the file again.',
  },
  TRANSFORM_CRASHED: {
    means: 'A row ended or hung the transform worker twice; it was set aside as failed.',
    cure: 'Look at the row and at the transform that it goes through.',
  },
  SCAN_CRASHED: {
    means: 'Scanning an input ended or hung the worker twice.',
    cure: 'Look at the file with another tool; report it.',
  },
  FILE_REFUSED: {
    means: 'The route refuses a file with any invalid row; the others were cancelled.',
    cure: 'Correct the rejected rows and submit the file again.',
  },
  ENGINE_ENDED: {
    means: 'The engine ended after sending began and before an answer was stored.',
    cure: 'Ask the receiver, then waybill resolve.',
  },
  ANSWER_MISSING: {
    means: "The receiver's answer does not name a message of the batch.",
    cure: 'Ask the receiver what became of it, then waybill resolve.',
  },
  ANSWER_CONTRADICTS: {
    means: 'The answer names a message twice with different codes.',
    cure: 'Ask the receiver, then waybill resolve.',
  },
  ANSWER_NAMES_OTHERS: {
    means: 'The answer names messages that were not sent.',
    cure: "It may be another call's answer: ask the receiver, then waybill resolve.",
  },
  GAVE_UP: { means: "The destination's giveUpAfter passed without a delivery.", cure: 'Mend the cause and resend.' },
  DESTINATION_NOT_OPENED: {
    means: 'A destination cannot be used as it is configured; nothing was sent.',
    cure: 'Mend what the message names, then waybill resume.',
  },
  RUNTIME_FOLDER: {
    means: 'The folder for sockets belongs to another user, or is open to others.',
    cure: 'Remove it, or use a data folder with a shorter path.',
  },
  ENGINE_STOPPING: { means: 'The engine is stopping and takes nothing in.', cure: 'Try again when it runs.' },
  ACCEPTED: { means: 'Every message of the batch was acknowledged.', cure: 'Nothing is to be done.' },
  MIXED: { means: 'Some messages of the batch were not accepted.', cure: 'Look at each with waybill trace.' },
});

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
  readonly random?: () => number;
  readonly sweepEvery?: number;
  readonly hangAfter?: number;
}

const SWEEP_EVERY = 5000;
/** Codes of a ledger or a disk that takes nothing. */
const CANNOT_STORE = new Set(['STORE_FULL', 'STORE_FAILED', 'ENOSPC', 'EDQUOT', 'EIO', 'EROFS']);
const HANG_AFTER = 60_000;

/** The whole engine over one production and one data folder. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #run = randomUUID();
  readonly #lanes = new Map<string, Lane>();
  readonly #snapshots = new Map<string, Snapshot>();
  #facts: StoreFacts | undefined;
  #router: Router | undefined;
  #services: Services | undefined;
  #bodies: BodyFolder;
  #wakeups: Wakeups | undefined;
  #current: { hash: string; content: Snapshot } | undefined;
  #lastNumber = 0;
  #sweeper: NodeJS.Timeout | undefined;
  /** Why nothing can be stored now; `undefined` while all is well. */
  #trouble: string | undefined;
  #accepting = true;

  constructor(options: EngineOptions) {
    this.#options = { ...options, store: watchStore(options.store, (error) => this.#notStored(error)) };
    this.#bodies = new BodyFolder(bodiesFolder(options.dataFolder));
  }

  get facts(): StoreFacts {
    if (!this.#facts) throw new WaybillError('STORE_CLOSED', 'The engine is not started.');
    return this.#facts;
  }

  /** Lanes that a hand-over knows: the router's and one for each destination. */
  get lanes(): readonly string[] {
    return ['route', ...this.#lanes.keys()];
  }

  /** Whether ledger and bodies took what was last asked of them. */
  get storeWell(): boolean {
    return this.#trouble === undefined;
  }

  /** Why nothing can be stored now: a code and a sentence. */
  get storeTrouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * Recovers what an earlier run left, then starts lanes, router and services.
   * @throws WaybillError `ORPHANED_MESSAGES` and whatever keeps an adapter from starting.
   */
  async start(): Promise<void> {
    const { store, production, clock } = this.#options;
    this.#facts = await store.facts();
    this.#lastNumber = this.#facts.lastSubmission;
    await this.#refuseOrphans();
    await this.#bodies.prepare();
    await this.#bodies.sweep(async (submission) => (await store.submission({ submission })) !== undefined);
    await store.recover({ run: this.#run, registered: [], at: clock.now() });
    await this.#pin(snapshotOf(production));
    for (const name of Object.keys(production.destinations)) {
      await store.resumeDestination({
        destination: name,
        at: clock.now(),
        who: 'engine',
        why: 'the engine was started',
      });
    }
    const carries = await this.#openLanes();
    this.#router = this.#makeRouter(carries);
    this.#services = new Services({
      store,
      accepting: this.#acceptContext(),
      production,
      registry: this.#options.registry,
      logger: this.#options.logger,
      clock,
      instance: this.facts.instance,
    });
    await this.#services.start();
    this.#wakeAll();
    this.#sweeper = setInterval(() => void this.sweep(), this.#options.sweepEvery ?? SWEEP_EVERY);
    emit('engineStarted', { production: production.name });
  }

  /** Uses a hand-over to other processes from now on. */
  handOver(wakeups: Wakeups): void {
    this.#wakeups = wakeups;
  }

  /** A wake-up that came from another process. */
  wake(lane: string): void {
    if (lane === 'route') this.#router?.wake();
    else this.#lanes.get(lane)?.wake();
  }

  /** Stops accepting, finishes the calls in flight, stores their answers. */
  async stop(): Promise<void> {
    emit('engineStopping');
    this.#accepting = false;
    clearInterval(this.#sweeper);
    const intake = async () => {
      await this.#services?.stop();
      await this.#router?.stop();
    };
    // Lanes are told at once: no call begins any more while a service or the router still comes to its end.
    await Promise.all([intake(), ...[...this.#lanes.values()].map((lane) => lane.stop())]);
  }

  /** Takes an input in on behalf of a service (`waybill submit`). @throws as `accept`. */
  accept(service: string, request: AcceptRequest): Promise<Accepted> {
    return accept(this.#acceptContext(), service, request);
  }

  /** Goes on with a stopped destination, with its secrets read anew. */
  async resume(destination: string, who: string, why: string): Promise<{ wasStopped: boolean }> {
    const lane = this.#lanes.get(destination);
    if (!lane)
      throw new WaybillError(
        'DESTINATION_UNKNOWN',
        `The production has no destination ${destination}: look at the names with waybill status.`,
      );
    lane.reopen();
    const result = await this.#options.store.resumeDestination({
      destination,
      at: this.#options.clock.now(),
      who,
      why,
    });
    emit('destinationResumed', { destination });
    this.#signal(destination);
    return result;
  }

  /** Decides about the in-doubt messages of a batch. */
  async resolve(request: Omit<ResolveRequest, 'at'>): Promise<{ messages: number; destination: string }> {
    const result = await this.#options.store.resolve({ ...request, at: this.#options.clock.now() });
    this.#signal(result.destination);
    await this.sweep();
    return result;
  }

  /** What is due is signalled again; attempts that nobody holds become in doubt. Asks only the store. */
  async sweep(): Promise<void> {
    const { store, clock } = this.#options;
    try {
      const registered = [...this.#lanes.values()].flatMap((lane) => lane.registered);
      await store.recover({ run: this.#run, registered, at: clock.now() });
      const due = await store.due({ now: clock.now() });
      if (!this.storeWell) await this.#bodies.probe();
      this.#stored();
      if (due.toRoute) this.#signal('route');
      for (const destination of due.destinations) this.#signal(destination);
      for (const { service, submission } of due.services) this.#services?.tell(service, submission);
    } catch (error) {
      this.#notStored(error);
    }
  }

  #stored(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    emit('storeRecovered');
  }

  /** Only what keeps the disk or the ledger from taking anything is a trouble; a stale plan or a closed ledger is not. */
  #notStored(error: unknown): void {
    if (!CANNOT_STORE.has(codeOf(error))) return;
    const before = this.#trouble;
    this.#trouble = `${codeOf(error)}: ${messageOf(error)}`;
    if (before === undefined) emit('storeFailed', { code: codeOf(error), reason: messageOf(error) });
  }

  #acceptContext() {
    const { store, clock } = this.#options;
    return {
      store,
      bodies: this.#bodies,
      clock,
      instance: this.facts.instance,
      nextNumber: () => {
        if (!this.#accepting)
          throw new WaybillError(
            'ENGINE_STOPPING',
            'The engine is stopping and takes nothing in: try again when it runs.',
          );
        this.#lastNumber += 1;
        return this.#lastNumber;
      },
      failed: (error: unknown) => this.#notStored(error),
      snapshot: () => {
        if (!this.#current) throw new WaybillError('STORE_CLOSED', 'The engine is not started.');
        return this.#current;
      },
      accepted: () => {
        emit('submissionAccepted');
        this.#signal('route');
      },
    };
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

  async #pin(content: Snapshot): Promise<void> {
    const hash = snapshotHash(content);
    await this.#options.store.putSnapshot({ hash, body: zstdCompressSync(snapshotJson(content)) });
    this.#current = { hash, content };
    this.#snapshots.set(hash, content);
  }

  async #snapshot(hash: string): Promise<Snapshot> {
    const known = this.#snapshots.get(hash);
    if (known) return known;
    const body = await this.#options.store.snapshot({ hash });
    if (!body) throw new WaybillError('STORE_STALE', 'The snapshot that a submission began with is not in the ledger.');
    const content = parseSnapshot(zstdDecompressSync(body).toString('utf8'));
    this.#snapshots.set(hash, content);
    return content;
  }

  async #openLanes(): Promise<Record<string, Carries>> {
    const { production, registry } = this.#options;
    const carries: Record<string, Carries> = {};
    for (const [name, destination] of Object.entries(production.destinations)) {
      const definition = await registry.get('operation', destination.type);
      carries[name] = definition.describe(destination.config, production.resources).carries;
      this.#lanes.set(name, await this.#lane(name, destination));
    }
    return carries;
  }

  async #lane(name: string, destination: Destination): Promise<Lane> {
    const { production, registry, store, clock, random, freshDestination, logger } = this.#options;
    const { format } = destination.batch;
    const content = snapshotOf(production);
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
    return new Lane({
      name,
      destination,
      timeZone: production.resources.timeZone,
      store,
      clock,
      instance: this.facts.instance,
      run: this.#run,
      format: format && (await openFormat(registry, content, format)),
      random: random ?? Math.random,
      open,
      dueAt: (at) => this.#wakeups?.signalAt(name, at),
      settled: (submissions) => void this.#settled(submissions),
    });
  }

  async #settled(submissions: readonly number[]): Promise<void> {
    for (const submission of submissions) {
      const row = await this.#options.store.submission({ submission }).catch(() => undefined);
      if (row) this.#services?.tell(row.service, submission);
    }
  }

  #makeRouter(carries: Record<string, Carries>): Router {
    const { store, clock, adapters, hangAfter } = this.#options;
    return new Router({
      store,
      bodies: this.#bodies,
      clock,
      facts: this.facts,
      adapters,
      carries,
      hangAfter: hangAfter ?? HANG_AFTER,
      snapshot: (hash) => this.#snapshot(hash),
      released: (destinations) => {
        for (const destination of destinations) this.#signal(destination);
      },
      ended: (submission, service) => {
        this.#services?.tell(service, submission);
        // A refused submission may have held others back.
        for (const lane of this.#lanes.values()) this.#signal(lane.name);
      },
    });
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
