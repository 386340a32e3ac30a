/** The compose file: what it names exists, what it sets is read, nobody but this machine reaches it, and Redis starts as it says. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { DEFAULT_LIMITS } from '../../operations/soap/config.ts';
import { findRedisServer } from '../../queue/redis-server.ts';
import { freePort } from '../../scripts/start/free-port.ts';
import { cleanUp, redisSkip, temporaryFolder, until } from '../support/redis.ts';
import { projectText } from '../support/source-files.ts';
import { instructionsOf, program, ran, seconds, variablesOfProductions, variablesOfProgram } from './support.ts';

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
  readonly tmpfs?: readonly string[];
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const TEXT = projectText('deploy/compose.yaml');
const { services, volumes, networks, secrets } = parse(TEXT) as Compose;
const NAMES = ['engine', 'redis', 'mongodb'] as const;
const service = (name: (typeof NAMES)[number]): Service => services[name] ?? assert.fail(`no ${name}`);

test('there are the engine, Redis and MongoDB, and what they name is defined', () => {
  assert.deepEqual(Object.keys(services), NAMES);
  const used = (list: (one: Service) => readonly string[]) => new Set(Object.values(services).flatMap(list));
  assert.deepEqual(
    used((one) => one.secrets ?? []),
    new Set(Object.keys(secrets)),
  );
  assert.deepEqual(
    used((one) => one.networks),
    new Set(Object.keys(networks)),
  );
  const named = used((one) =>
    (one.volumes ?? []).map((line) => line.split(':')[0] ?? '').filter((name) => /^[a-z]+$/.test(name)),
  );
  assert.deepEqual(named, new Set(Object.keys(volumes)));
});

test('images are exact versions, or built here', () => {
  for (const name of ['redis', 'mongodb'] as const)
    assert.match(service(name).image, /^[a-z]+:\d+\.\d+\.\d+(-[a-z]+)?$/);
  const { build } = service('engine');
  assert.ok(build && existsSync(join(PROJECT_FOLDER, 'deploy', build.context, build.dockerfile)));
});

test('only the loopback interface is bound, and only for the engine', () => {
  for (const port of service('engine').ports ?? []) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
  for (const name of ['redis', 'mongodb'] as const) {
    assert.equal(service(name).ports, undefined);
    for (const network of service(name).networks) assert.equal(networks[network]?.internal, true);
  }
});

test('every variable is one that something reads; secrets come as files', () => {
  const known = new Set([...variablesOfProgram(), ...variablesOfProductions()]);
  for (const [name, value] of Object.entries(service('engine').environment ?? {})) {
    const isFile = name.endsWith('_FILE');
    assert.ok(known.has(name.replace(/_FILE$/, '')), `nothing reads ${name}`);
    if (!isFile) assert.doesNotMatch(name, /PASSWORD|SECRET|KEY|REDIS|MONGODB/);
    else assert.ok(service('engine').secrets?.includes(value.replace('/run/secrets/', '')), value);
  }
  // And the other way round: what the sample production reads is given.
  const given = Object.keys(service('engine').environment ?? {}).map((name) => name.replace(/_FILE$/, ''));
  const wanted = [...projectText('config/production.yaml').matchAll(/\$\{env:([A-Z_]+)\}/g)].map(
    (match) => match[1] ?? '',
  );
  assert.deepEqual(
    wanted.filter((name) => !given.includes(name)),
    [],
  );
  for (const { file } of Object.values(secrets)) assert.match(file, /^secrets\//);
  assert.equal(projectText('deploy/.gitignore'), 'secrets/\n');
});

test('each waits for what it needs, and has the time to stop', () => {
  for (const [name, { condition }] of Object.entries(service('engine').depends_on ?? {})) {
    assert.equal(condition, 'service_healthy');
    assert.ok(services[name]?.healthcheck, `${name} has no health check`);
  }
  assert.ok(seconds(service('engine').stop_grace_period ?? '') > DEFAULT_LIMITS.total / 1000);
});

test('folders of the image are where the compose file mounts', () => {
  const targets = (service('engine').volumes ?? []).map(
    (line) => line.replace(/^\$\{[^}]*\}:|^[a-z]+:/, '').split(':')[0],
  );
  assert.deepEqual(targets, ['/data', '/production']);
  const instructions = instructionsOf(projectText('deploy/Dockerfile'));
  const say = (name: string) => instructions.find((one) => one.name === name)?.text ?? '';
  assert.equal(say('VOLUME'), '/data');
  assert.match(say('ENV'), /WAYBILL_DATA=\/data(\s|$)/);
  assert.match(say('CMD'), /"\/production"/);
  const [uid, gid] = say('USER').split(':');
  const [cache] = (service('engine').tmpfs ?? []).filter((line) => line.startsWith('/var/cache/waybill'));
  assert.equal(cache, `/var/cache/waybill:uid=${uid},gid=${gid},mode=0700`);
});

test('the engine of Docker would take it', {
  skip: composeProgram() === undefined ? 'no docker compose here' : false,
}, () => {
  const [name = '', ...words] = composeProgram() ?? [];
  const env = { REGISTRY_URL: 'http://127.0.0.1:9/', REGISTRY_USER: 'u', REGISTRY_FACILITY: 'f' };
  const { status, output } = ran(
    name,
    [...words, '--file', join(PROJECT_FOLDER, 'deploy', 'compose.yaml'), 'config', '--quiet'],
    env,
  );
  assert.equal(status, 0, output);
});

function composeProgram(): readonly string[] | undefined {
  if (program('docker') && ran('docker', ['compose', 'version']).status === 0) return ['docker', 'compose'];
  return program('docker-compose') === undefined ? undefined : ['docker-compose'];
}

test('Redis takes its command and its file: a password, an append-only file, no eviction', {
  skip: redisSkip(),
}, async (t) => {
  const folder = await temporaryFolder(t, 'waybill-compose-');
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'redis-conf'), 'requirepass 0123456789abcdef\n');
  const local = (text: string) => text.replaceAll('/run/secrets/', `${folder}/`).replaceAll('$$', '$');
  const [name, ...words] = service('redis').command ?? [];
  assert.equal(name, 'redis-server');
  const port = await freePort();
  const server = spawn(findRedisServer() ?? '', [
    ...words.map(local),
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    join(folder, 'data'),
  ]);
  cleanUp(t, async () => {
    if (server.exitCode !== null) return;
    server.kill('SIGTERM');
    await once(server, 'exit');
  });
  server.stdout.resume();
  const [kind, check = ''] = service('redis').healthcheck?.test ?? [];
  assert.equal(kind, 'CMD-SHELL');
  const shell = (text: string) => ran('sh', ['-c', local(text).replaceAll('redis-cli', `redis-cli -p ${port}`)]);
  await until('the health check of the compose file is content', () => shell(check).status === 0);
  assert.match(shell('redis-cli CONFIG GET appendonly').output, /NOAUTH/);
  for (const [key, value] of [
    ['appendonly', 'yes'],
    ['maxmemory-policy', 'noeviction'],
  ] as const) {
    assert.equal(shell(`REDISCLI_AUTH=0123456789abcdef redis-cli CONFIG GET ${key}`).output.trim(), `${key}\n${value}`);
  }
});
