/** A full disk: no yes for what was not kept, health says why, and all goes on when there is room. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statfsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Agent, request } from 'undici';
import { socketPath } from '../../engine/socket-path.ts';
import { control } from '../support/crash.ts';
import { askLedger } from '../support/engine.ts';
import type { TestProduction } from '../support/production.ts';
import { cleanUp, redisSkip, until } from '../support/redis.ts';
import type { TestFile } from './files.ts';
import { type Rig, startRig } from './rig.ts';

const ROOT = process.getuid?.() === 0;
const TMPFS_BYTES = 8_000_000;

/** Why a test that mounts is skipped: only root may mount, and some containers forbid it to root as well. */
function mountSkip(): string | false {
  if (!ROOT) return 'only root may mount a tmpfs';
  return process.platform === 'linux' ? false : 'a tmpfs is a thing of Linux';
}

/** Puts the data folder on a small disk of its own. */
async function smallDisk(t: TestContext, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${TMPFS_BYTES}`, 'tmpfs', folder]);
  cleanUp(t, () => execFileSync('umount', [folder]));
}

/** Lets a folder only be read, as a disk does that has had a fault; gives what ends that, at the latest after the test. */
function readOnly(t: TestContext, folder: string): () => void {
  execFileSync('mount', ['--bind', folder, folder]);
  execFileSync('mount', ['-o', 'remount,bind,ro', folder]);
  let ended = false;
  const end = () => {
    if (!ended) execFileSync('umount', [folder]);
    ended = true;
  };
  cleanUp(t, end);
  return end;
}

/** Fills what is free. */
async function fill(folder: string): Promise<string> {
  const path = join(folder, 'ballast');
  const { bavail, bsize } = statfsSync(folder);
  await writeFile(path, new Uint8Array(bavail * bsize)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOSPC') throw error;
  });
  return path;
}

async function submit(production: TestProduction, file: TestFile): Promise<number> {
  const dispatcher = new Agent({ connect: { socketPath: socketPath(production.data, 'control.sock') } });
  try {
    const url = `http://waybill/control/submit?service=drop&name=${file.name}`;
    const answer = await request(url, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: file.bytes,
    });
    await answer.body.dump();
    return answer.statusCode;
  } finally {
    await dispatcher.close();
  }
}

interface Health {
  readonly ready: boolean;
  readonly ledger: string;
}

async function health(rig: Rig): Promise<Health> {
  return (await control(rig.production, '/health/ready')).body as Health;
}

function known(rig: Rig, file: TestFile): boolean {
  return askLedger(rig.production, 'submissions', { name: file.name, limit: 1 }).length > 0;
}

/** True while the file waits in the inbox or in work/, and nowhere else. */
function waits(rig: Rig, { name }: TestFile): boolean {
  const names = readdirSync(rig.production.inbox, { recursive: true }).map(String);
  const found = names.filter((path) => path.endsWith(name));
  return found.length === 1 && !/^(done|failed)\//.test(found[0] ?? '');
}

