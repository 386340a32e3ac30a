import type { StatusAnswer } from '../engine/contracts/questions.ts';

/** Something that a rule sees now. Every text in it is ours: names of the configuration, ids, codes, counts. */
export interface Condition {
  readonly rule: string;
  /** What of the rule it is about: a destination, a submission, a certificate; empty for the engine as a whole. */
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** False while it has not lasted long enough; what was told before goes on until the condition is gone. */
  readonly due: boolean;
  /** Told once, and has no end. */
  readonly once: boolean;
  readonly sentence: string;
  /** What a person can do. */
  readonly advice: string;
  /** What is said when it is over. */
  readonly over: string;
  readonly facts: Readonly<Record<string, string | number>>;
}

/** What rules look at, gathered once for all of them. What could not be found out is absent: then nothing changes. */
export interface Facts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Of the data folder: part of the ids. */
  readonly instance: string;
  readonly timeZone: string;
  readonly status?: StatusAnswer;
  /** Submissions that were routed since the last time. */
  readonly routed: readonly RoutedFacts[];
  /** Bytes. */
  readonly disk?: { readonly free: number; readonly size: number };
  readonly certificates: readonly CertificateFacts[];
  /** `since` is absent while it answers. */
  readonly redis?: { readonly since?: number };
  readonly store?: { readonly since?: number; readonly code?: string };
  /** What happened, by the name of the rule. */
  readonly events: ReadonlyMap<string, readonly Happening[]>;
}

export interface RoutedFacts {
  readonly id: string;
  readonly service: string;
  readonly items: number;
  readonly rejectedItems: number;
  readonly routedAt: number;
}

export interface CertificateFacts {
  readonly of: 'listener' | 'client' | 'receiver';
  /** Its destination; empty for the listener. */
  readonly name: string;
  /** Milliseconds since 1970; NaN where it could not be found out. */
  readonly endsAt: number;
}

/** One event that a rule counts. */
export interface Happening {
  readonly at: number;
  readonly destination?: string;
  readonly code?: string;
}

/** What a rule sees; `unknown` where it could not be found out. */
export type Seen = readonly Condition[] | 'unknown';
