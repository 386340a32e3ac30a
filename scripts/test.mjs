/**
 * `npm test`: set-up, types, lint, then the tests with Node 24. `npm test -- hl7 csv` runs the test files with these words in
 * their path, without the checks; `npm run test:crash` the long crash suite. Words with a dash go to Node's test runner.
 */
import { endAs, runChild } from '../cli/forward.mjs';
import { NODE_FLAGS, PROJECT } from '../cli/node24.mjs';
import { runTasks } from './run.mjs';
import { main, SetupError, setUp } from './setup.mjs';
import { testFilesFor } from './test-files.mjs';

/** A test that hangs ends the run after this time; the long suite sets times of its own. */
const ONE_TEST_WITHIN_MS = 300_000;

await main(async () => {
  const args = process.argv.slice(2);
  const flags = args.filter((arg) => arg.startsWith('-'));
  const words = args.filter((arg) => !arg.startsWith('-'));
  const set = setUp({ tests: true });
  const files = testFilesFor(words);
  if (files.length === 0) throw new SetupError(`No test file has ${words.join(' or ')} in its path.`);

  if (words.length === 0) {
    const checks = await runTasks(['typecheck', 'lint'], set);
    if (checks.code !== 0) return endAs(checks);
  }
  const crash = words.length === 1 && words[0] === 'crash';
  const limits = ['--test-concurrency=2', ...(crash ? [] : [`--test-timeout=${ONE_TEST_WITHIN_MS}`])];
  const run = [...NODE_FLAGS, '--test', '--test-reporter=spec', ...limits, ...flags, ...files];
  endAs(await runChild(set.node, run, { cwd: PROJECT, env: set.environment }));
});
