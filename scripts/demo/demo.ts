/**
 * The main job from end to end, with proof: a file and an upload in, a batch and documents out, and all books compared.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { ledgerPath } from '../../cli/folders.ts';
import type { SubmissionSummary } from '../../engine/contracts/store.ts';
import { type Child, type Receiver, startChild, startReceiver, untilReady, WAYBILL } from '../start/children.ts';
import { sampleEnvironment } from '../start/credentials.ts';
import { StartError } from '../start/errors.ts';
import { type MongoServer, startMongo } from '../start/mongo.ts';
import { shown } from '../start/shown.ts';
import { type Counts, disagreements, type Evidence, type Input, type Taken } from './agreement.ts';
import { archived } from './archive.ts';
import { type DemoFolder, freshFolder } from './folder.ts';
import { follow } from './follow.ts';
import { DemoLedger } from './ledger.ts';
import { addPartner, PARTNER, receiptAt, upload } from './partner.ts';
import { showEnd, showNext, showReceipt, showReceivers, showRows, showTrace } from './show.ts';
import { heading, say } from './text.ts';

const FILE = 'vaccinations.csv';

export interface DemoOptions {
  /** Folder for everything that the demo writes; removed first if an earlier demo made it. */
  readonly root: string;
  /** Path and arguments of the receiver to start; it prints its address, and is given `--log FILE`. */
  readonly receiver: readonly string[];
  /** Aborted when the demo is to end early. */
  readonly signal: AbortSignal;
}

interface Stoppable {
  stop(): Promise<unknown>;
}

