import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Item } from '../../../engine/contracts/item.ts';
import { RefusedError, WaybillError } from '../../../engine/errors.ts';
import csv from '../../../formats/csv/index.ts';
import { blocksOf, bodyOf, itemsOf, mapOf, open, resourcesOf, scanOf, TODAY } from './support.ts';

/** Code and column of each fault. */
function faults(item: Item | undefined): string[] {
  return (item?.faults ?? []).map((fault) => `${fault.code} ${fault.column ?? '-'}`);
}

/** Faults of one value in a column with this rule. */
async function check(rule: string, value: string, today = TODAY): Promise<string[]> {
  const yaml = `recordMap: one\ncolumns:\n  - { name: v, ${rule} }\n  - { name: w }\n`;
  const [item] = await itemsOf(open({}, yaml), `v,w\n"${value}",x\n`, { today });
  return (item?.faults ?? []).map((fault) => fault.code);
}

describe('rules', () => {
  const cases: readonly [rule: string, good: readonly string[], bad: readonly string[], code: string][] = [
    ['required: true', ['x', ' x '], ['', '  ', '\t\u00a0'], 'VALUE_MISSING'],
    ['maxLength: 3', ['abc', 'äöü', '😀😀😀', ''], ['abcd', '😀😀😀😀'], 'TOO_LONG'],
    ['minLength: 2', ['ab', '', '😀😀'], ['a', '😀'], 'TOO_SHORT'],
    ["pattern: '\\d{5}(-\\d{4})?'", ['12345', '12345-6789', ''], ['1234', '123456', 'x12345'], 'PATTERN_MISMATCH'],
    ["pattern: 'a|b'", ['a', 'b'], ['ab', 'xb', 'ax', 'a\nb'], 'PATTERN_MISMATCH'],
    ['type: code, table: sex-to-hl7', ['Male', ''], ['male', 'M', 'constructor', '__proto__'], 'NOT_IN_TABLE'],
    ['type: code, table: sex-to-hl7, ignoreCase: true', ['Male', 'mALE'], ['M'], 'NOT_IN_TABLE'],
    [
      'type: integer',
      ['0', '-12', '+7', '0042', '123456789012345678901'],
      ['1.0', '1e3', '0x1', '１', '-'],
      'NOT_AN_INTEGER',
    ],
    ['type: decimal', ['0', '-1.50', '.5', '007'], ['1,5', '1.', '1e3', '.', 'NaN', 'Infinity'], 'NOT_A_DECIMAL'],
    ['type: boolean', ['true', 'No', 'Y', 'f', '1', '0'], ['maybe', '2', 'ja'], 'NOT_A_BOOLEAN'],
    ['type: date, formats: [yyyy-MM-dd, M/d/yy]', ['2024-02-29', '2/3/90'], ['2023-02-29', '2/3/1990'], 'NOT_A_DATE'],
    [
      'type: date, formats: [yyyy-MM-dd], notAfter: today',
      ['2026-06-15', '1890-01-01'],
      ['2026-06-16'],
      'DATE_TOO_LATE',
    ],
    ['type: date, formats: [yyyy-MM-dd], notBefore: 1900-01-01', ['1900-01-01'], ['1899-12-31'], 'DATE_TOO_EARLY'],
    ['type: date, formats: [yyyy-MM-dd], notBefore: today', ['2026-06-15'], ['2026-06-14'], 'DATE_TOO_EARLY'],
    [
      'type: dateTime, formats: [yyyyMMddHHmmxx], notAfter: today',
      ['202606152359-0600', '202606160559+0000'],
      ['202606160600+0000', '202606160000-0600'],
      'DATE_TOO_LATE',
    ],
  ];
  for (const [rule, good, bad, code] of cases) {
    test(`${rule} (${code})`, async () => {
      for (const value of good) assert.deepEqual(await check(rule, value), [], JSON.stringify(value));
      for (const value of bad) assert.deepEqual(await check(rule, value), [code], JSON.stringify(value));
    });
  }

  test('a two-digit year lies in the past of the day of acceptance', async () => {
    const rule = 'type: date, formats: [M/d/yy], notBefore: 2000-01-01';
    assert.deepEqual(await check(rule, '1/1/30', '2030-01-01'), []);
    assert.deepEqual(await check(rule, '1/2/30', '2030-01-01'), ['DATE_TOO_EARLY']);
  });

  test('every fault of a row is told, with the line on which its field begins, and no value', async () => {
    const yaml = `
recordMap: m
columns:
  - { name: a, required: true }
  - { name: b, type: integer, maxLength: 3 }
  - { name: c, type: date, formats: [yyyy-MM-dd] }
`;
    const input = 'c,a,b\n"secret\r\nsecret",  ,"12345\n6"\n2020-01-01,x,1\n';
    const [item, next] = await itemsOf(open({}, yaml), input);
    assert.deepEqual(
      item?.faults.map(({ code, column, line }) => [code, column, line]),
      [
        ['VALUE_MISSING', 'a', 3],
        ['NOT_AN_INTEGER', 'b', 3],
        ['TOO_LONG', 'b', 3],
        ['NOT_A_DATE', 'c', 2],
      ],
    );
    assert.doesNotMatch(JSON.stringify(item?.faults), /secret|12345/);
    assert.deepEqual([item?.line, item?.lastLine, next?.line], [2, 4, 5]);
    assert.deepEqual(next?.faults, []);
  });

  test('a slow pattern is linear', async () => {
    const value = 'a'.repeat(50_000);
    assert.deepEqual(await check("pattern: '(a+)+b'", value), ['PATTERN_MISMATCH']);
  });
});

