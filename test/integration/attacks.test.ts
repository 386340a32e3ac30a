/**
 * Bad and hostile input through the whole engine. Each vector gets a clear error with a code; nothing is lost, nothing let
 * in, and the engine goes on. Where each is tried, by part and here as a whole:
 *
 * | vector | by itself | whole |
 * | --- | --- | --- |
 * | DTD, entities, depth in answers and WSDLs | operations/soap/answer, status, check | answers: a document type |
 * | imports of a WSDL, redirects | operations/soap/check, send | answers: a redirect |
 * | XML injection by data or CDATA | operations/soap/xml, send | integration/naughty |
 * | path traversal, links, names | services/file-drop/hostile, names | names and links |
 * | half-written, twice, vanishing, growing, unreadable | services/file-drop/complete, hostile, restart | crash/ |
 * | disk full, no permission | store/groups, services/file-drop/folders, hostile | crash/ |
 * | formulas | engine/rejected-csv | formulas |
 * | a field of a gigabyte, a million columns, NUL, mixed encodings | formats/csv/scan, charset | CSV bombs |
 * | HL7 delimiters, escapes, line breaks, controls in a cell | property/hl7, transforms/dtl/sources | integration/naughty |
 * | answers: endless, slow, half, no XML, another message's | operations/soap/send, property/engine-answers | answers |
 * | ReDoS | formats/csv/read | a pattern |
 * | prototype pollution | formats/csv/read, engine/config/yaml, validate, transforms/dtl/actions | columns |
 * | YAML bombs, names of prototypes in the configuration | engine/config/yaml, load | - |
 * | multipart bombs, boundaries, header injection, names that are paths, gzip | services/rest-multipart | services/rest-multipart/engine |
 * | header bombs, slow senders, smuggling | portal/listener, services/rest-multipart | - |
 * | wrong or missing credential, brute force | portal/partners, cli/partner | portal/listener |
 * | replay | services/rest-multipart, store/conformance-uploads | crash/uploads |
 * | text before MSH, counts, endless segments, NUL in HL7 | formats/hl7-batch, property/hl7-files | integration/hl7-verdicts |
 * | operators and prototypes in MongoDB documents and filters | operations/mongodb | integration/naughty |
 * | MongoDB or Redis over the network without password or TLS | operations/mongodb/check, queue | - |
 * | patients or secrets in what is written | cli/commands, operations/soap/secrets | integration/markers, markers-uploads |
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { parseMessage } from '../../hl7/parse.ts';
import { peakRss } from '../bench/processes.ts';
import { askLedger, countsOf, type RunningEngine, startEngine } from '../support/engine.ts';
import { dosesCsv, type TestProduction, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip, until } from '../support/redis.ts';
import { commandsOn } from './commands.ts';
import { startHostile } from './hostile-receiver.ts';

const MOST_BYTES = 300e6;

/** A record map with columns that JavaScript knows, and a pattern that takes other engines an age. */
const RECORD_MAP = `recordMap: doses
columns:
  - { name: chart, type: text, required: true, pattern: '(a+)+' }
  - { name: __proto__, type: text }
  - { name: constructor, type: text }
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
      PID-3.1: { from: chart }
      PID-5.1: { from: __proto__ }
      PID-5.2: { from: constructor }
`;
const FILTER =
  '    filter:\n      - dropWhen: \'row.family == "ZZTEST"\'\n        reason: the row is of a test patient\n';

async function withOddColumns(t: TestContext): Promise<TestProduction> {
  const production = await temporaryProduction(t);
  await production.edit('production.yaml', FILTER, '');
  await production.write('record-maps/doses.yaml', RECORD_MAP);
  await production.write('transforms/dose-to-vxu.yaml', TRANSFORM);
  return production;
}

/** Waits until so many submissions are put away, and gives them by name. */
async function putAway(production: TestProduction, count: number) {
  const rows = () => askLedger(production, 'submissions', { limit: 100 });
  await until(
    `${count} files are put away`,
    () => rows().length === count && rows().every(({ progress }) => progress === 'closed'),
    60_000,
  );
  return new Map(rows().map((row) => [row.name, row]));
}

function rejectedRows(production: TestProduction, file: string): readonly Readonly<Record<string, string>>[] {
  const done = join(production.inbox, 'done');
  const name = readdirSync(done).find((each) => each.endsWith(`-${file}.rejected.csv`)) ?? '';
  const [header = [], ...rows]: string[][] = parse(readFileSync(join(done, name)), { bom: true });
  return rows.map((row) => Object.fromEntries(header.map((column, at) => [`cell ${column}`, row[at] ?? ''])));
}

function stillWell(engine: RunningEngine): void {
  for (const event of ['workerEnded', 'storeFailed', 'routingFailed']) assert.deepEqual(engine.events(event), []);
}

