/** Runs a TypeScript program of the project with Node 24, after the set-up. */
import { join } from 'node:path';
import { endAs, runChild } from '../cli/forward.mjs';
import { NODE_FLAGS, PROJECT } from '../cli/node24.mjs';
import { main, setUp } from './setup.mjs';

/**
 * @param {string} file relative to the project
 * @param {{ tests?: boolean }} [options] as for `setUp`
 */
export async function launch(file, options = {}) {
  await main(async () => {
    const { node, environment } = setUp(options);
    const args = [...NODE_FLAGS, join(PROJECT, file), ...process.argv.slice(2)];
    endAs(await runChild(node, args, { env: environment }));
  });
}
