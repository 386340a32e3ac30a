import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransformResult } from '../../engine/contracts/transform.ts';
import script from '../../transforms/script.ts';
import { contextOf, type DtlCase, fileOf, issues, itemOf, resourcesOf, run, segments } from './dtl-run.ts';

const FROM = "export const from = { recordMap: 'm' };\n";

async function runScript(source: string, given: DtlCase = {}): Promise<TransformResult> {
  const program = await script.compile(
    'code',
    resourcesOf(fileOf('- set: {}'), { ...given, scripts: { code: source } }),
  );
  return program.run(itemOf(given), contextOf(given.context));
}

function check(source: unknown): readonly string[] {
  const found = script.resources[0]?.check?.(source, resourcesOf(fileOf('- set: {}')), 'code') ?? [];
  return found.map(({ code }) => code);
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Error && 'code' in error && error.code === code;
}

test('a transform in code is typed TypeScript and makes a message', async () => {
  const source = `
import type { Transform } from 'waybill/transforms/script.ts';
${FROM}
interface Part { readonly text: string }
const transform: Transform = (item, context) => {
  const name: Part = { text: item.hl7('a') };
  const sex = item.lookUp('sex', item.text('b')) ?? 'U';
  return {
    text: \`MSH|^~\\\\&|\${context.values.sender}||\${context.messageId}\\rPID|\${item.line}|\${name.text}|\${sex}\\r\`,
    controlId: context.messageId,
  };
};
export default transform;`;
  const given = {
    row: { a: 'x|y', b: 'F' },
    values: { sender: 'A' },
    tables: { sex: { columns: ['k', 'v'], rows: [['F', 'Female']] } },
  };
  assert.deepEqual(await runScript(source, given), {
    kind: 'message',
    message: { text: 'MSH|^~\\&|A||7kq2-15-217\rPID|7|x\\F\\y|Female\r', controlId: '7kq2-15-217' },
  });
});

test('it can drop an item, or say what is wrong with it', async () => {
  assert.deepEqual(await runScript(`${FROM}export default () => ({ drop: 'not ours' });`), {
    kind: 'dropped',
    reason: 'not ours',
  });
  const invalid = `${FROM}export default () => ({ invalid: [{ column: 'a', reason: 'too old' }] });`;
  assert.deepEqual(await runScript(invalid), {
    kind: 'invalid',
    faults: [{ code: 'SCRIPT_INVALID', column: 'a', line: 7, reason: 'too old' }],
  });
});

test('code that throws, or gives nonsense, makes the item invalid without a word of its values', async () => {
  const given = { row: { a: 'Smith' } };
  const throwing = `${FROM}export default (item) => { throw new TypeError(item.text('a')); };`;
  for (const source of [
    throwing,
    `${FROM}export default (item) => item.text('a');`,
    `${FROM}export default (item) => item.text('nope');`,
  ]) {
    const result = await runScript(source, given);
    assert.ok(result.kind === 'invalid');
    assert.equal(result.faults[0]?.code, 'SCRIPT_FAILED');
    assert.doesNotMatch(JSON.stringify(result), /Smith/);
  }
});

test('input is frozen', async () => {
  const source = `${FROM}export default (item, context) => { context.messageId = 'x'; return { text: '', controlId: '' }; };`;
  const result = await runScript(source, {});
  assert.ok(result.kind === 'invalid');
});

const IMPORTS = [
  "import { readFileSync } from 'node:fs';\nexport default 1;",
  "import 'node:fs';\nexport default 1;",
  "export * from 'node:fs';",
  "export default async () => (await import('node:fs')).readFileSync;",
  "const fs = require('node:fs');\nexport default fs;",
];

for (const source of IMPORTS) {
  test(`refused because it imports: ${source.split('\n')[0]}`, async () => {
    assert.deepEqual(check(source), ['SCRIPT_IMPORTS']);
    await assert.rejects(runScript(source), hasCode('SCRIPT_IMPORTS'));
  });
}

test('an import that hides from the reader of the text is refused when it is loaded', async () => {
  // A regular expression with a quote in it makes what follows look like a text.
  const hidden = `const quote = /'/; import { readFileSync } from "node:fs"; const other = /'/;\n${FROM}export default () => readFileSync;`;
  assert.deepEqual(check(hidden), []);
  await assert.rejects(runScript(hidden), hasCode('SCRIPT_IMPORTS'));
});

test('types may be imported, and the word may stand in texts and comments', () => {
  assert.deepEqual(
    check("import type { Transform } from 'waybill';\n// import me\nexport default () => 'import x';"),
    [],
  );
});

test('what cannot be stripped, loaded or found is refused with its reason', async () => {
  assert.deepEqual(check('export enum A { b }'), ['SCRIPT_UNREADABLE']);
  assert.deepEqual(check('export default ('), ['SCRIPT_UNREADABLE']);
  assert.deepEqual(check('const a = 1;'), ['SCRIPT_NO_FUNCTION']);
  assert.deepEqual(check({}), ['SCRIPT_UNREADABLE']);
  await assert.rejects(runScript(`${FROM}export const a = 1;`), hasCode('SCRIPT_NO_FUNCTION'));
  await assert.rejects(runScript('export default () => 1;'), hasCode('SCRIPT_NO_RECORD_MAP'));
  await assert.rejects(runScript("throw new Error('at load');\nexport default () => 1;"), hasCode('SCRIPT_UNREADABLE'));
  await assert.rejects(
    Promise.resolve(script.compile('none', resourcesOf(fileOf('- set: {}')))),
    hasCode('SCRIPT_UNREADABLE'),
  );
});

test('the DTL calls functions in code', async () => {
  const scripts = {
    words:
      "export default (text: string): string => text.split(' ').reverse().join(' ');\nexport const shout = (text: string) => text.concat('!');\nexport const broken = (text: string) => { throw new Error(text); };\nexport const number = () => 1;",
  };
  const given: DtlCase = { row: { a: 'one two' }, scripts };
  assert.deepEqual(await segments('- set: { NTE-3: { from: a, as: [script(words), script(words.shout)] } }', given), [
    'NTE|||two one!',
  ]);
  for (const name of ['broken', 'number']) {
    const result = await run(`- set: { NTE-3: { from: a, as: script(words.${name}) } }`, given);
    assert.ok(result.kind === 'invalid');
    assert.deepEqual([result.faults[0]?.code, result.faults[0]?.column], ['SCRIPT_FAILED', 'a']);
    assert.doesNotMatch(JSON.stringify(result), /one two/);
  }
  await assert.rejects(
    run('- set: { NTE-3: { from: a, as: script(words.nope) } }', given),
    hasCode('DTL_BAD_ARGUMENT'),
  );
  assert.deepEqual(issues(fileOf('- set: { NTE-3: { from: a, as: script(words) } }'), given), []);
});

test('two versions of a file are two modules', async () => {
  const of = (text: string) => runScript(`${FROM}export default () => ({ drop: '${text}' });`);
  const [one, two] = await Promise.all([of('one'), of('two')]);
  assert.deepEqual(
    [one, two],
    [
      { kind: 'dropped', reason: 'one' },
      { kind: 'dropped', reason: 'two' },
    ],
  );
});
