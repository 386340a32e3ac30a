/** Small tasks: `node scripts/run.mjs typecheck lint docs`, in the order given; ends at the first that fails. */
import { join } from 'node:path';
import { endAs, runChild } from '../cli/forward.mjs';
import { NODE_FLAGS, PROJECT } from '../cli/node24.mjs';
import { main, SetupError, setUp } from './setup.mjs';

const TASKS = {
  typecheck: ['node_modules/typescript/bin/tsc', '-p', '.'],
  lint: ['node_modules/@biomejs/biome/bin/biome', 'check'],
  docs: ['scripts/docs/main.ts'],
};

/**
 * Runs tasks by name.
 * @param {readonly string[]} names
 * @param {{ node: string, environment: NodeJS.ProcessEnv }} set
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} how the last one ended
 */
export async function runTasks(names, { node, environment }) {
  let end = { code: 0, signal: null };
  for (const name of names) {
    const [file, ...args] = TASKS[name];
    end = await runChild(node, [...NODE_FLAGS, join(PROJECT, file), ...args], { cwd: PROJECT, env: environment });
    if (end.code !== 0) {
      process.stderr.write(`${name} failed\n`);
      break;
    }
  }
  return end;
}

if (process.argv[1] === join(PROJECT, 'scripts', 'run.mjs')) {
  await main(async () => {
    const names = process.argv.slice(2);
    const unknown = names.find((name) => !Object.hasOwn(TASKS, name));
    if (names.length === 0 || unknown !== undefined) {
      throw new SetupError(
        `Name one or more of: ${Object.keys(TASKS).join(', ')}${unknown ? ` (not ${unknown})` : ''}.`,
      );
    }
    endAs(await runTasks(names, setUp()));
  });
}
