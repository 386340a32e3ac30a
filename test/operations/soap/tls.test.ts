/** TLS with a private CA and client certificates, made by openssl while the test runs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { TlsOptions } from 'node:tls';
import { ConfigError, WaybillError } from '../../../engine/errors.ts';
import { askingServer } from '../../support/asking-server.ts';
import { Certificates } from '../../support/certificates.ts';
import { ack, delivery, failure, openSoap, response, vxu } from './rig.ts';

let folder = '';
let certificates = new Certificates('');
const pem = (file: string): string => certificates.pem(file);

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'waybill-tls-'));
  certificates = new Certificates(folder);
  certificates.authority('ca');
  certificates.authority('other-ca');
  certificates.issue('server', 'ca', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  certificates.issue('elsewhere', 'ca', 'subjectAltName=DNS:elsewhere.invalid');
  certificates.issue('client', 'ca', 'extendedKeyUsage=clientAuth');
});

after(() => rmSync(folder, { recursive: true, force: true }));

async function httpsServer(t: TestContext, name: string, options: TlsOptions = {}): Promise<string> {
  const server = createServer({ cert: pem(`${name}.pem`), key: pem(`${name}.key`), ...options }, (request, answer) => {
    request.resume();
    request.on('end', () => answer.end(response(ack('ID-1'))));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `https://127.0.0.1:${address.port}/iis`;
}

test('a private CA is trusted where it is named, and only there', async (t) => {
  const url = await httpsServer(t, 'server');
  const trusting = await openSoap(t, { url, tls: { ca: pem('ca.pem') } });
  const answer = await trusting.send(delivery(vxu('ID-1')), AbortSignal.timeout(10_000));
  assert.equal(answer.kind === 'acknowledgement' && answer.text, ack('ID-1'));
  for (const tls of [{}, { ca: pem('other-ca.pem') }]) {
    const error = await failure(await openSoap(t, { url, tls }));
    assert.ok(error instanceof ConfigError);
    assert.equal(error.code, 'SOAP_RECEIVER_CERTIFICATE');
  }
});

test("another host's certificate is refused", async (t) => {
  const url = await httpsServer(t, 'elsewhere');
  const error = await failure(await openSoap(t, { url, tls: { ca: pem('ca.pem') } }));
  assert.ok(error instanceof ConfigError);
  assert.equal(error.code, 'SOAP_RECEIVER_CERTIFICATE');
});

test('mutual TLS: our certificate is shown', async (t) => {
  const url = await httpsServer(t, 'server', { requestCert: true, rejectUnauthorized: true, ca: pem('ca.pem') });
  const tls = { ca: pem('ca.pem'), certificate: pem('client.pem'), key: pem('client.key') };
  const answer = await (await openSoap(t, { url, tls })).send(delivery(vxu('ID-1')), AbortSignal.timeout(10_000));
  assert.equal(answer.kind, 'acknowledgement');
});

test('mutual TLS: a receiver that refuses the lack of a certificate stops the destination', async (t) => {
  const { port, ca } = await askingServer(t);
  const error = await failure(await openSoap(t, { url: `https://127.0.0.1:${port}/`, tls: { ca } }));
  assert.deepEqual([error.name, error.code, error.whose], ['ConfigError', 'SOAP_CLIENT_CERTIFICATE', 'ours']);
});

test('PEM texts that cannot be used are refused at opening, silently', async (t) => {
  const key = pem('client.key');
  const cases = [
    { ca: 'MARKER' },
    { certificate: pem('client.pem') },
    { certificate: pem('client.pem'), key: pem('server.key') },
    { certificate: 'MARKER', key },
  ];
  for (const tls of cases) {
    await assert.rejects(
      openSoap(t, { url: 'https://127.0.0.1:1/', tls }),
      (error) =>
        error instanceof WaybillError && error.code === 'SOAP_TLS_MATERIAL' && !/MARKER|PRIVATE/.test(error.message),
    );
  }
});

test('check names the certificate, or what is wrong with it', async (t) => {
  const url = await httpsServer(t, 'server');
  const good = await openSoap(t, { url, tls: { ca: pem('ca.pem') } });
  const [host, certificate] = await good.check(AbortSignal.timeout(10_000));
  assert.equal(host?.ok, true);
  assert.equal(certificate?.ok, true);
  assert.match(certificate?.detail ?? '', /TLSv1\.3, certificate for server, valid for 1 more days/);
  const bad = await openSoap(t, { url });
  const results = await bad.check(AbortSignal.timeout(10_000));
  assert.equal(results[1]?.code, 'SOAP_RECEIVER_CERTIFICATE');
  assert.deepEqual(
    results.slice(2).map(({ what, skipped }) => [what, skipped]),
    [
      ['contract', true],
      ['probe', true],
      ['credentials', true],
    ],
  );
});
