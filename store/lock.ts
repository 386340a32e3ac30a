import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../engine/errors.ts';
import { StoreError } from './errors.ts';

/** Who holds a data folder, for the sentence that refuses the next one. */
export interface Holder {
  readonly pid: number;
  readonly what: string;
}

export interface Lock {
  release(): void;
}

const SQLITE_BUSY = 5;

/**
 * Takes the data folder for this process, and makes it where there is none: an exclusive transaction on a file of its
 * own, which the operating system ends when the process dies. Nothing else may ever open that file, since any close of it
 * in this process drops the lock.
 * @throws StoreError `STORE_LOCKED` naming who holds it; `STORE_FAILED` where the folder cannot be used at all.
 */
export function takeLock(dataFolder: string, what: string): Lock {
  const holderPath = join(dataFolder, 'holder.json');
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dataFolder, { recursive: true });
    db = new DatabaseSync(join(dataFolder, 'lock'), { timeout: 0 });
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    writeFileSync(holderPath, JSON.stringify({ pid: process.pid, what } satisfies Holder));
  } catch (error) {
    db?.close();
    throw isBusy(error) ? held(dataFolder, holderPath) : unusable(dataFolder, error);
  }
  const taken = db;
  return {
    release() {
      if (!taken.isOpen) return;
      rmSync(holderPath, { force: true });
      taken.close();
    },
  };
}

function held(dataFolder: string, holderPath: string): StoreError {
  return new StoreError(
    'STORE_LOCKED',
    `The data folder ${dataFolder} is held by ${describeHolder(holderPath)}: stop that first, or use another folder with --data.`,
  );
}

function unusable(dataFolder: string, error: unknown): StoreError {
  return new StoreError(
    'STORE_FAILED',
    `The data folder ${dataFolder} cannot be used (${messageOf(error)}): look at its owner and permissions, or use another folder with --data.`,
    { cause: error },
  );
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && Number(error.errcode) % 256 === SQLITE_BUSY;
}

function describeHolder(path: string): string {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Holder;
    return `${holder.what} (process ${holder.pid})`;
  } catch {
    return 'another process';
  }
}
