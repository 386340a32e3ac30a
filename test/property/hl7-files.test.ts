/** Files of HL7, made and mutated, in any chunks: read to the last byte, or refused with a line; never anything else. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Format, Scan } from '../../engine/contracts/format.ts';
import { RefusedError } from '../../engine/errors.ts';
import { Hl7Item } from '../../formats/hl7-batch/item.ts';
import { eachLine, isBlankLine } from '../../hl7/lines.ts';
import { parseMessage } from '../../hl7/parse.ts';
import { blocksOf, scanOf } from '../formats/csv/support.ts';
import { open } from '../formats/hl7-batch/support.ts';
import { needsShared, sharedPath } from '../support/shared.ts';
import { verdicts } from '../support/verdicts.ts';

const FORMAT = open({ maxMessageBytes: 20_000, maxSegments: 500 });
const check = await FORMAT.validator!();

interface Outcome {
  readonly scan: Scan;
  readonly items: readonly Hl7Item[];
  readonly body: Uint8Array;
}

/** What becomes of an input; `undefined` where it is refused as it should be. */
async function outcomeOf(format: Format, input: Uint8Array, chunkBytes: number): Promise<Outcome | undefined> {
  try {
    const scanned = await scanOf(format, input, chunkBytes);
    const blocks = await blocksOf(format, scanned, { chunkBytes, maxItems: 3 });
    const items = blocks.flatMap((block) => block.items).filter((item) => item instanceof Hl7Item);
    return { scan: scanned.scan, items, body: scanned.body };
  } catch (error) {
    assert.ok(error instanceof RefusedError, error instanceof Error ? error.stack : String(error));
    assert.ok((error.place.line ?? 0) > 0, error.code);
    return undefined;
  }
}

/** Every byte of the body is in a message, in the envelope, in a blank line, or is the byte order mark. */
function assertAddsUp({ scan, items, body }: Outcome): void {
  assert.equal(items.length, scan.items);
  let at = scan.cursor;
  for (const item of items) {
    assertEnvelope(body.subarray(at, item.offset));
    const source = body.subarray(item.offset, item.cursor);
    assert.equal(item.text, Buffer.from(source).toString('utf8'));
    if (item.faults.length === 0) {
      assert.equal(parseMessage(item.text).print(), item.text, 'it prints byte for byte');
      if (!scan.transcoded) assert.deepEqual(Buffer.from(item.bytes), canonical(source));
      item.path('PID-5.1');
      assert.ok(check(item).length <= 100);
    }
    at = item.cursor;
  }
  assertEnvelope(body.subarray(at));
}

function assertEnvelope(between: Uint8Array): void {
  eachLine(between, (line) => {
    const text = Buffer.from(between.subarray(line.start, line.end)).toString();
    assert.ok(isBlankLine(between, line) || /^(?:FHS|BHS|BTS|FTS)(?:[^A-Za-z0-9]|$)/.test(text), text);
    return true;
  });
}

/** The same by another way: lines that are not blank, each with CR. */
function canonical(source: Uint8Array): Buffer {
  const lines = Buffer.from(source)
    .toString('latin1')
    .split(/\r\n|\r|\n/)
    .filter((line) => !/^[ \t]*$/.test(line));
  return Buffer.from(lines.map((line) => `${line}\r`).join(''), 'latin1');
}

const lineEnd = fc.constantFrom('\r', '\n', '\r\n', '\r\r', '\n \t\r\n', '');
const segment = fc.constantFrom(
  'MSH|^~\\&|LAB|A|IIS|B|20240102||ADT^A08^ADT_A01|M1|P|2.5.1',
  'MSH|^~\\&|||||||ORU^R01|M2|P|2.8||||||8859/1',
  'MSH#*~\\&#A',
  'MSH|^^~|x',
  'MSH|',
  'MSH',
  'FHS|^~\\&|A',
  'BHS|^~\\&|B',
  'BTS|1',
  'BTS|2|x',
  'BTS',
  'FTS|1',
  'FTS|x',
  'PID|1||7^^^A&1.2&ISO||Zoë^Max~Roe',
  'OBX|1|NM|1^A^LN||<5~7||||||F',
  'OBX|2|CWE|1||\\X0D\\\\.br\\\\Zq\\',
  'ZZZ|1',
  'pid|1',
  'junk',
  '\u000bMSH|^~\\&|',
  ' BTS|1',
  '\uFEFF',
  '{"a":1}',
  '',
);
const made = fc.array(fc.tuple(segment, lineEnd), { maxLength: 14 }).map((lines) => Buffer.from(lines.flat().join('')));
/** Begins as a file should, so that more is taken than refused. */
const likely = fc
  .tuple(fc.constantFrom('', 'FHS|^~\\&\r', 'BHS|^~\\&\n'), made)
  .map(([start, rest]) => Buffer.concat([Buffer.from(`${start}MSH|^~\\&|LAB||||||ADT^A08|M0|P|2.5.1\r`), rest]));
