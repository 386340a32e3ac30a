/** Every value of the big list of naughty strings, and what is naughty for HL7: from a CSV cell to two receivers and back. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseMessage } from '../../hl7/parse.ts';
import { askLedger, countsOf, startEngine, untilSettled } from '../support/engine.ts';
import { PEER_CREDENTIALS, peerSkip, startPeer } from '../support/peers.ts';
import { type TestProduction, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip } from '../support/redis.ts';
import { haveShared, sharedPath } from '../support/shared.ts';
import { verdicts } from '../support/verdicts.ts';

const LARGE_BYTES = 65_536;

/** Values that mean something to HL7, to XML or to a reader of lines. */
const OWN = [
  'one\rtwo',
  'one\ntwo',
  'one\r\ntwo',
  '\r',
  '\r\n\r\n',
  'MSH|^~\\&|not a segment\rPID|1',
  '|^~\\&',
  '\\F\\',
  '\\X0D\\',
  '\\.br\\',
  '\\',
  '""',
  '"',
  '""""',
  ']]>',
  '<![CDATA[x]]>',
  '&#13;&amp;',
  ' both ends ',
  '\t',
  'é😀'.normalize('NFD'),
  large('a|^~\\&\r\n"é😀<>'),
];

/** Whole repetitions of a text, as many as 64 KB of UTF-8 hold, and what is missing. */
function large(text: string): string {
  const times = Math.floor(LARGE_BYTES / Buffer.byteLength(text));
  return text.repeat(times).padEnd(text.length * times + (LARGE_BYTES % Buffer.byteLength(text)), '.');
}

const RECORD_MAP = `recordMap: doses
trim: false
columns:
  - { name: n, type: integer, required: true }
  - { name: value, type: text }
`;
const TRANSFORM = `transform: dose-to-vxu
from: { recordMap: doses }
to: { hl7: VXU_V04, version: 2.5.1 }
actions:
  - set:
      MSH-7: { acceptedAt: yyyyMMddHHmmssxx }
      MSH-9: { raw: VXU^V04^VXU_V04 }
      MSH-10: { id: message }
      MSH-11: P
      PID-1: 1
      PID-3.1: { from: n }
      PID-11.1: { from: value }
      PID-11.3: end
`;
const PEER = `  peer:
    type: soap
    dialect: cdc-iis-2011
    url: "\u0024{env:PEER_URL}"
    credentials:
      username: "\u0024{env:PEER_USER}"
      password: "\u0024{env:PEER_PASSWORD}"
      organisation: "\u0024{env:PEER_FACILITY}"
    batch: { format: { type: hl7-batch }, maxMessages: 100, maxAge: 1s }
`;

async function charactersProduction(t: TestContext): Promise<TestProduction> {
  const production = await temporaryProduction(t);
  await production.write('record-maps/doses.yaml', RECORD_MAP);
  await production.write('transforms/dose-to-vxu.yaml', TRANSFORM);
  const edits: [string, string][] = [
    ['    filter:\n      - dropWhen: \'row.family == "ZZTEST"\'\n        reason: the row is of a test patient\n', ''],
    [
      '        transform: dose-to-vxu\n',
      '        transform: dose-to-vxu\n      - { destination: peer, transform: dose-to-vxu }\n',
    ],
    ['\ndestinations:\n', `\ndestinations:\n${PEER}`],
    ['maxMessages: 4', 'maxMessages: 100'],
  ];
  for (const [from, to] of edits) await production.edit('production.yaml', from, to);
  return production;
}

/** Each value by its number in PID-3.1. */
function valuesIn(messages: readonly string[]): ReadonlyMap<number, string> {
  const entries = messages.map((text) => {
    const message = parseMessage(text);
    assert.equal(message.get('PID-11.3'), 'end', 'what follows the value is in its place');
    assert.equal(message.count('PID'), 1);
    return [Number(message.get('PID-3.1')), message.get('PID-11.1')] as const;
  });
  const found = new Map(entries);
  assert.equal(found.size, messages.length, 'no value came twice');
  return found;
}

function twinMessages(log: string): readonly string[] {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { readonly message: string }).message);
}

const skip = (haveShared || process.env.CI ? peerSkip('php') : 'no shared material') || redisSkip();

test('every value is read back as it stood in its cell; what XML cannot carry is invalid', { skip }, async (t) => {
  const naughty: readonly string[] = JSON.parse(readFileSync(sharedPath('fixtures/csv/naughty/blns.json'), 'utf8'));
  const table = verdicts('naughty');
  assert.equal(table.length, naughty.length);
  const values = [...naughty, ...OWN];
  const notCarried = new Set(table.filter(({ xml }) => xml !== 'yes').map(({ index }) => Number(index)));
  assert.equal(notCarried.size, 6);

  const production = await charactersProduction(t);
  const log = join(production.root, 'twin.log');
  const twin = await startReceiver(t, { log, logMessages: true });
  const peer = await startPeer(t, 'php');
  const env = {
    PEER_URL: peer.url,
    PEER_USER: PEER_CREDENTIALS.username,
    PEER_PASSWORD: PEER_CREDENTIALS.password,
    PEER_FACILITY: PEER_CREDENTIALS.organisation,
  };
  await startEngine(t, production, { url: twin.url, env });
  const rows = values.map((value, index) => `${index},"${value.replaceAll('"', '""')}"\r\n`);
  await production.drop('doses-naughty.csv', `n,value\r\n${rows.join('')}`);
  await untilSettled(production, 1, 60_000);

  const expected = new Map(values.map((value, index) => [index, value] as const));
  for (const index of notCarried) expected.delete(index);
  const counts = { delivered: expected.size, invalid: notCarried.size };
  const [submission] = askLedger(production, 'submissions', { limit: 1 });
  assert.equal(submission?.items, values.length);

  const received: Readonly<Record<string, () => Promise<readonly string[]> | readonly string[]>> = {
    registry: () => twinMessages(log),
    peer: async () => {
      const batches = (await peer.arrived()).map((bytes) => bytes.toString('utf8'));
      return batches.flatMap((text) =>
        text
          .replace(/BTS\|[^\r]*\rFTS\|[^\r]*\r$/, '')
          .split(/(?=MSH\|\^)/)
          .slice(1),
      );
    },
  };
  for (const [destination, messages] of Object.entries(received))
    await t.test(`${destination}: ${expected.size} values`, async () => {
      assert.deepEqual(countsOf(production, destination), counts);
      const found = valuesIn(await messages());
      for (const [index, value] of expected) assert.equal(found.get(index), value, `value ${index}`);
      assert.equal(found.size, expected.size);
    });

  await t.test('those that are invalid say so, and by which code', () => {
    const lines = new Map<number, number>();
    let line = 2;
    for (const [index, value] of values.entries()) {
      lines.set(index, line);
      line += 1 + (value.match(/\r\n|\r|\n/g)?.length ?? 0);
    }
    for (const index of notCarried) {
      const located = askLedger(production, 'locate', { submission: 1, line: lines.get(index) ?? 0 });
      assert.equal(located?.item, index + 1);
      assert.deepEqual(
        located.messages.map(({ state }) => state),
        ['invalid', 'invalid'],
      );
    }
  });
});
