import type { Format } from './contracts/format.ts';
import type { Operation } from './contracts/operation.ts';
import type { Destination } from './contracts/production.ts';
import type { Clock } from './contracts/runtime.ts';
import type { NewSubmission, Store } from './contracts/store.ts';

/** What all that sends to one destination has in common. */
export interface SendingContext {
  readonly name: string;
  readonly destination: Destination;
  readonly timeZone: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly instance: string;
  /** Id of this run of the engine: attempts carry it. */
  readonly run: string;
  readonly format: Format | undefined;
  /** What reads acknowledgements: the same, or the operation's own where the batch has none. */
  readonly answers: Format | undefined;
  readonly random: () => number;
  /** Opens the operation; called again after a resume, since secrets may have changed. */
  readonly open: () => Promise<Operation>;
  /** Signals the destination to other processes too, when something is due. */
  readonly dueAt: (at: number) => void;
  readonly settled: (submissions: readonly number[]) => void;
  /** Keeps an answer's body on disk, where answers become submissions. */
  readonly keepAnswer: ((batch: number, body: Uint8Array) => Promise<NewSubmission>) | undefined;
  /** The answer is in the ledger as a submission. */
  readonly answerAccepted: (submission: number) => void;
}
