/** What must not get into the project: paths of one machine, addresses of registries, and a lock file with holes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { projectFiles, projectText } from '../support/source-files.ts';

const SELF = 'test/guards/no-traces.test.ts';
const BINARY = /\.(png|pdf|zip|gz|der|p12)$/;
const MACHINE = /(^|[\s'"`(=:])\/(work|root)\/[\w.-]|\/tmp\/bash|\/home\/(?!USER|you|me)[a-z]+\/|bash_jobs/;
const REGISTRY = /registry\.npmjs\.org|registry\.yarnpkg\.com|pypi\.org\/simple|deb\.debian\.org/;

interface Locked {
  readonly packages: Record<
    string,
    { version?: string; resolved?: string; optionalDependencies?: Record<string, string> }
  >;
}

test('no file names a path of the machine it was written on, or a registry', () => {
  const found: string[] = [];
  for (const file of projectFiles()) {
    if (file === SELF || BINARY.test(file)) continue;
    for (const [index, line] of projectText(file).split('\n').entries()) {
      if (MACHINE.test(line) || REGISTRY.test(line)) found.push(`${file}:${index + 1}`);
    }
  }
  assert.deepEqual(found, []);
});

test('the lock file names no place to fetch from', () => {
  const { packages } = JSON.parse(projectText('package-lock.json')) as Locked;
  assert.deepEqual(
    Object.entries(packages)
      .filter(([, entry]) => entry.resolved !== undefined)
      .map(([name]) => name),
    [],
  );
});

test('the lock file holds every optional package of every platform, since `npm ci` refuses it otherwise', () => {
  const { packages } = JSON.parse(projectText('package-lock.json')) as Locked;
  const missing: string[] = [];
  for (const [parent, entry] of Object.entries(packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      const places = [`${parent}/node_modules/${name}`, `node_modules/${name}`];
      if (!places.some((place) => packages[place]?.version !== undefined)) missing.push(`${name}, wanted by ${parent}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('versions are exact', () => {
  const manifest = JSON.parse(projectText('package.json')) as Record<string, Record<string, string> | undefined>;
  const loose = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) =>
    Object.entries(manifest[kind] ?? {}).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)),
  );
  assert.deepEqual(loose, []);
});