describe('a full disk', { concurrency: 2, skip: redisSkip() }, () => {
  test('the disk of the data folder: files wait, submit is refused, health is red, all goes on with room', {
    skip: mountSkip(),
  }, async (t) => {
    const rig = await startRig(t);
    const { production, make } = rig;
    await smallDisk(t, production.data);
    const engine = rig.spawn();
    await engine.ready();
    await rig.drop(make.make('utf8', 60));
    await rig.settled();

    const ballast = await fill(production.data);
    const late = [make.make('utf8', 1080, true), make.make('utf16', 700), make.make('cp1252', 700)];
    for (const file of late) await rig.drop(file);
    await until('health is red', async () => !(await health(rig)).ready, 20_000);
    assert.match((await health(rig)).ledger, /^cannot be written: (ENOSPC|STORE_FULL): /);
    const refused = make.make('utf8', 800);
    assert.ok((await submit(production, refused)) >= 400);
    assert.deepEqual(
      [...late, refused].map((file) => known(rig, file)),
      [false, false, false, false],
    );
    assert.deepEqual(
      late.map((file) => waits(rig, file)),
      [true, true, true],
    );

    await rm(ballast);
    await until('health is green again', async () => (await health(rig)).ready, 20_000);
    await rig.settled();
    assert.equal(await submit(production, refused), 200);
    await until('the submitted one is settled', () => {
      const [row] = askLedger(production, 'submissions', { name: refused.name, limit: 1 });
      return row?.settledAt !== undefined;
    });
    assert.deepEqual(await engine.stop(), { code: 0, signal: null }, engine.log().slice(-2000));
    assert.equal(engine.events('storeFailed').length, 1);
    rig.note(refused);
    const { problems } = rig.look();
    assert.deepEqual(problems, [`done/ holds 0 files of ${refused.name}`]);
  });

  test('the disk fills up while calls are in flight: answers wait, nothing is sent twice', {
    skip: mountSkip(),
  }, async (t) => {
    const rig = await startRig(t, { batch: 20 });
    await smallDisk(t, rig.production.data);
    const engine = rig.spawn();
    await engine.ready();
    rig.receiver.door = 'hold';
    await rig.drop(rig.make.make('utf8', 400));
    await until('a call is in flight', () => rig.receiver.arrived() > 0);
    const ballast = await fill(rig.production.data);
    await rig.drop(rig.make.make('utf16', 300));
    rig.receiver.door = 'pass';
    await until('health is red', async () => !(await health(rig)).ready, 20_000);
    await rm(ballast);
    await rig.settled();
    assert.deepEqual(await engine.stop(), { code: 0, signal: null }, engine.log().slice(-2000));
    assert.equal(rig.holds().doubled, 0);
    assert.equal(engine.events('batchInDoubt').length, 0);
  });

  test('bodies can only be read: files wait, submit is refused, health is red, all goes on once they can be written', {
    skip: mountSkip(),
  }, async (t) => {
    const rig = await startRig(t);
    const { production, make } = rig;
    const engine = rig.spawn();
    await engine.ready();
    await rig.drop(make.make('utf8', 60));
    await rig.settled();
    const writable = readOnly(t, join(production.data, 'bodies'));

    const late = [make.make('utf8', 300), make.make('utf16', 300)];
    for (const file of late) await rig.drop(file);
    await until('health is red', async () => !(await health(rig)).ready, 20_000);
    assert.match((await health(rig)).ledger, /^cannot be written: EROFS: /);
    const refused = make.make('cp1252', 60);
    assert.ok((await submit(production, refused)) >= 400);
    assert.deepEqual(
      [...late, refused].map((file) => known(rig, file)),
      [false, false, false],
    );
    assert.ok(late.every((file) => waits(rig, file)));

    writable();
    await until('health is green again', async () => (await health(rig)).ready, 20_000);
    await rig.settled();
    assert.deepEqual(await engine.stop(), { code: 0, signal: null }, engine.log().slice(-2000));
    assert.deepEqual([rig.holds().doubled, rig.holds().lost], [0, 0]);
  });

  test('a data folder that can only be read: the engine does not start, and says why', {
    skip: mountSkip(),
  }, async (t) => {
    const rig = await startRig(t);
    await mkdir(rig.production.data, { recursive: true });
    readOnly(t, rig.production.data);
    const engine = rig.spawn();
    assert.notEqual((await engine.ended).code, 0);
    assert.match(engine.log(), /STORE_FAILED.*permissions|permissions.*STORE_FAILED/s);
  });

  for (const nth of [1, 7, 20]) {
    test(`the ledger is full at member ${nth} of what is submitted at once: a yes for what was kept, and only for that`, async (t) => {
      const rig = await startRig(t);
      const engine = rig.spawn();
      await engine.ready();
      // Long names, so that what is accepted needs new pages of the ledger.
      const files = Array.from({ length: 40 }, () => {
        const file = rig.make.make('utf8', 5);
        return { ...file, name: file.name.replace('.csv', `-${'x'.repeat(200)}.csv`) };
      });
      await engine.arm({ label: 'accept.beforeCommit', nth, fault: 'diskFull' });
      await until('the plug is armed', () => engine.log().includes('"armed"'));
      const answers = await Promise.all(files.map((file) => submit(rig.production, file)));
      const refused = files.filter((_, index) => answers[index] !== 200);
      assert.ok(engine.fired() && refused.length > 0, `answers: ${answers.join(' ')}`);
      assert.deepEqual(
        files.map((file) => known(rig, file)),
        answers.map((status) => status === 200),
      );
      // One may still find a place in a page that is there: room is when all of them have.
      for (const file of refused) {
        await until('there is room again', async () => (await submit(rig.production, file)) === 200, 20_000);
      }
      await until('all is settled', () => {
        const rows = askLedger(rig.production, 'submissions', { limit: 100 });
        return rows.length === files.length && rows.every(({ settledAt }) => settledAt !== undefined);
      });
      assert.deepEqual(await engine.stop(), { code: 0, signal: null });
      assert.equal(existsSync(join(rig.production.data, 'bodies')), true);
      assert.equal(readdirSync(join(rig.production.data, 'bodies')).length, files.length);
    });
  }
});
