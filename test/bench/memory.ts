import { p1Rows } from './p1.ts';
import { rowsJob } from './rows-job.ts';

/** The job P1 with ten times the rows: what grows with the file shows in its peak of resident memory. */
export const memory = rowsJob({
  ...p1Rows,
  name: 'memory',
  summary: 'P1 with a file of 2 million rows (260 MB): the peak of resident memory is that of 200,000 rows',
  rows: 2_000_000,
  runs: 1,
});
