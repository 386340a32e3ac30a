/** Operators: their files, the command that makes them, and what `waybill check` says of them. */
import assert from 'node:assert/strict';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { operatorBook, operatorProblems, parseOperator } from '../../portal/acting/operators.ts';
import { waybill } from '../support/engine.ts';
import { temporaryProduction } from '../support/production.ts';

describe('waybill operator', () => {
  test('adds with a key that is shown once, rotates, lists, removes', async (t) => {
    const { config } = await temporaryProduction(t);
    const run = (...args: string[]) => waybill(['operator', ...args, config]);
    const file = join(config, 'operators', 'ana.yaml');
    const key = (await run('add', 'ana', '--note', 'on call')).stdout.trim();
    assert.match(key, /^wb_ana-[a-z0-9]{6}_[A-Za-z0-9_-]{43}$/);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const text = await readFile(file, 'utf8');
    assert.match(text, /^operator: ana$/m);
    assert.ok(!text.includes(key.slice(-43)), 'the secret is nowhere in the file');
    assert.match((await run('add', 'ana')).stderr, /OPERATOR_EXISTS/);
    assert.match((await run('add', 'Ana')).stderr, /OPERATOR_NAME/);
    const next = JSON.parse((await run('rotate', 'ana', '--json')).stdout);
    assert.notEqual(next.key, key);
    assert.equal((await operatorBook(config).find('ana'))?.credentials.length, 2);
    assert.match((await run('rotate', 'ana', '--finish')).stdout, /1 earlier key of ana ended/);
    assert.match((await run('list')).stdout, new RegExp(`^ana +${next.id}`, 'm'));
    assert.match((await run('remove', 'ana')).stdout, /ana is removed/);
    assert.match((await run('remove', 'ana')).stderr, /OPERATOR_UNKNOWN/);
    assert.equal(await operatorBook(config).find('ana'), undefined);
  });
});

const HASH = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
const fileOf = (over: Readonly<Record<string, string>> = {}) => {
  const { operator = 'ana', kind = 'apiKey', id = 'ana-abc234', hash = HASH } = over;
  return `operator: ${operator}\ncredentials:\n  - { kind: ${kind}, id: ${id}, hash: "${hash}", created: "2026-11-22" }\n`;
};

test('a file that is not as it should be lets nobody in, and shows no hash', () => {
  assert.deepEqual(parseOperator(fileOf(), 'ana').partner?.partner, 'ana');
  const broken = [
    '',
    'operator: [',
    fileOf({ operator: 'ben' }),
    fileOf({ kind: 'basic' }),
    fileOf({ id: 'ben-abc234' }),
    fileOf({ hash: 'secret-marker' }),
    `${fileOf()}services: [drop]\n`,
  ];
  for (const text of broken) {
    const { partner, issues } = parseOperator(text, 'ana');
    assert.equal(partner, undefined, text);
    assert.ok(issues.length > 0);
    assert.doesNotMatch(JSON.stringify(issues), /secret-marker/);
  }
});

test('waybill check: nobody can get in, a file that is broken or open, a name that is none', async (t) => {
  const { config, write } = await temporaryProduction(t);
  const api = { host: '127.0.0.1', port: 1, behindProxy: false };
  const codes = async (production: Parameters<typeof operatorProblems>[0]) =>
    (await operatorProblems(production)).map(({ code, warning }) => `${code}${warning ? ' (warning)' : ''}`).sort();
  assert.deepEqual(await codes({ folder: config }), []);
  assert.deepEqual(await codes({ folder: config, api }), ['NO_OPERATOR (warning)']);
  await write('operators/ana.yaml', fileOf());
  await chmod(join(config, 'operators', 'ana.yaml'), 0o622);
  await write('operators/ben.yaml', 'operator: ben\n');
  await write('operators/Carl.yaml', fileOf());
  await writeFile(join(config, 'operators', 'README.md'), 'for people');
  assert.deepEqual(await codes({ folder: config, api }), [
    'OPERATOR_FILE_BROKEN',
    'OPERATOR_FILE_OPEN (warning)',
    'OPERATOR_NAME',
  ]);
});
