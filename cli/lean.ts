import { COMPILE_CACHE } from './node24.mjs';

/**
 * The engine's process lives long and works in three threads, so it is started with settings that keep its memory small:
 * measured in `docs/decisions/memory.md`. They only count at the start of a process, and one of them is for the C library.
 */

/**
 * Small young generations, old ones that are collected before they double, code compiled only once it is hot, and a word in
 * when memory is collected (`engine/memory.ts`).
 */
const FLAGS = [
  '--max-semi-space-size=4',
  '--heap-growing-percent=50',
  '--no-sparkplug',
  '--expose-gc',
  '--disable-warning=ExperimentalWarning',
];

/**
 * One arena for all threads: with more, what one thread frees is not used by the others. With compiled code at hand no
 * thread loads the tool that takes the types out of our source.
 */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '1', NODE_COMPILE_CACHE: COMPILE_CACHE };

const MARK = 'WAYBILL_LEAN';

/**
 * Goes on as the same process (same pid, same streams) with those settings, where the system can do that; returns only
 * where it has them already, or cannot.
 */
export function goOnLean(): void {
  if (process.env[MARK] !== undefined || process.platform !== 'linux') return;
  const env = { ...ENVIRONMENT, ...process.env, [MARK]: '1' };
  process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...FLAGS, ...process.argv.slice(1)], env);
}
