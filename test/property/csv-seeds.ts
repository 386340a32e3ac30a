/** Inputs at which the fuzzing of CSV once failed, and those that are worth a run each time. */
import type { CsvConfig } from '../../formats/csv/index.ts';

interface Kept {
  readonly bytes: Buffer;
  readonly config: CsvConfig;
  readonly mapped: boolean;
  readonly one: { readonly scan: number; readonly read: number };
  readonly other: { readonly scan: number; readonly read: number };
}

const BYTE_BY_BYTE = { scan: 1, read: 1 };
const AT_ONCE = { scan: 65_536, read: 65_536 };

function kept(bytes: Buffer | string, config: CsvConfig = {}, mapped = false, one = BYTE_BY_BYTE): Kept {
  return { bytes: Buffer.from(bytes), config, mapped, one, other: AT_ONCE };
}

export const KEPT: readonly Kept[] = [
  kept(''),
  kept('\ufeff'),
  kept(Buffer.from('fffe', 'hex')),
  kept(Buffer.from('fffe61', 'hex')),
  kept(Buffer.from('feffd83d', 'hex')),
  kept('"'),
  kept('a\r\n"b'),
  kept('__proto__,constructor\r1,2\r', {}, true),
  // Two things wrong in the bytes; what is met first may depend on the chunks.
  kept(Buffer.from([0x00, 0x81])),
  // Rows of delimiters, larger than maxRecord: passed when they came in one chunk, and were refused when they were read.
  kept(`${','.repeat(96)}n,m,o\n,__proto__`, { maxField: 8, maxRecord: 16 }),
  kept(
    `a,b\n1,2\n${','.repeat(20_000)}\n3,4\n`,
    { delimiter: ',', maxField: 8, maxRecord: 2000, maxColumns: 100_000 },
    false,
    {
      scan: 1000,
      read: 1000,
    },
  ),
];
