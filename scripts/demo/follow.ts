/** Watches one file go through, and says each step when it happens. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { SubmissionSummary } from '../../engine/contracts/store.ts';
import type { Child } from '../start/children.ts';
import { StartError } from '../start/errors.ts';
import type { DemoLedger } from './ledger.ts';

const SETTLED_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 50;

export interface Followed {
  readonly submission: SubmissionSummary;
  /** Folder where the sender finds what became of the file. */
  readonly done: string;
}

export interface FollowOptions {
  readonly ledger: DemoLedger;
  readonly engine: Child;
  readonly inbox: string;
  readonly signal: AbortSignal;
  /** Called once for each step, with what happened. */
  readonly step: (what: string) => void;
}

/**
 * Follows the first submission until every row is settled and its report lies beside the file.
 * @throws StartError where it is refused, its destination stops, the engine ends, or it takes over two minutes
 */
export async function follow(options: FollowOptions): Promise<Followed> {
  const { ledger, engine, inbox, signal, step } = options;
  const until = performance.now() + SETTLED_WITHIN_MS;
  const told = new Set<string>();
  const tell = (what: string) => {
    if (told.has(what)) return;
    told.add(what);
    step(what);
  };
  for (;;) {
    const submission = ledger.latest();
    if (submission) tellOf(submission, ledger.id(submission.number), tell);
    if (submission?.refusal)
      throw new StartError(`The file was refused: ${submission.refusal.reason} (${submission.refusal.code})`);
    if (submission?.settledAt !== undefined) {
      const report = join(inbox, 'done', `${ledger.id(submission.number)}-${submission.name}.report.json`);
      if (existsSync(report)) {
        tell('what became of it lies beside the file');
        return { submission, done: join(inbox, 'done') };
      }
    }
    const stop = ledger.stop();
    if (stop) throw new StartError(stop);
    if (!engine.running()) throw new StartError(`The engine ended (${await engine.ended}).`);
    if (performance.now() > until) throw new StartError('The rows are not settled after two minutes.');
    await wait(LOOK_EVERY_MS, undefined, { signal });
  }
}

function tellOf(submission: SubmissionSummary, id: string, tell: (what: string) => void): void {
  const { items, counts, routedAt, settledAt } = submission;
  tell(`accepted as submission ${id}, safe on disk`);
  if (items === undefined || routedAt === undefined) return;
  const sum = (states: readonly string[]) =>
    counts.filter(({ state }) => states.includes(state)).reduce((total, { count }) => total + count, 0);
  tell(`${items} rows read, ${items - sum(['invalid', 'filtered'])} messages made`);
  if (settledAt !== undefined) tell(`${sum(['delivered'])} messages delivered and acknowledged, every row settled`);
}
