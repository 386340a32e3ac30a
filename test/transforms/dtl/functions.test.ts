import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FUNCTIONS } from '../../../transforms/dtl/functions.ts';
import { decimals, isNpi, slice } from '../../../transforms/dtl/texts.ts';
import { type DtlCase, fileOf, issues, run, segments } from '../dtl-run.ts';

/** NTE-3 as one source gives it for a value of the column `a`. */
async function applied(as: string, a: string, given: DtlCase = {}): Promise<string> {
  const [line = 'NTE|1||'] = await segments(`- set: { NTE-1: 1, NTE-3: { from: a, as: ${as} } }`, {
    row: { a },
    ...given,
  });
  return line.split('|')[3] ?? '';
}

const CASES: readonly (readonly [string, string, string])[] = [
  ['trim', '  x ', 'x'],
  ['upper', 'Ana', 'ANA'],
  ['lower', 'Ana', 'ana'],
  ['digits', '(303) 555-1234', '3035551234'],
  ['first', 'Quentin', 'Q'],
  ['first', '\u{1F600}x', '\u{1F600}'],
  ['"pad(6, 0)"', '42', '000042'],
  ['pad(3)', '1', '  1'],
  ['"slice(0, 5)"', '80202-1234', '80202'],
  ['slice(3)', '3035551234', '5551234'],
  ['left(2)', 'abc', 'ab'],
  ['right(2)', 'abc', 'bc'],
  ['trimStart(0)', '0042', '42'],
  ['trimEnd(*)', 'Kit**', 'Kit'],
  ['"replace(a, b)"', 'banana', 'bbnbnb'],
  ['"replace(a, )"', 'banana', 'bnn'],
  [`"replace(',', ' and ')"`, 'a,b', 'a and b'],
  [`"part(';', 2)"`, 'a;b;c', 'b'],
  [`"part(';', 9)"`, 'a;b;c', ''],
  [`"match('^([A-Z]+)-', 1)"`, 'AB-12', 'AB'],
  [`"match('\\\\d{2,3}')"`, 'x1234', '123'],
  ['match(z)', 'abc', ''],
  ['"fill((###)###-####)"', '3035551234', '(303)555-1234'],
  ['"fill((###)###-####)"', '5551234', '5551234'],
  ['give(NPI)', 'x', 'NPI'],
  ['decimals(2)', '1.005', '1.01'],
  ['npi', '1234567893', '1234567893'],
  ['npi', '9027829768', ''],
  ['[digits, left(3)]', '(303) 555', '303'],
  ['date(yyyyMMdd)', '2024-01-17', '20240117'],
  ['date(yyyyMMdd)', '20240117123005-0700', '20240117'],
  ['"date(yyyy-MM-dd\'T\'HH:mm)"', '2024-01-17 12:30', '2024-01-17T12:30'],
  ['date(yyyyMMddHHmmssxx)', '2024-01-17T12:30:05-07:00', '20240117123005-0700'],
  ['[shift(6s), date(yyyyMMddHHmmss)]', '20240117235958', '20240118000004'],
  ['[shift(-1d), date(yyyyMMdd)]', '20240301', '20240229'],
  ['[zone(UTC), date(yyyyMMddHHmmssxx)]', '202106040725-0400', '20210604112500+0000'],
];

for (const [as, value, expected] of CASES) {
  test(`as ${as}: ${value} becomes ${expected || 'nothing'}`, async () => {
    assert.equal(await applied(as, value), expected);
  });
}

test('every function is tried above', () => {
  const tried = new Set(CASES.flatMap(([as]) => as.match(/[a-z]\w*/gi) ?? []));
  assert.deepEqual(
    Object.keys(FUNCTIONS).filter((name) => !tried.has(name)),
    ['number', 'boolean'],
    'these two are for documents: documents.test.ts',
  );
});

test('an empty value stays empty in every function', async () => {
  for (const [as] of CASES) assert.equal(await applied(as, ''), '');
});

