/** One channel: gathers what is to be told, sends it as one message, and tries again with longer and longer waits. */
import type { AlertChannel } from '../engine/contracts/alerts.ts';
import { codeOf, messageOf as wordsOf } from '../engine/errors.ts';
import { emit } from '../engine/events.ts';
import type { Book, Wanted } from './book.ts';
import { type ChannelContext, tell } from './channels/index.ts';
import { messageOf } from './message.ts';
import type { Failing } from './state-file.ts';

const FIRST_WAIT = 5_000;
const LONGEST_WAIT = 15 * 60_000;

export interface TellerOptions extends ChannelContext {
  readonly name: string;
  readonly channel: AlertChannel;
  readonly book: Book;
  readonly production: string;
  readonly timeZone: string;
  /** Alerts that come within this time go out together, milliseconds. */
  readonly group: number;
  readonly now: () => number;
  /** Something was told, or could not be: it is to be kept. */
  readonly changed: () => void;
  readonly signal: AbortSignal;
}

export class Teller {
  readonly #options: TellerOptions;
  /** Since when there is something to tell. */
  #waitingSince: number | undefined;
  #failing: Failing | undefined;
  #sending: Promise<void> | undefined;

  /** @param failing how it was when the last run ended; it is tried at once */
  constructor(options: TellerOptions, failing?: Failing) {
    this.#options = options;
    this.#failing = failing && { ...failing, retryAt: 0 };
  }

  /** Since when it cannot be told, and when it is tried again; `undefined` while all is well. */
  get failing(): Failing | undefined {
    return this.#failing;
  }

  /** Sends what is to be told if it is time; at most one message is on its way. Never throws, and does not wait. */
  look(): void {
    const { book, name, group, now, signal } = this.#options;
    if (this.#sending || signal.aborted) return;
    const wanted = book.wanted(name, now());
    if (wanted.length === 0) {
      this.#waitingSince = undefined;
      return;
    }
    this.#waitingSince ??= now();
    const due = now() - this.#waitingSince >= group && now() >= (this.#failing?.retryAt ?? 0);
    if (!due) return;
    this.#sending = this.#send(wanted).finally(() => {
      this.#sending = undefined;
    });
  }

  /** Waits until nothing is on its way. */
  async idle(): Promise<void> {
    await this.#sending;
  }

  async #send(wanted: readonly Wanted[]): Promise<void> {
    const { name, channel, book, production, timeZone, now, signal, changed } = this.#options;
    book.sending(wanted.map(({ key }) => key));
    try {
      const notices = wanted.map(({ notice }) => notice);
      const message = messageOf(notices, { production, timeZone, channel: name, now: now() });
      const note = await tell(channel, message, this.#options, signal);
      book.sent(name, wanted, true, now());
      this.#failing = undefined;
      this.#waitingSince = undefined;
      if (note !== undefined) emit('alertNotSent', { channel: name, code: 'ALERT_REFUSED', reason: note });
    } catch (error) {
      book.sent(name, wanted, false, now());
      if (!signal.aborted) this.#failed(error, wanted.length);
    }
    changed();
  }

  #failed(error: unknown, alerts: number): void {
    const { name, now } = this.#options;
    const tries = (this.#failing?.tries ?? 0) + 1;
    const retryInMs = Math.min(FIRST_WAIT * 3 ** (tries - 1), LONGEST_WAIT);
    const code = codeOf(error);
    this.#failing = { since: this.#failing?.since ?? now(), tries, code, retryAt: now() + retryInMs };
    emit('alertNotSent', { channel: name, code, reason: wordsOf(error), alerts, tries, retryInMs });
  }
}
