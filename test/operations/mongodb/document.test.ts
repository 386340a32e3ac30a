/** From a message to a document: strict Extended JSON, and nothing in data that could be more than data. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import * as driver from 'mongodb';
import { identify, readDocument } from '../../../operations/mongodb/document.ts';
import { makeFilter, readFilter } from '../../../operations/mongodb/filter.ts';
import { Refused } from '../../../operations/mongodb/refused.ts';

const { BSON } = driver;

function read(text: string): driver.Document {
  return readDocument(Buffer.from(text), driver);
}

/** Code and words of a refusal. */
function refusal(work: () => unknown): readonly [string, string] {
  try {
    work();
  } catch (error) {
    if (error instanceof Refused) return [error.code, error.message];
    throw error;
  }
  return ['taken', ''];
}

/** What a server would store, and gives back. */
function stored(document: driver.Document): driver.Document {
  return BSON.deserialize(BSON.serialize(document));
}

describe('mongodb: documents', () => {
  test('every type of Extended JSON that is a plain value becomes the BSON type that it names', () => {
    const types: Readonly<Record<string, readonly [unknown, string]>> = {
      $oid: ['65f0a1b2c3d4e5f6a7b8c9d0', 'ObjectId'],
      $numberInt: ['-2147483648', 'Int32'],
      $numberLong: ['9223372036854775807', 'Long'],
      $numberDouble: ['-1.5e3', 'Double'],
      $numberDecimal: ['12.340', 'Decimal128'],
      $binary: [{ base64: 'AQI=', subType: '04' }, 'Binary'],
      $uuid: ['2c4c8bd7-1d4f-4a59-b0ef-6d4d35b2b0a1', 'Binary'],
      $timestamp: [{ t: 4294967295, i: 1 }, 'Timestamp'],
    };
    for (const [key, [value, type]] of Object.entries(types)) {
      assert.equal(read(JSON.stringify({ v: { [key]: value } })).v._bsontype, type, key);
    }
    for (const date of [
      '2026-01-02T03:04:05Z',
      '2026-01-02T03:04:05.000Z',
      '2026-01-02T04:04:05+0100',
      '2026-01-02T04:04:05.0+01:00',
    ]) {
      assert.equal(read(JSON.stringify({ v: { $date: date } })).v.getTime(), Date.UTC(2026, 0, 2, 3, 4, 5), date);
    }
    assert.equal(read('{"v":{"$date":{"$numberLong":"-1"}}}').v.getTime(), -1);
  });

  test('numbers of JSON keep their value: 32 bits, 64 bits, and fractions', () => {
    const document = read('{"a":1,"b":-2147483649,"c":9007199254740991,"d":0.1,"e":-0}');
    const relaxed = BSON.deserialize(BSON.serialize(document), { promoteValues: false });
    assert.deepEqual(
      Object.values(relaxed).map((one) => one._bsontype),
      ['Int32', 'Long', 'Long', 'Double', 'Double'],
    );
    assert.deepEqual(stored(document), { a: 1, b: -2147483649, c: 9007199254740991, d: 0.1, e: -0 });
    assert.equal(refusal(() => read('{"chart":9007199254740993}'))[0], 'MONGODB_VALUE_REFUSED');
  });

  test('a value that is written as a type and is none is refused with its path, never with itself', () => {
    const bad: readonly unknown[] = [
      { $oid: 'zz' },
      { $numberInt: '2147483648' },
      { $numberLong: '9223372036854775808' },
      { $numberLong: 5 },
      { $numberDouble: 'secret' },
      { $numberDecimal: '1e99999999' },
      { $date: 'yesterday' },
      { $date: '2026-13-45T00:00:00Z' },
      { $date: { $numberLong: 'secret' } },
      { $binary: { base64: 'AQ=', subType: '00' } },
      { $binary: { base64: '!!!!', subType: '00' } },
      { $binary: { base64: 'AQID', subType: 'zzz' } },
      { $uuid: 'secret' },
      { $timestamp: { t: -1, i: 0 } },
      'half \ud800 secret',
    ];
    for (const value of bad) {
      const [code, words] = refusal(() => read(JSON.stringify({ patient: { list: [1, value] } })));
      assert.equal(code, 'MONGODB_VALUE_REFUSED', JSON.stringify(value));
      assert.match(words, /^patient\.list\.1 /);
      assert.doesNotMatch(words, /secret|yesterday/);
    }
  });

  test('keys that a server or the driver could take for more than data are refused, wherever they stand', () => {
    const keys = [
      '$where',
      '$gt',
      '$set',
      '$ref',
      '$code',
      '$regularExpression',
      '$',
      '',
      'a.b',
      '.',
      'a\0b',
      '_bsontype',
      '\udc00',
    ];
    for (const key of keys) {
      for (const wrap of [(x: unknown) => x, (x: unknown) => ({ a: x }), (x: unknown) => ({ a: [{ b: x }] })]) {
        const [code, words] = refusal(() => read(JSON.stringify(wrap({ [key]: 'secret', other: 1 }))));
        assert.equal(code, 'MONGODB_KEY_REFUSED', key);
        assert.doesNotMatch(words, /secret/);
      }
    }
    // A type beside another key, or as the whole document, is no type.
    assert.equal(refusal(() => read('{"a":{"$oid":"65f0a1b2c3d4e5f6a7b8c9d0","b":1}}'))[0], 'MONGODB_KEY_REFUSED');
    assert.equal(refusal(() => read('{"$oid":"65f0a1b2c3d4e5f6a7b8c9d0"}'))[0], 'MONGODB_NOT_A_DOCUMENT');
  });

  test('__proto__ and constructor are keys like any other', () => {
    const text = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"a":{"__proto__":1}}';
    const document = stored(identify(read(text), 'm-1', 'B').document);
    assert.deepEqual(Object.keys(document), ['_id', '__proto__', 'constructor', 'a']);
    assert.deepEqual(Object.getOwnPropertyDescriptor(document, '__proto__')?.value, { polluted: true });
    assert.equal(Object.hasOwn({}, 'polluted'), false);
    assert.equal(('polluted' in {}) as boolean, false);
    const fields = readFilter({ 'a.b': '__proto__.polluted' }, 'filter');
    assert.deepEqual(makeFilter(fields, read(text)), { 'a.b': { $eq: true } });
    assert.equal(
      refusal(() => makeFilter(readFilter(['constructor.name'], 'filter'), read('{}')))[0],
      'MONGODB_FILTER_VALUE',
    );
  });

  test('what is no JSON object, or nested without end, is refused', () => {
    for (const text of ['', 'null', '1', '"a"', '[]', '{', '{"a":}', 'MSH|^~\\&|A']) {
      assert.equal(refusal(() => read(text))[0], 'MONGODB_NOT_A_DOCUMENT', text);
    }
    assert.equal(refusal(() => readDocument(Buffer.from([0x7b, 0xff, 0x7d]), driver))[0], 'MONGODB_NOT_A_DOCUMENT');
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    assert.deepEqual(
      refusal(() => BSON.serialize(read(nested(100)))),
      ['taken', ''],
    );
    assert.equal(refusal(() => read(nested(101)))[0], 'MONGODB_TOO_DEEP');
    for (const depth of [5_000, 1_000_000]) assert.equal(refusal(() => read(nested(depth)))[0], 'MONGODB_TOO_DEEP');
    assert.equal(refusal(() => read(`{"a":${'['.repeat(200)}${']'.repeat(200)}}`))[0], 'MONGODB_TOO_DEEP');
  });

  test('an _id that identifies nothing is refused', () => {
    for (const _id of ['', null, [], [1], { a: 1 }]) {
      assert.equal(
        refusal(() => identify(read(JSON.stringify({ _id })), 'm', 'B'))[0],
        'MONGODB_ID_EMPTY',
        JSON.stringify(_id),
      );
    }
    assert.deepEqual(identify({ a: 1 }, 'm', 'B1'), { document: { _id: 'm', a: 1 }, own: false });
  });

  test("an id is the engine's own by its form and its beginning, wherever it stands", () => {
    for (const id of ['7kq2-15-217', '7kq2-15-217-2', '7kq2-M9']) {
      assert.equal(identify({}, id, '7kq2-B3').own, true);
      assert.equal(identify({ a: 1, _id: id }, id, '7kq2-B3').own, true);
      assert.equal(identify({}, id, '8kq2-B3').own, false);
      assert.equal(identify({ _id: 'other' }, id, '7kq2-B3').own, false);
    }
    for (const id of ['A-1', '7kq2-15', '7kq2-x-1', 'MRN 7kq2-15-217'])
      assert.equal(identify({ _id: id }, id, '7kq2-B3').own, false);
  });

  test('a filter compares by $eq, and takes neither operators nor what is empty', () => {
    const fields = readFilter(['patient.mrn'], 'filter');
    assert.deepEqual(makeFilter(fields, { patient: { mrn: 'A' } }), { 'patient.mrn': { $eq: 'A' } });
    assert.deepEqual(makeFilter(fields, { patient: { mrn: 0 } }), { 'patient.mrn': { $eq: 0 } });
    const bad: readonly unknown[] = ['', null, undefined, { $gt: '' }, { $ne: null }, [], ['A'], { a: 1 }];
    for (const mrn of bad) {
      assert.equal(
        refusal(() => makeFilter(fields, { patient: { mrn } }))[0],
        'MONGODB_FILTER_VALUE',
        JSON.stringify(mrn),
      );
    }
    for (const patient of [undefined, 'A', ['A']]) {
      assert.equal(refusal(() => makeFilter(fields, { patient }))[0], 'MONGODB_FILTER_VALUE');
    }
  });

  test('any JSON object is either refused or comes back from BSON as it was', () => {
    const key = fc.oneof(fc.string(), fc.constantFrom('$gt', '__proto__', 'a.b', '_bsontype', '$date', 'toString'));
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue({ maxDepth: 3 })), (value) => {
        const text = JSON.stringify(value);
        const [code] = refusal(() => read(text));
        if (code !== 'taken') {
          assert.match(code, /^MONGODB_(KEY|VALUE)_REFUSED$|^MONGODB_NOT_A_DOCUMENT$/);
          return;
        }
        assert.equal(JSON.stringify(stored(read(text))), JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });
});
