import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeDoses } from './generate.ts';
import { type Job, print, spread } from './job.ts';
import { CREDENTIALS, MAIN, PRODUCTION, settled, withTwin } from './p1.ts';
import { output, ready, startNode, stopProcess, until } from './processes.ts';

/** What `trace-loop.ts` measured, milliseconds each. */
interface Traced {
  readonly trace: readonly number[];
  readonly lookUp: readonly number[];
}

/** P7: what became of one line of a file of a million rows, asked of the ledger that the engine left. */
export const p7: Job = {
  name: 'p7',
  summary: 'trace of one line of a file of 1 million rows, inside the process; beside it one index look-up',
  async run({ rows = 1_000_000, runs = 200 }) {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
    try {
      const data = await delivered(folder, rows);
      const loop = fileURLToPath(new URL('./trace-loop.ts', import.meta.url));
      const { trace, lookUp } = JSON.parse(
        await output(startNode([loop, data, String(rows), String(runs)], CREDENTIALS)),
      ) as Traced;
      console.log(`  ${rows} rows, ${runs} lines drawn by a fixed seed`);
      print('trace of a line ms', spread(trace), 2);
      print('index look-up ms', spread(lookUp), 3);
      const sorted = [...trace].sort((a, b) => a - b);
      return {
        rows,
        runs,
        traceMs: spread(trace).median,
        traceMsP95: sorted[Math.floor(sorted.length * 0.95)],
        traceMsMax: spread(trace).max,
        lookUpMs: spread(lookUp).median,
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** Sends the file through an engine to its end. @returns the data folder that the engine left. */
function delivered(folder: string, rows: number): Promise<string> {
  return withTwin(async (url) => {
    const inbox = join(folder, 'inbox');
    mkdirSync(inbox);
    const file = join(folder, 'doses.csv');
    await writeDoses(file, rows, 20_240_117);
    const data = join(folder, 'data');
    const env = { ...CREDENTIALS, REGISTRY_URL: url, BENCH_INBOX: inbox };
    const engine = startNode([MAIN, 'run', PRODUCTION, '--data', data, '--log-level', 'warn'], env);
    try {
      await until(() => ready(join(data, 'control.sock')), 30_000, 'the engine to be ready');
      renameSync(file, join(inbox, 'doses-1.csv'));
      await until(() => settled(inbox), 600_000, 'the report');
    } finally {
      await stopProcess(engine);
    }
    return data;
  });
}
