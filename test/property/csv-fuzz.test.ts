/**
 * Any bytes at all, through scan and read: they are read or refused with code and line, the same under any chunking; a
 * cursor always leads to the same rest; nothing leaks into prototypes; and no byte is read more often than it needs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BodySource, Format } from '../../engine/contracts/format.ts';
import type { Item } from '../../engine/contracts/item.ts';
import { RefusedError } from '../../engine/errors.ts';
import { CSV_ERRORS } from '../../formats/csv/errors.ts';
import { blocksOf, bodyOf, open, type Scanned, scanOf } from '../formats/csv/support.ts';
import { chunking, input, settings } from './csv-inputs.ts';
import { KEPT } from './csv-seeds.ts';

const MAP = `
recordMap: fuzzed
headerCase: ignore
columns:
  - { name: n, type: text, maxLength: 5 }
  - { name: m, type: date, formats: [yyyy-MM-dd] }
  - { name: o, aliases: [constructor], type: code, table: sex-to-hl7 }
  - { name: __proto__, type: text }
unique: { columns: [n, __proto__] }
`;

/** Names of columns that stand for the record map too, so that half of the files fit it. */
const formats = fc.record({ config: settings, mapped: fc.boolean() }).map(({ config, mapped }) => ({
  config,
  mapped,
  format: open(config, mapped ? MAP : undefined),
}));

type Outcome =
  | {
      readonly refused: {
        readonly code: string;
        readonly line: number | undefined;
        readonly column: number | undefined;
      };
    }
  | { readonly scanned: Scanned; readonly items: readonly Plain[] };
type Plain = Pick<Item, 'line' | 'lastLine' | 'values' | 'fields' | 'faults'> & { readonly cursor: number };

function plain(item: Item): Plain {
  const { line, lastLine, values, fields, faults } = item;
  const cursor = 'cursor' in item && typeof item.cursor === 'number' ? item.cursor : assert.fail('no cursor');
  return { line, lastLine, values, fields: fields ?? [], faults, cursor };
}

async function outcome(format: Format, bytes: Buffer, chunks: { scan: number; read: number }): Promise<Outcome> {
  const scanned = await scanOf(format, bytes, chunks.scan).catch((error: unknown) => {
    assert.ok(error instanceof RefusedError, `not a refusal: ${String(error)}`);
    return error;
  });
  if (scanned instanceof RefusedError) return { refused: soundRefusal(scanned) };
  // A sound scan is a promise: nothing is refused any more.
  const items = (await blocksOf(format, scanned, { chunkBytes: chunks.read })).flatMap((block) => block.items);
  return { scanned, items: items.map(plain) };
}

const IN_BYTES = new Set(['UNDECODABLE', 'NUL_BYTE']);

/** Of several things wrong in one file, one in its bytes may be met before one in its rows, or after it. */
function comparable(one: string, other: string): boolean {
  return one === other || (!IN_BYTES.has(one) && !IN_BYTES.has(other));
}

/** A refusal has a code of the table and a line, and says the line first. */
function soundRefusal(error: RefusedError): { code: string; line: number | undefined; column: number | undefined } {
  const { code, message } = error;
  const { line, column } = error.place;
  assert.ok(Object.hasOwn(CSV_ERRORS, code), `${code} is in no table`);
  assert.ok(line !== undefined && line >= 1, `${code} has no line`);
  if (code !== 'EMPTY_FILE') assert.ok(message.startsWith(`line ${line}`), message);
  return { code, line, column };
}

function soundItems(items: readonly Plain[], from: { cursor: number; lines: number }): void {
  let { cursor, lines } = from;
  for (const item of items) {
    assert.ok(item.line > lines && item.lastLine >= item.line, `line ${item.line} after ${lines}`);
    assert.ok(item.cursor > cursor, `cursor ${item.cursor} after ${cursor}`);
    for (const fault of item.faults) assert.ok(fault.line >= item.line && fault.line <= item.lastLine);
    ({ cursor, lastLine: lines } = item);
  }
}

test('any bytes are read or refused, the same under any chunking', async () => {
  const tally = { refused: 0, read: 0 };
  await fc.assert(
    fc.asyncProperty(input, formats, chunking, chunking, async (bytes, { format }, one, other) => {
      const [first, second] = [await outcome(format, bytes, one), await outcome(format, bytes, other)];
      if ('refused' in first) {
        tally.refused += 1;
        assert.ok('refused' in second, JSON.stringify(first));
        if (comparable(first.refused.code, second.refused.code)) assert.deepEqual(second, first);
        return;
      }
      tally.read += 1;
      assert.ok('items' in second, JSON.stringify(second));
      assert.deepEqual(second.items, first.items);
      assert.deepEqual(second.scanned.scan, first.scanned.scan);
      assert.equal(first.items.length, first.scanned.scan.items);
      soundItems(first.items, first.scanned.scan);
    }),
    {
      numRuns: 800,
      examples: KEPT.map(({ bytes, config, mapped, one, other }) => [
        bytes,
        { config, mapped, format: open(config, mapped ? MAP : undefined) },
        one,
        other,
      ]),
    },
  );
  assert.ok(tally.refused > 100 && tally.read > 100, JSON.stringify(tally));
});

