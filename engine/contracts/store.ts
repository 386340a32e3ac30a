import type { ActProgress, NewAct } from './acting.ts';
import type {
  AnswerEffect,
  AttemptKey,
  BatchLimit,
  Doubt,
  DoubtVerdicts,
  LaneFreedom,
  LaneRequest,
  LaneWork,
  NewAnswer,
  NewBatch,
  Pause,
  PauseKind,
  PlannedBatch,
  RecoveredBatch,
  ResolveRequest,
  Stop,
} from './deliveries.ts';
import type { Scan } from './format.ts';
import type { OpenPurge, PurgeBegin, PurgeBegun, PurgeRun, PurgeSlice, PurgeTotals, RetentionRow } from './keeping.ts';
import type { Questions } from './questions.ts';
import type { ServiceProgress } from './service.ts';
import type {
  AcceptResult,
  NewBlock,
  NewSubmission,
  NewUpload,
  ReceiptRow,
  Refusal,
  RejectBlock,
  RouteWork,
  SubmissionDecision,
  SubmissionRow,
  UploadResult,
} from './submissions.ts';
import type { NewVersions, VersionsMade } from './versions.ts';

export type * from './acting.ts';
export type * from './deliveries.ts';
export type * from './keeping.ts';
export type * from './questions.ts';
export type * from './submissions.ts';
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

export interface DueWork {
  readonly toRoute: boolean;
  /** Destinations with messages or batches that are not settled, and their lanes. */
  readonly destinations: readonly string[];
  readonly lanes: readonly { readonly destination: string; readonly lane: number }[];
  /** Submissions whose service has not closed them and that are routed, refused, cancelled or settled. */
  readonly services: readonly { readonly submission: number; readonly service: string }[];
}
