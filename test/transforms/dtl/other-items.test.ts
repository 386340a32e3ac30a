/** Items that are neither rows nor HL7: files as they are, and objects. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Binary, EJSON } from 'bson';
import { issues, itemOfBytes, messageIn, runOver } from '../dtl-run.ts';

const ID = '7kq2-15-217';

const CONSENT = `
transform: t
from: raw
to: { json: consent }
actions:
  - set:
      name: { from: submission.name }
      contentType: { from: submission.contentType }
      part: { from: submission.part }
      receipt: { from: submission.receipt }
      clinic: { from: partner }
      mrn: { from: fields.mrn }
      receivedAt: { from: acceptedAt }
      text: { from: item.text }
      content: { from: item.bytes }
  - if: 'fields.urgent == "yes" && submission.contentType == "application/pdf" && message["x"] == ""'
    then:
      - set: { urgent: { boolean: true } }`;

test('a PDF becomes a document with its bytes and metadata', async () => {
  const pdf = Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.from([0, 255, 254, 128])]);
  const submission = {
    id: '7kq2',
    name: 'consent.pdf',
    service: 'partners',
    contentType: 'application/pdf',
    part: 'consent',
    receipt: '7kq2-R4',
  };
  const context = { submission, fields: { mrn: 'M1', urgent: 'yes' }, partner: 'north-clinic' };
  const { text, controlId } = messageIn(await runOver(CONSENT, itemOfBytes(pdf), { context }));
  const document = EJSON.parse(text);
  assert.equal(controlId, ID);
  assert.ok(document.content instanceof Binary);
  assert.deepEqual(Buffer.from(document.content.buffer), pdf);
  assert.deepEqual(
    { ...document, content: undefined },
    {
      _id: ID,
      name: 'consent.pdf',
      contentType: 'application/pdf',
      part: 'consent',
      receipt: '7kq2-R4',
      clinic: 'north-clinic',
      mrn: 'M1',
      receivedAt: new Date(Date.UTC(2024, 0, 17, 19, 30, 5)),
      urgent: true,
      content: undefined,
    },
  );
});

test('a raw item that is text has it; what the upload did not say is left out', async () => {
  const { text } = messageIn(await runOver(CONSENT, itemOfBytes('Grüße\n')));
  const { content, receivedAt, ...rest } = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(rest, { _id: ID, name: 'doses.csv', text: 'Grüße\n' });
  assert.deepEqual(content, { $binary: { base64: Buffer.from('Grüße\n').toString('base64'), subType: '00' } });
  assert.ok(receivedAt);
});

test('15 MB of bytes become a document', async () => {
  const bytes = Buffer.alloc(15_000_000, 0xa5);
  const yaml =
    'transform: t\nfrom: { raw: any }\nto: { json: d }\nactions:\n  - set: { content: { from: item.bytes } }';
  const { text } = messageIn(await runOver(yaml, itemOfBytes(bytes)));
  assert.ok(EJSON.parse(text).content.buffer.equals(bytes));
});

test('the bytes of a raw item stand in HL7 as base64', async () => {
  const yaml =
    'transform: t\nfrom: raw\nto: { hl7: MDM_T02, version: 2.5.1 }\nactions:\n  - set: { OBX-5.5: { from: item.bytes } }';
  assert.match(messageIn(await runOver(yaml, itemOfBytes('PDF'))).text, /OBX\|\|\|\|\|\^\^\^\^UERG\r/);
});

test('objects are read by their paths', async () => {
  const yaml = `
transform: t
from: json
to: { json: d }
actions:
  - set: { family: { from: patient.name.family }, first: { from: "codes(1).code" }, weight: { from: weight, as: number } }
  - if: 'message["patient.name.family"] == "Roe"'
    then: [{ set: { roe: { boolean: true } } }]`;
  const item = itemOfBytes('{}', { 'patient.name.family': 'Roe', 'codes(1).code': 'A', weight: '70.5' });
  assert.deepEqual(JSON.parse(messageIn(await runOver(yaml, item)).text), {
    _id: ID,
    family: 'Roe',
    first: 'A',
    weight: 70.5,
    roe: true,
  });
  const wrong = await runOver(yaml, itemOfBytes('{}', { weight: 'Smith' }));
  assert.deepEqual(wrong.kind === 'invalid' && wrong.faults.map(({ code, column }) => [code, column]), [
    ['NUMBER_UNREADABLE', 'weight'],
  ]);
  const found = issues(yaml.replace('patient.name.family }', 'values.x }').replace('"codes(1).code"', 'a..b'));
  assert.deepEqual(
    found.map(({ code, found: what }) => `${code} ${what}`),
    ['DTL_UNKNOWN_NAME values.x', 'DTL_UNKNOWN_NAME a..b'],
  );
});

test('what a transform reads is checked', () => {
  const of = (from: string) =>
    issues(`transform: t\nfrom: ${from}\nto: { json: d }\nactions: []`).map(
      ({ code, path, expected }) => `${code} ${path.join('.')} ${expected}`,
    );
  for (const right of [
    'raw',
    'json',
    'hl7',
    '{ hl7: ADT_A01 }',
    '{ hl7: any }',
    '{ hl7: }',
    '{ raw: consent }',
    '{ json: order }',
  ])
    assert.deepEqual(of(right), [], right);
  assert.deepEqual(of('rwa'), ['DTL_WRONG_SHAPE from raw?']);
  assert.deepEqual(of('{ recordmap: m }'), ['DTL_UNKNOWN_KEY from.recordmap recordMap?']);
  assert.deepEqual(of('{ hl7: adt }'), ['DTL_WRONG_SHAPE from.hl7 a message structure such as ADT_A01, or any']);
  assert.deepEqual(of('{ hl7: ADT_A01, raw: x }'), ['DTL_WRONG_SHAPE from one of recordMap, hl7, json, raw']);
});

test('a path with square brackets is told the round ones, in sources and in conditions', () => {
  const of = (actions: string) =>
    issues(`transform: t\nfrom: json\nto: { json: d }\nactions:\n${actions}`).map(
      ({ code, expected }) => `${code} ${expected}`,
    );
  const [source] = of('  - set: { a: { from: "codes[0].code" } }');
  assert.match(source ?? '', /^DTL_UNKNOWN_NAME a path into the object: .*round brackets, such as codes\(1\)/);
  const [condition] = of('  - if: \'message["codes[0].code"] == "A"\'\n    then: [{ set: { a: b } }]');
  assert.match(condition ?? '', /round brackets, such as codes\(1\)/);
  assert.deepEqual(
    of('  - if: \'message["codes(1).code"] == "A"\'\n    then: [{ set: { a: { from: codes(2) } } }]'),
    [],
  );
});
