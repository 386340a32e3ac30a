import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readAcknowledgements } from '../../hl7/acknowledgements.ts';
import { needsShared, sharedPath } from '../support/shared.ts';

const MSH = 'MSH|^~\\&|IIS|STATE|A|B|20240117||ACK^V04^ACK|R1|P|2.5.1';

test('one acknowledgement is read with any line ends and anything around it', () => {
  for (const answer of [
    `${MSH}\rMSA|AA|A-1\r`,
    `${MSH}\nMSA|AA|A-1`,
    `\r\n  ${MSH}\r\n  MSA|AA|A-1  \r\n\r\n  `,
    `\uFEFF${MSH}\n\nMSA|AA|A-1|\n`,
    `\x0b${MSH}\rMSA|AA|A-1\r\x1c\r`,
  ]) {
    assert.deepEqual(readAcknowledgements(answer), { acknowledgements: [{ controlId: 'A-1', code: 'AA', words: '' }] });
  }
});

test('each ERR belongs to the MSA before it', () => {
  const answer = [
    'BHS|^~\\&|IIS|STATE',
    MSH,
    'MSA|AA|1',
    MSH,
    'MSA|AE|2|Rejected',
    'ERR||PID^1^7|101^Required field missing^HL70357|E||||Birth date is required',
    'ERR||OBX^2^5|207^Application error^HL70357|W|1^illogical value^L||only for diagnosis|',
    MSH,
    'MSA|AR|3',
    'ERR||MSH^1^12|203^unsupported version id^HL70357|E',
    'BTS|3',
  ].join('\n');
  assert.deepEqual(readAcknowledgements(answer), {
    acknowledgements: [
      { controlId: '1', code: 'AA', words: '' },
      { controlId: '2', code: 'AE', words: 'Rejected; PID-7: Birth date is required; OBX(2)-5: only for diagnosis' },
      { controlId: '3', code: 'AR', words: 'MSH-12: unsupported version id' },
    ],
  });
});

test('an ERR before its MSA, or in the form of 2.3, is not lost', () => {
  const answer = `${MSH}\rERR|PID^1^11^103&Table value not found&HL70357\rMSA|AE|1\r`;
  assert.deepEqual(readAcknowledgements(answer).acknowledgements, [
    { controlId: '1', code: 'AE', words: 'PID-11: Table value not found' },
  ]);
});

test('several MSA under one MSH are several acknowledgements', () => {
  const { acknowledgements } = readAcknowledgements(`${MSH}\rMSA|AA|1\rMSA|AE|2\rERR||||E||||why\r`);
  assert.deepEqual(acknowledgements, [
    { controlId: '1', code: 'AA', words: '' },
    { controlId: '2', code: 'AE', words: 'why' },
  ]);
});

test('delimiters and escapes are those of the answer', () => {
  const answer = 'MSH#*+!$#IIS\rMSA#AE#id!F!1#a*b\rERR#######!S! is wrong';
  assert.deepEqual(readAcknowledgements(answer).acknowledgements, [
    { controlId: 'id#1', code: 'AE', words: 'a*b; * is wrong' },
  ]);
});

test('words are one line of at most 300 characters, each said once', () => {
  const long = `${'x'.repeat(296)}😀yyyy`;
  const read = (words: string) => readAcknowledgements(`${MSH}\rMSA|AE|1|${words}`).acknowledgements[0]?.words;
  assert.equal(read(long), `${'x'.repeat(296)}...`);
  assert.equal(read('a\\X0D0A\\b \u001b[31m\tc'), 'a b [31m c');
  const twice = readAcknowledgements(`${MSH}\rMSA|AE|1|same\rERR|||||||same\rERR|||||||same`).acknowledgements[0];
  assert.equal(twice?.words, 'same');
});

test('a batch without a message is an answer', () => {
  assert.deepEqual(readAcknowledgements('FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r'), { acknowledgements: [] });
});

test('counts and gaps in the answer are a warning', () => {
  const warningOf = (...lines: string[]) => readAcknowledgements(lines.join('\r')).warning;
  const bhs = 'BHS|^~\\&';
  assert.equal(warningOf(bhs, MSH, 'MSA|AA|1', 'BTS|2'), 'BTS-1 says 2, messages in the batch: 1');
  assert.match(warningOf(bhs, MSH, 'MSA|AA|1') ?? '', /may have been cut off/);
  assert.equal(warningOf(bhs, MSH, MSH, 'MSA|AA|1', 'BTS|2'), 'messages in the answer without MSA: 1');
  assert.equal(warningOf(bhs, MSH, 'MSA||1', MSH, 'MSA|AA|2', 'BTS|2'), 'acknowledgements without a code in MSA-1: 1');
  assert.equal(warningOf('FHS|^~\\&', bhs, MSH, 'MSA|AA|1', 'BTS|1', 'FTS|9'), 'FTS-1 says 9, batches in the file: 1');
});

test('anything else is not understood, and its content is not in the error', () => {
  for (const answer of [
    '',
    '   \r\n ',
    'OK Roe',
    '<html>Roe</html>',
    'MSA|AA|Roe',
    MSH,
    `${MSH}\rPID|Roe`,
    `${MSH}\rMSA||Roe`,
    `${MSH}\rMSA`,
    `Roe ${MSH}\rMSA|AA|1`,
    'MSHRoe\rMSA|AA|1',
    'MSH|AAAA|Roe\rMSA|AA|1',
    `BTS|0`,
  ]) {
    assert.throws(
      () => readAcknowledgements(answer),
      (error) =>
        error instanceof Error &&
        'code' in error &&
        error.code === 'ANSWER_NOT_UNDERSTOOD' &&
        !error.message.includes('Roe'),
      answer,
    );
  }
});

test('published answers of registries are read', needsShared, () => {
  const folder = sharedPath('fixtures/soap/answers');
  const read = readdirSync(folder)
    .filter((name) => name.endsWith('.hl7'))
    .sort()
    .map((name) => readAcknowledgements(readFileSync(`${folder}/${name}`, 'utf8')));
  const zip = 'PID-11: 12345 is not a valid zip code in MYIIS';
  const added = '3 of 3 immunizations have been added to IIS';
  assert.deepEqual(
    read.map(({ acknowledgements, warning }) => [
      ...acknowledgements.map((one) => [one.code, one.controlId, one.words]),
      warning,
    ]),
    [
      [['AA', '4513185', added], undefined],
      [['AE', '313217', zip], undefined],
      [['AE', '783843', `${zip}; PID-7: Birth Date is required.`], undefined],
      [['AE', '165138', `${added}; ${zip}`], undefined],
      [['AE', '1531573', 'PID-7: Birth Date is required.'], undefined],
      [['AR', '9299381', 'MSH-12: Unsupported HL7 Version ID'], undefined],
    ],
  );
});
