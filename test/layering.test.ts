/** Who may import whom: the table of the house, against every import of every file. */
import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, test } from 'node:test';
import { importsOf, projectFiles, projectText } from './support/source-files.ts';

/** What engine gives to other folders: contracts, and the words that both sides use; not how the engine works. */
const CONTRACTS =
  /^engine\/(contracts\/|errors\.ts$|schema\.ts$|states\.ts$|events\.ts$|labels\.ts$|memory\.ts$|ids\.ts$|blocks\.ts$|socket-path\.ts$)/;
const EVERYTHING = /^/;

/** What a folder may import beside itself; `packages`: what it may import from outside, where that is restricted. */
const RULES: Record<string, { readonly may: readonly RegExp[]; readonly packages?: RegExp }> = {
  hl7: { may: [/^engine\/errors\.ts$/], packages: /^node-hl7-client/ },
  engine: { may: [], packages: /^(?!bullmq|ioredis|fastify|soap|busboy|node-hl7-client)/ },
  store: { may: [CONTRACTS] },
  queue: { may: [CONTRACTS] },
  services: { may: [/^engine\//, /^hl7\//] },
  formats: { may: [/^engine\//, /^hl7\//] },
  transforms: { may: [/^engine\//, /^hl7\//] },
  operations: { may: [/^engine\//, /^hl7\//] },
  portal: { may: [/^engine\//] },
  alerts: { may: [/^engine\//] },
  cli: { may: [EVERYTHING] },
  scripts: { may: [EVERYTHING] },
  test: { may: [EVERYTHING] },
  config: { may: [], packages: /^$/ },
  docs: { may: [], packages: /^$/ },
  deploy: { may: [], packages: /^$/ },
  '.ci': { may: [], packages: /^$/ },
};

/** A contract that speaks of a package's types, and of nothing else of it (docs/decisions/uploads.md). */
const TYPES_ONLY: Record<string, string> = { 'engine/contracts/listener.ts': 'fastify' };

/** Nobody builds on these; the programs of `cli` are started as processes, and tests import what they test. */
const ENDS: Record<string, readonly string[]> = {
  cli: ['scripts', 'test'],
  scripts: ['test'],
  test: [],
  config: [],
};

function problemsOf(file: string, source: string): string[] {
  const folder = file.split('/')[0]!;
  const rule = RULES[folder];
  if (!rule) return [`${file}: the folder ${folder} is not in the table of test/layering.test.ts`];
  const problems: string[] = [];
  for (const name of importsOf(source)) {
    if (!name.startsWith('.')) {
      const outside = !name.startsWith('node:');
      const typesOnly =
        TYPES_ONLY[file] === name && source.includes(`} from '${name}'`) && /^import type /m.test(source);
      if (outside && rule.packages && !rule.packages.test(name) && !typesOnly)
        problems.push(`${file}: ${folder} may not import ${name}`);
      continue;
    }
    const target = posix.join(posix.dirname(file), name);
    const home = target.split('/')[0]!;
    const within = home === folder;
    const allowed = within || rule.may.some((pattern) => pattern.test(target));
    const closed = !within && ENDS[home] !== undefined && !ENDS[home].includes(folder);
    if (!allowed || closed) problems.push(`${file}: ${folder} may not import ${target}`);
  }
  return problems;
}

const sources = projectFiles().filter((file) => /\.(ts|mjs|mts)$/.test(file));

describe('layering', () => {
  test('every import of every file is allowed by the table', () => {
    assert.ok(sources.length > 20, 'the files were found');
    assert.deepEqual(
      sources.flatMap((file) => problemsOf(file, projectText(file))),
      [],
    );
  });

  test('every folder of the project is in the table', () => {
    const folders = new Set(
      projectFiles()
        .filter((file) => file.includes('/'))
        .map((file) => file.split('/')[0]!),
    );
    assert.deepEqual(
      [...folders].filter((folder) => !Object.hasOwn(RULES, folder)),
      [],
    );
  });

  test('hl7 does no I/O', () => {
    const io = /^(node:)?(fs|net|http|https|tls|dns|child_process|worker_threads|dgram)(\/|$)/;
    const found = sources
      .filter((file) => file.startsWith('hl7/'))
      .flatMap((file) =>
        importsOf(projectText(file))
          .filter((name) => io.test(name))
          .map((name) => `${file}: ${name}`),
      );
    assert.deepEqual(found, []);
  });

  test('the guard sees what is forbidden, in each way of writing it', () => {
    const forbidden = [
      ['services/x.ts', "import { a } from '../store/sqlite.ts';"],
      ['services/x.ts', "import type { A } from '../formats/csv.ts';"],
      ['formats/x.ts', "export * from '../operations/mongodb.ts';"],
      ['transforms/x.ts', "const a = await import('../queue/handover.ts');"],
      ['operations/x/y.ts', "import '../../services/file-drop.ts';"],
      ['hl7/x.ts', "import { a } from '../engine/schema.ts';"],
      ['engine/x.ts', "import { Queue } from 'bullmq';"],
      ['engine/x.ts', "import { a } from '../hl7/parse.ts';"],
      ['engine/x.ts', "new Worker(new URL('../store/worker.ts', import.meta.url));"],
      ['store/x.ts', "import { a } from '../engine/accept.ts';"],
      ['portal/x.ts', "import { a } from '../cli/main.ts';"],
      ['alerts/x.ts', "import { a } from '../portal/health.ts';"],
      ['queue/x.ts', "import {\n  a,\n  b,\n} from '../store/lock.ts';"],
      ['newfolder/x.ts', ''],
    ] as const;
    for (const [file, source] of forbidden) assert.equal(problemsOf(file, source).length, 1, `${file} ${source}`);
    const allowed = [
      [
        'services/file-drop/x.ts',
        "import { a } from '../../engine/errors.ts';\nimport { readFile } from 'node:fs/promises';",
      ],
      ['cli/x.ts', "import { a } from '../store/lock.ts';"],
      ['test/x.test.ts', "import { a } from '../scripts/docs/errors.ts';"],
    ] as const;
    for (const [file, source] of allowed) assert.deepEqual(problemsOf(file, source), []);
  });
});
