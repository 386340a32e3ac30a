import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { codeIs, makeDrop, until } from './support.ts';

test('stableFor: a file that another process is still writing is not taken before it is whole', async (t) => {
  const drop = await makeDrop(t, { complete: { stableFor: 400 } });
  await drop.start();
  const writer = spawn(
    process.execPath,
    [join(import.meta.dirname, 'slow-writer.ts'), join(drop.inbox, 'slow.csv'), '40', '20'],
    {
      stdio: 'inherit',
    },
  );
  await once(writer, 'exit');
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  assert.equal(drop.engine.only().body.toString(), Array.from({ length: 40 }, (_, piece) => `${piece}\n`).join(''));
  assert.equal(drop.engine.accepts, 1);
});

test('stableFor: an old time does not make a file complete; it is watched all the same', async (t) => {
  const drop = await makeDrop(t, { complete: { stableFor: 150 } });
  const path = join(drop.inbox, 'a.csv');
  await writeFile(path, 'x');
  await utimes(path, 1_000_000, 1_000_000);
  const began = performance.now();
  await drop.start();
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  assert.ok(performance.now() - began >= 150);
});

test('stableFor: another file under the same name starts the wait anew', async (t) => {
  const drop = await makeDrop(t, { complete: { stableFor: 300 }, pollEvery: 10 });
  await drop.put('a.csv', 'one');
  await drop.start();
  const until200 = performance.now() + 200;
  await until('most of the wait is over', () => performance.now() > until200);
  await drop.put('a.csv', 'two');
  const replaced = performance.now();
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  assert.ok(performance.now() - replaced >= 299);
  assert.equal(drop.engine.only().body.toString(), 'two');
});

test('a file that changes while it is read is thrown away and taken when it is stable again', async (t) => {
  const drop = await makeDrop(t, { complete: { stableFor: 60 } });
  let changes = 0;
  drop.engine.afterBody = async ({ claim, name }) => {
    if (changes++ < 2) await appendFile(join(drop.inbox, 'work', claim!, name), `more ${changes}\n`);
  };
  await drop.put('a.csv', 'first\n');
  await drop.put('b.csv', 'other\n');
  await drop.start();
  await until('both are accepted', () => drop.engine.submissions.size === 2);
  for (const { body, view } of drop.engine.submissions.values()) {
    assert.match(body.toString(), /^(first|other)\nmore [12]\n$/);
    assert.equal(body.toString(), await readFile(join(drop.inbox, 'work', view.claim!, view.name), 'utf8'));
  }
  assert.equal(drop.engine.log.filter(codeIs('FILE_CHANGED')).length, 2);
});

test('another file put in the place of the one that is read is seen', async (t) => {
  const drop = await makeDrop(t);
  let swapped = false;
  drop.engine.afterBody = async ({ claim }) => {
    if (swapped) return;
    swapped = true;
    const path = join(drop.inbox, 'work', claim!, 'a.csv');
    await writeFile(join(drop.root, 'other'), 'two');
    await rename(join(drop.root, 'other'), path);
  };
  await drop.put('a.csv', 'one');
  await drop.start();
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  assert.equal(drop.engine.only().body.toString(), 'two');
  assert.equal(drop.engine.accepts, 2);
});

test('a duplicate that changed while it was read is no duplicate', async (t) => {
  const drop = await makeDrop(t);
  await drop.start();
  await drop.put('a.csv', 'same');
  await until('the first is accepted', () => drop.engine.submissions.size === 1);
  let changed = false;
  drop.engine.afterBody = async ({ claim }) => {
    if (!changed) await appendFile(join(drop.inbox, 'work', claim!, 'b.csv'), ' and more');
    changed = true;
  };
  await drop.put('b.csv', 'same');
  await until('the second is accepted', () => drop.engine.submissions.size === 2);
  assert.equal(drop.engine.submissions.get('7kq2-2')?.body.toString(), 'same and more');
  assert.deepEqual(await drop.list('done'), []);
});