test('a date without an offset is in the time zone of the production', async () => {
  const given = { timeZone: 'America/Denver' };
  assert.equal(await applied('date(yyyyMMddHHmmssxx)', '2024-07-17', given), '20240717000000-0600');
  assert.equal(await applied('[zone(UTC), date(yyyyMMddHHmmssxx)]', '2024-01-17 12:30', given), '20240117193000+0000');
});

test('a date column is read by its own parts, not by its text', async () => {
  const given = { row: { a: '2024-01-17' }, types: { a: 'date' } };
  assert.deepEqual(await segments('- set: { NTE-3: { from: a, as: date(yyyyMMdd) } }', given), ['NTE|||20240117']);
});

test('what is no date, and no number, makes the message invalid in its column without its value', async () => {
  const result = await run('- set: { NTE-3: { from: a, as: date(yyyyMMdd) }, NTE-4: { from: b, as: decimals(1) } }', {
    row: { a: 'Smith', b: 'Jones' },
  });
  assert.ok(result.kind === 'invalid');
  assert.deepEqual(
    result.faults.map(({ code, column, line }) => [code, column, line]),
    [
      ['DATE_UNREADABLE', 'a', 7],
      ['NUMBER_UNREADABLE', 'b', 7],
    ],
  );
  assert.doesNotMatch(JSON.stringify(result), /Smith|Jones/);
});

const WRONG: readonly (readonly [string, string])[] = [
  ['uper', 'DTL_UNKNOWN_FUNCTION'],
  ['pad', 'DTL_BAD_ARGUMENT'],
  ['"pad(6, 00)"', 'DTL_BAD_ARGUMENT'],
  ['slice(x)', 'DTL_BAD_ARGUMENT'],
  ['trim(1)', 'DTL_BAD_ARGUMENT'],
  ['match(()', 'DTL_BAD_ARGUMENT'],
  ['date(YYYY)', 'DTL_BAD_ARGUMENT'],
  ['zone(Mars/Olympus)', 'DTL_BAD_ARGUMENT'],
  ['zone(UTC)', 'DTL_BAD_ARGUMENT'],
  ['shift(6 weeks)', 'DTL_BAD_ARGUMENT'],
  ['[zone(UTC), upper]', 'DTL_BAD_ARGUMENT'],
  ['script(nobody)', 'DTL_BAD_ARGUMENT'],
  ['{ upper: 1 }', 'DTL_UNKNOWN_FUNCTION'],
];

for (const [as, code] of WRONG) {
  test(`check refuses as: ${as}`, () => {
    const found = issues(fileOf(`- set: { NTE-3: { from: a, as: ${as} } }`), { row: { a: '' } });
    assert.deepEqual(
      found.map((issue) => issue.code),
      [code],
    );
  });
}

test('a function that YAML split at its comma is named with its cure', () => {
  const found = issues(fileOf('- set: { NTE-3: { from: a, as: slice(0, 3) } }'), { row: { a: '' } });
  assert.deepEqual(
    found.map(({ code }) => code),
    ['DTL_FLOW_COMMA'],
  );
  assert.match(found[0]?.cure ?? '', /as: "slice\(0, 3\)"/);
});

test('decimals is exact on digits', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }),
      fc.integer({ min: 0, max: 6 }),
      (number, places) => {
        const scaled = decimals(`${number}`, places);
        const expected = places === 0 ? `${number}` : `${number}.${'0'.repeat(places)}`;
        assert.equal(scaled, expected);
      },
    ),
  );
  assert.equal(decimals('0.5', 0), '1');
  assert.equal(decimals('-0.5', 0), '-1');
  assert.equal(decimals('-0.001', 2), '0.00');
  assert.equal(decimals('1e3', 0), undefined);
});

test('slice never cuts a character in half', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(8), fc.nat(8), (value, from, to) => {
      assert.equal(slice(value, from, to), Array.from(value).slice(from, to).join(''));
    }),
  );
});

test('of the numbers with nine given digits exactly one last digit makes an NPI', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100_000_000, max: 299_999_999 }), (start) => {
      const valid = [...'0123456789'].filter((digit) => isNpi(`${start}${digit}`));
      assert.equal(valid.length, 1);
    }),
  );
});
