import type { MessageState, SubmissionState } from '../states.ts';
import type { Scan } from './format.ts';
import type { Questions } from './questions.ts';
import type { FormatReference, ServiceProgress } from './service.ts';

export type * from './questions.ts';

/**
 * The port to the ledger and the bodies, in the engine's words. Every method is one transaction or one read; a promise
 * resolves after COMMIT returned. Methods reject with `StoreError` codes: `STORE_STALE` (the ledger is no longer in the
 * state the caller planned with; nothing was changed) or a store failure (full, I/O): nothing was kept.
 *
 * Ids: a submission has a number (of acceptance) and is shown as `<instance>-<number>`; messages have dense numbers in
 * each body block; a batch has a number and is shown as `<instance>-B<number>`.
 */
export interface Store {
  /** Facts fixed when the data folder was made. */
  facts(): Promise<StoreFacts>;

  // Accept
  putSnapshot(snapshot: { readonly hash: string; readonly body: Uint8Array }): Promise<void>;
  snapshot(request: { readonly hash: string }): Promise<Uint8Array | undefined>;
  accept(submission: NewSubmission): Promise<AcceptResult>;
  /** A receipt and its submissions, all or none. */
  acceptUpload(upload: NewUpload): Promise<UploadResult>;
  receipt(request: { readonly receipt: number }): Promise<ReceiptRow | undefined>;

  // Route
  nextToRoute(): Promise<RouteWork | undefined>;
  scanned(request: { readonly submission: number; readonly scan: Scan }): Promise<void>;
  refuse(request: { readonly submission: number; readonly refusal: Refusal; readonly at: number }): Promise<void>;
  /** Counts in the input do not hold: kept, nothing sent. */
  quarantine(request: {
    readonly submission: number;
    readonly scan: Scan;
    readonly refusal: Refusal;
    readonly at: number;
  }): Promise<void>;
  /** What was in quarantine is routed after all, with a new place. */
  release(request: SubmissionDecision): Promise<void>;
  /** What was not routed yet, or is in quarantine, is given up. */
  cancelSubmission(request: SubmissionDecision): Promise<void>;
  beginRouting(request: { readonly submission: number }): Promise<void>;
  commitBlock(block: NewBlock): Promise<void>;
  /** Digests of unique keys of the committed blocks, in order, for going on after a restart. */
  uniqueKeys(request: { readonly submission: number }): Promise<readonly Uint8Array[]>;
  endRouting(request: { readonly submission: number; readonly at: number }): Promise<{ readonly cancelled: number }>;

  // Deliver
  /** Attempts in *sending* that nobody holds become *in doubt*. `registered` lists this run's attempts in flight. */
  recover(request: {
    readonly run: string;
    readonly registered: readonly AttemptKey[];
    readonly at: number;
  }): Promise<readonly RecoveredBatch[]>;
  nextWork(request: {
    readonly destination: string;
    readonly maxMessages: number;
    readonly mixSubmissions: boolean;
    readonly ahead: boolean;
  }): Promise<LaneWork>;
  /** `dueAt`: what replaces a batch waits as long as that one would have; 0 for at once. */
  plan(plan: NewBatch): Promise<{ readonly batch: number; readonly dueAt: number }>;
  beginSending(request: AttemptKey & { readonly run: string; readonly at: number }): Promise<void>;
  answer(answer: NewAnswer): Promise<AnswerEffect>;
  resolve(request: ResolveRequest): Promise<{ readonly messages: number; readonly destination: string }>;
  stopDestination(request: { readonly destination: string; readonly stop: Stop }): Promise<void>;
  resumeDestination(request: {
    readonly destination: string;
    readonly at: number;
    readonly who: string;
    readonly why: string;
  }): Promise<{ readonly wasStopped: boolean }>;

  // Services
  progress(request: { readonly submission: number; readonly progress: ServiceProgress }): Promise<void>;
  findClaim(request: { readonly claim: string }): Promise<SubmissionRow | undefined>;
  unfinished(request: { readonly service: string }): Promise<readonly SubmissionRow[]>;
  submission(request: { readonly submission: number }): Promise<SubmissionRow | undefined>;
  rejectBlocks(request: { readonly submission: number; readonly after: number }): Promise<readonly RejectBlock[]>;

  // Sweep
  due(request: { readonly now: number }): Promise<DueWork>;

  // Questions, also asked by the CLI on a read-only connection
  ask<K extends keyof Questions>(request: {
    readonly question: K;
    readonly with: Questions[K]['with'];
  }): Promise<Questions[K]['gives']>;

