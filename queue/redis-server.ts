/**
 * The private redis-server of a data folder: append-only file, a unix socket, no TCP port. It outlives a killed engine and
 * is taken over by the next one; a graceful stop ends it.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { mkdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../engine/contracts/runtime.ts';
import { messageOf, WaybillError } from '../engine/errors.ts';
import { socketPath } from '../engine/socket-path.ts';
import { askRedis } from './redis-ask.ts';

const START_WITHIN_MS = 20_000;
const STOP_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 5_000;
const WATCH_EVERY_MS = 1_000;

export interface PrivateRedis {
  /** Path of the unix socket. */
  readonly socket: string;
  /** Process id of the server that runs now; changes when it had to be started again. */
  pid(): number;
  /** True when a server left behind by an earlier run was taken over. */
  readonly adopted: boolean;
  /** Ends the server and waits until it is gone. */
  stop(): Promise<void>;
  /** Leaves the server running, as a killed engine would; for tests of what the next start finds. */
  abandon(): void;
}

export interface RedisServerOptions {
  /** The engine's data folder; the server keeps its files in `redis/` inside it. */
  readonly dataFolder: string;
  readonly logger: Logger;
  /** Folders to look for the program in; default: PATH, then the usual ones. */
  readonly searchPath?: readonly string[];
}

/**
 * Starts the private redis-server of a data folder, or takes over the one that an earlier run left behind. While it is
 * held, a server that dies is started again.
 * @throws WaybillError REDIS_SERVER_MISSING, REDIS_START_FAILED, REDIS_NOT_ANSWERING, REDIS_NOT_OURS
 */
export async function startRedisServer(options: RedisServerOptions): Promise<PrivateRedis> {
  const folder = join(options.dataFolder, 'redis');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = await serverFiles(folder);

  const found = await adopt(files);
  let pid = found ?? (await start(files, options.searchPath));
  let restarting: Promise<void> | undefined;
  let held = true;

  const watch = setInterval(() => {
    if (isAlive(pid) || restarting) return;
    options.logger.warn({ pid }, 'the private redis-server has ended; it is started again, nothing is lost');
    restarting = restart().finally(() => {
      restarting = undefined;
    });
  }, WATCH_EVERY_MS);
  watch.unref();

  async function restart(): Promise<void> {
    try {
      const again = (await adopt(files)) ?? (await start(files, options.searchPath));
      pid = again;
    } catch (error) {
      if (held) options.logger.error({ reason: messageOf(error) }, 'the private redis-server cannot be started again');
    }
  }

  return {
    socket: files.socket,
    pid: () => pid,
    adopted: found !== undefined,
    abandon: () => {
      held = false;
      clearInterval(watch);
    },
    stop: async () => {
      held = false;
      clearInterval(watch);
      await restarting;
      await shutDown(files, pid);
    },
  };
}

/**
 * The program of the server, or `undefined`. Redis first; Valkey speaks the same language.
 * @param folders where to look; default: PATH, then the usual folders.
 */
export function findRedisServer(folders?: readonly string[]): string | undefined {
  const places = folders ?? [
    ...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
    '/usr/bin',
    '/usr/sbin',
    '/usr/local/bin',
  ];
  for (const program of ['redis-server', 'valkey-server']) {
    for (const place of places) {
      const path = join(place, program);
      if (isExecutable(path)) return path;
    }
  }
  return undefined;
}

interface ServerFiles {
  /** Real path, as the server reports it. */
  readonly folder: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly config: string;
  readonly log: string;
}

async function serverFiles(folder: string): Promise<ServerFiles> {
  const real = await realpath(folder);
  return {
    folder: real,
    socket: socketPath(real, 'redis.sock'),
    pidFile: join(real, 'redis.pid'),
    config: join(real, 'redis.conf'),
    log: join(real, 'redis.log'),
  };
}

