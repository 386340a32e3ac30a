import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlIdOf } from '../../hl7/control-id.ts';

const idOf = (text: string) => controlIdOf(Buffer.from(text));

test('the control id is MSH-10, unescaped', () => {
  assert.equal(idOf('MSH|^~\\&|A|B|C|D|20240101||ACK|7kq2-15-217|P|2.5.1\rMSA|AA'), '7kq2-15-217');
  assert.equal(idOf('MSH#*+!$#A#B#C#D#2024##ACK#x!F!y*z'), 'x#y*z');
  assert.equal(idOf('MSH|^~\\&|Ä|B|C|D|2024||ACK|MESSAGE CONTROL ÎD\rPID|1'), 'MESSAGE CONTROL ÎD');
  assert.equal(idOf('MSH|^~\\&|A|B|C|D|2024||ACK|last'), 'last');
});

test('without one it is empty', () => {
  for (const text of [
    '',
    'MSH',
    'MSH|',
    'MSH\r',
    'MSH|^~\\&|A\rPID|2|3|4|5|6|7|8|9|10|11',
    'MSH|||||||||',
    'PID|||||||||x',
    '{}',
  ]) {
    assert.equal(idOf(text), '', JSON.stringify(text));
  }
});

test('bytes in the middle of a buffer are read from their own start', () => {
  const all = Buffer.from('xxxxMSH|^~\\&|||||||ACK|id-1\ryyyy');
  assert.equal(controlIdOf(all.subarray(4)), 'id-1');
});
