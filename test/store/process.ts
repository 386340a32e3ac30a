import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const child = fileURLToPath(new URL('./child.ts', import.meta.url));
const plug = new URL('./plug.ts', import.meta.url).href;

/** Starts `child.ts` with these words; it is killed when the test ends. */
export function startChild(t: TestContext, words: readonly string[], pullAt = ''): ChildProcess {
  const env = { ...process.env, PULL_AT: pullAt };
  const started = spawn(process.execPath, ['--import', plug, child, ...words], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => started.kill('SIGKILL'));
  return started;
}

/** Runs it to its end; gives what it said and the signal that ended it. */
export async function runChild(t: TestContext, words: readonly string[], pullAt = '') {
  const started = startChild(t, words, pullAt);
  let said = '';
  started.stdout?.on('data', (chunk) => {
    said += String(chunk);
  });
  const [, signal] = await once(started, 'close');
  return { said: said.trim(), signal: String(signal) };
}
