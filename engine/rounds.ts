import type { Clock } from './contracts/runtime.ts';

export interface RoundsContext {
  readonly clock: Clock;
  /** Signals other processes too, when something is due. */
  readonly dueAt?: (at: number) => void;
}

/** The work of one round. */
export interface Work {
  /** Does what there is to do now. Must look at everything anew, since wake-ups are put together. */
  round(): Promise<void>;
  /** @returns how long to wait after a round that threw, milliseconds */
  failed(error: unknown): number;
}

/** The longest time that a timer of Node can wait, milliseconds. */
const LONGEST_TIMER = 0x7fffffff;

/** Work that is done in rounds, one at a time: whenever something may have happened, and when a time asked for comes. */
export class Rounds {
  readonly #context: RoundsContext;
  readonly #work: Work;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, in milliseconds of a clock that nobody sets. */
  #ringsAt = Number.POSITIVE_INFINITY;

  constructor(context: RoundsContext, work: Work) {
    this.#context = context;
    this.#work = work;
  }

  /** Aborted when the work is to end. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  /** Resolves when no round runs any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** There may be something to do. Cheap; may be called as often as anything happens. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#again) this.wake();
    });
  }

  /** There will be something to do at this time, milliseconds since 1970. The earliest one counts: its round asks anew. */
  wakeAt(at: number): void {
    const wait = Math.min(Math.max(at - this.#context.clock.now(), 0), LONGEST_TIMER);
    const ringsAt = performance.now() + wait;
    if (this.#stop.signal.aborted || ringsAt >= this.#ringsAt) return;
    clearTimeout(this.#timer);
    this.#ringsAt = ringsAt;
    this.#timer = setTimeout(() => this.#ring(), wait);
    this.#timer.unref();
    this.#context.dueAt?.(at);
  }

  /** Ends after the round that runs. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  #ring(): void {
    this.#ringsAt = Number.POSITIVE_INFINITY;
    this.wake();
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      try {
        await this.#work.round();
      } catch (error) {
        // What woke it meanwhile would only fail again at once.
        this.#again = false;
        this.wakeAt(this.#context.clock.now() + this.#work.failed(error));
        return;
      }
    }
  }
}
