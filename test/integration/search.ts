/** Everything that a running engine wrote or says, to be searched for what must not be in it. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';
import { Redis } from 'ioredis';
import { Agent, request } from 'undici';
import { codeOf } from '../../engine/errors.ts';
import { socketPath } from '../../engine/socket-path.ts';

/** One thing that was written or said, and where. */
export interface Trace {
  readonly where: string;
  readonly bytes: Buffer;
}

export const said = (where: string, text: string): Trace => ({ where, bytes: Buffer.from(text) });

/** Where any of these words stands, in any case, as UTF-8 or UTF-16, or as base64 of the whole word. */
export function placesOf(traces: readonly Trace[], words: readonly string[]): readonly string[] {
  const forms = words.flatMap((word) => [word, Buffer.from(word).toString('base64').replace(/=+$/, '')]);
  const found = traces.filter(({ bytes }) => {
    const [narrow, wide] = [bytes.toString('latin1'), bytes.toString('latin1').replaceAll('\0', '')].map((text) =>
      text.toLowerCase(),
    );
    return forms.some((form) => narrow?.includes(form.toLowerCase()) || wide?.includes(form.toLowerCase()));
  });
  return found.map(({ where }) => where);
}

/** Every file below a folder, as bytes; one that an engine moves meanwhile is found at its new place, or not at all. */
export function files(folder: string): readonly Trace[] {
  const names = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  return names.flatMap((path) => {
    try {
      return statSync(path).isFile() ? [{ where: `file ${relative(folder, path)}`, bytes: readFileSync(path) }] : [];
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  });
}

const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** A blob of the ledger, unpacked where it is packed: alone, or behind its length. */
function unpacked(blob: Buffer): Buffer {
  const at = [0, 4].find((offset) => blob.subarray(offset, offset + 4).equals(ZSTD));
  return at === undefined ? blob : zstdDecompressSync(blob.subarray(at));
}

/** Every value of every column of the ledger. */
export function ledgerColumns(path: string): readonly Trace[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return tables.flatMap(({ name }) =>
      database
        .prepare(`SELECT * FROM "${name}"`)
        .all()
        .flatMap((row) =>
          Object.entries(row).map(([column, value]) => ({
            where: `column ${name}.${column}`,
            bytes: value instanceof Uint8Array ? unpacked(Buffer.from(value)) : Buffer.from(String(value)),
          })),
        ),
    );
  } finally {
    database.close();
  }
}

/** Every key of a Redis with its content, as its own dump. */
export async function redisKeys(socket: string): Promise<readonly Trace[]> {
  const redis = new Redis({ path: socket, lazyConnect: true });
  await redis.connect();
  try {
    const keys = await redis.keys('*');
    const traces: Trace[] = [];
    for (const key of keys) {
      traces.push(said(`redis key ${key}`, key));
      const type = await redis.type(key);
      const content = await contentOf(redis, key, type);
      traces.push(said(`redis ${type} ${key}`, JSON.stringify(content)));
    }
    return traces;
  } finally {
    redis.disconnect();
  }
}

function contentOf(redis: Redis, key: string, type: string): Promise<unknown> {
  if (type === 'hash') return redis.hgetall(key);
  if (type === 'list') return redis.lrange(key, 0, -1);
  if (type === 'set') return redis.smembers(key);
  if (type === 'zset') return redis.zrange(key, '0', '-1');
  if (type === 'stream') return redis.xrange(key, '-', '+');
  return redis.get(key);
}

/** Health and metrics as they are served. */
export async function served(data: string): Promise<readonly Trace[]> {
  const dispatcher = new Agent({ connect: { socketPath: socketPath(data, 'control.sock') } });
  try {
    const paths = ['/health/live', '/health/ready', '/metrics', '/nothing'];
    return await Promise.all(
      paths.map(async (path) => {
        const { body } = await request(`http://waybill${path}`, { dispatcher });
        return said(`served ${path}`, await body.text());
      }),
    );
  } finally {
    await dispatcher.close();
  }
}

/** Command line, name and threads' names of a process. */
export function processTitles(pid: number): readonly Trace[] {
  const names = [`/proc/${pid}/cmdline`, `/proc/${pid}/comm`].map((path) => said(path, readFileSync(path, 'utf8')));
  const threads = readdirSync(`/proc/${pid}/task`).map((id) => readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8'));
  return [...names, said(`threads of ${pid}`, threads.join())];
}
