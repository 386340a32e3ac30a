import { inCharset } from './carries.ts';
import type { Format } from './contracts/format.ts';
import type { Delivery, Operation } from './contracts/operation.ts';
import type { Destination } from './contracts/production.ts';
import type { Clock } from './contracts/runtime.ts';
import type { AttemptKey, LaneWork, NewAnswer, Store } from './contracts/store.ts';
import { ConfigError, codeOf, messageOf } from './errors.ts';
import { emit } from './events.ts';
import { batchId } from './ids.ts';
import { decideInDoubt } from './in-doubt.ts';
import { label } from './labels.ts';
import { type Outcome, readAnswer, readFailure } from './outcome.ts';
import { type Choice, chooseBatch, openPlanned, type Ready } from './plan-batch.ts';

export interface LaneContext {
  readonly name: string;
  readonly destination: Destination;
  readonly timeZone: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly instance: string;
  /** Id of this run of the engine: attempts carry it. */
  readonly run: string;
  readonly format: Format | undefined;
  readonly random: () => number;
  /** Opens the operation; called again after a resume, since secrets may have changed. */
  readonly open: () => Promise<Operation>;
  /** Signals the lane to other processes too, when something is due. */
  readonly dueAt: (at: number) => void;
  readonly settled: (submissions: readonly number[]) => void;
}

/** What a lane does next, and the answer whose commit is on its way. */
interface Turn {
  readonly ready: Ready | undefined;
  readonly stored: Promise<void> | undefined;
}

const NOTHING: Turn = { ready: undefined, stored: undefined };

/** First and longest wait before an answer is stored again, milliseconds. */
const STORE_RETRY_FIRST = 100;
const STORE_RETRY_CEILING = 5000;

/**
 * One lane in order: one call in flight, the next batch planned while it is. The engine is the only one that retries,
 * waits and writes.
 */
