import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { WaybillError } from '../../engine/errors.ts';
import { loadAdapters, PROJECT_FOLDER } from '../../engine/registry.ts';

/** A folder of adapters that lives as long as the test. */
function folderWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-adapters-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function fakeFormat(name: string, changes = ''): string {
  const base = `kind: 'format', name: '${name}', summary: 's', description: 'd', schema: { type: 'object' }, examples: [], errors: {}`;
  return `export default { ${base}, open: () => ({}), ${changes} };\n`;
}

function codeIs(code: string, pattern: RegExp) {
  return (error: unknown) => error instanceof WaybillError && error.code === code && pattern.test(error.message);
}

test('adapters are files and folders with index.ts; helpers are passed over', async (t) => {
  const folder = folderWith(t, {
    'formats/lines.ts': fakeFormat('lines'),
    'formats/fixed-width/index.ts': fakeFormat('fixed-width'),
    'formats/fixed-width/columns.ts': 'export const width = 3;\n',
    'formats/errors.ts': 'export const ERRORS = {};\n',
    'formats/shared/words.ts': 'export const words = [];\n',
    'formats/lines.test.ts': 'throw new Error("not an adapter");\n',
    'formats/README.md': '# formats\n',
    'other/thing.ts': 'throw new Error("not an adapter");\n',
  });
  const registry = await loadAdapters([], folder);
  assert.deepEqual(registry.names('format'), ['fixed-width', 'lines']);
  assert.deepEqual(registry.names('service'), []);
  assert.equal(registry.has('format', 'errors'), false);
  assert.equal((await registry.get('format', 'fixed-width')).name, 'fixed-width');
  assert.equal((await registry.all('format')).length, 2);
});

test('an adapter is imported when it is asked for, once', async (t) => {
  const folder = folderWith(t, {
    'formats/lines.ts': fakeFormat('lines'),
    'formats/costly.ts': `throw new Error('was imported');\n`,
  });
  const registry = await loadAdapters([], folder);
  const [first, second] = await Promise.all([registry.get('format', 'lines'), registry.get('format', 'lines')]);
  assert.equal(first, second);
  await assert.rejects(registry.get('format', 'costly'), codeIs('ADAPTER_REFUSED', /costly\.ts.*cannot be imported/));
});

test('a folder of the user adds adapters and cannot replace one', async (t) => {
  const own = folderWith(t, { 'formats/lines.ts': fakeFormat('lines') });
  const users = folderWith(t, { 'formats/pipes.ts': fakeFormat('pipes') });
  const registry = await loadAdapters([users], own);
  assert.deepEqual(registry.names('format'), ['lines', 'pipes']);
  assert.equal(registry.file('format', 'pipes'), join(users, 'formats/pipes.ts'));
  const again = folderWith(t, { 'formats/lines/index.ts': fakeFormat('lines') });
  await assert.rejects(
    loadAdapters([again], own),
    codeIs('ADAPTER_TWICE', /the format lines is defined in .* and in /),
  );
  await assert.rejects(loadAdapters([join(own, 'nowhere')], own), codeIs('ADAPTER_FOLDER', /nowhere is not a folder/));
});

const misfits: readonly (readonly [string, string, RegExp])[] = [
  [
    'no default export',
    'export const lines = 1;\n',
    /expected a default export made with defineFormat, found no default export/,
  ],
  ['not an object', 'export default () => 1;\n', /found a default export of type function/],
  ['another kind', fakeFormat('lines').replace("kind: 'format'", "kind: 'service'"), /found the kind service/],
  ['another name', fakeFormat('rows'), /expected the name lines, as its file is named, found rows/],
  ['no summary', fakeFormat('lines', `summary: ''`), /expected a summary, found none/],
  ['no function', fakeFormat('lines', 'open: undefined'), /expected a function open, found none/],
  ['no schema', fakeFormat('lines', 'schema: undefined'), /expected a schema, found none/],
  ['no examples', fakeFormat('lines', 'examples: undefined'), /expected a list of examples, found none/],
  ['no error table', fakeFormat('lines', 'errors: undefined'), /expected a table of error codes, found none/],
];
for (const [title, text, message] of misfits) {
  test(`a file that is no adapter is refused with a sentence: ${title}`, async (t) => {
    const registry = await loadAdapters([], folderWith(t, { 'formats/lines.ts': text }));
    await assert.rejects(registry.get('format', 'lines'), codeIs('ADAPTER_REFUSED', message));
  });
}

test('an unknown name is refused and the names that exist are listed', async (t) => {
  const registry = await loadAdapters([], folderWith(t, { 'formats/lines.ts': fakeFormat('lines') }));
  await assert.rejects(
    registry.get('format', 'csv'),
    codeIs('ADAPTER_REFUSED', /no format named csv; there are lines/),
  );
});

test("Waybill's own folder is scanned without being named", async () => {
  const registry = await loadAdapters();
  assert.ok(registry.has('format', 'csv'));
  assert.ok(registry.file('format', 'csv').startsWith(PROJECT_FOLDER));
});
