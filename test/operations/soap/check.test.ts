/** `check`, and the traps of the soap package that it stays clear of. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import type { CheckResult } from '../../../engine/contracts/operation.ts';
import type { Resources } from '../../../engine/contracts/resources.ts';
import { startTwin } from '../../../operations/soap/twin/index.ts';
import { twinWsdl } from '../../../operations/soap/twin/wsdl.ts';
import { needsShared, sharedPath } from '../../support/shared.ts';
import { CDC, CREDENTIALS, envelope, http, NO_RESOURCES, onRequest, openSoap, rawServer, resources } from './rig.ts';

async function allChecks(
  t: TestContext,
  config: { readonly url: string; readonly dialect?: string; readonly wsdl?: string; readonly maxAnswerBytes?: number },
  from: Resources = NO_RESOURCES,
): Promise<readonly CheckResult[]> {
  const operation = await openSoap(t, { ...config, timeouts: { connect: 1000, firstByte: 1000, total: 2000 } }, from);
  const results = await operation.check(AbortSignal.timeout(10_000));
  assert.doesNotMatch(inspect(results, { depth: 5 }), /marker-/i);
  return results;
}

/** By what was tried, where each has one line. */
async function check(...args: Parameters<typeof allChecks>): Promise<ReadonlyMap<string, CheckResult>> {
  const results = await allChecks(...args);
  return new Map(results.map((result) => [result.what, result]));
}

/** The lines about the contract. */
async function contractLines(...args: Parameters<typeof allChecks>): Promise<readonly string[]> {
  const lines = (await allChecks(...args)).filter(({ what }) => what === 'contract');
  for (const { ok, code } of lines) assert.equal(code, ok ? undefined : 'SOAP_CONTRACT_DIFFERS');
  return lines.map(({ detail }) => detail);
}

async function twin(t: TestContext): Promise<string> {
  const server = await startTwin({ dialect: CDC, credentials: CREDENTIALS });
  t.after(() => server.close());
  return server.url;
}

/** Serves this WSDL at `?wsdl`, and answers posts with `answer`. */
async function wsdlServer(t: TestContext, wsdl: (url: string) => Buffer, answer = ''): Promise<string> {
  let url = '';
  const server = await rawServer(t, (socket) =>
    onRequest(socket, (request) => socket.write(request.startsWith('GET') ? wsdl(url) : http(200, answer))),
  );
  url = server.url;
  return url;
}

test('all is well with a receiver that is well', async (t) => {
  const results = await check(t, { url: await twin(t) });
  assert.deepEqual(
    [...results.values()].map(({ what, ok, skipped }) => [what, ok, skipped ?? false]),
    [
      ['host', true, false],
      ['certificate', false, true],
      ['contract', true, false],
      ['probe', true, false],
      ['credentials', false, true],
    ],
  );
  assert.match(results.get('credentials')?.detail ?? '', /connectivityTest carries no credentials/);
});

test('nobody there: the first step fails, the others are skipped', async (t) => {
  const server = await rawServer(t, () => undefined);
  await server.close();
  const results = await check(t, { url: server.url });
  assert.equal(results.get('host')?.code, 'SOAP_CONNECT_FAILED');
  for (const what of ['certificate', 'contract', 'probe', 'credentials'])
    assert.equal(results.get(what)?.skipped, true, what);
});

test('an element under another name, in another order, or too many is named with its place', async (t) => {
  const url = await twin(t);
  const children = [
    { element: 'username', from: 'credentials.username' },
    { element: 'hl7Message', from: 'message' },
    { element: 'facilityId', from: 'credentials.organisation' },
    { element: 'password', from: 'credentials.password' },
    { element: 'again', from: 'credentials.username' },
  ];
  const other = { dialect: 'other', extends: 'cdc-iis-2011', request: { children } };
  const place = 'request.children of the dialect other';
  assert.deepEqual(await contractLines(t, { url, dialect: 'other' }, resources({ other })), [
    `element 3 of submitSingleMessage: found facilityId in the dialect, expected facilityID by the WSDL; write facilityID under ${place}`,
    `element 5 of submitSingleMessage: found again in the dialect, expected no element of this name by the WSDL; take it out of ${place}`,
    `order of the elements of submitSingleMessage: found username, hl7Message, password in the dialect, expected username, password, hl7Message by the WSDL; bring them into this order under ${place}`,
  ]);
});

