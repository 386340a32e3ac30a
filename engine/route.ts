import type { Worker } from 'node:worker_threads';
import type { BodyFolder } from './bodies.ts';
import type { Scan } from './contracts/format.ts';
import type { Snapshot } from './contracts/production.ts';
import type { Clock } from './contracts/runtime.ts';
import type { NewBlock, Refusal, RouteWork, Store, StoreFacts } from './contracts/store.ts';
import { codeOf, messageOf, WaybillError } from './errors.ts';
import { emit } from './events.ts';
import { submissionId } from './ids.ts';
import type { Transports } from './route-program.ts';
import { RouteThread } from './route-thread.ts';
import type { FromWorker, RouteTask, ToWorker } from './route-worker.ts';
import { Suspicions } from './suspicion.ts';

export interface RouterContext {
  readonly store: Store;
  readonly bodies: BodyFolder;
  readonly clock: Clock;
  readonly facts: StoreFacts;
  /** Folders of adapters beside Waybill's own. */
  readonly adapters: readonly string[];
  /** Formats by which inputs are read. */
  readonly formats: readonly string[];
  readonly snapshot: (hash: string) => Promise<Snapshot>;
  readonly carries: Transports;
  /** Messages of these destinations are in the ledger. */
  readonly released: (destinations: Iterable<string>) => void;
  /** A submission came to the end of its routing. */
  readonly ended: (submission: number, service: string) => void;
  /** Milliseconds after which a worker that owes something counts as hung. */
  readonly hangAfter: number;
  /** Milliseconds without anything to do after which the worker ends; default 10 seconds. */
  readonly idleAfter?: number;
}

/** Items of a block: enough to make compression, commits and calls cheap. */
const BLOCK_ITEMS = 1000;
/** First and longest wait before a submission that could not be routed is tried again, milliseconds. */
const RETRY_FIRST = 500;
const RETRY_CEILING = 30_000;
const IDLE_AFTER = 10_000;

type Ending = 'end' | 'stopped';

/** Routes submissions one after the other in the order of their places, in a worker thread. */
export class Router {
  readonly #context: RouterContext;
  readonly #thread: RouteThread;
  readonly #suspicions = new Suspicions(BLOCK_ITEMS);
  #running: Promise<void> | undefined;
  #again = false;
  #stopping = false;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  /** The snapshot that a worker was given last. */
  readonly #known = new WeakMap<Worker, string>();

  constructor(context: RouterContext) {
    this.#context = context;
    const { adapters, formats, idleAfter = IDLE_AFTER } = context;
    this.#thread = new RouteThread({ adapters, formats, idleAfter, inUse: () => this.#running !== undefined });
  }

  /** There may be something to route. Cheap; may be called as often as anything happens. */
  wake(): void {
    if (this.#stopping) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#thread.rest();
      if (this.#again && !this.#stopping && this.#retry === undefined) this.wake();
    });
  }