  close(): Promise<void>;
}

export interface StoreFacts {
  /** Four characters drawn when the data folder was made: part of every id shown. */
  readonly instance: string;
  /** Secret key for digests of unique keys. */
  readonly digestKey: Uint8Array;
  /** Highest submission number given so far. */
  readonly lastSubmission: number;
  /** Highest receipt number given so far. */
  readonly lastReceipt: number;
  /** Body files that submissions refer to are named by these numbers; anything else in the folder is left over. */
  readonly schemaVersion: number;
}

/** What is known of a submission from its acceptance on. */
export interface SubmissionFacts {
  readonly number: number;
  readonly service: string;
  readonly partner: string;
  readonly name: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly hash: string;
  readonly claim: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
  readonly acceptedAt: number;
  readonly format: FormatReference;
  readonly route: string;
  readonly snapshot: string;
  readonly gate: boolean;
  /** The upload it came with, and the name of its part. */
  readonly receipt?: number;
  readonly part?: string;
  /** Number of the batch whose answer it is. */
  readonly cause?: number;
  readonly entries: readonly { readonly name: string; readonly destination: string; readonly transform: string }[];
}

/** What a person decided about a submission. */
export interface SubmissionDecision {
  readonly submission: number;
  readonly who: string;
  readonly reason: string;
  readonly at: number;
}

export interface NewUpload {
  readonly receipt: number;
  readonly service: string;
  readonly partner: string;
  /** Idempotency-Key; `undefined` where none came. */
  readonly key: string | undefined;
  /** SHA-256 over the ordered parts, hexadecimal. */
  readonly hash: string;
  readonly acceptedAt: number;
  /** Their `owner` is empty: duplicates are decided for the upload as a whole. */
  readonly submissions: readonly NewSubmission[];
  /** Duplicates of the whole count until then. */
  readonly expiresAt: number;
  readonly refuseDuplicate: boolean;
}

export type UploadResult =
  | { readonly kind: 'stored' }
  | { readonly kind: 'duplicate' | 'keyTaken'; readonly receipt: number };

export interface ReceiptRow {
  readonly receipt: number;
  readonly service: string;
  readonly partner: string;
  readonly acceptedAt: number;
  readonly submissions: readonly SubmissionRow[];
}

export interface NewSubmission extends SubmissionFacts {
  /** Duplicates count for this owner until then; 0: nobody asks. */
  readonly owner: string;
  readonly expiresAt: number;
  readonly refuseDuplicate: boolean;
}

export type AcceptResult = { readonly kind: 'stored' } | { readonly kind: 'duplicate'; readonly submission: number };

export interface Refusal {
  readonly code: string;
  readonly reason: string;
  readonly line?: number;
  readonly column?: number;
}

export interface SubmissionRow extends SubmissionFacts {
  readonly state: SubmissionState;
  readonly scan: Scan | undefined;
  readonly refusal: Refusal | undefined;
  readonly items: number | undefined;
  readonly itemsRouted: number;
  readonly rejectedItems: number;
  readonly unsettled: number;
  readonly routedAt: number | undefined;
  readonly settledAt: number | undefined;
  readonly progress: ServiceProgress;
}

export interface RouteWork extends SubmissionRow {
  /** Number of blocks committed, and where the next one begins. */
  readonly blocks: number;
  readonly cursor: number;
  readonly lines: number;
}

/** Messages of one block for one destination, in the order of items, then entries. */
export interface NewBodyBlock {
  readonly destination: string;
  /** Indexes of the submission's entries that go there. */
  readonly entries: readonly number[];
  /** Packed and compressed bodies (engine/blocks.ts); empty if no message was made. */
  readonly body: Uint8Array;
  /** Bytes of all messages, unpacked. */
  readonly bytes: number;
  /** Exceptions: position (item * entries + entry) and state of messages that are not queued; ascending. */
  readonly exceptions: readonly { readonly position: number; readonly state: MessageState }[];
}

export interface NewBlock {
  readonly submission: number;
  /** From 0; must be the next one. */
  readonly block: number;
  readonly firstItem: number;
  readonly items: number;
  readonly firstLine: number;
  readonly lastLine: number;
  readonly cursor: number;
  readonly lines: number;
  /** Packed first lines of the items (engine/blocks.ts). */
  readonly itemLines: Uint8Array;
  /** Packed rejected items; `undefined` if none. */
  readonly rejects: Uint8Array | undefined;
  readonly rejectedItems: number;
  readonly uniqueKeys: Uint8Array | undefined;
  readonly bodies: readonly NewBodyBlock[];
}

