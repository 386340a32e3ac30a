/** Holds the ledger against the receivers' own books: the demo succeeds only where they say the same. */
import type { ArchivedDocument } from './archive.ts';
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

/** An input with its items counted by another reader than the engine's, and what the ledger accounts for in each entry. */
export interface Input {
  readonly name: string;
  readonly items: number;
  readonly entries: readonly { readonly destination: string; readonly items: number }[];
}

export interface Evidence {
  readonly inputs: readonly Input[];
  /** Messages for the registry, and what it took. */
  readonly registry: readonly LedgerMessage[];
  readonly taken: readonly Taken[];
  readonly counts: Counts;
  /** Messages for the archive, and what it holds. */
  readonly archive: readonly LedgerMessage[];
  readonly documents: readonly ArchivedDocument[];
}

/** Everything in which they differ, a sentence each; empty where they agree. */
export function disagreements(evidence: Evidence): readonly string[] {
  return [...missingItems(evidence), ...ofRegistry(evidence), ...ofArchive(evidence)];
}

/** Every item has its place in every entry. */
function missingItems({ inputs }: Evidence): string[] {
  return inputs.flatMap(({ name, items, entries }) =>
    entries
      .filter((entry) => entry.items !== items)
      .map((entry) => `${name} has ${items} rows, the ledger accounts for ${entry.items} (${entry.destination})`),
  );
}

function ofRegistry({ registry, taken, counts }: Evidence): string[] {
  const found: string[] = [];
  const times = new Map<string, number>();
  for (const { controlId } of taken) times.set(controlId, (times.get(controlId) ?? 0) + 1);
  const delivered = registry.filter(({ state }) => state === 'delivered');
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

function ofArchive({ archive, documents }: Evidence): string[] {
  const there = new Set(documents.map(({ id }) => id));
  const delivered = archive.filter(({ state }) => state === 'delivered');
  const found = delivered
    .filter(({ controlId }) => !there.delete(controlId))
    .map(({ controlId, line }) => `line ${line} is delivered as document ${controlId}, which MongoDB does not have`);
  for (const id of there) found.push(`MongoDB has ${id}, which the ledger does not call delivered`);
  if (delivered.length === 0) found.push('no document was delivered');
  return found;
}
