/** Which files are tests, and which of them a run takes. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../cli/node24.mjs';

/** The long crash suite, run by `npm run test:crash`, and benchmarks, which are no tests. */
const LONG = 'test/crash/full/';
const BENCH = 'test/bench/';

/**
 * All test files, relative to the project, sorted.
 * @returns {string[]}
 */
export function allTestFiles() {
  return readdirSync(join(PROJECT, 'test'), { recursive: true })
    .map((name) => join('test', String(name)))
    .filter((path) => path.endsWith('.test.ts'))
    .sort();
}

/**
 * The files of one run.
 * @param {readonly string[]} args nothing: all but the long ones; `crash`: the long ones; else parts of paths, any of which
 * a file's path must hold (`*` stands for anything)
 * @returns {string[]}
 */
export function testFilesFor(args) {
  const files = allTestFiles().filter((path) => !path.startsWith(BENCH));
  if (args.length === 1 && args[0] === 'crash') return files.filter((path) => path.startsWith(LONG));
  if (args.length === 0) return files.filter((path) => !path.startsWith(LONG));
  const patterns = args.map(
    (text) =>
      new RegExp(
        text
          .replace(/^\.\//, '')
          .split(/\*+/)
          .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
          .join('.*'),
      ),
  );
  return files.filter((path) => patterns.some((pattern) => pattern.test(path)));
}
