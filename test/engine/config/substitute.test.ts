import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatPath } from '../../../engine/config/problems.ts';
import { misplacedSubstitutions, substitute } from '../../../engine/config/substitute.ts';
import { parseYaml, type Tree } from '../../../engine/config/yaml.ts';

function treeOf(text: string): Tree {
  const { tree } = parseYaml(text);
  assert.ok(tree !== undefined);
  return tree;
}

test('variables and files take the place of what names them', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-substitute-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'key.pem'), 'line one\nline two\n');
  const tree = treeOf(
    `a: "\${env:HOST}"\nb: ["https://\${env:HOST}:\${env:PORT}/x"]\nc: "\${file:key.pem}"\nd: plain $5 {x}\n`,
  );
  const { tree: result, issues, written } = substitute(tree, { folder, env: { HOST: 'example.org', PORT: '8443' } });
  assert.deepEqual(issues, []);
  assert.deepEqual(JSON.parse(JSON.stringify(result)), {
    a: 'example.org',
    b: ['https://example.org:8443/x'],
    c: 'line one\nline two',
    d: 'plain $5 {x}',
  });
  assert.equal(written(['a']), `\${env:HOST}`);
  assert.equal(written(['d']), undefined);
});

test('files are read anew at each call', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-substitute-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'password');
  const read = () =>
    JSON.parse(JSON.stringify(substitute(treeOf(`p: "\${file:password}"`), { folder, env: {} }).tree)).p;
  writeFileSync(file, 'old\n');
  assert.equal(read(), 'old');
  writeFileSync(file, 'new\r\n');
  assert.equal(read(), 'new');
});

test('what is missing is named, each at its path', () => {
  const tree = treeOf(
    `a: "\${env:NOPE}"\nb: { c: "\${env:EMPTY}" }\nd: "\${file:nowhere.pem}"\ne: "\${other:x}"\nf: "\${env:BAD-NAME}"\ng: "\${open"\n`,
  );
  const { issues, failed } = substitute(tree, { folder: tmpdir(), env: { EMPTY: '' } });
  assert.deepEqual(
    issues.map(({ path, code, found }) => [formatPath(path), code, found]),
    [
      ['a', 'ENV_NOT_SET', 'no environment variable NOPE'],
      ['b.c', 'ENV_NOT_SET', 'an empty environment variable EMPTY'],
      ['d', 'FILE_NOT_SUBSTITUTED', 'ENOENT for nowhere.pem'],
      ['e', 'SUBSTITUTION_FORM', `\${other:x}`],
      ['f', 'SUBSTITUTION_FORM', `\${env:BAD-NAME}`],
      ['g', 'SUBSTITUTION_FORM', `\${open`],
    ],
  );
  assert.equal(failed(['b']), true);
  assert.equal(failed(['b', 'other']), false);
});

test('a value is never substituted again, and names of prototypes are no variables', () => {
  const tree = treeOf(`a: "\${env:A}"\nb: "\${env:constructor}"\n`);
  const { tree: result, issues } = substitute(tree, {
    folder: tmpdir(),
    env: { A: `\${env:B}`, B: 'secret' },
  });
  assert.equal((result as Readonly<Record<string, Tree>>).a, `\${env:B}`);
  assert.deepEqual(
    issues.map(({ code }) => code),
    ['ENV_NOT_SET'],
  );
});

test('sentences lose every substituted value', () => {
  const tree = treeOf(`a: "\${env:PASSWORD}"\nb: "\${env:LONG}"\n`);
  const { redact } = substitute(tree, { folder: tmpdir(), env: { PASSWORD: 'hunter2', LONG: 'hunter2-and-more' } });
  assert.equal(redact('found hunter2-and-more and hunter2'), `found \${env:LONG} and \${env:PASSWORD}`);
});

test('other files may not have them', () => {
  const issues = misplacedSubstitutions(treeOf(`a: [x, "\${env:HOME}"]\nb: $5 and \${x}\n`));
  assert.deepEqual(
    issues.map(({ path, code, found }) => [formatPath(path), code, found]),
    [['a[1]', 'SUBSTITUTION_PLACE', `\${env:HOME}`]],
  );
});