export class Lane {
  readonly #context: LaneContext;
  readonly #registered = new Map<string, AttemptKey>();
  readonly #stop = new AbortController();
  #operation: Promise<Operation> | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: LaneContext) {
    this.#context = context;
  }

  get name(): string {
    return this.#context.name;
  }

  /** Attempts that this process holds: registered before their *sending* commit, dropped after their answer's. */
  get registered(): readonly AttemptKey[] {
    return [...this.#registered.values()];
  }

  /** There may be something to send. Cheap; may be called as often as anything happens. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#again = true;
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
      if (this.#again) this.wake();
    });
  }

  /** Opens the operation anew at the next call. */
  async reopen(): Promise<void> {
    const old = this.#operation;
    this.#operation = undefined;
    await old?.then(
      (operation) => operation.close(),
      () => undefined,
    );
  }

  /** Finishes the call in flight and stores its answer. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
    await this.reopen();
  }

  async #drain(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      try {
        let turn: Turn = { ready: await this.#next(false), stored: undefined };
        while (turn.ready && !this.#stop.signal.aborted) turn = await this.#deliver(turn.ready, turn.stored);
        await turn.stored;
      } catch (error) {
        emit('storeFailed', { destination: this.name, code: codeOf(error), reason: messageOf(error) });
        this.#wakeAt(this.#context.clock.now() + STORE_RETRY_CEILING);
        return;
      }
    }
  }

  /** The lane's next batch, planned and with its bodies; `undefined` where there is nothing to send now. */
  async #next(ahead: boolean): Promise<Ready | undefined> {
    const { store, destination, clock } = this.#context;
    const { maxMessages, mixSubmissions } = destination.batch;
    const work: LaneWork = await store.nextWork({ destination: this.name, maxMessages, mixSubmissions, ahead });
    if (work.kind === 'planned') return openPlanned(work.batch);
    if (work.kind === 'held') await this.#decideDoubt(work.batch);
    if (work.kind !== 'candidates') return undefined;
    const choice = chooseBatch(work.blocks, destination.batch, clock.now());
    if (choice.kind === 'wait') {
      this.#wakeAt(choice.until);
      return undefined;
    }
    return this.#plan(choice);
  }

  async #plan(choice: Extract<Choice, { kind: 'batch' }>): Promise<Ready> {
    const { store, clock } = this.#context;
    const plannedAt = clock.now();
    const { parts, members, replaces } = choice;
    const { count, bytes } = members;
    const { batch, dueAt } = await store.plan({ destination: this.name, parts, count, bytes, plannedAt, replaces });
    return { batch, attempts: 0, firstAttemptAt: undefined, plannedAt, dueAt, replaces, members };
  }

  /**
   * Sends one batch and begins to store what came of it; gives the batch to send next, if it is at hand. The *sending*
   * commit is asked for before the last answer's is done, so that both go into one group; the store refuses it if that
   * answer was not stored.
   */
  async #deliver(ready: Ready, stored: Promise<void> | undefined): Promise<Turn> {
    const { store, clock, run } = this.#context;
    if (ready.dueAt > clock.now()) {
      this.#wakeAt(ready.dueAt);
      return { ready: undefined, stored };
    }
    const key: AttemptKey = { batch: ready.batch, attempt: ready.attempts + 1 };
    this.#registered.set(keyText(key), key);
    const [, begun] = await Promise.allSettled([stored, store.beginSending({ ...key, run, at: clock.now() })]);
    if (begun.status === 'rejected') {
      this.#registered.delete(keyText(key));
      this.#again = true;
      if (codeOf(begun.reason) !== 'STORE_STALE') throw begun.reason;
      return NOTHING;
    }
    const next = this.#planAhead();
    const outcome = await this.#send(ready, key);
    return this.#conclude(ready, key, outcome, await next);
  }

  /** Plans what follows while the call is in flight; a failure to do so only means that it is planned later. */
  #planAhead(): Promise<Ready | undefined> {
    return this.#next(true).catch(() => undefined);
  }

  async #send(ready: Ready, key: AttemptKey): Promise<Outcome> {
    const { destination, clock, format, random, instance } = this.#context;
    try {
      const operation = await this.#open();
      const answer = await operation.send(this.#delivery(ready, key, operation), new AbortController().signal);
      label('answer.received');
      return readAnswer(answer, ready, batchId(instance, ready.batch), format, operation);
    } catch (error) {
      return readFailure(error, ready, destination.retry, clock.now(), random);
    }
  }

  /** Nothing was sent where the operation cannot even be opened: the destination stops, the messages wait. */
  async #open(): Promise<Operation> {
    this.#operation ??= this.#context.open();
    try {
      return await this.#operation;
    } catch (error) {
      this.#operation = undefined;
      throw new ConfigError(
        'DESTINATION_NOT_OPENED',
        `The destination ${this.name} cannot be used: ${messageOf(error)}`,
        { cause: error, whose: 'ours' },
      );
    }
  }

  #delivery(ready: Ready, key: AttemptKey, operation: Operation): Delivery {
    const { format, instance, timeZone } = this.#context;
    const id = batchId(instance, ready.batch);
    const plan = {
      id,
      plannedAt: ready.plannedAt,
      timeZone,
      count: ready.members.count,
      ...(ready.replaces === undefined ? {} : { replaces: batchId(instance, ready.replaces) }),
    };
    const { charset } = operation.carries;
    const bodies = () => inCharset(ready.members.bodies(), charset);
    const body = () => (format?.write ? format.write(plan, bodies()) : bodies());
    const own = charset === 'utf-8' ? ready.members.bytes : lengthOf(bodies());
    const byteLength = format?.write ? (format.overhead ? own + format.overhead(plan) : lengthOf(body())) : own;
    return {
      batchId: id,
      attempt: key.attempt,
      messages: ready.members.count,
      byteLength,
      body,
      firstByte: () => label('sending.firstByte'),
      lastByte: () => label('sending.lastByte'),
    };
  }

  /** Stores the answer; goes straight on only where all is well. */
  async #conclude(ready: Ready, key: AttemptKey, outcome: Outcome, next: Ready | undefined): Promise<Turn> {
    const { clock, run } = this.#context;
    const stored = this.#storeAnswer({ ...key, run, at: clock.now(), ...outcome }, ready).then(() =>
      this.#report(ready, outcome),
    );
    this.#again = true;
    const final = [outcome.rest, ...outcome.exceptions.map(({ state }) => state)].every(
      (state) => state === 'delivered' || state === 'rejected',
    );
    if (final && next) return { ready: next, stored };
    await stored;
    return NOTHING;
  }

  /** Until it is stored, the attempt stays registered, the lane waits, and nothing is sent. */
  async #storeAnswer(answer: NewAnswer, ready: Ready): Promise<void> {
    const { store } = this.#context;
    for (let wait = STORE_RETRY_FIRST; ; wait = Math.min(wait * 2, STORE_RETRY_CEILING)) {
      try {
        const effect = await store.answer(answer);
        this.#registered.delete(keyText(answer));
        emit('batchDelivered', {
          destination: this.name,
          batch: ready.batch,
          messages: ready.members.count,
          code: answer.code,
        });
        if (effect.settled.length > 0) this.#context.settled(effect.settled);
        return;
      } catch (error) {
        label('answer.commitFailed');
        emit('answerNotStored', {
          destination: this.name,
          batch: ready.batch,
          code: codeOf(error),
          reason: messageOf(error),
        });
        if (codeOf(error) === 'STORE_STALE' || codeOf(error) === 'STORE_CLOSED') {
          this.#registered.delete(keyText(answer));
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  #report(ready: Ready, outcome: Outcome): void {
    const fields = { destination: this.name, batch: ready.batch, messages: ready.members.count, code: outcome.code };
    const rejected =
      outcome.exceptions.filter(({ state }) => state === 'rejected').length +
      (outcome.rest === 'rejected' ? ready.members.count - outcome.exceptions.length : 0);
    if (rejected > 0) emit('messagesRejected', { ...fields, messages: rejected });
    if (outcome.stop) emit('destinationStopped', { ...fields, reason: outcome.stop.reason });
    else if (outcome.rest === 'queued')
      emit('batchRetried', { ...fields, reason: outcome.words, dueAt: outcome.dueAt });
    else if (outcome.rest === 'inDoubt') emit('batchInDoubt', { ...fields, reason: outcome.words });
    else if (outcome.rest === 'failed') emit('batchFailed', { ...fields, reason: outcome.words });
  }

  /** With `inDoubt: resend` the destination itself decides; with `hold` a person does, and the lane waits. */
  async #decideDoubt(batch: number): Promise<void> {
    const { destination, store, clock } = this.#context;
    if (await decideInDoubt(store, destination.inDoubt, batch, clock.now())) {
      emit('batchResent', { destination: this.name, batch });
      this.#again = true;
    }
  }

  #wakeAt(at: number): void {
    clearTimeout(this.#timer);
    const wait = Math.max(at - this.#context.clock.now(), 0);
    this.#timer = setTimeout(() => this.wake(), Math.min(wait, 0x7fffffff));
    this.#timer.unref();
    this.#context.dueAt(at);
  }
}

function lengthOf(chunks: Iterable<Uint8Array>): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}

function keyText({ batch, attempt }: AttemptKey): string {
  return `${batch}.${attempt}`;
}
