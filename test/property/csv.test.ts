/** Rows written as CSV by hand are read again as they were, under any delimiter, quoting, line ends, chunking and resume. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { QuickCount } from '../../formats/csv/quick-count.ts';
import { RowParser } from '../../formats/csv/rows.ts';
import { blocksOf, open, scanOf } from '../formats/csv/support.ts';

const WIDTH = 3;
const NAMES = ['n', 'm', 'o'];

/** A field with the characters that matter, as text and the way it is quoted. */
const field = fc.record({
  text: fc.string({
    unit: fc.constantFrom('a', ' ', '"', ',', ';', '\t', '|', '\r', '\n', '\r\n', 'é', '😀', '\ufffd', '\\', "'"),
  }),
  quoted: fc.boolean(),
});
const file = fc.record({
  rows: fc.array(fc.array(field, { minLength: WIDTH, maxLength: WIDTH }), { maxLength: 12 }),
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  ends: fc.infiniteStream(fc.constantFrom('\n', '\r\n', '\r')),
  /** Empty lines before a row. */
  gaps: fc.infiniteStream(fc.nat({ max: 1 })),
  lastEnd: fc.boolean(),
  mark: fc.boolean(),
});
const chunking = fc.record({ scan: fc.integer({ min: 1, max: 40 }), read: fc.integer({ min: 1, max: 40 }) });

function written({ text, quoted }: { text: string; quoted: boolean }, delimiter: string): string {
  const needed = /["\r\n]/.test(text) || text.includes(delimiter);
  return quoted || needed ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Physical lines that a text adds. */
function breaks(text: string): number {
  return text.replaceAll('\r\n', '\n').replaceAll('\r', '\n').split('\n').length - 1;
}

interface Expected {
  readonly values: readonly string[];
  readonly line: number;
  readonly lastLine: number;
}

function render(spec: typeof file extends fc.Arbitrary<infer T> ? T : never): { text: string; rows: Expected[] } {
  const ends = spec.ends[Symbol.iterator]();
  const gaps = spec.gaps[Symbol.iterator]();
  let text = NAMES.join(spec.delimiter) + ends.next().value;
  let line = 2;
  const rows: Expected[] = [];
  spec.rows.forEach((fields, index) => {
    for (let gap = gaps.next().value ?? 0; gap > 0; gap -= 1) {
      text += '\r\n';
      line += 1;
    }
    const values = fields.map((one) => one.text);
    const lastLine = line + values.reduce((sum, value) => sum + breaks(value), 0);
    rows.push({ values, line, lastLine });
    text += fields.map((one) => written(one, spec.delimiter)).join(spec.delimiter);
    if (index < spec.rows.length - 1 || spec.lastEnd) text += ends.next().value;
    line = lastLine + 1;
  });
  return { text: (spec.mark ? '\ufeff' : '') + text, rows };
}

test('what is written is read, with its lines, under any chunking', async () => {
  await fc.assert(
    fc.asyncProperty(file, chunking, async (spec, chunks) => {
      const { text, rows } = render(spec);
      const format = open({ delimiter: spec.delimiter === '\t' ? 'tab' : spec.delimiter });
      const scanned = await scanOf(format, text, chunks.scan);
      const items = (await blocksOf(format, scanned, { chunkBytes: chunks.read })).flatMap((block) => block.items);
      assert.equal(scanned.scan.items, rows.length);
      assert.deepEqual(
        items.map(({ values, line, lastLine }) => ({ values, line, lastLine })),
        rows,
      );
      assert.ok(items.every((item) => item.faults.length === 0));
    }),
    { numRuns: 300 },
  );
});

test('reading can go on from the cursor of any block, with the same rest', async () => {
  await fc.assert(
    fc.asyncProperty(
      file,
      chunking,
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 60 }),
      async (spec, chunks, maxItems, maxBytes) => {
        const { text, rows } = render(spec);
        const format = open({ delimiter: spec.delimiter === '\t' ? 'tab' : spec.delimiter });
        const scanned = await scanOf(format, text);
        const blocks = await blocksOf(format, scanned, { maxItems, maxBytes, chunkBytes: chunks.read });
        let done = 0;
        for (const block of blocks) {
          done += block.items.length;
          assert.ok(block.items.length > 0 && block.items.length <= maxItems);
          assert.equal(block.end, done === rows.length);
          const rest = await blocksOf(format, scanned, { from: block, chunkBytes: chunks.scan });
          const items = rest.flatMap((one) => one.items);
          assert.deepEqual(
            items.map(({ values, line, lastLine }) => ({ values, line, lastLine })),
            rows.slice(done),
          );
        }
        assert.equal(done, rows.length);
      },
    ),
    { numRuns: 150 },
  );
});

test('any bytes are read or refused; nothing else is thrown, and scan and read agree on the number of rows', async () => {
  const pieces = fc.constantFrom('a', '"', '""', ',', '\n', '\r\n', '\r', ' ', 'é', '\u0000', '\ufeff', '\t');
  await fc.assert(
    fc.asyncProperty(
      fc.array(pieces, { maxLength: 40 }),
      fc.constantFrom('strict', 'relaxed', 'none'),
      chunking,
      async (parts, quotes, chunks) => {
        const format = open({ quotes });
        const scanned = await scanOf(format, parts.join(''), chunks.scan).catch((error: unknown) => {
          assert.ok(error instanceof Error && error.name === 'RefusedError', String(error));
          return undefined;
        });
        if (scanned === undefined) return;
        const items = (await blocksOf(format, scanned, { chunkBytes: chunks.read })).flatMap((block) => block.items);
        assert.equal(items.length, scanned.scan.items);
      },
    ),
    { numRuns: 500 },
  );
});

test('the quick count gives up or counts what the parser counts', async () => {
  const pieces = fc.constantFrom('a', 'bc', '"', '"', '""', ',', ',', '\n', '\r\n', '\r', ' ', 'é');
  let counted = 0;
  fc.assert(
    fc.property(
      fc.array(fc.array(pieces, { maxLength: 12 }), { maxLength: 8 }),
      fc.constantFrom('strict' as const, 'none' as const),
      fc.integer({ min: 1, max: 30 }),
      (chunks, quotes, maxField) => {
        const framing = { delimiter: ',', quotes, maxField, maxRecord: 40, maxColumns: 8 };
        const buffers = chunks.map((parts) => Buffer.from(parts.join('')));
        const quick = new QuickCount(framing);
        const rows = buffers.every((chunk) => quick.feed(chunk)) ? quick.finish() : undefined;
        if (rows === undefined) return;
        counted += 1;
        let parsed = 0;
        const parser = new RowParser(framing, { cursor: 0, lines: 0 }, () => {
          parsed += 1;
        });
        for (const chunk of buffers) parser.feed(chunk);
        parser.finish();
        assert.equal(rows, parsed);
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(counted > 300, `it gave up too often: ${counted}`);
});

test('the quick count does not give up on sound files', () => {
  fc.assert(
    fc.property(file, fc.integer({ min: 1, max: 40 }), (spec, size) => {
      const { text, rows } = render({ ...spec, mark: false });
      const framing = {
        delimiter: spec.delimiter,
        quotes: 'strict' as const,
        maxField: 1e6,
        maxRecord: 4e6,
        maxColumns: 10,
      };
      const quick = new QuickCount(framing);
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += size) assert.ok(quick.feed(bytes.subarray(at, at + size)));
      assert.equal(quick.finish(), rows.length + 1);
    }),
    { numRuns: 300 },
  );
});
