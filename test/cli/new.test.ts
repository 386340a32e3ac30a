/** What `waybill new` writes works as it is: in a folder of a user's, and in Waybill's own tree. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { blocksOf } from '../docs/markdown.ts';
import { type Ran, waybill } from '../support/engine.ts';
import { temporaryFolder } from '../support/redis.ts';

const ADAPTERS = [
  { kind: 'service', folder: 'services', name: 'paper-mill' },
  { kind: 'format', folder: 'formats', name: 'cards' },
  { kind: 'operation', folder: 'operations', name: 'a-very-long-name-for-a-printing-office' },
] as const;
const TSC = join(PROJECT_FOLDER, 'node_modules', 'typescript', 'bin', 'tsc');
const COPIED = /^(?!(?:node_modules|\.git|data|coverage)$)/;

/** Runs Node 24 with these arguments to its end. */
async function node(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const { NODE_TEST_CONTEXT: _test, ...rest } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    cwd,
    env: { ...rest, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString();
    });
  }
  await once(child, 'close');
  return { code: child.exitCode, signal: child.signalCode, ...texts };
}

function succeeded(what: string, { code, stdout, stderr }: Ran): void {
  assert.equal(code, 0, `${what}:\n${stdout}${stderr}`);
}

const PRODUCTION = `production: mill
services:
  incoming: { type: paper-mill, folder: ../incoming, format: { type: cards, skip: 1 }, route: cards }
routes:
  cards:
    to: [{ destination: printer }, { name: shouted, destination: printer, transform: shout }]
destinations:
  printer: { type: a-very-long-name-for-a-printing-office, folder: ../printed, inDoubt: resend }
`;
const SHOUT = `transform: shout
from: raw
to: { json: shout }
actions: [{ set: { text: { from: item.text, as: upper } } }]
`;
const TESTS = `route: cards
cases:
  - name: each line is a message, sent as it came
    input: |
      a title
      Ana

      Zoë
    expect: { printer: [Ana, Zoë], shouted: [{ text: ANA }, { text: ZOË }] }
`;

