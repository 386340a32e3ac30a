/** The trace of a row in a few lines; `waybill trace` shows all of it. */
import { table } from './text.ts';

/** What the demo reads of `waybill trace --json`. */
export interface Trace {
  readonly file: string;
  readonly line: number;
  readonly item: string;
  readonly submission: string;
  readonly acceptedAt: string;
  readonly entries: readonly {
    readonly message: string;
    readonly destination: string;
    readonly state: string;
    readonly transform: string;
    readonly lineage: readonly { readonly target: string; readonly sources: readonly string[] }[];
    readonly batches: readonly {
      readonly batch: string;
      readonly attempts: readonly {
        readonly attempt: number;
        readonly words: string;
        readonly status: number | null;
      }[];
    }[];
  }[];
}

/** Fields of the message that are shown with where they came from. */
const LINEAGE_LINES = 6;

/** What is best known of a message; of a document, everything. */
function isOfPatient(target: string): boolean {
  return target.startsWith('PID') || !/^[A-Z][A-Z0-9]{2}-/.test(target);
}

/** Where the row came from, what it became, how it was sent, and where its first fields came from. */
export function traceLines(trace: Trace): readonly string[] {
  const lines: (readonly string[])[] = [
    ['row', `line ${trace.line} of ${trace.file}, accepted ${trace.acceptedAt} in ${trace.submission}`],
  ];
  for (const { message, destination, state, transform, batches, lineage } of trace.entries) {
    lines.push(['message', `${message}, made by ${transform} for ${destination}: ${state}`]);
    for (const { batch, attempts } of batches) {
      for (const { attempt, words, status } of attempts) {
        lines.push([
          'sent',
          `in batch ${batch}, attempt ${attempt}: ${words}${status === null ? '' : ` (HTTP ${status})`}`,
        ]);
      }
    }
    const fromRow = lineage.filter(({ target, sources }) => isOfPatient(target) && !sources.includes('constant'));
    for (const { target, sources } of fromRow.slice(0, LINEAGE_LINES)) lines.push([target, `<- ${sources.join(', ')}`]);
    const more = lineage.length - Math.min(fromRow.length, LINEAGE_LINES);
    if (more > 0) lines.push(['...', `and ${more} more fields`]);
  }
  return table(lines);
}
