/**
 * The states of submissions and messages, written once: types, the store's checks, docs and metrics derive from here.
 */

export interface StateEntry {
  readonly settled: boolean;
  readonly next: readonly string[];
  readonly means: string;
}

export const SUBMISSION_STATES = {
  accepted: { settled: false, next: ['scanned', 'refused', 'quarantined'], means: 'safe on disk, not looked at yet' },
  scanned: {
    settled: false,
    next: ['routing', 'cancelled'],
    means: 'framing and header are sound to the end; the items are counted',
  },
  routing: {
    settled: false,
    next: ['routed', 'refused', 'cancelled'],
    means: 'items are read, validated and transformed',
  },
  routed: { settled: false, next: [], means: 'every item has its ledger rows' },
  refused: { settled: true, next: [], means: 'cannot be taken as a whole; the reason is kept, nothing of it is sent' },
  cancelled: { settled: true, next: [], means: 'given up by a person' },
  quarantined: {
    settled: false,
    next: ['scanned', 'cancelled'],
    means: 'kept, nothing sent: the counts in its envelope do not hold',
  },
} as const satisfies Record<string, StateEntry>;

export type SubmissionState = keyof typeof SUBMISSION_STATES;

export const MESSAGE_STATES = {
  queued: {
    settled: false,
    next: ['sending', 'suspended', 'cancelled', 'replaced'],
    means: 'waits for its turn, the gate, or its next try',
  },
  sending: {
    settled: false,
    next: ['delivered', 'rejected', 'failed', 'queued', 'inDoubt'],
    means: 'a call is in flight',
  },
  inDoubt: {
    settled: false,
    next: ['delivered', 'rejected', 'failed', 'queued', 'cancelled'],
    means: 'it may have arrived; nobody knows yet',
  },
  suspended: { settled: false, next: ['queued', 'cancelled', 'replaced'], means: 'held back by a person' },
  delivered: { settled: true, next: ['replaced'], means: 'the receiver said that it took it' },
  rejected: { settled: true, next: ['queued', 'replaced'], means: 'the receiver refused it, with its words' },
  failed: { settled: true, next: ['queued', 'replaced'], means: 'it can never be sent as it is' },
  invalid: { settled: true, next: ['replaced'], means: 'the row breaks a rule of its record map or of a transform' },
  filtered: { settled: true, next: [], means: 'left out on purpose, by a rule of the route' },
  cancelled: { settled: true, next: [], means: 'given up by a person or by a rule' },
  replaced: { settled: true, next: [], means: 'a newer version stands in the ledger' },
} as const satisfies Record<string, StateEntry>;

export type MessageState = keyof typeof MESSAGE_STATES;
