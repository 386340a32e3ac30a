import type { MessageState } from '../states.ts';

/** What a person may do with messages that are in the ledger. */
export type ActVerb = 'resend' | 'suspend' | 'release' | 'cancel' | 'resolve';

/** The state that an act gives messages. */
export type ActGoal = 'queued' | 'suspended' | 'cancelled' | 'delivered' | 'rejected';

/** Which messages are meant: every key that is there must hold; within a list, one of it. */
export interface MessageFilter {
  readonly destinations?: readonly string[];
  readonly states?: readonly MessageState[];
  /** Codes of what was last said of a message, by the receiver or by us. */
  readonly codes?: readonly string[];
  /** Names of entries. */
  readonly entries?: readonly string[];
  readonly submissions?: readonly number[];
  /** Members of this batch. */
  readonly batch?: number;
  /** Only messages of these items; with `entry`, of that entry (its index in the submission). */
  readonly items?: readonly { readonly submission: number; readonly item: number; readonly entry?: number }[];
  /** Time of what was last said of a message, else of its routing; milliseconds since 1970, from and before. */
  readonly since?: number;
  readonly until?: number;
}

/** Where a selection goes on: at this submission, behind this body block. */
export interface SelectionCursor {
  readonly submission: number;
  readonly bodyBlock: number;
}

/** A message that fits a filter. Nothing of its content. */
export interface SelectedMessage {
  readonly message: number;
  readonly submission: number;
  readonly item: number;
  /** Index of its entry in the submission, and its name. */
  readonly entry: number;
  readonly entryName: string;
  readonly destination: string;
  readonly version: number;
  readonly state: MessageState;
  /** The batch that it is in. */
  readonly batch: number | undefined;
  /** What was last said of it; empty where nothing was. */
  readonly code: string;
  /** When that was said, else when it was routed; milliseconds since 1970. */
  readonly at: number;
  /** It can be sent: its bytes are there, and its submission was neither refused nor cancelled. */
  readonly kept: boolean;
}

export interface SelectionPage {
  readonly messages: readonly SelectedMessage[];
  /** `undefined` after the last page. */
  readonly next: SelectionCursor | undefined;
}

/** Messages that were all in the same state when the act was decided. */
export interface ActGroup {
  readonly state: MessageState;
  /** They must still be in this batch; `undefined`: they may have changed batches meanwhile. */
  readonly batch: number | undefined;
  /** They are all members of their batch, and all in doubt: it may be sent again as itself. */
  readonly whole: boolean;
  /** First and last message of each run of numbers, one pair after the other, ascending. */
  readonly ranges: readonly number[];
  readonly count: number;
}

/** What of an act is done in one transaction. */
export interface ActPart {
  readonly groups: readonly ActGroup[];
  readonly count: number;
}

export interface NewAct {
  readonly verb: ActVerb;
  readonly goal: ActGoal;
  /** Name of the event that each submission gets. */
  readonly event: string;
  /** The filter in words; never a value of a row. */
  readonly filter: string;
  readonly who: string;
  readonly reason: string;
  readonly at: number;
  /** All messages of its parts. */
  readonly count: number;
  readonly parts: readonly ActPart[];
}

/** An act as the ledger knows it. */
export interface ActRow extends Omit<NewAct, 'parts'> {
  readonly act: number;
  readonly state: 'running' | 'done';
  /** Messages that were changed so far. */
  readonly done: number;
  /** Messages that were no longer as they had been when the act was decided, and were left as they are. */
  readonly skipped: number;
  readonly endedAt: number | undefined;
  /** Destinations of its messages. */
  readonly destinations: readonly string[];
  /** Submissions of its messages, with the number that was changed of each; the first hundred. */
  readonly submissions: readonly { readonly submission: number; readonly done: number }[];
}

/** What a slice of an act did. */
export interface ActProgress {
  readonly finished: boolean;
  readonly changed: number;
}
