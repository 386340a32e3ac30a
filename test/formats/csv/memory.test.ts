/** A file that is larger than any buffer is scanned and read in a small, constant memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inChild } from '../in-child.ts';

const ROWS = 1_000_000;

interface Found {
  readonly bytes: number;
  readonly scanned: number;
  readonly read: number;
  readonly valid: number;
  readonly peakRss: number;
}

test('120 MB are scanned and read within 220 MB of memory', async () => {
  const found = (await inChild(new URL('memory-child.ts', import.meta.url), String(ROWS))) as Found;
  assert.ok(found.bytes > 100_000_000, `${found.bytes} bytes`);
  assert.deepEqual([found.scanned, found.read, found.valid], [ROWS, ROWS, ROWS]);
  assert.ok(found.peakRss < 220_000_000, `${found.peakRss} bytes of memory`);
});
