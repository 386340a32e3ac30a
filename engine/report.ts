import type { Questions, Store } from './contracts/store.ts';
import { submissionId } from './ids.ts';

type Ask = <K extends keyof Questions>(
  question: K,
  request: Questions[K]['with'],
) => Promise<Questions[K]['gives']> | Questions[K]['gives'];

/** What became of a submission, as data for people: counts by entry and state, times, reasons. No value of any row. */
export async function submissionReport(
  ask: Ask,
  instance: string,
  submission: number,
): Promise<Readonly<Record<string, unknown>>> {
  const row = await ask('submission', { submission });
  if (!row) return {};
  const counters = await ask('counters', { submission });
  const entries = row.entries.map(({ name, destination }) => ({
    entry: name,
    destination,
    counts: Object.fromEntries(
      counters.filter((counter) => counter.entry === name).map(({ state, count }) => [state, count]),
    ),
  }));
  return {
    submission: submissionId(instance, submission),
    service: row.service,
    name: row.name,
    sha256: row.hash,
    bytes: row.bytes,
    state: row.state,
    acceptedAt: time(row.acceptedAt),
    routedAt: time(row.routedAt),
    settledAt: time(row.settledAt),
    items: row.items ?? null,
    rejectedItems: row.rejectedItems,
    refusal: row.refusal ?? null,
    entries,
  };
}

/** The same, asked of the running store. */
export function report(
  store: Pick<Store, 'ask'>,
  instance: string,
  submission: number,
): Promise<Readonly<Record<string, unknown>>> {
  return submissionReport((question, request) => store.ask({ question, with: request }), instance, submission);
}

function time(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}