test("in a folder of a user's: tests, types, contract, configuration", async (t) => {
  const root = await temporaryFolder(t, 'waybill-new-');
  const into = join(root, 'adapters');
  for (const { kind, folder, name } of ADAPTERS) {
    const made = await waybill(['new', kind, name, '--into', 'adapters', '--json'], { cwd: root });
    succeeded(`new ${kind}`, made);
    const { files, next } = JSON.parse(made.stdout);
    const own = [
      `${folder}/${name}.ts`,
      `test/${folder}/${name}.test.ts`,
      `docs/${kind}-${name}.md`,
      'waybill.ts',
      'package.json',
    ];
    assert.deepEqual(
      files,
      own.map((file) => join('adapters', file)),
    );
    assert.ok(next.length > 0);
  }

  await t.test('their tests pass', async () => {
    const files = ADAPTERS.map(({ folder, name }) => join('test', folder, `${name}.test.ts`));
    succeeded('node --test', await node(['--test', ...files], into));
  });

  await t.test('they are right by their types', async () => {
    const typeRoots = [join(PROJECT_FOLDER, 'node_modules', '@types')];
    const config = { extends: join(PROJECT_FOLDER, 'tsconfig.json'), compilerOptions: { typeRoots }, include: ['.'] };
    await writeFile(join(into, 'tsconfig.json'), JSON.stringify(config));
    succeeded('tsc', await node([TSC, '-p', '.'], into));
  });

  await t.test('they keep their contract', async () => {
    const suite = join(PROJECT_FOLDER, 'test', 'conformance', 'adapters.test.ts');
    const names = ADAPTERS.map(({ kind, name }) => `${kind} ${name}:`).join('|');
    const ran = await node(['--test', `--test-name-pattern=${names}`, suite], root, { WAYBILL_ADAPTERS: into });
    succeeded('conformance', ran);
    assert.ok(Number(/^# pass (\d+)|ℹ pass (\d+)/m.exec(ran.stdout)?.slice(1).find(Boolean)) > 15, ran.stdout);
  });

  await t.test('their pages name each key and each code', async () => {
    for (const { kind, folder, name } of ADAPTERS) {
      const source = await readFile(join(into, folder, `${name}.ts`), 'utf8');
      const page = await readFile(join(into, 'docs', `${kind}-${name}.md`), 'utf8');
      const { default: definition } = await import(join(into, folder, `${name}.ts`));
      const words = [...Object.keys(definition.schema.properties), ...Object.keys(definition.errors)];
      assert.ok(words.length > 2 && source.length > 0);
      assert.deepEqual(
        words.filter((word) => !page.includes(`\`${word}\``)),
        [],
        name,
      );
    }
  });

  await t.test('a production uses all three', async () => {
    await mkdir(join(root, 'config', 'tests'), { recursive: true });
    await mkdir(join(root, 'incoming'));
    await mkdir(join(root, 'printed'));
    await writeFile(join(root, 'config', 'production.yaml'), PRODUCTION);
    await mkdir(join(root, 'config', 'transforms'));
    await writeFile(join(root, 'config', 'transforms', 'shout.yaml'), SHOUT);
    await writeFile(join(root, 'config', 'tests', 'cards.yaml'), TESTS);
    succeeded('check', await waybill(['check', 'config', '--connect', '--adapters', 'adapters'], { cwd: root }));
    succeeded('test', await waybill(['test', 'config', '--adapters', 'adapters'], { cwd: root }));
  });

  await t.test('nothing is overwritten, and the names of others are taken', async () => {
    const mine = join(into, 'operations', 'press.ts');
    await writeFile(mine, 'mine');
    const again = await waybill(['new', 'operation', 'press', '--into', 'adapters'], { cwd: root });
    assert.equal(again.code, 5);
    assert.match(again.stderr, /press already.*\(NEW_EXISTS\)/);
    await mkdir(join(into, 'docs'), { recursive: true });
    await writeFile(join(into, 'docs', 'format-page.md'), 'mine');
    const page = await waybill(['new', 'format', 'page', '--into', 'adapters'], { cwd: root });
    assert.match(page.stderr, /format-page\.md is there already: nothing was written\. \(NEW_EXISTS\)/);
    assert.deepEqual((await readdir(join(into, 'formats'))).sort(), ['cards.ts']);
    assert.match(
      (await waybill(['new', 'operation', 'soap', '--into', 'adapters'], { cwd: root })).stderr,
      /NEW_EXISTS/,
    );
    assert.equal(await readFile(mine, 'utf8'), 'mine');
  });

  await t.test('a folder that has moved is mended by the next new', async () => {
    const moved = join(root, 'deep', 'er', 'adapters');
    await cp(into, moved, { recursive: true });
    const [{ folder, name }] = ADAPTERS;
    assert.notEqual((await node(['--test', join('test', folder, `${name}.test.ts`)], moved)).code, 0);
    succeeded('new', await waybill(['new', 'format', 'other', '--into', moved], { cwd: root }));
    succeeded('its test', await node(['--test', join('test', folder, `${name}.test.ts`)], moved));
  });
});

test('the guide shows what is written', async (t) => {
  const root = await temporaryFolder(t, 'waybill-new-');
  succeeded('new', await waybill(['new', 'operation', 'outbox', '--into', 'adapters'], { cwd: root }));
  const [shown] = blocksOf('docs/guides/adapters.md').filter(
    ({ words }) => words[0] === 'adapters/operations/outbox.ts',
  );
  assert.equal(shown?.text, await readFile(join(root, 'adapters', 'operations', 'outbox.ts'), 'utf8'));
});

test('what cannot be made is said in a sentence', async (t) => {
  const root = await temporaryFolder(t, 'waybill-new-');
  const told = async (...args: string[]) => {
    const { code, stderr } = await waybill(['new', ...args], { cwd: root });
    return `${code} ${stderr.split('\n')[0]}`;
  };
  assert.match(await told(), /^2 service\|format\|operation is missing$/);
  assert.match(await told('service'), /^2 NAME is missing$/);
  assert.match(await told('transform', 'x'), /^2 transforms are data of a production/);
  assert.match(await told('servce', 'x'), /^2 "servce" is none of service, format, operation$/);
  assert.match(await told('service', 'x'), /^2 --into is missing/);
  for (const name of ['Upper', '../up', '1st', 'errors', 'a'.repeat(41)])
    assert.match(await told('service', name, '--into', 'adapters'), /^5 .*cannot be the name.*\(NEW_NAME\)$/, name);
  assert.deepEqual(await readdir(root), []);
});

test("in Waybill's own tree: tests, form, types, and the guards of the tree", async (t) => {
  const root = await temporaryFolder(t, 'waybill-tree-');
  for (const item of await readdir(PROJECT_FOLDER)) {
    if (COPIED.test(item)) await cp(join(PROJECT_FOLDER, item), join(root, item), { recursive: true });
  }
  await symlink(join(PROJECT_FOLDER, 'node_modules'), join(root, 'node_modules'));
  const written: string[] = [];
  for (const { kind, folder, name } of ADAPTERS) {
    const made = await node([join(root, 'cli', 'main.ts'), 'new', kind, name], root);
    succeeded(`new ${kind}`, made);
    const files = [`${folder}/${name}.ts`, `test/${folder}/${name}.test.ts`];
    assert.match(await readFile(join(root, 'docs/reference/adapters', `${kind}-${name}.md`), 'utf8'), /## Error codes/);
    written.push(...files);
  }
  const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  succeeded('biome', await node([biome, 'check', ...written], root));
  const config = { extends: './tsconfig.json', include: written };
  await writeFile(join(root, 'tsconfig.new.json'), JSON.stringify(config));
  succeeded('tsc', await node([TSC, '-p', 'tsconfig.new.json'], root));
  const suites = ['conformance/adapters', 'guards/generated', 'guards/test-files'];
  const own = written.filter((file) => file.startsWith('test/'));
  succeeded('tests', await node(['--test', ...own, ...suites.map((suite) => `test/${suite}.test.ts`)], root));
  // These look at the whole tree: what they find must not be ours.
  const guards = await node(['--test', 'test/layering.test.ts', 'test/guards/error-codes.test.ts'], root);
  for (const { name } of ADAPTERS) {
    assert.equal(guards.stdout.includes(name), false, guards.stdout);
    assert.equal(guards.stdout.includes(`${name.toUpperCase().replaceAll('-', '_')}_`), false, guards.stdout);
  }
});
