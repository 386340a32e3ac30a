import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { parseYaml, type Tree } from '../../../engine/config/yaml.ts';

/** The tree with ordinary prototypes, as literals in tests have them. */
function plain(tree: Tree | undefined): unknown {
  return tree === undefined ? undefined : JSON.parse(JSON.stringify(tree));
}

function codes(text: string): readonly string[] {
  return parseYaml(text).issues.map(({ code, position }) => `${position.line}:${position.column} ${code}`);
}

test('everything is text as it stands', () => {
  const { tree, issues } = parseYaml(
    'a: 007\nb: 3.10\nc: NO\nd: null\ne:\nf: ~\ng: 2024-01-01\nh: 0x1F\ni: "x\\ty"\nj: |\n  two\n  lines\n',
  );
  assert.deepEqual(issues, []);
  assert.deepEqual(plain(tree), {
    a: '007',
    b: '3.10',
    c: 'NO',
    d: 'null',
    e: '',
    f: '~',
    g: '2024-01-01',
    h: '0x1F',
    i: 'x\ty',
    j: 'two\nlines\n',
  });
});

test('a byte order mark is skipped, an empty text has no tree', () => {
  assert.deepEqual(plain(parseYaml('\uFEFFa: b').tree), { a: 'b' });
  assert.equal(parseYaml('').tree, undefined);
  assert.equal(parseYaml('# only a remark\n').tree, undefined);
});

test('keys that JavaScript knows are plain data', () => {
  const { tree } = parseYaml('__proto__: { polluted: yes }\nconstructor: x\ntoString: y\n');
  assert.deepEqual(Object.keys(tree as object), ['__proto__', 'constructor', 'toString']);
  assert.equal(Object.getPrototypeOf(tree), null);
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
});

test('every path has a place; a missing one has that of its parent', () => {
  const { place } = parseYaml('a:\n  b: x\n  c:\n    - d: y\n    - { e: z, f: w }\n');
  assert.deepEqual(place(['a', 'b']), { line: 2, column: 6 });
  assert.deepEqual(place(['a', 'b'], 'key'), { line: 2, column: 3 });
  assert.deepEqual(place(['a', 'c', 0, 'd']), { line: 4, column: 10 });
  assert.deepEqual(place(['a', 'c', 1, 'f'], 'key'), { line: 5, column: 15 });
  assert.deepEqual(place(['a', 'c']), { line: 3, column: 3 }, 'a list has the place of its key');
  assert.deepEqual(place(['a', 'c', 1, 'none']), { line: 5, column: 7 });
  assert.deepEqual(place(['a', 'none', 'deeper']), { line: 1, column: 1 });
  assert.deepEqual(place(['none']), { line: 1, column: 1 });
});

test('broken texts are named by line and column', () => {
  assert.deepEqual(codes('a: 1\nb: 2\na: 3\n'), ['3:1 DUPLICATE_KEY']);
  assert.deepEqual(codes('a: !int 3\n'), ['1:4 YAML_NOT_PLAIN']);
  assert.deepEqual(codes('a: 1\n---\nb: 2\n'), ['2:1 YAML_NOT_PLAIN']);
  assert.deepEqual(codes('? [a, b]\n: c\n'), ['1:3 YAML_NOT_PLAIN']);
  assert.deepEqual(codes('a: "open\nb: c\n'), ['3:1 YAML_SYNTAX']);
  assert.equal(parseYaml('a: [1, 2\nb: 3').tree, undefined);
});

test('a function that YAML cuts at its comma is named once, with the cure, and taken as it was meant', () => {
  const { tree, issues } = parseYaml(
    'a: { from: zip, as: slice(0, 5), default: x }\nb: [trim, replace(a, b), upper]\n',
  );
  assert.deepEqual(plain(tree), {
    a: { from: 'zip', as: 'slice(0, 5)', default: 'x' },
    b: ['trim', 'replace(a, b)', 'upper'],
  });
  assert.deepEqual(
    issues.map(({ code, cure, position }) => [code, cure, position.line]),
    [
      ['COMMA_NEEDS_QUOTES', 'put it into quotes: "slice(0, 5)"', 1],
      ['COMMA_NEEDS_QUOTES', 'put it into quotes: "replace(a, b)"', 2],
    ],
  );
  assert.deepEqual(parseYaml('a: { raw: "x(", b: y }\nc: trim(1)').issues, []);
});

test('aliases work, and bombs of them are refused', () => {
  assert.deepEqual(plain(parseYaml('a: &x { b: c }\nd: *x\n').tree), { a: { b: 'c' }, d: { b: 'c' } });
  const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
  assert.ok(codes(`l0: &l0 [x]\n${levels.join('\n')}\n`).some((line) => line.endsWith('YAML_TOO_LARGE')));
  assert.ok(codes('a: &a [*a]\n').some((line) => line.endsWith('YAML_TOO_LARGE')));
  assert.ok(codes(`${'['.repeat(500)}${']'.repeat(500)}`).some((line) => line.endsWith('YAML_TOO_LARGE')));
});

test('the text of a scalar that YAML itself wrote is read back as it was', () => {
  const texts = fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), fc.string({ unit: 'grapheme', maxLength: 30 }));
  fc.assert(
    fc.property(texts, (data) => {
      const { tree, issues } = parseYaml(stringify(data, { defaultStringType: 'QUOTE_DOUBLE' }));
      assert.deepEqual(issues, []);
      assert.deepEqual({ ...(tree as object) }, { ...data });
    }),
  );
});

test('no text makes the parser throw', () => {
  fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => void parseYaml(text).place(['a', 0, 'b'])));
});
