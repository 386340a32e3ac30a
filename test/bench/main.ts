import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Job, type Measured, type Spread, spread } from './job.ts';
import { memory } from './memory.ts';
import { p1 } from './p1.ts';

/** `npm run bench -- [JOB ...] [--rows N] [--runs N] [--json FILE]` */

const JOBS: readonly Job[] = [p1, memory];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rows: { type: 'string' }, runs: { type: 'string' }, json: { type: 'string' } },
});
const unknown = positionals.filter((name) => !JOBS.some((job) => job.name === name));
if (unknown.length > 0)
  throw new Error(`there is no job ${unknown.join(', ')}; there are ${JOBS.map(({ name }) => name).join(', ')}`);

const results = [];
for (const job of JOBS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  results.push(await runJob(job, Number(values.rows ?? job.rows), Number(values.runs ?? job.runs ?? 3)));
}
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`);

async function runJob(job: Job, rows: number, runs: number) {
  console.log(
    `${job.name}: ${job.summary}\n${rows} rows, ${runs} runs of each side in turn, ${cpus().length} cores, Node ${process.version}`,
  );
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
    job: job.name,
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

function print(what: string, { min, median, max }: Spread, digits = 0): void {
  console.log(
    `  ${what.padEnd(22)} median ${median.toFixed(digits)}  (min ${min.toFixed(digits)}, max ${max.toFixed(digits)})`,
  );
}
