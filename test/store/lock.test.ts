import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeLock } from '../../store/lock.ts';
import { dataFolder } from './ledger.ts';
import { startChild } from './process.ts';

test('a second process is refused by a sentence that names the first; kill -9 frees the folder', async (t) => {
  const folder = dataFolder(t);
  const engine = startChild(t, ['lock', folder]);
  await once(engine.stdout ?? engine, 'data');
  assert.throws(
    () => takeLock(folder, 'a command'),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'STORE_LOCKED');
      assert.match(error.message, new RegExp(`held by the engine \\(process ${engine.pid}\\): stop that first`));
      return true;
    },
  );
  engine.kill('SIGKILL');
  await once(engine, 'exit');
  const lock = takeLock(folder, 'a command');
  lock.release();
  lock.release();
});

test('a failed attempt in the same process does not drop the lock', async (t) => {
  const folder = dataFolder(t);
  const lock = takeLock(folder, 'the engine');
  assert.throws(() => takeLock(folder, 'a command'), { code: 'STORE_LOCKED' });
  const other = startChild(t, ['lock', folder]);
  const [said] = await once(other.stdout ?? other, 'data');
  assert.match(String(said), /is held by the engine/);
  lock.release();
  takeLock(folder, 'the next one').release();
});

test('a folder that cannot be used is not said to be locked', (t) => {
  const file = join(dataFolder(t), 'a-file');
  writeFileSync(file, '');
  assert.throws(() => takeLock(file, 'the engine'), { code: 'STORE_FAILED' });
});
