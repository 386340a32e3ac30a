/** Child of memory.test.ts: makes a file of so many rows out of nothing, scans and reads it, prints counts and peak memory. */
import type { BodySource } from '../../../engine/contracts/format.ts';
import csv from '../../../formats/csv/index.ts';
import { mapOf, resourcesOf } from './support.ts';

const rows = Number(process.argv[2]);
const HEADER = 'mrn,last_name,birth_date,sex,zip,note\n';
const YAML = `
recordMap: doses
columns:
  - { name: mrn, required: true, maxLength: 20 }
  - { name: last_name, required: true }
  - { name: birth_date, type: date, formats: [yyyy-MM-dd, M/d/yyyy], required: true, notAfter: today }
  - { name: sex, type: code, table: sex-to-hl7, required: true }
  - { name: zip, pattern: '\\d{5}(-\\d{4})?' }
  - { name: note }
`;
const ROWS_A_CHUNK = 500;

function chunkAt(first: number): Buffer {
  let text = first === 0 ? HEADER : '';
  for (let row = first; row < Math.min(first + ROWS_A_CHUNK, rows); row += 1) {
    const number = String(row).padStart(8, '0');
    text += `M${number},"Doe, ${number}",2/3/1990,Female,80202-1234,${'some words of a note, '.replace(',', ';').repeat(3)}\n`;
  }
  return Buffer.from(text);
}

const bytes = chunkAt(0).length + (chunkAt(ROWS_A_CHUNK).length * (rows - ROWS_A_CHUNK)) / ROWS_A_CHUNK;
const source: BodySource = {
  path: 'made',
  bytes,
  async *read(start = 0) {
    let offset = 0;
    for (let first = 0; first < rows; first += ROWS_A_CHUNK) {
      const chunk = chunkAt(first);
      if (offset + chunk.length > start) yield chunk.subarray(Math.max(start - offset, 0));
      offset += chunk.length;
    }
  },
};

const signal = new AbortController().signal;
const map = mapOf(YAML);
const format = csv.open({ recordMap: 'doses' }, { resources: resourcesOf(map) });
const scan = await format.scan!(source, {
  signal,
  transcode: () => {
    throw new Error('the file is UTF-8');
  },
});
const reader = await format.read!(source, scan, scan, { signal, today: '2026-06-15' });
let read = 0;
let valid = 0;
for (let block = await reader.next(1000, 1_000_000); block; block = await reader.next(1000, 1_000_000)) {
  read += block.items.length;
  for (const item of block.items) if (item.faults.length === 0) valid += 1;
}
await reader.close();
const peakRss = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ bytes, scanned: scan.items, read, valid, peakRss }));
