import assert from 'node:assert/strict';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RejectedItem } from '../../../engine/contracts/service.ts';
import { RefusedError } from '../../../engine/errors.ts';
import fileDrop from '../../../services/file-drop/index.ts';
import { makeDrop, policy, until } from './support.ts';

const ROW: RejectedItem = {
  waybillId: '7kq2-1-1',
  line: 2,
  fields: ['1', '=x'],
  faults: [{ code: 'NOT_IN_TABLE', column: 'b', line: 2, reason: 'the value is in no table' }],
};

test('a file goes through work/ to done/, with rejected rows and the report beside it', async (t) => {
  const drop = await makeDrop(t);
  await drop.put('doses 1.csv', 'a,b\n1,=x\n');
  await drop.start();
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  const { view, body, request } = drop.engine.only();
  assert.equal(body.toString(), 'a,b\n1,=x\n');
  assert.deepEqual(request, { name: 'doses 1.csv', route: 'doses', format: 'csv' });
  assert.deepEqual(await drop.list('.'), []);
  assert.deepEqual(await drop.list('work'), [view.claim]);
  assert.deepEqual(await drop.list('done'), []);

  drop.engine.route(view.id, { rejected: [ROW] });
  await until('it is moved', () => drop.engine.only().progress === 'moved');
  const name = `${view.id}-doses 1.csv`;
  assert.deepEqual(await drop.list('done'), [name, `${name}.rejected.csv`]);
  assert.deepEqual(await drop.list('work'), []);
  assert.equal(await drop.text('done', name), 'a,b\n1,=x\n');
  assert.equal(
    await drop.text('done', `${name}.rejected.csv`),
    "\uFEFFwaybill_id,line,column,code,reason,a,b\r\n7kq2-1-1,2,b,NOT_IN_TABLE,the value is in no table,1,'=x\r\n",
  );

  drop.engine.settle(view.id);
  await until('it is closed', () => drop.engine.only().progress === 'closed');
  const report = JSON.parse(await drop.text('done', `${name}.report.json`));
  assert.deepEqual(report, { submission: view.id, file: 'doses 1.csv', state: 'routed', items: 1 });
  drop.engine.tell(view.id);
  assert.deepEqual(drop.engine.only().progressSeen, ['moved', 'closed']);
  assert.deepEqual(
    drop.engine.log.filter(({ level }) => level !== 'debug'),
    [],
  );
});

test('a file without rejected rows gets no rejected.csv', async (t) => {
  const drop = await makeDrop(t, {}, { afterAccept: (engine, id) => engine.route(id) });
  await drop.put('a.csv', 'x');
  await drop.start();
  await until('it is moved', () => drop.engine.submissions.size === 1 && drop.engine.only().progress === 'moved');
  assert.deepEqual(await drop.list('done'), ['7kq2-1-a.csv']);
});

test('a refused submission goes to failed/ with code, reason, line and column', async (t) => {
  const drop = await makeDrop(t);
  await drop.put('a.csv', 'x');
  await drop.start();
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  const { id } = drop.engine.only().view;
  drop.engine.refuse(id, { code: 'BAD_QUOTE', reason: 'a quote is not closed', line: 7, column: 3 });
  await until('it is closed', () => drop.engine.only().progress === 'closed');
  assert.deepEqual(await drop.list('failed'), [`${id}-a.csv`, `${id}-a.csv.reason.json`]);
  assert.deepEqual(JSON.parse(await drop.text('failed', `${id}-a.csv.reason.json`)), {
    submission: id,
    file: 'a.csv',
    code: 'BAD_QUOTE',
    reason: 'a quote is not closed',
    line: 7,
    column: 3,
  });
  assert.deepEqual([await drop.list('done'), await drop.list('work'), await drop.list('.')], [[], [], []]);
});

test('a cancelled submission goes to failed/ with the reason and its report', async (t) => {
  const drop = await makeDrop(t);
  await drop.put('a.csv', 'x');
  await drop.start();
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  drop.engine.cancel('7kq2-1');
  await until('it is closed', () => drop.engine.only().progress === 'closed');
  assert.deepEqual(await drop.list('failed'), ['7kq2-1-a.csv', '7kq2-1-a.csv.reason.json', '7kq2-1-a.csv.report.json']);
  assert.equal(JSON.parse(await drop.text('failed', '7kq2-1-a.csv.reason.json')).code, 'CANCELLED');
});

test('an accept that refuses sends the file to failed/ under its claim', async (t) => {
  const drop = await makeDrop(t);
  drop.engine.beforeAccept = () => {
    throw new RefusedError('TOO_LARGE', 'the file is too large', { line: 1 });
  };
  await drop.put('a.csv', 'x');
  await drop.start();
  await until('it failed', async () => (await drop.list('failed')).length === 2);
  const [file, reason] = await drop.list('failed');
  assert.match(file!, /^[0-9a-z]{9}-[0-9a-f]{16}-a\.csv$/);
  assert.deepEqual(JSON.parse(await drop.text('failed', reason!)), {
    file: 'a.csv',
    code: 'TOO_LARGE',
    reason: 'the file is too large',
    line: 1,
  });
  await until('the claim is gone', async () => (await drop.list('work')).length === 0);
});

test('a file that matches no pattern goes to failed/ with the reason, after a while with `renamed`', async (t) => {
  const drop = await makeDrop(t);
  await drop.put('notes.docx', 'x');
  await drop.start();
  await until('it failed', async () => (await drop.list('failed')).length === 2);
  const [file, reason] = await drop.list('failed');
  assert.match(file!, /-notes\.docx$/);
  assert.equal(JSON.parse(await drop.text('failed', reason!)).code, 'FILE_MATCHES_NOTHING');
  assert.equal(drop.engine.accepts, 0);
});

