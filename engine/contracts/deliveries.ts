/** What is planned, sent, answered and decided, as the store keeps it. */
import type { NewSubmission } from './submissions.ts';

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
