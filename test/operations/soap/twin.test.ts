import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError, TooLargeError } from '../../../engine/errors.ts';
import { resolveDialect } from '../../../operations/soap/dialect.ts';
import { startTwin, type Twin, type TwinOptions } from '../../../operations/soap/twin/index.ts';
import { needsShared, sharedPath } from '../../support/shared.ts';
import { batch, CDC, CREDENTIALS, delivery, ids, NO_RESOURCES, openSoap, resources, vxu } from './rig.ts';

const signal = (): AbortSignal => AbortSignal.timeout(10_000);

async function twin(t: TestContext, options: Partial<TwinOptions> = {}): Promise<Twin> {
  const server = await startTwin({ dialect: CDC, credentials: CREDENTIALS, ...options });
  t.after(() => server.close());
  return server;
}

function logFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-twin-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'log');
}

async function post(url: string, body: string | Buffer, type = 'application/soap+xml; charset=utf-8'): Promise<string> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body });
  return `${answer.status} ${await answer.text()}`;
}

async function text(t: TestContext, url: string, message: string, messages = 1): Promise<string> {
  const operation = await openSoap(t, { url });
  const answer = await operation.send(delivery(message, messages), signal());
  assert.ok(answer.kind === 'acknowledgement');
  return answer.text;
}

test('a message is acknowledged to its sender, a batch message by message', async (t) => {
  const { url } = await twin(t);
  const one = await text(t, url, vxu('A&B<1>'));
  assert.match(
    one,
    /^MSH\|\^~\\&\|IIS\|STATE\|COUNTY\|FAC001\|\d{14}\+0000\|\|ACK\^V04\^ACK\|T1-1\|P\|2\.5\.1\rMSA\|AA\|A&B<1>\r$/,
  );
  const names = ids(30);
  const many = await text(t, url, batch(names, 'BATCH-9'), 30);
  const segments = many.split('\r');
  assert.equal(segments[0]?.split('|')[11], 'BATCH-9');
  assert.deepEqual(
    segments.filter((s) => s.startsWith('MSA')),
    names.map((name) => `MSA|AA|${name}`),
  );
  assert.deepEqual(segments.slice(-2), ['BTS|30', '']);
  const ackIds = segments.filter((s) => s.startsWith('MSH')).map((s) => s.split('|')[9]);
  assert.equal(new Set(ackIds).size, 30);
});

test('several messages without an envelope, a file envelope, LF line ends', async (t) => {
  const server = await twin(t);
  const file = `FHS|^~\\&|A|B|C|D\r${batch(['1', '2'])}FTS|1\r`;
  assert.match(await text(t, server.url, file, 2), /^BHS.*BTS\|2\r$/s);
  assert.equal((await text(t, server.url, vxu('3') + vxu('4'), 2)).match(/MSA\|AA/g)?.length, 2);
  assert.match(await text(t, server.url, vxu('5').replaceAll('\r', '\n')), /MSA\|AA\|5\r$/);
  assert.match(await text(t, server.url, 'BHS|^~\\&\rBTS|0\r', 0), /^BHS.*BTS\|0\r$/s);
  assert.equal(server.counts().messages, 5);
});

test('what is no HL7, and a batch whose count does not hold, are refused as a whole', async (t) => {
  const server = await twin(t);
  assert.match(await text(t, server.url, 'hello & good bye'), /\rMSA\|AR\|\rERR\|\|MSH\^1\|100\^/);
  const miscounted = await text(t, server.url, batch(['1', '2'], 'B7').replace('BTS|2', 'BTS|3'), 2);
  assert.match(miscounted, /\rMSA\|AR\|B7\rERR/);
  assert.deepEqual(
    { ...server.counts(), bytes: 0 },
    { requests: 2, messages: 0, duplicates: 0, bytes: 0, refused: 2, sins: {} },
  );
});

test('wrong credentials get the security fault, and nothing is taken', async (t) => {
  const server = await twin(t);
  for (const wrong of [{ username: 'x' }, { password: 'x' }, { organisation: 'x' }]) {
    const operation = await openSoap(t, { url: server.url, credentials: { ...CREDENTIALS, ...wrong } });
    await assert.rejects(operation.send(delivery(vxu('A')), signal()), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /SecurityFault/);
      return true;
    });
  }
  assert.equal(server.counts().messages, 0);
  const open = await startTwin({ dialect: CDC });
  t.after(() => open.close());
  assert.match(await text(t, open.url, vxu('A')), /MSA\|AA/);
});

test('too large is the fault for it', async (t) => {
  const { url } = await twin(t, { maxBytes: 5000 });
  const operation = await openSoap(t, { url });
  await assert.rejects(operation.send(delivery(batch(ids(50)), 50), signal()), TooLargeError);
});

