/**
 * When the next call to a destination may begin, whichever lane it is for: calls in flight, maintenance windows, the rate
 * that the receiver allows, and the circuit breaker. Stops are the ledger's; retries belong to a batch.
 */
import type { Destination } from './contracts/production.ts';
import type { Pause, PauseKind, Store } from './contracts/store.ts';
import { codeOf } from './errors.ts';
import { emit } from './events.ts';
import { maintenanceUntil } from './maintenance.ts';
import { retryWait } from './retry.ts';

export interface PacerContext {
  readonly name: string;
  readonly destination: Pick<Destination, 'maxInFlight' | 'breaker' | 'maintenance' | 'rate' | 'retry'>;
  readonly store: Pick<Store, 'notePause'>;
}

/** Whether a call may begin. */
export type Turn =
  | {
      readonly kind: 'go';
      /** When the call has begun for the pacer; `withdraw` asks for it. */
      readonly begunAt: number;
    }
  /** Not before this time, milliseconds since 1970. */
  | { readonly kind: 'wait'; readonly until: number };

/** A wait for the rate is worth being shown from this length on, milliseconds. */
const SHOWN_WAIT = 5000;

export class Pacer {
  readonly #context: PacerContext;
  #inFlight = 0;
  /** Calls in a row that did not get through. */
  #failures = 0;
  /** While the breaker is open: when the next trial may be made. */
  #trialAt: number | undefined;
  /** When it was last asked: a clock that was set back shows by it. */
  #asked = 0;
  /** When the last calls began, as many as the rate counts. */
  readonly #begun: number[] = [];
  /** Those who asked while as many calls were in flight as may be, in their order. */
  readonly #waiting: ((turn: Turn) => void)[] = [];
  /** What is noted in the ledger now. */
  readonly #noted = new Map<PauseKind, number>();

  constructor(context: PacerContext) {
    this.#context = context;
  }

  /**
   * Asks for a call; while as many are in flight as may be, the answer comes when it is this one's turn. With `go` the
   * call has begun for the pacer, and `end` or `withdraw` must follow.
   */
  turn(now: number): Promise<Turn> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#admit(now);
    });
  }

  /** A call that was asked for, and began at this time, is not made after all. */
  withdraw(begunAt: number, now: number): void {
    const begun = this.#begun.lastIndexOf(begunAt);
    if (begun >= 0) this.#begun.splice(begun, 1);
    this.#release(now);
  }

  /**
   * A call came to its end.
   * @param through the receiver answered, whatever it said
   * @param retryAt when the batch is tried again by itself, milliseconds since 1970; 0 where it is not
   */
  end(through: boolean, retryAt: number, now: number): void {
    if (through) this.#close();
    else this.#failed(retryAt, now);
    this.#release(now);
  }

  /** When what holds calls back now ends, other than calls in flight; notes in the ledger what has begun or ended. */
  look(now: number): void {
    this.#pausedUntil(now);
  }

  #pausedUntil(now: number): number | undefined {
    const { destination } = this.#context;
    // The next trial is as far away as it was before the clock was set back.
    if (this.#trialAt !== undefined && now < this.#asked) this.#trialAt -= this.#asked - now;
    this.#asked = now;
    const maintenance =
      destination.maintenance.length === 0 ? undefined : maintenanceUntil(destination.maintenance, now);
    this.#note('maintenance', now, maintenance, {
      code: 'MAINTENANCE',
      reason: 'it is in a maintenance window of this destination',
      next: 'It goes on by itself at the end of the window.',
    });
    const breaker = this.#trialAt !== undefined && this.#trialAt > now ? this.#trialAt : undefined;
    const rate = this.#rateUntil(now);
    this.#note('rate', now, rate !== undefined && rate - now >= SHOWN_WAIT ? rate : undefined, {
      code: 'RATE',
      reason: 'as many calls were made as the destination allows in this time',
      next: 'It goes on by itself.',
    });
    const times = [maintenance, breaker, rate].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.max(...times);
  }

  #rateUntil(now: number): number | undefined {
    const { rate } = this.#context.destination;
    // A clock that was set back would keep calls waiting for as long as it was ahead.
    while ((this.#begun.at(-1) ?? now) > now) this.#begun.pop();
    const oldest = this.#begun[0];
    if (!rate || oldest === undefined || this.#begun.length < rate.calls) return undefined;
    return oldest + rate.per > now ? oldest + rate.per : undefined;
  }

  #begin(now: number): void {
    this.#inFlight += 1;
    const { rate } = this.#context.destination;
    if (!rate) return;
    this.#begun.push(now);
    if (this.#begun.length > rate.calls) this.#begun.shift();
  }

  #release(now: number): void {
    this.#inFlight -= 1;
    this.#admit(now);
  }

  /** Lets begin what may, first come first served; who must wait for a time is told so. */
  #admit(now: number): void {
    while (this.#waiting.length > 0) {
      const until = this.#pausedUntil(now);
      if (until === undefined && this.#inFlight >= this.#most) return;
      const next = this.#waiting.shift();
      if (until === undefined) this.#begin(now);
      next?.(until === undefined ? { kind: 'go', begunAt: now } : { kind: 'wait', until });
    }
  }

  /** Calls that may be in flight: one trial while the breaker is open. */
  get #most(): number {
    return this.#trialAt === undefined ? this.#context.destination.maxInFlight : 1;
  }

  #failed(retryAt: number, now: number): void {
    const { name, destination } = this.#context;
    const { failures, pause } = destination.breaker;
    this.#failures += 1;
    this.#asked = now;
    if (this.#failures < failures) return;
    const opened = this.#trialAt === undefined;
    const wait = pause ?? retryWait(this.#failures, destination.retry, () => 0.5);
    this.#trialAt = pause === undefined ? Math.max(retryAt, now + wait) : now + wait;
    this.#note('breaker', now, this.#trialAt, {
      code: 'BREAKER',
      reason: `${this.#failures} calls in a row did not get through`,
      next: 'One trial call at a time is made, until one gets through; the messages wait in their order.',
    });
    if (opened) emit('breakerOpened', { destination: name, calls: this.#failures });
  }

  #close(): void {
    this.#failures = 0;
    if (this.#trialAt === undefined) return;
    this.#trialAt = undefined;
    this.#note('breaker', 0, undefined, { code: '', reason: '', next: '' });
    emit('breakerClosed', { destination: this.#context.name });
  }

  /** Writes down a pause that began, changed or ended; a ledger that cannot take it is told of elsewhere. */
  #note(kind: PauseKind, now: number, until: number | undefined, words: Omit<Pause, 'since' | 'until'>): void {
    if (this.#noted.get(kind) === until) return;
    const { name, store } = this.#context;
    const began = this.#noted.has(kind);
    if (until === undefined) this.#noted.delete(kind);
    else this.#noted.set(kind, until);
    if (kind === 'maintenance' && !began && until !== undefined) emit('maintenanceBegan', { destination: name, until });
    const pause = until === undefined ? undefined : { since: now, until, ...words };
    store.notePause({ destination: name, kind, pause }).catch((error: unknown) => {
      emit('paceNotNoted', { destination: name, code: codeOf(error) });
    });
  }
}