describe('values', () => {
  const MAP = `
recordMap: m
columns:
  - { name: text }
  - { name: absent, default: D }
  - { name: int, type: integer }
  - { name: dec, type: decimal, default: '1.5' }
  - { name: bool, type: boolean }
  - { name: day, type: date, formats: [M/d/yyyy] }
  - { name: at, type: dateTime, formats: [yyyy-MM-dd HH:mm, "yyyy-MM-dd'T'HH:mmXXX"] }
  - { name: code, type: code, table: sex-to-hl7 }
`;

  test('stand in the order of the record map: trimmed, defaulted, empty where there is none', async () => {
    const [item] = await itemsOf(open({}, MAP), 'code,extra,text,dec\nMale,e," a  b ", \n');
    assert.deepEqual(item?.values, ['a  b', 'D', '', '1.5', '', '', '', 'Male']);
    assert.deepEqual(item?.fields, ['Male', 'e', ' a  b ', ' ']);
    assert.deepEqual(item?.faults, []);
  });

  test('are not trimmed where the map says so', async () => {
    const [item] = await itemsOf(
      open({}, 'recordMap: m\ntrim: false\ncolumns: [{ name: a, maxLength: 2 }]\n'),
      'a\n x \n',
    );
    assert.deepEqual([item?.values, faults(item)], [[' x '], ['TOO_LONG a']]);
  });

  test('have types', async () => {
    const input = 'text,int,dec,bool,day,at,code\n007,007,1.50,Y,2/3/1990,2024-07-01 12:30,Male\n';
    const [item] = await itemsOf(open({}, MAP), input);
    const typed = item?.values.map((_, index) => item.typed(index));
    const day = new Date('1990-02-03T00:00:00Z');
    const at = new Date('2024-07-01T18:30:00Z'); // in Denver
    assert.deepEqual(typed, ['007', 'D', 7, 1.5, true, day, at, 'Male']);
    assert.equal(item?.date(5)?.day, 3);
    assert.equal(item?.date(6)?.offset, undefined);
    assert.equal(item?.date(0), undefined);
    assert.equal(item?.typed(99), null);
  });

  test('that are empty have no type and no date', async () => {
    const [item] = await itemsOf(open({}, MAP), 'text,int,bool,day,at\n,,,,\n'.replace('\n,', '\n"",'));
    assert.deepEqual(
      [0, 2, 4, 5, 6].map((index) => item?.typed(index)),
      [null, null, null, null, null],
    );
    assert.equal(item?.date(5), undefined);
  });

  test('a large whole number keeps every digit', async () => {
    const [item] = await itemsOf(open({}, MAP), 'int\n+12345678901234567890\n');
    assert.equal(item?.typed(2), 12345678901234567890n);
  });

  test('an offset in a date counts', async () => {
    const [item] = await itemsOf(open({}, MAP), 'at\n2024-07-01T12:30+02:00\n');
    assert.deepEqual([item?.typed(6), item?.date(6)?.offset], [new Date('2024-07-01T10:30:00Z'), 120]);
  });

  test('columns called __proto__ and constructor are plain data', async () => {
    const yaml =
      'recordMap: m\ncolumns: [{ name: __proto__, required: true }, { name: constructor }, { name: toString }]\n';
    const [item] = await itemsOf(open({}, yaml), 'constructor,__proto__,hasOwnProperty\na,b,c\n');
    assert.deepEqual(item?.values, ['b', 'a', '']);
    assert.equal(Object.keys(Object.prototype).length, 0);
  });
});

