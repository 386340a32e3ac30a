/**
 * What becomes of messages in doubt, by the destination's policy: a person decides, they are sent again, or the receiver is
 * asked. Each decision is in the ledger, with who made it and why.
 */
import type { Connection } from './connection.ts';
import type { DoubtSettings, RetrySettings } from './contracts/production.ts';
import type { Doubt, MessageOutcomeState, NewSubmission, Store } from './contracts/store.ts';
import { codeOf, DeliveryError, messageOf } from './errors.ts';
import { emit } from './events.ts';
import { batchId } from './ids.ts';
import { type ProbeReading, readProbe } from './outcome.ts';
import type { Pacer } from './pacer.ts';
import { membersOf } from './plan-batch.ts';
import { Rounds } from './rounds.ts';
import type { SendingContext } from './sending-context.ts';

type Common = 'name' | 'clock' | 'instance' | 'answers' | 'dueAt' | 'keepAnswer' | 'answerAccepted';

export interface DoubtsContext extends Pick<SendingContext, Common> {
  readonly settings: DoubtSettings;
  readonly retry: Pick<RetrySettings, 'maxAttempts' | 'giveUpAfter'>;
  readonly pacer: Pacer;
  readonly store: Pick<Store, 'doubts' | 'doubtMembers' | 'decideDoubt' | 'noteDoubt' | 'resolve'>;
  readonly connection: Connection;
  /** Something was decided: lanes may go on. */
  readonly decided: (settled: readonly number[]) => void;
}

/** A time that never comes: nobody but a person decides. */
const NEVER = 8_640_000_000_000_000;
/** Wait after the ledger or the receiver could not be asked, milliseconds. */
const ASK_AGAIN = 5000;
/** Wait after a batch was found decided, milliseconds. */
const LOOK_AGAIN = 100;
/** After this many questions in a row without an answer, a question waits this many times as long. */
const PATIENCE = 10;

export class Doubts {
  readonly #context: DoubtsContext;
  readonly #rounds: Rounds;

