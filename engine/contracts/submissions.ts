/** What is accepted and routed, as the store keeps it. */
import type { MessageState, SubmissionState } from '../states.ts';
import type { Scan } from './format.ts';
import type { FormatReference, ServiceProgress } from './service.ts';
import type { Correction } from './versions.ts';

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
