import type { BatchSizes } from './batch-sizes.ts';
import { inCharset } from './carries.ts';
import type { Connection } from './connection.ts';
import type { Format } from './contracts/format.ts';
import type { Delivery, Operation } from './contracts/operation.ts';
import type { Destination } from './contracts/production.ts';
import type { Clock } from './contracts/runtime.ts';
import type { AttemptKey, LaneWork, MessageOutcomeState, NewAnswer, NewSubmission, Store } from './contracts/store.ts';
import { ConfigError, codeOf, messageOf } from './errors.ts';
import { type EventFields, type EventName, emit } from './events.ts';
import { batchId } from './ids.ts';
import { label } from './labels.ts';
import { type Outcome, readAnswer, readFailure } from './outcome.ts';
import type { Pacer } from './pacer.ts';
import { type Choice, chooseBatch, openPlanned, type Ready } from './plan-batch.ts';
import { retryWait } from './retry.ts';

export interface LaneContext {
  /** The destination's name. */
  readonly name: string;
  /** Number of the lane: 0, or 1 to `KEY_LANES` where order is kept by a key. */
  readonly lane: number;
  /** Calls of the lane may go at the same time (`order: none`): what is planned or sent by another is in hand. */
  readonly inHand: Set<number> | undefined;
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
  readonly connection: Connection;
  readonly pacer: Pacer;
  readonly sizes: BatchSizes;
  /** Plans one after the other, where several calls take from the same lane. */
  readonly oneByOne: <T>(work: () => Promise<T>) => Promise<T>;
  /** Something is in doubt. */
  readonly doubtful: () => void;
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

