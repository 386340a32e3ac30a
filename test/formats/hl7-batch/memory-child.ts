/** Child of memory.test.ts: makes a file out of nothing, scans and reads it, prints what became of it and peak memory. */
import type { BodySource } from '../../../engine/contracts/format.ts';
import { WaybillError } from '../../../engine/errors.ts';
import { open } from './support.ts';

const [kind = '', megabytes = '0'] = process.argv.slice(2);
const MESSAGE = Buffer.from(
  `MSH|^~\\&|LAB|A|IIS|B|20240102||ADT^A08|M1|P|2.5.1\r${`NTE|1||${'some words '.repeat(20)}\r`.repeat(10)}`,
);
const BLANK = Buffer.from('\r\n'.repeat(2000));
const SEGMENT = Buffer.from(`NTE|1||${'x'.repeat(50)}\r`.repeat(40));
/** What comes again and again behind the first message. */
const PIECES: Readonly<Record<string, Buffer>> = {
  messages: MESSAGE,
  segments: SEGMENT,
  field: Buffer.alloc(4000, 'x'),
  blank: BLANK,
  batches: Buffer.from('BHS|^~\\&\rBTS|7\r'.repeat(200)),
};

const piece = PIECES[kind];
if (!piece) throw new Error(`one of ${Object.keys(PIECES).join(', ')}`);
const times = Math.floor((Number(megabytes) * 1_000_000) / piece.length);
let given = 0;
const source: BodySource = {
  path: 'made',
  bytes: MESSAGE.length + times * piece.length,
  async *read(start = 0) {
    if (start > 0) throw new Error('a file is read from its beginning here');
    yield MESSAGE.subarray(0, MESSAGE.length);
    for (let time = 0; time < times; time += 1) {
      given += piece.length;
      yield Uint8Array.from(piece);
    }
  },
};

const signal = new AbortController().signal;
const format = open();
let scanned = -1;
let read = 0;
let code = '';
try {
  const scan = await format.scan!(source, { signal, transcode: () => process.exit(1) });
  scanned = scan.items;
  const reader = await format.read!(source, scan, scan, { signal, today: '2026-06-15' });
  for (let block = await reader.next(1000, 1_000_000); block; block = await reader.next(1000, 1_000_000)) {
    for (const item of block.items) read += item.bytes && item.bytes.length > 0 ? 1 : 0;
  }
} catch (error) {
  if (!(error instanceof WaybillError)) throw error;
  code = error.code;
}
const peakRss = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ scanned, read, code, given, peakRss }));
