import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { tell } from '../../../alerts/channels/index.ts';
import { testMessage } from '../../../alerts/message.ts';
import { Certificates } from '../../support/certificates.ts';
import { cleanUp, temporaryFolder } from '../../support/redis.ts';
import { MARKER, NOW, webhook, webhookServer } from '../support.ts';

const MESSAGE = testMessage({ production: 'clinic', timeZone: 'UTC', channel: 'a', now: NOW });
const CONTEXT = { folder: '/' };
const SIGNAL = new AbortController().signal;

test('JSON, headers and a signature over the bytes of the body', async (t) => {
  const server = await webhookServer(t);
  const channel = webhook(`${server.url}hook?x=1`, { headers: { Authorization: 'Bearer token' }, signature: 'a key' });
  assert.equal(await tell(channel, MESSAGE, CONTEXT, SIGNAL), undefined);
  const [posted] = server.posted;
  assert.equal(posted?.url, '/hook?x=1');
  assert.deepEqual(JSON.parse(posted.body), MESSAGE);
  const { authorization, 'content-type': type, 'x-waybill-id': id, 'x-waybill-signature': signature } = posted.headers;
  assert.deepEqual([authorization, type, id], ['Bearer token', 'application/json', MESSAGE.id]);
  assert.equal(signature, `sha256=${createHmac('sha256', 'a key').update(posted.body).digest('hex')}`);
  await tell(webhook(server.url), MESSAGE, CONTEXT, SIGNAL);
  assert.equal(server.posted[1]?.headers['x-waybill-signature'], undefined);
});

test('what is no success is told by its status, and a redirect is not followed', async (t) => {
  const server = await webhookServer(t);
  const failure = async (answer: number | 'hold' | 'cut', timeLimit = 5000) => {
    server.answer = answer;
    const error = await tell(webhook(server.url, { timeLimit }), MESSAGE, CONTEXT, SIGNAL).then(
      () => assert.fail('it was told'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof Error && 'code' in error);
    assert.equal(error.message.includes(MARKER) || error.message.includes(server.url), false);
    return error.code;
  };
  assert.equal(await failure(302), 'ALERT_REDIRECTED');
  assert.equal(server.posted.length, 1);
  assert.equal(await failure(500), 'ALERT_REFUSED');
  assert.equal(await failure(404), 'ALERT_REFUSED');
  assert.equal(await failure('cut'), 'ALERT_NOT_REACHED');
  assert.equal(await failure('hold', 50), 'ALERT_TIMED_OUT');
  await assert.rejects(tell(webhook('http://127.0.0.1:9/'), MESSAGE, CONTEXT, SIGNAL), { code: 'ALERT_NOT_REACHED' });
});

test('a certificate that nobody vouches for is refused, and one of the own CA taken', async (t) => {
  const made = new Certificates(await temporaryFolder(t));
  made.authority('ca');
  made.issue('server', 'ca', 'subjectAltName=IP:127.0.0.1');
  const server = createServer({ cert: made.pem('server.pem'), key: made.pem('server.key') }, (request, response) => {
    request.resume().on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await assert.rejects(tell(webhook(url), MESSAGE, CONTEXT, SIGNAL), { code: 'ALERT_CERTIFICATE' });
  await tell(webhook(url, { ca: made.pem('ca.pem') }), MESSAGE, CONTEXT, SIGNAL);
});
