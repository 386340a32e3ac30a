/** `waybill transform` over items that are no rows. It runs in this process: nothing is started. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { transform } from '../../cli/commands/transform.ts';
import { type TestProduction, temporaryProduction } from '../support/production.ts';

// What the production asks for; each test file is a process of its own.
Object.assign(process.env, { REGISTRY_URL: 'http://127.0.0.1:9/', REGISTRY_USER: 'u', REGISTRY_FACILITY: 'F' });

const MESSAGES = [
  'MSH|^~\\&|LAB|NORTH|REG|STATE|20240117||ORU^R01^ORU_R01|C1|P|2.5.1',
  'PID|1||M1||Roe^Ana',
  'OBX|1|NM|n1||5',
  'MSH|^~\\&|LAB|NORTH|REG|STATE|20240117||ORU^R01^ORU_R01|C2|P|2.5.1',
  'PID|1||M2||Doe^Max',
  'OBX|1|NM|n1||6',
  'OBX|2|NM|n2||7',
  '',
].join('\r\n');

const TO_DOCUMENT = `transform: to-document
from: { hl7: ORU_R01 }
to: { json: result }
actions:
  - set: { family: { from: PID-5.1, as: upper } }
  - foreach: { segment: OBX }
    do:
      - append: { path: results, set: { code: { from: OBX-3.1 }, value: { from: OBX-5, as: number } } }
`;
const COPY = `transform: copy
from: hl7
to: { hl7: ORU_R01, copy: true }
actions:
  - set: { MSH-6: { from: submission.name }, PID-5.1: { from: PID-5.1, as: upper } }
`;
const CONSENT = `transform: consent
from: raw
to: { json: consent }
actions:
  - set: { name: { from: submission.name }, content: { from: item.bytes } }
`;

async function production(t: TestContext): Promise<TestProduction> {
  const made = await temporaryProduction(t);
  await made.write('transforms/to-document.yaml', TO_DOCUMENT);
  await made.write('transforms/copy.yaml', COPY);
  await made.write('transforms/consent.yaml', CONSENT);
  return made;
}

interface Ran {
  readonly code: number;
  readonly lines: readonly string[];
}

async function run(
  { config }: TestProduction,
  name: string,
  flags: Readonly<Record<string, string | boolean>>,
): Promise<Ran> {
  const lines: string[] = [];

  const code = await transform.run({
    flags,
    words: [name, config],
    print: (line) => lines.push(line),
    tell: (line) => lines.push(line),
  });
  return { code, lines };
}

test('a message: the line lies within the item; input, output and lineage side by side', async (t) => {
  const small = await production(t);
  const file = await small.file('results.hl7', MESSAGES);
  const { code, lines } = await run(small, 'to-document', { in: file, line: '6', format: 'hl7-batch' });
  const text = lines.join('\n');
  assert.equal(code, 0, text);
  assert.equal(lines[0], 'results.hl7, item 2, line 4, through to-document: message');
  assert.match(text, /^input:\n {2}MSH\|.*\n {2}PID\|1\|\|M2\|\|Doe\^Max\n {2}OBX/m);
  assert.match(text, /^output:\n {2}\{\n {4}"_id": "test-1-2",\n {4}"family": "DOE",/m);
  assert.match(
    text,
    /^ {2}PID-5\.1: Doe +-> {2}family: DOE +transforms\/to-document\.yaml actions\[0\]\.set\.family$/m,
  );
  assert.match(text, /^ {2}OBX\(2\)-5: 7 +-> {2}results\(2\)\.value: 7 /m);
});

test('an item by its number, as JSON; a copy shows what stands in the message', async (t) => {
  const small = await production(t);
  const file = await small.file('results.hl7', MESSAGES);
  const { lines } = await run(small, 'copy', { in: file, item: '1', format: 'hl7-batch', json: true });
  const made = JSON.parse(lines.join('\n'));
  assert.deepEqual([made.item, made.line, made.kind], [1, 1, 'message']);
  assert.match(made.output, /^MSH\|.*\|results\.hl7\|.*\rPID\|1\|\|M1\|\|ROE\^Ana\rOBX/);
  assert.deepEqual(made.input, [{ column: 'PID-5.1', value: 'Roe' }]);
  assert.deepEqual(
    made.lineage.map((line: { target: string; value: string }) => [line.target, line.value]),
    [
      ['MSH-6', 'results.hl7'],
      ['PID-5.1', 'ROE'],
    ],
  );
});

test('a raw file is one item, so nothing says which; its bytes are counted, not shown', async (t) => {
  const small = await production(t);
  const file = await small.file('consent.pdf', Buffer.concat([Buffer.from('%PDF-1.7'), Buffer.alloc(600, 255)]));
  const { code, lines } = await run(small, 'consent', { in: file, format: 'raw' });
  const text = lines.join('\n');
  assert.equal(code, 0, text);
  assert.match(text, /^input:\n {2}608 bytes\n/m);
  assert.match(text, /"base64": "JVBERi0xLjf\/.*\.\.\. \(\d+ characters\)/);
  assert.match(text, /^ {2}submission\.name +-> {2}name: consent\.pdf /m);
});

test('a message that is invalid says why; a file of several wants to know which', async (t) => {
  const small = await production(t);
  const file = await small.file('adt.hl7', MESSAGES.replaceAll('ORU^R01^ORU_R01', 'ADT^A01'));
  const { code, lines } = await run(small, 'to-document', { in: file, item: '2', format: 'hl7-batch' });
  assert.equal(code, 5);
  assert.match(lines.join('\n'), /line 4: MSH-9 does not say ORU_R01.*\(DTL_OTHER_STRUCTURE\)/);
  await assert.rejects(run(small, 'to-document', { in: file, format: 'hl7-batch' }), {
    code: 'LINE_UNKNOWN',
    message: /2 items: say which one with --line N or --item N/,
  });
  await assert.rejects(
    run(small, 'to-document', { in: file, item: '3', format: 'hl7-batch' }),
    /no item 3: there are 2/,
  );
  await assert.rejects(run(small, 'to-document', { in: file, item: '3', line: '1' }), /not both/);
});

test('another record map than the transform is written for is refused: its columns stand in other places', async (t) => {
  const made = await production(t);
  await made.write('record-maps/other.yaml', 'recordMap: other\ncolumns: [{ name: family }, { name: chart }]\n');
  const file = await made.file('other.csv', 'family,chart\nRoe,S1\n');
  const invocation = {
    words: ['dose-to-vxu', made.config],
    flags: { in: file, line: '2', 'record-map': 'other' },
    print: () => assert.fail('nothing is shown'),
    tell: () => undefined,
  };
  await assert.rejects(async () => transform.run(invocation), { code: 'RECORD_MAP_MISMATCH' });
});
