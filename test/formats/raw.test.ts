import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefusedError } from '../../engine/errors.ts';
import raw from '../../formats/raw.ts';
import { blocksOf, scanOf } from './csv/support.ts';

const CHUNKS = [1, 3, 65_536];
const BYTES = Buffer.from([0, 255, 13, 10, 0xef, 0xbb, 0xbf, 0x80, 34, 0]);

function open(config: Parameters<typeof raw.open>[0] = {}): ReturnType<typeof raw.open> {
  return raw.open(config, { resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} } });
}

test('the whole input is one item, byte for byte', async () => {
  for (const chunkBytes of CHUNKS) {
    const scanned = await scanOf(open(), BYTES, chunkBytes);
    assert.deepEqual(scanned.scan, {
      items: 1,
      charset: 'binary',
      transcoded: false,
      cursor: 0,
      lines: 0,
      details: { bytes: BYTES.length },
    });
    const [block, ...more] = await blocksOf(open(), scanned, { chunkBytes });
    assert.deepEqual([more.length, block?.end, block?.cursor, block?.items.length], [0, true, BYTES.length, 1]);
    const item = block?.items[0];
    assert.deepEqual(Buffer.from(item?.bytes ?? []), BYTES);
    assert.deepEqual([item?.controlId, item?.path?.('any'), item?.line, item?.lastLine], ['', '', 1, 1]);
    assert.deepEqual(
      [item?.fields, item?.values, item?.faults, item?.typed(0), item?.date(0)],
      [[], [], [], null, undefined],
    );
    assert.deepEqual(await blocksOf(open(), scanned, { from: block! }), [], 'nothing is behind it');
  }
});

test('the bytes of an item are memory of their own, so that they can be moved to another thread', async () => {
  const [block] = await blocksOf(open(), await scanOf(open(), BYTES));
  const bytes = block?.items[0]?.bytes;
  assert.equal(bytes?.buffer.byteLength, bytes?.length);
});

test('nothing, and too much, are refused', async () => {
  const refused = (bytes: Uint8Array, maxBytes: number, code: string) =>
    Promise.all(
      CHUNKS.map((chunkBytes) =>
        assert.rejects(scanOf(open({ maxBytes }), bytes, chunkBytes), (error) => {
          assert.ok(error instanceof RefusedError);
          return error.code === code;
        }),
      ),
    );
  await refused(Buffer.alloc(0), 10, 'RAW_EMPTY');
  await refused(Buffer.alloc(11), 10, 'RAW_TOO_LARGE');
  assert.equal((await scanOf(open({ maxBytes: 10 }), Buffer.alloc(10))).scan.items, 1);
});

test('an endless input is given up at the limit', async () => {
  let given = 0;
  const source = {
    path: 'endless',
    bytes: 0,
    async *read() {
      for (;;) {
        given += 65_536;
        yield new Uint8Array(65_536);
      }
    },
  };
  const context = { signal: new AbortController().signal, transcode: () => assert.fail('nothing is copied') };
  await assert.rejects(open().scan!(source, context), { code: 'RAW_TOO_LARGE' });
  assert.ok(given < 16_000_000);
});
