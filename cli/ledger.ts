import { WaybillError } from '../engine/errors.ts';
import { parseBatchId, parseSubmissionId } from '../engine/ids.ts';
import { type Ledger, openLedger } from '../store/sqlite/reader.ts';
import { ledgerPath } from './folders.ts';

/** An open ledger with what every question about it needs. */
export interface Reading {
  readonly ledger: Ledger;
  readonly instance: string;
  readonly dataFolder: string;
}

/** Opens the ledger for questions, hands it over, closes it. @throws StoreError `STORE_MISSING`, `STORE_NEWER`. */
export async function reading<T>(dataFolder: string, work: (reading: Reading) => Promise<T> | T): Promise<T> {
  const ledger = openLedger(ledgerPath(dataFolder));
  try {
    return await work({ ledger, dataFolder, instance: ledger.ask('facts', {}).instance });
  } finally {
    ledger.close();
  }
}

/**
 * The submission that a person means: an id, or the name of a file, of which the latest counts.
 * @throws WaybillError `SUBMISSION_UNKNOWN`.
 */
export function findSubmission({ ledger, instance }: Reading, text: string): number {
  const number = parseSubmissionId(instance, text);
  if (number !== undefined && ledger.ask('submission', { submission: number })) return number;
  const [latest] = ledger.ask('submissions', { limit: 1, name: text });
  if (latest) return latest.number;
  throw new WaybillError(
    'SUBMISSION_UNKNOWN',
    `The ledger has no submission and no file ${JSON.stringify(text)}: its ids look like ${instance}-15; waybill submissions lists them with their files.`,
  );
}

/** The batch that a person means. @throws WaybillError `BATCH_UNKNOWN`. */
export function findBatch({ ledger, instance }: Reading, text: string): number {
  const number = parseBatchId(instance, text);
  if (number !== undefined && ledger.ask('batch', { batch: number })) return number;
  throw new WaybillError(
    'BATCH_UNKNOWN',
    `The ledger has no batch ${JSON.stringify(text)}: its ids look like ${instance}-B3; waybill status shows those that are in doubt.`,
  );
}
