/** Watches the inputs go through, and says each step when it happens. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { SubmissionSummary } from '../../engine/contracts/store.ts';
import type { Child } from '../start/children.ts';
import { StartError } from '../start/errors.ts';
import type { DemoLedger } from './ledger.ts';

const SETTLED_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 50;

export interface FollowOptions {
  readonly ledger: DemoLedger;
  readonly engine: Child;
  readonly inbox: string;
  /** So many submissions are to come. */
  readonly inputs: number;
  readonly signal: AbortSignal;
  /** Called once for each step, with what happened. */
  readonly step: (what: string) => void;
}

/**
 * Follows the first submissions until every item is settled and the report lies beside the file that was dropped.
 * @throws StartError where one is refused, a destination stops, the engine ends, or it takes over two minutes
 */
export async function follow(options: FollowOptions): Promise<readonly SubmissionSummary[]> {
  const { ledger, engine, inputs, signal, step } = options;
  const until = performance.now() + SETTLED_WITHIN_MS;
  const told = new Set<string>();
  const tell = (what: string) => {
    if (told.has(what)) return;
    told.add(what);
    step(what);
  };
  for (;;) {
    const submissions = ledger.submissions();
    for (const submission of submissions) tellOf(submission, ledger.id(submission.number), tell);
    if (submissions.length === inputs && submissions.every((submission) => isDone(options, submission))) {
      tell('what became of the file lies beside it');
      return submissions;
    }
    const stop = ledger.stop();
    if (stop) throw new StartError(stop);
    if (!engine.running()) throw new StartError(`The engine ended (${await engine.ended}).`);
    if (performance.now() > until) throw new StartError('The rows are not settled after two minutes.');
    await wait(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** @throws StartError where it was refused */
function isDone({ ledger, inbox }: FollowOptions, submission: SubmissionSummary): boolean {
  const { number, name, refusal, settledAt, receipt } = submission;
  if (refusal) throw new StartError(`${name} was refused: ${refusal.reason} (${refusal.code})`);
  const dropped = receipt === undefined;
  const report = join(inbox, 'done', `${ledger.id(number)}-${name}.report.json`);
  return settledAt !== undefined && (!dropped || existsSync(report));
}

function tellOf(submission: SubmissionSummary, id: string, tell: (what: string) => void): void {
  const { name, items, counts, routedAt, settledAt } = submission;
  tell(`${name} accepted as submission ${id}, safe on disk`);
  if (items === undefined || routedAt === undefined) return;
  const sum = (states: readonly string[]) =>
    counts.filter(({ state }) => states.includes(state)).reduce((total, { count }) => total + count, 0);
  const all = counts.reduce((total, { count }) => total + count, 0);
  tell(`${name}: ${items} read, ${all - sum(['invalid', 'filtered'])} messages made`);
  if (settledAt !== undefined) tell(`${name}: ${sum(['delivered'])} messages delivered and acknowledged, all settled`);
}
