import { basename } from 'node:path';
import type { LocatedItem } from '../../engine/contracts/store.ts';
import { parseItemId, submissionId } from '../../engine/ids.ts';
import { findSubmission, type Reading } from '../ledger.ts';

/** What a person wants to trace: a submission, one line of it, or one item of it. */
export interface Target {
  readonly submission: number;
  readonly line?: number;
  readonly item?: number;
  /** Of a message's id: the index of its entry, and its version, where it names them. */
  readonly entry?: number;
  readonly version?: number;
}

/**
 * Reads `7kq2-15`, `7kq2-15:217`, `doses.csv:217` or `doses.csv` (of a file name the latest submission counts), and
 * `7kq2-15-217`, `7kq2-15-217-2` or `7kq2-15-217v2`: an item as `rejected.csv` names it, or a message as its receiver does.
 * @throws WaybillError `SUBMISSION_UNKNOWN`.
 */
export function findTarget(open: Reading, text: string): Target {
  const named = parseItemId(open.instance, text);
  if (named) {
    const { submission, item, entry, version } = named;
    return {
      submission: findSubmission(open, submissionId(open.instance, submission)),
      item,
      ...(entry === undefined ? {} : { entry }),
      ...(version === undefined ? {} : { version }),
    };
  }
  const [, left = text, digits] = /^(.*):(\d{1,15})$/s.exec(text) ?? [];
  return {
    submission: findSubmission(open, basename(left)),
    ...(digits === undefined ? {} : { line: Number(digits) }),
  };
}

/** Looks the item up in the ledger; `undefined` where there is none. */
export function locateTarget({ ledger }: Reading, { submission, line, item }: Target): LocatedItem | undefined {
  if (line !== undefined) return ledger.ask('locate', { submission, line });
  return item === undefined ? undefined : ledger.ask('locateItem', { submission, item });
}
