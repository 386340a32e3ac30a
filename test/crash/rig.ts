/** One data folder, one receiver behind a door, and the files that went in: what the tests of single faults share. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type PluggedEngine,
  readLedger,
  readTwinLog,
  spawnPlugged,
  untilSubmissionsSettled,
} from '../support/crash.ts';
import type { TestProduction } from '../support/production.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/redis.ts';
import { type Audit, audit, type Death, folderProblems } from './audit.ts';
import { FileMaker, type TestFile } from './files.ts';
import { BATCH, crashProduction, type Policy } from './production.ts';

export interface RigOptions {
  readonly policy?: Policy;
  /** Messages of a batch. */
  readonly batch?: number;
  /** What stands between engine and receiver: is given the receiver's address, gives its own. */
  readonly between?: (url: string) => Promise<string>;
}

export interface Rig {
  readonly production: TestProduction;
  readonly receiver: Receiver;
  readonly twinLog: string;
  readonly url: string;
  readonly make: FileMaker;
  readonly files: readonly TestFile[];
  drop(file: TestFile): Promise<void>;
  /** Counts a file that came in another way. */
  note(file: TestFile): void;
  /** Starts an engine that can be told to die; not waited for. */
  spawn(env?: Readonly<Record<string, string | undefined>>): PluggedEngine;
  /** Notes what was committed, after a process died. */
  died(label: string): void;
  /** Waits until every file is settled and put away. */
  settled(withinMs?: number): Promise<void>;
  /** Everything as it is now; `problems` may hold what is only not yet done. */
  look(): Audit;
  /** Everything holds. @throws AssertionError */
  holds(): Audit;
}

export async function startRig(t: TestContext, options: RigOptions = {}): Promise<Rig> {
  const { policy = 'hold', batch = BATCH, between } = options;
  const production = await crashProduction(t, { policy }, batch);
  const twinLog = join(production.root, 'twin.log');
  const receiver = await startReceiver(t, { log: twinLog, logMessages: true });
  const url = (await between?.(receiver.url)) ?? receiver.url;
  const files: TestFile[] = [];
  const deaths: Death[] = [];
  const look = () => audit({ production, files, taken: readTwinLog(twinLog), deaths });
  return {
    production,
    receiver,
    twinLog,
    url,
    make: new FileMaker(),
    files,
    async drop(file) {
      files.push(file);
      await production.drop(file.name, file.bytes);
    },
    note(file) {
      files.push(file);
    },
    spawn: (env) => spawnPlugged(t, production, { url, ...(env ? { env } : {}) }),
    died(label) {
      deaths.push({ label, delivered: readLedger(production).delivered, taken: receiver.counts().messages });
    },
    async settled(withinMs = 30_000) {
      await untilSubmissionsSettled(production, files.length, withinMs);
      await until('the files are put away', () => folderProblems({ production, files }).length === 0);
    },
    look,
    holds() {
      const found = look();
      assert.deepEqual(found.problems.slice(0, 20), []);
      return found;
    },
  };
}
