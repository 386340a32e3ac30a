import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unescapeText } from '../../../hl7/escape.ts';
import { compile, contextOf, type DtlCase, fileOf, issues, itemOf, run, segments } from '../dtl-run.ts';

const SEX = {
  columns: ['key', 'value'],
  rows: [
    ['Male', 'M'],
    ['Female', 'F'],
    ['Male', 'X'],
  ],
};
const KITS = {
  columns: ['maker', 'model', 'code', 'name'],
  rows: [
    ['A', 'one', '1', 'first'],
    ['A', 'two', '1', 'second'],
    ['A', 'two', '2', 'third'],
  ],
};

/** NTE-3 as one source gives it. */
async function value(source: string, given: DtlCase = {}): Promise<string> {
  const [line = ''] = await segments(`- set: { NTE-1: 1, NTE-3: ${source} }`, given);
  return line.split('|')[3] ?? '';
}

async function faults(source: string, given: DtlCase): Promise<readonly unknown[]> {
  const result = await run(`- set: { NTE-3: ${source} }`, given);
  assert.ok(result.kind === 'invalid', JSON.stringify(result));
  return result.faults.map(({ code, column, line }) => ({ code, column, line }));
}

test('a text is escaped, raw text stands as it is, delete writes the delete of HL7', async () => {
  assert.equal(await value('"a^b|c&d~e\\\\f"'), 'a\\S\\b\\F\\c\\T\\d\\R\\e\\E\\f');
  assert.equal(await value('{ raw: A^B }'), 'A^B');
  assert.equal(await value('{ delete: true }'), '""');
  assert.equal(await value('{ from: a }', { row: { a: '""' } }), '\\X2222\\');
});

test('any text of a column comes back from the message as it was', async () => {
  const program = await compile(fileOf('- set: { NTE-3: { from: a } }'), { row: { a: '' } });
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'binary' }), (text) => {
      const result = program.run(itemOf({ row: { a: text } }), contextOf());
      assert.ok(result.kind === 'message');
      const line = result.message.text.split('\r')[1] ?? '';
      assert.equal(unescapeText(line.split('|')[3] ?? ''), text);
    }),
  );
});

test('from takes columns, values, fields, the submission, typed values and the partner', async () => {
  const given: DtlCase = {
    row: { a: 'x', n: '042' },
    typed: { n: 42 },
    values: { facility: 'F1' },
    context: { fields: { site: 'north' }, partner: 'clinic' },
  };
  assert.equal(await value('{ from: a }', given), 'x');
  assert.equal(await value('{ from: row.a }', given), 'x');
  assert.equal(await value('{ from: typed.n }', given), '42');
  assert.equal(await value('{ from: values.facility }', given), 'F1');
  assert.equal(await value('{ from: fields.site }', given), 'north');
  assert.equal(await value('{ from: fields.other }', given), '');
  assert.equal(await value('{ from: submission.name }', given), 'doses.csv');
  assert.equal(await value('{ from: submission.line }', given), '7');
  assert.equal(await value('{ from: submission.id }', given), '7kq2');
  assert.equal(await value('{ from: partner }', given), 'clinic');
});

test('of a list of names the first that is not empty counts', async () => {
  assert.equal(await value('{ from: [a, b] }', { row: { a: '', b: 'y' } }), 'y');
  assert.equal(await value('{ from: [a, b] }', { row: { a: 'x', b: 'y' } }), 'x');
  const dates: DtlCase = { row: { a: '', b: '2024-01-17' }, types: { b: 'date' } };
  assert.equal(await value('{ from: [a, b], as: date(yyyyMMdd) }', dates), '20240117');
});

test('join puts sources together, with a text between those that are not empty', async () => {
  const row = { a: 'x', b: '', c: 'z^' };
  assert.equal(await value('{ join: [{ from: a }, "-", { from: c }] }', { row }), 'x-z\\S\\');
  assert.equal(await value('{ join: [{ from: a }, { from: b }, { from: c }], with: "; " }', { row }), 'x; z\\S\\');
  assert.equal(await value('{ join: [{ from: a }, { raw: ^ }, { from: c }] }', { row }), 'x^z\\S\\');
  assert.equal(await value('{ join: [{ from: a }, { from: c }], as: upper }', { row }), 'XZ\\S\\');
});

test('cel gives a text; one that fails for an item makes it invalid', async () => {
  const row = { a: '20', b: 'ml' };
  assert.equal(await value(`{ cel: 'row.a + " " + row.b' }`, { row }), '20 ml');
  assert.equal(await value(`{ cel: 'int(row.a) * 2' }`, { row }), '40');
  assert.equal(await value(`{ cel: 'row.a == "20"' }`, { row }), 'true');
  assert.deepEqual(await faults(`{ cel: 'int(row.b)' }`, { row }), [
    { code: 'CONDITION_FAILED', column: 'b', line: 7 },
  ]);
});

test('acceptedAt is written in the zone of the production, ids are those of message, submission and segment', async () => {
  assert.equal(await value('{ acceptedAt: yyyyMMddHHmmssxx }', { timeZone: 'America/Denver' }), '20240117123005-0700');
  assert.equal(await value('{ id: message }'), '7kq2-15-217');
  assert.equal(await value('{ id: submission }'), '7kq2');
  assert.equal(await value('{ id: segment }'), '1');
});

