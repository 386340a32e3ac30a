import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDoses } from './generate.ts';
import { type Job, type JobOptions, type Measured, print, spread } from './job.ts';
import { CREDENTIALS, engineRun, MAIN, PRODUCTION, settled, withTwin } from './p1.ts';
import { ready, startNode, stopProcess, until } from './processes.ts';

const ROWS = 200_000;
/** Messages that are kept before: files of as many rows as are measured. */
const KEPT_FILES = 5;
const SEED = 20_240_600;

/** P6: what P1 costs with a million messages kept, against an empty store; both in turn. */
export const p6: Job = {
  name: 'p6',
  summary: `P1 with ${KEPT_FILES} times as many messages kept, against an empty store`,
  async run(options: JobOptions) {
    const rows = options.rows ?? ROWS;
    const runs = options.runs ?? 3;
    const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
    try {
      const file = join(folder, 'doses.csv');
      await writeDoses(file, rows, SEED);
      const kept = await fill(folder, rows);
      console.log(`  ${rows * KEPT_FILES} messages kept, ${Math.round(sizeOf(kept) / 1e6)} MB; ${runs} runs of each`);
      const full: Measured[] = [];
      const empty: Measured[] = [];
      for (let run = 0; run < runs; run += 1) {
        empty.push(await engineRun(folder, file, rows));
        full.push(await engineRun(folder, file, rows, kept));
      }
      const rate = ({ rows, seconds }: Measured) => Math.round(rows / seconds);
      const costs = full.map((measured, index) => measured.seconds / (empty[index]?.seconds ?? Number.NaN));
      print('rows/s, much kept', spread(full.map(rate)));
      print('rows/s, empty', spread(empty.map(rate)));
      print('cost against empty', spread(costs), 2);
      return { rows, kept: rows * KEPT_FILES, costAgainstEmpty: spread(costs).median, full, empty };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** A data folder in which so many messages were delivered. */
function fill(folder: string, rows: number): Promise<string> {
  return withTwin(async (url) => {
    const run = mkdtempSync(join(folder, 'kept-'));
    const inbox = join(run, 'inbox');
    mkdirSync(inbox);
    const data = join(run, 'data');
    const env = { ...CREDENTIALS, REGISTRY_URL: url, BENCH_INBOX: inbox };
    const engine = startNode([MAIN, 'run', PRODUCTION, '--data', data, '--log-level', 'warn'], env);
    try {
      await until(() => ready(join(data, 'control.sock')), 30_000, 'the engine to be ready');
      for (let number = 1; number <= KEPT_FILES; number += 1) {
        const staged = join(run, 'staged.csv');
        await writeDoses(staged, rows, SEED + number);
        renameSync(staged, join(inbox, `doses-kept-${number}.csv`));
        await until(() => settled(inbox), 600_000, 'the report');
        const done = join(inbox, 'done');
        for (const name of readdirSync(done)) rmSync(join(done, name));
      }
    } finally {
      await stopProcess(engine);
    }
    rmSync(join(data, 'redis'), { recursive: true, force: true });
    return data;
  });
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
