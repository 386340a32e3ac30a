import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import type { RejectedItem } from '../../engine/contracts/service.ts';
import { layoutOf, neutralise, rejectedCsv, restore } from '../../engine/rejected-csv.ts';

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function textOf(items: readonly RejectedItem[], header: readonly string[], delimiter = ','): Promise<string> {
  let text = '';
  for await (const chunk of rejectedCsv({ delimiter, header, items: () => each(items) })) text += chunk;
  return text;
}

const fault = (code: string, column?: string, entry?: string) => ({
  code,
  line: 2,
  reason: `reason of ${code}`,
  ...(column === undefined ? {} : { column }),
  ...(entry === undefined ? {} : { entry }),
});

/** Texts that like to begin with what is special here. */
const field = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom("'", '=', '+', '-', '@', '\t', '\r', '\n', '"', ',', ';', 'a', ' ', '\uFEFF'),
    maxLength: 6,
  }),
);

test('restore takes away exactly what neutralise put in front, for every text', () => {
  fc.assert(fc.property(field, (text) => restore(neutralise(text)) === text));
});

test('what neutralise gives never begins like a formula', () => {
  fc.assert(fc.property(field, (text) => !/^[=+\-@\t\r]/.test(neutralise(text))));
});

test('neutralise leaves alone what is harmless', () => {
  for (const text of ['', 'a', "'", "O'Neil", "'a", "''", ' =1', '1-2']) assert.equal(neutralise(text), text);
  for (const text of ['=1', '+1', '-1', '@a', '\ta', '\ra', "'=1", "''=1"]) assert.equal(neutralise(text), `'${text}`);
});

test('the file reads back to the same rows, whatever is in them', async () => {
  const item = fc.record({
    fields: fc.array(field, { maxLength: 6 }),
    line: fc.integer({ min: 1 }),
    codes: fc.array(fc.constantFrom('A', 'B'), { minLength: 1, maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 8 }),
      fc.array(field, { maxLength: 4 }),
      fc.constantFrom(',', ';', '\t', '|'),
      async (made, header, delimiter) => {
        const items = made.map(({ fields, line, codes }, index) => ({
          waybillId: `7kq2-1-${index}`,
          line,
          fields,
          faults: codes.map((code) => ({ ...fault(code), line })),
        }));
        const rows: string[][] = parse(await textOf(items, header, delimiter), {
          bom: true,
          delimiter,
          relax_column_count: true,
          record_delimiter: '\r\n',
        });
        const back = rows.map((row) => row.map(restore));
        assert.deepEqual(back[0], ['waybill_id', 'line', 'column', 'code', 'reason', ...header]);
        assert.deepEqual(
          back.slice(1).map(([id, line, , , , ...fields]) => ({ id, line, fields })),
          items.map(({ waybillId, line, fields }) => ({ id: waybillId, line: String(line), fields })),
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('several faults of a row stand in one line, in order', async () => {
  const rows = await textOf(
    [
      {
        waybillId: '7kq2-1-4',
        line: 5,
        fields: ['x'],
        faults: [fault('NOT_IN_TABLE', 'sex'), fault('ROW_TOO_SHORT'), fault('REQUIRED', 'mrn')],
      },
    ],
    ['mrn', 'sex'],
  );
  assert.deepEqual(rows.split('\r\n'), [
    '\uFEFFwaybill_id,line,column,code,reason,mrn,sex',
    '7kq2-1-4,5,sex; ; mrn,NOT_IN_TABLE; ROW_TOO_SHORT; REQUIRED,reason of NOT_IN_TABLE; reason of ROW_TOO_SHORT; reason of REQUIRED,x',
    '',
  ]);
});

test('the column entry is there for all rows if one was refused by a transform', async () => {
  const rows = await textOf(
    [
      { waybillId: '1', line: 2, fields: ['x'], faults: [fault('REQUIRED', 'mrn')] },
      {
        waybillId: '2',
        line: 3,
        fields: ['y'],
        faults: [fault('NOT_IN_TABLE', 'sex', 'state-registry'), fault('NOT_IN_TABLE', 'sex', 'archive')],
      },
    ],
    ['mrn'],
    ';',
  );
  const [header, first, second] = rows.split('\r\n');
  assert.equal(header, '\uFEFFwaybill_id;line;column;code;reason;entry;mrn');
  assert.equal(first, '1;2;mrn;REQUIRED;reason of REQUIRED;;x');
  assert.equal(
    second,
    '2;3;"sex; sex";"NOT_IN_TABLE; NOT_IN_TABLE";"reason of NOT_IN_TABLE; reason of NOT_IN_TABLE";"state-registry; archive";y',
  );
});

test('many rows come in chunks, each asked for when the one before was taken', async () => {
  const total = 20_000;
  let made = 0;
  const items = async function* (): AsyncGenerator<RejectedItem> {
    for (; made < total; made++)
      yield { waybillId: `7kq2-1-${made}`, line: made, fields: ['x'.repeat(20)], faults: [fault('A')] };
  };
  let pass = 0;
  // The first pass only looks for entries; it must not keep anything either.
  const chunks = rejectedCsv({ delimiter: ',', header: ['h'], items: () => (pass++ === 0 ? each([]) : items()) });
  const first = await chunks.next();
  assert.ok(made < total / 10, `${made} rows were read for the first chunk`);
  let bytes = String(first.value).length;
  let most = bytes;
  for await (const chunk of chunks) {
    most = Math.max(most, chunk.length);
    bytes += chunk.length;
  }
  assert.equal(made, total);
  assert.ok(bytes > total * 40);
  assert.ok(most < 70_000);
});

test('the layout is what the scan found, or a comma and no names', () => {
  assert.deepEqual(layoutOf({ delimiter: ';', header: ['a', 'b'] }), { delimiter: ';', header: ['a', 'b'] });
  assert.deepEqual(layoutOf({ charset: 'utf-8' }), { delimiter: ',', header: [] });
  assert.deepEqual(layoutOf(undefined), { delimiter: ',', header: [] });
});

test('a fault further down in an item of several lines has its own line', async () => {
  const faults = [
    { ...fault('HL7_LINE_NOT_SEGMENT'), line: 9 },
    { ...fault('NOT_IN_TABLE', 'PID-8'), line: 8 },
  ];
  const rows = await textOf([{ waybillId: '7kq2-1-4', line: 7, fields: [], faults }], []);
  assert.match(rows.split('\r\n')[1] ?? '', /^7kq2-1-4,9; 8,; PID-8,/);
});