  /** Something is being received: the worker is started meanwhile. Cheap; may be called as often as that happens. */
  prepare(): void {
    if (!this.#stopping) this.#thread.prepare();
  }

  /** Ends after the blocks on their way are committed; what is not routed goes on at the next start. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    this.#thread.post({ kind: 'drop' });
    await this.#running;
    await this.#thread.end();
  }

  async #run(): Promise<void> {
    if (this.#retry !== undefined) return;
    while (this.#again && !this.#stopping) {
      this.#again = false;
      try {
        for (
          let work = await this.#context.store.nextToRoute();
          work && !this.#stopping;
          work = await this.#context.store.nextToRoute()
        ) {
          await this.#submission(work);
          this.#failures = 0;
        }
      } catch (error) {
        this.#later(error);
        return;
      }
    }
  }

  /** A store that cannot be written, a damaged copy: tried again with a growing wait; nothing is skipped. */
  #later(error: unknown): void {
    const wait = Math.min(RETRY_FIRST * 2 ** this.#failures, RETRY_CEILING);
    this.#failures += 1;
    emit('routingFailed', { code: codeOf(error), reason: messageOf(error), retryInMs: wait });
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.wake();
    }, wait);
  }

  async #submission(work: RouteWork): Promise<void> {
    try {
      await this.#step(work);
    } catch (error) {
      if (!(await this.#isCancelled(work, error))) throw error;
    }
  }

  /** Scans a submission, or routes what was scanned. */
  async #step(work: RouteWork): Promise<void> {
    const { store } = this.#context;
    if (work.state === 'accepted') return this.#scan(work);
    if (work.state === 'scanned') await store.beginRouting({ submission: work.number });
    const ending = await this.#blocks(work);
    if (ending === 'stopped') return;
    const { cancelled } = await store.endRouting({ submission: work.number, at: this.#context.clock.now() });
    emit('submissionRouted', { submission: this.#id(work), items: work.items ?? 0, cancelled });
    this.#context.released(work.entries.map(({ destination }) => destination));
    this.#context.ended(work.number, work.service);
  }

  async #scan(work: RouteWork): Promise<void> {
    const task = await this.#task(work, BLOCK_ITEMS, undefined);
    await this.#exchange(work, { kind: 'scan', task }, async (message) => {
      if (message.kind !== 'scanned') return undefined;
      const { scan } = message;
      if (scan.quarantine) await this.#quarantine(work, scan, scan.quarantine);
      else await this.#context.store.scanned({ submission: work.number, scan });
      return 'end';
    });
  }

  /** Kept, and nothing sent; what came after it goes on without it. */
  async #quarantine(work: RouteWork, scan: Scan, refusal: Refusal): Promise<void> {
    const { store, clock } = this.#context;
    await store.quarantine({ submission: work.number, scan, refusal, at: clock.now() });
    emit('submissionQuarantined', {
      submission: this.#id(work),
      service: work.service,
      code: refusal.code,
      line: refusal.line,
    });
    this.#context.ended(work.number, work.service);
  }

  async #blocks(work: RouteWork): Promise<Ending> {
    const { store } = this.#context;
    const suspicion = this.#suspicions.of(work.number);
    const { maxItems, failItem } = this.#suspicions.pace(suspicion, work.itemsRouted);
    const task = await this.#task(work, maxItems, failItem);
    const commits: Promise<void>[] = [];
    let failed: unknown;
    let open = 0;
    const commit = (block: NewBlock) => {
      open += 1;
      return store.commitBlock(block).then(
        () => {
          open -= 1;
          this.#thread.post({ kind: 'credit' });
          this.#context.released(block.bodies.map(({ destination }) => destination));
          if (block.firstItem === failItem) emit('rowFailed', { submission: this.#id(work), line: block.firstLine });
          if (this.#suspicions.progressed(suspicion, block.firstItem + block.items))
            this.#thread.post({ kind: 'drop' });
        },
        (error: unknown) => {
          open -= 1;
          failed ??= error;
          this.#thread.post({ kind: 'drop' });
        },
      );
    };
    const verdicts = async (ids: Extract<FromWorker, { readonly kind: 'ids' }>['ids']) => {
      try {
        return await store.ask({ question: 'corrections', with: { submission: work.number, ids } });
      } catch (error) {
        failed ??= error;
        this.#thread.post({ kind: 'drop' });
        return [];
      }
    };
    const handle = async (message: FromWorker): Promise<Ending | undefined> => {
      if (message.kind === 'block') {
        commits.push(commit(message.block));
        return undefined;
      }
      if (message.kind === 'ids') {
        this.#thread.post({ kind: 'verdicts', verdicts: await verdicts(message.ids) });
        return undefined;
      }
      if (message.kind === 'end') return 'end';
      return message.kind === 'dropped' ? 'stopped' : undefined;
    };
    const ending = await this.#exchange(work, { kind: 'route', task }, handle, () => open > 0).finally(() =>
      Promise.allSettled(commits),
    );
    if (failed !== undefined) throw failed;
    return ending;
  }

  /** A person may cancel a submission while it is routed: what comes after that is no failure. */
  async #isCancelled(work: RouteWork, error: unknown): Promise<boolean> {
    if (codeOf(error) !== 'STORE_STALE') return false;
    const now = await this.#context.store.submission({ submission: work.number });
    return now?.state === 'cancelled';
  }

  /**
   * Sends a task and handles what comes back until an ending; a refusal ends the submission. While `owed` says that the
   * worker waits for the ledger, it does not count as hung.
   */
  #exchange(
    work: RouteWork,
    send: ToWorker,
    handle: (message: FromWorker) => Promise<Ending | undefined>,
    owed: () => boolean = () => false,
  ): Promise<Ending> {
    return this.#thread.start().then(
      (worker) =>
        new Promise<Ending>((resolve, reject) => {
          // A stop that came meanwhile told nobody to drop this task.
          if (this.#stopping) return resolve('stopped');
          this.#thread.working = true;
          // A slow ledger is no fault of the worker's.
          const watchdog = setTimeout(() => (owed() ? watchdog.refresh() : died('hung')), this.#context.hangAfter);
          let moved = -1;
          const done = (settle: () => void) => {
            clearTimeout(watchdog);
            this.#thread.working = false;
            worker.off('message', listen).off('exit', exited).off('error', ended);
            settle();
          };
          const died = (how: string) => {
            done(() => this.#buryWorker(work, how).then(() => resolve('stopped'), reject));
          };
          const exited = () => died('ended');
          const ended = (error: Error) => died(messageOf(error));
          const listen = (message: FromWorker) => {
            if (message.kind === 'alive') {
              if (message.moved !== moved) watchdog.refresh();
              moved = message.moved;
              return undefined;
            }
            watchdog.refresh();
            if (message.kind === 'refused') {
              const refused = this.#refuse(work, message.refusal);
              return done(() => refused.then(() => resolve('stopped'), reject));
            }
            if (message.kind === 'failed') return done(() => reject(new WaybillError(message.code, message.message)));
            handle(message).then(
              (ending) => ending && done(() => resolve(ending)),
              (error: unknown) => done(() => reject(error)),
            );
          };
          worker.on('message', listen).on('exit', exited).on('error', ended);
          worker.postMessage(send);
        }),
    );
  }

  async #refuse(work: RouteWork, refusal: Refusal): Promise<void> {
    await this.#context.store.refuse({ submission: work.number, refusal, at: this.#context.clock.now() });
    emit('submissionRefused', {
      submission: this.#id(work),
      service: work.service,
      code: refusal.code,
      line: refusal.line,
      column: refusal.column,
    });
    this.#context.ended(work.number, work.service);
  }

  /** The worker died or hung: it is replaced, and what it was doing is remembered. */
  async #buryWorker(work: RouteWork, how: string): Promise<void> {
    await this.#thread.end();
    emit('workerEnded', { submission: this.#id(work), how });
    const now = await this.#context.store.submission({ submission: work.number });
    const twice = this.#suspicions.died(work.number, (now?.itemsRouted ?? work.itemsRouted) + 1);
    if (work.state !== 'accepted' || !twice) return;
    this.#suspicions.forget();
    await this.#refuse(work, {
      code: 'SCAN_CRASHED',
      reason: 'Scanning this input ended or hung the worker twice: look at it with another tool, and report it.',
    });
  }

  async #task(work: RouteWork, maxItems: number, failItem: number | undefined): Promise<RouteTask> {
    const { store, bodies, facts, carries } = this.#context;
    return {
      work,
      snapshot: await this.#snapshot(work.snapshot),
      carries,
      instance: facts.instance,
      digestKey: facts.digestKey,
      uniqueKeys: work.blocks > 0 ? await store.uniqueKeys({ submission: work.number }) : [],
      original: bodies.original(work.number),
      copy: bodies.copy(work.number),
      maxItems,
      failItem,
    };
  }

  /** The snapshot travels once to each worker: tables can be large. */
  async #snapshot(hash: string): Promise<RouteTask['snapshot']> {
    const worker = await this.#thread.start();
    if (this.#known.get(worker) === hash) return { hash };
    const content = await this.#context.snapshot(hash);
    this.#known.set(worker, hash);
    return { hash, content };
  }

  #id(work: RouteWork): string {
    return submissionId(this.#context.facts.instance, work.number);
  }
}
