/** Measuring memory: in a process of its own, with the small young generation that the engine's threads have too. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Runs a program that writes JSON, and gives what it wrote. */
export async function inChild(program: URL, ...args: readonly string[]): Promise<unknown> {
  // Without the flag V8 takes 100 MB more before it collects.
  const child = spawn(process.execPath, ['--max-semi-space-size=4', fileURLToPath(program), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  return JSON.parse(output);
}
