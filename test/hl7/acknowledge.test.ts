import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildAcknowledgement } from '../../hl7/acknowledge.ts';
import { readAcknowledgements } from '../../hl7/acknowledgements.ts';
import { parseMessage } from '../../hl7/parse.ts';

const VXU = 'MSH|^~\\&|APP|FAC^1.2^ISO|IIS|STATE|20240117||VXU^V04^VXU_V04|a\\T\\1|P|2.5.1||||||UNICODE UTF-8\rPID|1\r';
const AT = Date.UTC(2024, 0, 17, 12, 0, 0);

test('an acknowledgement answers the message that it is given', () => {
  assert.equal(
    buildAcknowledgement(VXU, { code: 'AA', controlId: 'R-1', at: AT, offset: -420 }),
    'MSH|^~\\&|IIS|STATE|APP|FAC^1.2^ISO|20240117050000-0700||ACK^V04^ACK|R-1|P|2.5.1||||||UNICODE UTF-8\r' +
      'MSA|AA|a\\T\\1\r',
  );
});

test('errors are written and read again', () => {
  const ack = buildAcknowledgement(parseMessage(VXU), {
    code: 'AE',
    controlId: 'R-1',
    at: AT,
    words: 'not taken',
    errors: [
      { location: 'PID^1^7', code: '101', meaning: 'Required field missing', words: 'birth | date' },
      { words: 'second', severity: 'W' },
    ],
  });
  assert.match(ack, /\rERR\|\|PID\^1\^7\|101\^Required field missing\^HL70357\|E\|\|\|\|birth \\F\\ date\r/);
  assert.match(ack, /\rERR\|\|\|207\^Application internal error\^HL70357\|W\|\|\|\|second\r$/);
  assert.deepEqual(readAcknowledgements(ack).acknowledgements, [
    { controlId: 'a&1', code: 'AE', words: 'not taken; PID-7: birth | date; second' },
  ]);
});

test('the delimiters are the message’s own, the usual ones where it lacks some', () => {
  const own = buildAcknowledgement('MSH#*%!$#APP#F*1#####ADT*A01#i!F!d\r', { code: 'AA', controlId: 'R#1', at: AT });
  assert.equal(own, 'MSH#*%!$###APP#F*1#20240117120000+0000##ACK*A01*ACK#R!F!1\rMSA#AA#i!F!d\r');
  const poor = buildAcknowledgement('MSH|^|APP||||||ADT|7\r', { code: 'AR', controlId: 'R|1', at: AT });
  assert.equal(poor, 'MSH|^~\\&|||APP||20240117120000+0000||ACK|R\\F\\1\rMSA|AR|7\r');
});

test('what is no message has no acknowledgement', () => {
  assert.throws(() => buildAcknowledgement('PID|1', { code: 'AR', controlId: 'R', at: AT }), {
    code: 'HL7_NOT_A_MESSAGE',
  });
});
