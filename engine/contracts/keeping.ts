import type { MessageState } from '../states.ts';

/**
 * Keeping and purging: how long what is settled is kept, and how it goes. What is purged is a submission as a whole: first
 * its bodies, later its ledger rows. Its own row, its counters and its events stay for ever.
 */

/** Milliseconds since it was settled. */
export type KeepTime = number | 'forever';

/** How long something is kept; what is absent is said elsewhere, or for ever. */
export interface KeepTimes {
  readonly bodies?: KeepTime;
  readonly ledger?: KeepTime;
}

export interface RouteKeeping extends KeepTimes {
  readonly states?: Readonly<Partial<Record<MessageState, KeepTimes>>>;
}

/** `keep` of a production. */
export interface KeepSettings extends RouteKeeping {
  readonly routes?: Readonly<Record<string, RouteKeeping>>;
  /** Minutes since midnight, in the production's time zone, at which what is past its retention is purged. */
  readonly at: number;
}

/** How long submissions of a route with messages in a state are kept, milliseconds; the longest of their states counts. */
export interface RetentionRow {
  /** Empty: every route that has no rows of its own. */
  readonly route: string;
  /** `undefined`: submissions without messages. */
  readonly state: MessageState | undefined;
  /** `undefined`: for ever. */
  readonly bodies: number | undefined;
  readonly ledger: number | undefined;
}

/**
 * `bodies`: the input, the messages, rejected and edited rows. `ledger`: also the rows about its items and messages, and
 * batches with their attempts once everything in them is purged.
 */
export type PurgeKind = 'bodies' | 'ledger';

/** Where a search for what can be purged goes on: the last one looked at. */
export interface PurgeCursor {
  readonly settledAt: number;
  readonly submission: number;
}

/** Which submissions are looked at: those that have their bodies, or those that have only their ledger rows. */
export type PurgeSource = 'whole' | 'bodiless';

export interface PurgeLookup {
  readonly what: PurgeKind;
  readonly from: PurgeSource;
  /** Only submissions of this route. */
  readonly route?: string;
  readonly after: PurgeCursor | undefined;
}

export interface PurgeBegin extends Omit<PurgeLookup, 'from'> {
  readonly who: string;
  readonly at: number;
}

/** What was begun, and where to look on; without `next` everything was looked at. */
export interface PurgeBegun {
  readonly submissions: readonly number[];
  readonly next: PurgeCursor | undefined;
}

/** A purge that was begun and is not done; after a crash it goes on. */
export interface OpenPurge {
  readonly submission: number;
  readonly what: PurgeKind;
  readonly begunAt: number;
}

/** What of a purge was done in one transaction. */
export interface PurgeSlice {
  readonly rows: number;
  /** Nothing is left in the ledger of what is being purged; files may be. */
  readonly emptied: boolean;
}

/** What was purged of submissions. */
export interface PurgeTotals {
  readonly messages: number;
  /** Of files and bodies in the ledger, as they were stored. */
  readonly bytes: number;
}

/** A submission that can be purged now. */
export interface Purgeable {
  readonly submission: number;
  readonly route: string;
  readonly settledAt: number;
  readonly messages: number;
  /** Of the input as it came. */
  readonly fileBytes: number;
  /** Of messages and rejected rows as they are stored. */
  readonly bodyBytes: number;
}

export interface PurgeablePage {
  readonly submissions: readonly Purgeable[];
  readonly next: PurgeCursor | undefined;
}

/** A purge of everything that was past its retention, as the event of it says. */
export interface PurgeRun extends PurgeTotals {
  readonly who: string;
  readonly at: number;
  /** Only this route. */
  readonly route?: string;
  /** Submissions whose bodies, and whose ledger rows, were purged. */
  readonly bodies: number;
  readonly ledger: number;
}
