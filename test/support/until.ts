import { setTimeout as wait } from 'node:timers/promises';

/** Waits until a condition holds, looking every 10 ms; fails with `what` after a while. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 20_000,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`did not happen within ${withinMs} ms: ${what}`);
    await wait(10);
  }
}
