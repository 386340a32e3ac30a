import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validate } from '../../../engine/config/validate.ts';
import type { Tree } from '../../../engine/config/yaml.ts';
import { schema } from '../../../services/file-drop/config.ts';

const FILES: Tree = [{ glob: '*.csv', format: { type: 'csv', recordMap: 'doses' }, route: 'doses' }];

function read(keys: { [key: string]: Tree }) {
  const { value, issues } = validate({ folder: 'inbox', files: FILES, ...keys }, schema);
  return { value, issues: issues.map(({ path, code }) => `${path.join('.')} ${code}`) };
}

test('what is left out gets its default, in milliseconds', () => {
  const { value, issues } = read({});
  assert.deepEqual(issues, []);
  assert.deepEqual(JSON.parse(JSON.stringify(value)), {
    folder: 'inbox',
    complete: { stableFor: 5000 },
    files: FILES,
    duplicates: JSON.parse(`{ "within": ${30 * 86_400_000}, "then": "report" }`),
    pollEvery: 1000,
  });
});

test('the three ways to be complete are read as they are written', () => {
  const ways: Tree[] = [{ stableFor: '2m' }, { marker: '.done' }, 'renamed'];
  const values = ways.map((complete) => JSON.parse(JSON.stringify(read({ complete }).value)).complete);
  assert.deepEqual(values, [{ stableFor: 120_000 }, { marker: '.done' }, 'renamed']);
});

test('what is wrong is named with its path', () => {
  assert.deepEqual(read({ complete: 'sometime' }).issues.length, 1);
  assert.deepEqual(read({ complete: { marker: 'a/b' } }).issues.length, 1);
  assert.deepEqual(read({ files: [] }).issues, ['files BAD_LIST']);
  assert.deepEqual(read({ pollEvry: '1s' }).issues, ['pollEvry UNKNOWN_KEY']);
});
