#!/usr/bin/env node
/** The program `waybill`. Starts on Node 20 and goes on with Node 24; on Node 24 it goes on in this process. */
import module from 'node:module';
import { join } from 'node:path';
import { endAs, runChild } from './forward.mjs';
import { COMPILE_CACHE, findNode24, NODE_FLAGS, NODE_MISSING, PROJECT } from './node24.mjs';

const node = findNode24();
if (node === undefined) {
  process.stderr.write(`${NODE_MISSING}\n`);
  process.exitCode = 1;
} else if (node === process.execPath) {
  hideExperimentalWarnings();
  module.enableCompileCache?.(COMPILE_CACHE);
  await import('./main.ts');
} else {
  const env = { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE };
  endAs(await runChild(node, [...NODE_FLAGS, join(PROJECT, 'cli', 'main.ts'), ...process.argv.slice(2)], { env }));
}

/** What `--disable-warning=ExperimentalWarning` does, in a process that runs already. */
function hideExperimentalWarnings() {
  const emit = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === 'string' ? rest[0] : (rest[0]?.type ?? warning?.name);
    if (type !== 'ExperimentalWarning') emit.call(process, warning, ...rest);
  };
}
