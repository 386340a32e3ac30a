import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, readFile, readlink, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { finalName } from '../../../services/file-drop/names.ts';
import { openReading } from '../../../services/file-drop/reading.ts';
import { codeIs, makeDrop, until } from './support.ts';

const fs = createRequire(import.meta.url)('node:fs/promises');

test('links are not followed: reported once, left where they are', async (t) => {
  const drop = await makeDrop(t);
  await writeFile(join(drop.root, 'secret.csv'), 'secret');
  await symlink(join(drop.root, 'secret.csv'), join(drop.inbox, 'link.csv'));
  await symlink('nowhere', join(drop.inbox, 'dangling.csv'));
  await drop.start();
  for (const n of [1, 2, 3]) {
    await drop.put(`${n}.csv`, `${n}`);
    await until('it is accepted', () => drop.engine.submissions.size === n);
  }
  assert.deepEqual(await drop.list('.'), ['dangling.csv', 'link.csv']);
  assert.equal(await readlink(join(drop.inbox, 'link.csv')), join(drop.root, 'secret.csv'));
  assert.equal(await readFile(join(drop.root, 'secret.csv'), 'utf8'), 'secret');
  const told = drop.engine.log.filter(codeIs('FILE_NOT_REGULAR'));
  assert.deepEqual(
    told.map(({ level }) => level),
    ['warn', 'warn'],
  );
});

test('a link put in the place of a claimed file is not followed', async (t) => {
  const drop = await makeDrop(t);
  await writeFile(join(drop.root, 'secret.csv'), 'secret');
  drop.engine.storeFails = new Error('no room');
  await drop.put('a.csv', 'a');
  await drop.start();
  await until('it was tried', () => drop.engine.accepts > 0);
  const [claim] = await drop.list('work');
  await symlink(join(drop.root, 'secret.csv'), join(drop.root, 'link'));
  await rename(join(drop.root, 'link'), join(drop.inbox, 'work', claim!, 'a.csv'));
  drop.engine.storeFails = undefined;
  await until('it failed', async () => (await drop.list('failed')).length === 2);
  assert.equal(drop.engine.submissions.size, 0);
  assert.equal(await readFile(join(drop.root, 'secret.csv'), 'utf8'), 'secret');
});

test('folders, pipes and sockets are left alone, each named once', async (t) => {
  const drop = await makeDrop(t);
  await mkdir(join(drop.inbox, 'folder.csv'));
  execFileSync('mkfifo', [join(drop.inbox, 'pipe.csv')]);
  const server = createServer().listen(join(drop.inbox, 'socket.csv'));
  t.after(() => server.close());
  await drop.start();
  for (const n of [1, 2]) {
    await drop.put(`${n}.csv`, `${n}`);
    await until('it is accepted', () => drop.engine.submissions.size === n);
  }
  assert.deepEqual(await drop.list('.'), ['folder.csv', 'pipe.csv', 'socket.csv']);
  const told = drop.engine.log
    .filter(codeIs('FILE_NOT_REGULAR'))
    .map(({ level, fields }) => `${level} ${Object.values(fields).join(' ')}`);
  assert.deepEqual(told.sort(), [
    'info FILE_NOT_REGULAR folder.csv folder',
    'info FILE_NOT_REGULAR pipe.csv special',
    'info FILE_NOT_REGULAR socket.csv special',
  ]);
});

test('an unreadable file goes to failed/ with the reason', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root may read everything');
  const drop = await makeDrop(t);
  await drop.put('a.csv', 'a');
  await chmod(join(drop.inbox, 'a.csv'), 0);
  await drop.start();
  await until('it failed', async () => (await drop.list('failed')).length === 2);
  const [, reason] = await drop.list('failed');
  assert.equal(JSON.parse(await drop.text('failed', reason!)).code, 'FILE_UNREADABLE');
});

const NAMES: readonly [string, Buffer | string][] = [
  ['spaces', ' a  b .csv'],
  ['unicode', 'übung-日本-🧪.csv'],
  ['a leading =', '=cmd|1.csv'],
  ['control characters', 'a\n\t\u001b[31m\u0001.csv'],
  ['a reserved name', 'CON.csv'],
  ['a name of an object key', '__proto__.csv'],
  ['a backslash and quotes', 'a\\..\\"\'`$(x).csv'],
  ['bytes that are no UTF-8', Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0x2e, 0x63, 0x73, 0x76])],
  ['255 bytes', `${'é'.repeat(125)}x.csv`],
  ['255 bytes without a dot', 'n'.repeat(255)],
  ['right-to-left and zero-width', 'a\u202evsc.\u200b.csv'],
];

test('names are data: whatever they are, each file comes in and ends in done/', async (t) => {
  const files = [{ glob: '*', format: { type: 'raw' }, route: 'documents' }];
  const drop = await makeDrop(
    t,
    { files },
    {
      afterAccept: (engine, id) => {
        engine.route(id);
        engine.settle(id);
      },
    },
  );
  for (const [what, name] of NAMES) {
    const path =
      typeof name === 'string' ? join(drop.inbox, name) : Buffer.concat([Buffer.from(`${drop.inbox}/`), name]);
    await writeFile(path, what);
  }
  await drop.start();
  await until(
    'all are closed',
    () => [...drop.engine.submissions.values()].filter((s) => s.progress === 'closed').length === NAMES.length,
  );
  assert.deepEqual(await drop.list('.'), []);
  assert.deepEqual(await drop.list('work'), []);
  const done = await drop.list('done');
  assert.equal(done.length, 2 * NAMES.length);
  for (const { view, body } of drop.engine.submissions.values()) {
    const name = finalName(view.id, view.name);
    assert.ok(done.includes(name) && done.includes(`${name}.report.json`), name);
    assert.equal(await drop.text('done', name), body.toString());
    assert.doesNotMatch(name, /[\p{Cc}\p{Cf}/\\]/u);
  }
  const bodies = [...drop.engine.submissions.values()].map(({ body }) => body.toString());
  assert.deepEqual(bodies.sort(), NAMES.map(([what]) => what).sort());
});