test('columns, a pattern, formulas: data stays data', { skip: redisSkip() }, async (t) => {
  const production = await withOddColumns(t);
  const log = join(production.root, 'twin.log');
  const receiver = await startReceiver(t, { log, logMessages: true });
  const engine = await startEngine(t, production, { url: receiver.url });
  const formula = '=HYPERLINK("http://evil.example")';
  const quoted = `"${formula.replaceAll('"', '""')}"`;
  await production.drop(
    'doses-odd.csv',
    [
      'chart,__proto__,constructor',
      `aaa,${quoted},@SUM(1)`,
      `${'a'.repeat(60_000)}!,${quoted},-1+1`,
      'b,=1,plain',
    ].join('\n'),
  );
  await putAway(production, 1);

  await t.test('columns called __proto__ and constructor reach the message as they are, formulas too', () => {
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    assert.equal(lines.length, 1);
    const message = parseMessage((JSON.parse(lines[0] ?? '') as { readonly message: string }).message);
    assert.deepEqual(
      ['PID-3.1', 'PID-5.1', 'PID-5.2'].map((path) => message.get(path)),
      ['aaa', formula, '@SUM(1)'],
    );
  });
  await t.test('a pattern that others would not come back from makes its row invalid', () => {
    assert.deepEqual(countsOf(production), { delivered: 1, invalid: 2 });
    stillWell(engine);
  });
  await t.test('in rejected.csv a formula is a text', () => {
    const rows = rejectedRows(production, 'doses-odd.csv');
    assert.deepEqual(
      rows.map((row) => [row['cell code'], row['cell __proto__'], row['cell constructor']]),
      [
        ['PATTERN_MISMATCH', `'${formula}`, "'-1+1"],
        ['PATTERN_MISMATCH', "'=1", 'plain'],
      ],
    );
  });
  await t.test('the row is shown by its columns', async () => {
    const { columns } = await commandsOn(production).trace('doses-odd.csv:2', 'bodies');
    assert.deepEqual(columns[1], { column: '__proto__', value: formula });
  });
});

const BOMBS: Readonly<Record<string, readonly [content: () => Buffer, code: string]>> = {
  'doses-field.csv': [
    () => Buffer.concat([Buffer.from(`${dosesCsv(1)}"`), Buffer.alloc(96e6, 'x')]),
    'RECORD_TOO_LARGE',
  ],
  'doses-cell.csv': [() => Buffer.from(`${dosesCsv(1)}S0002,"${'x'.repeat(2e6)}",Ana\n`), 'FIELD_TOO_LARGE'],
  'doses-columns.csv': [() => Buffer.from(`${'x,'.repeat(1_000_000)}x\n`), 'TOO_MANY_COLUMNS'],
  'doses-wide.csv': [() => Buffer.from(`${dosesCsv(1)}${','.repeat(1_000_000)}\n`), 'TOO_MANY_COLUMNS'],
  'doses-nul.csv': [() => Buffer.from(`${dosesCsv(1)}S0002,a\0b\n`), 'NUL_BYTE'],
  'doses-mixed.csv': [() => Buffer.concat([Buffer.from(dosesCsv(1)), Buffer.from([0x53, 0xe9, 0x0a])]), 'UNDECODABLE'],
  'doses-zip.csv': [() => Buffer.from('504b03040a000000000000', 'hex'), 'NOT_TEXT'],
};

test('CSV bombs are refused with their reason, in bounded memory, and the next file goes on', {
  skip: redisSkip(),
}, async (t) => {
  const production = await temporaryProduction(t);
  const receiver = await startReceiver(t);
  const engine = await startEngine(t, production, { url: receiver.url });
  for (const [name, [content]] of Object.entries(BOMBS)) await production.drop(name, content());
  await production.drop('doses-good.csv', dosesCsv(8));
  const found = await putAway(production, Object.keys(BOMBS).length + 1);
  for (const [name, [, code]] of Object.entries(BOMBS)) {
    const submission = found.get(name);
    assert.deepEqual([submission?.state, submission?.refusal?.code], ['refused', code], name);
    assert.ok((submission?.refusal?.reason.length ?? 0) < 2000, 'the reason does not repeat the file');
  }
  assert.deepEqual(countsOf(production), { delivered: 8 });
  assert.ok(peakRss(engine.pid) < MOST_BYTES, `${peakRss(engine.pid)} bytes`);
  stillWell(engine);
});

/** Names as a sender may give them: none is a path, none breaks a line or a terminal. */
const NAMES = [
  'doses-..%2f..%2fescape.csv',
  'doses-..\\..\\escape.csv',
  'doses-\u001b[2Jcleared.csv',
  'doses-two\nlines.csv',
  'doses-\u202evsc.csv',
  `doses-${'long'.repeat(56)}.csv`,
  "doses-$(touch escape)';--.csv",
];

