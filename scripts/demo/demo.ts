/** The main job from end to end, with proof: a file in, a batch out, and both sides' books compared. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { ledgerPath } from '../../cli/folders.ts';
import { type Child, type Receiver, startChild, startReceiver, untilReady, WAYBILL } from '../start/children.ts';
import { sampleEnvironment } from '../start/credentials.ts';
import { StartError } from '../start/errors.ts';
import { shown } from '../start/shown.ts';
import { type Counts, disagreements, type Evidence, type Taken } from './agreement.ts';
import { type DemoFolder, freshFolder } from './folder.ts';
import { type Followed, follow } from './follow.ts';
import { type BadRow, DemoLedger } from './ledger.ts';
import { heading, say, table } from './text.ts';
import { type Trace, traceLines } from './trace.ts';

const LAST_LINES = 30;
const FILE = 'vaccinations.csv';

export interface DemoOptions {
  /** Folder for everything that the demo writes; removed first if an earlier demo made it. */
  readonly root: string;
  /** Path and arguments of the receiver to start; it prints its address, and is given `--log FILE`. */
  readonly receiver: readonly string[];
  /** Aborted when the demo is to end early. */
  readonly signal: AbortSignal;
}

/**
 * Runs the demo; ends every process that it started, whatever happens.
 * @returns 0 where ledger and receiver agree, 1 where not or where something failed, 130 where it was aborted
 */
export async function demo(options: DemoOptions): Promise<number> {
  const children: Child[] = [];
  let folder: DemoFolder | undefined;
  try {
    say('Waybill: the sample production in config/, with a receiver beside it');
    say();
    folder = await freshFolder(options.root);
    return await run(folder, options, children);
  } catch (error) {
    if (options.signal.aborted) return 130;
    if (!(error instanceof StartError)) throw error;
    say();
    say(error.message);
    if (folder) showEnd(folder.engineLog);
    return 1;
  } finally {
    for (const child of children.reverse()) await child.stop();
  }
}

async function run(folder: DemoFolder, options: DemoOptions, children: Child[]): Promise<number> {
  const env = { ...sampleEnvironment(), WAYBILL_DATA: folder.data };
  const receiver = await startReceiver([...options.receiver, '--log', folder.receiverLog], env);
  children.push(receiver);
  options.signal.throwIfAborted();
  say(`  receiver  waybill twin, a well-behaved registry at ${receiver.url} (process ${receiver.pid})`);

  const engine = startChild([WAYBILL, 'run', folder.config], {
    env: { ...env, REGISTRY_URL: receiver.url },
    output: { file: folder.engineLog },
  });
  children.push(engine);
  await untilReady(engine, folder.data, options.signal);
  say(`  engine    waybill run ${shown(folder.config)} --data ${shown(folder.data)} (process ${engine.pid})`);

  const ledger = new DemoLedger(ledgerPath(folder.data));
  try {
    const rowsInFile = drop(folder);
    say(`  file      ${rowsInFile} vaccinations, ${FILE}, into ${shown(folder.inbox)}`);
    say();
    const followed = await follow({ ledger, engine, inbox: folder.inbox, signal: options.signal, step: stopwatch() });
    const evidence = await gather(folder, ledger, followed, receiver, rowsInFile);
    showRows(followed, ledger.badRows(followed.submission.number), rowsInFile);
    showReceiver(folder, evidence);
    showTrace(folder, evidence, env);
    const differences = disagreements(evidence);
    const ended = await engine.stop();
    if (ended !== 'code 0') throw new StartError(`The engine did not stop in order (${ended}).`);
    return conclude(folder, differences, evidence);
  } finally {
    ledger.close();
  }
}

/** Puts the sample into the inbox under its final name in one step. @returns its rows, as another CSV reader counts them */
function drop({ inbox, sample }: DemoFolder): number {
  mkdirSync(inbox, { recursive: true });
  copyFileSync(sample, join(inbox, `.${FILE}.part`));
  renameSync(join(inbox, `.${FILE}.part`), join(inbox, FILE));
  const rows: readonly unknown[] = parse(readFileSync(sample), { bom: true, relax_column_count: true });
  return rows.length - 1;
}

