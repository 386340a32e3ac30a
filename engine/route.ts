import { Worker } from 'node:worker_threads';
import type { BodyFolder } from './bodies.ts';
import type { Scan } from './contracts/format.ts';
import type { Carries } from './contracts/operation.ts';
import type { Snapshot } from './contracts/production.ts';
import type { Clock } from './contracts/runtime.ts';
import type { NewBlock, Refusal, RouteWork, Store, StoreFacts } from './contracts/store.ts';
import { codeOf, messageOf, WaybillError } from './errors.ts';
import { emit } from './events.ts';
import { submissionId } from './ids.ts';
import type { FromWorker, RouteTask, ToWorker } from './route-worker.ts';

export interface RouterContext {
  readonly store: Store;
  readonly bodies: BodyFolder;
  readonly clock: Clock;
  readonly facts: StoreFacts;
  /** Folders of adapters beside Waybill's own. */
  readonly adapters: readonly string[];
  readonly snapshot: (hash: string) => Promise<Snapshot>;
  readonly carries: Readonly<Record<string, Carries>>;
  /** Messages of these destinations are in the ledger. */
  readonly released: (destinations: Iterable<string>) => void;
  /** A submission came to the end of its routing. */
  readonly ended: (submission: number, service: string) => void;
  /** Milliseconds after which a worker that owes something counts as hung. */
  readonly hangAfter: number;
}

/** Items of a block: enough to make compression, commits and calls cheap. */
const BLOCK_ITEMS = 1000;
/** First and longest wait before a submission that could not be routed is tried again, milliseconds. */
const RETRY_FIRST = 500;
const RETRY_CEILING = 30_000;

/** Where the worker ended last, to find the row that ends it. */
interface Suspicion {
  readonly submission: number;
  readonly firstItem: number;
  readonly rowByRow: boolean;
  readonly deaths: number;
  /** Up to here rows are done one by one. */
  readonly until: number;
}

type Ending = 'end' | 'stopped';

/** Routes submissions one after the other in the order of their places, in a worker thread. */
export class Router {
  readonly #context: RouterContext;
  #worker: Worker | undefined;
  #starting: Promise<Worker> | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopping = false;
  /** The worker has a task: its end is the task's concern. */
  #working = false;
  #suspicion: Suspicion | undefined;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  /** The snapshot that a worker was given last. */
  readonly #known = new WeakMap<Worker, string>();

  constructor(context: RouterContext) {
    this.#context = context;
  }