describe('rows', () => {
  test('with a wrong number of fields are invalid, and their values are not looked at', async () => {
    const yaml = 'recordMap: m\ncolumns: [{ name: a, required: true }, { name: b }]\n';
    const items = await itemsOf(open({}, yaml), 'a,b\n,x,y\n1\n   \n"",\n');
    assert.deepEqual(items.map(faults), [
      ['WRONG_COLUMN_COUNT -'],
      ['WRONG_COLUMN_COUNT -'],
      ['WRONG_COLUMN_COUNT -'],
      ['VALUE_MISSING a'],
    ]);
    assert.deepEqual([items[0]?.values, items[0]?.typed(1), items[0]?.fields], [['', ''], null, ['', 'x', 'y']]);
    assert.equal(items[0]?.faults[0]?.reason, 'the row has 3 fields, 2 are expected');
  });

  test('an empty value that is quoted is a row, in a file of one column too', async () => {
    const items = await itemsOf(open(), 'a\n""\n\nx\n""');
    assert.deepEqual(
      items.map((item) => [item.line, item.values[0]]),
      [
        [2, ''],
        [4, 'x'],
        [5, ''],
      ],
    );
  });

  test('lines are counted by CR, LF and CRLF, in quotes as well', async () => {
    const input = 'a,b\r1,"x\r\ny"\n2,"\r\r\n\n"\r\n3,z\n4,"\n"';
    for (const chunkBytes of [1, 2, 3, 5, 100]) {
      const items = await itemsOf(open(), input, { chunkBytes });
      assert.deepEqual(
        items.map((item) => [item.line, item.lastLine]),
        [
          [2, 3],
          [4, 7],
          [8, 8],
          [9, 10],
        ],
      );
      assert.equal(items[1]?.values[1], '\r\r\n\n');
    }
  });
});