test('map looks up: unknown is a fault, or the default; empty stays empty; the first of equal keys counts', async () => {
  const tables = { sex: SEX };
  assert.equal(await value('{ from: a, map: sex }', { row: { a: 'Male' }, tables }), 'M');
  assert.equal(await value('{ from: a, map: sex }', { row: { a: '' }, tables }), '');
  assert.equal(await value('{ from: a, map: sex, default: U }', { row: { a: 'other' }, tables }), 'U');
  assert.equal(await value('{ from: a, map: { table: sex, ignoreCase: true } }', { row: { a: 'MALE' }, tables }), 'M');
  assert.equal(
    await value('{ from: a, map: { table: sex, key: value, give: key } }', { row: { a: 'F' }, tables }),
    'Female',
  );
  assert.equal(await value('{ from: a, map: sex, as: lower, default: u }', { row: { a: 'Male' }, tables }), 'm');
  assert.deepEqual(await faults('{ from: a, map: sex }', { row: { a: 'other' }, tables }), [
    { code: 'NOT_IN_TABLE', column: 'a', line: 7 },
  ]);
});

test('map by several key columns', async () => {
  const source = '{ map: { table: kits, key: { model: { from: m, as: trimEnd(*) }, code: { from: c } }, give: name } }';
  const at = (m: string, c: string): DtlCase => ({ row: { m, c }, tables: { kits: KITS } });
  assert.equal(await value(source, at('two*', '2')), 'third');
  assert.equal(await value(source, at('one', '')), '');
  const result = await run(`- set: { NTE-3: ${source} }`, at('one', '2'));
  assert.ok(result.kind === 'invalid');
  assert.match(result.faults[0]?.reason ?? '', /m and c .*kits/);
  assert.equal(result.faults[0]?.column, undefined);
});

test('several faults are told at once', async () => {
  const result = await run('- set: { NTE-3: { from: a, map: sex }, NTE-4: { from: b, as: date(yyyy) } }', {
    row: { a: '?', b: '?' },
    tables: { sex: SEX },
  });
  assert.ok(result.kind === 'invalid');
  assert.deepEqual(
    result.faults.map(({ code }) => code),
    ['NOT_IN_TABLE', 'DATE_UNREADABLE'],
  );
});

test('default and if: a value, or a source, for what is empty or not wanted', async () => {
  assert.equal(await value('{ from: a, default: CO }', { row: { a: '' } }), 'CO');
  assert.equal(await value('{ from: a, default: { from: b } }', { row: { a: '', b: 'x' } }), 'x');
  assert.equal(await value('{ from: a, default: { raw: A^B } }', { row: { a: '' } }), 'A^B');
  assert.equal(await value('{ from: a, default: { raw: A^B } }', { row: { a: '^' } }), '\\S\\');
  const guarded = `{ value: CLIA, if: 'row.a != ""' }`;
  assert.equal(await value(guarded, { row: { a: 'x' } }), 'CLIA');
  assert.equal(await value(guarded, { row: { a: '' } }), '');
  assert.equal(await value(`{ from: a, if: 'row.a == "y"', default: N }`, { row: { a: 'x' } }), 'N');
});

const WRONG: readonly (readonly [string, string, string])[] = [
  ['{ from: frist }', 'DTL_UNKNOWN_NAME', 'first?'],
  ['{ from: values.facilty }', 'DTL_UNKNOWN_NAME', 'values.facility?'],
  ['{ from: typed.frist }', 'DTL_UNKNOWN_NAME', 'typed.first?'],
  ['{ form: first }', 'DTL_WRONG_SHAPE', 'one of from'],
  ['{ from: first, aS: upper, dfault: x }', 'DTL_UNKNOWN_KEY', 'default?'],
  ['{ from: first, raw: x }', 'DTL_WRONG_SHAPE', 'one of from'],
  ['{ raw: "a|b" }', 'DTL_WRONG_SHAPE', 'without |'],
  ['{ raw: A^B, as: upper }', 'DTL_WRONG_SHAPE', 'no map and no as'],
  ['{ delete: yes }', 'DTL_WRONG_SHAPE', 'true'],
  ['{ id: row }', 'DTL_WRONG_SHAPE', 'message, submission, segment'],
  ['{ acceptedAt: YYYY }', 'DTL_BAD_ARGUMENT', 'a date pattern'],
  ['{ from: first, map: sxe }', 'DTL_UNKNOWN_TABLE', 'sex?'],
  ['{ from: first, map: { table: sex, give: vlaue } }', 'DTL_UNKNOWN_TABLE', 'value?'],
  ['{ from: first, map: { table: sex, key: kye } }', 'DTL_UNKNOWN_TABLE', 'key?'],
  ['{ from: first, map: { table: sex, key: { key: { from: first } } } }', 'DTL_WRONG_SHAPE', 'one of both'],
  ['{ map: sex }', 'DTL_WRONG_SHAPE', 'from: COLUMN'],
  ['[a, b]', 'DTL_WRONG_SHAPE', 'a text or one source'],
  [`{ cel: 'row.frist' }`, 'DTL_BAD_CONDITION', 'did you mean first'],
  [`{ value: x, if: 'row.first' }`, 'DTL_BAD_CONDITION', 'not true or false'],
  ['{ join: first }', 'DTL_WRONG_SHAPE', 'a list of sources'],
];

for (const [source, code, expected] of WRONG) {
  test(`check refuses ${source}`, () => {
    const found = issues(fileOf(`- set: { NTE-3: ${source} }`), {
      row: { first: '' },
      tables: { sex: SEX },
      values: { facility: '' },
    });
    assert.ok(
      found.some((issue) => issue.code === code && issue.expected.includes(expected)),
      JSON.stringify(found),
    );
    assert.deepEqual(found[0]?.path.slice(0, 4), ['actions', 0, 'set', 'NTE-3']);
  });
}