test('another version, namespace, request element, form or answer is named, each in a line; another action is only mentioned', async (t) => {
  const url = await twin(t);
  const lines = (over: object) =>
    contractLines(t, { url, dialect: 'own' }, resources({ own: { dialect: 'own', extends: 'cdc-iis-2011', ...over } }));
  const found = (thing: string, ours: string, theirs: string) =>
    `${thing}: found ${ours} in the dialect, expected ${theirs} by the WSDL; `;
  const cases: readonly [object, readonly string[]][] = [
    [{ namespace: 'urn:cdc:iisb:2014' }, [found('namespace', 'urn:cdc:iisb:2014', 'urn:cdc:iisb:2011')]],
    [{ soap: '1.1' }, [found('version of SOAP', '1.1', '1.2')]],
    [{ request: { element: 'submit' } }, [found('request element', 'submit', 'submitSingleMessage')]],
    [{ answer: { element: 'r/result' } }, [found('answer', 'r/result', 'submitSingleMessageResponse/return')]],
    [
      { request: { qualified: false } },
      ['username', 'password', 'facilityID', 'hl7Message'].map((name) =>
        found(`element ${name} of submitSingleMessage`, 'in no namespace', 'a namespace (qualified)'),
      ),
    ],
  ];
  for (const [over, expected] of cases) {
    const said = await lines(over);
    assert.equal(said.length, expected.length, said.join('\n'));
    for (const [at, start] of expected.entries()) {
      assert.ok(said[at]?.startsWith(start), said[at]);
      assert.match(said[at]?.slice(start.length) ?? '', /^write .+ under [a-z.]+ of the dialect own$/);
    }
  }
  const nothing = { element: 'submit', children: [{ element: 'text', from: 'message' }] };
  assert.deepEqual(await lines({ request: nothing }), [
    `${found('request element', 'submit', 'one of connectivityTest, submitSingleMessage')}write the one that takes messages under request.element of the dialect own`,
  ]);
  const [action] = await lines({ action: 'urn:other' });
  assert.match(action ?? '', /describe the same call; but action: found urn:other in the dialect, expected urn:cdc/);
  assert.match((await lines({ action: 'urn:other', soap: '1.1' })).join(), /,action: found urn:other/);
});

test("a state's WSDL of SOAP 1.1 is read and found to be another contract", needsShared, async (t) => {
  const wsdl = sharedPath('fixtures/soap/wsdl/pa-elr/pa-elr-ELRService.wsdl');
  const contract = (await check(t, { url: await twin(t), wsdl })).get('contract');
  assert.equal(contract?.code, 'SOAP_CONTRACT_DIFFERS');
  assert.match(
    contract?.detail ?? '',
    /request element: found submitSingleMessage in the dialect, expected one of UploadFiles /,
  );
});

test('an import from a host that nobody named is refused, and the host is never called', async (t) => {
  const trap = await rawServer(t, () => undefined);
  const url = await wsdlServer(t, (address) => {
    const wsdl = twinWsdl(CDC, address);
    const types = `<types><xsd:schema><xsd:import namespace="urn:x" schemaLocation="${trap.url}/secret.xsd"/></xsd:schema>`;
    return http(200, wsdl.replace('<types>', types));
  });
  const contract = (await check(t, { url })).get('contract');
  assert.equal(contract?.code, 'SOAP_CONTRACT_UNREADABLE');
  assert.match(
    contract?.detail ?? '',
    /it imports .*secret\.xsd: http:\/\/127\.0\.0\.1:\d+ is a host that the configuration does not name/,
  );
  assert.equal(trap.connections(), 0);
});

