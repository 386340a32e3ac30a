import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { writeDoses } from './generate.ts';
import type { Measured } from './job.ts';
import { ask, cpuMicros, firstLine, output, peakRss, ready, startNode, stopProcess, until } from './processes.ts';
import { type RowsJob, rowsJob } from './rows-job.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
export const MAIN = join(PROJECT, 'cli/main.ts');
export const PRODUCTION = fileURLToPath(new URL('./productions/p1', import.meta.url));
export const CREDENTIALS = { REGISTRY_USER: 'bench', REGISTRY_PASSWORD: 'bench', REGISTRY_FACILITY: 'F1' };

/** An engine that runs for so long has loaded everything, milliseconds. */
const WARM = 2000;

interface Counts {
  readonly requests: number;
  readonly messages: number;
  readonly duplicates: number;
}

/** P1: a CSV file in, HL7 batches of 1,000 out by SOAP to a local receiver; durable, ledger on, in order. */
export const p1Rows: RowsJob = {
  name: 'p1',
  summary: 'CSV 200,000 rows -> VXU -> batches of 1,000 -> SOAP; in order, one call in flight',
  rows: 200_000,
  runs: 3,
  async prepare(rows) {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
    const file = join(folder, 'doses.csv');
    await writeDoses(file, rows, 20_240_117);
    return {
      engine: () => engineRun(folder, file, rows),
      bare: () => bareRun(file, rows),
      close: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};

export const p1 = rowsJob(p1Rows);

export async function withTwin<T>(
  use: (url: string, pid: number, counts: () => Promise<Counts>) => Promise<T>,
): Promise<T> {
  const twin = startNode([MAIN, 'twin'], CREDENTIALS);
  try {
    const url = await firstLine(twin);
    const counts = async () => (await (await request(new URL('/counts', url))).body.json()) as Counts;
    return await use(url, twin.pid ?? 0, counts);
  } finally {
    await stopProcess(twin);
  }
}

/**
 * One run of the engine in a process of its own, with a data folder of its own.
 * @param kept a data folder of which it begins with a copy
 */
export function engineRun(folder: string, file: string, rows: number, kept?: string): Promise<Measured> {
  return withTwin(async (url, twinPid, counts) => {
    const run = mkdtempSync(join(folder, 'run-'));
    const inbox = join(run, 'inbox');
    mkdirSync(inbox);
    const staged = join(run, 'staged.csv');
    copyFileSync(file, staged);
    const data = join(run, 'data');
    if (kept !== undefined) cpSync(kept, data, { recursive: true });
    const engine = startNode([MAIN, 'run', PRODUCTION, '--data', data, '--log-level', 'warn'], {
      ...CREDENTIALS,
      REGISTRY_URL: url,
      BENCH_INBOX: inbox,
    });
    try {
      const pid = engine.pid ?? 0;
      await until(() => ready(join(data, 'control.sock')), 30_000, 'the engine to be ready');
      // The bare loop is measured from after its imports, too: threads that have just started still load theirs.
      await wait(WARM);
      // Asked for the first time, the engine begins to measure its event loop.
      await ask(join(data, 'control.sock'), '/metrics');
      const cpu = cpuMicros(pid);
      const twinCpu = cpuMicros(twinPid);
      const dropped = Date.now();
      renameSync(staged, join(inbox, 'doses-1.csv'));
      const settledAt = await until(() => settled(inbox), 600_000, 'the report');
      const seconds = (settledAt - dropped) / 1000;
      const measured = {
        rows,
        seconds,
        cpuMicros: cpuMicros(pid) - cpu,
        receiverCpuMicros: cpuMicros(twinPid) - twinCpu,
        rss: peakRss(pid),
        eventLoopDelayMs: await eventLoopDelay(join(data, 'control.sock')),
      };
      requireOnce(await counts(), rows);
      return measured;
    } finally {
      await stopProcess(engine);
      rmSync(run, { recursive: true, force: true });
    }
  });
}

function bareRun(file: string, rows: number): Promise<Measured> {
  return withTwin(async (url, twinPid, counts) => {
    const before = cpuMicros(twinPid);
    const child = startNode(
      ['--max-semi-space-size=4', fileURLToPath(new URL('./bare-loop.ts', import.meta.url)), file, url],
      CREDENTIALS,
    );
    const result = JSON.parse(await output(child)) as { rows: number; seconds: number; cpuMicros: number; rss: number };
    requireOnce(await counts(), rows);
    return { ...result, receiverCpuMicros: cpuMicros(twinPid) - before, eventLoopDelayMs: 0 };
  });
}

/** The receiver counted every row once, or the figure counts for nothing. */
function requireOnce({ messages, duplicates }: Counts, rows: number): void {
  if (messages !== rows || duplicates !== 0)
    throw new Error(`the receiver took ${messages} messages of ${rows}, ${duplicates} of them twice`);
}

/** Longest delay of the main thread's event loop since the last look, milliseconds. */
async function eventLoopDelay(socketPath: string): Promise<number> {
  const metrics = (await ask(socketPath, '/metrics')) ?? '';
  return Number(/^nodejs_eventloop_lag_max_seconds (\S+)/m.exec(metrics)?.[1] ?? Number.NaN) * 1000;
}

/** When the report says that every message was settled. */
export function settled(inbox: string): number | undefined {
  const done = join(inbox, 'done');
  const report = readdirSync(done).find((name) => name.endsWith('.report.json'));
  if (report === undefined) return undefined;
  const { settledAt } = JSON.parse(readFileSync(join(done, report), 'utf8')) as { settledAt: string };
  return Date.parse(settledAt);
}
