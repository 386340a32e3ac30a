/**
 * Rows that come back corrected, with the `waybill_id` of the row that was rejected: what the ledger says to the ids is asked
 * before a block is made, and held again by the commit that brings the rows.
 */
import type { Fault, Item } from './contracts/item.ts';
import type { CorrectionVerdict } from './contracts/versions.ts';
import { defineErrors } from './errors.ts';
import { itemId, parseItemId } from './ids.ts';
import { OWN_COLUMNS } from './rejected-csv.ts';

export const CORRECTION_ERRORS = defineErrors({
  WAYBILL_ID_UNKNOWN: {
    means: 'The waybill_id of a row names no row that came by the same service from the same partner.',
    cure: 'Take the id as rejected.csv has it; for a new row leave the cell empty.',
  },
  WAYBILL_ID_NOT_REJECTED: {
    means:
      'The waybill_id names a row with nothing to correct: it was taken, or it was refused for its own waybill_id.',
    cure: 'Take the row out of the file; waybill edit changes a row that was taken.',
  },
  WAYBILL_ID_PURGED: {
    means: 'The waybill_id names a rejected row that is past its retention: what is needed to correct it is not kept.',
    cure: 'Send the row as a new one, without its waybill_id; keep rejected rows as long as corrections come.',
  },
  WAYBILL_ID_REPLACED: {
    means: 'A correction of the row was taken before.',
    cure: 'Take the row out of the file; the later row that the reason names stands in its place.',
  },
  WAYBILL_ID_REPEATED: {
    means: 'An earlier row of the file has the same waybill_id, or one that means the same row.',
    cure: 'Leave the row that is right; for a new row leave the cell empty.',
  },
});

/** What the ledger says of the items that came with an id. */
export type Corrections = ReadonlyMap<Item, CorrectionVerdict>;

/** Asks the ledger about ids of items; verdicts in the same order. */
export type AskCorrections = (
  ids: readonly { readonly submission: number; readonly item: number }[],
) => Promise<readonly CorrectionVerdict[]>;

/** Finds out for the items of one submission, block by block, which of them correct earlier ones. */
export class CorrectionDesk {
  readonly #instance: string;
  readonly #ask: AskCorrections;
  /** What rows of this submission correct already; those of earlier runs are in the ledger. */
  readonly #taken = new Set<string>();

  constructor(instance: string, ask: AskCorrections) {
    this.#instance = instance;
    this.#ask = ask;
  }

  /** `undefined` where no item came with an id: nothing is asked then. */
  async look(items: readonly Item[]): Promise<Corrections | undefined> {
    const named = items.filter(({ corrects }) => corrects !== undefined);
    if (named.length === 0) return undefined;
    const ids = named.map(({ corrects = '' }) => parseItemId(this.#instance, corrects));
    const verdicts = await this.#ask(ids.flatMap((id) => (id ? [{ submission: id.submission, item: id.item }] : [])));
    let asked = 0;
    return new Map(
      named.map((item, index) => {
        if (!ids[index]) return [item, { kind: 'unknown' }];
        asked += 1;
        return [item, this.#once(verdicts[asked - 1] ?? { kind: 'unknown' })];
      }),
    );
  }

  #once(verdict: CorrectionVerdict): CorrectionVerdict {
    if (verdict.kind !== 'replaces') return verdict;
    const key = `${verdict.submission} ${verdict.item}`;
    if (this.#taken.has(key)) return { kind: 'repeated' };
    this.#taken.add(key);
    return verdict;
  }
}

/** What is wrong with an item whose id says nothing good; `undefined` where it takes a row's place. */
export function verdictFault(verdict: CorrectionVerdict, instance: string, line: number): Fault | undefined {
  const [column] = OWN_COLUMNS;
  switch (verdict.kind) {
    case 'replaces':
      return undefined;
    case 'unknown': {
      const reason = `${column} names no row that came by this service from this sender`;
      return { code: 'WAYBILL_ID_UNKNOWN', column, line, reason };
    }
    case 'notRejected':
      return {
        code: 'WAYBILL_ID_NOT_REJECTED',
        column,
        line,
        reason: `${column} names a row that was taken, or that was refused for its own ${column}`,
      };
    case 'purged': {
      const reason = `${column} names a row that is past its retention`;
      return { code: 'WAYBILL_ID_PURGED', column, line, reason };
    }
    case 'repeated': {
      const reason = `an earlier row of the file has this ${column}`;
      return { code: 'WAYBILL_ID_REPEATED', column, line, reason };
    }
    case 'replaced': {
      const by = itemId(instance, verdict.submission, verdict.item);
      const reason = `the row was corrected before: ${by} stands in its place`;
      return { code: 'WAYBILL_ID_REPLACED', column, line, reason };
    }
  }
}