/** The process id of a live server left behind by an earlier run; a stale socket is removed. */
async function adopt(files: ServerFiles): Promise<number | undefined> {
  const answer = await askRedis(
    { path: files.socket },
    [
      ['CONFIG', 'GET', 'dir'],
      ['INFO', 'server'],
    ],
    ANSWER_WITHIN_MS,
  );
  if (answer.kind === 'silent') {
    const holder = await processOf(files);
    throw new WaybillError(
      'REDIS_NOT_ANSWERING',
      `A redis-server${holder === undefined ? '' : ` (process ${holder})`} from an earlier run holds ${files.socket} and does not answer. Continue or end it, then start again.`,
    );
  }
  if (answer.kind === 'answered') {
    const [config, info] = answer.replies;
    const dir = Array.isArray(config) ? config[1] : undefined;
    const pid = Number(/process_id:(\d+)/.exec(String(info))?.[1]);
    if (dir === files.folder && pid > 0) return pid;
    throw new WaybillError(
      'REDIS_NOT_OURS',
      `The Redis that answers on ${files.socket} does not keep its files in ${files.folder}. End it, or use another data folder.`,
    );
  }
  // Nobody listens. A server whose socket file was deleted still writes to the folder: two on one file would ruin it.
  const holder = await processOf(files);
  if (holder !== undefined) await endProcess(holder);
  await rm(files.socket, { force: true });
  return undefined;
}

async function start(files: ServerFiles, searchPath?: readonly string[]): Promise<number> {
  const program = findRedisServer(searchPath);
  if (program === undefined) {
    throw new WaybillError(
      'REDIS_SERVER_MISSING',
      'No redis-server was found on the PATH. Install it (Debian, Ubuntu: apt-get install redis-server), or set REDIS_URL.',
    );
  }
  await writeFile(files.config, configuration(files), { mode: 0o600 });
  // Detached: Ctrl-C in a terminal goes to the engine alone, which then ends the server in order.
  const child = spawn(program, [files.config], { cwd: files.folder, detached: true, stdio: 'ignore' });
  let failure: string | undefined;
  child.once('error', (error) => {
    failure = error.message;
  });
  child.once('exit', (code, signal) => {
    failure ??= `it ended with ${signal ?? `code ${code}`}`;
  });
  child.unref();

  const until = Date.now() + START_WITHIN_MS;
  while (failure === undefined && Date.now() < until) {
    const answer = await askRedis({ path: files.socket }, [['PING']], 1_000);
    if (answer.kind === 'answered' && answer.replies[0] === 'PONG' && child.pid !== undefined) return child.pid;
    await wait(20);
  }
  if (failure === undefined) child.kill('SIGKILL');
  const last = await lastLine(files.log);
  throw new WaybillError(
    'REDIS_START_FAILED',
    `${program} could not be started in ${files.folder}: ${failure ?? 'it does not answer'}${last ? `; its log ends with "${last}"` : ''}. Read ${files.log}.`,
  );
}

function configuration(files: ServerFiles): string {
  const quoted = (text: string) => JSON.stringify(text);
  return [
    '# Written by Waybill at each start; changes are lost.',
    'port 0',
    `unixsocket ${quoted(files.socket)}`,
    'unixsocketperm 700',
    `dir ${quoted(files.folder)}`,
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'maxmemory-policy noeviction',
    'databases 1',
    'daemonize no',
    'supervised no',
    `pidfile ${quoted(files.pidFile)}`,
    `logfile ${quoted(files.log)}`,
    '',
  ].join('\n');
}

async function shutDown(files: ServerFiles, pid: number): Promise<void> {
  // The server closes the connection instead of answering; whether it is gone is asked of the system.
  const told = await askRedis({ path: files.socket }, [['SHUTDOWN']], ANSWER_WITHIN_MS);
  if (told.kind !== 'answered' || !(await isGone(pid, STOP_WITHIN_MS))) await endProcess(pid);
  await rm(files.socket, { force: true });
  await rm(files.pidFile, { force: true });
  const runtime = dirname(files.socket);
  if (runtime !== files.folder) await rm(runtime, { recursive: true, force: true });
}

async function endProcess(pid: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    sendSignal(pid, signal);
    if (await isGone(pid, STOP_WITHIN_MS)) return;
  }
}

/** The process in the pid file, if it lives and works in our folder (a number alone may have been given to another). */
async function processOf(files: ServerFiles): Promise<number | undefined> {
  const text = await readFile(files.pidFile, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  if (!(pid > 0) || !isAlive(pid)) return undefined;
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return cwd === files.folder ? pid : undefined;
}

async function isGone(pid: number, withinMs: number): Promise<boolean> {
  const until = Date.now() + withinMs;
  while (isAlive(pid)) {
    if (Date.now() > until) return false;
    await wait(20);
  }
  return true;
}

/** A process that has ended and waits for its parent to ask (a zombie) is not alive. */
function isAlive(pid: number): boolean {
  if (!sendSignal(pid, 0)) return false;
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return sendSignal(pid, 0); // no /proc here, or it ended just now
  }
}

/** False when there is no such process. */
function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function lastLine(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').at(-1)?.slice(0, 200) ?? '';
}
