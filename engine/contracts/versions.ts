import type { MessageState } from '../states.ts';

/**
 * Versions: a message is never changed. What stands in its place is a new version of it, or the message of a corrected row
 * of a later file; the old one becomes *replaced*, keeps its body, and is linked to what came after it.
 */

/** Why something newer stands in the ledger. */
export type SuccessionKind =
  /** A person gave columns of the row other values. */
  | 'rowEdited'
  /** A person gave the whole message. */
  | 'messageEdited'
  /** The same bytes again, on purpose. */
  | 'sentAgain'
  /** The row came back in a later file, with its `waybill_id`. */
  | 'corrected';

/** New versions of messages of one item, made together or not at all. */
export interface NewVersions {
  readonly submission: number;
  readonly item: number;
  readonly kind: Exclude<SuccessionKind, 'corrected'>;
  readonly at: number;
  readonly who: string;
  readonly reason: string;
  /** What was changed: names of columns or paths, never a value. */
  readonly changed: readonly string[];
  /** The row as it stands after the edit, packed (engine/versions.ts); `undefined` where no row was edited. */
  readonly row: Uint8Array | undefined;
  /** Digests of the searchable fields of the edited row, 16 bytes each. */
  readonly search: readonly Uint8Array[];
  readonly versions: readonly NewVersion[];
}

/** One new version. */
export interface NewVersion {
  /** Number of the message that it replaces: the current version, in this state. */
  readonly replaces: number;
  readonly from: MessageState;
  /** `filtered`: the edited row is left out in this entry; `body` is empty then. */
  readonly state: 'queued' | 'filtered';
  /** Packed like a body block of one message (engine/blocks.ts). */
  readonly body: Uint8Array;
  /** Bytes of the message, unpacked. */
  readonly bytes: number;
  /** Lane of the new version, where its key was edited; absent: that of the old one. */
  readonly lane?: number;
}

export interface VersionsMade {
  readonly versions: readonly {
    readonly message: number;
    readonly replaces: number;
    readonly version: number;
    readonly destination: string;
  }[];
}

/** A row of a block that takes the place of a row of an earlier submission. */
export interface Correction {
  /** Position of the item in the block, from 0. */
  readonly position: number;
  /** The row that it replaces. */
  readonly submission: number;
  readonly item: number;
}

/** What the ledger says to a `waybill_id` that came back with a row. */
export type CorrectionVerdict =
  /** The row takes the place of this one, but for the entries in which that one stands. */
  | {
      readonly kind: 'replaces';
      readonly submission: number;
      readonly item: number;
      /** Names of the entries in which the earlier row was not rejected: the corrected one is left out there. */
      readonly stands: readonly string[];
    }
  /** No item of this ledger that the same service got from the same partner. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'notRejected' }
  /** It was rejected, and is past its retention: why is not kept any more. */
  | { readonly kind: 'purged' }
  /** A correction of it has come already. */
  | { readonly kind: 'replaced'; readonly submission: number; readonly item: number }
  /** An earlier row of the same file corrects it. */
  | { readonly kind: 'repeated' };

/** Something that stands in the place of a message. */
export interface Succession {
  /** Number of the message that was replaced. */
  readonly message: number;
  readonly kind: SuccessionKind;
  /** The version that replaced it; `undefined`: the item named here did, which is of another submission. */
  readonly next: number | undefined;
  readonly submission: number;
  readonly item: number;
  readonly at: number;
  readonly who: string;
  readonly reason: string;
  readonly changed: readonly string[];
}

/** How an item is linked to what came before it and after it. */
export interface ItemLinks {
  /** What stands in the place of its messages, by the message's number. */
  readonly successors: readonly Succession[];
  /** The rows of earlier submissions that it corrects. */
  readonly corrects: readonly { readonly submission: number; readonly item: number }[];
  /** The row after its last edit, packed (engine/versions.ts). */
  readonly row: Uint8Array | undefined;
}

/** Codes of rows whose place another one has, or may have: corrected or edited under its own id, such a row would be sent beside that one. */
export const STANDS_ELSEWHERE: readonly string[] = Object.freeze([
  'WAYBILL_ID_NOT_REJECTED',
  'WAYBILL_ID_PURGED',
  'WAYBILL_ID_REPLACED',
  'WAYBILL_ID_REPEATED',
]);