const chunkBytes = fc.integer({ min: 1, max: 70 });

test('files made of likely and unlikely lines', async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(made, likely), chunkBytes, async (input, chunks) => {
      const outcome = await outcomeOf(FORMAT, input, chunks);
      if (!outcome) return;
      taken += 1;
      assertAddsUp(outcome);
    }),
    {
      numRuns: 1500,
      // What failed once, or is at an edge.
      examples: [
        [Buffer.from('MSH|'), 1],
        [Buffer.from('MSH|^~\\&|\r\n\r\n \t\n\rBTS|1\n\n'), 2],
        [Buffer.from('\uFEFFFHS|^~\\&\rFTS|0'), 1],
        [Buffer.from('MSH|^~\\&|1\rMSH'), 3],
        [Buffer.from('MSH|^~\\&|1\r\uFEFF\rPID'), 4],
        [Buffer.from('BTS|0\rMSH|^~\\&|1\r'), 5],
        [Buffer.from('MSH|^~\\&|é\u2028\x85\r'), 1],
        [Buffer.from('MSH§^~\\&§LAB\rPID§1\r'), 1],
      ],
    },
  );
  assert.ok(taken > 200, `${taken} were taken`);
});

interface Mutation {
  readonly at: number;
  readonly remove: number;
  readonly insert: Uint8Array;
}
const insert = fc.oneof(
  fc
    .constantFrom('\r', '\n', '|', 'MSH|', '\rMSH|^~\\&|', '\rBTS|7', '\0', '\u000b', '\rFHS|', '~', '^', '\\', '""')
    .map((text): Uint8Array => Buffer.from(text)),
  fc.uint8Array({ maxLength: 4 }),
);
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 })),
  insert,
});

function mutated(bytes: Buffer, mutations: readonly Mutation[]): Buffer {
  let result = bytes;
  for (const { at, remove, insert: added } of mutations) {
    const place = Math.floor(at * result.length);
    result = Buffer.concat([result.subarray(0, place), added, result.subarray(place + remove)]);
  }
  return result;
}

test('published files, mutated', needsShared, async () => {
  const files = verdicts('hl7-batch')
    .filter(({ verdict }) => verdict !== 'refused')
    .map(({ path }) => readFileSync(sharedPath(`fixtures/${path}`)));
  const format = open();
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(13, 1000, 65_536),
      async (file, mutations, chunks) => {
        const outcome = await outcomeOf(format, mutated(file, mutations), chunks);
        if (!outcome) return;
        taken += 1;
        assertAddsUp(outcome);
      },
    ),
    { numRuns: 150 },
  );
  assert.ok(taken > 10, `${taken} were taken`);
});

test('bytes of any kind', async () => {
  const start = fc.constantFrom(
    '',
    'MSH|^~\\&|',
    'MSH|^~\\&||||||||||||||||8859/1\r',
    '\xff\xfe',
    '\xfe\xff',
    '\xef\xbb\xbf',
  );
  await fc.assert(
    fc.asyncProperty(start, fc.uint8Array({ maxLength: 200 }), chunkBytes, async (first, rest, chunks) => {
      const outcome = await outcomeOf(FORMAT, Buffer.concat([Buffer.from(first, 'latin1'), rest]), chunks);
      if (outcome) assertAddsUp(outcome);
    }),
    { numRuns: 800 },
  );
});