/** Everything that runs while the demo does. */
interface Running {
  readonly receiver: Receiver;
  readonly mongo: MongoServer;
  readonly engine: Child;
  /** The partner's key. */
  readonly key: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Runs the demo; ends every process that it started, whatever happens.
 * @returns 0 where ledger and receivers agree, 1 where not or where something failed, 130 where it was aborted
 */
export async function demo(options: DemoOptions): Promise<number> {
  const started: Stoppable[] = [];
  let folder: DemoFolder | undefined;
  try {
    say('Waybill: the sample production in config/, with a registry, a MongoDB server and a partner beside it');
    say();
    folder = await freshFolder(options.root);
    return await run(folder, await startAll(folder, options, started), options.signal);
  } catch (error) {
    if (options.signal.aborted) return 130;
    if (!(error instanceof StartError)) throw error;
    say();
    say(error.message);
    if (folder) showEnd(folder.engineLog);
    return 1;
  } finally {
    for (const each of started.reverse()) await each.stop();
  }
}

async function startAll(folder: DemoFolder, options: DemoOptions, started: Stoppable[]): Promise<Running> {
  const { signal } = options;
  const base = { ...sampleEnvironment(), WAYBILL_DATA: folder.data };
  const receiver = await startReceiver([...options.receiver, '--log', folder.receiverLog], base);
  started.push(receiver);
  signal.throwIfAborted();
  say(`  receiver  waybill twin, a well-behaved registry at ${receiver.url} (process ${receiver.pid})`);

  const mongo = await startMongo(folder.mongo, signal);
  started.push(mongo);
  say(`  archive   ${mongo.what}`);

  const key = addPartner(folder.config);
  say(`  partner   waybill partner add ${PARTNER} ${shown(folder.config)}`);

  const env = { ...base, REGISTRY_URL: receiver.url, MONGODB_URL: mongo.url };
  const engine = startChild([WAYBILL, 'run', folder.config], { env, output: { file: folder.engineLog } });
  started.push(engine);
  await untilReady(engine, folder.data, signal);
  say(`  engine    waybill run ${shown(folder.config)} --data ${shown(folder.data)} (process ${engine.pid})`);
  return { receiver, mongo, engine, key, env };
}

async function run(folder: DemoFolder, running: Running, signal: AbortSignal): Promise<number> {
  const { engine, key, env } = running;
  const ledger = new DemoLedger(ledgerPath(folder.data));
  try {
    drop(folder);
    say(`  file      ${rowsOf(folder.sample)} vaccinations, ${FILE}, into ${shown(folder.inbox)}`);
    const uploaded = await upload(folder.listener, key, folder.uploadCsv, folder.uploadPdf);
    say(
      `  upload    ${rowsOf(folder.uploadCsv)} vaccinations and a PDF by ${PARTNER}: ${uploaded.status}, ${uploaded.location}`,
    );
    say();
    const followed = await follow({ ledger, engine, inbox: folder.inbox, inputs: 3, signal, step: stopwatch() });
    const evidence = await gather(folder, ledger, followed, running);
    showRows(folder, followed, ledger);
    showReceipt(await receiptAt(folder.listener, key, uploaded));
    showReceivers(folder, evidence);
    showTrace(folder, FILE, evidence, env);
    const differences = disagreements(evidence);
    const ended = await engine.stop();
    if (ended !== 'code 0') throw new StartError(`The engine did not stop in order (${ended}).`);
    return conclude(folder, differences, evidence);
  } finally {
    ledger.close();
  }
}

/** Puts the sample into the inbox under its final name in one step. */
function drop({ inbox, sample }: DemoFolder): void {
  mkdirSync(inbox, { recursive: true });
  copyFileSync(sample, join(inbox, `.${FILE}.part`));
  renameSync(join(inbox, `.${FILE}.part`), join(inbox, FILE));
}

/** Rows of a CSV file, as another reader than the engine's counts them. */
function rowsOf(file: string): number {
  const rows: readonly unknown[] = parse(readFileSync(file), { bom: true, relax_column_count: true });
  return rows.length - 1;
}

function stopwatch(): (what: string) => void {
  const begin = performance.now();
  return (what) => say(`  ${((performance.now() - begin) / 1000).toFixed(1).padStart(4)} s  ${what}`);
}

async function gather(
  folder: DemoFolder,
  ledger: DemoLedger,
  submissions: readonly SubmissionSummary[],
  { receiver, mongo }: Running,
): Promise<Evidence> {
  const files = new Map(
    [folder.sample, folder.uploadCsv, folder.uploadPdf].map((path) => [path.split('/').at(-1), path]),
  );
  const messages = submissions.flatMap(({ number, name }) => {
    const lines = readFileSync(files.get(name) ?? '', 'utf8').split(/\r\n|\n|\r/).length;
    return ledger.messages(number, lines);
  });
  const response = await fetch(new URL('/counts', receiver.url));
  return {
    inputs: submissions.map((submission) => inputOf(submission, files.get(submission.name) ?? '')),
    registry: messages.filter(({ destination }) => destination === 'state-registry'),
    taken: existsSync(folder.receiverLog) ? jsonLines(readFileSync(folder.receiverLog, 'utf8')) : [],
    counts: (await response.json()) as Counts,
    archive: messages.filter(({ destination }) => destination === 'archive'),
    documents: await archived(mongo.url, ledger.instance),
  };
}

function inputOf({ name, counts }: SubmissionSummary, file: string): Input {
  const entries = Object.entries(Object.groupBy(counts, ({ destination }) => destination));
  return {
    name,
    items: file.endsWith('.csv') ? rowsOf(file) : 1,
    entries: entries.map(([destination, rows]) => ({
      destination,
      items: (rows ?? []).reduce((total, { count }) => total + count, 0),
    })),
  };
}

function jsonLines(text: string): readonly Taken[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Taken);
}

function conclude(folder: DemoFolder, differences: readonly string[], { registry, documents }: Evidence): number {
  if (differences.length > 0) {
    heading('The ledger and the receivers do not agree');
    for (const difference of differences) say(`  ${difference}`);
    showEnd(folder.engineLog);
    return 1;
  }
  showNext(folder);
  const delivered = registry.filter(({ state }) => state === 'delivered').length;
  say();
  say(
    `The ledger and the receivers agree: ${delivered} messages and ${documents.length} documents delivered, each taken once, and nothing else.`,
  );
  return 0;
}