describe('blocks', () => {
  const input = `a,b\n${Array.from({ length: 10 }, (_, index) => `${index},"x\ny"`).join('\n')}\n`;

  test('hold at most so many items, and stop soon after so many bytes', async () => {
    const scanned = await scanOf(open(), input);
    const sizes = async (maxItems: number, maxBytes: number) =>
      (await blocksOf(open(), scanned, { maxItems, maxBytes })).map((block) => [block.items.length, block.end]);
    assert.deepEqual(await sizes(4, 1e6), [
      [4, false],
      [4, false],
      [2, true],
    ]);
    assert.deepEqual(await sizes(5, 1e6), [
      [5, false],
      [5, true],
    ]);
    assert.deepEqual(await sizes(100, 30), [
      [4, false],
      [4, false],
      [2, true],
    ]);
    assert.deepEqual(
      await sizes(100, 1),
      Array.from({ length: 10 }, (_, index) => [1, index === 9]),
    );
  });

  test('say where to go on: offset and lines', async () => {
    const scanned = await scanOf(open(), input);
    const [first] = await blocksOf(open(), scanned, { maxItems: 3 });
    assert.deepEqual([first?.cursor, first?.lines], [4 + 3 * 8, 7]);
    const [rest] = await blocksOf(open(), scanned, { from: { cursor: first!.cursor, lines: first!.lines } });
    assert.deepEqual(
      [rest?.items.length, rest?.items[0]?.line, rest?.items[0]?.values[0], rest?.end],
      [7, 8, '3', true],
    );
  });

  test('a broken rest is refused, not read as something else', async () => {
    const scanned = await scanOf(open(), input);
    const broken = { ...scanned, body: Buffer.from(`${input}z,"q`) };
    await assert.rejects(blocksOf(open(), broken), (error) => error instanceof RefusedError && error.place.line === 22);
  });

  test('a scan of another record map is not taken', async () => {
    const scanned = await scanOf(open(), 'a,b\n');
    const run = blocksOf(open({}, 'recordMap: m\ncolumns: [{ name: a }]\n'), scanned);
    await assert.rejects(run, (error) => error instanceof WaybillError && error.code === 'CSV_UNREADABLE');
  });

  test('a signal ends reading, and close lets go of the source', async () => {
    let closed = false;
    const source = {
      ...bodyOf(Buffer.from(input), 10),
      async *read(start = 0) {
        try {
          yield* bodyOf(Buffer.from(input), 10).read(start);
        } finally {
          closed = true;
        }
      },
    };
    const { scan } = await scanOf(open(), input);
    const controller = new AbortController();
    const reader = await open().read!(source, scan, scan, { signal: controller.signal, today: TODAY });
    await reader.next(1, 1);
    controller.abort(new Error('stopped'));
    await assert.rejects(reader.next(100, 1000), /stopped/);
    await reader.close();
    assert.ok(closed);
    assert.equal(await reader.next(1, 1), undefined);
  });
});

describe('unique', () => {
  const yaml = `
recordMap: m
columns:
  - { name: name }
  - { name: born, type: date, formats: [yyyy-MM-dd, M/d/yyyy] }
  - { name: other }
unique: { columns: [name, born], ignoreCase: true }
`;
  const format = open({}, yaml);

  test('keys are the same by case and by the day that is meant', () => {
    const key = format.uniqueKey?.(['Doe', '1990-02-03', 'x']);
    assert.equal(format.uniqueKey?.(['DOE', '2/3/1990', 'y']), key);
    assert.notEqual(format.uniqueKey?.(['Doe', '1990-02-04', 'x']), key);
    assert.notEqual(format.uniqueKey?.(['1:x', '', '']), format.uniqueKey?.(['1', 'x', '']));
    assert.equal(format.uniqueKey?.(['', '', 'x']), undefined);
  });

  test('the fault stands on each column of the key', () => {
    const found = format.uniqueFaults?.(7).map(({ code, column, line }) => [code, column, line]);
    assert.deepEqual(found, [
      ['NOT_UNIQUE', 'name', 7],
      ['NOT_UNIQUE', 'born', 7],
    ]);
  });

  test('without the rule there are no keys', () => {
    assert.equal(open().uniqueKey, undefined);
    assert.equal(open({}, 'recordMap: m\ncolumns: [{ name: a }]\n').uniqueKey, undefined);
  });
});

test('a record map that the production lacks is an error that names those there are', () => {
  const map = mapOf('recordMap: doses\ncolumns: [{ name: a }]\n');
  for (const name of ['dose', 'constructor']) {
    assert.throws(
      () => csv.open({ recordMap: name }, { resources: resourcesOf(map) }),
      (error) =>
        error instanceof WaybillError && error.code === 'UNKNOWN_RECORD_MAP' && /there are: doses/.test(error.message),
    );
  }
});
