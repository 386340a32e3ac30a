import { rm, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { type BodyFolder, syncFolder } from './bodies.ts';
import type { KeepSettings, OpenPurge, PurgeCursor, PurgeKind, PurgeSource } from './contracts/keeping.ts';
import type { Clock } from './contracts/runtime.ts';
import type { Questions, Store } from './contracts/store.ts';
import { codeOf, messageOf } from './errors.ts';
import { emit } from './events.ts';
import { label } from './labels.ts';
import { retentionOf } from './retention.ts';
import { inZone, toInstant } from './zones.ts';

/** Purging what is past its retention: by the clock, by a person, and to its end after a crash. */

type Ask = <K extends keyof Questions>(
  question: K,
  request: Questions[K]['with'],
) => Promise<Questions[K]['gives']> | Questions[K]['gives'];

/** What a purge would take, of one route. */
export interface PurgePreview {
  readonly route: string;
  readonly what: PurgeKind;
  readonly submissions: number;
  /** Rows of messages: those that lose their bodies, or those that go. */
  readonly messages: number;
  /** Of the inputs, and of messages and rejected rows as they are stored. */
  readonly fileBytes: number;
  readonly bodyBytes: number;
  /** When the oldest of them was settled, milliseconds since 1970. */
  readonly oldest: number;
}

const SOURCES: Readonly<Record<PurgeKind, readonly PurgeSource[]>> = {
  bodies: ['whole'],
  ledger: ['whole', 'bodiless'],
};

/** What a purge would take now, by kind and route. Changes nothing; needs no engine. */
export async function previewPurge(ask: Ask, route?: string): Promise<PurgePreview[]> {
  const found = new Map<string, PurgePreview>();
  for (const what of ['bodies', 'ledger'] as const) {
    for (const from of SOURCES[what]) {
      for (let after: PurgeCursor | undefined, more = true; more; more = after !== undefined) {
        const page = await ask('purgeable', { what, from, after, ...(route === undefined ? {} : { route }) });
        for (const one of page.submissions) {
          const key = `${what} ${one.route}`;
          const sum = found.get(key);
          found.set(key, {
            route: one.route,
            what,
            submissions: (sum?.submissions ?? 0) + 1,
            messages: (sum?.messages ?? 0) + one.messages,
            fileBytes: (sum?.fileBytes ?? 0) + (what === 'bodies' ? one.fileBytes : 0),
            bodyBytes: (sum?.bodyBytes ?? 0) + (what === 'bodies' ? one.bodyBytes : 0),
            oldest: Math.min(sum?.oldest ?? one.settledAt, one.settledAt),
          });
        }
        after = page.next;
      }
    }
  }
  return [...found.values()].sort((a, b) => (`${a.what} ${a.route}` < `${b.what} ${b.route}` ? -1 : 1));
}

export interface PurgeOptions {
  readonly store: Pick<
    Store,
    'ask' | 'beginPurge' | 'openPurges' | 'purgeSlice' | 'endPurge' | 'purgeBatches' | 'notePurge' | 'reclaim'
  >;
  readonly bodies: BodyFolder;
  readonly clock: Clock;
  /** Nothing more is begun; what was begun goes on with the next run. */
  readonly signal: AbortSignal;
}

export interface PurgeRequest {
  readonly who: string;
  /** Only this route. */
  readonly route?: string;
}

/** What a purge did. */
export interface PurgeResult {
  /** Submissions whose bodies were purged, and those whose ledger rows were. */
  readonly bodies: number;
  readonly ledger: number;
  readonly messages: number;
  readonly bytes: number;
  /** False where the engine stopped in the middle; the next one goes on. */
  readonly finished: boolean;
}

/**
 * Purges everything that is past its retention, some submissions at a time, in small transactions with room for others
 * between them; gives the room back to the disk.
 * @throws StoreError where the ledger cannot be written, and errors of the disk; what was begun goes on later
 */
export async function purge(options: PurgeOptions, { who, route }: PurgeRequest): Promise<PurgeResult> {
  const { store, clock, signal } = options;
  const sums = { bodies: 0, ledger: 0, messages: 0, bytes: 0 };
  await finishOpen(options, sums);
  for (const what of ['bodies', 'ledger'] as const) {
    let after: PurgeCursor | undefined;
    do {
      if (signal.aborted) return { ...sums, finished: false };
      const only = route === undefined ? {} : { route };
      const begun = await store.beginPurge({ what, after, who, at: clock.now(), ...only });
      if (begun.submissions.length > 0) await finishOpen(options, sums);
      after = begun.next;
    } while (after);
  }
  for (let from: number | undefined = 0; from !== undefined && !signal.aborted; )
    from = (await store.purgeBatches({ after: from })).next;
  for (let left = 1; left > 0 && !signal.aborted; ) ({ left } = await store.reclaim());
  if (signal.aborted) return { ...sums, finished: false };
  await store.notePurge({ who, at: clock.now(), ...(route === undefined ? {} : { route }), ...sums });
  return { ...sums, finished: true };
}

interface Sums {
  bodies: number;
  ledger: number;
  messages: number;
  bytes: number;
}

/** Does what was begun, by this run or an earlier one, to its end. */
async function finishOpen({ store, bodies, clock, signal }: PurgeOptions, sums: Sums): Promise<void> {
  const open = await store.openPurges();
  if (open.length === 0) return;
  for (let emptied = false; !emptied; ) {
    if (signal.aborted) return;
    const begun = performance.now();
    ({ emptied } = await store.purgeSlice());
    // The ledger is for those who send at least half of the time.
    await wait(performance.now() - begun);
  }
  const freed = await removeFiles(bodies, open);
  const at = clock.now();
  const end = async ({ submission, what }: OpenPurge) => {
    const done = await store.endPurge({ submission, fileBytes: freed.get(submission) ?? 0, at });
    sums[what] += 1;
    sums.messages += done.messages;
    sums.bytes += done.bytes;
  };
  // Together, so that they are one commit.
  await Promise.all(open.map(end));
}

/** Removes the input files of submissions whose bodies go; files that are gone already are no fault. @returns bytes by submission */
async function removeFiles(bodies: BodyFolder, open: readonly OpenPurge[]): Promise<ReadonlyMap<number, number>> {
  const freed = new Map<number, number>();
  for (const { submission, what } of open) {
    if (what !== 'bodies') continue;
    const sizes = [await removeFile(bodies.original(submission)), await removeFile(bodies.copy(submission))];
    freed.set(
      submission,
      sizes.reduce((sum, bytes) => sum + bytes, 0),
    );
  }
  // No power cut brings a file back of which the ledger says that it is gone.
  if (freed.size > 0) await syncFolder(bodies.path);
  label('purge.filesGone');
  return freed;
}

async function removeFile(path: string): Promise<number> {
  try {
    const { size } = await stat(path);
    await rm(path);
    return size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

const DAY = 86_400_000;
/** How often the clock is looked at, milliseconds. */
const LOOK_EVERY = 15_000;

export interface KeepingOptions extends Omit<PurgeOptions, 'signal' | 'store'> {
  readonly store: PurgeOptions['store'] & Pick<Store, 'setRetention'>;
  /** Absent: everything is kept for ever. */
  readonly keep: KeepSettings | undefined;
  readonly timeZone: string;
}

/** Keeps a production's data as long as it says: tells the store, and purges every day what is past its time. */
export class Keeping {
  readonly #options: KeepingOptions;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #next = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KeepingOptions) {
    this.#options = options;
  }

  /**
   * Tells the store how long what is kept; goes on with what an earlier run began, and purges at once where that was not
   * done for a day. Resolves before that is done.
   */
  async start(): Promise<void> {
    const { store, keep, clock } = this.#options;
    await store.setRetention({ rows: retentionOf(keep) });
    const open = await store.openPurges();
    if (!keep && open.length === 0) return;
    const last = await store.ask({ question: 'lastPurge', with: {} });
    const late = last === undefined || last.at < clock.now() - DAY;
    this.#next = open.length > 0 || late ? clock.now() : this.#following();
    this.look();
    this.#timer = setInterval(() => this.look(), LOOK_EVERY);
    this.#timer.unref();
  }

  /** When it purges next by itself, milliseconds since 1970. */
  get next(): number {
    return this.#next;
  }

  /** Purges where it is time to. */
  look(): void {
    const { clock } = this.#options;
    if (this.#stop.signal.aborted || clock.now() < this.#next) return;
    this.#next = this.#following();
    void this.purge({ who: 'engine' }).catch((error: unknown) => {
      emit('purgeWaits', { code: codeOf(error), reason: messageOf(error) });
      this.#next = clock.now();
    });
  }

  /** Purges now, after what is being done already. @throws as `purge` */
  purge(request: PurgeRequest): Promise<PurgeResult> {
    const run = this.#running.then(() => this.#purge(request));
    this.#running = run.catch(() => undefined);
    return run;
  }

  /** Waits until nothing is being purged. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Ends after the slice that is being purged. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#timer);
    await this.#running;
  }

  async #purge(request: PurgeRequest): Promise<PurgeResult> {
    const result = await purge({ ...this.#options, signal: this.#stop.signal }, request);
    const { bodies, ledger, messages, bytes, finished } = result;
    if (bodies + ledger > 0) emit('purged', { who: request.who, bodies, ledger, messages, bytes, finished });
    return result;
  }

  /** The next time that the clock of the production shows the hour of `keep.at`. */
  #following(): number {
    const { keep, timeZone, clock } = this.#options;
    if (!keep) return Number.POSITIVE_INFINITY;
    const now = clock.now();
    const today = inZone(now, timeZone);
    const time = { hour: Math.floor(keep.at / 60), minute: keep.at % 60, second: 0, millisecond: 0, offset: undefined };
    for (let days = 0; ; days += 1) {
      const date = new Date(Date.UTC(today.year, today.month - 1, today.day + days));
      const day = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
      const at = toInstant({ ...day, ...time }, timeZone);
      if (at > now) return at;
    }
  }
}
