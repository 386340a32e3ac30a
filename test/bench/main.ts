import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Job } from './job.ts';
import { memory } from './memory.ts';
import { p1 } from './p1.ts';
import { p4 } from './p4.ts';
import { p5 } from './p5.ts';
import { p6 } from './p6.ts';
import { p7 } from './p7.ts';

/** `npm run bench -- [JOB ...] [--rows N] [--runs N] [--json FILE]` */

const JOBS: readonly Job[] = [p1, memory, p4, p5, p6, p7];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rows: { type: 'string' }, runs: { type: 'string' }, json: { type: 'string' } },
});
const unknown = positionals.filter((name) => !JOBS.some((job) => job.name === name));
if (unknown.length > 0)
  throw new Error(`there is no job ${unknown.join(', ')}; there are ${JOBS.map(({ name }) => name).join(', ')}`);

const numberOf = (text: string | undefined) => (text === undefined ? undefined : Number(text));
const options = { rows: numberOf(values.rows), runs: numberOf(values.runs) };
const results = [];
for (const job of JOBS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  console.log(`${job.name}: ${job.summary}\n  ${cpus().length} cores, Node ${process.version}`);
  results.push({ job: job.name, ...(await job.run(options)) });
}
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`);
