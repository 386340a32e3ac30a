import type { MessageState, SubmissionState } from '../states.ts';
import type { ActRow, MessageFilter, SelectionCursor, SelectionPage } from './acting.ts';
import type { OpenPurge, PurgeablePage, PurgeKind, PurgeLookup, RetentionRow } from './keeping.ts';
import type {
  BatchLimit,
  BatchState,
  Pause,
  PauseKind,
  ReceiptRow,
  RejectBlock,
  Stop,
  StoreFacts,
  SubmissionRow,
} from './store.ts';
import type { CorrectionVerdict, ItemLinks } from './versions.ts';

/** What people ask the ledger. All answers are plain data. */
export interface Questions {
  status: { with: Record<string, never>; gives: StatusAnswer };
  submissions: {
    with: { readonly limit: number; readonly before?: number; readonly name?: string };
    gives: readonly SubmissionSummary[];
  };
  locate: { with: { readonly submission: number; readonly line: number }; gives: LocatedItem | undefined };
  /** The same by the item's number, as ids of items and messages have it. */
  locateItem: { with: { readonly submission: number; readonly item: number }; gives: LocatedItem | undefined };
  message: { with: { readonly message: number }; gives: MessageHistory | undefined };
  batch: { with: { readonly batch: number }; gives: BatchHistory | undefined };
  bodyBlock: {
    with: { readonly bodyBlock: number };
    gives: { readonly firstMessage: number; readonly body: Uint8Array } | undefined;
  };
  verify: { with: { readonly after: number }; gives: VerifyPage };
  /** How many entries have counters that do not add up to the items read. */
  conservation: { with: Record<string, never>; gives: { readonly mismatches: number } };
  snapshot: { with: { readonly hash: string }; gives: Uint8Array | undefined };
  submission: { with: { readonly submission: number }; gives: SubmissionRow | undefined };
  receipt: { with: { readonly receipt: number }; gives: ReceiptRow | undefined };
  /** Submissions that the answers to a batch have become. */
  caused: { with: { readonly batch: number }; gives: readonly number[] };
  /** Submissions that the answers to a submission's batches have become, the first hundred. */
  answersTo: { with: { readonly submission: number }; gives: readonly number[] };
  rejects: { with: { readonly submission: number; readonly after: number }; gives: readonly RejectBlock[] };
  /** How an item is linked to what came before it and after it; `messages`: the numbers of its messages. */
  links: {
    with: { readonly submission: number; readonly item: number; readonly messages: readonly number[] };
    gives: ItemLinks;
  };
  /** What the ledger says to ids of rejected rows that come back with rows of this submission, in their order. */
  corrections: {
    with: {
      readonly submission: number;
      readonly ids: readonly { readonly submission: number; readonly item: number }[];
    };
    gives: readonly CorrectionVerdict[];
  };
  /** Items with this digest of a searchable field (engine/search-fields.ts), in order, after the given one. */
  search: {
    with: {
      readonly digest: Uint8Array;
      readonly after?: { readonly submission: number; readonly item: number };
      readonly limit: number;
    };
    gives: readonly { readonly submission: number; readonly item: number }[];
  };
  counters: { with: { readonly submission: number }; gives: readonly CounterRow[] };
  events: {
    with: {
      readonly submission?: number;
      readonly batch?: number;
      readonly destination?: string;
      readonly limit: number;
    };
    gives: readonly EventRow[];
  };
  facts: { with: Record<string, never>; gives: StoreFacts };
  /** Messages that fit a filter, a page at a time; each message once. */
  selectMessages: {
    with: { readonly filter: MessageFilter; readonly after: SelectionCursor | undefined };
    gives: SelectionPage;
  };
  /** Acts of people, the newest first; with `running`, those that are not done, the oldest first. */
  acts: {
    with: { readonly limit: number; readonly before?: number; readonly running?: boolean };
    gives: readonly ActRow[];
  };
  act: { with: { readonly act: number }; gives: ActRow | undefined };
  /** What can be purged now, a page at a time. */
  purgeable: { with: PurgeLookup; gives: PurgeablePage };
  openPurges: { with: Record<string, never>; gives: readonly OpenPurge[] };
  /** When everything that was past its retention was purged last. */
  lastPurge: { with: Record<string, never>; gives: { readonly at: number } | undefined };
  /** How long what is kept, as the running engine, or the last one, was told; empty: for ever. */
  retention: { with: Record<string, never>; gives: readonly RetentionRow[] };
}