  constructor(context: DoubtsContext) {
    this.#context = context;
    this.#rounds = new Rounds(context, {
      round: () => this.#lookAtAll(),
      // A batch that a person has just decided about is stale; anything else is told of by the ledger's health.
      failed: (error) => (codeOf(error) === 'STORE_STALE' ? LOOK_AGAIN : ASK_AGAIN),
    });
  }

  /** There may be something to decide. Cheap; may be called as often as anything happens. */
  wake(): void {
    this.#rounds.wake();
  }

  /** Ends the question in flight, if there is one. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #lookAtAll(): Promise<void> {
    const { store, name, clock } = this.#context;
    const { due, next = NEVER } = await store.doubts({ destination: name, now: clock.now() });
    let first = next;
    for (const doubt of due) {
      if (this.#rounds.stopping.aborted) return;
      first = Math.min(first, await this.#look(doubt));
    }
    if (first < NEVER) this.#rounds.wakeAt(first);
  }

  /** Does what is due about one batch. @returns when it is to be looked at again, milliseconds since 1970 */
  async #look(doubt: Doubt): Promise<number> {
    const { settings, clock, store } = this.#context;
    const now = clock.now();
    const deadline = settings.deadline === 'never' ? NEVER : doubt.since + settings.deadline;
    if (deadline <= now) {
      if (!doubt.overdue) await this.#tellOverdue(doubt, OVERDUE[settings.afterDeadline]);
      if (settings.afterDeadline !== 'hold') return this.#decide(doubt, settings.afterDeadline);
    }
    const beforeDeadline = deadline > now ? deadline : NEVER;
    if (doubt.ticket !== undefined || settings.policy === 'probe') return this.#ask(doubt, beforeDeadline);
    if (settings.policy === 'resend') {
      if (!this.#isExhausted(doubt, now)) return this.#decide(doubt, 'resend');
      if (!doubt.overdue) await this.#tellOverdue(doubt, EXHAUSTED);
    }
    const { batch, attempts: attempt } = doubt;
    await store.noteDoubt({ batch, attempt, askAt: beforeDeadline, words: '', at: now });
    return beforeDeadline;
  }

  async #tellOverdue({ batch, attempts: attempt, since }: Doubt, words: string): Promise<void> {
    const { store, clock, name } = this.#context;
    await store.noteDoubt({ batch, attempt, overdue: true, words, at: clock.now() });
    emit('doubtOverdue', { destination: name, batch, since });
  }

  /** Sent as often, or for as long, as the destination tries at all. */
  #isExhausted({ attempts, since }: Doubt, now: number): boolean {
    const { maxAttempts, giveUpAfter } = this.#context.retry;
    if (maxAttempts !== 'unlimited' && attempts >= maxAttempts) return true;
    return giveUpAfter !== 'never' && now - since >= giveUpAfter;
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

  /** Asks the receiver as soon as a call may begin, and stores what it said of each message. */
  async #ask(doubt: Doubt, beforeDeadline: number): Promise<number> {
    const { clock, pacer } = this.#context;
    const turn = await pacer.turn(clock.now());
    if (turn.kind === 'wait') return Math.min(turn.until, beforeDeadline);
    let answer: ProbeReading | undefined;
    try {
      answer = await this.#probe(doubt);
    } finally {
      pacer.end(answer !== undefined, 0, clock.now());
    }
    // A receiver that is still at a request does not have its messages yet, and would take them beside what is sent again.
    const isEarly = clock.now() < doubt.since + this.#context.settings.every;
    const told = answer && isEarly ? withoutAbsence(answer) : answer;
    if (told?.kind === 'verdicts') return this.#store(doubt, told, beforeDeadline);
    return this.#notYet(doubt, told?.words ?? 'The receiver could not be asked.', told?.askAfterMs, beforeDeadline);
  }

  /** One question; `undefined` where it did not get through. */
  async #probe(doubt: Doubt): Promise<ProbeReading | undefined> {
    const { store, name, instance, answers, connection } = this.#context;
    const members = membersOf(await store.doubtMembers({ batch: doubt.batch }));
    const ids = [...members.each(instance)].map(({ id }) => id);
    const id = batchId(instance, doubt.batch);
    const asked = { ids, message: (index: number) => members.message(index), ticket: doubt.ticket };
    try {
      return await connection.use(async (operation) => {
        if (!operation.probe)
          return { kind: 'notYet', words: 'The operation has no way to ask the receiver.', askAfterMs: undefined };
        const said = await operation.probe({ batchId: id, ticket: doubt.ticket, ids }, this.#rounds.stopping);
        return readProbe(said, asked, id, answers, operation.answers);
      });
    } catch (error) {
      emit('probeFailed', { destination: name, batch: doubt.batch, code: codeOf(error), reason: messageOf(error) });
      const wait = error instanceof DeliveryError ? error.retryAfterMs : undefined;
      return wait === undefined ? undefined : { kind: 'notYet', words: messageOf(error), askAfterMs: wait };
    }
  }

  async #store(
    doubt: Doubt,
    reading: Extract<ProbeReading, { kind: 'verdicts' }>,
    beforeDeadline: number,
  ): Promise<number> {
    const { store, clock, name } = this.#context;
    const { body, rest, exceptions, code, words, answer } = reading;
    const askAt = this.#askAt(doubt, undefined, beforeDeadline);
    const submission = await this.#keep(doubt.batch, body);
    const { batch, attempts: attempt } = doubt;
    const said = { at: clock.now(), who: 'probe', rest, exceptions, code, words, answer, askAt };
    const effect = await store.decideDoubt({ batch, attempt, ...said, ...(submission ? { submission } : {}) });
    if (submission) this.#context.answerAccepted(submission.number);
    emit('doubtDecided', { destination: name, batch, code });
    this.#context.decided(effect.settled);
    return effect.batchState === 'inDoubt' ? askAt : NEVER;
  }

  async #keep(batch: number, body: Uint8Array): Promise<NewSubmission | undefined> {
    const { keepAnswer } = this.#context;
    return keepAnswer && body.length > 0 ? keepAnswer(batch, body) : undefined;
  }

  async #notYet(doubt: Doubt, words: string, askAfterMs: number | undefined, beforeDeadline: number): Promise<number> {
    const { store, clock } = this.#context;
    const askAt = this.#askAt(doubt, askAfterMs, beforeDeadline);
    const { batch, attempts: attempt } = doubt;
    await store.noteDoubt({ batch, attempt, askAt, asked: true, words, at: clock.now() });
    return askAt;
  }

  /** When the receiver is asked again, or the deadline where that comes first. */
  #askAt(doubt: Doubt, askAfterMs: number | undefined, beforeDeadline: number): number {
    const { settings, clock } = this.#context;
    const slower = doubt.asked >= PATIENCE ? PATIENCE : 1;
    return Math.min(clock.now() + Math.max(settings.every * slower, askAfterMs ?? 0), beforeDeadline);
  }
}

const NOT_THERE_YET = 'The receiver does not have them yet; it is asked once more before they are sent again.';

/** What a receiver said, but for what it does not have: that stays in doubt. */
function withoutAbsence(reading: ProbeReading): ProbeReading {
  if (reading.kind === 'notYet') return reading;
  const kept = (state: MessageOutcomeState) => (state === 'queued' ? 'inDoubt' : state);
  const rest = kept(reading.rest);
  const exceptions = reading.exceptions.map((each) => ({ ...each, state: kept(each.state) }));
  if (rest === 'inDoubt' && exceptions.every(({ state }) => state === 'inDoubt'))
    return { kind: 'notYet', words: NOT_THERE_YET, askAfterMs: undefined };
  return { ...reading, rest, exceptions };
}

const OVERDUE = {
  hold: 'The deadline has passed; a person must decide.',
  resend: 'The deadline has passed; the messages are sent again, as the destination says (afterDeadline: resend).',
  fail: 'The deadline has passed; the messages have failed, as the destination says (afterDeadline: fail).',
} as const;

const EXHAUSTED = 'It was sent as often, or for as long, as the destination allows; a person must decide.';

const REASONS = {
  resend: 'the destination says that repeating is harmless (inDoubt: resend)',
  fail: 'nobody found out before the deadline (inDoubt: afterDeadline: fail)',
} as const;
