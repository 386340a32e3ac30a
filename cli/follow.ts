import { setTimeout as wait } from 'node:timers/promises';
import type { SubmissionRow } from '../engine/contracts/store.ts';
import { submissionId } from '../engine/ids.ts';
import type { Invocation } from './command.ts';
import { engineFacts } from './control.ts';
import type { Reading } from './ledger.ts';
import { counted, stateCounts, visible } from './output.ts';
import { destinationLines, situationOf } from './situation.ts';

const LOOK_EVERY = 200;
/** Between lines where nobody watches a terminal, milliseconds. */
const LINE_EVERY = 1000;
/** How long the engine may be away before waiting ends, milliseconds. */
const AWAY_FOR = 5000;

/**
 * Watches a submission until it is settled or refused, with its progress on standard error. Gives `undefined` where the
 * engine went away meanwhile: the submission is safe and goes on with the next engine.
 */
export async function follow(
  invocation: Invocation,
  open: Reading,
  submission: number,
): Promise<SubmissionRow | undefined> {
  const progress = new Progress(invocation);
  let lastSeen = Date.now();
  for (;;) {
    const row = open.ledger.ask('submission', { submission });
    if (row && isOver(row)) {
      progress.end();
      return row;
    }
    if (row) progress.show(progressLine(open, row));
    await wait(LOOK_EVERY);
    if ((await engineFacts(open.dataFolder)).running) lastSeen = Date.now();
    else if (Date.now() - lastSeen > AWAY_FOR) {
      progress.end();
      return undefined;
    }
  }
}

function isOver({ state, settledAt }: SubmissionRow): boolean {
  return state === 'refused' || state === 'cancelled' || (state === 'routed' && settledAt !== undefined);
}

function progressLine({ ledger, instance }: Reading, row: SubmissionRow): string {
  const { number, state, items, itemsRouted } = row;
  const totals: Record<string, number> = {};
  for (const { state: at, count } of ledger.ask('counters', { submission: number }))
    totals[at] = (totals[at] ?? 0) + count;
  const routed = items === undefined ? state : `${itemsRouted} of ${counted(items, 'item')} routed`;
  return `${submissionId(instance, number)}: ${routed}; ${stateCounts(totals)}${obstacles(ledger, instance, row)}`;
}

/** What keeps the submission from going on by itself, if anything does. */
function obstacles(ledger: Reading['ledger'], instance: string, { entries }: SubmissionRow): string {
  const mine = new Set(entries.map(({ destination }) => destination));
  const stuck = ledger
    .ask('status', {})
    .destinations.filter((each) => mine.has(each.name) && ['stopped', 'held', 'retrying'].includes(situationOf(each)));
  return stuck.map((each) => `; ${destinationLines(each, instance, true, Date.now())[0]}`).join('');
}

/** One line that is written over on a terminal; elsewhere a line at most every second, and only where it changed. */
class Progress {
  readonly #invocation: Invocation;
  #last = '';
  #at = 0;

  constructor(invocation: Invocation) {
    this.#invocation = invocation;
  }

  show(text: string): void {
    const line = visible(text);
    if (line === this.#last) return;
    if (process.stderr.isTTY) process.stderr.write(`\r${line.slice(0, process.stderr.columns - 1)}\u001b[K`);
    else if (Date.now() - this.#at < LINE_EVERY) return;
    else this.#invocation.tell(line);
    this.#last = line;
    this.#at = Date.now();
  }

  end(): void {
    if (process.stderr.isTTY && this.#last !== '') process.stderr.write('\r\u001b[K');
  }
}
