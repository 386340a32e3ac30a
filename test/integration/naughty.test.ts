/** Strings that break software, from a CSV cell to receivers of three stacks and back. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../scripts/start/free-port.ts';
import { askLedger, countsOf, startEngine, untilSettled, waybill } from '../support/engine.ts';
import { mongoSkip, testMongo } from '../support/mongo.ts';
import {
  assertReadBack,
  messagesIn,
  NAUGHTY_FORMAT,
  naughtyCsv,
  naughtyProduction,
  naughtyRows,
  valuesInHl7,
} from '../support/naughty.ts';
import { PEER_CREDENTIALS, type Peer, peerSkip, startPeer } from '../support/peers.ts';
import { redisSkip, until } from '../support/redis.ts';
import { haveShared } from '../support/shared.ts';
import { archiveDestination, startArchive } from './archive.ts';

const variable = (name: string) => `"\u0024{env:${name}}"`;

const PEER_ENV = {
  PEER_USER: PEER_CREDENTIALS.username,
  PEER_PASSWORD: PEER_CREDENTIALS.password,
  PEER_FACILITY: PEER_CREDENTIALS.organisation,
};

/** A destination for a peer; `lines` say the dialect. */
const peerDestination = (name: string, address: string, lines: string) => `  ${name}:
    type: soap
${lines}    url: ${variable(address)}
    credentials:
      username: ${variable('PEER_USER')}
      password: ${variable('PEER_PASSWORD')}
      organisation: ${variable('PEER_FACILITY')}
    batch: { format: { type: hl7-batch }, maxMessages: 100, maxAge: 500ms }
`;

const GENERIC = `    dialect: generic
    generic:
      soap: 1.2
      namespace: urn:cdc:iisb:2011
      element: submitSingleMessage
      username: username
      password: password
      organisation: facilityID
      message: hl7Message
      answer: submitSingleMessageResponse/return
`;

const ENTRIES = ['php', 'spyne', 'archive'].map((name) => `{ destination: ${name}, transform: naughty-to-hl7 }`);
const DESTINATION_PHP = peerDestination('php', 'PHP_URL', '    dialect: cdc-iis-2011\n');
const DESTINATIONS = [
  DESTINATION_PHP,
  peerDestination('spyne', 'SPYNE_URL', GENERIC),
  archiveDestination('archive', 'ARCHIVE_URL'),
].join('');

const skip =
  (haveShared || process.env.CI ? peerSkip('php') || peerSkip('spyne') : 'no shared material') || redisSkip();

const arrivedAt = async (peer: Peer) =>
  (await peer.arrived()).flatMap((bytes) => messagesIn(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));

