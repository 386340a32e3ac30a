/** What the demo asks of the ledger, on a read-only connection beside the running engine. */
import { unpackMessages, unpackRejects } from '../../engine/blocks.ts';
import type { RejectBlock, SubmissionSummary } from '../../engine/contracts/store.ts';
import { submissionId } from '../../engine/ids.ts';
import type { MessageState } from '../../engine/states.ts';
import { openLedger } from '../../store/sqlite/client.ts';
import type { Ledger } from '../../store/sqlite/reader.ts';

/** One fault of one row, as people read it; faults of several columns with the same reason are one. */
export interface BadRow {
  readonly line: number;
  readonly columns: readonly string[];
  readonly code: string;
  readonly reason: string;
}

/** A message as the ledger knows it, with the control id (MSH-10) that the receiver gets to see. */
export interface LedgerMessage {
  readonly controlId: string;
  readonly state: MessageState;
  readonly line: number;
  readonly destination: string;
}

export class DemoLedger {
  readonly #ledger: Ledger;
  readonly instance: string;

  /** @param path of the ledger's file @throws StoreError where it cannot be read */
  constructor(path: string) {
    this.#ledger = openLedger(path);
    this.instance = this.#ledger.ask('facts', {}).instance;
  }

  /** All submissions, in the order in which they came. */
  submissions(): readonly SubmissionSummary[] {
    return this.#ledger.ask('submissions', { limit: 100 }).toReversed();
  }

  id(submission: number): string {
    return submissionId(this.instance, submission);
  }

  /** Why a destination is stopped, where one is. */
  stop(): string | undefined {
    const stopped = this.#ledger.ask('status', {}).destinations.find(({ stop }) => stop !== undefined);
    return stopped?.stop && `${stopped.name} is stopped: ${stopped.stop.reason} (${stopped.stop.code})`;
  }

  badRows(submission: number): readonly BadRow[] {
    return this.#rejects(submission)
      .flatMap(({ rejects }) => unpackRejects(rejects))
      .flatMap(({ faults }) =>
        Object.values(Object.groupBy(faults, ({ line, code, reason }) => `${line} ${code} ${reason}`)),
      )
      .flatMap((same) => {
        const [first] = same ?? [];
        if (!first || !same) return [];
        const columns = same.flatMap(({ column }) => (column === undefined ? [] : [column]));
        return [{ line: first.line, columns, code: first.code, reason: first.reason }];
      });
  }

  /** Every message of a submission, found by the physical lines of its file. */
  messages(submission: number, lines: number): readonly LedgerMessage[] {
    const found = new Map<number, LedgerMessage>();
    const blocks = new Map<number, ReturnType<typeof unpackMessages>>();
    for (let line = 1; line <= lines; line++) {
      const item = this.#ledger.ask('locate', { submission, line });
      for (const { message, bodyBlock, position, state, destination } of item?.messages ?? []) {
        const packed = blocks.get(bodyBlock) ?? this.#open(bodyBlock);
        if (packed) blocks.set(bodyBlock, packed);
        found.set(message, { controlId: packed?.controlId(position) ?? '', state, line, destination });
      }
    }
    return [...found.values()];
  }

  close(): void {
    this.#ledger.close();
  }

  /** Asked for in pages, each a few blocks. */
  #rejects(submission: number): readonly RejectBlock[] {
    const all: RejectBlock[] = [];
    for (;;) {
      const page = this.#ledger.ask('rejects', { submission, after: all.at(-1)?.block ?? -1 });
      if (page.length === 0) return all;
      all.push(...page);
    }
  }

  #open(bodyBlock: number): ReturnType<typeof unpackMessages> | undefined {
    const block = this.#ledger.ask('bodyBlock', { bodyBlock });
    return block && unpackMessages(block.body);
  }
}