  /** There may be something to route. Cheap; may be called as often as anything happens. */
  wake(): void {
    if (this.#stopping) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#again && !this.#stopping && this.#retry === undefined) this.wake();
    });
  }

  /** Starts the worker before the first submission comes, with the formats that are in use. */
  async prepare(formats: readonly string[]): Promise<void> {
    try {
      const worker = await this.#start();
      worker.postMessage({ kind: 'prepare', formats } satisfies ToWorker);
    } catch (error) {
      emit('workerEnded', { how: messageOf(error) });
    }
  }

  /** Ends after the blocks on their way are committed; what is not routed goes on at the next start. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    this.#post({ kind: 'drop' });
    await this.#running;
    await this.#end();
  }

  /** Ends the worker on purpose. */
  async #end(): Promise<void> {
    await Promise.allSettled([this.#starting]);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
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
    const suspicion = this.#suspicionOf(work);
    const failItem = suspicion?.rowByRow === true && suspicion.deaths >= 2 ? work.itemsRouted + 1 : undefined;
    const maxItems = suspicion?.rowByRow === true ? 1 : BLOCK_ITEMS;
    const task = await this.#task(work, maxItems, failItem);
    const commits: Promise<void>[] = [];
    let failed: unknown;
    let open = 0;
    const commit = (block: NewBlock) => {
      open += 1;
      return store.commitBlock(block).then(
        () => {
          open -= 1;
          this.#post({ kind: 'credit' });
          this.#context.released(block.bodies.map(({ destination }) => destination));
          if (block.firstItem === failItem) emit('rowFailed', { submission: this.#id(work), line: block.firstLine });
          this.#progressed(work, block, suspicion);
        },
        (error: unknown) => {
          open -= 1;
          failed ??= error;
          this.#post({ kind: 'drop' });
        },
      );
    };
    const handle = async (message: FromWorker): Promise<Ending | undefined> => {
      if (message.kind === 'block') {
        commits.push(commit(message.block));
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
    return this.#start().then(
      (worker) =>
        new Promise<Ending>((resolve, reject) => {
          // A stop that came meanwhile told nobody to drop this task.
          if (this.#stopping) return resolve('stopped');
          this.#working = true;
          // A slow ledger is no fault of the worker's.
          const watchdog = setTimeout(() => (owed() ? watchdog.refresh() : died('hung')), this.#context.hangAfter);
          let moved = -1;
          const done = (settle: () => void) => {
            clearTimeout(watchdog);
            this.#working = false;
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
    await this.#end();
    emit('workerEnded', { submission: this.#id(work), how });
    const now = await this.#context.store.submission({ submission: work.number });
    const firstItem = (now?.itemsRouted ?? work.itemsRouted) + 1;
    const last = this.#suspicion;
    const same = last !== undefined && last.submission === work.number && last.firstItem === firstItem;
    const deaths = same ? last.deaths + 1 : 1;
    if (work.state === 'accepted' && deaths >= 2) {
      await this.#refuse(work, {
        code: 'SCAN_CRASHED',
        reason: 'Scanning this input ended or hung the worker twice: look at it with another tool, and report it.',
      });
      return;
    }
    const rowByRow = same && last.rowByRow;
    const turn = deaths >= 2 && !rowByRow;
    this.#suspicion = {
      submission: work.number,
      firstItem,
      rowByRow: rowByRow || turn,
      deaths: turn ? 0 : deaths,
      until: rowByRow ? last.until : firstItem + BLOCK_ITEMS,
    };
  }

  #suspicionOf(work: RouteWork): Suspicion | undefined {
    return this.#suspicion?.submission === work.number ? this.#suspicion : undefined;
  }

  /** Row by row ends with the block in which the worker died. */
  #progressed(work: RouteWork, block: NewBlock, suspicion: Suspicion | undefined): void {
    if (!suspicion) return;
    const next = block.firstItem + block.items;
    if (next < suspicion.until) this.#suspicion = { ...suspicion, submission: work.number, firstItem: next, deaths: 0 };
    else {
      this.#suspicion = undefined;
      if (suspicion.rowByRow) this.#post({ kind: 'drop' });
    }
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
    const worker = await this.#start();
    if (this.#known.get(worker) === hash) return { hash };
    const content = await this.#context.snapshot(hash);
    this.#known.set(worker, hash);
    return { hash, content };
  }

  async #start(): Promise<Worker> {
    if (this.#worker) return this.#worker;
    this.#starting ??= this.#startWorker().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #startWorker(): Promise<Worker> {
    const worker = new Worker(new URL('./route-worker.ts', import.meta.url), {
      workerData: { adapters: this.#context.adapters },
      name: 'route',
    });
    await started(worker);
    // With a task, the exchange hears of these as well and says so; without one, the worker is only replaced.
    let how = 'ended';
    worker.on('error', (error: Error) => {
      how = messageOf(error);
    });
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      if (!this.#working) emit('workerEnded', { how });
    });
    this.#worker = worker;
    return worker;
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #id(work: RouteWork): string {
    return submissionId(this.#context.facts.instance, work.number);
  }
}

/** Resolves when the thread is ready. @throws what ended it before. */
function started(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => done(() => reject(error));
    const exited = () => failed(new Error('the transform worker ended while it was started'));
    const ready = () => done(resolve);
    const done = (settle: () => void) => {
      worker.off('message', ready).off('error', failed).off('exit', exited);
      settle();
    };
    worker.on('message', ready).on('error', failed).on('exit', exited);
  });
}
