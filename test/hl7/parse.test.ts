import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseMessage } from '../../hl7/parse.ts';
import { splitMessages } from '../../hl7/split.ts';
import { needsShared, sharedPath } from '../support/shared.ts';
import { verdicts } from '../support/verdicts.ts';

const VXU = [
  'MSH|^~\\&|APP|FAC^1.2.3^ISO|IIS|STATE|20240117123000-0700||VXU^V04^VXU_V04|A-1|P|2.5.1',
  'PID|1||M1^^^COUNTY^MR~S2^^^STATE&2.16.1&ISO^SS||ROE^MAX^""||19910101|M|||1 Oak \\T\\ Main^^Denver^CO^80202||',
  'OBX|1|CE|64994-7^Eligibility^LN||V01',
  'ZPI|local|\\.br\\',
  'OBX|2|TX|X||second\\F\\value~again',
  '',
].join('\r');

test('values are read by path', () => {
  const message = parseMessage(VXU);
  const values: Readonly<Record<string, string>> = {
    'MSH-1': '|',
    'MSH-2': '^~\\&',
    'MSH-3': 'APP',
    'MSH-4.2': '1.2.3',
    'MSH-9.3': 'VXU_V04',
    'MSH-10': 'A-1',
    'MSH-12': '2.5.1',
    'MSH-13': '',
    'PID-1': '1',
    'PID-1.1': '1',
    'PID-1.1.1': '1',
    'PID-1.2': '',
    'PID-3.1': 'M1',
    'PID-3(1).5': 'MR',
    'PID-3(2).1': 'S2',
    'PID-3(2).4.2': '2.16.1',
    'PID-3(3).1': '',
    'PID-5': 'ROE^MAX^""',
    'PID-5.3': '""',
    'PID-11.1': '1 Oak & Main',
    'PID-40': '',
    'OBX-5': 'V01',
    'OBX(2)-5': 'second|value~again',
    'OBX(2)-5(2)': 'again',
    'OBX(3)-5': '',
    'ZPI-1': 'local',
    'ZPI-2': '\\.br\\',
    'NK1-2.1': '',
  };
  for (const [path, value] of Object.entries(values)) assert.equal(message.get(path), value, path);
  assert.equal(message.raw('PID-3(2)'), 'S2^^^STATE&2.16.1&ISO^SS');
  assert.equal(message.raw('PID-13'), '');
  assert.equal(message.raw('PID-14'), undefined);
  assert.equal(message.raw('NK1-1'), undefined);
  assert.equal(message.raw('MSH-2.2'), undefined);
  assert.equal(message.isDelete('PID-5.3'), true);
  assert.equal(message.isDelete('PID-5.1'), false);
  assert.equal(message.print(), VXU);
});

test('segments and repetitions are counted', () => {
  const message = parseMessage(VXU);
  assert.equal(message.count('OBX'), 2);
  assert.equal(message.count('NK1'), 0);
  assert.equal(message.repetitions('PID-3'), 2);
  assert.equal(message.repetitions('PID-5.1'), 1);
  assert.equal(message.repetitions('PID-13'), 0);
  assert.equal(message.repetitions('NK1-1'), 0);
  assert.deepEqual(
    [...message.segments()].map(({ segment, occurrence, line }) => [segment, occurrence, line]),
    [
      ['MSH', 1, 1],
      ['PID', 1, 2],
      ['OBX', 1, 3],
      ['ZPI', 1, 4],
      ['OBX', 2, 5],
    ],
  );
});

test('delimiters are those of the message', () => {
  const message = parseMessage('MSH#*+!$#APP\rPID#1##A*B$C+D\r');
  assert.equal(message.get('PID-3.2.2'), 'C');
  assert.equal(message.get('PID-3(2)'), 'D');
  message.set('PID-4.2', 'x*y');
  assert.equal(message.print(), 'MSH#*+!$#APP\rPID#1##A*B$C+D#*x!S!y\r');
});

test('line ends, blank lines and a byte order mark are kept', () => {
  for (const text of [
    'MSH|^~\\&|A\nPID|1\n',
    'MSH|^~\\&|A\r\nPID|1\r\n',
    'MSH|^~\\&|A\r\r\n\nPID|1',
    '\uFEFF\r\n\rMSH|^~\\&|A\rPID|1\n\n\r',
    'FHS|^~\\&|A\rBHS|^~\\&\rMSH|^~\\&|A\rPID|1\rBTS|1\r',
  ]) {
    const message = parseMessage(text);
    assert.equal(message.get('PID-1'), '1');
    assert.equal(message.print(), text);
  }
  assert.deepEqual(
    [...parseMessage('\r\nMSH|^~\\&|A\r\rPID|1').segments()].map((segment) => segment.line),
    [2, 4],
  );
});

