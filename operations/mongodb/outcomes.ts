/** What became of each message of a delivery, and the counts that are kept as the answer. */
import type { Answer, MessageOutcome } from '../../engine/contracts/operation.ts';

/** Sums over the commands of one delivery; ids as the server knows them. */
export interface Tally {
  inserted?: number;
  insertedIds?: unknown[];
  matched?: number;
  modified?: number;
  upserted?: number;
  upsertedIds?: unknown[];
  deleted?: number;
  found?: number;
}

export class Outcomes {
  readonly tally: Tally = {};
  readonly messages: number;
  readonly #known = new Map<number, MessageOutcome>();

  constructor(messages: number) {
    this.messages = messages;
  }

  /** True while nothing is known of any message. */
  get none(): boolean {
    return this.#known.size === 0;
  }

  knows(index: number): boolean {
    return this.#known.has(index);
  }

  add(index: number, outcome: MessageOutcome['outcome'], code: string, words: string): void {
    this.#known.set(index, { index, outcome, code, words });
  }

  /** All outcomes; what nothing is known of was not sent and stays queued. */
  all(): readonly MessageOutcome[] {
    const words = 'A message before this one was not taken; this one was not sent yet.';
    return Array.from(
      { length: this.messages },
      (_, index) => this.#known.get(index) ?? { index, outcome: 'queued', code: 'MONGODB_BEHIND', words },
    );
  }

  /** The answer with the counts, or with what was read, as its raw bytes. */
  answer(raw: Uint8Array): Answer {
    return { kind: 'outcomes', outcomes: this.all(), raw };
  }
}
