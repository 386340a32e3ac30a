/** Real certificates, and a real server that shows one. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer } from 'node:tls';
import { endOfPem, Certificates as Watch } from '../../alerts/certificates.ts';
import { DESTINATION } from '../engine/support.ts';
import { Certificates } from '../support/certificates.ts';
import { cleanUp, temporaryFolder } from '../support/redis.ts';

const SIGNAL = new AbortController().signal;
const HOUR = 3_600_000;

async function certificates(t: TestContext): Promise<Certificates> {
  const made = new Certificates(await temporaryFolder(t));
  made.authority('first');
  made.authority('second');
  return made;
}

function destination(config: unknown) {
  return { ...DESTINATION, config };
}

test('the end of a chain is that of the certificate that ends first; what is none has no end', async (t) => {
  const made = await certificates(t);
  const end = new X509Certificate(made.pem('first.pem')).validToDate.getTime();
  assert.equal(endOfPem(`${made.pem('first.pem')}\n${made.pem('second.pem')}`), end);
  assert.ok(end > Date.now() + 24 * HOUR && end < Date.now() + 49 * HOUR);
  for (const pem of ['', 'text', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])
    assert.ok(Number.isNaN(endOfPem(pem)));
});

test('listener, our own, and a receiver that nobody trusts: all are looked at', async (t) => {
  const made = await certificates(t);
  const [first, second] = ['first.pem', 'second.pem'].map((file) => made.pem(file)) as [string, string];
  let handshakes = 0;
  const server = createServer({ cert: second, key: made.pem('second.key') });
  server.on('connection', () => {
    handshakes += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp(t, () => server.close());
  const { port } = server.address() as AddressInfo;
  const watch = new Watch(
    {
      listen: { host: '127.0.0.1', port: 1, behindProxy: false, tls: { certificate: first, key: '' } },
      destinations: {
        registry: destination({ url: `https://127.0.0.1:${port}/iis`, tls: { certificate: first, key: '' } }),
        plain: destination({ url: 'http://127.0.0.1:9/' }),
        away: destination({ url: 'https://127.0.0.1:9/' }),
      },
    },
    true,
  );
  const now = Date.now();
  const look = async (at: number) => {
    watch.look(at, SIGNAL);
    await watch.settled();
    return watch.look(at, SIGNAL);
  };
  assert.ok(Number.isNaN(watch.look(now, SIGNAL)[2]?.endsAt), 'nobody waits for a handshake');
  const found = await look(now);
  assert.deepEqual(
    found.map(({ of, name, endsAt }) => [of, name, endsAt]),
    [
      ['listener', '', endOfPem(first)],
      ['client', 'registry', endOfPem(first)],
      ['receiver', 'registry', endOfPem(second)],
      ['receiver', 'away', Number.NaN],
    ],
  );
  assert.deepEqual(await look(now + HOUR), found, 'not every time');
  assert.equal(handshakes, 1);
  await look(now + 7 * HOUR);
  assert.equal(handshakes, 2);
  watch.renew('registry', destination({ tls: { certificate: second, key: '' } }));
  const renewed = await look(now + 7 * HOUR);
  assert.deepEqual(
    renewed.filter(({ name }) => name === 'registry'),
    [{ of: 'client', name: 'registry', endsAt: endOfPem(second) }],
  );
});

test('a receiver that takes the connection and says nothing is given up with the engine', async (t) => {
  const { createServer: createTcp } = await import('node:net');
  const server = createTcp((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp(t, () => server.close());
  const { port } = server.address() as AddressInfo;
  const ending = new AbortController();
  const watch = new Watch({ destinations: { slow: destination({ url: `https://127.0.0.1:${port}/` }) } }, true);
  server.once('connection', () => ending.abort());
  const unseen = [{ of: 'receiver', name: 'slow', endsAt: Number.NaN }];
  assert.deepEqual(watch.look(Date.now(), ending.signal), unseen);
  await watch.settled();
  assert.deepEqual(watch.look(Date.now(), ending.signal), unseen);
});
