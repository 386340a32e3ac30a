/**
 * Planted markers on the second way in and the second way out: a partner's key, the MongoDB password, and patients in rows,
 * file contents and fields of uploads. They are nowhere in what is logged, served, told or kept outside of bodies.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { socketPath } from '../../engine/socket-path.ts';
import { freePort } from '../../scripts/start/free-port.ts';
import { askLedger, type RunningEngine, startEngine, waybill } from '../support/engine.ts';
import { mongoSkip, testMongo } from '../support/mongo.ts';
import { DOSES_HEADER, type TestProduction, temporaryProduction, withUploads } from '../support/production.ts';
import { redisSkip, until } from '../support/redis.ts';
import { files, ledgerColumns, placesOf, processTitles, redisKeys, said, served, type Trace } from './search.ts';

/** Part of every name, content and field, and of nothing else. */
const PATIENT = 'quxley';
const NOBODY = 'mongodb://heron:heron-4711@127.0.0.1:9/';
const HL7 = (name: string, count: number) =>
  `BHS|^~\\&|LAB\rMSH|^~\\&|LAB|N|R|S|20240117||ORU^R01|C1|P|2.5.1\rPID|1||M1||${name}\rBTS|${count}\r`;

const row = (n: number, rest: string) => `S000${n},Quxley${n},Quxleyna,${rest}`;
const GOOD = `${DOSES_HEADER}\n${row(1, '1990-02-03,female,207,2024-04-01')}\n${row(2, '1990-02-03,quxleysex,207,2024-04-01')}\n`;

async function uploadProduction(t: TestContext, port: number): Promise<TestProduction> {
  const production = await temporaryProduction(t);
  await withUploads(production, port, [
    '{ name: doses, format: { type: csv, recordMap: doses }, route: archive }',
    '{ name: results, format: { type: hl7-batch }, route: results }',
    '{ name: consent, contentType: application/pdf, format: { type: raw }, route: letters }',
  ]);
  await production.edit(
    'production.yaml',
    'routes:\n',
    `routes:
  archive: { to: [{ destination: documents, transform: dose-to-document }, { destination: away, transform: dose-to-document }] }
  results: { validate: true, to: [{ destination: documents, transform: result-to-document }] }
  letters: { to: [{ destination: documents, transform: letter-to-document }] }
`,
  );
  const mongo = (url: string) =>
    `{ type: mongodb, url: "${url}", database: "\${env:MONGODB_NAME}", collection: doses, verb: insertOrUpdate }`;
  await production.edit(
    'production.yaml',
    'destinations:\n',
    `destinations:\n  documents: ${mongo(`\${env:MONGODB_URL}`)}\n  away: ${mongo(`\${env:MONGODB_AWAY}`)}\n`,
  );
  const transform = (name: string, from: string, set: string) =>
    production.write(
      `transforms/${name}.yaml`,
      `transform: ${name}\nfrom: ${from}\nto: { json: ${name} }\nactions:\n  - set: ${set}\n`,
    );
  await transform(
    'dose-to-document',
    '{ recordMap: doses }',
    '{ name: { from: family }, note: { from: fields.note } }',
  );
  await transform('result-to-document', 'hl7', '{ name: { from: PID-5.1 } }');
  await transform('letter-to-document', 'raw', '{ content: { from: item.bytes }, note: { from: fields.note } }');
  return production;
}

interface Sent {
  readonly part: string;
  readonly content: string;
  readonly type: string;
}

/** Uploads that are taken, refused, unwanted, malformed, and by somebody with a wrong key. */
async function liveThrough(base: string, key: string): Promise<readonly Trace[]> {
  const told: Trace[] = [];
  const post = async (status: number, parts: readonly Sent[], credential = key) => {
    const form = new FormData();
    form.append('note', 'Quxley asked for it');
    for (const { part, content, type } of parts) form.append(part, new Blob([content], { type }), `${part}.dat`);
    const headers = { authorization: `Bearer ${credential}` };
    const answer = await fetch(`${base}/uploads`, { method: 'POST', headers, body: form });
    const text = await answer.text();
    assert.equal(answer.status, status, text);
    // An answer to an upload that was taken repeats its fields to who sent them.
    if (status >= 400) told.push(said(`answer ${status}`, text));
  };
  const csv = { part: 'doses', type: 'text/csv' };
  await post(202, [
    { ...csv, content: GOOD },
    { part: 'consent', content: '%PDF Quxley', type: 'application/pdf' },
  ]);
  await post(202, [{ ...csv, content: `${DOSES_HEADER}\n"Quxley"stray,${row(3, 'x')}\n` }]);
  await post(202, [{ part: 'results', content: HL7('Quxley', 1), type: 'text/plain' }]);
  await post(202, [{ part: 'results', content: HL7('Quxley', 7), type: 'text/plain' }]);
  await post(202, [{ part: 'results', content: `Quxley is no HL7`, type: 'text/plain' }]);
  await post(422, [{ part: 'letter', content: 'Quxley', type: 'text/plain' }]);
  await post(401, [{ ...csv, content: GOOD }], 'wb_north-abcdef_Quxley');
  const malformed = await fetch(`${base}/uploads`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'multipart/form-data; boundary=b' },
    body: '--b\r\nContent-Disposition: form-data; name="doses"; filename="Quxley.csv"\r\nQuxley\r\n\r\nQuxley',
  });
  assert.equal(malformed.status, 400);
  told.push(said('answer 400', await malformed.text()));
  return told;
}

