/** The reader that the formats share, with the simplest of formats: a line is an item. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { BodySource, ItemReader } from '../../../engine/contracts/format.ts';
import type { ItemBlock } from '../../../engine/contracts/item.ts';
import { type ItemSplitter, type PlacedItem, SplittingReader } from '../../../formats/text/reader.ts';
import { bodyOf, open, scanOf, TODAY } from '../csv/support.ts';

const LF = 10;

class Lines implements ItemSplitter<PlacedItem> {
  readonly pieces: number[] = [];
  #text = Buffer.alloc(0);
  #cursor: number;
  #lines: number;

  constructor(from: { readonly cursor: number; readonly lines: number }) {
    this.#cursor = from.cursor;
    this.#lines = from.lines;
  }

  feed(piece: Uint8Array): PlacedItem[] {
    this.pieces.push(piece.length);
    this.#text = Buffer.concat([this.#text, piece]);
    const items: PlacedItem[] = [];
    for (let end = this.#text.indexOf(LF); end >= 0; end = this.#text.indexOf(LF)) items.push(this.#take(end + 1));
    return items;
  }

  end(): PlacedItem[] {
    return this.#text.length === 0 ? [] : [this.#take(this.#text.length)];
  }

  #take(length: number): PlacedItem {
    const bytes = this.#text.subarray(0, length);
    this.#text = this.#text.subarray(length);
    this.#cursor += length;
    this.#lines += 1;
    const place = { line: this.#lines, lastLine: this.#lines, linesAfter: this.#lines, cursor: this.#cursor };
    return { ...place, bytes, fields: [], values: [], faults: [], typed: () => null, date: () => undefined };
  }
}

const START = { cursor: 0, lines: 0 };

function readerOf(source: BodySource, from = START, pieceBytes?: number, signal = new AbortController().signal) {
  const splitter = new Lines(from);
  const context = { signal, today: TODAY };
  const cut = pieceBytes === undefined ? {} : { pieceBytes };
  return { splitter, reader: new SplittingReader(splitter, { source, from, context, ...cut }) };
}

async function blocksOf(
  { reader }: { readonly reader: ItemReader },
  maxItems: number,
  maxBytes = 1_000_000,
): Promise<ItemBlock[]> {
  const blocks: ItemBlock[] = [];
  for (let block = await reader.next(maxItems, maxBytes); block; block = await reader.next(maxItems, maxBytes)) {
    blocks.push(block);
  }
  await reader.close();
  return blocks;
}

function linesOf(blocks: readonly ItemBlock[]): string[] {
  return blocks.flatMap(({ items }) => items.map(({ bytes }) => Buffer.from(bytes ?? []).toString()));
}

describe('reading block by block', () => {
  test('blocks of any size from chunks and pieces of any size, and on from every cursor', async () => {
    const input = fc.array(fc.stringMatching(/^[a-z]{0,9}$/), { maxLength: 20 }).map((lines) => lines.join('\n'));
    const size = fc.integer({ min: 1, max: 30 });
    await fc.assert(
      fc.asyncProperty(input, size, size, size, size, async (text, chunkBytes, pieceBytes, maxItems, maxBytes) => {
        const source = bodyOf(Buffer.from(text), chunkBytes);
        const { splitter, reader } = readerOf(source, START, pieceBytes);
        const blocks = await blocksOf({ reader }, maxItems, maxBytes);
        const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
        assert.deepEqual(linesOf(blocks), lines);
        assert.ok(splitter.pieces.every((bytes) => bytes > 0 && bytes <= Math.min(chunkBytes, pieceBytes)));
        assert.deepEqual(
          blocks.map(({ end }) => end),
          blocks.map((block) => block === blocks.at(-1)),
        );
        let seen = 0;
        for (const { items, cursor, lines: before } of blocks) {
          assert.ok(items.length <= maxItems);
          seen += items.length;
          assert.deepEqual([cursor, before], [lines.slice(0, seen).join('').length, seen]);
          const rest = await blocksOf(readerOf(source, { cursor, lines: before }), 1);
          assert.deepEqual(linesOf(rest), lines.slice(seen));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a block stops soon after its bytes', async () => {
    const { reader } = readerOf(bodyOf(Buffer.from('aaa\nbbb\nccc\n')));
    const first = await reader.next(100, 5);
    assert.deepEqual([first?.items.length, first?.cursor, first?.end], [2, 8, false]);
    await reader.close();
  });

  test('it reads no further ahead than a chunk, and lets go of the source when it is closed', async () => {
    let given = 0;
    let left = false;
    const source: BodySource = {
      path: 'memory',
      bytes: 1_000_000,
      async *read() {
        try {
          for (; given < 1000; given += 1) yield Buffer.from('a\n');
        } finally {
          left = true;
        }
      },
    };
    const { reader } = readerOf(source);
    await reader.next(3, 1_000_000);
    assert.ok(given <= 4, `${given} chunks`);
    await reader.close();
    assert.equal(left, true);
    assert.equal(await reader.next(1, 1), undefined);
  });

  test('a signal ends it before the next piece', async () => {
    const control = new AbortController();
    const { reader } = readerOf(bodyOf(Buffer.from('a\nb\n'), 2), START, undefined, control.signal);
    await reader.next(1, 100);
    control.abort(new Error('enough'));
    await assert.rejects(reader.next(5, 100), /enough/);
    await reader.close();
  });

  test('a chunk without bytes is no end', async () => {
    const format = open();
    const { scan } = await scanOf(format, 'a,b\n1,2\n3,4\n');
    const source: BodySource = {
      path: 'memory',
      bytes: 12,
      async *read() {
        for (const text of ['1,', '', '2\n', '', '3,4\n', '']) yield Buffer.from(text);
      },
    };
    const reader = await format.read!(source, scan, scan, { signal: new AbortController().signal, today: TODAY });
    assert.deepEqual(
      (await blocksOf({ reader }, 10)).flatMap(({ items }) => items.map(({ fields }) => fields)),
      [
        ['1', '2'],
        ['3', '4'],
      ],
    );
  });
});