test('every cursor leads to the same rest', async () => {
  await fc.assert(
    fc.asyncProperty(
      input,
      formats,
      chunking,
      fc.integer({ min: 1, max: 3 }),
      async (bytes, { format }, chunks, maxItems) => {
        const all = await outcome(format, bytes, chunks);
        if ('refused' in all) return;
        const { scanned, items } = all;
        let done = 0;
        for (const block of await blocksOf(format, scanned, { maxItems, chunkBytes: chunks.read })) {
          done += block.items.length;
          assert.equal(block.end, done === items.length);
          const rest = await blocksOf(format, scanned, { from: block, chunkBytes: chunks.scan });
          assert.deepEqual(
            rest.flatMap((one) => one.items.map(plain)),
            items.slice(done),
          );
        }
        assert.equal(done, items.length);
      },
    ),
    { numRuns: 400 },
  );
});

/** A body that counts how many bytes of it are given out. */
function counted(bytes: Buffer, chunkBytes: number): { body: BodySource; given: () => number } {
  const inner = bodyOf(bytes, chunkBytes);
  let given = 0;
  const body: BodySource = {
    ...inner,
    async *read(start) {
      for await (const chunk of inner.read(start)) {
        given += chunk.length;
        yield chunk;
      }
    },
  };
  return { body, given: () => given };
}

test('no input makes the scan read it more than four times, or write more than it is', async () => {
  await fc.assert(
    fc.asyncProperty(input, formats, chunking, async (bytes, { format }, { scan: size }) => {
      const { body, given } = counted(bytes, size);
      let copied = 0;
      const write = async (chunk: Uint8Array) => {
        copied += chunk.length;
      };
      const { signal } = new AbortController();
      const refused = await format.scan!(body, { signal, transcode: () => ({ write }) }).then(
        () => false,
        (error: unknown) => error instanceof RefusedError || assert.fail(String(error)),
      );
      // The mark, the count, the parser where the count gave up, and the place of what is wrong.
      assert.ok(given() <= 4 * (bytes.length + size), `${given()} of ${bytes.length}, refused: ${refused}`);
      // A byte of a single-byte charset is at most three of UTF-8.
      assert.ok(copied <= 3 * bytes.length, `${copied} written for ${bytes.length}`);
    }),
    { numRuns: 400 },
  );
});

test('a huge field within the caps is one field; a byte more refuses the file', async () => {
  const most = 1_000_000;
  for (const [bytes, items] of [
    [most, 1],
    [most + 1, 0],
  ] as const) {
    for (const quote of ['', '"']) {
      const format = open();
      const file = Buffer.from(`n,m\n${quote}${'x'.repeat(bytes)}${quote},b\n`);
      for (const size of [1000, 65_536, 3_000_000]) {
        const got = await outcome(format, file, { scan: size, read: size });
        if (items === 0) assert.deepEqual(got, { refused: { code: 'FIELD_TOO_LARGE', line: 2, column: undefined } });
        else assert.ok('items' in got && got.items[0]?.values[0]?.length === most);
      }
    }
  }
});

test('names of headers and values cannot reach a prototype', async () => {
  const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
  const names = fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'valueOf',
    'n',
    'm',
  );
  const file = fc.record({
    header: fc.uniqueArray(names, { minLength: 1, maxLength: 6 }),
    rows: fc.array(fc.array(names, { minLength: 6, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
    mapped: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(file, async ({ header, rows, mapped }) => {
      const lines = [header, ...rows.map((row) => row.slice(0, header.length))];
      // The header once more is a fault of its own.
      fc.pre(lines.slice(1).every((line) => line.join() !== header.join()));
      const columns = header.map((name) => `  - { name: ${name}, type: code, table: sex-to-hl7 }`).join('\n');
      const map = `recordMap: names\ncolumns:\n${columns}\nunique: { columns: [${header[0]}] }\n`;
      const format = open({ delimiter: ',' }, mapped ? map : undefined);
      const got = await outcome(format, Buffer.from(lines.map((line) => line.join(',')).join('\n')), {
        scan: 7,
        read: 7,
      });
      assert.ok('items' in got);
      assert.deepEqual(
        got.items.map(({ values }) => [...values]),
        lines.slice(1),
      );
      // No such word is a code of the table, not even one that every object knows.
      for (const item of got.items) {
        assert.deepEqual(
          item.faults.map(({ code, column }) => [code, column]),
          mapped ? header.map((name) => ['NOT_IN_TABLE', name]) : [],
        );
      }
    }),
    { numRuns: 200 },
  );
  assert.equal(JSON.stringify(Object.getOwnPropertyNames(Object.prototype)), before);
});
