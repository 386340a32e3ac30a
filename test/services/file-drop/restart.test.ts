import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { appendFile, mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { newClaimId } from '../../../services/file-drop/claims.ts';
import { codeIs, type Drop, makeDrop, until } from './support.ts';

async function leaveClaim(drop: Drop, name: string, content: string, at = 1_000_000_000): Promise<string> {
  const claim = newClaimId(at);
  const folder = join(drop.inbox, 'work', claim);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), content);
  await utimes(join(folder, name), 1_000, 1_000);
  return claim;
}

const namesOf = (drop: Drop) => [...drop.engine.submissions.values()].map(({ view }) => view.name);

test('claims of an earlier run are finished in their order, before the inbox is looked at', async (t) => {
  const drop = await makeDrop(t);
  await drop.put('inbox.csv', 'inbox');
  await utimes(join(drop.inbox, 'inbox.csv'), 1, 1);
  await leaveClaim(drop, 'second.csv', 'second', 2_000_000_000);
  await leaveClaim(drop, 'first.csv', 'first', 1_000_000_000);
  await drop.start();
  await until('all are accepted', () => drop.engine.submissions.size === 3);
  assert.deepEqual(namesOf(drop), ['first.csv', 'second.csv', 'inbox.csv']);
});

test('a claim of an earlier run that was written just now waits to be unchanged, and the inbox with it', async (t) => {
  const drop = await makeDrop(t, { complete: { stableFor: 200 } });
  const claim = await leaveClaim(drop, 'first.csv', 'first');
  await appendFile(join(drop.inbox, 'work', claim, 'first.csv'), ' and more');
  await drop.put('inbox.csv', 'inbox');
  const began = performance.now();
  await drop.start();
  await until('both are accepted', () => drop.engine.submissions.size === 2);
  assert.ok(performance.now() - began >= 150);
  assert.deepEqual(namesOf(drop), ['first.csv', 'inbox.csv']);
  assert.equal(drop.engine.submissions.get('7kq2-1')?.body.toString(), 'first and more');
});

test('a claim of an earlier run that goes on growing does not hold up the inbox', async (t) => {
  // Fifty times as long as between two pieces: a machine that is busy must not make it look whole.
  const drop = await makeDrop(t, { complete: { stableFor: 1000 } });
  const claim = await leaveClaim(drop, 'growing.csv', 'x');
  const path = join(drop.inbox, 'work', claim, 'growing.csv');
  await appendFile(path, 'x');
  let growing = true;
  const grows = (async () => {
    while (growing) {
      await appendFile(path, 'x');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  t.after(() => {
    growing = false;
  });
  await drop.put('inbox.csv', 'inbox');
  await drop.start();
  await until('the inbox is taken', () => drop.engine.submissions.size === 1);
  assert.deepEqual(namesOf(drop), ['inbox.csv']);
  growing = false;
  await grows;
  await until('the other is taken when it rests', () => drop.engine.submissions.size === 2);
});

test('an accepted claim goes on from its state; an empty claim is removed', async (t) => {
  const drop = await makeDrop(t);
  await drop.put('a.csv', 'a');
  const handle = await drop.start();
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  await handle.stop();
  await mkdir(join(drop.inbox, 'work', newClaimId(5)));
  drop.engine.route('7kq2-1');
  drop.engine = drop.engine.restarted();
  await drop.start();
  await until('it is moved', () => drop.engine.only().progress === 'moved');
  await until('nothing is in work/', async () => (await drop.list('work')).length === 0);
  assert.equal(drop.engine.accepts, 0);
  assert.deepEqual(await drop.list('done'), ['7kq2-1-a.csv']);
});

test('a file that a person took out of work/ is told of, and its submission goes on', async (t) => {
  const drop = await makeDrop(t);
  await drop.put('a.csv', 'a');
  await drop.start();
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  await rm(join(drop.inbox, 'work', drop.engine.only().view.claim!), { recursive: true });
  drop.engine.route('7kq2-1');
  drop.engine.settle('7kq2-1');
  await until('it is closed', () => drop.engine.only().progress === 'closed');
  assert.equal(drop.engine.log.filter(codeIs('FILE_GONE')).length, 1);
  assert.deepEqual(await drop.list('done'), ['7kq2-1-a.csv.report.json']);
});

test('what others put into work/ is told of once and left alone', async (t) => {
  const drop = await makeDrop(t);
  const claim = await leaveClaim(drop, 'a.csv', 'a');
  await writeFile(join(drop.inbox, 'work', claim, 'b.csv'), 'b');
  await writeFile(join(drop.inbox, 'work', 'stray.csv'), 'stray');
  await mkdir(join(drop.inbox, 'work', 'folder'));
  await drop.start();
  for (const n of [1, 2]) {
    await drop.put(`${n}.csv`, `${n}`);
    await until('the inbox is taken', () => drop.engine.submissions.size === n);
  }
  const left = await drop.list('work');
  for (const name of [claim, 'folder', 'stray.csv']) assert.ok(left.includes(name));
  assert.equal(drop.engine.log.filter(codeIs('WORK_NOT_OURS')).length, 3);
  await rm(join(drop.inbox, 'work', claim, 'b.csv'));
  await until('the claim is taken when it is tidy', () => namesOf(drop).includes('a.csv'));
});

test('a marker that was taken before its file goes back beside it', async (t) => {
  const drop = await makeDrop(t, { complete: { marker: '.done' } });
  const claim = newClaimId(5);
  await mkdir(join(drop.inbox, 'work', claim, '.marker'), { recursive: true });
  await writeFile(join(drop.inbox, 'work', claim, '.marker', 'a.csv.done'), '');
  const other = newClaimId(6);
  await mkdir(join(drop.inbox, 'work', other, '.marker'), { recursive: true });
  await writeFile(join(drop.inbox, 'work', other, '.marker', 'gone.csv.done'), '');
  await drop.put('a.csv', 'a');
  await drop.start();
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  assert.deepEqual(await drop.list('.'), []);
  assert.deepEqual(await drop.list('work'), [drop.engine.only().view.claim]);
});

test('the steps are labelled for crash tests', async (t) => {
  const labels: unknown[] = [];
  const listen = (name: unknown) => labels.push(name);
  subscribe('waybill:label', listen);
  t.after(() => unsubscribe('waybill:label', listen));
  const drop = await makeDrop(t, {}, { afterAccept: (engine, id) => engine.route(id) });
  await drop.put('a.csv', 'a');
  await drop.start();
  await until('it is moved', () => drop.engine.submissions.size === 1 && drop.engine.only().progress === 'moved');
  assert.deepEqual(labels, ['file.claimed', 'file.moved']);
});