test('a WSDL with a document type, behind a redirect, too large, endless or none is refused with the reason', async (t) => {
  const trap = await rawServer(t, () => undefined);
  const cases: readonly [(url: string) => Buffer, RegExp][] = [
    [
      (url) =>
        http(200, twinWsdl(CDC, url).replace('?>', '?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/hostname">]>')),
      /document type/,
    ],
    [() => http(302, '', { location: `${trap.url}?wsdl` }), /HTTP 302/],
    [() => http(404, 'no'), /HTTP 404/],
    [() => http(200, `${' '.repeat(60_000)}<a/>`), /larger than maxAnswerBytes/],
    [() => http(200, '<html/>'), /no WSDL that can be read/],
    [() => http(200, 'MARKER'), /no WSDL that can be read/],
    [() => Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n '), /not complete within 2000 ms/],
  ];
  for (const [wsdl, reason] of cases) {
    const contract = (await check(t, { url: await wsdlServer(t, wsdl), maxAnswerBytes: 50_000 })).get('contract');
    assert.equal(contract?.code, 'SOAP_CONTRACT_UNREADABLE', String(reason));
    assert.match(contract?.detail ?? '', reason);
    assert.doesNotMatch(contract?.detail ?? '', /MARKER/);
  }
  assert.equal(trap.connections(), 0);
  const absent = (await check(t, { url: await twin(t), wsdl: 'no-such.wsdl' })).get('contract');
  assert.match(absent?.detail ?? '', /no-such\.wsdl: there is no such file/);
});

test('a probe that comes back changed, or as a fault, is told', async (t) => {
  const answers = [
    envelope(
      '<connectivityTestResponse xmlns="urn:cdc:iisb:2011"><return>something else</return></connectivityTestResponse>',
    ),
    envelope(
      '<env:Fault><env:Code><env:Value>env:Sender</env:Value></env:Code><env:Reason><env:Text>x</env:Text></env:Reason></env:Fault>',
    ),
    'no XML',
  ];
  for (const answer of answers) {
    const url = await wsdlServer(t, (address) => http(200, twinWsdl(CDC, address)), answer);
    const results = await check(t, { url });
    assert.equal(results.get('contract')?.ok, true);
    assert.equal(results.get('probe')?.code, 'SOAP_PROBE_FAILED', answer);
  }
});

test('two destinations on one WSDL keep their own version of SOAP, in whatever order they are checked', async (t) => {
  const types: string[] = [];
  const server = await rawServer(t, (socket) =>
    onRequest(socket, (request) => {
      if (request.startsWith('GET')) socket.write(http(200, twinWsdl(CDC, server.url)));
      else {
        types.push(/content-type: ([^;\r]*)/i.exec(request)?.[1] ?? '');
        socket.write(http(500, 'no'));
      }
    }),
  );
  const old = resources({ old: { dialect: 'old', extends: 'cdc-iis-2011', soap: '1.1' } });
  for (const dialect of ['cdc-iis-2011', 'old', 'cdc-iis-2011']) await check(t, { url: server.url, dialect }, old);
  assert.deepEqual(types, ['application/soap+xml', 'text/xml', 'application/soap+xml']);
});

test('check broken off ends, and never throws', async (t) => {
  const operation = await openSoap(t, { url: await twin(t) });
  const results = await operation.check(AbortSignal.abort());
  assert.ok(results.every((result) => !result.ok));
});

test('the soap package is imported by check alone', () => {
  const index = new URL('../../../operations/soap/index.ts', import.meta.url).href;
  const script = `await import(${JSON.stringify(index)});
    const { createRequire } = await import('node:module');
    const loaded = Object.keys(createRequire(${JSON.stringify(index)}).cache);
    console.log(loaded.some((path) => path.includes('/saxes/')), loaded.some((path) => path.includes('/soap/lib/')));`;
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(done.stdout.trim(), 'true false', done.stderr);
});