export interface CounterRow {
  readonly entry: string;
  readonly destination: string;
  readonly state: MessageState;
  readonly count: number;
}

export interface StatusAnswer {
  readonly destinations: readonly {
    readonly name: string;
    readonly counts: Readonly<Partial<Record<MessageState, number>>>;
    readonly stop: Stop | undefined;
    /** Why calls wait, other than by a stop. */
    readonly pauses: readonly (Pause & { readonly kind: PauseKind })[];
    readonly limit: BatchLimit | undefined;
    /** Calls in flight. */
    readonly inFlight: number;
    /** The first batch that is not done. */
    readonly head:
      | {
          readonly batch: number;
          readonly state: BatchState;
          readonly count: number;
          readonly attempts: number;
          readonly dueAt: number;
          readonly lastCode: string;
          readonly lastWords: string;
        }
      | undefined;
    readonly inDoubt: readonly {
      readonly batch: number;
      readonly messages: number;
      readonly since: number;
      readonly askAt: number;
      readonly asked: number;
      readonly overdue: boolean;
      readonly ticket: string | undefined;
    }[];
    readonly oldestUnsettledAt: number | undefined;
  }[];
  readonly submissions: Readonly<Partial<Record<SubmissionState, number>>>;
}

export interface SubmissionSummary extends SubmissionRow {
  readonly counts: readonly CounterRow[];
}

export interface LocatedItem {
  readonly submission: number;
  readonly item: number;
  readonly line: number;
  /** Where to read the block of the item again. */
  readonly block: {
    readonly firstItem: number;
    readonly items: number;
    readonly cursor: number;
    readonly lines: number;
  };
  readonly rejects: Uint8Array | undefined;
  readonly messages: readonly {
    readonly message: number;
    readonly entry: string;
    readonly destination: string;
    readonly transform: string;
    readonly version: number;
    readonly state: MessageState;
    readonly batch: number | undefined;
    readonly bodyBlock: number;
    readonly position: number;
  }[];
}

export interface MessageHistory {
  readonly message: number;
  readonly outcomes: readonly {
    readonly batch: number;
    readonly attempt: number;
    readonly state: string;
    readonly code: string;
    readonly words: string;
  }[];
}

export interface AttemptRow {
  readonly attempt: number;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly outcome: string;
  readonly code: string;
  readonly words: string;
  readonly whose: string;
  readonly status: number | undefined;
  readonly answer: Uint8Array | undefined;
}

export interface BatchHistory {
  readonly batch: number;
  readonly destination: string;
  readonly state: BatchState;
  readonly count: number;
  readonly bytes: number;
  readonly plannedAt: number;
  readonly dueAt: number;
  readonly replaces: number | undefined;
  readonly attempts: readonly AttemptRow[];
}

export interface EventRow {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly submission: number | undefined;
  readonly batch: number | undefined;
  readonly destination: string | undefined;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface VerifyPage {
  readonly submissions: readonly {
    readonly submission: number;
    readonly state: SubmissionState;
    readonly bytes: number;
    readonly hash: string;
    readonly items: number | undefined;
    readonly itemsRouted: number;
    /** What of it is purged, or being purged: it need not be there. */
    readonly purged?: PurgeKind;
    readonly entries: readonly {
      readonly name: string;
      readonly rows: number;
      readonly counted: number;
      readonly mismatches: readonly string[];
    }[];
  }[];
  readonly next: number | undefined;
}