export interface RejectBlock {
  readonly block: number;
  readonly firstItem: number;
  readonly rejects: Uint8Array;
}

export interface AttemptKey {
  readonly batch: number;
  readonly attempt: number;
}

export interface RecoveredBatch {
  readonly batch: number;
  readonly destination: string;
  readonly messages: number;
}

/** A body block with messages that wait for a batch. */
export interface Candidate {
  readonly bodyBlock: number;
  readonly submission: number;
  readonly entries: number;
  readonly firstMessage: number;
  readonly messages: number;
  readonly pending: number;
  readonly body: Uint8Array;
  /** Which messages wait, as positions in the block; `undefined`: every message that has a body. */
  readonly waiting: readonly number[] | undefined;
  /** When the block was routed. */
  readonly since: number;
  /** Nothing more of its submission will come after this block. */
  readonly last: boolean;
  /** Batch that the waiting messages belonged to and lost, where there is one. */
  readonly replaces: number | undefined;
}

export interface BatchPart {
  readonly bodyBlock: number;
  readonly firstMessage: number;
  readonly lastMessage: number;
  /** Number of messages in the range that wait; all of them become members. */
  readonly count: number;
}

export interface PlannedBatch {
  readonly batch: number;
  readonly destination: string;
  readonly attempts: number;
  readonly firstAttemptAt: number | undefined;
  readonly count: number;
  readonly bytes: number;
  readonly plannedAt: number;
  readonly dueAt: number;
  readonly replaces: number | undefined;
  readonly parts: readonly (BatchPart & {
    readonly body: Uint8Array;
    readonly blockFirstMessage: number;
    readonly members: readonly number[];
  })[];
}

export type LaneWork =
  | { readonly kind: 'idle' }
  /** What waits may not go yet: an earlier submission is still on its way in, or a gate is closed. */
  | { readonly kind: 'gated' }
  | { readonly kind: 'stopped' }
  /** A batch is in doubt and the lane waits for a decision. */
  | { readonly kind: 'held'; readonly batch: number }
  /** A call is in flight. */
  | { readonly kind: 'sending'; readonly batch: number }
  | { readonly kind: 'planned'; readonly batch: PlannedBatch }
  | { readonly kind: 'candidates'; readonly blocks: readonly Candidate[] };

export interface NewBatch {
  readonly destination: string;
  readonly parts: readonly BatchPart[];
  readonly count: number;
  readonly bytes: number;
  readonly plannedAt: number;
  readonly replaces: number | undefined;
}

export type MessageOutcomeState = 'delivered' | 'rejected' | 'failed' | 'queued' | 'inDoubt';

export interface NewAnswer extends AttemptKey {
  readonly run: string;
  readonly at: number;
  /** Outcome of every member that is not an exception. */
  readonly rest: MessageOutcomeState;
  readonly exceptions: readonly {
    readonly message: number;
    readonly state: MessageOutcomeState;
    readonly code: string;
    readonly words: string;
  }[];
  readonly code: string;
  /** A sentence for the operator. */
  readonly words: string;
  readonly whose: string;
  readonly status: number | undefined;
  readonly answer: Uint8Array | undefined;
  /** When what is queued again may be tried, milliseconds since 1970. */
  readonly dueAt: number;
  readonly stop: Stop | undefined;
  /** The answer as a submission of its own; its body is on disk. */
  readonly submission?: NewSubmission;
}

export interface AnswerEffect {
  readonly batchState: BatchState;
  /** Submissions that have become settled by it. */
  readonly settled: readonly number[];
}

export type BatchState = 'planned' | 'sending' | 'inDoubt' | 'done' | 'closed';

export interface Stop {
  readonly since: number;
  readonly code: string;
  readonly reason: string;
  readonly whose: string;
  /** What happens next and what a person can do. */
  readonly next: string;
}

export interface ResolveRequest {
  readonly batch: number;
  readonly to: 'delivered' | 'rejected' | 'queued' | 'cancelled';
  readonly reason: string;
  readonly who: string;
  readonly at: number;
}

export interface DueWork {
  readonly toRoute: boolean;
  /** Destinations with messages or batches that are not settled. */
  readonly destinations: readonly string[];
  /** Submissions whose service has not closed them and that are routed, refused, cancelled or settled. */
  readonly services: readonly { readonly submission: number; readonly service: string }[];
}
