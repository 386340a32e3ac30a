import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPath, formatProblem, ProblemList, resolvePath } from '../../../engine/config/problems.ts';
import { parseYaml } from '../../../engine/config/yaml.ts';

const problem = {
  file: 'production.yaml',
  line: 3,
  column: 5,
  path: 'routes.doses.to[0].when',
  code: 'CONDITION_SYNTAX',
  found: 'X',
  expected: 'Y',
  cure: 'Z',
  warning: false,
};

test('a problem is one line', () => {
  assert.equal(
    formatProblem(problem),
    'production.yaml:3:5 routes.doses.to[0].when: found X, expected Y, what to do: Z (CONDITION_SYNTAX)',
  );
  assert.equal(
    formatProblem({ ...problem, path: '' }),
    'production.yaml:3:5: found X, expected Y, what to do: Z (CONDITION_SYNTAX)',
  );
});

test('paths are read back as they were, also with dots in keys', () => {
  const { tree } = parseYaml('actions:\n  - set: { PID-5.1: a, PID-5: { 1: b }, "x y": c }\n  - if: d\n');
  for (const path of [
    ['actions'],
    ['actions', 0, 'set', 'PID-5.1'],
    ['actions', 0, 'set', 'x y'],
    ['actions', 1, 'if'],
  ]) {
    assert.deepEqual(resolvePath(formatPath(path), tree), path);
  }
  assert.equal(formatPath(['actions', 0, 'set', 'PID-5.1']), 'actions[0].set.PID-5.1');
  assert.deepEqual(resolvePath('actions[0].set.PID-9[2]', tree), ['actions', 0, 'set']);
  assert.deepEqual(resolvePath('nothing.here', tree), []);
});

test('no path makes the search throw', () => {
  const { tree } = parseYaml('a: [x, { b: c }]\n');
  fc.assert(fc.property(fc.string({ maxLength: 12 }), (text) => assert.ok(resolvePath(text, tree).length <= 3)));
});

test('problems are sorted, told once, and without secrets', () => {
  const list = new ProblemList();
  list.redactWith((sentence) => sentence.replaceAll('hunter2', `\${env:P}`));
  list.add({ ...problem, file: 'tables/a.csv' });
  list.add({ ...problem, line: 9 });
  list.add({ ...problem, found: 'hunter2\nand more' });
  list.add(problem);
  const sorted = list.sorted();
  assert.deepEqual(
    sorted.map(({ file, line }) => `${file}:${line}`),
    ['production.yaml:3', 'production.yaml:9', 'tables/a.csv:3'],
  );
  assert.equal(sorted[0]?.found, `\${env:P} and more`);
  assert.equal(list.hasErrors, true);
});
