/** Files larger than any buffer are scanned and read in a constant memory; what has no end is refused at its limit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inChild } from '../in-child.ts';

interface Found {
  readonly scanned: number;
  readonly read: number;
  readonly code: string;
  readonly given: number;
  readonly peakRss: number;
}

async function find(kind: string, megabytes: number): Promise<Found> {
  return (await inChild(new URL('memory-child.ts', import.meta.url), kind, String(megabytes))) as Found;
}

test('100 MB of messages are scanned and read within 220 MB of memory', async () => {
  const found = await find('messages', 100);
  assert.ok(found.scanned > 30_000, `${found.scanned} messages`);
  assert.deepEqual([found.read, found.code], [found.scanned, '']);
  assert.ok(found.peakRss < 220_000_000, `${found.peakRss} bytes of memory`);
});

for (const kind of ['segments', 'field', 'blank']) {
  test(`a message without an end (${kind}) is refused at the limit`, async () => {
    const found = await find(kind, 200);
    assert.equal(found.code, 'HL7_MESSAGE_TOO_LONG');
    assert.ok(found.given < 34_000_000, `${found.given} bytes were read`);
    assert.ok(found.peakRss < 220_000_000, `${found.peakRss} bytes of memory`);
  });
}

test('a million counts that do not hold take no memory', async () => {
  const found = await find('batches', 12);
  assert.deepEqual([found.scanned, found.code], [1, '']);
  assert.ok(found.peakRss < 220_000_000, `${found.peakRss} bytes of memory`);
});