test('marker: a file waits for its marker, which goes with it', async (t) => {
  const drop = await makeDrop(t, { complete: { marker: '.done' } }, { afterAccept: (engine, id) => engine.route(id) });
  await drop.put('a.csv', 'a');
  await drop.put('b.csv', 'b');
  await drop.put('b.csv.done', '');
  await drop.put('c.csv.done', '');
  await drop.start();
  await until('b is moved', () => drop.engine.submissions.size === 1 && drop.engine.only().progress === 'moved');
  assert.deepEqual(await drop.list('.'), ['a.csv', 'c.csv.done']);
  assert.deepEqual(await drop.list('work'), []);
  assert.deepEqual(await drop.list('done'), ['7kq2-1-b.csv']);
  await drop.put('a.csv.done', 'rows: 1');
  await until('a is moved', () => drop.engine.submissions.get('7kq2-2')?.progress === 'moved');
  assert.deepEqual(await drop.list('.'), ['c.csv.done']);
});

test('marker: a link is no marker, and a file without a pattern waits for its marker too', async (t) => {
  const drop = await makeDrop(t, { complete: { marker: '.ok' } });
  await drop.put('a.csv', 'a');
  await symlink(join(drop.root, 'nowhere'), join(drop.inbox, 'a.csv.ok'));
  await drop.put('x.doc', 'x');
  await drop.put('b.csv', 'b');
  await drop.put('b.csv.ok', '');
  await drop.start();
  await until('b is accepted', () => drop.engine.submissions.size === 1);
  assert.equal(drop.engine.only().view.name, 'b.csv');
  await drop.put('x.doc.ok', '');
  await until('x failed', async () => (await drop.list('failed')).length === 2);
  assert.deepEqual(await drop.list('.'), ['a.csv', 'a.csv.ok']);
});

test('renamed: hidden and temporary names are left alone until the rename', async (t) => {
  const drop = await makeDrop(t);
  for (const name of ['.a.csv', 'b.csv.tmp', 'c.csv.part', 'd.csv.PART', 'e.csv~', 'f.csv.filepart']) {
    await writeFile(join(drop.inbox, name), name);
  }
  await drop.start();
  await rename(join(drop.inbox, 'c.csv.part'), join(drop.inbox, 'c.csv'));
  await until('c is accepted', () => drop.engine.submissions.size === 1);
  assert.equal(drop.engine.only().view.name, 'c.csv');
  assert.deepEqual(await drop.list('.'), ['.a.csv', 'b.csv.tmp', 'd.csv.PART', 'e.csv~', 'f.csv.filepart']);
});

test('a file that vanishes before it is claimed leaves nothing behind', async (t) => {
  const drop = await makeDrop(t);
  await drop.put('a.csv', 'a');
  await drop.put('b.csv', 'b');
  await utimes(join(drop.inbox, 'a.csv'), 1, 1);
  drop.engine.beforeAccept = async ({ name }) => {
    if (name === 'a.csv') await rm(join(drop.inbox, 'b.csv'));
  };
  await drop.put('c.csv', 'c');
  await drop.start();
  await until('a and c are accepted', () => drop.engine.submissions.size === 2);
  assert.deepEqual(
    [...drop.engine.submissions.values()].map(({ view }) => view.name),
    ['a.csv', 'c.csv'],
  );
  assert.equal((await drop.list('work')).length, 2);
});

test('a writer that goes on after its file was taken in is told of, in the log and in the report', async (t) => {
  const drop = await makeDrop(t);
  await drop.start();
  for (const name of ['late.csv', 'good.csv']) await drop.put(name, name.slice(0, 4));
  await until('both are accepted', () => drop.engine.submissions.size === 2);
  for (const { view } of drop.engine.submissions.values()) drop.engine.route(view.id);
  await until('both are moved', () => [...drop.engine.submissions.values()].every((one) => one.progress === 'moved'));
  const views = [...drop.engine.submissions.values()].map(({ view }) => view);
  const late = views.find(({ name }) => name === 'late.csv')?.id ?? '';
  await appendFile(join(drop.inbox, 'done', `${late}-late.csv`), '2\n');
  for (const { id } of views) drop.engine.settle(id);
  await until('both are closed', () => [...drop.engine.submissions.values()].every((one) => one.progress === 'closed'));
  for (const { id, name } of views) {
    const { warning } = JSON.parse(await drop.text('done', `${id}-${name}.report.json`));
    const { code, bytesTaken, bytesNow } = warning ?? {};
    const expected = name === 'late.csv' ? ['FILE_CHANGED_LATE', 4, 6] : [undefined, undefined, undefined];
    assert.deepEqual([code, bytesTaken, bytesNow], expected);
  }
  assert.equal(drop.engine.log.filter(codeIs('FILE_CHANGED_LATE')).length, 1);
});