function stopwatch(): (what: string) => void {
  const begin = performance.now();
  return (what) => say(`  ${((performance.now() - begin) / 1000).toFixed(1).padStart(4)} s  ${what}`);
}

async function gather(
  folder: DemoFolder,
  ledger: DemoLedger,
  { submission }: Followed,
  receiver: Receiver,
  rowsInFile: number,
): Promise<Evidence> {
  const lines = readFileSync(folder.sample, 'utf8').split(/\r\n|\n|\r/).length;
  const response = await fetch(new URL('/counts', receiver.url));
  return {
    rowsInFile,
    rowsInLedger: submission.counts.reduce((total, { count }) => total + count, 0),
    messages: ledger.messages(submission.number, lines),
    taken: existsSync(folder.receiverLog) ? jsonLines(readFileSync(folder.receiverLog, 'utf8')) : [],
    counts: (await response.json()) as Counts,
  };
}

function jsonLines(text: string): readonly Taken[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Taken);
}

function showRows({ submission, done }: Followed, bad: readonly BadRow[], rowsInFile: number): void {
  const states = [...new Set(submission.counts.map(({ state }) => state))];
  const destinations = [...new Set(submission.counts.map(({ destination }) => destination))];
  const count = (destination: string, state: string) =>
    submission.counts.find((row) => row.destination === destination && row.state === state)?.count ?? 0;
  heading(`What became of the ${rowsInFile} rows`);
  const body = destinations.map((name) => [name, ...states.map((state) => count(name, state))]);
  for (const line of table([['destination', ...states], ...body])) say(line);

  heading('The rows that were not taken');
  const faults = bad.map(({ line, columns, code, reason }) => [line, columns.join(', ') || '(the row)', code, reason]);
  for (const line of table([['line', 'column', 'code', 'reason'], ...faults])) say(line);
  say();
  say(`  They are back for their sender: ${shown(done)}/*.rejected.csv`);
}

function showReceiver(folder: DemoFolder, { taken, counts }: Evidence): void {
  heading('What the receiver counted');
  const batches = Object.entries(Object.groupBy(taken, ({ request }) => request));
  for (const [request, batch] of batches) say(`  request ${request}: one batch of ${batch?.length ?? 0} messages`);
  const { requests, messages, duplicates, refused } = counts;
  say(`  in all: requests ${requests}, messages ${messages}, sent twice ${duplicates}, refused ${refused}`);
  say(`  Its own log: ${shown(folder.receiverLog)}`);
}

function showTrace(folder: DemoFolder, { messages }: Evidence, env: NodeJS.ProcessEnv): void {
  const line = messages.find(({ state }) => state === 'delivered')?.line;
  if (line === undefined) return;
  const words = ['trace', `${FILE}:${line}`];
  heading(`One row from end to end: npx waybill ${words.join(' ')} --data ${shown(folder.data)}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [WAYBILL, ...words, '--json'], {
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new StartError(`waybill trace failed: ${stderr.trim()}`);
  for (const text of traceLines(JSON.parse(stdout) as Trace)) say(text);
}

function conclude(folder: DemoFolder, differences: readonly string[], { messages }: Evidence): number {
  if (differences.length > 0) {
    heading('The ledger and the receiver do not agree');
    for (const difference of differences) say(`  ${difference}`);
    showEnd(folder.engineLog);
    return 1;
  }
  const delivered = messages.filter(({ state }) => state === 'delivered').length;
  heading('Where to look next');
  const data = shown(folder.data);
  for (const line of table([
    [`npx waybill status --data ${data}`, 'destinations and counts'],
    [`npx waybill submissions --data ${data}`, 'files that came in'],
    [`${shown(folder.inbox)}/done`, 'the file, its report, its rejected rows'],
    ['config/', 'the production: change it, then npm start'],
    ['docs/guides/first-interface.md', 'an interface of your own in ten minutes'],
  ]))
    say(line);
  say();
  say(`The ledger and the receiver agree: ${delivered} messages delivered, each taken once, and nothing else.`);
  return 0;
}

function showEnd(log: string): void {
  if (!existsSync(log)) return;
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LAST_LINES);
  say();
  say(`The end of the engine's log, ${shown(log)}:`);
  for (const line of lines) say(`  ${line}`);
}