test('every value is read back as it stood in its cell; what XML cannot carry is invalid there alone', {
  skip,
}, async (t) => {
  const rows = naughtyRows();
  const inXml = rows.filter((row) => row.inXml);
  const notInXml = rows.filter((row) => !row.inXml);
  assert.equal(notInXml.length, 6);
  const production = await naughtyProduction(t, { entries: ENTRIES, destinations: DESTINATIONS });
  const [php, spyne] = [await startPeer(t, 'php'), await startPeer(t, 'spyne')];
  const log = join(production.root, 'archive.log');
  const archive = await startArchive(t, { log, logMessages: true });
  const env = {
    PHP_URL: php.url,
    SPYNE_URL: spyne.url,
    ARCHIVE_URL: archive,
    ...PEER_ENV,
  };
  await startEngine(t, production, { url: php.url, env });
  await production.drop('naughty.csv', naughtyCsv(rows));
  await untilSettled(production, 1, 60_000);
  assert.equal(askLedger(production, 'submissions', { limit: 1 })[0]?.items, rows.length);

  for (const [name, peer] of Object.entries({ php, spyne }))
    await t.test(`${name}: ${inXml.length} values`, async () => {
      assert.deepEqual(countsOf(production, name), { delivered: inXml.length, invalid: notInXml.length });
      assertReadBack(inXml, valuesInHl7(await arrivedAt(peer)));
    });

  await t.test(`archive, which takes bytes: all ${rows.length} values`, () => {
    assert.deepEqual(countsOf(production, 'archive'), { delivered: rows.length });
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    const messages = lines.map((line) => (JSON.parse(line) as { readonly message: string }).message);
    assertReadBack(rows, valuesInHl7(messages));
  });

  await t.test('those that are invalid are found by their line', () => {
    for (const { number, line } of notInXml) {
      const located = askLedger(production, 'locate', { submission: 1, line });
      assert.equal(located?.item, number + 1);
      assert.deepEqual(
        located.messages.map(({ state }) => state),
        ['invalid', 'invalid', 'delivered'],
      );
    }
  });

  await t.test('half a character of UTF-16 refuses the file by line and column', async () => {
    const text = naughtyCsv(rows.slice(0, 20)).replace(/\r\n/g, '\n');
    const lines = text.trimEnd().split('\n').length;
    await production.drop('half.csv', Buffer.from(`\uFEFF${text}20,ab\ud83dc\n21,fine\n`, 'utf16le'));
    const found = () => askLedger(production, 'submissions', { limit: 5 }).find(({ name }) => name === 'half.csv');
    await until('the file is refused', () => found()?.state === 'refused');
    const { code, line, column } = found()?.refusal ?? {};
    assert.deepEqual({ code, line, column }, { code: 'UNDECODABLE', line: lines + 1, column: 6 });
    assert.deepEqual(countsOf(production, 'archive'), { delivered: rows.length });
  });
});

const UPLOADS = (port: number) => `listen: { host: 127.0.0.1, port: ${port} }
services:
  partners:
    type: rest-multipart
    path: /uploads
    parts: [{ name: rows, format: ${NAUGHTY_FORMAT}, route: naughty }]
`;

const DOCUMENTS = (database: string) => `  documents:
    type: mongodb
    url: ${variable('MONGO')}
    database: ${database}
    collection: naughty
    verb: insertOrUpdate
    batch: { maxMessages: 100, maxAge: 500ms }
`;

test('uploaded by a partner, every value arrives as a document, and all that XML can carry as HL7', {
  skip: skip || mongoSkip(),
}, async (t) => {
  const rows = naughtyRows();
  const inXml = rows.filter((row) => row.inXml);
  const mongo = await testMongo(t);
  const php = await startPeer(t, 'php');
  const port = await freePort();
  const production = await naughtyProduction(t, {
    entries: [
      '{ destination: php, transform: naughty-to-hl7 }',
      '{ destination: documents, transform: naughty-to-document }',
    ],
    destinations: DESTINATION_PHP + DOCUMENTS(mongo.database),
    services: UPLOADS(port),
  });
  const added = await waybill(['partner', 'add', 'clinic', production.config, '--json']);
  assert.equal(added.code, 0, added.stderr);
  const { key } = JSON.parse(added.stdout) as { readonly key: string };
  await startEngine(t, production, { url: php.url, env: { ...PEER_ENV, PHP_URL: php.url, MONGO: mongo.url } });

  const form = new FormData();
  form.set('rows', new Blob([naughtyCsv(rows)], { type: 'text/csv' }), 'naughty.csv');
  const taken = await fetch(`http://127.0.0.1:${port}/uploads`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  });
  assert.equal(taken.status, 202, await taken.text());
  await untilSettled(production, 1, 60_000);

  await t.test(`php: ${inXml.length} values`, async () => {
    assert.deepEqual(countsOf(production, 'php'), { delivered: inXml.length, invalid: rows.length - inXml.length });
    assertReadBack(inXml, valuesInHl7(await arrivedAt(php)));
  });
  await t.test(`documents: all ${rows.length} values`, async () => {
    assert.deepEqual(countsOf(production, 'documents'), { delivered: rows.length });
    const found = await mongo.db.collection('naughty').find().toArray();
    assert.equal(found.length, rows.length);
    const values = found.map(({ n, value }) => [Number(n), String(value)] as const);
    assertReadBack(rows, new Map(values));
  });
});
