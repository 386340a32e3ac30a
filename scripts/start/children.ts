/** The processes that the demo and `npm start` start, watch and end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { socketPath } from '../../engine/socket-path.ts';
import { StartError } from './errors.ts';

/** The program `waybill`, as a person runs it. */
export const WAYBILL = join(PROJECT_FOLDER, 'cli', 'waybill.mjs');

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;

export interface Child {
  readonly pid: number;
  /** How it ended, once it has: `code 0`, `signal SIGKILL`. */
  readonly ended: Promise<string>;
  running(): boolean;
  /** Ends it in order: SIGTERM, and SIGKILL where that does not help. Gives how it ended; may be called again. */
  stop(): Promise<string>;
}

export interface ChildOptions {
  readonly env: NodeJS.ProcessEnv;
  /** A file for everything that it writes, or the terminal. */
  readonly output: { readonly file: string } | 'inherit';
}

/**
 * Starts a program of ours with the Node that runs now. It is in a process group of its own, so that Ctrl-C reaches us
 * alone, and we end it in order.
 * @param words path of the program and its arguments
 */
export function startChild(words: readonly string[], { env, output }: ChildOptions): Child {
  const sink = output === 'inherit' ? 'inherit' : openSync(output.file, 'a', 0o600);
  const child = spawn(process.execPath, words, { env, detached: true, stdio: ['ignore', sink, sink] });
  if (typeof sink === 'number') closeSync(sink);
  return held(child);
}

function held(child: ChildProcess): Child {
  const ended = once(child, 'exit').then(
    () => (child.signalCode === null ? `code ${child.exitCode}` : `signal ${child.signalCode}`),
    (error: unknown) => `error: ${String(error)}`,
  );
  const running = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  return {
    pid: child.pid ?? 0,
    ended,
    running,
    async stop() {
      if (!running()) return ended;
      child.kill('SIGTERM');
      const late = new AbortController();
      const kill = wait(STOP_WITHIN_MS, undefined, { signal: late.signal }).then(
        () => child.kill('SIGKILL'),
        () => false,
      );
      const how = await ended;
      late.abort();
      await kill;
      return how;
    },
  };
}

export interface Receiver extends Child {
  /** Where to send: the url of a destination. */
  readonly url: string;
}

/**
 * Starts a receiver and waits for the address that it prints in its first line.
 * @param words path of the program and its arguments
 * @throws StartError where it ends before it has said its address
 */
export async function startReceiver(words: readonly string[], env: NodeJS.ProcessEnv): Promise<Receiver> {
  const child = spawn(process.execPath, words, { env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const receiver = held(child);
  const lines = createInterface({ input: child.stdout });
  const said = once(lines, 'line').then(([line]) => String(line));
  const first = await Promise.race([said, receiver.ended.then(() => undefined)]);
  if (first === undefined) throw new StartError(`The receiver ended at its start (${await receiver.ended}).`);
  return { ...receiver, url: first };
}

/**
 * Waits until an engine takes inputs in, as its control socket says.
 * @throws StartError where it ends before, or is not ready within a minute; an AbortError when the signal aborts
 */
export async function untilReady(engine: Child, dataFolder: string, signal: AbortSignal): Promise<void> {
  const until = performance.now() + READY_WITHIN_MS;
  const socket = socketPath(dataFolder, 'control.sock');
  while (!(await answersReady(socket))) {
    if (!engine.running()) throw new StartError(`The engine ended at its start (${await engine.ended}).`);
    if (performance.now() > until) throw new StartError('The engine is not ready after a minute.');
    await wait(LOOK_EVERY_MS, undefined, { signal });
  }
}

function answersReady(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath: socket, path: '/health/ready', timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