test('the log has one line for each message, in order, equal to what was sent', async (t) => {
  const log = logFile(t);
  const server = await twin(t, { log, logMessages: true });
  const names = ids(10);
  await text(t, server.url, batch(names), 10);
  await text(t, server.url, vxu(names[0]!));
  const lines: unknown[] = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const line = (controlId: string): object => ({
    controlId,
    sha256: createHash('sha256').update(vxu(controlId)).digest('hex'),
    patient: `${controlId}^^^A^MR`,
    message: vxu(controlId),
  });
  const expected = [
    ...names.map((name, index) => ({ request: 1, position: index + 1, of: 10, batch: 'BATCH-1', ...line(name) })),
    { request: 2, position: 1, of: 1, repeat: true, ...line(names[0]!) },
  ];
  assert.deepEqual(lines, expected);
  const counts: unknown = await (await fetch(server.url.replace('/soap', '/counts'))).json();
  assert.deepEqual(counts, server.counts());
  assert.deepEqual(
    { ...server.counts(), bytes: 0 },
    { requests: 2, messages: 11, duplicates: 1, bytes: 0, refused: 0, sins: {} },
  );
});

test('without being asked to, the log holds no message', async (t) => {
  const log = logFile(t);
  const server = await twin(t, { log });
  await text(t, server.url, vxu('A', 'MARKER^PATIENT'));
  const written = readFileSync(log, 'utf8');
  assert.match(written, /^\{"request":1,"position":1,"of":1,"controlId":"A","sha256":"[0-9a-f]{64}"\}\n$/);
  assert.doesNotMatch(written, /MARKER/);
});

test('the requests of others, in their own shapes', needsShared, async (t) => {
  const credentials = { username: 'iisuser', password: 'iispass', organisation: 'FAC001' };
  const server = await twin(t, { credentials });
  const request = (name: string): Buffer => readFileSync(sharedPath(`peers/requests/${name}.xml`));
  assert.match(await post(server.url, request('good')), /^200 .*MSA\|AA\|CTRL-1&#xD;/);
  assert.match(await post(server.url, request('batch20')), /^200 .*BTS\|20&#xD;/);
  assert.match(await post(server.url, request('badpass')), /^500 .*<SecurityFault/);
  assert.match(await post(server.url, request('badfacility')), /^500 .*<SecurityFault/);
  assert.match(await post(server.url, request('nothl7')), /^200 .*MSA\|AR\|/);
  assert.match(await post(server.url, request('connectivity')), /^200 .*<return>Hello &lt;World&gt; &amp; &#x5E9;/);
});

test('careful with envelopes: DOCTYPE, bad XML, other versions, namespaces and operations are faults', async (t) => {
  const { url } = await twin(t);
  const body = (inner: string, ns = 'http://www.w3.org/2003/05/soap-envelope'): string =>
    `<?xml version="1.0"?><s:Envelope xmlns:s="${ns}"><s:Body>${inner}</s:Body></s:Envelope>`;
  const submit =
    '<submitSingleMessage xmlns="urn:cdc:iisb:2011"><hl7Message>MSH|^~\\&amp;|</hl7Message></submitSingleMessage>';
  const bad = [
    body(submit).replace('?>', '?><!DOCTYPE x>'),
    body(submit).replace('&amp;', '&'),
    body(submit).replace('&amp;', '&#x1;'),
    body(submit).replace('</s:Body>', ''),
    body(submit, 'http://schemas.xmlsoap.org/soap/envelope/'),
    body(submit.replace('urn:cdc:iisb:2011', 'urn:cdc:iisb:2014')),
    body(''),
    'hello',
  ];
  for (const xml of bad) assert.match(await post(url, xml), /^500 .*<soap:Value>soap:Sender<\/soap:Value>/, xml);
  assert.match(await post(url, body('<other xmlns="urn:cdc:iisb:2011"/>')), /UnsupportedOperationFault/);
  assert.match(await post(url, body(submit)), /SecurityFault/);
  assert.equal((await fetch(url)).status, 404);
  assert.equal((await fetch(url, { method: 'PUT', body: 'x' })).status, 405);
});

test('plays SOAP 1.1, CDATA and base64 by their dialects', async (t) => {
  const children = (carry: string): object[] => [
    { element: 'password', from: 'credentials.password' },
    { element: 'hl7Message', from: 'message', carry },
  ];
  for (const carry of ['text', 'cdata', 'base64']) {
    const from = resources({
      own: {
        dialect: 'own',
        extends: 'cdc-iis-2011',
        soap: '1.1',
        contentType: 'text/xml',
        request: { children: children(carry) },
      },
    });
    const log = logFile(t);
    const server = await twin(t, { dialect: resolveDialect('own', from), log });
    const operation = await openSoap(t, { url: server.url, dialect: 'own' }, from);
    const answer = await operation.send(delivery(vxu('A')), signal());
    assert.ok(answer.kind === 'acknowledgement');
    assert.match(answer.text, /MSA\|AA\|A\r$/);
    const sha256 = createHash('sha256').update(vxu('A')).digest('hex');
    assert.ok(readFileSync(log, 'utf8').includes(sha256), carry);
    const wrong = await openSoap(t, { url: server.url, dialect: 'own', credentials: { password: 'x' } }, from);
    await assert.rejects(wrong.send(delivery(vxu('A')), signal()), /SecurityFault/);
  }
});

test('a port that is taken is an error', async (t) => {
  const { url } = await twin(t);
  const port = Number(new URL(url).port);
  await assert.rejects(startTwin({ dialect: resolveDialect('cdc-iis-2011', NO_RESOURCES), port }), /EADDRINUSE/);
});
