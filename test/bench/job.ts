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

/** A job: the engine and, beside it in the same call, the same parts without an engine. */
export interface Job {
  readonly name: string;
  readonly summary: string;
  readonly rows: number;
  /** Runs of each side unless a number is given; 3 where it is absent. */
  readonly runs?: number;
  prepare(rows: number): Promise<{ engine(): Promise<Measured>; bare(): Promise<Measured>; close(): void }>;
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
