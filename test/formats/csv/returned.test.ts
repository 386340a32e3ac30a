/** `rejected.csv` that comes back, rows that are edited, columns that rows are looked up by. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RejectedItem } from '../../../engine/contracts/service.ts';
import { layoutOf, rejectedCsv } from '../../../engine/rejected-csv.ts';
import { itemsOf, open, scanOf, TODAY } from './support.ts';

const MAP = `
recordMap: people
columns:
  - { name: chart, aliases: [mrn], required: true, searchable: true }
  - { name: code }
  - { name: born, type: date, formats: [M/d/yyyy], searchable: true }
`;
const OWN = 'waybill_id,line,column,code,reason';

async function rowsOf(header: string, row: string, map: string | undefined = MAP) {
  const format = open({}, map);
  const [item] = await itemsOf(format, `${header}\n${row}\n`);
  assert.ok(item);
  return { corrects: item.corrects, fields: item.fields, values: item.values, faults: item.faults };
}

test('the columns in front are left aside, the id is told, cells are what they were', async () => {
  const { scan } = await scanOf(open({}, MAP), `${OWN},chart,code,born\n1,2,3,4,5,6,7,8\n`);
  assert.deepEqual(scan.details.header, ['chart', 'code', 'born']);
  assert.deepEqual(await rowsOf(`${OWN},chart,code,born`, `7kq2-1-2,3,born,NOT_A_DATE,bad,A1,'=x,2/3/1990`), {
    corrects: '7kq2-1-2',
    fields: ['A1', '=x', '2/3/1990'],
    values: ['A1', '=x', '2/3/1990'],
    faults: [],
  });
});

test('a row without an id is a new one, and its cells are taken as they stand', async () => {
  const { corrects, values } = await rowsOf(`waybill_id,chart,code`, `,A1,'=x`);
  assert.deepEqual([corrects, values.slice(0, 2)], [undefined, ['A1', "'=x"]]);
});

test('people take columns away, and files have columns with the same names', async () => {
  const at = async (header: string, row: string) => (await rowsOf(header, row)).values.slice(0, 2);
  assert.deepEqual(await at('waybill_id,chart,code', 'x,A1,c'), ['A1', 'c'], 'only the id is left');
  assert.deepEqual(await at('waybill_id,column,reason,chart,code', 'x,1,2,A1,c'), ['A1', 'c'], 'some are left');
  assert.deepEqual(await at('waybill_id,code,chart', 'x,c,A1'), ['A1', 'c'], 'the code is the file’s own');
  assert.deepEqual(await at(`${OWN},entry,chart,code`, 'x,1,2,3,4,5,A1,c'), ['A1', 'c'], 'with the entry');
  assert.deepEqual(await at('chart,waybill_id,line,code', 'A1,x,1,c'), ['A1', 'c'], 'moved to the right');
});

test('a record map that declares waybill_id keeps it; without a record map the header decides', async () => {
  const declared = `${MAP}  - { name: waybill_id }\n`;
  const own = await rowsOf('waybill_id,chart', 'x,A1', declared);
  assert.deepEqual([own.corrects, own.values[3]], [undefined, 'x']);
  const plain = open({});
  const [item] = await itemsOf(plain, 'waybill_id,line,a,b\n7kq2-1-2,3,1,2\n');
  assert.deepEqual([item?.corrects, item?.fields], ['7kq2-1-2', ['1', '2']]);
});

test('a file without a header comes back with one', async () => {
  const format = open({ header: 'none' }, MAP);
  const items = await itemsOf(format, `${OWN}\n7kq2-1-2,3,born,NOT_A_DATE,bad,A1,c,2/3/1990\n`);
  assert.deepEqual(
    items.map(({ corrects, values }) => [corrects, values]),
    [['7kq2-1-2', ['A1', 'c', '2/3/1990']]],
  );
  const first = await itemsOf(format, 'A1,c,2/3/1990\n');
  assert.equal(first.length, 1);
});

test('a column too many or too few is told of with all columns of the file', async () => {
  const { faults, fields, corrects } = await rowsOf(`${OWN},chart`, 'x,1,2,3,4,A1,more');
  assert.deepEqual([faults[0]?.code, fields, corrects], ['WRONG_COLUMN_COUNT', ['A1', 'more'], 'x']);
  assert.match(faults[0]?.reason ?? '', /7 fields, 6 are expected/);
});

const FIELD = fc.oneof(
  fc.string({ unit: fc.constantFrom('=', "'", '+', '-', '@', 'a', '"', ',', ';', '\n', ' '), maxLength: 6 }),
  fc.string({ maxLength: 6 }).filter((text) => !/[\0\uFEFF]/.test(text) && text.isWellFormed()),
);

test('what rejected.csv says comes back exactly', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(FIELD, FIELD, FIELD), { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      fc.constantFrom(',', ';'),
      async (rows, withEntry, delimiter) => {
        const rejected = rows.map(
          (fields, index): RejectedItem => ({
            waybillId: `7kq2-1-${index + 1}`,
            line: index + 2,
            fields,
            faults: [
              { code: 'BAD', line: index + 2, reason: 'bad; =sum', ...(withEntry ? { entry: 'registry' } : {}) },
            ],
          }),
        );
        const layout = layoutOf({ delimiter, header: ['chart', 'code', 'born'] });
        const items = async function* () {
          yield* rejected;
        };
        let text = '';
        for await (const chunk of rejectedCsv({ ...layout, items })) text += chunk;
        const read = await itemsOf(open({}, MAP), text);
        assert.deepEqual(
          read.map(({ fields, corrects }) => [corrects, fields]),
          rejected.map(({ fields, waybillId }) => [waybillId, fields]),
        );
      },
    ),
    { numRuns: 150 },
  );
});

test('a row is edited by the names of its columns, as a row of the file would be checked', async () => {
  const format = open({}, MAP);
  const { scan } = await scanOf(format, `${OWN},mrn,born,extra\n1,2,3,4,5,6,7,8\n`);
  const { rows } = format;
  assert.ok(rows);
  assert.deepEqual(
    ['chart', 'mrn', 'born', 'extra', 'code', 'nothing'].map((name) => rows.place(scan, name)),
    [0, 0, 1, 2, undefined, undefined],
  );
  const good = rows.item(scan, ['A1', '2/3/1990', ''], { line: 9, lastLine: 10 }, TODAY);
  assert.deepEqual([good.faults, good.values, good.line], [[], ['A1', '', '2/3/1990'], 9]);
  assert.deepEqual(good.date(2)?.year, 1990);
  const bad = rows.item(scan, ['', '2/30/1990', ''], { line: 9, lastLine: 9 }, TODAY);
  assert.deepEqual(
    bad.faults.map(({ code, column }) => [code, column]),
    [
      ['VALUE_MISSING', 'chart'],
      ['NOT_A_DATE', 'born'],
    ],
  );
});

test('searchable columns: as written, and dates by their day too; none where none is', async () => {
  const format = open({}, MAP);
  const [item] = await itemsOf(format, 'chart,born\nA1,2/3/1990\n');
  assert.ok(item);
  assert.deepEqual(
    format.searchable?.map(({ name, value }) => [name, value(item)]),
    [
      ['chart', 'A1'],
      ['born', '2/3/1990'],
      ['born', '1990-02-03'],
    ],
  );
  assert.equal(open({}, 'recordMap: plain\ncolumns: [{ name: a }]\n').searchable, undefined);
});
