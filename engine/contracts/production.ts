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
  readonly to: readonly Entry[];
}

/** When a batch is closed: the first limit that is reached. */
export interface BatchSettings {
  /** How messages are put together; absent: one message a call, or a list where the operation takes lists. */
  readonly format?: FormatReference;
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Milliseconds. */
  readonly maxAge: number;
  readonly mixSubmissions: boolean;
}

export interface RetrySettings {
  /** Milliseconds before the first retry; each further one `factor` times as long, up to `ceiling`. */
  readonly first: number;
  readonly factor: number;
  readonly ceiling: number;
  /** Share of the wait that is drawn by chance, 0 to 1. */
  readonly jitter: number;
  /** Milliseconds since the first attempt after which the messages fail, or `never`. */
  readonly giveUpAfter: number | 'never';
}

export interface Destination {
  readonly type: string;
  /** The adapter's own keys, by its schema; what every destination has is taken out. */
  readonly config: unknown;
  readonly batch: BatchSettings;
  readonly order: 'strict';
  readonly retry: RetrySettings;
  readonly inDoubt: 'hold' | 'resend';
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
}

/** What a submission is pinned to at acceptance. The SHA-256 of its JSON is its name. Holds no destination settings. */
export interface Snapshot {
  readonly production: string;
  readonly resources: Resources;
  readonly routes: Readonly<Record<string, Route>>;
}
