/** The MongoDB server that the sample production writes to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '../../engine/errors.ts';
import { ensureMongo } from '../mongo.mjs';
import { StartError } from './errors.ts';
import { freePort } from './free-port.ts';

const LISTENS_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 50;

export interface MongoServer {
  readonly url: string;
  /** What it is, for people. */
  readonly what: string;
  stop(): Promise<unknown>;
}

/**
 * The server that MONGODB_URL names, or else one of our own with its data in a folder, which is made.
 * @throws StartError where there is none and none can be installed, or it does not start
 */
export async function startMongo(folder: string, signal: AbortSignal): Promise<MongoServer> {
  const found = find();
  if (found.kind === 'url')
    return { url: found.url, what: 'the server that MONGODB_URL names', stop: async () => undefined };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const port = await freePort();
  const child = spawn(found.command, found.args({ port, folder }), {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = () => end(child);
  try {
    await untilListening(child, signal);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `mongodb://127.0.0.1:${port}/`, what: `${found.kind} (process ${child.pid})`, stop };
}

function find() {
  try {
    return ensureMongo((line) => process.stdout.write(`${line}\n`));
  } catch (error) {
    throw new StartError(messageOf(error));
  }
}

async function untilListening(child: ChildProcess, signal: AbortSignal): Promise<void> {
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      log = `${log}${chunk}`.slice(-10_000);
    });
  }
  const until = performance.now() + LISTENS_WITHIN_MS;
  while (!/listening on|Waiting for connections/i.test(log)) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new StartError(`The MongoDB server ended at its start:\n${log.trim()}`);
    if (performance.now() > until) throw new StartError('The MongoDB server does not listen after a minute.');
    await wait(LOOK_EVERY_MS, undefined, { signal });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await ended;
  clearTimeout(late);
}
