import type { BatchSizes } from './batch-sizes.ts';
import type { Connection } from './connection.ts';
import type { AttemptKey, LaneWork, NewAnswer, NewSubmission } from './contracts/store.ts';
import { codeOf, messageOf } from './errors.ts';
import { emit } from './events.ts';
import { batchId } from './ids.ts';
import { label } from './labels.ts';
import { type Outcome, readAnswer, readFailure } from './outcome.ts';
import type { Pacer } from './pacer.ts';
import { type Choice, chooseBatch, openPlanned, type Ready } from './plan-batch.ts';
import { retryWait } from './retry.ts';
import { Rounds } from './rounds.ts';
import type { SendingContext } from './sending-context.ts';
import { tellAnswer } from './tell-answer.ts';
import { writeBatch } from './write-batch.ts';

/** What a lane has beside what all of a destination have. */
export interface LaneContext extends SendingContext {
  /** Number of the lane: 0, or 1 to `KEY_LANES` where order is kept by a key. */
  readonly lane: number;
  /** Calls of the lane may go at the same time (`order: none`): what is planned or sent by another is in hand. */
  readonly inHand: Set<number> | undefined;
  readonly connection: Connection;
  readonly pacer: Pacer;
  readonly sizes: BatchSizes;
  /** Plans one after the other, where several calls take from the same lane. */
  readonly oneByOne: <T>(work: () => Promise<T>) => Promise<T>;
  /** Something is in doubt. */
  readonly doubtful: () => void;
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
  readonly #rounds: Rounds;

  constructor(context: LaneContext) {
    this.#context = context;
    this.#rounds = new Rounds(context, { round: () => this.#send(), failed: (error) => this.#waitAfter(error) });
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
    this.#rounds.wake();
  }

  /** Finishes the call in flight and stores its answer. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Batch after batch, as long as there is one to send now. */
  async #send(): Promise<void> {
    let turn: Turn = { ready: await this.#next(false), stored: undefined };
    while (turn.ready && !this.#rounds.stopping.aborted) turn = await this.#deliver(turn.ready, turn.stored);
    if (turn.ready) this.#letGo(turn.ready);
    await turn.stored;
  }

  /** The ledger moved under a plan: plan again soon. Anything else (a full disk, a damaged body): a while later. */
  #waitAfter(error: unknown): number {
    if (codeOf(error) === 'STORE_STALE') return STORE_RETRY_FIRST;
    const [code, reason] = [codeOf(error), messageOf(error)];
    emit('laneWaits', { destination: this.name, code, reason, retryInMs: STORE_RETRY_CEILING });
    return STORE_RETRY_CEILING;
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
      this.#rounds.wakeAt(choice.until);
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
    this.#rounds.wakeAt(ready.dueAt);
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
    const begunAt = await this.#begin(ready);
    if (begunAt === undefined) {
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
      pacer.withdraw(begunAt, clock.now());
      if (codeOf(begun.reason) !== 'STORE_STALE') throw begun.reason;
      this.wake();
      return NOTHING;
    }
    const next = free ? Promise.resolve(undefined) : this.#planAhead();
    const outcome = await this.#call(ready, key);
    return this.#conclude(ready, key, outcome, await next);
  }

  /** Plans what follows while the call is in flight; a failure to do so only means that it is planned later. */
  #planAhead(): Promise<Ready | undefined> {
    return this.#next(true).catch(() => undefined);
  }

  /** Waits for the call's turn. @returns when it has begun; `undefined` where it may not yet, or the lane is to end */
  async #begin(ready: Ready): Promise<number | undefined> {
    const { clock, pacer } = this.#context;
    if (ready.dueAt > clock.now()) {
      this.#rounds.wakeAt(ready.dueAt);
      return undefined;
    }
    const turn = await pacer.turn(clock.now());
    if (turn.kind === 'wait') {
      this.#rounds.wakeAt(turn.until);
      return undefined;
    }
    if (!this.#rounds.stopping.aborted) return turn.begunAt;
    pacer.withdraw(turn.begunAt, clock.now());
    return undefined;
  }

  async #call(ready: Ready, key: AttemptKey): Promise<Outcome> {
    const { destination, clock, answers, random, instance, connection } = this.#context;
    let repeatable = false;
    try {
      return await connection.use(async (operation) => {
        repeatable = operation.repeatable;
        const delivery = writeBatch(ready, key.attempt, operation, this.#context);
        const answer = await operation.send(delivery, new AbortController().signal);
        label('answer.received');
        const id = batchId(instance, ready.batch);
        return readAnswer(answer, ready, id, answers, operation, destination, clock.now(), random);
      });
    } catch (error) {
      return readFailure(error, ready, destination, repeatable, clock.now(), random);
    }
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
      if (kept) this.#tell(ready, outcome, split?.messages);
      if (states.includes('inDoubt')) this.#context.doubtful();
    });
    pacer.end(gotThrough(outcome), told.dueAt, now);
    const final = states.every((state) => state === 'delivered' || state === 'rejected');
    if (final) sizes.taken(ready.members.count, now);
    this.wake();
    if (final && next) return { ready: next, stored };
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
        if (gone || (this.#rounds.stopping.aborted && waited >= STOP_PATIENCE)) {
          this.#registered.delete(keyText(answer));
          return false;
        }
        if (this.#rounds.stopping.aborted) waited += wait;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  #tell({ batch, members }: Ready, outcome: Outcome, limit: number | undefined): void {
    const { name: destination, destination: settings } = this.#context;
    const asksPeople = settings.inDoubt.policy === 'hold';
    tellAnswer({ destination, batch, messages: members.count, outcome, asksPeople, limit });
  }
}

/** True where the receiver answered, whatever it said; a failure that may pass or a broken call did not get through. */
function gotThrough({ rest, stop, tooLarge, ticket }: Outcome): boolean {
  if (rest === 'queued') return stop !== undefined || tooLarge !== undefined;
  return rest !== 'inDoubt' || ticket !== undefined;
}

function keyText({ batch, attempt }: AttemptKey): string {
  return `${batch}.${attempt}`;
}
