/** The sample production with a receiver beside it, until it is told to stop. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadProduction } from '../../engine/config/load.ts';
import type { Production } from '../../engine/contracts/production.ts';
import { loadAdapters, PROJECT_FOLDER } from '../../engine/registry.ts';
import { type Child, startChild, startReceiver, untilReady, WAYBILL } from './children.ts';
import { sampleEnvironment } from './credentials.ts';
import { StartError } from './errors.ts';
import { type MongoServer, startMongo } from './mongo.ts';
import { shown } from './shown.ts';

export interface StartOptions {
  /** Folder with production.yaml. */
  readonly production: string;
  /** Kept from one start to the next. */
  readonly data: string;
  /** Aborted when all is to end. */
  readonly signal: AbortSignal;
}

/**
 * Runs engine and receiver; ends both, whatever happens. The engine's log goes to the terminal.
 * @returns 0 where it was told to stop and both ended in order, else 1
 */
export async function start(options: StartOptions): Promise<number> {
  const children: Child[] = [];
  const { signal } = options;
  let mongo: MongoServer | undefined;
  try {
    mkdirSync(options.data, { recursive: true, mode: 0o700 });
    mongo = await startMongo(join(options.data, 'mongodb'), signal);
    await run(options, mongo, children);
  } catch (error) {
    if (!signal.aborted) {
      if (!(error instanceof StartError)) throw error;
      process.stderr.write(`${error.message}\n`);
    }
  } finally {
    for (const child of children.toReversed()) await child.stop();
    await mongo?.stop();
  }
  const ends = await Promise.all(children.map(({ ended }) => ended));
  return signal.aborted && ends.every((end) => end === 'code 0') ? 0 : 1;
}

async function run({ production, data, signal }: StartOptions, mongo: MongoServer, children: Child[]): Promise<void> {
  const env = sampleEnvironment();
  const receiver = await startReceiver([WAYBILL, 'twin', '--log', join(data, 'receiver.log')], env);
  children.push(receiver);
  signal.throwIfAborted();
  const engineEnv = { ...env, REGISTRY_URL: receiver.url, MONGODB_URL: mongo.url };
  const engine = startChild([WAYBILL, 'run', production, '--data', data], { env: engineEnv, output: 'inherit' });
  children.push(engine);
  await untilReady(engine, data, signal);
  for (const line of await welcome(production, data, engineEnv, receiver.url, mongo.url))
    process.stdout.write(`${line}\n`);

  const told = new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
  if (signal.aborted) return;
  const first = await Promise.race([told, engine.ended.then(() => 'engine'), receiver.ended.then(() => 'receiver')]);
  if (first === 'engine') throw new StartError(`The engine ended (${await engine.ended}); its log stands above.`);
  if (first === 'receiver') throw new StartError(`The receiver ended (${await receiver.ended}).`);
}

async function welcome(
  folder: string,
  data: string,
  env: NodeJS.ProcessEnv,
  receiver: string,
  mongo: string,
): Promise<string[]> {
  const { production } = await loadProduction(folder, await loadAdapters(), { env });
  const own = data === join(PROJECT_FOLDER, 'data') ? '' : ` --data ${shown(data)}`;
  return [
    `Waybill runs ${shown(folder)}. Ctrl-C ends it; what is in ${shown(data)} stays.`,
    '',
    ...(production ? [...inboxes(production), ...uploads(production, shown(folder)), ...monitor(production)] : []),
    `  receiver    ${receiver} (waybill twin); what it counted: ${new URL('/counts', receiver).href}`,
    `  documents   ${new URL(mongo).host} (MongoDB)`,
    `  status      npx waybill status${own}`,
    `  files       npx waybill submissions${own}`,
    `  one row     npx waybill trace FILE:LINE${own}`,
    '',
  ];
}

function inboxes(production: Production): string[] {
  const lines: string[] = [];
  for (const { type, config } of Object.values(production.services)) {
    if (type !== 'file-drop' || typeof config !== 'object' || config === null || !('folder' in config)) continue;
    lines.push(`  drop files  ${shown(resolve(production.folder, String(config.folder)))}${globsOf(config)}`);
  }
  if (production.folder === join(PROJECT_FOLDER, 'config') && lines.length > 0) {
    lines.push('  try         cp config/samples/vaccinations.csv data/inbox/');
  }
  return lines;
}

function uploads({ listen, services }: Production, folder: string): string[] {
  if (!listen) return [];
  const base = `${listen.tls ? 'https' : 'http'}://${listen.host}:${listen.port}`;
  const lines = Object.values(services).flatMap(({ config }) => {
    const path = typeof config === 'object' && config !== null && 'path' in config ? String(config.path) : undefined;
    return path === undefined ? [] : [`  uploads     ${base}${path}`];
  });
  return lines.length === 0 ? [] : [...lines, `  partners    npx waybill partner add NAME ${folder}`];
}

function globsOf(config: object): string {
  if (!('files' in config) || !Array.isArray(config.files)) return '';
  const globs = config.files.flatMap((rule: unknown) => {
    return typeof rule === 'object' && rule !== null && 'glob' in rule ? [String(rule.glob)] : [];
  });
  return ` (${globs.join(', ')})`;
}

function monitor({ monitor: place }: Production): string[] {
  if (!place) return [];
  const base = `http://${place.host}:${place.port}`;
  return [`  health      ${base}/health/ready`, `  metrics     ${base}/metrics`];
}
