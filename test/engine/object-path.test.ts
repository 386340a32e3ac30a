/** Paths into objects: what is one, and where it leads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { objectPathProblem, readObjectPath } from '../../engine/object-path.ts';
import { printDocumentPath, readDocumentPath } from '../../transforms/dtl/document.ts';

test('names, and positions from 1', () => {
  const cases: readonly (readonly [path: string, steps: readonly (string | number)[]])[] = [
    ['a', ['a']],
    ['patient.name.family', ['patient', 'name', 'family']],
    ['codes(1).system', ['codes', 0, 'system']],
    ['grid(2)(10)', ['grid', 1, 9]],
    ['weight (kg)', ['weight (kg)']],
    ['f(x)(2)', ['f(x)', 1]],
    ['a b.c-d', ['a b', 'c-d']],
  ];
  for (const [path, steps] of cases) assert.deepEqual(readObjectPath(path), steps, path);
});

test('what is none is told with its cure', () => {
  const cases: readonly (readonly [path: string, expected: RegExp])[] = [
    ['codes[0].system', /round brackets.*codes\(1\)/],
    ['codes[1]', /round brackets/],
    ['codes(0)', /count from 1/],
    ['a..b', /names with a point/],
    ['', /names with a point/],
    ['(1)', /names with a point/],
    ['a(1)b', /names with a point/],
    ['a.(1)', /names with a point/],
  ];
  for (const [path, expected] of cases) assert.match(objectPathProblem(path) ?? '', expected, path);
  assert.equal(objectPathProblem('codes(1)'), undefined);
  assert.ok((objectPathProblem(`${'x'.repeat(500)}.`) ?? '').length < 200);
});

test('a path that a document is written by leads to the same place where it is read', () => {
  const part = fc
    .tuple(fc.stringMatching(/^[a-z][a-z_]{0,5}$/), fc.integer({ min: 0, max: 99 }))
    .map(([name, index]) => ({ name, index }));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      const text = printDocumentPath(parts);
      assert.deepEqual(readDocumentPath(text), parts);
      const steps = parts.flatMap(({ name, index }) => (index === 0 ? [name] : [name, index - 1]));
      assert.deepEqual(readObjectPath(text), steps);
    }),
  );
});
