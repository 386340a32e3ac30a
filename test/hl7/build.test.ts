import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinTrimmed, MessageBuilder, SegmentBuilder } from '../../hl7/build.ts';
import { delimitersOf } from '../../hl7/delimiters.ts';

test('a message is built by paths', () => {
  const message = new MessageBuilder();
  message
    .set('MSH-10', 'A-1')
    .setRaw('MSH-9', 'ACK^V04^ACK')
    .set('PID-5.2', 'M|X')
    .set('PID-3(2).1', 'S')
    .set('PID-5.3', '');
  message.append('OBX').set('OBX-1', '1').delete('OBX-5');
  message.append('NTE');
  message.set('OBX(2)-1', '2');
  assert.equal(message.print(), 'MSH|^~\\&|||||||ACK^V04^ACK|A-1\rPID|||~S||^M\\F\\X\rOBX|1||||""\rOBX|2\r');
});

test('a cleared value leaves no separators', () => {
  const message = new MessageBuilder().set('PID-5.2', 'MAX').set('PID-8', 'M').set('PID-5.2', '').set('PID-8', '');
  assert.equal(message.print(), 'MSH|^~\\&\r');
});

test('delimiters come by themselves', () => {
  const delimiters = delimitersOf('MSH#*+!$#');
  assert.equal(new MessageBuilder(delimiters).set('MSH-3.2', 'a#b').print(), 'MSH#*+!$#*a!F!b\r');
  assert.throws(() => new MessageBuilder().set('MSH-1', '|'), { code: 'HL7_DELIMITERS_FIXED' });
  assert.throws(() => new SegmentBuilder('BHS').set('BHS-2', '^'), { code: 'HL7_DELIMITERS_FIXED' });
});

test('parts are joined without empty ones at the end', () => {
  assert.equal(joinTrimmed(['a', '', 'c', '', ''], '|'), 'a||c');
  assert.equal(joinTrimmed(['', ''], '|'), '');
});
