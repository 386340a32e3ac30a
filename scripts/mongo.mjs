/**
 * A MongoDB server for the demo and the tests: the one that MONGODB_URL names, else mongod on the path, else a small server
 * in Python (SecantusDB, a development server in a process of its own) that is installed once into a folder of
 * node_modules/.cache. Runs on Node 20 without any package. `node scripts/mongo.mjs` installs and says what there is.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findOnPath, isExecutable } from './on-path.mjs';

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
const CACHE = join(PROJECT, 'node_modules', '.cache');

/** Beta: what it does is no proof of what mongod does; that is why MONGODB_URL runs the same tests anywhere. */
const SERVER = 'secantusdb==0.7.0b3';
const PYTHONS = ['python3', '/usr/bin/python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];
/** Names the folder of the finished installation: it is written last, so half an installation is never used. */
const POINTER = join(CACHE, 'mongodb-server.json');

/** Debian's package without which its python3 cannot install anything. */
export const PYTHON_PACKAGE = 'python3-venv';

/**
 * What there is, without installing anything.
 * @returns {{ kind: 'url', url: string } | { kind: 'mongod' | 'secantusdb', command: string, args: (at: { port: number, folder: string }) => string[] } | undefined}
 *   `args` starts it on 127.0.0.1, with its data in a folder that exists and every acknowledged write on disk.
 */
export function findMongo() {
  const url = process.env.MONGODB_URL;
  if (url) return { kind: 'url', url };
  const mongod = findOnPath('mongod');
  if (mongod !== undefined) {
    const args = ({ port, folder }) => [
      '--port',
      String(port),
      '--bind_ip',
      '127.0.0.1',
      '--dbpath',
      folder,
      '--quiet',
    ];
    return { kind: 'mongod', command: mongod, args };
  }
  const program = installed();
  if (program === undefined) return undefined;
  const args = ({ port, folder }) => [
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--storage-path',
    folder,
    '--sync-on-commit',
  ];
  return { kind: 'secantusdb', command: program, args };
}

/**
 * Installs the small server where there is none.
 * @param {(line: string) => void} say
 * @returns {string | undefined} why it could not be done, as a sentence that says what to type; `undefined`: it is there
 */
export function installMongo(say) {
  if (findMongo() !== undefined) return undefined;
  const python = PYTHONS.find(fits);
  const cure = 'Or install mongod, or name a server: MONGODB_URL=mongodb://user:password@host/';
  if (python === undefined) {
    return `There is no MongoDB server, and no Python 3.10 to 3.13 with venv to install one. Type: sudo apt-get install -y ${PYTHON_PACKAGE}. ${cure}`;
  }
  say('Installing a MongoDB server for demo and tests (pip) ...');
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'mongodb-'));
  const failed =
    run(python, ['-m', 'venv', folder]) ??
    run(join(folder, 'bin', 'python'), [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--no-input',
      '--only-binary=:all:',
      SERVER,
    ]);
  if (failed !== undefined) {
    rmSync(folder, { recursive: true, force: true });
    return `A MongoDB server could not be installed: ${failed}. ${cure}`;
  }
  const draft = `${POINTER}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ server: SERVER, program: join(folder, 'bin', 'secantusd-py') }));
  renameSync(draft, POINTER);
  return undefined;
}

/** Whether `installMongo` would find a Python that it can use. */
export function canInstallMongo() {
  return PYTHONS.some(fits);
}

/** @param {(line: string) => void} [say] @throws {Error} with a sentence for people */
export function ensureMongo(say = (line) => process.stderr.write(`${line}\n`)) {
  const problem = installMongo(say);
  const found = findMongo();
  if (problem !== undefined || found === undefined) throw new Error(problem ?? 'There is no MongoDB server.');
  return found;
}

function installed() {
  try {
    const { server, program } = JSON.parse(readFileSync(POINTER, 'utf8'));
    return server === SERVER && isExecutable(program) ? program : undefined;
  } catch (error) {
    // Not installed yet, or by another version of this script.
    if (error instanceof SyntaxError || error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function fits(python) {
  const probe = 'import ensurepip, sys, venv; sys.exit(0 if (3, 10) <= sys.version_info[:2] <= (3, 13) else 1)';
  return spawnSync(python, ['-c', probe], { stdio: 'ignore' }).status === 0;
}

/** Runs a program to its end; gives its last words where it failed. */
function run(command, args) {
  const ended = spawnSync(command, args, { encoding: 'utf8', timeout: 600_000 });
  if (ended.status === 0) return undefined;
  const words = (ended.stderr || ended.stdout || ended.error?.message || 'no reason given').trim().split('\n');
  return words.at(-1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const found = ensureMongo();
    process.stdout.write(`${found.kind === 'url' ? 'MONGODB_URL' : found.command}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
