/**
 * A MongoDB server for tests: a process of its own with a data folder of its own, gone afterwards; or the server that
 * MONGODB_URL names. Each test has a database of a random name. What is found first: see scripts/mongo.mjs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Db, MongoClient } from 'mongodb';
import { findMongo } from '../../scripts/mongo.mjs';
import { freePort } from '../../scripts/start/free-port.ts';
import { cleanUp, temporaryFolder, until } from './redis.ts';

export interface TestMongo {
  readonly url: string;
  /** A name that no other test uses; the database is dropped after the test. */
  readonly database: string;
  /** For looking at what arrived, with a client of its own. */
  readonly db: Db;
  readonly client: MongoClient;
  /** Ends the server at once, in the middle of whatever it does. */
  kill(): Promise<void>;
  /** Starts it again on the same data and the same port. */
  restart(): Promise<void>;
}

/** Why a test that needs a server is skipped on a person's machine; in CI a missing one is an error. */
export function mongoSkip(): string | false {
  if (findMongo() !== undefined) return false;
  if (process.env.CI) throw new Error('there is no MongoDB server; `npm test` installs one where it can');
  return 'there is no MongoDB server (node scripts/mongo.mjs installs one)';
}

/** The same for a test that kills the server or starts it with options of its own, which nobody does to a given one. */
export function ownMongoSkip(): string | false {
  return findMongo()?.kind === 'url' ? 'MONGODB_URL names a server that is not ours to end' : mongoSkip();
}

/** And for one that needs options that only the small server is given here (users, certificates). */
export function smallMongoSkip(): string | false {
  const found = findMongo();
  return found !== undefined && found.kind !== 'secantusdb'
    ? `written for the small server, and ${found.kind} comes first`
    : mongoSkip();
}

interface Running {
  readonly port: number;
  readonly child: ChildProcess;
}

/** Starts a server whose data and log lie in this folder. */
async function start(folder: string, given: number | undefined, more: readonly string[]): Promise<Running> {
  const found = findMongo();
  if (found === undefined || found.kind === 'url') throw new Error('no server of our own');
  const port = given ?? (await freePort());
  const data = join(folder, 'data');
  await mkdir(data, { recursive: true });
  const log = join(folder, `${port}-${randomBytes(4).toString('hex')}.log`);
  const out = openSync(log, 'a');
  const child = spawn(found.command, [...found.args({ port, folder: data }), ...more], {
    cwd: folder,
    stdio: ['ignore', out, out],
  });
  closeSync(out);
  await until(
    'the MongoDB server listens',
    async () => {
      const said = await readFile(log, 'utf8');
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended:\n${said}`);
      return /listening on|Waiting for connections/i.test(said);
    },
    60_000,
  );
  return { port, child };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

export interface MongoOptions {
  /** Added to the server's command line; only for tests with `smallMongoSkip`. */
  readonly args?: readonly string[];
  /** Written into the url: `user:password`. */
  readonly credentials?: string;
  /** Options of the url. */
  readonly options?: string;
  /** A data folder that a server had before. */
  readonly folder?: string;
}

/** A server of its own, whatever MONGODB_URL says. */
export async function ownMongo(t: TestContext, options: MongoOptions = {}): Promise<TestMongo> {
  const folder = options.folder ?? (await temporaryFolder(t, 'waybill-mongo-'));
  let running = await start(folder, undefined, options.args ?? []);
  cleanUp(t, () => end(running.child));
  const user = options.credentials === undefined ? '' : `${options.credentials}@`;
  const url = `mongodb://${user}127.0.0.1:${running.port}/${options.options ?? ''}`;
  return {
    ...look(t, url),
    kill: () => end(running.child),
    async restart() {
      await end(running.child);
      running = await start(folder, running.port, options.args ?? []);
    },
  };
}

function look(t: TestContext, url: string): Omit<TestMongo, 'kill' | 'restart'> {
  const database = `waybill_${randomBytes(6).toString('hex')}`;
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 10_000 });
  cleanUp(t, () => client.close());
  return { url, database, db: client.db(database), client };
}

let shared: Promise<string> | undefined;

/** One server for all tests of this process that do not end it; gone with the process. */
async function sharedServer(): Promise<string> {
  const found = findMongo();
  if (found?.kind === 'url') return found.url;
  const folder = await mkdtemp(join(tmpdir(), 'waybill-mongo-'));
  const { port, child } = await start(folder, undefined, []);
  child.unref();
  process.once('exit', () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  return `mongodb://127.0.0.1:${port}/`;
}

/** A database of the test's own, on a server that it shares with others. */
export async function testMongo(t: TestContext): Promise<Omit<TestMongo, 'kill' | 'restart'>> {
  shared ??= sharedServer();
  const mongo = look(t, await shared);
  cleanUp(t, () => mongo.db.dropDatabase());
  return mongo;
}