  /** Finishes the call in flight and stores its answer. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
    clearTimeout(this.#timer);
  }

  async #drain(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      try {
        let turn: Turn = { ready: await this.#next(false), stored: undefined };
        while (turn.ready && !this.#stop.signal.aborted) turn = await this.#deliver(turn.ready, turn.stored);
        if (turn.ready) this.#letGo(turn.ready);
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
  #next(ahead: boolean): Promise<Ready | undefined> {
    const { oneByOne, inHand } = this.#context;
    return oneByOne(async () => {
      const ready = await this.#take(ahead);
      if (ready) inHand?.add(ready.batch);
      return ready;
    });
  }

  async #take(ahead: boolean): Promise<Ready | undefined> {
    const { store, destination, clock, lane, inHand, sizes, doubtful } = this.#context;
    const settings = sizes.settings(clock.now());
    const { maxMessages, mixSubmissions } = settings;
    const work: LaneWork = await store.nextWork({
      destination: this.name,
      lane,
      maxMessages,
      mixSubmissions,
      ahead,
      now: clock.now(),
      free: inHand !== undefined,
      passDoubt: destination.inDoubt.lane === 'goesOn' || inHand !== undefined,
      inHand: [...(inHand ?? [])],
    });
    if (work.kind === 'planned') return this.#dueOnly(openPlanned(work.batch));
    if (work.kind === 'held') doubtful();
    if (work.kind !== 'candidates') return undefined;
    const choice = chooseBatch(work.blocks, settings, clock.now());
    if (choice.kind === 'wait') {
      this.#wakeAt(choice.until);
      return undefined;
    }
    const ready = this.#dueOnly(await this.#plan(choice));
    // Without an order, what waits for its retry lets the others go.
    return ready ?? this.#take(ahead);
  }

  /** Without an order, a batch that waits for its time is nobody's, until then. */
  #dueOnly(ready: Ready): Ready | undefined {
    const { inHand, clock } = this.#context;
    if (!inHand || ready.dueAt <= clock.now()) return ready;
    this.#wakeAt(ready.dueAt);
    return undefined;
  }

  async #plan(choice: Extract<Choice, { kind: 'batch' }>): Promise<Ready> {
    const { store, clock, lane } = this.#context;
    const plannedAt = clock.now();
    const { parts, members, replaces } = choice;
    const { count, bytes } = members;
    const planned = { destination: this.name, lane, parts, count, bytes, plannedAt, replaces };
    const { batch, dueAt } = await store.plan(planned);
    return { batch, attempts: 0, firstAttemptAt: undefined, plannedAt, dueAt, replaces, members };
  }

  /** Another call of the lane may take it. */
  #letGo(ready: Ready): void {
    this.#context.inHand?.delete(ready.batch);
  }

  /**
   * Sends one batch and begins to store what came of it; gives the batch to send next, if it is at hand. The *sending*
   * commit is asked for before the last answer's is done, so that both go into one group; the store refuses it if that
   * answer was not stored.
   */
  async #deliver(ready: Ready, stored: Promise<void> | undefined): Promise<Turn> {
    const { store, clock, run, destination, inHand, pacer } = this.#context;
    if (!this.#mayCall(ready)) {
      this.#letGo(ready);
      return { ready: undefined, stored };
    }
    const key: AttemptKey = { batch: ready.batch, attempt: ready.attempts + 1 };
    this.#registered.set(keyText(key), key);
    const free = inHand !== undefined;
    const freedom = { free, passDoubt: free || destination.inDoubt.lane === 'goesOn' };
    const sending = store.beginSending({ ...key, ...freedom, run, at: clock.now() });
    const [, begun] = await Promise.allSettled([stored, sending]);
    if (begun.status === 'rejected') {
      this.#registered.delete(keyText(key));
      this.#letGo(ready);
      pacer.withdraw();
      if (codeOf(begun.reason) !== 'STORE_STALE') throw begun.reason;
      this.#again = true;
      return NOTHING;
    }
    const next = free ? Promise.resolve(undefined) : this.#planAhead();
    const outcome = await this.#send(ready, key);
    return this.#conclude(ready, key, outcome, await next);
  }

  /** Plans what follows while the call is in flight; a failure to do so only means that it is planned later. */
  #planAhead(): Promise<Ready | undefined> {
    return this.#next(true).catch(() => undefined);
  }

  /** Whether the call may begin now; if not, the lane is woken when it may. */
  #mayCall(ready: Ready): boolean {
    const { clock, pacer } = this.#context;
    if (ready.dueAt > clock.now()) {
      this.#wakeAt(ready.dueAt);
      return false;
    }
    const turn = pacer.turn(clock.now(), () => this.wake());
    if (turn.kind === 'wait') this.#wakeAt(turn.until);
    return turn.kind === 'go';
  }

  async #send(ready: Ready, key: AttemptKey): Promise<Outcome> {
    const { destination, clock, answers, random, instance, connection } = this.#context;
    let repeatable = false;
    try {
      return await connection.use(async (operation) => {
        repeatable = operation.repeatable;
        const delivery = this.#prepare(ready, key, operation);
        const answer = await operation.send(delivery, new AbortController().signal);
        label('answer.received');
        const id = batchId(instance, ready.batch);
        return readAnswer(answer, ready, id, answers, operation, destination, clock.now(), random);
      });
    } catch (error) {
      return readFailure(error, ready, destination, repeatable, clock.now(), random);
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
    const { clock, run, pacer, sizes } = this.#context;
    const now = clock.now();
    const { body, logged: _, tooLarge, ...answer } = outcome;
    const states = [outcome.rest, ...outcome.exceptions.map(({ state }) => state)];
    const split = tooLarge && sizes.tooLarge(ready.members.count, tooLarge.maxBytes, now);
    const told = { ...key, run, at: now, ...answer, dueAt: this.#dueAt(ready, outcome), ...(split ? { split } : {}) };
    const stored = this.#storeAnswer(told, ready, body).then((kept) => {
      this.#letGo(ready);
      if (kept) this.#report(ready, outcome, split?.messages);
      if (states.includes('inDoubt')) this.#context.doubtful();
    });
    const contended = pacer.end(gotThrough(outcome), told.dueAt, now);
    const final = states.every((state) => state === 'delivered' || state === 'rejected');
    if (final) sizes.taken(ready.members.count, now);
    this.#again = true;
    // Another lane that waits for a call has its turn first.
    if (final && next && !contended) return { ready: next, stored };
    if (next) this.#letGo(next);
    await stored;
    return NOTHING;
  }

  /** When what is queued again is tried, or what is in doubt is decided or asked about. */
  #dueAt(ready: Ready, outcome: Outcome): number {
    const { clock, destination, random } = this.#context;
    if (outcome.rest !== 'inDoubt' || outcome.ticket !== undefined) return outcome.dueAt;
    return clock.now() + retryWait(ready.attempts + 1, destination.retry, random);
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
  #report(ready: Ready, outcome: Outcome, limit: number | undefined): void {
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
    if (this.#context.destination.inDoubt.policy === 'hold') tell('batchInDoubt', 'inDoubt', { reason });
    tell('batchFailed', 'failed', { reason });
    if (outcome.stop) emit('destinationStopped', { ...fields, messages: all, reason });
    else if (limit !== undefined) emit('batchSplit', { ...fields, messages: all, limit });
    else tell('batchRetried', 'queued', { reason, dueAt: outcome.dueAt });
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

/** True where the receiver answered, whatever it said; a failure that may pass or a broken call did not get through. */
function gotThrough({ rest, stop, tooLarge, ticket }: Outcome): boolean {
  if (rest === 'queued') return stop !== undefined || tooLarge !== undefined;
  return rest !== 'inDoubt' || ticket !== undefined;
}

function lengthOf(chunks: Iterable<Uint8Array>): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}

function keyText({ batch, attempt }: AttemptKey): string {
  return `${batch}.${attempt}`;
}
