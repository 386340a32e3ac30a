/** The alerts of a running engine: look, remember, tell. Nothing here holds the engine up, whatever happens to it. */
import type { AlertSettings } from '../engine/contracts/alerts.ts';
import type { Destination, Production } from '../engine/contracts/production.ts';
import type { Clock, Logger } from '../engine/contracts/runtime.ts';
import { codeOf } from '../engine/errors.ts';
import { onEvent } from '../engine/events.ts';
import { Book } from './book.ts';
import { type Evaluated, evaluate } from './evaluate.ts';
import { type AlertSource, Gather } from './gather.ts';
import { type AlertState, readState, writeState } from './state-file.ts';
import { Teller } from './teller.ts';

export interface AlertOptions {
  readonly production: Production;
  readonly settings: AlertSettings;
  readonly dataFolder: string;
  readonly source: AlertSource;
  /** Part of the ids of the data folder; asked for only after `start`. */
  readonly instance: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A destination as its settings are now, after `resume` read its secrets anew. */
  readonly freshDestination: (name: string) => Promise<Destination>;
}

export interface Alerts {
  /** Looks at the levels from now on; events are heard from the beginning. */
  start(): void;
  /** Stops looking, gives what is on its way a moment, keeps what was told. Never throws. */
  close(): Promise<void>;
}

/** Looking takes at most this share of the time: with a ledger that answers slowly, levels are looked at more rarely. */
const SHARE = 50;
const RAREST = 60_000;
/** What is on its way when the engine ends may take this long, milliseconds. */
const LAST_WORDS = 3_000;

/** Hears events from now on, with what an earlier run remembered. */
export function openAlerts(options: AlertOptions): Alerts {
  return new RunningAlerts(options);
}

class RunningAlerts implements Alerts {
  readonly #options: AlertOptions;
  readonly #book: Book;
  readonly #gather: Gather;
  readonly #tellers: ReadonlyMap<string, Teller>;
  readonly #ending = new AbortController();
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #paused = true;
  /** Something is not in the file yet. */
  #changed = false;
  #notKept = false;
  #faulty = false;

  constructor(options: AlertOptions) {
    this.#options = options;
    const { settings, production, dataFolder, clock, logger, source, instance } = options;
    const { state, broken } = readState(dataFolder);
    if (broken) logger.warn({}, 'what was told before cannot be read: alerts that last are told once more');
    this.#book = new Book(settings, state.kept);
    this.#gather = new Gather({
      production,
      rules: settings.rules,
      dataFolder,
      instance,
      source,
      logger,
      routedUpTo: state.routedUpTo ?? clock.now(),
      events: state.events,
    });
    const shared = {
      book: this.#book,
      production: production.name,
      timeZone: production.resources.timeZone,
      folder: production.folder,
      group: settings.group,
      now: () => clock.now(),
      changed: () => {
        this.#changed = true;
      },
      signal: this.#ending.signal,
    };
    const tellers = Object.entries(settings.channels).map(
      ([name, channel]) => [name, new Teller({ ...shared, name, channel }, state.failing[name])] as const,
    );
    this.#tellers = new Map(tellers);
    this.#unsubscribe = onEvent((event) => {
      if (this.#gather.hear(event, clock.now())) this.#changed = true;
      // What goes away because the engine stops is nobody's alert.
      if (event.name === 'engineStopping') this.#paused = true;
      if (event.name === 'destinationResumed') void this.#renew(String(event.fields.destination));
    });
  }

  start(): void {
    this.#paused = false;
    this.#next(0);
  }

  async close(): Promise<void> {
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#unsubscribe();
    const last = setTimeout(() => this.#ending.abort(), LAST_WORDS);
    await Promise.allSettled([this.#looking, ...[...this.#tellers.values()].map((teller) => teller.idle())]);
    clearTimeout(last);
    this.#ending.abort();
    await this.#keep();
  }

  #next(wait: number): void {
    if (this.#paused) return;
    this.#timer = setTimeout(() => {
      const begun = performance.now();
      this.#looking = this.#lookOrTell().finally(() => {
        const took = performance.now() - begun;
        this.#next(Math.max(this.#options.settings.every, Math.min(took * SHARE, RAREST)));
      });
    }, wait);
    this.#timer.unref();
  }

  /** A fault of ours in here is told, and no reason to end the engine: it looks again when it is time. */
  async #lookOrTell(): Promise<void> {
    try {
      await this.#look();
      this.#faulty = false;
    } catch (error) {
      if (!this.#faulty)
        this.#options.logger.error({ code: codeOf(error) }, 'alerts could not be looked at; it is tried again');
      this.#faulty = true;
    }
  }

  async #look(): Promise<void> {
    const { settings, clock } = this.#options;
    const facts = await this.#gather.facts(clock.now(), this.#ending.signal);
    const seen = evaluate(settings.rules, facts);
    if (this.#book.see(this.#paused ? onlyOnce(seen, settings) : seen, clock.now())) this.#changed = true;
    if (this.#paused) return;
    for (const teller of this.#tellers.values()) teller.look();
    await this.#keep();
  }

  /** Writes what changed. A disk that takes nothing is no reason to be silent: it is tried again at the next look. */
  async #keep(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    try {
      await writeState(this.#options.dataFolder, this.#state());
      this.#notKept = false;
    } catch (error) {
      this.#changed = true;
      if (!this.#notKept)
        this.#options.logger.warn({ code: codeOf(error) }, 'what was told cannot be kept: a restart may tell it again');
      this.#notKept = true;
    }
  }

  #state(): AlertState {
    const failing = [...this.#tellers].flatMap(([name, teller]) =>
      teller.failing ? [[name, teller.failing] as const] : [],
    );
    return { kept: this.#book.kept, ...this.#gather.memory, failing: Object.fromEntries(failing) };
  }

  async #renew(destination: string): Promise<void> {
    try {
      this.#gather.renew(destination, await this.#options.freshDestination(destination));
    } catch (error) {
      this.#options.logger.warn(
        { destination, code: codeOf(error) },
        'the settings of a destination could not be read again for its certificate',
      );
    }
  }
}

/** What happened once: it is looked at only now, and is told by the next run. Levels stay as they are. */
function onlyOnce({ conditions }: Evaluated, { rules }: AlertSettings): Evaluated {
  return { conditions: conditions.filter(({ once }) => once), unknown: new Set(rules.map(({ name }) => name)) };
}
