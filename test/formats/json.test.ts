import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import iconv from 'iconv-lite';
import type { ItemBlock } from '../../engine/contracts/item.ts';
import { RefusedError } from '../../engine/errors.ts';
import json from '../../formats/json/index.ts';
import { blocksOf, itemsOf, scanOf } from './csv/support.ts';

const CHUNKS = [1, 2, 3, 65_536];

function open(config: Parameters<typeof json.open>[0] = {}): ReturnType<typeof json.open> {
  return json.open(config, { resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} } });
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('utf8');
}

describe('objects', () => {
  const cases: readonly (readonly [what: string, input: string, objects: readonly string[]])[] = [
    ['an array', ' [ {"a":1},\n{"b":"}"} ]\n', ['{"a":1}', '{"b":"}"}']],
    ['an array without objects', '[]', []],
    ['one object', '\r\n{"a":[{"b":"\\"]"}]}', ['{"a":[{"b":"\\"]"}]}']],
    ['one a line', '{"a":1}\n{"a":2}\r\n\n{"a":"Zoë\\\\"}', ['{"a":1}', '{"a":2}', '{"a":"Zoë\\\\"}']],
    ['objects over many lines', '[{\n"a":\r\n1\r},{}]', ['{\n"a":\r\n1\r}', '{}']],
    ['a byte order mark', '\uFEFF[{"a":1}]', ['{"a":1}']],
  ];
  for (const [what, input, objects] of cases) {
    test(what, async () => {
      for (const chunkBytes of CHUNKS) {
        const scanned = await scanOf(open(), input, chunkBytes);
        assert.deepEqual([scanned.scan.items, scanned.scan.charset], [objects.length, 'utf-8']);
        const items = (await blocksOf(open(), scanned, { chunkBytes })).flatMap((block) => block.items);
        assert.deepEqual(
          items.map(({ bytes }) => text(bytes)),
          objects,
        );
      }
    });
  }

  test('lines, and going on from every cursor', async () => {
    const lines = (blocks: readonly ItemBlock[]) =>
      blocks.map(({ items: [item], cursor, lines: before }) => [
        item?.line,
        item?.lastLine,
        cursor,
        before,
        text(item?.bytes),
      ]);
    for (const input of ['[\n{"a":1},{"a":\r\n2},\r{"a":3}\n]', '{"a":1}{"a":\r\n2}\n\n{"a":3}\n']) {
      for (const chunkBytes of CHUNKS) {
        const scanned = await scanOf(open(), input, chunkBytes);
        const whole = await blocksOf(open(), scanned, { chunkBytes, maxItems: 1 });
        assert.equal(whole.length, 3);
        assert.deepEqual(whole.at(-1)?.end, true);
        for (const [index, block] of whole.entries()) {
          const rest = await blocksOf(open(), scanned, { chunkBytes, maxItems: 1, from: block });
          assert.deepEqual(lines(rest), lines(whole).slice(index + 1));
        }
      }
    }
    const [first, second] = await itemsOf(open(), '\n\n{"a":\n1}\n{"b":2}');
    assert.deepEqual([first?.line, first?.lastLine, second?.line, second?.lastLine], [3, 4, 5, 5]);
  });

  test('UTF-16 with a byte order mark', async () => {
    const [item] = await itemsOf(open(), iconv.encode('[{"a":"Zoë 😀"}]', 'utf16be', { addBOM: true }));
    assert.equal(item?.path?.('a'), 'Zoë 😀');
  });
});

describe('paths', () => {
  const OBJECT = `{"patient":{"name":{"family":"O'Neil","given":["Max","Leo"]},"born":null,"alive":true},
    "codes":[{"system":"LN"},{"system":"SCT"}],"id":12345678901234567890,"dose":1.50,"empty":"","a-b c":"x"}`;
  test('name a value as text', async () => {
    const [item] = await itemsOf(open(), OBJECT);
    const at = (path: string) => item?.path?.(path);
    assert.equal(at('patient.name.family'), "O'Neil");
    assert.equal(at('patient.name.given(2)'), 'Leo');
    assert.equal(at('codes(1).system'), 'LN');
    assert.equal(at('codes(2).system'), 'SCT');
    assert.equal(at('id'), '12345678901234567890', 'a number is not rounded');
    assert.equal(at('dose'), '1.50');
    assert.equal(at('patient.alive'), 'true');
    assert.equal(at('a-b c'), 'x');
    for (const none of [
      'patient.born',
      'patient',
      'codes',
      'codes(3).system',
      'codes.system',
      'patient(1)',
      'x.y',
      'empty',
    ])
      assert.equal(at(none), '', none);
    assert.deepEqual(
      [item?.controlId, item?.fields, item?.values, item?.typed(0), item?.date(0)],
      ['', [], [], null, undefined],
    );
  });

  test('that are none are refused', async () => {
    const [item] = await itemsOf(open(), OBJECT);
    for (const path of [
      '',
      '.',
      'a.',
      '.a',
      'a..b',
      'a[',
      'a]b',
      'a[0]',
      'a(0)',
      '(1)',
      'a.(1)',
      `a${'.'.repeat(100)}`,
    ]) {
      assert.throws(() => item?.path?.(path), { code: 'JSON_PATH_INVALID' }, path);
      assert.match(open().pathProblem?.(path) ?? '', /is not a path/);
    }
    assert.equal(open().pathProblem?.('codes(1).system'), undefined);
  });

  test('a name of a prototype is a name like any', async () => {
    const [item] = await itemsOf(open(), '{"__proto__":{"polluted":"here"},"constructor":{"name":"c"}}');
    assert.equal(item?.path?.('__proto__.polluted'), 'here');
    assert.equal(item?.path?.('constructor.name'), 'c');
    assert.equal(item?.path?.('toString'), '');
    assert.equal(item?.path?.('hasOwnProperty.name'), '');
    assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
    const plain: Record<string, unknown> = {};
    assert.equal(plain.polluted, undefined);
  });
});