test('the first pattern that matches counts', async (t) => {
  const files = [
    { glob: 'a*.csv', format: { type: 'csv' }, route: 'first' },
    { glob: '*.csv', format: { type: 'csv' }, route: 'second' },
  ];
  const drop = await makeDrop(t, { files });
  await drop.put('ab.csv', '1');
  await drop.put('b.csv', '2');
  await drop.start();
  await until('both are accepted', () => drop.engine.submissions.size === 2);
  const routes = [...drop.engine.submissions.values()].map(({ request }) => [request.name, request.route]);
  assert.deepEqual(routes.sort(), [
    ['ab.csv', 'first'],
    ['b.csv', 'second'],
  ]);
});

test('the same content goes to done/ with a report that names the first submission', async (t) => {
  const drop = await makeDrop(t);
  await drop.start();
  await drop.put('a.csv', 'same');
  await until('the first is accepted', () => drop.engine.submissions.size === 1);
  await drop.put('again.csv', 'same');
  await until('the second is done', async () => (await drop.list('done')).length === 2);
  const [file, report] = await drop.list('done');
  assert.match(file!, /^[0-9a-z]{9}-[0-9a-f]{16}-again\.csv$/);
  assert.equal(report, `${file}.report.json`);
  const { view } = drop.engine.only();
  const told = JSON.parse(await drop.text('done', report!));
  assert.equal(told.code, 'DUPLICATE');
  assert.deepEqual(told.duplicateOf, {
    submission: view.id,
    file: 'a.csv',
    acceptedAt: new Date(view.acceptedAt).toISOString(),
  });
  await until('only the first is in work/', async () => (await drop.list('work')).length === 1);
});

test('`duplicates: accept` takes the same content again', async (t) => {
  const drop = await makeDrop(t, { duplicates: policy(1000, 'accept') });
  await drop.put('a.csv', 'same');
  await drop.put('b.csv', 'same');
  await drop.start();
  await until('both are accepted', () => drop.engine.submissions.size === 2);
});

test('the same name twice, one after the other: two submissions, nothing overwritten', async (t) => {
  const drop = await makeDrop(t, {}, { afterAccept: (engine, id) => engine.route(id) });
  await drop.start();
  await drop.put('a.csv', 'one');
  await until('the first is claimed', async () => (await drop.list('.')).length === 0);
  await drop.put('a.csv', 'two');
  await until(
    'both are moved',
    () => [...drop.engine.submissions.values()].filter((s) => s.progress === 'moved').length === 2,
  );
  assert.deepEqual(await drop.list('done'), ['7kq2-1-a.csv', '7kq2-2-a.csv']);
  assert.equal(await drop.text('done', '7kq2-1-a.csv'), 'one');
  assert.equal(await drop.text('done', '7kq2-2-a.csv'), 'two');
});

test('a finished name that is taken is left alone, told once, and the rest goes on', async (t) => {
  const drop = await makeDrop(t, {}, { afterAccept: (engine, id) => engine.route(id) });
  await mkdir(join(drop.inbox, 'done'));
  await writeFile(join(drop.inbox, 'done', '7kq2-1-a.csv'), 'foreign');
  await drop.start();
  await drop.put('a.csv', 'one');
  await until('it is accepted', () => drop.engine.submissions.size === 1);
  await drop.put('b.csv', 'two');
  await until('the second is moved', () => drop.engine.submissions.get('7kq2-2')?.progress === 'moved');
  assert.equal(await drop.text('done', '7kq2-1-a.csv'), 'foreign');
  await rename(join(drop.inbox, 'done', '7kq2-1-a.csv'), join(drop.root, 'foreign'));
  await until('the first is moved', () => drop.engine.submissions.get('7kq2-1')?.progress === 'moved');
  assert.equal(await drop.text('done', '7kq2-1-a.csv'), 'one');
  assert.equal(drop.engine.log.filter(({ level }) => level === 'error').length, 1);
});

test('a submission made by hand for this service gets its results in done/ too', async (t) => {
  const drop = await makeDrop(t);
  await drop.start();
  await drop.engine.context.accept({
    body: (async function* () {
      yield Buffer.from('x');
    })(),
    name: 'by-hand.csv',
    rule: { format: { type: 'csv' }, route: 'doses' },
    duplicates: policy(1000, 'report'),
  });
  drop.engine.route('7kq2-1', { rejected: [ROW] });
  drop.engine.settle('7kq2-1');
  await until('it is closed', () => drop.engine.only().progress === 'closed');
  assert.deepEqual(await drop.list('done'), ['7kq2-1-by-hand.csv.rejected.csv', '7kq2-1-by-hand.csv.report.json']);
});

test('rules and match say what a name becomes', () => {
  const files = [
    { glob: 'vax-*.csv', format: { type: 'csv', recordMap: 'doses' }, route: 'doses' },
    { glob: '*.pdf', format: { type: 'raw' }, route: 'documents' },
  ];
  const config = { folder: 'inbox', files };
  assert.deepEqual(
    fileDrop.rules(config).map(({ path, rule }) => [...path, rule.route]),
    [
      ['files', 0, 'doses'],
      ['files', 1, 'documents'],
    ],
  );
  const found = fileDrop.match(config, '/somewhere/vax-1.csv');
  assert.equal(found?.rule.route, 'doses');
  assert.deepEqual(found?.duplicates, policy(30 * 86_400_000, 'report'));
  assert.equal(fileDrop.match(config, 'other.csv'), undefined);
});
