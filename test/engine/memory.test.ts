/** Buffers that are used once and dropped do not pile up. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { leaveStartBehind, willDrop } from '../../engine/memory.ts';

const MODULE = fileURLToPath(new URL('../../engine/memory.ts', import.meta.url));
const CHUNK = 64 * 1024;

/** Most bytes of buffers at a time, while 200 MB of them are made and dropped. */
function mostBuffers(args: readonly string[], told: boolean): number {
  const script = `
    const { willDrop } = await import(${JSON.stringify(MODULE)});
    let most = 0;
    for (let n = 0; n < 3200; n += 1) {
      const chunk = Buffer.alloc(${CHUNK});
      if (${told}) willDrop(chunk.length);
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    }
    console.log(most);`;
  const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4', ...args];
  return Number(
    execFileSync(process.execPath, [...flags, '--input-type=module', '--eval', script], { encoding: 'utf8' }),
  );
}

test('with --expose-gc few megabytes wait, without a word many do', () => {
  assert.ok(mostBuffers(['--expose-gc'], true) < 8_000_000);
  assert.ok(mostBuffers(['--expose-gc'], false) > 8_000_000, 'V8 does it by itself: engine/memory.ts can go');
});

test('without it nothing happens, and nothing fails', () => {
  assert.ok(mostBuffers([], true) > 8_000_000);
  willDrop(100_000_000);
  leaveStartBehind();
});