describe('what is refused, by line and column', () => {
  const deep = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
  const cases: readonly (readonly [
    what: string,
    input: string | Uint8Array,
    code: string,
    line: number,
    column?: number,
  ])[] = [
    ['nothing', '', 'JSON_EMPTY', 1],
    ['white space', ' \r\n\t', 'JSON_EMPTY', 1],
    ['a text', '"SECRET"', 'JSON_BROKEN', 1, 1],
    ['HL7', 'MSH|^~\\&|SECRET', 'JSON_BROKEN', 1, 1],
    ['a number in the array', '[{"a":1},\n 2]', 'JSON_NOT_OBJECT', 2, 2],
    ['a list in the array', '[\n[{"a":1}]]', 'JSON_NOT_OBJECT', 2, 1],
    ['a comma too many', '[{"a":1},\n]', 'JSON_NOT_OBJECT', 2, 1],
    ['a comma too few', '[{"a":1}\n{"a":2}]', 'JSON_BROKEN', 2, 1],
    ['commas between lines', '{"a":1},\n{"a":2}', 'JSON_BROKEN', 1, 8],
    ['something behind the array', '[{"a":1}]\n{"a":2}', 'JSON_BROKEN', 2, 1],
    ['an array that is not closed', '[{"a":1}\n', 'JSON_BROKEN', 2, 1],
    ['an object that is not closed', '[\n{"a":"SECRET}]', 'JSON_BROKEN', 2, 1],
    ['an object that is not JSON', '{"a":1}\n{SECRET:1}', 'JSON_BROKEN', 2, 1],
    ['brackets of two kinds', '{"a":[1}]', 'JSON_BROKEN', 1, 1],
    ['a NUL', '{"a":\0}', 'NUL_BYTE', 1, 6],
    ['bytes that are no UTF-8', Buffer.from('[{"a":"\xe9"}]', 'latin1'), 'UNDECODABLE', 1, 8],
    ['a hundred and one levels', deep(101), 'JSON_TOO_DEEP', 1, 105],
    ['a large object', `[{"a":1},\n {"a":"${'x'.repeat(1000)}"}]`, 'JSON_TOO_LARGE', 2, 2],
  ];
  for (const [what, input, code, line, column] of cases) {
    test(what, async () => {
      for (const chunkBytes of CHUNKS) {
        await assert.rejects(scanOf(open({ maxItemBytes: 500 }), input, chunkBytes), (error) => {
          assert.ok(error instanceof RefusedError, String(error));
          assert.deepEqual([error.code, error.place.line, error.place.column], [code, line, column]);
          assert.doesNotMatch(error.message, /SECRET/);
          return true;
        });
      }
    });
  }

  test('a hundred levels are taken', async () => {
    assert.equal((await scanOf(open(), deep(100))).scan.items, 1);
  });

  test('an endless object is given up at the limit', async () => {
    let given = 0;
    const source = {
      path: 'endless',
      bytes: 0,
      async *read() {
        yield Buffer.from('[{"a":"');
        for (;;) {
          given += 65_536;
          yield Buffer.alloc(65_536, 'x');
        }
      },
    };
    const context = { signal: new AbortController().signal, transcode: () => assert.fail('nothing is copied') };
    await assert.rejects(open().scan!(source, context), { code: 'JSON_TOO_LARGE' });
    assert.ok(given < 17_000_000);
  });
});

test('any objects come out as they went in, in any form and any chunks', async () => {
  const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<unknown>), {
    maxLength: 6,
  });
  const white = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
  await fc.assert(
    fc.asyncProperty(
      objects,
      white,
      fc.boolean(),
      fc.integer({ min: 1, max: 40 }),
      async (list, space, lines, chunkBytes) => {
        const texts = list.map((object) => JSON.stringify(object, null, space.length).replaceAll('\\u0000', ''));
        const input = lines ? texts.map((one) => one + space).join('\n') : `[${texts.join(`${space},${space}`)}]`;
        if (input.trim() === '') return;
        const items = await itemsOf(open(), input, { chunkBytes, maxItems: 2 });
        assert.deepEqual(
          items.map(({ bytes }) => text(bytes)),
          texts,
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('any text is read or refused with a place, never anything else', async () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '{"a":1}',
    '\n',
    ' ',
    '1',
    'null',
    '\uFEFF',
    '\r',
    'ë',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 1, max: 9 }), async (pieces, chunkBytes) => {
      try {
        const scanned = await scanOf(open({ maxDepth: 5 }), pieces.join(''), chunkBytes);
        const items = (await blocksOf(open(), scanned, { chunkBytes })).flatMap((block) => block.items);
        assert.equal(items.length, scanned.scan.items);
        for (const { bytes } of items) JSON.parse(text(bytes));
      } catch (error) {
        assert.ok(error instanceof RefusedError, String(error));
        assert.ok(error.place.line);
      }
    }),
    { numRuns: 1000 },
  );
});
