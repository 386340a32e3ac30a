import { type ChildProcess, spawn } from 'node:child_process';
import type { CommandChannel } from '../../engine/contracts/alerts.ts';
import { codeOf } from '../../engine/errors.ts';
import { AlertError } from '../errors.ts';
import type { AlertMessage } from '../message.ts';
import { programPath } from './program-path.ts';

/** What a program gets of our environment: the rest holds secrets of the production. */
const PASSED = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
/** Time between SIGTERM and SIGKILL. */
const GRACE = 2_000;

/**
 * Runs a program with the message as JSON on its standard input, without a shell, in the folder of the production. What it
 * prints is thrown away. Over its time limit it is ended, with all that it started. @throws AlertError unless it ends with 0
 */
export async function runCommand(
  channel: CommandChannel,
  message: AlertMessage,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const [program = '', ...args] = channel.command;
  const within = AbortSignal.any([signal, AbortSignal.timeout(channel.timeLimit)]);
  const child = spawn(programPath(program, folder), args, {
    cwd: folder,
    env: environment(),
    stdio: ['pipe', 'ignore', 'ignore'],
    // A process group of its own, so that what it started ends with it.
    detached: true,
  });
  const kill = () => endGroup(child);
  within.addEventListener('abort', kill);
  try {
    const ended = endOf(child);
    // A program that does not read its input may end before it is written; its exit code counts.
    child.stdin?.on('error', () => undefined).end(`${JSON.stringify(message)}\n`);
    if (within.aborted) kill();
    const { code, by } = await ended;
    if (within.aborted) throw new AlertError('ALERT_TIMED_OUT', `The program was ended after ${channel.timeLimit} ms.`);
    if (code !== 0)
      throw new AlertError('ALERT_COMMAND_FAILED', `The program ended with ${by ?? `exit code ${code}`}.`);
  } finally {
    within.removeEventListener('abort', kill);
  }
}

function endOf(child: ChildProcess): Promise<{ readonly code: number | null; readonly by: NodeJS.Signals | null }> {
  const {
    promise,
    resolve: done,
    reject,
  } = Promise.withResolvers<{ code: number | null; by: NodeJS.Signals | null }>();
  child.once('error', (error) => {
    const message = `The program cannot be started (${codeOf(error)}).`;
    reject(new AlertError('ALERT_COMMAND_NOT_FOUND', message));
  });
  child.once('exit', (code, by) => done({ code, by }));
  return promise;
}

/** SIGTERM to the whole group, then SIGKILL to what is left of it. */
function endGroup(child: ChildProcess): void {
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE);
  child.once('exit', () => {
    clearTimeout(timer);
    signalGroup(child, 'SIGKILL');
  });
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: all of it has ended already.
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    PASSED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
