/** Coalescing before Redis: thousands of signals a second become a few adds, and none piles up while it is away. */
import type { JobsOptions } from 'bullmq';
import type { Link, WakeUp } from './link.ts';

/** The first signal of a lane goes out at once; those that follow closely go out together after this time. */
const SPACING_MS = 25;
/** After a failed add (Redis full, say) the lane waits this long. */
const RETRY_MS = 1_000;
/** A wake-up is set at most this far ahead, and set again when it comes early. */
const FARTHEST_MS = 24 * 60 * 60 * 1_000;

interface Pending {
  /** Came while an add of this lane was under way or its spacing ran. */
  again: boolean;
}

/** Signals for now: at most one add of a lane is pending. */
export class Signals {
  readonly #link: Link;
  readonly #job: (lane: string) => { data: WakeUp; deduplication: NonNullable<JobsOptions['deduplication']> };
  readonly #pending = new Map<string, Pending>();
  #closed = false;

  constructor(
    link: Link,
    job: (lane: string) => { data: WakeUp; deduplication: NonNullable<JobsOptions['deduplication']> },
  ) {
    this.#link = link;
    this.#job = job;
  }

  want(lane: string): void {
    if (this.#closed || !this.#link.ready()) return;
    const pending = this.#pending.get(lane);
    if (pending) {
      pending.again = true;
      return;
    }
    this.#pending.set(lane, { again: false });
    this.#add(lane);
  }

  close(): void {
    this.#closed = true;
    this.#pending.clear();
  }

  #add(lane: string): void {
    const { data, deduplication } = this.#job(lane);
    this.#link.add(data, { deduplication }).then(
      () => this.#later(lane, SPACING_MS),
      () => {
        // Away: `onReady` signals every lane. Still there: tried again.
        const pending = this.#pending.get(lane);
        if (pending) pending.again = true;
        this.#later(lane, RETRY_MS);
      },
    );
  }

  #later(lane: string, ms: number): void {
    const timer = setTimeout(() => {
      const pending = this.#pending.get(lane);
      this.#pending.delete(lane);
      if (pending?.again) this.want(lane);
    }, ms);
    timer.unref();
  }
}

/** Signals for a time to come: one for each lane, the last one set counts. */
export class DueSignals {
  readonly #link: Link;
  readonly #names: { id(lane: string): string; data(lane: string): WakeUp };
  /** Wanted time of each lane, milliseconds since 1970; absent: none. */
  readonly #wanted = new Map<string, number>();
  /** Lanes whose wish is being carried to Redis, with what was carried last. */
  readonly #carried = new Map<string, number | undefined>();
  #closed = false;

  constructor(link: Link, names: { id(lane: string): string; data(lane: string): WakeUp }) {
    this.#link = link;
    this.#names = names;
    // What a Redis forgot while it was away or was emptied is set again.
    link.onReady(() => {
      for (const lane of this.#wanted.keys()) this.#carry(lane);
    });
  }

  want(lane: string, dueMs: number): void {
    if (this.#closed || this.#wanted.get(lane) === dueMs) return;
    this.#wanted.set(lane, dueMs);
    this.#carry(lane);
  }

  cancel(lane: string): void {
    if (this.#closed || !this.#wanted.delete(lane)) return;
    this.#carry(lane);
  }

  /** A due wake-up has come; one that came before its time is set again. */
  arrived(lane: string): void {
    const due = this.#wanted.get(lane);
    if (due === undefined) return;
    if (due > Date.now()) this.#carry(lane);
    else this.#wanted.delete(lane);
  }

  close(): void {
    this.#closed = true;
    this.#wanted.clear();
  }

  #carry(lane: string): void {
    if (this.#closed || !this.#link.ready() || this.#carried.has(lane)) return;
    const due = this.#wanted.get(lane);
    this.#carried.set(lane, due);
    const done = due === undefined ? this.#link.remove(this.#names.id(lane)) : this.#set(lane, due);
    done.then(
      () => this.#next(lane, this.#wanted.get(lane) !== due),
      () => {
        const timer = setTimeout(() => this.#next(lane, true), RETRY_MS);
        timer.unref();
      },
    );
  }

  #next(lane: string, again: boolean): void {
    this.#carried.delete(lane);
    if (again) this.#carry(lane);
  }

  #set(lane: string, due: number): Promise<void> {
    const delay = Math.min(Math.max(due - Date.now(), 1), FARTHEST_MS);
    const deduplication = { id: this.#names.id(lane), replace: true, keepLastIfActive: true };
    return this.#link.add(this.#names.data(lane), { delay, deduplication });
  }
}
