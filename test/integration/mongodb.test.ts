/** Documents through the whole engine: a failing one in the middle, a server and an engine that die, answers that go on. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { spawnPlugged } from '../support/crash.ts';
import { countsOf, type EngineOptions, startEngine, untilSettled, waybill } from '../support/engine.ts';
import { mongoSkip, ownMongo, ownMongoSkip, type TestMongo, testMongo } from '../support/mongo.ts';
import { DOSES_HEADER, dosesCsv, type TestProduction, temporaryProduction } from '../support/production.ts';
import { redisSkip, until } from '../support/redis.ts';

const TO_DOCUMENT = `transform: dose-to-document
from: { recordMap: doses }
to: { json: dose }
actions:
  - set:
      patient.mrn: { from: chart }
      patient.name.family: { from: family }
      patient.birthDate: { from: typed.born }
      vaccine.cvx: { from: vaccine }
      source.line: { from: submission.line }
`;

/** A production whose route \`doses\` goes to the destination \`archive\`; \`destinations\` stands under that key. */
async function documents(t: TestContext, routes: string, destinations: string): Promise<TestProduction> {
  const production = await temporaryProduction(t);
  await rm(join(production.config, 'transforms'), { recursive: true });
  await production.write('transforms/dose-to-document.yaml', TO_DOCUMENT);
  await production.write(
    'production.yaml',
    `production: documents
timeZone: UTC
services:
  drop:
    type: file-drop
    folder: ../inbox
    complete: renamed
    pollEvery: 100ms
    files: [{ glob: "*.csv", format: { type: csv, recordMap: doses }, route: doses }]
routes:
  doses:
    to:
      - { destination: archive, transform: dose-to-document }
${routes}destinations:
${destinations}`,
  );
  return production;
}

interface Written {
  readonly name?: string;
  readonly collection?: string;
  /** Further lines, of four spaces. */
  readonly more?: string;
}

function destination(
  { database }: Pick<TestMongo, 'database'>,
  { name = 'archive', collection = 'doses', more = '' }: Written = {},
): string {
  return `  ${name}:
    type: mongodb
    url: "\${env:MONGODB_URL}"
    database: ${database}
    collection: ${collection}
    timeouts: { connect: 1s, total: 30s }
    retry: { first: 200ms, factor: 2, ceiling: 1s, giveUpAfter: never }
${more}`;
}

const INSERT = '    verb: insertOrUpdate\n    batch: { maxMessages: 500, maxAge: 1s }\n';

function options(mongo: Pick<TestMongo, 'url'>): EngineOptions {
  return { url: 'http://127.0.0.1:9/soap', env: { MONGODB_URL: mongo.url } };
}

/** Each patient stands in the collection as often as here; nothing else does. */
async function assertOnce({ db }: Pick<TestMongo, 'db'>, mrns: readonly string[]): Promise<void> {
  const stored = await db.collection('doses').find().toArray();
  assert.deepEqual(stored.map(({ patient }) => patient.mrn).sort(), mrns.toSorted());
}

function mrns(rows: number): readonly string[] {
  return Array.from({ length: rows }, (_, n) => `S${String(n + 1).padStart(4, '0')}`);
}