/** Where values may stand in the ledger: bodies, rejected rows, fields of uploads. */
const BODIES = new Set(['column bodies.body', 'column item_blocks.rejects', 'column submissions.fields']);

const skip = redisSkip() || mongoSkip();
test('a partner and its patients are nowhere but in bodies, fields and documents', { skip }, async (t) => {
  const port = await freePort();
  const production = await uploadProduction(t, port);
  const mongo = await testMongo(t);
  const env = { MONGODB_URL: mongo.url, MONGODB_NAME: mongo.database, MONGODB_AWAY: NOBODY };
  const added = await waybill(['partner', 'add', 'north', production.config, '--json'], { env });
  assert.equal(added.code, 0, added.stderr);
  const { key } = JSON.parse(added.stdout) as { key: string };
  const secrets = [key, key.split('_').at(-1) ?? '', 'heron-4711'];
  const engine: RunningEngine = await startEngine(t, production, {
    url: 'http://127.0.0.1:9/',
    env,
    args: ['--log-level', 'debug'],
  });
  const answers = await liveThrough(`http://127.0.0.1:${port}`, key);
  const states = () => askLedger(production, 'submissions', { limit: 20 }).map(({ state }) => state);
  await until('everything is decided', () =>
    states().every((state) => ['routed', 'refused', 'quarantined'].includes(state)),
  );
  await until('the documents are there', async () => (await mongo.db.collection('doses').countDocuments()) >= 2);
  const told: Trace[] = [...answers];
  for (const args of [
    ['status'],
    ['submissions'],
    ['verify'],
    ['trace', 'doses.dat:2'],
    ['check', production.config, '--connect'],
  ]) {
    const { stdout, stderr } = await waybill([...args, ...(args[0] === 'check' ? [] : ['--data', production.data])], {
      env,
    });
    told.push(said(`waybill ${args[0]}`, `${stdout}\n${stderr}`));
  }
  const seen = [
    ...files(production.data),
    ...files(join(production.config, 'partners')),
    ...(await redisKeys(await socketPath(production.data, 'redis/redis.sock'))),
    ...(await served(production.data)),
    ...processTitles(engine.pid),
    ...told,
  ];
  await engine.stop();
  const log = said('log', engine.log());
  const columns = ledgerColumns(join(production.data, 'ledger.db'));

  await t.test('every kind of trouble was gone through, and the search finds what is there', async () => {
    assert.deepEqual(states().toSorted(), ['quarantined', 'refused', 'refused', 'routed', 'routed', 'routed']);
    assert.ok(placesOf(columns, [PATIENT]).includes('column bodies.body'));
    assert.ok(placesOf(columns, [PATIENT]).includes('column submissions.fields'));
    assert.ok(placesOf([log], ['credentialRefused']).length > 0);
    assert.ok(JSON.stringify(await mongo.db.collection('doses').find().toArray()).includes('Quxley'));
    assert.ok(readFileSync(join(production.config, 'partners', 'north.yaml'), 'utf8').includes('scrypt'));
  });

  await t.test('keys and passwords are nowhere', () => {
    assert.deepEqual(placesOf([...seen, ...columns, log], secrets), []);
  });

  await t.test('patients are only where they belong', () => {
    assert.deepEqual(
      placesOf(
        columns.filter(({ where }) => !BODIES.has(where)),
        [PATIENT],
      ),
      [],
    );
    const others = seen.filter(({ where }) => !/^file (bodies\/|ledger\.db)/.test(where));
    assert.deepEqual(placesOf([...others, log], [PATIENT]), []);
  });
});
