import type { MessageState, SubmissionState } from '../states.ts';
import type { ActProgress, NewAct } from './acting.ts';
import type { Scan } from './format.ts';
import type { OpenPurge, PurgeBegin, PurgeBegun, PurgeRun, PurgeSlice, PurgeTotals, RetentionRow } from './keeping.ts';
import type { Questions } from './questions.ts';
import type { FormatReference, ServiceProgress } from './service.ts';
import type { Correction, NewVersions, VersionsMade } from './versions.ts';

export type * from './acting.ts';
export type * from './keeping.ts';
export type * from './questions.ts';
export type * from './versions.ts';

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
  nextWork(request: LaneRequest): Promise<LaneWork>;
  /** `dueAt`: what replaces a batch waits as long as that one would have; 0 for at once. */
  plan(plan: NewBatch): Promise<{ readonly batch: number; readonly dueAt: number }>;
  beginSending(request: AttemptKey & LaneFreedom & { readonly run: string; readonly at: number }): Promise<void>;
  answer(answer: NewAnswer): Promise<AnswerEffect>;
  resolve(request: ResolveRequest): Promise<{ readonly messages: number; readonly destination: string }>;
  /** Batches of a destination in doubt that may be decided or asked about now, and when the next one may be. */
  doubts(request: {
    readonly destination: string;
    readonly now: number;
  }): Promise<{ readonly due: readonly Doubt[]; readonly next: number | undefined }>;
  /** The members of a batch that are in doubt, with what is needed to find their control ids. */
  doubtMembers(request: { readonly batch: number }): Promise<PlannedBatch['parts']>;
  /** What the receiver said about the in-doubt members of a batch when it was asked. */
  decideDoubt(verdicts: DoubtVerdicts): Promise<AnswerEffect>;
  /** The receiver was asked and does not know yet, or the deadline has passed: noted with the batch. */
  noteDoubt(note: {
    readonly batch: number;
    /** The attempt that is in doubt: a later one is another doubt. */
    readonly attempt: number;
    readonly askAt?: number;
    /** The receiver was asked. */
    readonly asked?: boolean;
    readonly overdue?: boolean;
    readonly words: string;
    readonly at: number;
  }): Promise<void>;
  /** Why a destination's calls wait, other than by a stop (breaker, maintenance, rate); `undefined` ends that pause. */
  notePause(request: {
    readonly destination: string;
    readonly kind: PauseKind;
    readonly pause: Pause | undefined;
  }): Promise<void>;
  /** How many messages a receiver took at once, where batches are `auto`. */
  batchLimit(request: { readonly destination: string }): Promise<BatchLimit | undefined>;
  /** Numbers of the lanes of a destination in which something waits or is open. */
  lanesInUse(request: { readonly destination: string }): Promise<readonly number[]>;
  noteBatchLimit(request: { readonly destination: string; readonly limit: BatchLimit | undefined }): Promise<void>;
  stopDestination(request: { readonly destination: string; readonly stop: Stop }): Promise<void>;
  resumeDestination(request: {
    readonly destination: string;
    readonly at: number;
    readonly who: string;
    readonly why: string;
  }): Promise<{ readonly wasStopped: boolean }>;

  // Acts of people on messages
  /** Keeps what was decided; `continueAct` does it. */
  recordAct(act: NewAct): Promise<{ readonly act: number }>;
  /** Does the next part of an act, in one transaction; after the last one it is finished. */
  continueAct(request: { readonly act: number; readonly at: number }): Promise<ActProgress>;

  // Versions
  /** New versions of messages of one item, in the place of those that they replace; all or none. */
  newVersions(request: NewVersions): Promise<VersionsMade>;

  // Services
  progress(request: { readonly submission: number; readonly progress: ServiceProgress }): Promise<void>;
  findClaim(request: { readonly claim: string }): Promise<SubmissionRow | undefined>;
  unfinished(request: { readonly service: string }): Promise<readonly SubmissionRow[]>;
  submission(request: { readonly submission: number }): Promise<SubmissionRow | undefined>;
  rejectBlocks(request: { readonly submission: number; readonly after: number }): Promise<readonly RejectBlock[]>;

  // Keeping
  /** How long what is kept, from now on; without rows nothing is ever purged. */
  setRetention(request: { readonly rows: readonly RetentionRow[] }): Promise<void>;
  /** Begins to purge the next submissions that are settled and past their retention by the store's own clock. */
  beginPurge(request: PurgeBegin): Promise<PurgeBegun>;
  openPurges(): Promise<readonly OpenPurge[]>;
  /** Deletes the next rows, some thousand at a time, of what is being purged. */
  purgeSlice(): Promise<PurgeSlice>;
  /** What was emptied is purged; `fileBytes`: of its files, which are gone. */
  endPurge(request: {
    readonly submission: number;
    readonly fileBytes: number;
    readonly at: number;
  }): Promise<PurgeTotals>;
  /** Batches of which everything was purged; some at a time, from the first with `after: 0`. */
  purgeBatches(request: { readonly after: number }): Promise<{ readonly next: number | undefined }>;
  /** Everything that was past its retention is purged: kept as an event. */
  notePurge(run: PurgeRun): Promise<void>;
  /** Gives room that is free in the ledger back to the disk, some at a time; again while some is left. */
  reclaim(): Promise<{ readonly left: number }>;

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
  /** Its bodies are purged, or being purged, since then. */
  readonly bodiesPurgedAt?: number;
  /** So are its ledger rows. */
  readonly purgedAt?: number;
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
  /** 0 where the destination has one lane; 1 to `KEY_LANES` where messages have lanes by a key. */
  readonly lane: number;
  /** Positions in the block, from 0, of the items whose messages stand here, ascending; `undefined`: all of them. */
  readonly items: readonly number[] | undefined;
  /** Indexes of the submission's entries that go there. */
  readonly entries: readonly number[];
  /** Packed and compressed bodies (engine/blocks.ts); empty if no message was made. */
  readonly body: Uint8Array;
  /** Bytes of all messages, unpacked. */
  readonly bytes: number;
  /** Exceptions: position (place in `items` * entries + entry) and state of messages that are not queued; ascending. */
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
  /** Rows that take the place of rows of earlier submissions. */
  readonly corrections?: readonly Correction[];
  /** A list for each searchable field: 16 bytes of digest for each item, zeros where it has no value. */
  readonly search?: readonly Uint8Array[];
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

