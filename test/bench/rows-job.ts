import { type Job, type JobOptions, type Measured, print, spread } from './job.ts';

/** A job over a file of rows: the engine and the bare loop in turn, medians of both. */
export interface RowsJob {
  readonly name: string;
  readonly summary: string;
  readonly rows: number;
  /** Runs of each side unless a number is given. */
  readonly runs: number;
  prepare(rows: number): Promise<{ engine(): Promise<Measured>; bare(): Promise<Measured>; close(): void }>;
}

/** Makes a job of it. */
export function rowsJob(job: RowsJob): Job {
  const { name, summary } = job;
  return { name, summary, run: (options) => runRows(job, options) };
}

async function runRows(job: RowsJob, options: JobOptions) {
  const rows = options.rows ?? job.rows;
  const runs = options.runs ?? job.runs;
  console.log(`  ${rows} rows, ${runs} runs of each side in turn`);
  const prepared = await job.prepare(rows);
  const engine: Measured[] = [];
  const bare: Measured[] = [];
  try {
    for (let run = 0; run < runs; run += 1) {
      bare.push(await prepared.bare());
      engine.push(await prepared.engine());
      console.log(`  run ${run + 1}: engine ${rate(engine.at(-1))} rows/s, bare loop ${rate(bare.at(-1))} rows/s`);
    }
  } finally {
    prepared.close();
  }
  const ratios = engine.map((measured, index) => rate(measured) / rate(bare[index]));
  print('engine rows/s', spread(engine.map(rate)));
  print('bare loop rows/s', spread(bare.map(rate)));
  print('ratio to bare loop', spread(ratios), 2);
  print('engine CPU us/row', spread(engine.map((m) => m.cpuMicros / m.rows)), 1);
  print('bare loop CPU us/row', spread(bare.map((m) => m.cpuMicros / m.rows)), 1);
  print('receiver CPU us/row', spread(engine.map((m) => m.receiverCpuMicros / m.rows)), 1);
  print('engine peak RSS MB', spread(engine.map((m) => m.rss / 1e6)), 0);
  print('event loop delay ms', spread(engine.map((m) => m.eventLoopDelayMs)), 1);
  return {
    rows,
    runs,
    rowsPerSecond: Math.round(spread(engine.map(rate)).median),
    bareRowsPerSecond: Math.round(spread(bare.map(rate)).median),
    ratioToBareLoop: spread(ratios).median,
    peakRssBytes: spread(engine.map((m) => m.rss)).max,
    engine,
    bare,
  };
}

function rate(measured: Measured | undefined): number {
  return measured ? Math.round(measured.rows / measured.seconds) : 0;
}
