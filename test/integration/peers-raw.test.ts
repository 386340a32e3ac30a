/** What is no HL7, sent as it came to stacks of other people: refused by a negative acknowledgement that names no message. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { countsOf, startEngine, untilSettled } from '../support/engine.ts';
import { PEER_CREDENTIALS, peerSkip, startPeer } from '../support/peers.ts';
import { type TestProduction, temporaryProduction } from '../support/production.ts';
import { redisSkip } from '../support/redis.ts';
import { commandsOn } from './commands.ts';

const variable = (name: string) => `"\u0024{env:${name}}"`;

const destination = (kind: string) => `  ${kind}:
    type: soap
    dialect: cdc-iis-2011
    url: ${variable(`${kind.toUpperCase()}_URL`)}
    credentials:
      username: ${variable('PEER_USER')}
      password: ${variable('PEER_PASSWORD')}
      organisation: ${variable('PEER_FACILITY')}
    batch: { format: { type: hl7-batch, envelope: none }, maxMessages: 1 }
`;

const PRODUCTION = `production: raw
timeZone: UTC
services:
  drop:
    type: file-drop
    folder: ../inbox
    complete: renamed
    pollEvery: 100ms
    files: [{ glob: "*.txt", format: { type: raw }, route: texts }]
    duplicates: { within: 1d, then: accept }
routes:
  texts: { to: [{ destination: php }, { destination: spyne }] }
destinations:
${destination('php')}${destination('spyne')}`;

async function rawProduction(t: TestContext): Promise<TestProduction> {
  const production = await temporaryProduction(t);
  for (const part of ['transforms', 'record-maps', 'tables'])
    await rm(join(production.config, part), { recursive: true, force: true });
  await production.write('production.yaml', PRODUCTION);
  return production;
}

/** The receiver's words, as `trace` and the ledger show them. */
const WORDS = {
  php: /^MSH: Message does not begin with MSH, FHS or BHS$/,
  spyne: /^MSH: Segment sequence error$/,
};

const TEXTS = ['not HL7', 'MSG|^~\\&|almost\r', 'a <b> & "c" ]]>\r\nand a second line, é €\n', 'one more'];

test('each is rejected in the receiver\u2019s words, and nothing else waits for it', {
  skip: peerSkip('php') || peerSkip('spyne') || redisSkip(),
}, async (t) => {
  const production = await rawProduction(t);
  const peers = { php: await startPeer(t, 'php'), spyne: await startPeer(t, 'spyne') };
  const env = {
    PHP_URL: peers.php.url,
    SPYNE_URL: peers.spyne.url,
    PEER_USER: PEER_CREDENTIALS.username,
    PEER_PASSWORD: PEER_CREDENTIALS.password,
    PEER_FACILITY: PEER_CREDENTIALS.organisation,
  };
  await startEngine(t, production, { url: peers.php.url, env });
  for (const [index, text] of TEXTS.entries()) await production.drop(`text-${index}.txt`, text);
  await untilSettled(production, TEXTS.length, 60_000);

  for (const kind of ['php', 'spyne'] as const)
    assert.deepEqual(countsOf(production, kind), { rejected: TEXTS.length }, kind);
  const commands = commandsOn(production);
  for (const index of TEXTS.keys()) {
    const { entries } = await commands.trace(`text-${index}.txt:1`);
    assert.deepEqual(
      entries.map(({ entry, state }) => [entry, state]),
      [
        ['php', 'rejected'],
        ['spyne', 'rejected'],
      ],
    );
    for (const { entry, batches } of entries) {
      const attempts = batches.flatMap((batch) => batch.attempts);
      assert.deepEqual(
        attempts.map(({ outcome, code, whose }) => [outcome, code, whose]),
        [['rejected', 'AR', 'receiver']],
      );
      assert.match(attempts[0]?.words ?? '', WORDS[entry as keyof typeof WORDS]);
    }
  }
  const sorted = (texts: readonly string[]) => [...texts].sort();
  for (const peer of Object.values(peers))
    assert.deepEqual(sorted((await peer.arrived()).map((bytes) => bytes.toString('utf8'))), sorted(TEXTS));
});
