import type { ServiceContext, ServiceProgress } from '../../engine/contracts/service.ts';
import { codeOf, messageOf } from '../../engine/errors.ts';
import type { FileDropConfig } from './config.ts';
import { finish } from './finishing.ts';
import type { Folders } from './folders.ts';
import { Backoff, Said, Waker } from './waiting.ts';

/** Times of the finisher, in milliseconds. */
export interface FinisherTimes {
  readonly retryFirst: number;
  readonly retryCeiling: number;
  /** How often the engine is asked for everything that is unfinished, in case a notice was missed. */
  readonly reconcileEvery: number;
  /** The shortest time between two such questions, however many unknown submissions are told of. */
  readonly reconcileRest: number;
}

/**
 * Follows the service's submissions from acceptance to their report: one submission after the other, each as often as the
 * engine tells of it, until it is closed.
 */
export class Finisher {
  readonly #context: ServiceContext<FileDropConfig>;
  readonly #folders: Folders;
  readonly #times: FinisherTimes;
  readonly #waker = new Waker();
  readonly #said = new Said();
  readonly #backoff: Backoff;
  readonly #tracked = new Map<string, ServiceProgress>();
  readonly #due = new Set<string>();
  readonly #failed = new Set<string>();
  #retryAt = 0;
  /** Submissions that were told of and are not tracked: made by hand, or being accepted just now. */
  readonly #strangers = new Set<string>();
  #lookAgain = false;
  #accepting: string | undefined;
  #stopped = false;
  #reconciledAt = Number.NEGATIVE_INFINITY;

  constructor(context: ServiceContext<FileDropConfig>, folders: Folders, times: FinisherTimes) {
    this.#context = context;
    this.#folders = folders;
    this.#times = times;
    this.#backoff = new Backoff(times.retryFirst, times.retryCeiling);
    context.onChange((id) => {
      if (this.#failed.has(id)) return;
      if (this.#tracked.has(id)) this.#due.add(id);
      else this.#strangers.add(id);
      this.#waker.wake();
    });
  }

  /** Says which claim is being accepted: its submission is taken over by `adopt`, not found by itself. */
  accepting(claim: string | undefined): void {
    this.#accepting = claim;
  }

  /** Takes over a submission that was accepted just now. */
  adopt(id: string): void {
    if (!this.#tracked.has(id)) this.#tracked.set(id, 'open');
    this.#strangers.delete(id);
    this.#due.add(id);
    this.#waker.wake();
  }

  /** Has the engine asked soon for what is unfinished: there is something that was not taken over. */
  lookAgain(): void {
    this.#lookAgain = true;
    this.#waker.wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#waker.wake();
  }

  /** Runs until `stop`; what is being finished then is finished. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      if (!(await this.#prepare())) {
        await this.#waker.sleep(this.#backoff.next(), () => this.#stopped);
        continue;
      }
      await this.#round();
      if (this.#stopped) return;
      if (this.#due.size === 0) await this.#waker.sleep(this.#untilNext());
    }
  }

  /** Gathers what is due; false where the engine or the folders cannot be reached now. */
  async #prepare(): Promise<boolean> {
    try {
      const now = performance.now();
      if (now >= this.#reconcileAt()) await this.#reconcile();
      if (this.#failed.size > 0 && now >= this.#retryAt) {
        for (const id of this.#failed) this.#due.add(id);
        this.#failed.clear();
      }
      if (this.#due.size > 0) await this.#folders.verify();
      return true;
    } catch (error) {
      this.#lookAgain = true;
      this.#complain(error, undefined);
      return false;
    }
  }

  /** Goes once over what is due. What fails waits for its next try, and does not hold up the others. */
  async #round(): Promise<void> {
    const failedBefore = this.#failed.size;
    for (const id of [...this.#due]) {
      if (this.#stopped) return;
      this.#due.delete(id);
      try {
        await this.#advance(id);
      } catch (error) {
        this.#failed.add(id);
        this.#complain(error, id);
      }
    }
    if (this.#failed.size > failedBefore) this.#retryAt = performance.now() + this.#backoff.next();
    if (this.#failed.size > 0) return;
    this.#backoff.reset();
    this.#said.clear();
  }

  /** When the engine is to be asked next for what is unfinished. */
  #reconcileAt(): number {
    const soon = this.#lookAgain || this.#strangers.size > 0;
    return this.#reconciledAt + (soon ? this.#times.reconcileRest : this.#times.reconcileEvery);
  }

  #untilNext(): number {
    const retryAt = this.#failed.size > 0 ? this.#retryAt : Number.POSITIVE_INFINITY;
    return Math.max(1, Math.min(retryAt, this.#reconcileAt()) - performance.now());
  }

  async #advance(id: string): Promise<void> {
    const progress = this.#tracked.get(id);
    const view = progress === undefined ? undefined : await this.#context.submission(id);
    if (progress === undefined || view === undefined) return;
    const reached = await finish(this.#context, this.#folders, view, progress);
    if (reached === 'closed') this.#tracked.delete(id);
    else this.#tracked.set(id, reached);
  }

  /** Asks the engine for everything of this service that is not closed. */
  async #reconcile(): Promise<void> {
    this.#lookAgain = false;
    this.#strangers.clear();
    for (const view of await this.#context.unfinished()) {
      if (view.claim !== undefined && view.claim === this.#accepting) continue;
      if (!this.#tracked.has(view.id)) this.#tracked.set(view.id, view.progress);
      if (!this.#failed.has(view.id)) this.#due.add(view.id);
    }
    this.#reconciledAt = performance.now();
  }

  #complain(error: unknown, submission: string | undefined): void {
    const code = codeOf(error);
    if (!this.#said.first(`${code} ${code === 'FILE_NAME_TAKEN' ? submission : ''}`)) return;
    const fields = {
      code: 'FINISH_FAILED',
      cause: code,
      service: this.#context.name,
      ...(submission ? { submission } : {}),
    };
    this.#context.logger.error(
      fields,
      `results cannot be written to the drop folder, tried again by itself: ${messageOf(error)}`,
    );
  }
}
