import { type ChildProcess, spawn } from 'node:child_process';
import type { CommandChannel } from '../../engine/contracts/alerts.ts';
import { codeOf } from '../../engine/errors.ts';
import { AlertError } from '../errors.ts';
import type { AlertMessage } from '../message.ts';
import { programPath } from './program-path.ts';

/** What a program gets of our environment: the rest holds secrets of the production. */
const PASSED = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
/** Time between SIGTERM and SIGKILL; then nobody waits for the program any longer. */
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
  const ended = Promise.withResolvers<End>();
  const kill = () => endGroup(child, () => ended.resolve({ code: null, by: null }));
  within.addEventListener('abort', kill);
  try {
    watch(child, ended);
    // A program that does not read its input may end before it is written; its exit code counts.
    child.stdin?.on('error', () => undefined).end(`${JSON.stringify(message)}\n`);
    if (within.aborted) kill();
    const { code, by } = await ended.promise;
    if (within.aborted)
      throw new AlertError('ALERT_TIMED_OUT', `The program did not end within ${channel.timeLimit} ms.`);
    if (code !== 0)
      throw new AlertError('ALERT_COMMAND_FAILED', `The program ended with ${by ?? `exit code ${code}`}.`);
  } finally {
    within.removeEventListener('abort', kill);
  }
}

interface End {
  readonly code: number | null;
  readonly by: NodeJS.Signals | null;
}

function watch(child: ChildProcess, ended: PromiseWithResolvers<End>): void {
  child.once('error', (error) => {
    const message = `The program cannot be started (${codeOf(error)}).`;
    ended.reject(new AlertError('ALERT_COMMAND_NOT_FOUND', message));
  });
  child.once('exit', (code, by) => ended.resolve({ code, by }));
}

/**
 * SIGTERM to the whole group, then SIGKILL to what is left of it.
 * @param giveUp called where the program is still there after both: what runs as another user (`sudo`) cannot be ended
 */
function endGroup(child: ChildProcess, giveUp: () => void): void {
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => {
    signalGroup(child, 'SIGKILL');
    child.unref();
    giveUp();
  }, GRACE);
  child.once('exit', () => {
    clearTimeout(timer);
    signalGroup(child, 'SIGKILL');
  });
}

/** Never throws: this runs in timers and listeners, where an error would end the engine. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: all of it has ended already. EPERM: it runs as another user; `giveUp` goes on without it.
  }
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    PASSED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
