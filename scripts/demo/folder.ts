/** A fresh place for each demo: a copy of the sample production with ports of its own, and its data. */

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { codeOf, messageOf } from '../../engine/errors.ts';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { startRedisServer } from '../../queue/redis-server.ts';
import { takeLock } from '../../store/lock.ts';
import { StartError } from '../start/errors.ts';
import { freePort } from '../start/free-port.ts';

export interface DemoFolder {
  readonly root: string;
  readonly config: string;
  readonly data: string;
  /** Where the sample production takes files from. */
  readonly inbox: string;
  /** What is dropped, and what the partner uploads. */
  readonly sample: string;
  readonly uploadCsv: string;
  readonly uploadPdf: string;
  readonly mongo: string;
  /** Where the listener for partners is. */
  readonly listener: string;
  readonly receiverLog: string;
  readonly engineLog: string;
}

/** Keys of production.yaml under which a TCP port is taken; the demo must not meet whoever holds the usual ones. */
const LISTENERS = ['monitor', 'listen'];
const FOLDER_MARK = '.waybill-demo';

/**
 * Makes the folder anew; what an earlier demo left there is ended and removed.
 * @throws StartError where a demo runs there, or the folder is not one of a demo
 */
export async function freshFolder(root: string): Promise<DemoFolder> {
  const samples = join(root, 'config', 'samples');
  const folder = {
    root,
    config: join(root, 'config'),
    data: join(root, 'data'),
    inbox: join(root, 'data', 'inbox'),
    sample: join(samples, 'vaccinations.csv'),
    uploadCsv: join(samples, 'north-clinic.csv'),
    uploadPdf: join(samples, 'consent.pdf'),
    mongo: join(root, 'mongodb'),
    receiverLog: join(root, 'receiver.log'),
    engineLog: join(root, 'engine.log'),
  };
  await clear(folder);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  writeFileSync(join(root, FOLDER_MARK), 'Made by npm run demo, which removes this folder at its next run.\n');
  cpSync(join(PROJECT_FOLDER, 'config'), folder.config, { recursive: true });
  const ports = await useFreePorts(join(folder.config, 'production.yaml'));
  return { ...folder, listener: `http://127.0.0.1:${ports.get('listen')}` };
}

async function clear({ root, data }: Pick<DemoFolder, 'root' | 'data'>): Promise<void> {
  if (!existsSync(root)) return;
  if (!existsSync(join(root, FOLDER_MARK))) {
    throw new StartError(`${root} was not made by the demo, so it is left alone: name another folder with --folder.`);
  }
  if (existsSync(data)) {
    refuseRunning(data);
    await endLeftRedis(data);
  }
  rmSync(root, { recursive: true, force: true });
}

function refuseRunning(data: string): void {
  try {
    takeLock(data, 'the demo').release();
  } catch (error) {
    if (codeOf(error) !== 'STORE_LOCKED') throw error;
    throw new StartError(`Another demo runs, or was killed and left its engine behind. ${messageOf(error)}`);
  }
}

/** A killed demo leaves its redis-server behind; without its folder nobody would ever end it. */
async function endLeftRedis(data: string): Promise<void> {
  if (!existsSync(join(data, 'redis', 'redis.pid'))) return;
  const nothing = () => undefined;
  const server = await startRedisServer({
    dataFolder: data,
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  await server.stop();
}

/** @returns the ports by their keys */
async function useFreePorts(path: string): Promise<ReadonlyMap<string, number>> {
  const production = parseDocument(readFileSync(path, 'utf8'));
  const ports = new Map<string, number>();
  for (const key of LISTENERS) {
    const port = await freePort();
    production.setIn([key, 'port'], port);
    ports.set(key, port);
  }
  writeFileSync(path, production.toString({ lineWidth: 0 }));
  return ports;
}