test('lines that are no segments are kept and cannot be reached', () => {
  const text = 'MSH|^~\\&|A\rjunk|1\rPI\r|||\rPID1|x\rPID|ok\r';
  const message = parseMessage(text);
  assert.equal(message.get('PID-1'), 'ok');
  assert.deepEqual(
    [...message.segments()].map((segment) => segment.segment),
    ['MSH', 'PID'],
  );
  assert.equal(message.print(), text);
});

test('a change touches what it names and nothing else', () => {
  const message = parseMessage('MSH|^~\\&|A|\nPID|1||M1^^||ROE^^||||||\n\nOBX|1\n');
  message.set('PID-5.1', "O'NEIL & SONS");
  message.setRaw('PID-3.4', 'X&1&ISO');
  message.set('PID-12', 'long');
  message.delete('OBX-5');
  assert.equal(message.print(), 'MSH|^~\\&|A|\nPID|1||M1^^^X&1&ISO||O\'NEIL \\T\\ SONS^^|||||||long\n\nOBX|1||||""\n');
  assert.equal(message.get('PID-5.1'), "O'NEIL & SONS");
});

test('a cleared value takes the separators that end with it', () => {
  const message = parseMessage('MSH|^~\\&|A\rPID|1||M1^^^X||B^C\r');
  message.set('PID-3.4', '');
  message.set('PID-5', '');
  message.set('PID-30', '');
  message.set('NK1-2', '');
  assert.equal(message.print(), 'MSH|^~\\&|A\rPID|1||M1\r');
});

test('segments are added at the end and taken out', () => {
  const message = parseMessage('MSH|^~\\&|A\nOBX|1');
  message.set('OBX(3)-1', '3');
  assert.equal(message.print(), 'MSH|^~\\&|A\nOBX|1\nOBX\nOBX|3\n');
  assert.equal(message.append('NTE'), 1);
  message.set('NTE-3', 'x');
  assert.equal(message.remove('OBX(2)'), true);
  assert.equal(message.remove('OBX(9)'), false);
  assert.equal(message.print(), 'MSH|^~\\&|A\nOBX|1\nOBX|3\nNTE|||x\n');
});

test('MSH-1 and MSH-2 cannot be changed', () => {
  const message = parseMessage(VXU);
  assert.throws(() => message.set('MSH-1', '#'), { code: 'HL7_DELIMITERS_FIXED' });
  assert.throws(() => message.setRaw('MSH-2', '^~\\&'), { code: 'HL7_DELIMITERS_FIXED' });
  assert.equal(message.print(), VXU);
});

test('a part that the message has no delimiter for cannot be written', () => {
  const message = parseMessage('MSH|^\rPID|1\r');
  assert.throws(() => message.set('PID-3(2)', 'x'), { code: 'HL7_DELIMITER_MISSING' });
  message.set('PID-3.2', 'x');
  assert.equal(message.print(), 'MSH|^\rPID|1||^x\r');
});

test('text that is no message is refused by line, without its content', () => {
  for (const text of ['', 'PID|1', '{"patient":"Roe"}', 'junk\rMSH|^~\\&|A', 'MSH', '\r\n\r\nRoe']) {
    assert.throws(
      () => parseMessage(text),
      (error) =>
        error instanceof Error &&
        'code' in error &&
        error.code === 'HL7_NOT_A_MESSAGE' &&
        !error.message.includes('Roe'),
      text,
    );
  }
  assert.throws(() => parseMessage('\r\n\r\nRoe'), { place: { line: 3 } });
});

test('every published file that is accepted prints byte for byte', needsShared, () => {
  const accepted = verdicts('hl7-batch').filter((verdict) => verdict.verdict === 'accepted');
  assert.ok(accepted.length >= 20);
  for (const { path, messages } of accepted) {
    const bytes = readFileSync(sharedPath(`fixtures/${path}`));
    assert.equal(parseMessage(bytes.toString('utf8')).print(), bytes.toString('utf8'), path);
    const parts = splitMessages(bytes).filter((part) => part.kind === 'message');
    assert.equal(parts.length, Number(messages), path);
    for (const part of parts) {
      const text = Buffer.from(part.bytes).toString('utf8');
      const message = parseMessage(text);
      assert.ok([...message.segments()].length > 1, path);
      assert.notEqual(message.get('MSH-10'), '', path);
      assert.equal(message.print(), text, path);
      message.set('MSH-10', message.get('MSH-10'));
      assert.equal(message.print(), text, `${path}: the same value written again`);
    }
  }
});