describe('documents through the engine', { skip: mongoSkip() || redisSkip() }, () => {
  test('500 with a failing one in the middle: 499 delivered, one rejected, each exactly once', async (t) => {
    const mongo = await testMongo(t);
    await mongo.db.collection('doses').createIndex({ 'patient.name.family': 1 }, { unique: true });
    const production = await documents(t, '', destination(mongo, { more: INSERT }));
    const engine = await startEngine(t, production, options(mongo));
    await production.drop('doses.csv', dosesCsv(500).replace('Sample250,', 'Sample10,'));
    await untilSettled(production, 1);
    assert.deepEqual(countsOf(production, 'archive'), { delivered: 499, rejected: 1 });
    await assertOnce(
      mongo,
      mrns(500).filter((mrn) => mrn !== 'S0250'),
    );
    const first = await mongo.db.collection<{ _id: string }>('doses').findOne({ 'patient.mrn': 'S0001' } as object);
    assert.match(first?._id ?? '', /^[a-z0-9]{4}-1-1$/);
    assert.deepEqual(
      { ...first, _id: '' },
      {
        _id: '',
        patient: { mrn: 'S0001', name: { family: 'Sample1' }, birthDate: new Date(Date.UTC(1911, 2, 2)) },
        vaccine: { cvx: '101' },
        source: { line: 2 },
      },
    );
    const trace = await waybill(['trace', 'doses.csv:251', '--data', production.data], {
      env: { MONGODB_URL: mongo.url },
    });
    assert.match(trace.stdout, /MONGODB_DUPLICATE/, trace.stderr);
    // A log never says whose document it was.
    assert.doesNotMatch(engine.log(), /Sample10|S0250/);
    assert.deepEqual(await engine.stop(), { code: 0, signal: null });
  });

  for (const label of ['sending.firstByte', 'sending.lastByte']) {
    test(`the engine is killed at ${label}: the repeat leaves each document exactly once`, async (t) => {
      const mongo = await testMongo(t);
      const more = `${INSERT}    inDoubt: resend\n`;
      const production = await documents(t, '', destination(mongo, { more }));
      const engine = spawnPlugged(t, production, options(mongo), { label, nth: 2, fault: 'kill' });
      await production.drop('doses.csv', dosesCsv(1200));
      await engine.ended;
      assert.ok(engine.fired(), engine.log());
      await startEngine(t, production, options(mongo));
      await untilSettled(production, 1);
      assert.deepEqual(countsOf(production, 'archive'), { delivered: 1200 });
      await assertOnce(mongo, mrns(1200));
    });
  }

  test('the answer to a query becomes a submission of its own, whose documents go on', async (t) => {
    const mongo = await testMongo(t);
    await mongo.db.collection('patients').insertMany([
      { mrn: 'S0001', clinic: 'north', seen: new Date(0) },
      { mrn: 'S0003', clinic: 'south', seen: new Date(0) },
    ]);
    const query = `    verb: query
    filter: { mrn: patient.mrn }
    fields: [mrn, clinic]
    batch: { maxMessages: 10, maxAge: 1s }
    answersTo: found
`;
    const found = `  found:
    to:
      - { destination: kept }
`;
    const kept = destination(mongo, { name: 'kept', collection: 'kept', more: INSERT });
    const production = await documents(
      t,
      found,
      `${destination(mongo, { collection: 'patients', more: query })}${kept}`,
    );
    await startEngine(t, production, options(mongo));
    await production.drop('doses.csv', dosesCsv(4));
    await untilSettled(production, 2);
    assert.deepEqual(countsOf(production, 'archive'), { delivered: 4 });
    assert.deepEqual(countsOf(production, 'kept'), { delivered: 2 });
    const stored = await mongo.db
      .collection('kept')
      .find({}, { projection: { _id: 0 } })
      .toArray();
    assert.deepEqual(
      stored.sort((a, b) => (a.mrn < b.mrn ? -1 : 1)),
      [
        { mrn: 'S0001', clinic: 'north' },
        { mrn: 'S0003', clinic: 'south' },
      ],
    );
  });

  test('a row without a transform is no document: rejected, with what to do', async (t) => {
    const mongo = await testMongo(t);
    const production = await documents(t, '', destination(mongo, { more: INSERT }));
    await rm(join(production.config, 'transforms'), { recursive: true });
    await rm(join(production.config, 'record-maps'), { recursive: true });
    await production.edit('production.yaml', '{ type: csv, recordMap: doses }', '{ type: raw }');
    await production.edit('production.yaml', ', transform: dose-to-document', '');
    await startEngine(t, production, options(mongo));
    await production.drop('doses.csv', `${DOSES_HEADER}\n`);
    await untilSettled(production, 1);
    assert.deepEqual(countsOf(production, 'archive'), { rejected: 1 });
  });
});

describe('a MongoDB server that dies', { skip: ownMongoSkip() || redisSkip() }, () => {
  test('killed while batches go out and started again: in doubt is sent again, each document exactly once', async (t) => {
    const mongo = await ownMongo(t);
    await mongo.db.createCollection('doses');
    const more = `    verb: insertOrUpdate\n    batch: { maxMessages: 100, maxAge: 1s }\n    inDoubt: resend\n`;
    const production = await documents(t, '', destination(mongo, { more }));
    const engine = await startEngine(t, production, options(mongo));
    await production.drop('doses.csv', dosesCsv(2000));
    const delivered = () => countsOf(production, 'archive').delivered ?? 0;
    for (const reached of [100, 900]) {
      await until(`${reached} are delivered`, () => delivered() >= reached, 60_000);
      await mongo.kill();
      await mongo.restart();
    }
    await untilSettled(production, 1, 60_000);
    assert.match(engine.log(), /"batchResent"|MONGODB_(CONNECTION_LOST|CONNECT_FAILED|CONNECT_TIMEOUT)/);
    assert.deepEqual(countsOf(production, 'archive'), { delivered: 2000 });
    await assertOnce(mongo, mrns(2000));
    assert.deepEqual(await engine.stop(), { code: 0, signal: null });
  });

  test('away from the start: nothing is lost, the lane waits and goes on', async (t) => {
    const mongo = await ownMongo(t);
    await mongo.db.createCollection('doses');
    await mongo.kill();
    const production = await documents(t, '', destination(mongo, { more: INSERT }));
    await startEngine(t, production, options(mongo));
    await production.drop('doses.csv', dosesCsv(20));
    await until('they wait', () => countsOf(production, 'archive').queued === 20, 30_000);
    await mongo.restart();
    await untilSettled(production, 1, 60_000);
    await assertOnce(mongo, mrns(20));
  });
});
