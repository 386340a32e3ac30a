/** What an answer means: its status, its fault, its acknowledgement. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ack,
  answering,
  CREDENTIALS,
  className,
  delivery,
  envelope,
  failure,
  fault,
  http,
  openSoap,
  response,
  vxu,
} from './rig.ts';

const SECURITY = '<SecurityFault xmlns="urn:cdc:iisb:2011"><Code>1</Code><Reason>r</Reason></SecurityFault>';

test('what the status and the body mean', async (t) => {
  const good = response(ack('ID-1'));
  const cases: readonly [string, Buffer, string][] = [
    ['security fault', http(500, fault(SECURITY)), 'ConfigError SOAP_FAULT_SECURITY ours'],
    ['security fault in a 200', http(200, fault(SECURITY)), 'ConfigError SOAP_FAULT_SECURITY ours'],
    ['security fault in a 400', http(400, fault(SECURITY)), 'ConfigError SOAP_FAULT_SECURITY ours'],
    ['too large fault', http(500, fault('<x:MessageTooLargeFault/>')), 'TooLargeError SOAP_FAULT_TOO_LARGE receiver'],
    ['unsupported', http(500, fault('<UnsupportedOperationFault/>')), 'ConfigError SOAP_FAULT_UNSUPPORTED receiver'],
    ['unknown detail, bare Sender', http(500, fault('<odd/>', 'Sender')), 'ConfigError SOAP_FAULT_SENDER unknown'],
    ['Receiver', http(500, fault('', 'env:Receiver')), 'TransientError SOAP_FAULT_RECEIVER receiver'],
    ['Server of 1.1', http(500, fault('', 'env:Server')), 'TransientError SOAP_FAULT_RECEIVER receiver'],
    ['a code nobody knows', http(500, fault('', 'env:Whatever')), 'ConfigError SOAP_FAULT_UNKNOWN unknown'],
    [
      'a fault named like a method',
      http(500, fault('<constructor/>', 'toString')),
      'ConfigError SOAP_FAULT_UNKNOWN unknown',
    ],
    ['500 as text', http(500, 'Internal error'), 'UncertainError SOAP_HTTP_ERROR receiver'],
    ['500 with XML of another kind', http(500, '<a/>'), 'UncertainError SOAP_HTTP_ERROR receiver'],
    ['500 with an answer without MSA', http(500, response('oops')), 'UncertainError SOAP_HTTP_ERROR receiver'],
    ['502', http(502, '<html></html>'), 'UncertainError SOAP_HTTP_ERROR receiver'],
    ['504', http(504, ''), 'UncertainError SOAP_HTTP_ERROR receiver'],
    ['503', http(503, ''), 'UncertainError SOAP_HTTP_ERROR receiver'],
    ['503 with Retry-After', http(503, '', { 'retry-after': '7' }), 'TransientError SOAP_HTTP_BUSY receiver'],
    ['429', http(429, ''), 'TransientError SOAP_HTTP_BUSY receiver'],
    ['413', http(413, '<html>'), 'TooLargeError SOAP_HTTP_TOO_LARGE receiver'],
    ['401', http(401, ''), 'ConfigError SOAP_HTTP_UNAUTHORIZED ours'],
    ['403 with a good answer inside', http(403, good), 'ConfigError SOAP_HTTP_UNAUTHORIZED ours'],
    ['404', http(404, ''), 'ConfigError SOAP_HTTP_NOT_FOUND unknown'],
    ['400', http(400, 'no'), 'ConfigError SOAP_HTTP_REFUSED unknown'],
    ['307', http(307, '', { location: 'http://127.0.0.1:1/MARKER' }), 'ConfigError SOAP_HTTP_REDIRECT receiver'],
    ['200 as text', http(200, 'Accepted ID-1'), 'UncertainError SOAP_ANSWER_NOT_XML receiver'],
    [
      '200 with a page',
      http(200, '<html><body>Sign in<br></body></html>'),
      'UncertainError SOAP_ANSWER_NOT_XML receiver',
    ],
    ['200 with nothing', http(200, ''), 'UncertainError SOAP_ANSWER_NOT_XML receiver'],
    ['202 with nothing', http(202, ''), 'UncertainError SOAP_ANSWER_NOT_XML receiver'],
    ['200 with another element', http(200, envelope('<x/>')), 'UncertainError SOAP_ANSWER_EMPTY receiver'],
    ['200 with an empty answer', http(200, response('')), 'UncertainError SOAP_ANSWER_EMPTY receiver'],
    [
      '200 with a document type',
      http(200, good.replace('?>', '?><!DOCTYPE x>')),
      'UncertainError SOAP_ANSWER_NOT_XML receiver',
    ],
    [
      '200 in a wrong charset',
      http(200, Buffer.from(response('MSA|\u00e9'), 'latin1')),
      'UncertainError SOAP_ANSWER_CHARSET receiver',
    ],
    [
      'compressed',
      http(200, Buffer.from([0x1f, 0x8b, 8, 0]), { 'content-encoding': 'gzip' }),
      'UncertainError SOAP_ANSWER_CHARSET receiver',
    ],
  ];
  for (const [name, answer, expected] of cases) {
    const server = await answering(t, answer);
    const error = await failure(await openSoap(t, { url: server.url }));
    assert.equal(`${className(error)} ${error.code} ${error.whose}`, expected, name);
    assert.ok(error.answer !== undefined, `${name}: the answer is kept`);
    if (name === '503 with Retry-After') assert.equal(error.retryAfterMs, 7000);
  }
});

test('an AE inside a 500 is an answer', async (t) => {
  const server = await answering(t, http(500, response(ack('ID-1', 'AE'))));
  const operation = await openSoap(t, { url: server.url });
  const answer = await operation.send(delivery(vxu('ID-1')), AbortSignal.timeout(5000));
  assert.ok(answer.kind === 'acknowledgement');
  assert.equal(answer.text, ack('ID-1', 'AE'));
  assert.equal(answer.status, 500);
});

test("the receiver's words: one line, cut, and without our password; the advice is the dialect's", async (t) => {
  const secret = CREDENTIALS.password.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const reason = `Invalid password ${secret}\r\nfor\tuser ${'x'.repeat(900)}`;
  const server = await answering(t, http(500, fault('<SecurityFault/>', 'env:Sender', reason)));
  const error = await failure(await openSoap(t, { url: server.url }));
  assert.match(error.words ?? '', /^Invalid password \*\*\* for user x+\.\.\.$/);
  assert.equal(error.words?.length, 500);
  assert.match(error.message, /SecurityFault: check user name, password and facility$/);
});
