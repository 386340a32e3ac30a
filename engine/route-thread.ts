import { Worker } from 'node:worker_threads';
import { messageOf } from './errors.ts';
import { emit } from './events.ts';
import type { ToWorker } from './route-worker.ts';

export interface RouteThreadOptions {
  /** Folders of adapters beside Waybill's own. */
  readonly adapters: readonly string[];
  /** Formats that tasks will need: imported while there is nothing to do yet. */
  readonly formats: readonly string[];
  /** Milliseconds without anything to do after which the thread ends. */
  readonly idleAfter: number;
  /** Whether there is something to do now. */
  readonly inUse: () => boolean;
}

/**
 * The life of the thread that routes. It is there while there is something to route, or soon will be: an engine that has
 * nothing to do is 30 MB smaller without it.
 */
export class RouteThread {
  readonly #options: RouteThreadOptions;
  #worker: Worker | undefined;
  #starting: Promise<Worker> | undefined;
  #idle: NodeJS.Timeout | undefined;
  #leaving: Promise<unknown> | undefined;
  /** It has a task, which hears of its end by itself. */
  working = false;

  constructor(options: RouteThreadOptions) {
    this.#options = options;
  }

  /** The thread; started where there is none. @throws what ended it while it was started */
  async start(): Promise<Worker> {
    clearTimeout(this.#idle);
    if (this.#worker) return this.#worker;
    this.#starting ??= this.#begin().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  /** Something is coming: starts the thread, with the adapters in use. Cheap where it runs; where it cannot, its first task tells. */
  prepare(): void {
    if (this.#worker) this.rest();
    if (this.#worker || this.#starting) return;
    this.start().then(
      () => {
        this.post({ kind: 'prepare', formats: this.#options.formats });
        this.rest();
      },
      (error: unknown) => emit('workerEnded', { how: messageOf(error) }),
    );
  }

  /** There is nothing to do now; after a while the thread ends. */
  rest(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#leave(), this.#options.idleAfter);
    this.#idle.unref();
  }

  post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  /** Ends it on purpose, at once. */
  async end(): Promise<void> {
    clearTimeout(this.#idle);
    await Promise.allSettled([this.#starting, this.#leaving]);
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #leave(): void {
    if (!this.#worker || this.#options.inUse()) return;
    this.#leaving = this.#worker.terminate();
    this.#worker = undefined;
  }

  async #begin(): Promise<Worker> {
    const worker = new Worker(new URL('./route-worker.ts', import.meta.url), {
      workerData: { adapters: this.#options.adapters },
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
      if (!this.working) emit('workerEnded', { how });
    });
    this.#worker = worker;
    return worker;
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
