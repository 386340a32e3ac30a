/** Broken and sound files, one after the other in one process, leave nothing behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { RefusedError } from '../../engine/errors.ts';
import { blocksOf, open, scanOf } from '../formats/csv/support.ts';
import { input, settings } from './csv-inputs.ts';

const FILES = 200;
const ROUNDS = 7;
/** Each file ends in the middle of rows of this many bytes, so that something is held when it is refused. */
const FILLER = 20_000;
/** Far less than is read between the two measurements (about 28 MB), far more than the noise of one. */
const MOST_GROWTH = 4_000_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function held(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('memory does not grow with the number of files, read or refused', async () => {
  const files = fc.sample(fc.tuple(input, settings), { numRuns: FILES, seed: 20_260_615 });
  const filler = Buffer.alloc(FILLER, 'x,y\n');
  let bytesRead = 0;
  const round = async (): Promise<{ read: number; refused: number }> => {
    const tally = { read: 0, refused: 0 };
    for (const [bytes, config] of files) {
      const format = open({ ...config, maxRecord: 2 * FILLER });
      const file = Buffer.concat([Buffer.from('n,m\n'), filler, bytes]);
      bytesRead += file.length;
      const scanned = await scanOf(format, file, 4096).catch((error: unknown) => {
        assert.ok(error instanceof RefusedError);
        return undefined;
      });
      tally[scanned ? 'read' : 'refused'] += 1;
      if (scanned) await blocksOf(format, scanned, { chunkBytes: 4096, maxItems: 100 });
    }
    return tally;
  };
  for (let warm = 0; warm < 2; warm += 1) await round();
  const before = held();
  bytesRead = 0;
  for (let done = 0; done < ROUNDS; done += 1) {
    const { read, refused } = await round();
    assert.ok(read > FILES / 10 && refused > FILES / 10, `${read} read, ${refused} refused`);
  }
  const growth = held() - before;
  assert.ok(bytesRead > 25_000_000, `${bytesRead} bytes were read`);
  assert.ok(growth < MOST_GROWTH, `${growth} bytes more than before, for ${bytesRead} read`);
});