test('many files: the oldest first, one at a time, in few looks at the folder', async (t) => {
  const drop = await makeDrop(t);
  const count = 300;
  for (let n = 0; n < count; n++) {
    await writeFile(join(drop.inbox, `${n}.csv`), `${n}`);
    await utimes(join(drop.inbox, `${n}.csv`), 10_000, 10_000 - Math.floor(n / 2));
  }
  let looks = 0;
  const real = fs.opendir;
  fs.opendir = (...args: unknown[]) => {
    looks++;
    return real(...args);
  };
  syncBuiltinESMExports();
  t.after(() => {
    fs.opendir = real;
    syncBuiltinESMExports();
  });
  await drop.start();
  await until('all are accepted', () => drop.engine.submissions.size === count);
  const names = [...drop.engine.submissions.values()].map(({ view }) => view.name);
  const expected = Array.from({ length: count / 2 }, (_, pair) =>
    [`${2 * pair}.csv`, `${2 * pair + 1}.csv`].sort(),
  ).reverse();
  assert.deepEqual(names, expected.flat());
  assert.equal(drop.engine.mostAcceptsInFlight, 1);
  assert.ok(looks >= 1 && looks <= 3, `${looks} looks`);
});

test('an engine that cannot store is told once; the file stays claimed and is taken later, in order', async (t) => {
  const drop = await makeDrop(t);
  drop.engine.storeFails = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  await drop.put('a.csv', 'a');
  await drop.start();
  await until('it was tried several times', () => drop.engine.accepts >= 4);
  await drop.put('b.csv', 'b');
  assert.equal(drop.engine.log.filter(codeIs('ENGINE_CANNOT_STORE')).length, 1);
  assert.deepEqual(await drop.list('.'), ['b.csv']);
  assert.equal((await drop.list('work')).length, 1);
  drop.engine.storeFails = undefined;
  await until('both are accepted', () => drop.engine.submissions.size === 2);
  assert.deepEqual(
    [...drop.engine.submissions.values()].map(({ view }) => view.name),
    ['a.csv', 'b.csv'],
  );
  await until('it says that it goes on', () =>
    drop.engine.log.some(({ message }) => message === 'files are taken in again'),
  );
});

test('an accept that failed after its commit is not done twice', async (t) => {
  const drop = await makeDrop(t);
  const { accept, findClaim } = drop.engine.context;
  let lost = false;
  let asked = false;
  const context: typeof drop.engine.context = {
    ...drop.engine.context,
    async accept(request) {
      const accepted = await accept(request);
      if (lost) return accepted;
      lost = true;
      throw new Error('the store went away');
    },
    async findClaim(claim) {
      asked = true;
      return findClaim(claim);
    },
  };
  Object.defineProperty(drop.engine, 'context', { value: context });
  await drop.put('a.csv', 'a');
  await drop.start();
  await until('it was tried again or asked for', () => asked || drop.engine.accepts > 1);
  drop.engine.route('7kq2-1');
  await until('it is moved', () => drop.engine.only().progress === 'moved');
  assert.equal(drop.engine.accepts, 1);
  assert.deepEqual(await drop.list('done'), ['7kq2-1-a.csv']);
});

test('a reading opens no link, pipe or socket', async (t) => {
  const drop = await makeDrop(t);
  await writeFile(join(drop.root, 'secret.csv'), 'secret');
  await symlink(join(drop.root, 'secret.csv'), join(drop.root, 'link'));
  execFileSync('mkfifo', [join(drop.root, 'pipe')]);
  const server = createServer().listen(join(drop.root, 'socket'));
  t.after(() => server.close());
  for (const name of ['link', 'pipe', 'socket', 'outside']) {
    await assert.rejects(openReading(Buffer.from(join(drop.root, name))), { code: 'FILE_NOT_REGULAR' }, name);
  }
});

test('done/ replaced by a link while the service runs: nothing is written through it', async (t) => {
  const drop = await makeDrop(t);
  await drop.put('a.csv', 'a');
  await drop.start();
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  const elsewhere = join(drop.root, 'elsewhere');
  await mkdir(elsewhere);
  await rm(join(drop.inbox, 'done'), { recursive: true });
  await symlink(elsewhere, join(drop.inbox, 'done'));
  drop.engine.route('7kq2-1');
  await until('it is told', () => drop.engine.log.some(({ level }) => level === 'error'));
  assert.equal(drop.engine.only().progress, 'open');
  assert.deepEqual(await fs.readdir(elsewhere), []);
  assert.ok((await lstat(join(drop.inbox, 'done'))).isSymbolicLink());
});

test('stop waits for the accept in flight and begins no other', async (t) => {
  const drop = await makeDrop(t);
  await drop.put('a.csv', 'a');
  await drop.put('b.csv', 'b');
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  drop.engine.beforeAccept = () => gate;
  const handle = await drop.start();
  await until('one is in flight', () => drop.engine.acceptsInFlight === 1);
  let stopped = false;
  const stopping = handle.stop().then(() => {
    stopped = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(stopped, false);
  release();
  await stopping;
  assert.equal(drop.engine.submissions.size, 1);
  assert.equal((await drop.list('.')).length, 1);
});

test('the abort signal stops it like stop', async (t) => {
  const drop = await makeDrop(t);
  const handle = await drop.start();
  drop.engine.abort.abort();
  await handle.stop();
  await drop.put('a.csv', 'a');
  assert.equal(drop.engine.accepts, 0);
});
