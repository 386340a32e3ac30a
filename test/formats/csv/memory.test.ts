/** A file that is larger than any buffer is scanned and read in a small, constant memory. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROWS = 1_000_000;

test('120 MB are scanned and read within 220 MB of memory', async () => {
  // The engine's threads run with a small young generation too; without it V8 takes 100 MB more before it collects.
  const program = fileURLToPath(new URL('memory-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--max-semi-space-size=4', program, String(ROWS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  const found = JSON.parse(output) as { bytes: number; scanned: number; read: number; valid: number; peakRss: number };
  assert.ok(found.bytes > 100_000_000, `${found.bytes} bytes`);
  assert.deepEqual([found.scanned, found.read, found.valid], [ROWS, ROWS, ROWS]);
  assert.ok(found.peakRss < 220_000_000, `${found.peakRss} bytes of memory`);
});
