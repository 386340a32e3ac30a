import type { Resources } from './resources.ts';
import type { FormatReference } from './service.ts';

/** One line under a route's `to`. */
export interface Entry {
  /** Named after its destination unless it says otherwise; unique in its route. */
  readonly name: string;
  readonly destination: string;
  readonly transform: string;
  /** CEL; false makes the item filtered in this entry. */
  readonly when?: string;
}

export interface Route {
  readonly onInvalidRow: 'continue' | 'refuseFile';
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
  /** Where health and metrics are served over TCP; absent: only on the socket in the data folder. */
  readonly monitor?: { readonly host: string; readonly port: number };
}

/** What a submission is pinned to at acceptance. The SHA-256 of its JSON is its name. Holds no destination settings. */
export interface Snapshot {
  readonly production: string;
  readonly resources: Resources;
  readonly routes: Readonly<Record<string, Route>>;
}
