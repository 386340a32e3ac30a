import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal128, EJSON, Long } from 'bson';
import fc from 'fast-check';
import type { Node } from '../../../transforms/dtl/document.ts';
import { writeNode } from '../../../transforms/dtl/ejson.ts';
import {
  booleanOf,
  Decimal,
  instantOf,
  isDay,
  numberOf,
  type Scalar,
  scalarText,
} from '../../../transforms/dtl/values.ts';

/** How a number is written. */
function written(text: string): string | undefined {
  const number = numberOf(text);
  return number === undefined ? undefined : writeNode(number);
}

const NUMBERS: readonly (readonly [string, string | undefined])[] = [
  ['5', '5'],
  ['0042', '42'],
  [' -3.50 ', '-3.5'],
  ['+7', '7'],
  ['.5', '0.5'],
  ['1e3', '1000'],
  ['-0', '0'],
  ['9007199254740991', '9007199254740991'],
  ['9007199254740993', '{"$numberLong":"9007199254740993"}'],
  ['-9223372036854775808', '{"$numberLong":"-9223372036854775808"}'],
  ['9223372036854775809', '{"$numberDecimal":"9223372036854775809"}'],
  ['0.1234567890123456789', '{"$numberDecimal":"0.1234567890123456789"}'],
  ['1e400', '{"$numberDecimal":"1e400"}'],
  ['1e9999', undefined],
  ['12345678901234567890123456789012345', undefined],
  ['1,5', undefined],
  ['0x10', undefined],
  ['', undefined],
  ['.', undefined],
  ['NaN', undefined],
  ['5 mg', undefined],
];

for (const [text, expected] of NUMBERS) {
  test(`the number ${text || 'nothing'} is ${expected ?? 'none'}`, () => {
    assert.equal(written(text), expected);
  });
}

test('a number that is written says exactly what its text said', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 17 });
  fc.assert(
    fc.property(fc.constantFrom('', '-'), digits, fc.option(digits), (sign, whole, fraction) => {
      const text = `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`;
      const value: unknown = EJSON.parse(written(text) ?? 'null');
      const scale = 10n ** BigInt(fraction?.length ?? 0);
      const wanted = BigInt(`${whole}${fraction ?? ''}`) * (sign === '-' ? -1n : 1n);
      assert.equal(scaled(value, scale), wanted, text);
    }),
  );
});

/** A number times a power of ten, exactly. */
function scaled(value: unknown, scale: bigint): bigint {
  if (value instanceof Long) return BigInt(value.toString()) * scale;
  assert.ok(value instanceof Decimal128 || typeof value === 'number');
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]\d+))?$/.exec(String(value)) ?? [];
  const power = Number(exponent) - fraction.length;
  const number = BigInt(whole + fraction) * (sign === '-' ? -1n : 1n) * scale;
  return power >= 0 ? number * 10n ** BigInt(power) : number / 10n ** BigInt(-power);
}

test('booleans are read as record maps read them', () => {
  for (const word of ['true', 'YES', 'y', 'T', '1']) assert.equal(booleanOf(word), true, word);
  for (const word of ['False', 'no', 'N', 'f', '0']) assert.equal(booleanOf(word), false, word);
  for (const word of ['', 'maybe', '2', 'constructor']) assert.equal(booleanOf(word), undefined, word);
});

test('a day is midnight UTC, a time is in the zone unless it says its own', () => {
  const parts = { year: 2024, month: 1, day: 17, hour: 0, minute: 0, second: 0, millisecond: 0, offset: undefined };
  assert.equal(instantOf(parts, true, 'America/Denver').toISOString(), '2024-01-17T00:00:00.000Z');
  assert.equal(instantOf(parts, false, 'America/Denver').toISOString(), '2024-01-17T07:00:00.000Z');
  assert.equal(instantOf({ ...parts, offset: 60 }, false, 'UTC').toISOString(), '2024-01-16T23:00:00.000Z');
  assert.deepEqual(['2024-01-17', '20240117', '1990', '202401171230', '2024-01-17T12:30'].map(isDay), [
    true,
    true,
    true,
    false,
    false,
  ]);
});

test('values as texts', () => {
  const values: readonly Scalar[] = ['a', 5, 7n, false, new Date(0), new Decimal('1.10'), Buffer.from('PDF')];
  assert.deepEqual(values.map(scalarText), ['a', '5', '7', 'false', '1970-01-01T00:00:00.000Z', '1.10', 'UERG']);
});

test('dates outside of 1970 to 9999 are written as milliseconds', () => {
  assert.equal(writeNode(new Date('1969-12-31T23:59:59Z')), '{"$date":{"$numberLong":"-1000"}}');
  assert.equal(writeNode(new Date('2024-01-17T12:30:00Z')), '{"$date":"2024-01-17T12:30:00Z"}');
  assert.equal(writeNode(new Date('2024-01-17T12:30:00.120Z')), '{"$date":"2024-01-17T12:30:00.120Z"}');
});

test('numbers that JSON does not have are still written', () => {
  assert.deepEqual(EJSON.parse(writeNode([Number.POSITIVE_INFINITY, Number.NaN]) ?? ''), [Infinity, Number.NaN]);
});

test('a lone surrogate stays visible for the destination, which cannot carry it', () => {
  const text = writeNode('a"\ud800\n') ?? '';
  assert.equal(text, '"a\\"\ud800\\n"');
  assert.equal(text.isWellFormed(), false);
});

const scalar: fc.Arbitrary<Scalar> = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
);
const key = fc.string({ minLength: 1 }).filter((name) => !name.startsWith('$') && name !== '__proto__');
const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('node'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('node')), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
}));

/** What must come back of it: nothing empty, and no map of its own kind. */
function plain(value: Node): unknown {
  if (value instanceof Map) {
    const entries = [...value].map(([name, inner]) => [name, plain(inner)] as const);
    const kept = entries.filter(([, inner]) => inner !== undefined);
    return kept.length === 0 ? undefined : Object.fromEntries(kept);
  }
  if (Array.isArray(value)) {
    const kept = value.map(plain).filter((inner) => inner !== undefined);
    return kept.length === 0 ? undefined : kept;
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return Object.is(value, -0) ? 0 : value;
}

/** What the driver's own parser read, in the same shape. */
function parsedPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(parsedPlain);
  if (value instanceof Date || typeof value !== 'object' || value === null) return value;
  if ('buffer' in value && value.buffer instanceof Uint8Array) return Buffer.from(value.buffer).toString('hex');
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, parsedPlain(inner)]));
}

test('any document comes back from the parser of the driver as it was', () => {
  fc.assert(
    fc.property(node, (value) => {
      const text = writeNode(value);
      const expected = plain(value);
      assert.equal(text === undefined, expected === undefined);
      if (text !== undefined) assert.deepEqual(parsedPlain(EJSON.parse(text)), expected);
    }),
    { numRuns: 500 },
  );
});
