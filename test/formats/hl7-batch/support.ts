import assert from 'node:assert/strict';
import type { Format, Scan } from '../../../engine/contracts/format.ts';
import { RefusedError } from '../../../engine/errors.ts';
import hl7Batch from '../../../formats/hl7-batch/index.ts';
import { Hl7Item } from '../../../formats/hl7-batch/item.ts';
import type { Hl7BatchConfig } from '../../../formats/hl7-batch/settings.ts';
import { blocksOf, type ReadOptions, scanOf } from '../csv/support.ts';

/** Sizes of the chunks in which a body comes. */
export const CHUNKS = [1, 2, 3, 7, 65_536];

export function open(config: Hl7BatchConfig = {}): Format {
  return hl7Batch.open(config, { resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} } });
}

/** Bytes of a text in latin1: one character is one byte. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** The scan, the same however the bytes come. */
export async function scan(input: string | Uint8Array, config: Hl7BatchConfig = {}): Promise<Scan> {
  const all: Scan[] = [];
  for (const chunkBytes of CHUNKS) all.push((await scanOf(open(config), input, chunkBytes)).scan);
  for (const other of all) assert.deepEqual(other, all[0]);
  return all[0]!;
}

/** All items of an input. */
export async function items(
  input: string | Uint8Array,
  config: Hl7BatchConfig = {},
  options: ReadOptions = {},
): Promise<Hl7Item[]> {
  const scanned = await scanOf(open(config), input, options.chunkBytes);
  const read = (await blocksOf(open(config), scanned, options)).flatMap((block) => block.items);
  return read.map((item) => {
    assert.ok(item instanceof Hl7Item);
    return item;
  });
}

/** Fails unless the input is refused with this code and place, however its bytes come, without telling any of its words. */
export async function refused(
  input: string | Uint8Array,
  code: string,
  place: { readonly line: number; readonly column?: number },
  config: Hl7BatchConfig = {},
): Promise<void> {
  for (const chunkBytes of CHUNKS) {
    await assert.rejects(scanOf(open(config), input, chunkBytes), (error) => {
      assert.ok(error instanceof RefusedError, String(error));
      const { line, column = place.column } = error.place;
      assert.deepEqual({ code: error.code, line, column }, { code, column: undefined, ...place }, error.message);
      assert.doesNotMatch(error.message, /SECRET/);
      return true;
    });
  }
}
