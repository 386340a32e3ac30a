import { inCharset } from './carries.ts';
import type { Format } from './contracts/format.ts';
import type { Delivery, Operation } from './contracts/operation.ts';
import type { Destination } from './contracts/production.ts';
import type { Clock } from './contracts/runtime.ts';
import type { AttemptKey, LaneWork, MessageOutcomeState, NewAnswer, NewSubmission, Store } from './contracts/store.ts';
import { ConfigError, codeOf, messageOf } from './errors.ts';
import { type EventFields, type EventName, emit } from './events.ts';
import { batchId } from './ids.ts';
import { decideInDoubt } from './in-doubt.ts';
import { label } from './labels.ts';
import { type Outcome, readAnswer, readFailure, retryWait } from './outcome.ts';
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
  /** What reads acknowledgements: the same, or the operation's own where the batch has none. */
  readonly answers: Format | undefined;
  readonly random: () => number;
  /** Opens the operation; called again after a resume, since secrets may have changed. */
  readonly open: () => Promise<Operation>;
  /** Signals the lane to other processes too, when something is due. */
  readonly dueAt: (at: number) => void;
  readonly settled: (submissions: readonly number[]) => void;
  /** Keeps an answer's body on disk, where answers become submissions. */
  readonly keepAnswer: ((batch: number, body: Uint8Array) => Promise<NewSubmission>) | undefined;
  /** The answer is in the ledger as a submission. */
  readonly answerAccepted: (submission: number) => void;
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
/** How long a stopping lane goes on trying to store an answer, milliseconds; after it the batch is in doubt at the next start. */
const STOP_PATIENCE = 10_000;

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
  #sending: Promise<unknown> = Promise.resolve();
  /** When a batch in doubt may be sent again, by its number, where the destination decides that itself. */
  readonly #resendAt = new Map<number, number>();

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

  /** Opens the operation before the first call; where that fails, the first call says so. */
  prepare(): void {
    void Promise.allSettled([this.#open()]);
  }

  /** Opens the operation anew at the next call; a call in flight keeps the old one until it is done. */
  reopen(): void {
    const old = this.#operation;
    this.#operation = undefined;
    if (old) void this.#close(old);
  }

  async #close(operation: Promise<Operation>): Promise<void> {
    await Promise.allSettled([this.#sending]);
    try {
      await (await operation).close();
    } catch (error) {
      emit('operationNotClosed', { destination: this.name, code: codeOf(error), reason: messageOf(error) });
    }
  }

  /** Finishes the call in flight and stores its answer. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
    clearTimeout(this.#timer);
    const operation = this.#operation;
    this.#operation = undefined;
    if (operation) await this.#close(operation);
  }

  async #drain(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      try {
        let turn: Turn = { ready: await this.#next(false), stored: undefined };
        while (turn.ready && !this.#stop.signal.aborted) turn = await this.#deliver(turn.ready, turn.stored);
        await turn.stored;
      } catch (error) {
        this.#later(error);
        return;
      }
    }
  }

  /** The ledger moved under a plan: plan again soon. Anything else (a full disk, a damaged body): a while later. */
  #later(error: unknown): void {
    this.#again = false;
    const stale = codeOf(error) === 'STORE_STALE';
    const wait = stale ? STORE_RETRY_FIRST : STORE_RETRY_CEILING;
    if (!stale)
      emit('laneWaits', { destination: this.name, code: codeOf(error), reason: messageOf(error), retryInMs: wait });
    this.#wakeAt(this.#context.clock.now() + wait);
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
      if (codeOf(begun.reason) !== 'STORE_STALE') throw begun.reason;
      this.#again = true;
      return NOTHING;
    }
    const next = this.#planAhead();
    const call = this.#send(ready, key);
    this.#sending = call;
    const outcome = await call;
    return this.#conclude(ready, key, outcome, await next);
  }

  /** Plans what follows while the call is in flight; a failure to do so only means that it is planned later. */
  #planAhead(): Promise<Ready | undefined> {
    return this.#next(true).catch(() => undefined);
  }

  async #send(ready: Ready, key: AttemptKey): Promise<Outcome> {
    const { destination, clock, answers, random, instance } = this.#context;
    try {
      const operation = await this.#open();
      const delivery = this.#prepare(ready, key, operation);
      const answer = await operation.send(delivery, new AbortController().signal);
      label('answer.received');
      return readAnswer(answer, ready, batchId(instance, ready.batch), answers, operation);
    } catch (error) {
      return readFailure(error, ready, destination.retry, clock.now(), random);
    }
  }

  /** Nothing was sent where the batch cannot even be written: the destination stops, the messages wait. */
  #prepare(ready: Ready, key: AttemptKey, operation: Operation): Delivery {
    try {
      return this.#delivery(ready, key, operation);
    } catch (error) {
      throw new ConfigError(
        'BATCH_NOT_WRITTEN',
        `A batch for ${this.name} cannot be written (${messageOf(error)}); nothing was sent.`,
        { cause: error, whose: 'ours' },
      );
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
      each: () => ready.members.each(instance),
      firstByte: () => label('sending.firstByte'),
      lastByte: () => label('sending.lastByte'),
    };
  }

  /** Stores the answer; goes straight on only where all is well. */
  async #conclude(ready: Ready, key: AttemptKey, outcome: Outcome, next: Ready | undefined): Promise<Turn> {
    const { clock, run } = this.#context;
    if (outcome.rest === 'inDoubt') this.#resendAt.set(ready.batch, this.#resendTime(ready));
    const { body, logged: _, ...answer } = outcome;
    const stored = this.#storeAnswer({ ...key, run, at: clock.now(), ...answer }, ready, body).then((kept) => {
      if (kept) this.#report(ready, outcome);
    });
    this.#again = true;
    const final = [outcome.rest, ...outcome.exceptions.map(({ state }) => state)].every(
      (state) => state === 'delivered' || state === 'rejected',
    );
    if (final && next) return { ready: next, stored };
    await stored;
    return NOTHING;
  }

  /**
   * Until it is stored, the attempt stays registered, the lane waits, and nothing is sent.
   * @returns false where the ledger does not take it any more.
   */
  async #storeAnswer(answer: NewAnswer, ready: Ready, body: Uint8Array | undefined): Promise<boolean> {
    const { store, keepAnswer, answerAccepted } = this.#context;
    let submission: NewSubmission | undefined;
    let waited = 0;
    for (let wait = STORE_RETRY_FIRST; ; wait = Math.min(wait * 2, STORE_RETRY_CEILING)) {
      try {
        if (keepAnswer && body && body.length > 0) submission ??= await keepAnswer(ready.batch, body);
        const effect = await store.answer(submission ? { ...answer, submission } : answer);
        this.#registered.delete(keyText(answer));
        if (submission) answerAccepted(submission.number);
        if (effect.settled.length > 0) this.#context.settled(effect.settled);
        return true;
      } catch (error) {
        label('answer.commitFailed');
        const [code, reason] = [codeOf(error), messageOf(error)];
        emit('answerNotStored', { destination: this.name, batch: ready.batch, code, reason });
        const gone = code === 'STORE_STALE' || code === 'STORE_CLOSED';
        if (gone || (this.#stop.signal.aborted && waited >= STOP_PATIENCE)) {
          this.#registered.delete(keyText(answer));
          return false;
        }
        if (this.#stop.signal.aborted) waited += wait;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  /** What a person or a metric wants to know of an answer: one event for each thing that became of its messages. */
  #report(ready: Ready, outcome: Outcome): void {
    const all = ready.members.count;
    const fields = { destination: this.name, batch: ready.batch, code: outcome.code };
    emit('batchAnswered', { ...fields, messages: all });
    const count = (state: MessageOutcomeState) =>
      outcome.exceptions.filter((exception) => exception.state === state).length +
      (outcome.rest === state ? all - outcome.exceptions.length : 0);
    const reason = outcome.logged;
    const tell = (event: EventName, state: MessageOutcomeState, more: EventFields) => {
      const messages = count(state);
      if (messages > 0) emit(event, { ...fields, messages, ...more });
    };
    tell('messagesRejected', 'rejected', {});
    // With `resend` nobody is needed: the event comes when it is sent again.
    if (this.#context.destination.inDoubt === 'hold') tell('batchInDoubt', 'inDoubt', { reason });
    tell('batchFailed', 'failed', { reason });
    if (outcome.stop) emit('destinationStopped', { ...fields, messages: all, reason });
    else tell('batchRetried', 'queued', { reason, dueAt: outcome.dueAt });
  }

  /**
   * With `inDoubt: resend` the destination itself decides, after the same wait as any other retry; with `hold` a person
   * does, and the lane waits.
   */
  async #decideDoubt(batch: number): Promise<void> {
    const { destination, store, clock } = this.#context;
    const at = this.#resendAt.get(batch) ?? 0;
    if (destination.inDoubt === 'resend' && at > clock.now()) {
      this.#wakeAt(at);
      return;
    }
    this.#resendAt.delete(batch);
    if (await decideInDoubt(store, destination.inDoubt, batch, clock.now())) {
      emit('batchResent', { destination: this.name, batch });
      this.#again = true;
    }
  }

  #resendTime(ready: Ready): number {
    const { clock, destination, random } = this.#context;
    return clock.now() + retryWait(ready.attempts + 1, destination.retry, random);
  }

  #wakeAt(at: number): void {
    if (this.#stop.signal.aborted) return;
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
