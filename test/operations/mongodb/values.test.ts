/** Strings that break software, as values: what is stored is what stood there. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { mongoSkip, type TestMongo, testMongo } from '../../support/mongo.ts';
import { naughtyRows } from '../../support/naughty.ts';
import { needsShared } from '../../support/shared.ts';
import { message, openMongo, runs, send } from './rig.ts';

const OWN = [
  '\0',
  'a\0b',
  '\ufffe\uffff',
  '\ud83d\udc89',
  '\r\n',
  '\u2028',
  '',
  '$where',
  'a.b',
  '__proto__',
  '\u0085',
];

describe('mongodb: values', { skip: mongoSkip() }, () => {
  const carry = async (
    mongo: Pick<TestMongo, 'url' | 'database' | 'db'>,
    t: TestContext,
    values: readonly string[],
  ): Promise<void> => {
    const operation = await openMongo(t, mongo);
    const batch = values.map((value, n) => message({ n, value, list: [value], nested: { value } }));
    assert.equal(runs((await send(operation, batch)).outcomes), `${values.length} delivered`);
    const stored = await mongo.db
      .collection('x')
      .find({}, { projection: { _id: 0 }, sort: { n: 1 } })
      .toArray();
    assert.deepEqual(
      stored,
      values.map((value, n) => ({ n, value, list: [value], nested: { value } })),
    );
  };

  test('control characters, characters that XML cannot carry, and what means something to MongoDB', async (t) => {
    const mongo = await testMongo(t);
    await carry(mongo, t, OWN);
    // And as what a filter compares with: each meets itself alone.
    const updating = await openMongo(t, mongo, { collection: 'y', filter: ['value'] });
    const values = OWN.filter((value) => value !== '');
    const twice = [...values, ...values].map((value) => message({ value }));
    assert.equal(runs((await send(updating, twice)).outcomes), `${twice.length} delivered`);
    const kept = await mongo.db.collection('y').find().toArray();
    assert.deepEqual(
      kept.map(({ value }) => value),
      values,
    );
  });

  test('the published list', needsShared, async (t) =>
    carry(
      await testMongo(t),
      t,
      naughtyRows().map(({ value }) => value),
    ),
  );
});
