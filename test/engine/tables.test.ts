import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WaybillError } from '../../engine/errors.ts';
import { duplicateKeys, lookupOf, parseTableFile } from '../../engine/tables.ts';

const KITS = {
  columns: ['maker', 'model', 'code', 'name'],
  rows: [
    ['A', 'one', '1', 'first'],
    ['A', 'two', '1', 'second'],
    ['B', 'two', '2', 'third'],
    ['B', 'two', '1', 'hidden'],
  ],
};

test('without more said the first column is the key and the second is given', () => {
  const lookup = lookupOf(KITS);
  assert.deepEqual(lookup.keys, ['maker']);
  assert.equal(lookup.given, 1);
  assert.equal(lookup.find('B'), 2);
  assert.equal(lookup.find('b'), -1);
  assert.equal(lookup.find('__proto__'), -1);
});

test('several key columns; of equal keys the first counts', () => {
  const lookup = lookupOf(KITS, { keys: ['code', 'model'] });
  assert.equal(lookup.findParts(['1', 'two']), 1);
  assert.equal(lookup.findParts(['2', 'two']), 2);
  assert.equal(lookup.findParts(['2', 'one']), -1);
  assert.equal(lookup.findParts(['2']), -1);
  assert.equal(lookup.findParts(['2', 'two', 'x']), -1);
  assert.equal(lookup.column('name'), 3);
  assert.throws(() => lookup.column('nmae'), { code: 'TABLE_UNKNOWN_COLUMN' });
  assert.throws(() => lookupOf(KITS, { keys: ['x'] }), { code: 'TABLE_UNKNOWN_COLUMN' });
});

test('case can be ignored', () => {
  const lookup = lookupOf(KITS, { keys: ['model', 'maker'], ignoreCase: true });
  assert.equal(lookup.findParts(['TWO', 'b']), 2);
});

test('a look-up is built once for a table and its options', () => {
  assert.equal(lookupOf(KITS, { keys: ['model'] }), lookupOf(KITS, { keys: ['model'] }));
  assert.notEqual(lookupOf(KITS, { keys: ['model'] }), lookupOf(KITS, { keys: ['model'], ignoreCase: true }));
});

test('duplicates are told by row', () => {
  assert.deepEqual(duplicateKeys(KITS, { keys: ['model', 'code'] }), [{ row: 3, first: 1 }]);
  assert.deepEqual(duplicateKeys(KITS, { keys: ['maker', 'model', 'code'] }), []);
  assert.deepEqual(duplicateKeys({ columns: ['k'], rows: [['a'], ['A']] }, { ignoreCase: true }), [
    { row: 1, first: 0 },
  ]);
});

test('a look-up finds what a search from the top finds, and duplicates are the rest', () => {
  const cell = fc.constantFrom('', 'a', 'b', 'A', 'a\u0000', 'constructor');
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell)), cell, cell, fc.boolean(), (rows, x, y, ignoreCase) => {
      const table = { columns: ['p', 'q', 'r'], rows };
      const fold = (value: string) => (ignoreCase ? value.toLowerCase() : value);
      const lookup = lookupOf(table, { keys: ['r', 'p'], ignoreCase });
      const expected = rows.findIndex((row) => fold(row[2]) === fold(x) && fold(row[0]) === fold(y));
      assert.equal(lookup.findParts([x, y]), expected);
      const hidden = duplicateKeys(table, { keys: ['r', 'p'], ignoreCase }).map(({ row }) => row);
      const found = rows.map((row) => lookup.findParts([row[2], row[0]]));
      assert.deepEqual(
        hidden,
        found.flatMap((first, row) => (first === row ? [] : [row])),
      );
    }),
  );
});

test('CSV: byte order mark, quotes, line breaks in values, leading zeros and spaces are kept as they are', () => {
  const table = parseTableFile('t.csv', '\uFEFFkey, value\r\n0042,"a, b"\r\nNO,"two\nlines"\r\n x ,""\r\n\r\n');
  assert.deepEqual(table, {
    columns: ['key', 'value'],
    rows: [
      ['0042', 'a, b'],
      ['NO', 'two\nlines'],
      [' x ', ''],
    ],
  });
});

test('YAML: a list of maps, or keys and values; everything is text', () => {
  assert.deepEqual(parseTableFile('t.yaml', '- { code: 1.10, text: No }\n- { code: 002, system: ~ }\n'), {
    columns: ['code', 'text', 'system'],
    rows: [
      ['1.10', 'No', ''],
      ['002', '', '~'],
    ],
  });
  assert.deepEqual(parseTableFile('t.yml', 'Y: Yes\nN:\n"1": 01\n'), {
    columns: ['key', 'value'],
    rows: [
      ['Y', 'Yes'],
      ['N', ''],
      ['1', '01'],
    ],
  });
});

const BROKEN: readonly (readonly [string, string, number | undefined])[] = [
  ['t.csv', '', 1],
  ['t.csv', 'a,b\n1\n', 2],
  ['t.csv', 'a,b\n1,"2\n', undefined],
  ['t.csv', 'a,a\n1,2\n', 1],
  ['t.yaml', 'a: b: c', 1],
  ['t.yaml', 'just a text', undefined],
  ['t.yaml', '[]', undefined],
  ['t.yaml', '- a', undefined],
  ['t.yaml', 'a: [1]', undefined],
  ['t.yaml', 'a: 1\na: 2', 2],
];

for (const [file, content, line] of BROKEN) {
  test(`${file} with ${JSON.stringify(content)} is no table`, () => {
    assert.throws(
      () => parseTableFile(file, content),
      (error: unknown) => {
        assert.ok(error instanceof WaybillError);
        assert.equal(error.code, 'TABLE_UNREADABLE');
        assert.equal(error.place.file, file);
        if (line !== undefined) assert.equal(error.place.line, line);
        return true;
      },
    );
  });
}