function everythingBelow(root: string): readonly string[] {
  const own = ['config', 'data', 'inbox'].map((name) => `${name}/`);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !own.some((folder) => path.startsWith(folder)));
}

test('names and links lead nowhere', { skip: redisSkip() }, async (t) => {
  const production = await temporaryProduction(t);
  const receiver = await startReceiver(t);
  const engine = await startEngine(t, production, { url: receiver.url });
  await writeFile(join(production.root, 'secret.txt'), dosesCsv(1, 900));
  await symlink(join(production.root, 'secret.txt'), join(production.inbox, 'doses-link.csv'));
  for (const [index, name] of NAMES.entries()) await production.drop(name, dosesCsv(1, index + 1));
  const file = await production.file('doses-sent.csv', dosesCsv(1, 500));
  const { run } = commandsOn(production);
  const sent = await run('submit', file, '--service', 'drop', '--name', '../../../doses-escape.csv', '--wait');
  assert.equal(sent.code, 0, sent.stderr);

  const found = await putAway(production, NAMES.length + 1);
  assert.deepEqual([...found.keys()].sort(), [...NAMES, 'doses-escape.csv'].sort());
  assert.deepEqual(countsOf(production), { delivered: NAMES.length + 1 });
  assert.deepEqual(everythingBelow(production.root).toSorted(), ['doses-sent.csv', 'secret.txt']);
  assert.ok(readdirSync(production.inbox).includes('doses-link.csv'), 'the link is left where it is');
  assert.match(engine.log(), /doses-link\.csv/);
  for (const said of [engine.log(), (await run('submissions')).stdout])
    assert.doesNotMatch(said, /[\u001b\u202e]|two\nlines/, 'no name steers a terminal or breaks a line');
  stillWell(engine);
});

/** What an answer is, and the code under which its messages are in doubt. */
const ANSWERS = {
  endless: 'SOAP_ANSWER_TOO_LARGE',
  dripping: 'SOAP_ANSWER_TIMEOUT',
  silent: 'SOAP_ANSWER_TIMEOUT',
  half: 'SOAP_CONNECTION_LOST',
  'no XML': 'SOAP_ANSWER_NOT_XML',
  'a document type': 'SOAP_ANSWER_NOT_XML',
  "another message's": 'ANSWER_NAMES_OTHERS',
} as const;

test('answers: in doubt where it may have arrived, and nothing is followed', { skip: redisSkip() }, async (t) => {
  const production = await temporaryProduction(t);
  await production.edit(
    'production.yaml',
    'timeouts: { connect: 2s, firstByte: 10s, total: 20s }',
    'timeouts: { connect: 1s, firstByte: 1s, total: 2s }\n    maxAnswerBytes: 100KB',
  );
  const receiver = await startHostile(t);
  const engine = await startEngine(t, production, { url: receiver.url });
  const commands = commandsOn(production);
  const registry = () => askLedger(production, 'status', {}).destinations.find(({ name }) => name === 'registry');
  let dropped = 0;
  const drop = () => {
    dropped += 1;
    return production.drop(`doses-${dropped}.csv`, dosesCsv(1, dropped));
  };

  for (const [mode, code] of Object.entries(ANSWERS) as [keyof typeof ANSWERS, string][])
    await t.test(`${mode}: ${code}`, async () => {
      receiver.mode = mode;
      await drop();
      await until('the message is in doubt', () => (registry()?.inDoubt.length ?? 0) > 0);
      const { entries } = await commands.trace(`doses-${dropped}.csv:2`);
      const [attempt] = entries[0]?.batches[0]?.attempts ?? [];
      assert.deepEqual([entries[0]?.state, attempt?.outcome, attempt?.code], ['inDoubt', 'inDoubt', code]);
      const batch = entries[0]?.batches[0]?.batch ?? '';
      const resolved = await commands.run('resolve', batch, '--delivered', '--reason', 'the receiver was asked');
      assert.equal(resolved.code, 0, resolved.stderr);
    });

  await t.test('a redirect stops the destination, and is not followed', async () => {
    receiver.mode = 'a redirect';
    await drop();
    await until('the destination is stopped', () => registry()?.stop !== undefined);
    assert.equal(registry()?.stop?.code, 'SOAP_HTTP_REDIRECT');
    assert.equal(receiver.redirected(), 0);
  });
  await t.test('after all of it, it goes on', async () => {
    receiver.mode = 'good';
    assert.equal((await commands.run('resume', 'registry')).code, 0);
    await drop();
    await putAway(production, dropped);
    assert.deepEqual(countsOf(production), { delivered: dropped });
    assert.equal((await commands.run('verify')).code, 0);
    stillWell(engine);
  });
});
