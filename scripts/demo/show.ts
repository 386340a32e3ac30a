/** What the demo prints when everything is settled. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { SubmissionSummary } from '../../engine/contracts/store.ts';
import { WAYBILL } from '../start/children.ts';
import { StartError } from '../start/errors.ts';
import { shown } from '../start/shown.ts';
import type { Evidence } from './agreement.ts';
import type { DemoFolder } from './folder.ts';
import type { DemoLedger } from './ledger.ts';
import { PARTNER, type Receipt } from './partner.ts';
import { heading, say, table } from './text.ts';
import { type Trace, traceLines } from './trace.ts';

const LAST_LINES = 30;

/** Counts by input, destination and state; then each bad row with line, column and reason. */
export function showRows(folder: DemoFolder, submissions: readonly SubmissionSummary[], ledger: DemoLedger): void {
  const states = [...new Set(submissions.flatMap(({ counts }) => counts.map(({ state }) => state)))];
  heading('What became of everything that came in');
  const body = submissions.flatMap(({ name, counts }) =>
    [...new Set(counts.map(({ destination }) => destination))].map((destination) => [
      name,
      destination,
      ...states.map(
        (state) => counts.find((row) => row.destination === destination && row.state === state)?.count ?? 0,
      ),
    ]),
  );
  for (const line of table([['input', 'destination', ...states], ...body])) say(line);

  heading('The rows that were not taken');
  const faults = submissions.flatMap(({ number, name }) =>
    ledger
      .badRows(number)
      .map(({ line, columns, code, reason }) => [name, line, columns.join(', ') || '(the row)', code, reason]),
  );
  for (const line of table([['file', 'line', 'column', 'code', 'reason'], ...faults])) say(line);
  say();
  say(`  They are back for who dropped them: ${shown(folder.inbox)}/done/*.rejected.csv`);
}

/** The upload as its partner sees it. */
export function showReceipt({ id, submissions }: Receipt): void {
  heading(`What ${PARTNER} sees of its upload: GET /receipts/${id}`);
  const parts = submissions.map(({ part, name, state, rejectedItems, links }) => [
    part,
    name,
    state,
    rejectedItems,
    links?.rejected ?? '',
  ]);
  for (const line of table([['part', 'file', 'state', 'rejected', 'as a file'], ...parts])) say(line);
}

/** Both receivers' own books. */
export function showReceivers(folder: DemoFolder, { taken, counts, documents }: Evidence): void {
  heading('What the registry counted');
  const batches = Object.entries(Object.groupBy(taken, ({ request }) => request));
  for (const [request, batch] of batches) say(`  request ${request}: one batch of ${batch?.length ?? 0} messages`);
  const { requests, messages, duplicates, refused } = counts;
  say(`  in all: requests ${requests}, messages ${messages}, sent twice ${duplicates}, refused ${refused}`);
  say(`  Its own log: ${shown(folder.receiverLog)}`);
  heading('What MongoDB holds');
  const kinds = Object.entries(Object.groupBy(documents, ({ kind }) => kind));
  for (const [kind, some] of kinds) say(`  documents of kind ${kind}: ${some?.length ?? 0}`);
}

/** One row from the file to both destinations. @throws StartError where the command fails */
export function showTrace(folder: DemoFolder, file: string, { registry }: Evidence, env: NodeJS.ProcessEnv): void {
  const line = registry.find(({ state }) => state === 'delivered')?.line;
  if (line === undefined) return;
  const words = ['trace', `${file}:${line}`];
  heading(`One row from end to end: npx waybill ${words.join(' ')} --data ${shown(folder.data)}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [WAYBILL, ...words, '--json'], {
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new StartError(`waybill trace failed: ${stderr.trim()}`);
  for (const text of traceLines(JSON.parse(stdout) as Trace)) say(text);
}

/** Where a person goes on. */
export function showNext(folder: DemoFolder): void {
  heading('Where to look next');
  const data = shown(folder.data);
  for (const line of table([
    [`npx waybill status --data ${data}`, 'destinations and counts'],
    [`npx waybill submissions --data ${data}`, 'files that came in'],
    [`${shown(folder.inbox)}/done`, 'the file, its report, its rejected rows'],
    ['config/', 'the production: change it, then npm start'],
    ['docs/guides/first-interface.md', 'an interface of your own in ten minutes'],
    ['docs/guides/partner-uploads.md', 'how partners send'],
  ]))
    say(line);
}

/** The last lines of the engine's log. */
export function showEnd(log: string): void {
  if (!existsSync(log)) return;
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LAST_LINES);
  say();
  say(`The end of the engine's log, ${shown(log)}:`);
  for (const line of lines) say(`  ${line}`);
}
