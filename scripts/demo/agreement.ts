/** Holds the ledger against the receiver's own log and counts: the demo succeeds only where they say the same. */
import type { LedgerMessage } from './ledger.ts';

/** A line of the twin's log. */
export interface Taken {
  readonly request: number;
  readonly controlId: string;
}

/** What the twin serves at /counts. */
export interface Counts {
  readonly requests: number;
  readonly messages: number;
  readonly duplicates: number;
  readonly refused: number;
}

export interface Evidence {
  /** Rows in the file, counted by another reader than the engine's. */
  readonly rowsInFile: number;
  /** Rows that the ledger accounts for, over all states. */
  readonly rowsInLedger: number;
  readonly messages: readonly LedgerMessage[];
  readonly taken: readonly Taken[];
  readonly counts: Counts;
}

/** Everything in which they differ, a sentence each; empty where they agree. */
export function disagreements({ rowsInFile, rowsInLedger, messages, taken, counts }: Evidence): readonly string[] {
  const found: string[] = [];
  if (rowsInFile !== rowsInLedger)
    found.push(`the file has ${rowsInFile} rows, the ledger accounts for ${rowsInLedger}`);
  const times = new Map<string, number>();
  for (const { controlId } of taken) times.set(controlId, (times.get(controlId) ?? 0) + 1);
  const delivered = messages.filter(({ state }) => state === 'delivered');
  for (const { controlId, line } of delivered) {
    const n = times.get(controlId) ?? 0;
    if (n !== 1) found.push(`line ${line} is delivered as ${controlId}, which the receiver's log has ${n} times`);
    times.delete(controlId);
  }
  for (const controlId of times.keys())
    found.push(`the receiver has ${controlId}, which the ledger does not call delivered`);
  if (counts.messages !== delivered.length) {
    found.push(`the receiver counted ${counts.messages} messages, the ledger ${delivered.length} delivered`);
  }
  if (counts.duplicates !== 0) found.push(`the receiver counted ${counts.duplicates} messages twice`);
  if (delivered.length === 0) found.push('nothing was delivered');
  return found;
}
