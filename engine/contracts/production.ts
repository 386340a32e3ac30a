import type { Whose } from '../errors.ts';
import type { AlertSettings } from './alerts.ts';
import type { KeepSettings } from './keeping.ts';
import type { Resources } from './resources.ts';
import type { FormatReference, Rule } from './service.ts';

/** One line under a route's `to`. */
export interface Entry {
  /** Named after its destination unless it says otherwise; unique in its route. */
  readonly name: string;
  readonly destination: string;
  /** Absent: the item's bytes are sent as they came. */
  readonly transform?: string;
  /** CEL; false makes the item filtered in this entry. */
  readonly when?: string;
}

export interface Route {
  readonly onInvalidRow: 'continue' | 'refuseFile';
  /** Items are checked by the standard of their format (HL7's dictionary); what breaks it is invalid in every entry. */
  readonly validate: boolean;
  readonly filter: readonly { readonly dropWhen: string; readonly reason: string }[];
  /** Columns or paths by which items can be looked up, beside those that the format names. */
  readonly search?: readonly string[];
  readonly to: readonly Entry[];
}

/** When a batch is closed: the first limit that is reached. */
export interface BatchSettings {
  /** How messages are put together; absent: one message a call, or a list where the operation takes lists. */
  readonly format?: FormatReference;
  /** `auto`: a batch that the receiver finds too large is halved, and the size that worked is remembered. */
  readonly mode: 'batch' | 'single' | 'auto';
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Milliseconds. */
  readonly maxAge: number;
  readonly mixSubmissions: boolean;
  /** Milliseconds that the size that worked is kept before a larger one is tried; with `auto`. */
  readonly tryLargerAfter?: number;
}

export interface RetrySettings {
  /** Milliseconds before each retry in turn, the last of them again and again; absent: `first`, `factor`, `ceiling`. */
  readonly schedule?: readonly number[];
  /** Milliseconds before the first retry; each further one `factor` times as long, up to `ceiling`. */
  readonly first: number;
  readonly factor: number;
  readonly ceiling: number;
  /** Share of the wait that is drawn by chance, 0 to 1. */
  readonly jitter: number;
  /** Milliseconds since the first attempt after which the messages fail, or `never`. */
  readonly giveUpAfter: number | 'never';
  /** Attempts after which the messages fail. */
  readonly maxAttempts: number | 'unlimited';
}

/** What is done about messages that may have arrived. */
export interface DoubtSettings {
  /** `hold`: a person decides. `resend`: sent again. `probe`: the receiver is asked. */
  readonly policy: 'hold' | 'resend' | 'probe';
  /** Milliseconds between two questions to the receiver. */
  readonly every: number;
  /** Milliseconds after which the doubt is told as overdue, and `afterDeadline` is done. */
  readonly deadline: number | 'never';
  readonly afterDeadline: 'hold' | 'resend' | 'fail';
  /** `goesOn`: later messages do not wait for the decision. */
  readonly lane: 'waits' | 'goesOn';
}

/** After this many calls in a row that did not get through, one trial call at a time is made. */
export interface BreakerSettings {
  readonly failures: number;
  /** Milliseconds between trial calls; absent: as long as a retry would wait. */
  readonly pause?: number;
}

/** Hours in which no call begins. */
export interface MaintenanceWindow {
  /** 0 Sunday to 6 Saturday: the days on which it begins. */
  readonly days: readonly number[];
  /** Minutes since midnight; `to` not after `from` is on the next day. */
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
}

/** At most this many calls in any such time, milliseconds. */
export interface RateSettings {
  readonly calls: number;
  readonly per: number;
}

/** In which order the messages of a destination go. */
export type Order =
  /** One lane, one call in flight. */
  | { readonly kind: 'strict' }
  /** Lanes by the value at one of these paths of the item (the first that is not empty); order is kept in each. */
  | { readonly kind: 'key'; readonly paths: readonly string[] }
  | { readonly kind: 'none' };

/** How a destination takes a line of the outcome table otherwise. */
export interface OutcomeOverride {
  readonly then: OutcomeAction;
  readonly whose?: Whose;
  /** What people are told to do. */
  readonly advice?: string;
}

/** What may be done about a call that did not get through. */
export type OutcomeAction = 'retry' | 'stop' | 'fail' | 'inDoubt' | 'split';

export interface Destination {
  readonly type: string;
  /** The adapter's own keys, by its schema; what every destination has is taken out. */
  readonly config: unknown;
  readonly batch: BatchSettings;
  readonly order: Order;
  /** Calls at the same time, at most; 1 where the order is strict. */
  readonly maxInFlight: number;
  readonly retry: RetrySettings;
  readonly inDoubt: DoubtSettings;
  readonly breaker: BreakerSettings;
  readonly maintenance: readonly MaintenanceWindow[];
  readonly rate?: RateSettings;
  /** Lines of the outcome table that this destination takes otherwise, by code. */
  readonly outcomes: Readonly<Record<string, OutcomeOverride>>;
  /** Every answer becomes a submission of this route, linked to the batch that caused it. */
  readonly answersTo?: Rule;
}

/** The listener that all REST services share. */
export interface ListenSettings {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  readonly behindProxy: boolean;
}

/** A production, whole and validated. */
export interface Production {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  readonly resources: Resources;
  readonly services: Readonly<Record<string, { readonly type: string; readonly config: unknown }>>;
  readonly routes: Readonly<Record<string, Route>>;
  readonly destinations: Readonly<Record<string, Destination>>;
  readonly listen?: ListenSettings;
  /** Where health and metrics are served over TCP; absent: only on the socket in the data folder. */
  readonly monitor?: { readonly host: string; readonly port: number };
  /** Where operators act over the network; absent: only on the socket in the data folder. */
  readonly api?: ListenSettings;
  /** Who is told of what. */
  readonly alerts?: AlertSettings;
  /** How long what is settled is kept; absent: for ever. */
  readonly keep?: KeepSettings;
}

/** What a submission is pinned to at acceptance. The SHA-256 of its JSON is its name. Holds no destination settings. */
export interface Snapshot {
  readonly production: string;
  readonly resources: Resources;
  readonly routes: Readonly<Record<string, Route>>;
}
