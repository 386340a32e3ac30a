/**
 * What becomes of messages in doubt, by the destination's policy: a person decides, they are sent again, or the receiver is
 * asked. Each decision is in the ledger, with who made it and why.
 */
import type { Connection } from './connection.ts';
import type { Format } from './contracts/format.ts';
import type { ProbeAnswer } from './contracts/operation.ts';
import type { DoubtSettings } from './contracts/production.ts';
import type { Clock } from './contracts/runtime.ts';
import type { Doubt, NewSubmission, Store } from './contracts/store.ts';
import { codeOf, DeliveryError, messageOf } from './errors.ts';
import { emit } from './events.ts';
import { batchId } from './ids.ts';
import { readProbe } from './outcome.ts';
import { membersOf } from './plan-batch.ts';

export interface DoubtsContext {
  readonly name: string;
  readonly settings: DoubtSettings;
  readonly store: Pick<Store, 'doubts' | 'decideDoubt' | 'noteDoubt' | 'resolve'>;
  readonly clock: Clock;
  readonly instance: string;
  readonly connection: Connection;
  readonly answers: Format | undefined;
  /** Something was decided: lanes may go on. */
  readonly decided: (settled: readonly number[]) => void;
  /** Signals other processes too, when something is due. */
  readonly dueAt: (at: number) => void;
  /** Keeps an answer's body on disk, where answers become submissions. */
  readonly keepAnswer: ((batch: number, body: Uint8Array) => Promise<NewSubmission>) | undefined;
  readonly answerAccepted: (submission: number) => void;
}

/** A time that never comes: nobody but a person decides. */
const NEVER = 8_640_000_000_000_000;
/** Wait after the ledger or the receiver could not be asked, milliseconds. */
const ASK_AGAIN = 5000;
/** After this many questions in a row without an answer, a question waits this many times as long. */
const PATIENCE = 10;

