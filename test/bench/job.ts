/** One run of one side of a job. */
export interface Measured {
  readonly rows: number;
  readonly seconds: number;
  /** CPU time of the process measured, and of the receiver, microseconds. */
  readonly cpuMicros: number;
  readonly receiverCpuMicros: number;
  /** Highest resident memory, bytes. */
  readonly rss: number;
  readonly eventLoopDelayMs: number;
}

/** What a person may change of a job on the command line. */
export interface JobOptions {
  readonly rows: number | undefined;
  readonly runs: number | undefined;
}

/** A job: what is measured, and beside it in the same call what it is measured against. */
export interface Job {
  readonly name: string;
  readonly summary: string;
  /** Prints its figures and gives them as data. @throws where its own result is wrong: then no figure counts. */
  run(options: JobOptions): Promise<Readonly<Record<string, unknown>>>;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median =
    sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return { min: sorted[0] ?? 0, median, max: sorted.at(-1) ?? 0 };
}

/** One line of figures. */
export function print(what: string, { min, median, max }: Spread, digits = 0): void {
  console.log(
    `  ${what.padEnd(26)} median ${median.toFixed(digits)}  (min ${min.toFixed(digits)}, max ${max.toFixed(digits)})`,
  );
}
