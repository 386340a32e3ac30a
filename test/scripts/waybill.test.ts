/** The program `waybill` on an old and a new Node: arguments, signals and how it ends. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { cleanUp, temporaryFolder, until } from '../support/redis.ts';

const MAIN = `
import type { Readable } from 'node:stream';
const [word] = process.argv.slice(2);
process.on('SIGTERM', () => { console.log('terminated'); process.exit(5); });
console.log(JSON.stringify({ major: Number(process.versions.node.split('.')[0]), args: process.argv.slice(2) }));
if (word === 'wait') setInterval(() => {}, 1000);
if (word === 'fail') process.exitCode = 3;
if (word === 'die') process.kill(process.pid, 'SIGKILL');
`;

/** A Node on the PATH that is too old for TypeScript, if there is one. */
function oldNode(): string | undefined {
  const places = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return places
    .map((folder) => join(folder, 'node'))
    .find((path) => {
      const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
      const major = Number(/^v(\d+)/.exec(stdout ?? '')?.[1] ?? 0);
      return status === 0 && major >= 20 && major < 24;
    });
}

async function program(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'cli'));
  for (const name of ['waybill.mjs', 'forward.mjs', 'node24.mjs']) {
    await cp(join(PROJECT_FOLDER, 'cli', name), join(folder, 'cli', name));
  }
  await writeFile(join(folder, 'cli', 'main.ts'), MAIN);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await symlink(join(PROJECT_FOLDER, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'cli', 'waybill.mjs');
}

function started(t: TestContext, node: string, args: readonly string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  cleanUp(t, () => child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      text += chunk;
    });
  }
  return { child, output: () => text };
}

const old = oldNode();
const nodes = [
  { title: 'on this Node, in the same process', node: process.execPath, skip: false },
  { title: 'on an old Node, by a child', node: old ?? '', skip: old ? false : 'no Node 20 to 23 is on the PATH' },
];

for (const { title, node, skip } of nodes) {
  describe(`waybill ${title}`, { skip }, () => {
    test('runs main.ts on Node 24 with the arguments, and says nothing of its own', async (t) => {
      const { child, output } = started(t, node, [await program(t), 'trace', '--line', '7', 'a b']);
      const [code] = await once(child, 'close');
      assert.equal(code, 0, output());
      const said: unknown = JSON.parse(output());
      assert.deepEqual(said, { major: 24, args: ['trace', '--line', '7', 'a b'] });
    });

    test('ends with its code', async (t) => {
      const { child } = started(t, node, [await program(t), 'fail']);
      assert.equal((await once(child, 'close'))[0], 3);
    });

    test('hands a signal on, and ends as main.ts decides', async (t) => {
      const { child, output } = started(t, node, [await program(t), 'wait']);
      await until('it runs', () => output().includes('wait'));
      child.kill('SIGTERM');
      assert.equal((await once(child, 'close'))[0], 5);
      assert.match(output(), /terminated/);
    });

    test('ends by the signal that ended it', async (t) => {
      const { child } = started(t, node, [await program(t), 'die']);
      assert.equal((await once(child, 'close'))[1], 'SIGKILL');
    });
  });
}

test('without a Node 24: one sentence with what to type', { skip: nodes[1]?.skip ?? false }, async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'cli'));
  for (const name of ['waybill.mjs', 'forward.mjs', 'node24.mjs']) {
    await cp(join(PROJECT_FOLDER, 'cli', name), join(folder, 'cli', name));
  }
  const run = spawnSync(old ?? '', [join(folder, 'cli', 'waybill.mjs')], {
    encoding: 'utf8',
    env: { PATH: '/nowhere' },
  });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /^Waybill needs Node 24 or later and found only v2\d\.[\d.]+\. Run `npm ci` in .*\n$/);
});
