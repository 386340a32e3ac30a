import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { SCHEMA_VERSION } from '../../store/sqlite/database.ts';
import { openLedger } from '../../store/sqlite/reader.ts';
import { dataFolder, openOne } from './ledger.ts';
import { runChild } from './process.ts';
import { accept } from './support.ts';

function numbers(ledger: ReturnType<typeof openLedger>): number[] {
  return ledger.ask('submissions', { limit: 10 }).map((row) => row.number);
}

test('reads while the engine writes, and sees what was committed', async (t) => {
  const path = join(dataFolder(t), 'ledger.db');
  const store = await openOne(path);
  await accept(store, 1);
  const ledger = openLedger(path);
  assert.deepEqual(numbers(ledger), [1]);
  await accept(store, 2);
  assert.deepEqual(numbers(ledger), [2, 1]);
  ledger.close();
  await store.close();
});

test('reads where no engine runs, and leaves the folder as it was', async (t) => {
  const folder = dataFolder(t);
  const path = join(folder, 'ledger.db');
  const store = await openOne(path);
  await accept(store, 1);
  await store.close();
  assert.deepEqual(readdirSync(folder), ['ledger.db']);
  const ledger = openLedger(path);
  assert.deepEqual(numbers(ledger), [1]);
  assert.equal(ledger.ask('facts', {}).schemaVersion, SCHEMA_VERSION);
  ledger.close();
  assert.deepEqual(readdirSync(folder), ['ledger.db']);
});

test('notices an engine that starts, and one that came and went', async (t) => {
  const path = join(dataFolder(t), 'ledger.db');
  await (await openOne(path)).close();
  const ledger = openLedger(path);
  assert.deepEqual(numbers(ledger), []);
  const store = await openOne(path);
  await accept(store, 1);
  assert.deepEqual(numbers(ledger), [1]);
  await accept(store, 2);
  await store.close();
  assert.deepEqual(numbers(ledger), [2, 1]);
  ledger.close();
});

test('reads what an engine left that was killed', async (t) => {
  const path = join(dataFolder(t), 'ledger.db');
  assert.equal((await runChild(t, ['accept', path])).said, 'stored');
  assert.ok(existsSync(`${path}-wal`));
  const ledger = openLedger(path);
  assert.deepEqual(numbers(ledger), [1]);
  ledger.close();
});

test('where there is no ledger it says so and makes none', (t) => {
  const folder = dataFolder(t);
  assert.throws(() => openLedger(join(folder, 'ledger.db')), {
    code: 'STORE_MISSING',
    message: /name the data folder with --data/,
  });
  assert.deepEqual(readdirSync(folder), []);
});

test('refuses another schema version with a sentence, for writing only a newer one', async (t) => {
  const path = join(dataFolder(t), 'ledger.db');
  await (await openOne(path)).close();
  for (const version of [SCHEMA_VERSION + 1, SCHEMA_VERSION - 1]) {
    const raw = new DatabaseSync(path);
    raw.exec(`PRAGMA user_version = ${version}`);
    raw.close();
    assert.throws(() => openLedger(path), {
      code: 'STORE_NEWER',
      message: new RegExp(`schema version ${version}, this Waybill knows version ${SCHEMA_VERSION}`),
    });
    if (version > SCHEMA_VERSION)
      await assert.rejects(openOne(path), { code: 'STORE_NEWER', message: /use the Waybill that wrote it/ });
  }
});

test('what is no ledger is refused', async (t) => {
  const path = join(dataFolder(t), 'ledger.db');
  writeFileSync(path, 'this is no database, but it is long enough to look like something. '.repeat(100));
  assert.throws(() => openLedger(path), { code: 'STORE_FAILED' });
  await assert.rejects(openOne(path), { code: 'STORE_FAILED' });
});

test('the ledger is made as it must be', async (t) => {
  const path = join(dataFolder(t), 'ledger.db');
  await (await openOne(path)).close();
  const raw = new DatabaseSync(path);
  assert.deepEqual({ ...raw.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'wal' });
  assert.deepEqual({ ...raw.prepare('PRAGMA auto_vacuum').get() }, { auto_vacuum: 2 });
  raw.close();
});
