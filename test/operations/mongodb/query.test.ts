/** query: what is asked, what comes back, and that nothing in a message can be an operator. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { BSON, type Document } from 'mongodb';
import { mongoSkip, type TestMongo, testMongo } from '../../support/mongo.ts';
import { delivery, message, NO_LIMIT, type Outcomes, openMongo, PATIENT, send, shortly } from './rig.ts';

/** The lines of the answer as objects. */
function found(answer: Outcomes): readonly Document[] {
  const text = Buffer.from(answer.raw).toString();
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

async function filled(t: TestContext): Promise<Pick<TestMongo, 'url' | 'database' | 'db'>> {
  const mongo = await testMongo(t);
  const doses = Array.from({ length: 150 }, (_, n) => ({
    _id: n as never,
    patient: { mrn: n % 2 === 0 ? 'even' : 'odd' },
    n,
    at: new Date(Date.UTC(2026, 0, 1 + (n % 5))),
  }));
  await mongo.db.collection('x').insertMany(doses);
  return mongo;
}

describe('mongodb: query', { skip: mongoSkip() }, () => {
  test('documents as lines of JSON: filter, fields, sort and limit, for each message in turn', async (t) => {
    const mongo = await filled(t);
    const operation = await openMongo(t, mongo, {
      verb: 'query',
      filter: { 'patient.mrn': 'who' },
      fields: ['n', 'at'],
      sort: { at: 'desc', n: 'asc' },
      limit: 2,
    });
    const watched = delivery([message({ who: 'even' }), message({ who: 'nobody' }), message({ who: 'odd' })]);
    const answer = await operation.send(watched, NO_LIMIT);
    assert.ok(answer.kind === 'outcomes');
    assert.deepEqual(
      answer.outcomes.map(({ outcome, words }) => `${outcome}: ${words}`),
      ['delivered: 2 found', 'delivered: 0 found', 'delivered: 2 found'],
    );
    const at = { $date: '2026-01-05T00:00:00Z' };
    assert.deepEqual(found(answer), [
      { _id: 4, n: 4, at },
      { _id: 14, n: 14, at },
      { _id: 9, n: 9, at },
      { _id: 19, n: 19, at },
    ]);
    assert.deepEqual(watched.seen, { first: 1, last: 1 });
  });

  test('by _id without a filter; 100 documents at most unless said otherwise; nothing found is an empty answer', async (t) => {
    const mongo = await filled(t);
    const byId = await openMongo(t, mongo, { verb: 'query' });
    assert.equal(found(await send(byId, [message({ _id: 7 })]))[0]?.n, 7);
    assert.equal((await send(byId, [message({ _id: 'none' })])).raw.byteLength, 0);
    await mongo.db.collection('x').updateMany({}, { $set: { all: 'yes' } });
    const all = await openMongo(t, mongo, { verb: 'query', filter: ['all'] });
    assert.equal(found(await send(all, [message({ all: 'yes' })])).length, 100);
    const more = await openMongo(t, mongo, { verb: 'query', filter: ['all'], limit: 1000 });
    assert.equal(found(await send(more, [message({ all: 'yes' })])).length, 150);
  });

  test('values come back as they were: large whole numbers, dates, bytes, keys like __proto__', async (t) => {
    const mongo = await testMongo(t);
    const operation = await openMongo(t, mongo);
    const values = {
      long: { $numberLong: '9007199254740993' },
      safe: 9007199254740991,
      date: { $date: '1969-12-31T23:59:59.999Z' },
      decimal: { $numberDecimal: '0.10' },
      bytes: { $binary: { base64: 'AP8=', subType: '00' } },
      list: [{ deep: { $numberLong: '-9223372036854775808' } }, null, true],
    };
    const text = JSON.stringify({ _id: 'a', ...values }).replace('{', '{"__proto__":{"polluted":1},');
    assert.deepEqual(shortly(await send(operation, [message(Buffer.from(text))])), ['delivered']);
    const query = await openMongo(t, mongo, { verb: 'query' });
    const answer = await send(query, [message({ _id: 'a' })]);
    const line = Buffer.from(answer.raw).toString();
    assert.match(line, /"__proto__":\{"polluted":1\}/);
    assert.equal(('polluted' in {}) as boolean, false);
    const { _id, ...rest } = BSON.EJSON.parse(line, { relaxed: false }) as Document;
    assert.equal(_id, 'a');
    const { __proto__: _own, ...back } = JSON.parse(BSON.EJSON.stringify(rest, { relaxed: false }));
    assert.deepEqual(back.long, values.long);
    assert.deepEqual(back.list[0].deep, values.list[0] && (values.list[0] as Document).deep);
    assert.deepEqual(back.bytes, values.bytes);
    assert.deepEqual(back.decimal, values.decimal);
    assert.match(line, /"date":\{"\$date":\{"\$numberLong":"-1"\}\}/);
  });

  test('an answer that is too large is refused alone; together too large means in turns', async (t) => {
    const mongo = await testMongo(t);
    const large = { text: 'x'.repeat(900) };
    await mongo.db.collection('x').insertMany([
      { _id: 'a', who: 'one', ...large },
      { _id: 'b', who: 'two', ...large },
      { _id: 'c', who: 'two', ...large },
    ] as never);
    const operation = await openMongo(t, mongo, { verb: 'query', filter: ['who'], maxAnswerBytes: 1500 });
    const one = message({ who: 'one' });
    const answer = await send(operation, [message({ who: 'two' }), one, one, one]);
    assert.deepEqual(shortly(answer), [
      'rejected MONGODB_ANSWER_TOO_LARGE',
      'delivered',
      'queued MONGODB_BEHIND',
      'queued MONGODB_BEHIND',
    ]);
    assert.equal(found(answer).length, 1);
  });

  test('operators in data are refused by every verb, and nothing is read, written or deleted', async (t) => {
    const mongo = await testMongo(t);
    const x = mongo.db.collection('x');
    await x.insertMany([{ mrn: 'A' }, { mrn: 'B' }]);
    const attacks: readonly unknown[] = [
      { $ne: null },
      { $gt: '' },
      { $regex: '.*' },
      { $where: 'sleep(1000)' },
      { $expr: { $eq: [1, 1] } },
      { $in: ['A', 'B'] },
      { $regularExpression: { pattern: '.*', options: '' } },
      ['A', 'B'],
      { a: 1 },
    ];
    const opened = await Promise.all([
      openMongo(t, mongo, { verb: 'query', filter: ['mrn'] }),
      openMongo(t, mongo, { verb: 'delete', filter: ['mrn'], deleteMany: true }),
      openMongo(t, mongo, { filter: ['mrn'] }),
    ]);
    for (const operation of opened) {
      for (const mrn of attacks) {
        const answer = await send(operation, [message({ mrn, name: PATIENT })]);
        assert.match(shortly(answer)[0] ?? '', /^rejected MONGODB_(KEY_REFUSED|FILTER_VALUE)$/, JSON.stringify(mrn));
        assert.doesNotMatch(answer.outcomes[0]?.words ?? '', new RegExp(PATIENT));
      }
      const top = await send(operation, [message({ mrn: 'A', $set: { mrn: 'C' } }), message({ mrn: 'A', 'a.b': 1 })]);
      assert.deepEqual(shortly(top), ['rejected MONGODB_KEY_REFUSED', 'rejected MONGODB_KEY_REFUSED']);
    }
    assert.deepEqual(await x.find({}, { projection: { _id: 0 } }).toArray(), [{ mrn: 'A' }, { mrn: 'B' }]);
    // Texts that only look like operators are texts.
    const plain = ['$ne', '$where', '{"$gt":""}', "';return true;//", '$$ROOT'];
    const update = await openMongo(t, mongo, { collection: 'y', filter: ['mrn'] });
    assert.ok(
      shortly(
        await send(
          update,
          plain.map((mrn) => message({ mrn, copy: mrn })),
        ),
      ).every((one) => one === 'delivered'),
    );
    const stored = await mongo.db
      .collection('y')
      .find({}, { projection: { _id: 0 } })
      .toArray();
    assert.deepEqual(
      stored,
      plain.map((mrn) => ({ mrn, copy: mrn })),
    );
  });
});
