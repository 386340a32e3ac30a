/** Programs of scripts/ as processes of their own, and what of them is left when they have ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { cleanUp } from '../support/redis.ts';

export interface Running {
  readonly child: ChildProcess;
  output(): string;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
}

/** Starts a program of the project with this Node; ended in order after the test. */
export function startProgram(t: TestContext, file: string, args: readonly string[]): Running {
  const { REDIS_URL: _redis, WAYBILL_DATA: _data, NODE_TEST_CONTEXT: _test, ...env } = process.env;
  const words = ['--disable-warning=ExperimentalWarning', join(PROJECT_FOLDER, file), ...args];
  const child = spawn(process.execPath, words, { env, cwd: PROJECT_FOLDER, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const ended = once(child, 'close').then(() => child.exitCode ?? child.signalCode);
  cleanUp(t, async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return { child, output: () => text, ended };
}

/** Command lines of the processes that still have something to do with a folder. */
export function processesOf(folder: string): readonly string[] {
  const lines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => commandLine(pid));
  return lines.filter((line) => line.includes(folder));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return '';
    throw error;
  }
}
