/** insertOrUpdate and delete against a real server: what is written, and the outcome of each document. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mongoSkip, testMongo } from '../../support/mongo.ts';
import { delivery, message, NO_LIMIT, openMongo, PATIENT, rawOf, runs, send, shortly } from './rig.ts';

/** Documents `{ n }` with ids of their own messages. */
function numbered(count: number, from = 0) {
  return Array.from({ length: count }, (_, i) => message({ n: from + i, name: 'Ann' }, `k-${from + i}`));
}

describe('mongodb: write', { skip: mongoSkip() }, () => {
  test('a document without _id gets the id of its message, one with _id keeps it', async (t) => {
    const mongo = await testMongo(t);
    const operation = await openMongo(t, mongo);
    const answer = await send(operation, [
      message({ a: 1 }, 'own-1'),
      message({ b: 2, _id: 'mine' }),
      message({ _id: { $oid: '65f0a1b2c3d4e5f6a7b8c9d0' } }),
    ]);
    assert.deepEqual(shortly(answer), ['delivered', 'delivered', 'delivered']);
    assert.deepEqual(rawOf(answer), {
      inserted: 3,
      insertedIds: ['own-1', 'mine', { $oid: '65f0a1b2c3d4e5f6a7b8c9d0' }],
    });
    const found = await mongo.db.collection('x').find().toArray();
    assert.deepEqual(
      found.map((one) => Object.keys(one)),
      [['_id', 'a'], ['_id', 'b'], ['_id']],
    );
  });

  test('a repeat of a whole batch, and of a part of it, changes nothing and is delivered', async (t) => {
    const mongo = await testMongo(t);
    const operation = await openMongo(t, mongo);
    const batch = numbered(40);
    await send(operation, [...batch.slice(0, 10), ...batch.slice(20, 30)]);
    const answer = await send(operation, batch);
    assert.equal(runs(answer.outcomes), '40 delivered');
    assert.equal(answer.outcomes.filter(({ code }) => code === 'MONGODB_ALREADY_THERE').length, 20);
    assert.equal(runs((await send(operation, batch)).outcomes), '40 delivered');
    assert.equal(await mongo.db.collection('x').countDocuments(), 40);
  });

  test('an id that the engine gave again, as from a data folder put back from a backup, hides no new document', async (t) => {
    const mongo = await testMongo(t);
    const operation = await openMongo(t, mongo);
    const before = message({ n: 1 }, 'b0x1-7-1');
    await send(operation, [before]);
    const answer = await send(operation, [before, message({ n: 2 }, 'b0x1-7-1')]);
    assert.deepEqual(shortly(answer), ['delivered MONGODB_ALREADY_THERE', 'rejected MONGODB_ID_TAKEN']);
  });

  test('an _id from data: the same document is a repeat, another one is refused and the first stays', async (t) => {
    const mongo = await testMongo(t);
    const operation = await openMongo(t, mongo);
    const mine = { _id: 5, list: [1, 2.5, { a: null }], at: { $date: '2026-01-02T03:04:05.006Z' } };
    await send(operation, [message(mine)]);
    assert.deepEqual(shortly(await send(operation, [message(mine)])), ['delivered MONGODB_ALREADY_THERE']);
    const answer = await send(operation, [message({ n: 1 }), message({ ...mine, list: [] }), message({ n: 2 })]);
    assert.deepEqual(shortly(answer), ['delivered', 'rejected MONGODB_ID_TAKEN', 'queued MONGODB_BEHIND']);
    const five = await mongo.db.collection<{ _id: number; list: unknown[] }>('x').findOne({ _id: 5 });
    assert.equal(five?.list.length, 3);
    // 5.0 is the same key to the server, and not the same document.
    const other = await send(operation, [message({ _id: { $numberDouble: '5.0' } })]);
    assert.deepEqual(shortly(other), ['rejected MONGODB_ID_TAKEN']);
  });

  test('500 documents with a duplicate of another index in the middle: each is there exactly once in the end', async (t) => {
    const mongo = await testMongo(t);
    await mongo.db.collection('x').createIndex({ n: 1 }, { unique: true });
    const operation = await openMongo(t, mongo);
    const batch = numbered(500);
    batch[249] = message({ n: 10, name: PATIENT }, 'k-249');
    const answer = await send(operation, batch);
    assert.equal(runs(answer.outcomes), '249 delivered, 1 rejected, 250 queued');
    assert.equal(answer.outcomes[249]?.code, 'MONGODB_DUPLICATE');
    const rest = batch.filter((_, i) => answer.outcomes[i]?.outcome === 'queued');
    assert.equal(runs((await send(operation, rest)).outcomes), '250 delivered');
    const ids = await mongo.db.collection('x').distinct('_id');
    assert.equal(ids.length, 499);
    assert.equal(await mongo.db.collection('x').countDocuments(), 499);
  });

  test('a validation rule: the words name the field, and what comes after waits', async (t) => {
    const mongo = await testMongo(t);
    const validator = { $jsonSchema: { required: ['n'], properties: { n: { bsonType: 'int' } } } };
    await mongo.db.createCollection('x', { validator });
    const operation = await openMongo(t, mongo);
    const answer = await send(operation, [message({ n: 1 }), message({ n: PATIENT }), message({ n: 2 })]);
    assert.deepEqual(shortly(answer), ['delivered', 'rejected MONGODB_VALIDATION', 'queued MONGODB_BEHIND']);
    assert.match(answer.outcomes[1]?.words ?? '', /^error 121: .*fields: n/);
    assert.doesNotMatch(answer.outcomes[1]?.words ?? '', new RegExp(PATIENT));
  });

  test('with a filter: updates what is there, keeps fields of others, makes what is missing, and a repeat is harmless', async (t) => {
    const mongo = await testMongo(t);
    const x = mongo.db.collection<{ _id: string }>('x');
    await x.insertOne({ _id: 'old', patient: { mrn: 'A1', extra: 1 }, note: 'by hand' } as { _id: string });
    const operation = await openMongo(t, mongo, { filter: ['patient.mrn'] });
    const batch = [
      message({ patient: { mrn: 'A1', name: 'Ann' } }, 'm1'),
      message({ patient: { mrn: 'B2', name: 'Bob' } }, 'm2'),
      message({ patient: { mrn: 'B2', name: 'Rob' } }, 'm3'),
    ];
    const answer = await send(operation, batch);
    assert.deepEqual(rawOf(answer), { matched: 2, modified: 2, upserted: 1, upsertedIds: ['m2'] });
    const expected = [
      { _id: 'm2', patient: { mrn: 'B2', name: 'Rob' } },
      { _id: 'old', patient: { mrn: 'A1', name: 'Ann' }, note: 'by hand' },
    ];
    assert.deepEqual(await x.find().sort({ _id: 1 }).toArray(), expected);
    assert.equal(runs((await send(operation, batch)).outcomes), '3 delivered');
    assert.deepEqual(await x.find().sort({ _id: 1 }).toArray(), expected);
  });

  test('with a filter: a duplicate of another index is rejected, and so is an _id that another document has', async (t) => {
    const mongo = await testMongo(t);
    const x = mongo.db.collection<{ _id: string }>('x');
    await x.createIndex({ card: 1 }, { unique: true });
    const operation = await openMongo(t, mongo, { filter: ['mrn'] });
    const first = message({ mrn: 'A', card: 1 }, 'm1');
    await send(operation, [first]);
    const answer = await send(operation, [message({ mrn: 'B', card: 1 }), message({ mrn: 'C', card: 3 })]);
    assert.deepEqual(shortly(answer), ['rejected MONGODB_DUPLICATE', 'queued MONGODB_BEHIND']);
    assert.equal(runs((await send(operation, [first])).outcomes), '1 delivered');
    await x.insertOne({ _id: 'taken', mrn: 'Q', card: 4 } as { _id: string });
    const taken = await send(operation, [message({ _id: 'taken', mrn: 'R', card: 5 })]);
    assert.deepEqual(shortly(taken), ['rejected MONGODB_ID_TAKEN']);
  });

  test('with a filter by _id, and with a document that has nothing else', async (t) => {
    const mongo = await testMongo(t);
    const operation = await openMongo(t, mongo, { filter: { _id: 'mrn', 'source.kind': 'kind' } });
    const batch = [message({ mrn: 'A', kind: 'csv', n: 1 }), message({ mrn: 'B', kind: 'csv' })];
    assert.equal(runs((await send(operation, batch)).outcomes), '2 delivered');
    assert.equal(runs((await send(operation, batch)).outcomes), '2 delivered');
    assert.deepEqual(await mongo.db.collection('x').find().sort({ _id: 1 }).toArray(), [
      { _id: 'A', source: { kind: 'csv' }, mrn: 'A', kind: 'csv', n: 1 },
      { _id: 'B', source: { kind: 'csv' }, mrn: 'B', kind: 'csv' },
    ] as never);
  });

  test('delete: by _id, one or all that a filter meets; none is no fault', async (t) => {
    const mongo = await testMongo(t);
    const x = mongo.db.collection<{ _id: string }>('x');
    const fill = () =>
      x.insertMany(['a', 'b', 'c', 'd'].map((_id) => ({ _id, kind: { code: 'old' } }) as { _id: string }));
    await fill();
    const byId = await openMongo(t, mongo, { verb: 'delete' });
    const answer = await send(byId, [message({ _id: 'a' }), message({ _id: 'none' })]);
    assert.deepEqual(shortly(answer), ['delivered', 'delivered']);
    assert.deepEqual(rawOf(answer), { deleted: 1 });
    const none = await send(byId, [message({ _id: 'none' })]);
    assert.equal(none.outcomes[0]?.words, '0 deleted');
    const without = await send(byId, [message({ n: 1 }, 'b')]);
    assert.deepEqual(shortly(without), ['rejected MONGODB_FILTER_VALUE']);
    const one = await openMongo(t, mongo, { verb: 'delete', filter: { 'kind.code': 'code' } });
    assert.deepEqual(rawOf(await send(one, [message({ code: 'old' })])), { deleted: 1 });
    const many = await openMongo(t, mongo, { verb: 'delete', filter: { 'kind.code': 'code' }, deleteMany: true });
    assert.deepEqual(rawOf(await send(many, [message({ code: 'old' })])), { deleted: 2 });
    assert.equal(await x.countDocuments(), 0);
    assert.deepEqual(
      [byId, one, many].map(({ repeatable }) => repeatable),
      [true, false, true],
    );
  });

  test('a message that is no document is rejected by itself, and the others go out', async (t) => {
    const mongo = await testMongo(t);
    const operation = await openMongo(t, mongo);
    const watched = delivery([
      message(Buffer.from('%PDF-1.7 binary \xff', 'latin1')),
      message({ n: 1 }),
      message([1, 2]),
      message(Buffer.from(`{"name": "${PATIENT}`)),
      message({ n: 2 }),
    ]);
    const answer = await operation.send(watched, NO_LIMIT);
    assert.ok(answer.kind === 'outcomes');
    const bad = 'rejected MONGODB_NOT_A_DOCUMENT';
    assert.deepEqual(shortly(answer), [bad, 'delivered', bad, bad, 'delivered']);
    assert.match(answer.outcomes[0]?.words ?? '', /needs a transform/);
    assert.ok(answer.outcomes.every(({ words }) => !words.includes(PATIENT)));
    assert.deepEqual(watched.seen, { first: 1, last: 1 });
    assert.equal(await mongo.db.collection('x').countDocuments(), 2);
  });

  test('15 MB of bytes in a document, more than one command in a delivery, and what is too large', async (t) => {
    const mongo = await testMongo(t);
    const operation = await openMongo(t, mongo);
    const file = (bytes: number) => ({
      content: { $binary: { base64: Buffer.alloc(bytes, 7).toString('base64'), subType: '00' } },
    });
    const batch = [
      message(file(15_000_000), 'one'),
      message(file(17_000_000), 'two'),
      message(file(15_000_000), 'three'),
      message({ n: 1 }, 'four'),
    ];
    const answer = await send(operation, batch);
    assert.deepEqual(shortly(answer), ['delivered', 'rejected MONGODB_DOCUMENT_TOO_LARGE', 'delivered', 'delivered']);
    const stored = await mongo.db
      .collection<{ _id: string; content: { length(): number } }>('x')
      .findOne({ _id: 'three' });
    assert.equal(stored?.content.length(), 15_000_000);
    assert.equal(runs((await send(operation, batch)).outcomes), '1 delivered, 1 rejected, 2 delivered');
    const updating = await openMongo(t, mongo, { collection: 'y', filter: ['mrn'] });
    const large = await send(updating, [
      message({ mrn: 'A', ...file(15_000_000) }),
      message({ mrn: 'B', ...file(16_777_200) }),
    ]);
    assert.deepEqual(shortly(large), ['delivered', 'rejected MONGODB_DOCUMENT_TOO_LARGE']);
  });

  test('2,500 documents go out in several commands, under one first and one last byte', async (t) => {
    const mongo = await testMongo(t);
    const operation = await openMongo(t, mongo);
    const watched = delivery(numbered(2500));
    const answer = await operation.send(watched, NO_LIMIT);
    assert.ok(answer.kind === 'outcomes');
    assert.equal(runs(answer.outcomes), '2500 delivered');
    assert.deepEqual(watched.seen, { first: 1, last: 1 });
    assert.equal(await mongo.db.collection('x').countDocuments(), 2500);
  });
});
