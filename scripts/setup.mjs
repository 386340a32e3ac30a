/**
 * Brings what is missing: the packages, a Node 24, redis-server, and for tests the programs that they talk to. Runs on
 * Node 20 without any package; says nothing when all is there. `node scripts/setup.mjs [--tests]`
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE, findNode24, NODE_MISSING, PROJECT } from '../cli/node24.mjs';
import { canInstallMongo, findMongo, installMongo, PYTHON_PACKAGE } from './mongo.mjs';
import { findOnPath } from './on-path.mjs';

/** What people read when something stands in the way: what, why, what to type. Has no stack. */
export class SetupError extends Error {}

const IN_CI = Boolean(process.env.CI);

/** Debian's packages, what each is for, and how to see that it is there on any system. */
const REDIS = {
  package: 'redis-server',
  why: 'hands work over between processes',
  there: () => onPath('redis-server') || onPath('valkey-server'),
};
const TEST_TOOLS = [
  { package: 'openssl', why: 'makes certificates for tests', there: () => onPath('openssl') },
  { package: 'curl', why: 'sends uploads in tests', there: () => onPath('curl') },
  { package: 'php-cli', why: 'runs a SOAP receiver for tests', there: () => onPath('php') },
  { package: 'php-soap', why: 'runs a SOAP receiver for tests', there: () => hasPhpModule('soap') },
  { package: 'php-xml', why: 'runs a SOAP receiver for tests', there: () => hasPhpModule('dom') },
  { package: 'python3-spyne', why: 'runs a SOAP receiver for tests', there: hasSpyne },
];
/** Of these a test only asks whether they take a file. Installed they would run as services: only where nobody lives. */
const CI_TOOLS = [
  { package: 'systemd', why: 'reads the unit in tests', there: () => onPath('systemd-analyze') },
  { package: 'nginx-light', why: "reads the guides' lines for it in tests", there: () => onPath('nginx') },
  { package: 'openssh-server', why: "reads the guides' lines for it in tests", there: () => onPath('sshd') },
];

/**
 * @param {{ tests?: boolean, mongo?: boolean }} [options] `tests`: also what only tests need; it must be there in CI,
 *   elsewhere it may lack. `mongo`: a MongoDB server must be there, as for the demo.
 * @returns {{ node: string, environment: NodeJS.ProcessEnv }} path of a Node 24, and the environment to run it in
 * @throws {SetupError}
 */
export function setUp({ tests = false, mongo = false } = {}) {
  installPackages(tests);
  const node = findNode24();
  if (node === undefined) throw new SetupError(NODE_MISSING);
  if (tests || !process.env.REDIS_URL) installPrograms([REDIS], 'needed');
  if (tests) installPrograms(IN_CI ? [...TEST_TOOLS, ...CI_TOOLS] : TEST_TOOLS, IN_CI ? 'needed' : 'wanted');
  if (tests || mongo) installMongoServer(mongo || IN_CI ? 'needed' : 'wanted');
  return { node, environment: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE } };
}

function installPackages(tests) {
  const lock = join(PROJECT, 'package-lock.json');
  const installed = join(PROJECT, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  say('Installing packages (npm ci) ...');
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(tests ? ['--include=dev'] : [])];
  const run = spawnSync('npm', args, { cwd: PROJECT, stdio: ['ignore', 2, 2] });
  if (run.error)
    throw new SetupError('npm is missing, so the packages cannot be installed. Install Node with npm, then try again.');
  if (run.status !== 0) {
    throw new SetupError('The packages could not be installed. See the lines above; then try `npm ci` by hand.');
  }
}

/** @param {'needed' | 'wanted'} need `needed`: what lacks in the end is an error; `wanted`: it is named. */
function installPrograms(programs, need) {
  let missing = programs.filter((program) => !program.there());
  if (missing.length === 0) return;
  if (canInstall()) {
    aptInstall(missing.map((program) => program.package));
    known.clear();
    missing = missing.filter((program) => !program.there());
    if (missing.length === 0) return;
  }
  const names = missing.map((program) => program.package).join(' ');
  const why = [...new Set(missing.map((program) => program.why))].join(', ');
  const cure = `Type: sudo apt-get install -y --no-install-recommends ${names}`;
  if (need === 'needed') throw new SetupError(`Missing: ${names} (${why}). ${cure}`);
  say(`Missing: ${names} (${why}); the tests that need them are skipped. ${cure}`);
}

/** @param {'needed' | 'wanted'} need as for `installPrograms` */
function installMongoServer(need) {
  if (findMongo() !== undefined) return;
  if (!canInstallMongo() && canInstall()) aptInstall([PYTHON_PACKAGE]);
  const problem = installMongo(say);
  if (problem === undefined) return;
  if (need === 'needed') throw new SetupError(problem);
  say(`${problem} The tests that need it are skipped.`);
}

function canInstall() {
  return process.getuid?.() === 0 && onPath('apt-get');
}

let listsAreFresh = false;

function aptInstall(packages) {
  say(`Installing ${packages.join(' ')} (apt-get) ...`);
  if (!listsAreFresh) apt(['update', '-qq']);
  listsAreFresh = true;
  apt(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
}

/** Quiet unless it fails; whether all is there is looked at afterwards. */
function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = spawnSync('apt-get', args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (run.status !== 0) process.stderr.write(`apt-get ${args[0]} failed:\n${run.stderr}`);
}

function onPath(program) {
  return findOnPath(program) !== undefined;
}

/** Answers of programs, asked once. */
const known = new Map();

function asked(program, args) {
  const key = [program, ...args].join(' ');
  if (!known.has(key)) known.set(key, spawnSync(program, args, { encoding: 'utf8' }));
  return known.get(key);
}

function hasPhpModule(name) {
  return onPath('php') && new RegExp(`^${name}$`, 'im').test(asked('php', ['-m']).stdout ?? '');
}

/** Debian's own, found without starting Python where it lies in its usual place. */
function hasSpyne() {
  if (existsSync('/usr/lib/python3/dist-packages/spyne')) return true;
  return existsSync('/usr/bin/python3') && asked('/usr/bin/python3', ['-c', 'import spyne']).status === 0;
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs a script's work; a SetupError is told in its one sentence.
 * @param {() => Promise<unknown> | unknown} work
 */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(() => setUp({ tests: process.argv.includes('--tests') }));
}