/** What of the order a lane may leave aside. */
export interface LaneFreedom {
  /** Calls of the same lane may go at the same time and overtake each other (`order: none`). */
  readonly free: boolean;
  /** Later messages do not wait for what is in doubt. */
  readonly passDoubt: boolean;
}

export interface LaneRequest extends LaneFreedom {
  readonly destination: string;
  readonly lane: number;
  readonly maxMessages: number;
  readonly mixSubmissions: boolean;
  /** What follows the call in flight is asked for. */
  readonly ahead: boolean;
  readonly now: number;
  /** Batches that other calls of this process have in hand. */
  readonly inHand: readonly number[];
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
  readonly lane: number;
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
  /**
   * The batch was too large: its members lose it, and so do those of batches that are planned, were never sent, and hold
   * more messages than this new limit, which is noted in the same transaction.
   */
  readonly split?: BatchLimit;
  /** What the receiver calls the request that it answers later. */
  readonly ticket?: string;
  /** The answer as a submission of its own; its body is on disk. */
  readonly submission?: NewSubmission;
}

export interface AnswerEffect {
  readonly batchState: BatchState;
  /** Submissions that have become settled by it. */
  readonly settled: readonly number[];
}

/** A batch with members in doubt. */
export interface Doubt {
  readonly batch: number;
  readonly lane: number;
  readonly attempts: number;
  readonly since: number;
  /** When it may next be decided or asked about, milliseconds since 1970. */
  readonly askAt: number;
  /** How often the receiver was asked. */
  readonly asked: number;
  readonly ticket: string | undefined;
  /** It was told that the deadline has passed. */
  readonly overdue: boolean;
}

export interface DoubtVerdicts {
  readonly batch: number;
  /** The attempt that was asked about: what is said of it says nothing of a later one. */
  readonly attempt: number;
  readonly at: number;
  /** `probe`, or who else found out. */
  readonly who: string;
  /** Outcome of every in-doubt member that is not an exception; `inDoubt` leaves it in doubt. */
  readonly rest: MessageOutcomeState;
  readonly exceptions: NewAnswer['exceptions'];
  readonly code: string;
  readonly words: string;
  readonly answer: Uint8Array | undefined;
  /** When what is still in doubt may be asked about again. */
  readonly askAt: number;
  readonly submission?: NewSubmission;
}

export type PauseKind = 'breaker' | 'maintenance' | 'rate';

export interface Pause {
  readonly since: number;
  /** When it ends or the next trial is made, milliseconds since 1970. */
  readonly until: number;
  readonly code: string;
  readonly reason: string;
  readonly next: string;
}

export interface BatchLimit {
  /** How many messages are sent at once from now on. */
  readonly messages: number;
  /** The most messages that went through at once; 0: none has yet. */
  readonly worked: number;
  /** The fewest that were too many; `undefined`: none known. */
  readonly tooMany: number | undefined;
  /** The most bytes of messages that the receiver says it takes. */
  readonly bytes: number | undefined;
  readonly since: number;
  /** When a larger one is tried again. */
  readonly tryLargerAt: number;
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
  readonly to: 'delivered' | 'rejected' | 'failed' | 'queued' | 'cancelled';
  readonly reason: string;
  readonly who: string;
  readonly at: number;
}

export interface DueWork {
  readonly toRoute: boolean;
  /** Destinations with messages or batches that are not settled, and their lanes. */
  readonly destinations: readonly string[];
  readonly lanes: readonly { readonly destination: string; readonly lane: number }[];
  /** Submissions whose service has not closed them and that are routed, refused, cancelled or settled. */
  readonly services: readonly { readonly submission: number; readonly service: string }[];
}