export class Doubts {
  readonly #context: DoubtsContext;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: DoubtsContext) {
    this.#context = context;
  }

  /** There may be something to decide. Cheap; may be called as often as anything happens. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#again) this.wake();
    });
  }

  /** Ends the question in flight, if there is one. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#again = false;
    const { store, name, clock } = this.#context;
    try {
      let next = NEVER;
      for (const doubt of await store.doubts({ destination: name })) {
        if (this.#stop.signal.aborted) return;
        next = Math.min(next, await this.#look(doubt));
      }
      if (next < NEVER) this.#wakeAt(next);
    } catch (error) {
      // A batch that a person has just decided about is stale; anything else is told of by the ledger's health.
      if (codeOf(error) === 'STORE_STALE') this.#again = true;
      else this.#wakeAt(clock.now() + ASK_AGAIN);
    }
  }

  /** Does what is due about one batch. @returns when it is to be looked at again, milliseconds since 1970 */
  async #look(doubt: Doubt): Promise<number> {
    const { settings, clock, store, name } = this.#context;
    const now = clock.now();
    const deadline = settings.deadline === 'never' ? NEVER : doubt.since + settings.deadline;
    if (deadline <= now && !doubt.overdue) {
      await store.noteDoubt({ batch: doubt.batch, overdue: true, words: OVERDUE[settings.afterDeadline], at: now });
      emit('doubtOverdue', { destination: name, batch: doubt.batch, since: doubt.since });
      if (settings.afterDeadline !== 'hold') return this.#decide(doubt, settings.afterDeadline);
    }
    const beforeDeadline = deadline > now ? deadline : NEVER;
    const asks = doubt.ticket !== undefined || settings.policy === 'probe';
    if (!asks && settings.policy === 'hold') {
      if (doubt.askAt < beforeDeadline)
        await store.noteDoubt({ batch: doubt.batch, askAt: beforeDeadline, words: '', at: now });
      return beforeDeadline;
    }
    if (doubt.askAt > now) return Math.min(doubt.askAt, beforeDeadline);
    return asks ? this.#ask(doubt) : this.#decide(doubt, 'resend');
  }

  async #decide(doubt: Doubt, what: 'resend' | 'fail'): Promise<number> {
    const { store, clock, name, decided } = this.#context;
    const at = clock.now();
    const to = what === 'resend' ? 'queued' : 'failed';
    await store.resolve({ batch: doubt.batch, to, reason: REASONS[what], who: 'policy', at });
    emit(what === 'resend' ? 'batchResent' : 'batchFailed', { destination: name, batch: doubt.batch });
    decided([]);
    return NEVER;
  }

  /** Asks the receiver, and stores what it said of each message. */
  async #ask(doubt: Doubt): Promise<number> {
    const { store, clock, name, instance, answers, connection } = this.#context;
    const members = membersOf(doubt.members);
    const ids = [...members.each(instance)].map(({ id }) => id);
    const id = batchId(instance, doubt.batch);
    let answer: ProbeAnswer;
    let rules: Parameters<typeof readProbe>[4] | undefined;
    try {
      answer = await connection.use(async (operation) => {
        rules = operation.answers;
        if (!operation.probe) return { kind: 'notYet', words: 'The operation has no way to ask the receiver.' };
        return operation.probe({ batchId: id, ticket: doubt.ticket, ids }, this.#stop.signal);
      });
    } catch (error) {
      const wait = error instanceof DeliveryError ? error.retryAfterMs : undefined;
      emit('probeFailed', { destination: name, batch: doubt.batch, code: codeOf(error), reason: messageOf(error) });
      return this.#notYet(doubt, messageOf(error), wait);
    }
    if (!rules) return this.#notYet(doubt, 'The receiver was not asked.', undefined);
    const asked = { ids, message: (index: number) => members.message(index), ticket: doubt.ticket };
    const reading = readProbe(answer, asked, id, answers, rules);
    if (reading.kind === 'notYet') return this.#notYet(doubt, reading.words, reading.askAfterMs);
    const { body, rest, exceptions, code, words } = reading;
    const askAt = this.#askAt(doubt, undefined);
    const submission = await this.#keep(doubt.batch, body);
    const effect = await store.decideDoubt({
      batch: doubt.batch,
      at: clock.now(),
      who: 'probe',
      rest,
      exceptions,
      code,
      words,
      answer: reading.answer,
      askAt,
      ...(submission ? { submission } : {}),
    });
    if (submission) this.#context.answerAccepted(submission.number);
    emit('doubtDecided', { destination: name, batch: doubt.batch, code });
    this.#context.decided(effect.settled);
    return effect.batchState === 'inDoubt' ? askAt : NEVER;
  }

  async #keep(batch: number, body: Uint8Array): Promise<NewSubmission | undefined> {
    const { keepAnswer } = this.#context;
    return keepAnswer && body.length > 0 ? keepAnswer(batch, body) : undefined;
  }

  async #notYet(doubt: Doubt, words: string, askAfterMs: number | undefined): Promise<number> {
    const askAt = this.#askAt(doubt, askAfterMs);
    await this.#context.store.noteDoubt({
      batch: doubt.batch,
      askAt,
      asked: true,
      words,
      at: this.#context.clock.now(),
    });
    return askAt;
  }

  #askAt(doubt: Doubt, askAfterMs: number | undefined): number {
    const { settings, clock } = this.#context;
    const slower = doubt.asked >= PATIENCE ? PATIENCE : 1;
    return clock.now() + Math.max(settings.every * slower, askAfterMs ?? 0);
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

const OVERDUE = {
  hold: 'The deadline has passed; a person must decide.',
  resend: 'The deadline has passed; the messages are sent again, as the destination says (afterDeadline: resend).',
  fail: 'The deadline has passed; the messages have failed, as the destination says (afterDeadline: fail).',
} as const;

const REASONS = {
  resend: 'the destination says that repeating is harmless (inDoubt: resend)',
  fail: 'nobody found out before the deadline (inDoubt: afterDeadline: fail)',
} as const;
