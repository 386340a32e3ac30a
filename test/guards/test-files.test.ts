import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import { allTestFiles, testFilesFor } from '../../scripts/test-files.mjs';
import { importsOf, projectFiles, projectText } from '../support/source-files.ts';

const mentionsTests = (file: string) => /\bfrom 'node:test'/.test(projectText(file));

/** Its own, or those of a conformance suite beside it. */
const holdsTests = (file: string) =>
  mentionsTests(file) ||
  importsOf(projectText(file)).some((name) => {
    const target = posix.join(posix.dirname(file), name);
    return /^test\/.*\.ts$/.test(target) && mentionsTests(target);
  });

test('every file with tests is run, or used by one that is run', () => {
  const used = new Set([...testFilesFor([]), ...testFilesFor(['crash'])]);
  for (const file of used) {
    for (const name of importsOf(projectText(file))) {
      const target = posix.join(posix.dirname(file), name);
      if (name.startsWith('.') && /^test\/.*\.ts$/.test(target)) used.add(target);
    }
  }
  const withTests = projectFiles().filter((file) => file.endsWith('.ts') && mentionsTests(file));
  assert.ok(withTests.length > 5);
  assert.deepEqual(
    withTests.filter((file) => !used.has(file) && !file.startsWith('test/bench/')),
    [],
  );
});

test('no test file is empty of tests, and none lies outside test/', () => {
  assert.deepEqual(
    allTestFiles().filter((file) => !holdsTests(file)),
    [],
  );
  assert.deepEqual(
    projectFiles().filter((file) => /\.(test|spec)\.[a-z]+$/.test(file) && !file.startsWith('test/')),
    [],
  );
});

test('no test is left focused', () => {
  const focused = /\b(test|it|describe)\.only\(|\bonly: true/;
  const self = 'test/guards/test-files.test.ts';
  assert.deepEqual(
    allTestFiles().filter((file) => file !== self && focused.test(projectText(file))),
    [],
  );
});

test('words choose files by their path', () => {
  assert.deepEqual(testFilesFor(['guards/test-files']), ['test/guards/test-files.test.ts']);
  assert.deepEqual(
    testFilesFor(['test/guards/*.test.ts']).every((file) => file.startsWith('test/guards/')),
    true,
  );
  assert.deepEqual(testFilesFor(['no-such-file-anywhere']), []);
});
