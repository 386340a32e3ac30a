/** A private redis-server for one test, in a folder of its own that is gone afterwards. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Logger } from '../../engine/contracts/runtime.ts';
import { findRedisServer, type PrivateRedis, startRedisServer } from '../../queue/redis-server.ts';

export { until } from './until.ts';

/** A logger that keeps what was logged. */
export function recordingLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  return { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
}

/** Why a test that needs redis-server is skipped on a person's machine; in CI a missing one is an error. */
export function redisSkip(): string | false {
  if (findRedisServer() !== undefined) return false;
  if (process.env.CI) throw new Error('redis-server is missing; `npm test` installs it where it can');
  return 'redis-server is not installed';
}

const cleanUps = new WeakMap<TestContext, (() => Promise<unknown> | unknown)[]>();

/** Does this after the test, the last one asked for first (the hooks of node:test run in the order they were given). */
export function cleanUp(t: TestContext, work: () => Promise<unknown> | unknown): void {
  const known = cleanUps.get(t);
  if (known) {
    known.push(work);
    return;
  }
  const stack = [work];
  cleanUps.set(t, stack);
  t.after(async () => {
    for (const next of stack.reverse()) await next();
  });
}

/** A folder that is removed after the test. */
export async function temporaryFolder(t: TestContext, prefix = 'waybill-test-'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  cleanUp(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A private server that is ended after the test, whatever the test did to it. */
export async function privateRedis(t: TestContext): Promise<PrivateRedis & { readonly dataFolder: string }> {
  const dataFolder = await temporaryFolder(t);
  const server = await startRedisServer({ dataFolder, logger: recordingLogger() });
  cleanUp(t, async () => {
    sendSignal(server.pid(), 'SIGCONT');
    await server.stop();
  });
  return { ...server, dataFolder };
}

/** Sends a signal to a process that may be gone by now. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
