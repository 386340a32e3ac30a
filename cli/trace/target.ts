import { basename } from 'node:path';
import { findSubmission, type Reading } from '../ledger.ts';

/** What a person wants to trace: a submission, or one line of it. */
export interface Target {
  readonly submission: number;
  readonly line: number | undefined;
}

/**
 * Reads `7kq2-15`, `7kq2-15:217`, `doses.csv:217` or `doses.csv`; of a file name the latest submission counts.
 * @throws WaybillError `SUBMISSION_UNKNOWN`.
 */
export function findTarget(open: Reading, text: string): Target {
  const [, left = text, digits] = /^(.*):(\d{1,15})$/s.exec(text) ?? [];
  return { submission: findSubmission(open, basename(left)), line: digits === undefined ? undefined : Number(digits) };
}
