/** Mail to a real SMTP server. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { tell } from '../../../alerts/channels/index.ts';
import { messageOf, testMessage } from '../../../alerts/message.ts';
import type { EmailChannel } from '../../../engine/contracts/alerts.ts';
import { Certificates } from '../../support/certificates.ts';
import { cleanUp, temporaryFolder } from '../../support/redis.ts';
import { MARKER, mailServer, NOW } from '../support.ts';

const OPTIONS = { production: 'clinic', timeZone: 'UTC', channel: 'a', now: NOW };
const SIGNAL = new AbortController().signal;

function email(port: number, over: Partial<EmailChannel> = {}): EmailChannel {
  return {
    type: 'email',
    host: '127.0.0.1',
    port,
    tls: 'none',
    from: 'waybill@clinic.example',
    to: ['one@clinic.example', 'two@clinic.example'],
    quiet: [],
    timeLimit: 5000,
    ...over,
  };
}

function send(channel: EmailChannel, message = testMessage(OPTIONS)): Promise<string | undefined> {
  return tell(channel, message, { folder: '/' }, SIGNAL);
}

async function codeOf(sent: Promise<unknown>): Promise<unknown> {
  const error = await sent.then(
    () => assert.fail('it was told'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Error && 'code' in error);
  assert.equal(error.message.includes(MARKER) || error.message.includes('clinic.example'), false, error.message);
  return error.code;
}

test('one mail for all addresses, as plain text that no auto-reply answers', async (t) => {
  const server = await mailServer(t, { disabledCommands: ['STARTTLS', 'AUTH'] });
  const notice = {
    kind: 'raised',
    rule: 'registry-stopped',
    severity: 'critical',
    subject: 'registry',
    since: NOW,
    sentence: 'The destination registry is stopped.',
    advice: 'waybill resume registry',
    facts: {},
  } as const;
  assert.equal(await send(email(server.port), messageOf([notice], OPTIONS)), undefined);
  const [mail] = server.mails;
  assert.deepEqual([mail?.from, mail?.to], ['waybill@clinic.example', ['one@clinic.example', 'two@clinic.example']]);
  assert.match(mail?.text ?? '', /^Subject: \[waybill\] CRITICAL clinic: The destination registry is stopped\.\r?$/m);
  assert.match(mail?.text ?? '', /^Auto-Submitted: auto-generated\r?$/m);
  assert.match(mail?.text ?? '', /CRITICAL: The destination registry is stopped\.\r?\n {2}do: waybill resume registry/);
});

test('starttls is demanded and verified; the password goes out only after it', async (t) => {
  const made = new Certificates(await temporaryFolder(t));
  made.authority('ca');
  made.issue('server', 'ca', 'subjectAltName=IP:127.0.0.1');
  const ca = made.pem('ca.pem');
  const keys = { cert: made.pem('server.pem'), key: made.pem('server.key') };
  const server = await mailServer(t, { ...keys, authOptional: false });
  const credentials = { username: 'waybill', password: 'right' };
  const starttls = email(server.port, { tls: 'starttls', credentials });
  await send({ ...starttls, ca });
  assert.deepEqual([server.mails[0]?.secure, server.mails[0]?.user], [true, 'waybill']);
  assert.equal(await codeOf(send(starttls)), 'ALERT_CERTIFICATE');
  assert.equal(
    await codeOf(send({ ...starttls, ca, credentials: { username: 'waybill', password: 'wrong' } })),
    'ALERT_CREDENTIALS',
  );
  const plain = await mailServer(t, { disabledCommands: ['STARTTLS'] });
  assert.equal(await codeOf(send(email(plain.port, { tls: 'starttls', ca }))), 'ALERT_CERTIFICATE');
  const implicit = await mailServer(t, { ...keys, secure: true });
  await send(email(implicit.port, { tls: 'implicit', ca }));
  assert.equal(implicit.mails[0]?.secure, true);
});

test('addresses that the server does not know: all of them, or some', async (t) => {
  const server = await mailServer(t, { disabledCommands: ['STARTTLS', 'AUTH'] });
  assert.equal(await codeOf(send(email(server.port, { to: ['nobody@clinic.example'] }))), 'ALERT_REFUSED');
  const note = await send(email(server.port, { to: ['nobody@clinic.example', 'one@clinic.example'] }));
  assert.equal(note, 'The mail server refused 1 of 2 addresses.');
  assert.equal(server.mails.length, 1);
});

test('a server that is not there, or says nothing', async (t) => {
  assert.equal(await codeOf(send(email(9))), 'ALERT_NOT_REACHED');
  const silent = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  cleanUp(t, () => silent.close());
  const { port } = silent.address() as AddressInfo;
  assert.equal(await codeOf(send(email(port, { timeLimit: 100 }))), 'ALERT_TIMED_OUT');
});
