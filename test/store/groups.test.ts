import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { Database, openForWriting } from '../../store/sqlite/database.ts';
import { type Member, runGroup } from '../../store/sqlite/groups.ts';
import { accept, putSnapshot } from '../../store/sqlite/write-accept.ts';
import { dataFolder, openOne } from './ledger.ts';
import { runChild } from './process.ts';
import { audit, SNAPSHOT, accept as storeAccept, submission } from './support.ts';

/** Pages that small members may still use before the database is full. */
const ROOM = 8;
const LARGE = Buffer.alloc(1 << 20, 1);

function member(name: string, body: Uint8Array): Member {
  return { run: (db) => putSnapshot(db, { hash: name, body }) };
}

function names(db: Database): string[] {
  return db.all('SELECT hash FROM snapshots ORDER BY hash').map((row) => String(row.hash));
}

function limit(db: Database): void {
  const pages = Number(db.get('PRAGMA page_count')?.page_count);
  db.exec(`PRAGMA max_page_count = ${pages + ROOM}`);
}

const SIZES = [1, 2, 5, 12];

for (const n of SIZES) {
  test(`the disk is full at each member of ${n}: the whole group fails, nothing of it is in the file`, (t) => {
    const path = join(dataFolder(t), 'ledger.db');
    for (let k = 0; k < n; k += 1) {
      const db = openForWriting(path);
      const before = names(db);
      limit(db);
      const group = Array.from({ length: n }, (_, m) => member(`${k}-${m}`, m === k ? LARGE : Buffer.from('small')));
      const results = runGroup(db, group);
      assert.equal(results.length, n);
      for (const result of results) assert.equal(!result.ok && result.error.code, 'STORE_FULL');
      assert.equal(db.inTransaction, false);
      assert.deepEqual(names(db), before);
      db.close();
      const reopened = openForWriting(path);
      assert.deepEqual(names(reopened), before, `group of ${n}, full at ${k}`);
      limit(reopened);
      const small = runGroup(reopened, [member(`${k}-small`, Buffer.from('small'))]);
      assert.equal(small[0]?.ok, true, 'a smaller change still fits');
      reopened.exec('PRAGMA max_page_count = 1000000');
      assert.ok(
        runGroup(reopened, group).every(({ ok }) => ok),
        'with room it goes on',
      );
      assert.equal(names(reopened).length, before.length + 1 + n);
      reopened.close();
    }
  });
}

test("a member's own constraint error undoes only itself", (t) => {
  const db = openForWriting(join(dataFolder(t), 'ledger.db'));
  const numbers = [1, 2, 2, 3];
  const group = numbers.map(
    (n, index): Member => ({
      run(db) {
        putSnapshot(db, { hash: `of member ${index}`, body: Buffer.from('x') });
        return accept(db, submission(n, { hash: `hash of ${index}` }));
      },
    }),
  );
  const results = runGroup(db, [member(SNAPSHOT, Buffer.from('x')), ...group]);
  assert.deepEqual(
    results.map(({ ok }) => ok),
    [true, true, true, false, true],
  );
  assert.equal(results[3]?.ok === false && results[3].error.code, 'STORE_STALE');
  assert.deepEqual(names(db), ['of member 0', 'of member 1', 'of member 3', SNAPSHOT]);
  assert.deepEqual(
    db.all('SELECT number FROM submissions').map((row) => row.number),
    [1, 2, 3],
  );
  db.close();
});

test('an error of the program fails the whole group', (t) => {
  const db = openForWriting(join(dataFolder(t), 'ledger.db'));
  const broken: Member = {
    run() {
      throw new TypeError('not a function');
    },
  };
  const results = runGroup(db, [member('a', LARGE), broken, member('b', LARGE)]);
  assert.deepEqual(
    results.map((result) => !result.ok && result.error.code),
    Array.from({ length: 3 }, () => 'STORE_FAILED'),
  );
  assert.deepEqual(names(db), []);
  db.close();
});

test('a member that ends the transaction fails the whole group', (t) => {
  const db = openForWriting(join(dataFolder(t), 'ledger.db'));
  const ends: Member = { run: (db) => db.exec('ROLLBACK') };
  assert.ok(runGroup(db, [member('a', LARGE), ends, member('b', LARGE)]).every(({ ok }) => !ok));
  assert.deepEqual(names(db), []);
  db.close();
});

test('a closed or read-only database fails every member, and throws nothing', (t) => {
  const path = join(dataFolder(t), 'ledger.db');
  const db = openForWriting(path);
  const readOnly = new Database(new DatabaseSync(path, { readOnly: true }));
  const group = [member('a', LARGE), member('b', LARGE)];
  for (const result of runGroup(readOnly, group)) assert.equal(!result.ok && result.error.code, 'STORE_FAILED');
  readOnly.close();
  assert.deepEqual(names(db), []);
  db.close();
  for (const result of runGroup(db, group)) assert.equal(!result.ok && result.error.code, 'STORE_FAILED');
});

test('a full store refuses, keeps nothing of what it refused, and takes it once there is room', async (t) => {
  const path = join(dataFolder(t), 'ledger.db');
  const empty = await openOne(path);
  await storeAccept(empty, 1);
  await empty.close();
  const full = await openOne(path, 60);
  const writes = Array.from({ length: 12 }, (_, n) => full.putSnapshot({ hash: `large ${n}`, body: LARGE }));
  for (const result of await Promise.allSettled(writes)) {
    assert.equal(result.status === 'rejected' && result.reason.code, 'STORE_FULL');
  }
  assert.equal((await full.submission({ submission: 1 }))?.state, 'accepted');
  await full.close();
  const roomy = await openOne(path);
  for (let n = 0; n < 12; n += 1) assert.equal(await roomy.snapshot({ hash: `large ${n}` }), undefined);
  await roomy.putSnapshot({ hash: 'large 0', body: LARGE });
  assert.equal((await roomy.snapshot({ hash: 'large 0' }))?.length, LARGE.length);
  await storeAccept(roomy, 2);
  await audit(roomy);
  await roomy.close();
});

for (const [pullAt, there] of [
  ['accept.beforeCommit', false],
  ['accept.afterCommit', true],
  ['', true],
] as const) {
  test(`killed ${pullAt === '' ? 'after the promise' : `at ${pullAt}`}: nobody hears yes before it is in the file`, async (t) => {
    const path = join(dataFolder(t), 'ledger.db');
    const { said, signal } = await runChild(t, ['accept', path], pullAt);
    assert.equal(signal, 'SIGKILL');
    assert.equal(said, pullAt === '' ? 'stored' : '');
    const store = await openOne(path);
    assert.equal((await store.submission({ submission: 1 })) !== undefined, there);
    await store.close();
  });
}
