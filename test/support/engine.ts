/** The program as a person runs it: engines and commands as processes of their own, over a production of `production.ts`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Agent, request } from 'undici';
import type { Questions } from '../../engine/contracts/store.ts';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { socketPath } from '../../engine/socket-path.ts';
import { startRedisServer } from '../../queue/redis-server.ts';
import { openLedger } from '../../store/sqlite/client.ts';
import type { TestProduction } from './production.ts';
import { RECEIVER_CREDENTIALS } from './receiver.ts';
import { cleanUp, recordingLogger, until } from './redis.ts';

const MAIN = join(PROJECT_FOLDER, 'cli', 'main.ts');
const NODE_ARGS = ['--disable-warning=ExperimentalWarning'];

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Ran extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

export interface EngineOptions {
  /** Where the destination sends. */
  readonly url: string;
  /** Added to the environment; `undefined` takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Added to `waybill run`. */
  readonly args?: readonly string[];
  /** Added for Node, such as `--import plug.ts`. */
  readonly nodeArgs?: readonly string[];
}

export interface RunningEngine {
  readonly pid: number;
  /** Everything that it logged so far, and as objects. */
  log(): string;
  events(name: string): readonly Readonly<Record<string, unknown>>[];
  /** How it ended; waits for it. */
  readonly ended: Promise<Exit>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<Exit>;
  /** Ends it at once, and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** Waits until services, lanes and the control socket are there; fails with its log where it ended before. */
  ready(): Promise<void>;
}

/** The environment of a small production's engine and commands. */
export function environment(url: string, more: Readonly<Record<string, string | undefined>> = {}): NodeJS.ProcessEnv {
  const given = {
    REGISTRY_URL: url,
    REGISTRY_USER: RECEIVER_CREDENTIALS.username,
    REGISTRY_FACILITY: RECEIVER_CREDENTIALS.organisation,
    ...more,
  };
  const { REDIS_URL: _redis, WAYBILL_DATA: _data, ...rest } = process.env;
  return Object.fromEntries(Object.entries({ ...rest, ...given }).filter(([, value]) => value !== undefined));
}

/** Starts `waybill run` without waiting for it. Ended with the test, together with its private redis-server. */
export function spawnEngine(t: TestContext, production: TestProduction, options: EngineOptions): RunningEngine {
  const args = ['run', production.config, '--data', production.data, ...(options.args ?? [])];
  const child = spawn(process.execPath, [...NODE_ARGS, ...(options.nodeArgs ?? []), MAIN, ...args], {
    cwd: production.root,
    env: environment(options.url, options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
  }
  const ended = exitOf(child);
  cleanUp(t, async () => {
    child.kill('SIGKILL');
    await ended;
    await endRedis(production.data);
  });
  return {
    pid: child.pid ?? 0,
    ended,
    log: () => log,
    events: (name) => jsonLines(log).filter(({ event }) => event === name),
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
    kill(signal = 'SIGKILL') {
      child.kill(signal);
      return ended;
    },
    ready: () =>
      until(
        'the engine is ready',
        async () => {
          if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the engine ended:\n${log}`);
          return answersHealth(production.data);
        },
        30_000,
      ),
  };
}

/** Starts `waybill run` and waits until it is ready. */
export async function startEngine(
  t: TestContext,
  production: TestProduction,
  options: EngineOptions,
): Promise<RunningEngine> {
  const engine = spawnEngine(t, production, options);
  await engine.ready();
  return engine;
}

export interface WaybillOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** Runs one command line of `waybill` to its end. */
export async function waybill(args: readonly string[], options: WaybillOptions = {}): Promise<Ran> {
  const child = spawn(process.execPath, [...NODE_ARGS, MAIN, ...args], {
    cwd: options.cwd ?? PROJECT_FOLDER,
    env: environment('http://127.0.0.1:9/soap', options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString();
    });
  }
  return { ...(await exitOf(child)), ...texts };
}

/** Asks the ledger of a production, as the commands do; works while the engine runs and while it does not. */
export function askLedger<K extends keyof Questions>(
  production: TestProduction,
  question: K,
  request: Questions[K]['with'],
): Questions[K]['gives'] {
  const ledger = openLedger(join(production.data, 'ledger.db'));
  try {
    return ledger.ask(question, request);
  } finally {
    ledger.close();
  }
}

/** Waits until a number of submissions are known and all of them settled or refused. */
export async function untilSettled(production: TestProduction, submissions: number, withinMs = 30_000): Promise<void> {
  await until(
    `${submissions} submissions are settled`,
    () => {
      if (!existsSync(join(production.data, 'ledger.db'))) return false;
      const rows = askLedger(production, 'submissions', { limit: submissions + 1 });
      return (
        rows.length >= submissions &&
        rows.every(({ state, settledAt }) => settledAt !== undefined || state === 'refused')
      );
    },
    withinMs,
  );
}

/** How many messages of a destination stand in each state. */
export function countsOf(production: TestProduction, destination = 'registry'): Readonly<Record<string, number>> {
  const found = askLedger(production, 'status', {}).destinations.find(({ name }) => name === destination);
  return { ...found?.counts };
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  await once(child, 'close');
  return { code: child.exitCode, signal: child.signalCode };
}

async function answersHealth(data: string): Promise<boolean> {
  const dispatcher = new Agent({ connect: { socketPath: socketPath(data, 'control.sock') } });
  try {
    const { statusCode, body } = await request('http://waybill/health/ready', { dispatcher });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  } finally {
    await dispatcher.close();
  }
}

/** Ends a redis-server that a killed engine left behind; does nothing where none was left. */
async function endRedis(data: string): Promise<void> {
  if (!existsSync(join(data, 'redis', 'redis.pid'))) return;
  const server = await startRedisServer({ dataFolder: data, logger: recordingLogger() });
  await server.stop();
}

function jsonLines(text: string): readonly Readonly<Record<string, unknown>>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
