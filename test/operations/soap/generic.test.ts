/** The dialect `generic` against stacks of other people: names from the destination, compared with the receiver's own WSDL. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { decide } from '../../../engine/answers.ts';
import type { CheckResult } from '../../../engine/contracts/operation.ts';
import { ConfigError, TransientError } from '../../../engine/errors.ts';
import { readAcknowledgements } from '../../../hl7/acknowledgements.ts';
import type { GenericSettings } from '../../../operations/soap/generic.ts';
import { freePort } from '../../../scripts/start/free-port.ts';
import { PEER_CREDENTIALS, peerSkip, startPeer, takesConnections } from '../../support/peers.ts';
import { cleanUp, temporaryFolder, until } from '../../support/redis.ts';
import { sharedPath } from '../../support/shared.ts';
import { answering, batch, delivery, http, ids, onRequest, openSoap, rawServer, vxu } from './rig.ts';

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

/** What the CDC's contract looks like to somebody who has only the WSDL. */
const REGISTRY: GenericSettings = {
  soap: '1.2',
  namespace: 'urn:cdc:iisb:2011',
  element: 'submitSingleMessage',
  username: 'username',
  password: 'password',
  organisation: 'facilityID',
  message: 'hl7Message',
  answer: 'submitSingleMessageResponse/return',
};

const MAILBOX: GenericSettings = {
  soap: '1.1',
  namespace: 'http://health.example.org/mailbox/v3',
  action: 'http://health.example.org/mailbox/v3/Put',
  element: 'PutLetter',
  qualified: false,
  username: 'UserName',
  password: 'PassPhrase',
  organisation: 'SenderId',
  message: 'Hl7Text',
  order: ['username', 'password', 'message', 'organisation'],
  answer: 'Receipt/Hl7Answer',
};
const MAILBOX_CREDENTIALS = { username: 'clinic', password: 'open <sesame> & co', organisation: 'FAC-7' };

type Config = Omit<Parameters<typeof openSoap>[1], 'dialect'> & { readonly generic: GenericSettings };

const open = (t: TestContext, config: Config) => openSoap(t, { ...config, dialect: 'generic' });

async function contract(t: TestContext, config: Config): Promise<readonly CheckResult[]> {
  const results = await (await open(t, config)).check(signal());
  return results.filter(({ what }) => what === 'contract');
}

/** Starts the mailbox; gives its address and the folder where it writes what came. */
async function mailbox(t: TestContext): Promise<{ readonly url: string; readonly folder: string }> {
  const folder = await temporaryFolder(t, 'waybill-mailbox-');
  const port = await freePort();
  const script = join(import.meta.dirname, 'receivers', 'mailbox.php');
  const child: ChildProcess = spawn('php', ['-S', `127.0.0.1:${port}`, script], {
    env: { ...process.env, MAILBOX: folder },
    stdio: 'ignore',
  });
  cleanUp(t, async () => {
    if (child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  await until('the mailbox takes connections', () => takesConnections(port));
  return { url: `http://127.0.0.1:${port}/`, folder };
}

for (const kind of ['php', 'spyne'] as const) {
  const wsdl = kind === 'php' ? { wsdl: sharedPath('peers/wsdl/cdc-iis-2011.local.wsdl') } : {};

  test(`${kind}: names from its WSDL are all that is needed`, { skip: peerSkip(kind) }, async (t) => {
    const peer = await startPeer(t, kind);
    const config = { url: peer.url, credentials: PEER_CREDENTIALS, generic: REGISTRY, ...wsdl };
    const compared = await contract(t, config);
    assert.deepEqual(
      compared.map(({ ok }) => ok),
      [true],
      JSON.stringify(compared),
    );
    const operation = await open(t, config);
    const names = ids(20);
    const many = batch(names);
    const answer = await operation.send(delivery(many, 20), signal());
    assert.ok(answer.kind === 'acknowledgement');
    assert.deepEqual(
      [...answer.text.matchAll(/\rMSA\|AA\|([^\r]*)/g)].map((match) => match[1]),
      names,
    );
    assert.deepEqual(await peer.arrived(), [Buffer.from(many)]);
  });

  test(`${kind}: each name that differs is a line of its own, with what to write where`, {
    skip: peerSkip(kind),
  }, async (t) => {
    const peer = await startPeer(t, kind);
    const generic: GenericSettings = {
      ...REGISTRY,
      soap: '1.1',
      namespace: 'urn:cdc:iisb:2014',
      element: 'SubmitMessage',
      organisation: 'facilityId',
      order: ['password', 'username', 'organisation', 'message'],
      answer: 'submitSingleMessageResponse/result',
    };
    const lines = await contract(t, { url: peer.url, credentials: PEER_CREDENTIALS, generic, ...wsdl });
    assert.ok(lines.every(({ ok, code }) => !ok && code === 'SOAP_CONTRACT_DIFFERS'));
    const said = lines.map(({ detail }) => detail);
    const differ = (thing: string, ours: string, theirs: string, cure: string) =>
      `${thing}: found ${ours} in the dialect, expected ${theirs} by the WSDL; ${cure} of the destination`;
    const action = kind === 'php' ? 'urn:cdc:iisb:2011:submitSingleMessage' : 'submitSingleMessage';
    const expected = [
      differ('version of SOAP', '1.1', '1.2', 'write 1.2 under generic.soap'),
      differ('namespace', generic.namespace, REGISTRY.namespace, `write ${REGISTRY.namespace} under generic.namespace`),
      differ('request element', 'SubmitMessage', REGISTRY.element, `write ${REGISTRY.element} under generic.element`),
      differ('action', 'none', action, `write ${action} under generic.action`),
      differ('element 3 of SubmitMessage', 'facilityId', 'facilityID', 'write facilityID under generic.organisation'),
      differ(
        'order of the elements of submitSingleMessage',
        'password, username, hl7Message',
        'username, password, hl7Message',
        'bring them into this order under generic.order',
      ),
      differ(
        'answer',
        generic.answer,
        REGISTRY.answer,
        'write the one that holds the acknowledgement under generic.answer',
      ),
    ];
    assert.deepEqual(said, expected);
  });

  test(`${kind}: an organisation that is not sent is mentioned, since it may be left out`, {
    skip: peerSkip(kind),
  }, async (t) => {
    const peer = await startPeer(t, kind);
    const { organisation: _, ...generic } = REGISTRY;
    const [line, more] = await contract(t, { url: peer.url, generic, ...wsdl });
    assert.equal(line?.ok, true);
    assert.match(line?.detail ?? '', /but the WSDL also has facilityID, which may be left out and is not sent$/);
    assert.equal(more, undefined);
  });
}

test('php: an upload of files is found to be no call with four texts', { skip: peerSkip('php') }, async (t) => {
  const server = await answering(t, http(200, ''));
  const wsdl = sharedPath('peers/wsdl/pa-elr.local.wsdl');
  const generic: GenericSettings = {
    soap: '1.1',
    namespace: 'http://nedss.state.pa.us/2012/B01/elrwcf',
    action: 'http://nedss.state.pa.us/2012/B01/elrwcf/IUploadFile/UploadFiles',
    element: 'UploadFiles',
    username: 'cred',
    message: 'Message',
    answer: 'UploadFilesResponse/UploadFilesResult/ELRWcfReturnMessage/Message',
  };
  const lines = await contract(t, { url: server.url, wsdl, generic });
  assert.deepEqual(
    lines.map(({ detail }) => detail.replace(/;.*/, '')),
    [
      'element 2 of UploadFiles: found Message in the dialect, expected arrLabFile by the WSDL',
      'element cred of UploadFiles: found a text in the dialect, expected elements inside it by the WSDL',
    ],
  );
});

test('php: SOAP 1.1 without namespaces on the elements, a quoted action, an order of its own', {
  skip: peerSkip('php'),
}, async (t) => {
  const { url, folder } = await mailbox(t);
  const config = { url, credentials: MAILBOX_CREDENTIALS, generic: MAILBOX };
  const [compared] = await contract(t, config);
  assert.equal(compared?.ok, true, compared?.detail);
  const operation = await open(t, config);
  const text = vxu('CTRL-1');
  const answer = await operation.send(delivery(text), signal());
  assert.ok(answer.kind === 'acknowledgement');
  assert.equal(answer.text, 'MSH|^~\\&|MAILBOX\rMSA|AA|CTRL-1\r');
  assert.equal(await readFile(join(folder, 'letter.hl7'), 'utf8'), text);
  assert.deepEqual(JSON.parse(await readFile(join(folder, 'headers.json'), 'utf8')), {
    type: 'text/xml; charset=utf-8',
    sender: 'FAC-7',
  });
});

test('CDATA reaches a reader of XML byte for byte; PHP, which wants it in one piece, refuses it with a fault', {
  skip: peerSkip('spyne') || peerSkip('php'),
}, async (t) => {
  const peer = await startPeer(t, 'spyne');
  const generic: GenericSettings = { ...REGISTRY, carry: 'cdata' };
  const operation = await open(t, { url: peer.url, credentials: PEER_CREDENTIALS, generic });
  await operation.send(delivery(vxu('CTRL-1')), signal());
  assert.deepEqual(await peer.arrived(), [Buffer.from(vxu('CTRL-1'))]);
  const php = await startPeer(t, 'php');
  const refused = await open(t, { url: php.url, credentials: PEER_CREDENTIALS, generic });
  await assert.rejects(refused.send(delivery(vxu('CTRL-1')), signal()), (error) => {
    assert.ok(error instanceof TransientError);
    assert.match(error.words ?? '', /Violation of encoding rules/);
    return true;
  });
  assert.deepEqual(await php.arrived(), []);
});

test('php: a fault of SOAP 1.1 stops, in its own words without the password', { skip: peerSkip('php') }, async (t) => {
  const { url } = await mailbox(t);
  const credentials = { ...MAILBOX_CREDENTIALS, password: 'not <the> password' };
  const operation = await open(t, { url, credentials, generic: MAILBOX });
  await assert.rejects(operation.send(delivery(vxu('A')), signal()), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.code, 'SOAP_FAULT_SENDER');
    assert.match(error.message, /the SOAP fault Client$/);
    assert.equal(error.words, 'Unknown user *** with ***');
    assert.doesNotMatch(Buffer.from(error.answer ?? []).toString(), /not &lt;the|not <the/);
    return true;
  });
});

for (const kind of ['php', 'spyne'] as const) {
  test(`${kind}: what is no HL7 gets its AR, which names no message, and is rejected in the receiver's words`, {
    skip: peerSkip(kind),
  }, async (t) => {
    const peer = await startPeer(t, kind);
    const operation = await open(t, { url: peer.url, credentials: PEER_CREDENTIALS, generic: REGISTRY });
    const answer = await operation.send(delivery('not HL7: <a> & "b"'), signal());
    assert.ok(answer.kind === 'acknowledgement');
    const { acknowledgements, warning } = readAcknowledgements(answer.text);
    const [{ words, ...only } = { words: '' }, ...more] = acknowledgements;
    assert.deepEqual([only, more, warning], [{ controlId: '', code: 'AR' }, [], undefined]);
    assert.match(
      words,
      kind === 'php' ? /^MSH: Message does not begin with MSH, FHS or BHS$/ : /^MSH: Segment sequence error$/,
    );
    for (const messages of [1, 3]) {
      const controlIds = Array.from({ length: messages }, (_, at) => (messages === 1 ? '' : `ID-${at}`));
      const read = { acknowledgements: acknowledgements.map((one) => ({ ...one, accepted: false })) };
      const decided = decide(controlIds, read, 'B1', operation.answers);
      assert.deepEqual([decided.rest, decided.exceptions], ['rejected', []], `${messages} messages`);
      assert.match(decided.words, new RegExp(words));
    }
  });
}

test('php: the wrong form is found by check before a receiver reads nothing', { skip: peerSkip('php') }, async (t) => {
  const { url } = await mailbox(t);
  const { organisation: _, ...without } = MAILBOX;
  const generic: GenericSettings = { ...without, qualified: true, order: ['password', 'username', 'message'] };
  const lines = (await contract(t, { url, credentials: MAILBOX_CREDENTIALS, generic })).map(({ detail }) => detail);
  assert.deepEqual(
    lines.map((line) => line.replace(/ in the dialect.*/, '')),
    [
      'order of the elements of PutLetter: found PassPhrase, UserName, Hl7Text',
      'element PassPhrase of PutLetter: found in the namespace of the request',
      'element UserName of PutLetter: found in the namespace of the request',
      'element Hl7Text of PutLetter: found in the namespace of the request',
    ],
  );
  assert.match(
    lines[1] ?? '',
    /expected no namespace \(unqualified\) by the WSDL; write false under generic\.qualified/,
  );
});

test('the action goes out as a header in 1.1, as a parameter in 1.2, and not at all where there is none', async (t) => {
  const requests: string[] = [];
  const server = await rawServer(t, (socket) =>
    onRequest(socket, (request) => {
      requests.push(request);
      socket.write(http(500, 'no'));
    }),
  );
  const said = async (generic: GenericSettings) => {
    const operation = await open(t, { url: server.url, credentials: MAILBOX_CREDENTIALS, generic });
    await assert.rejects(operation.send(delivery(vxu('A')), signal()));
    const request = requests.at(-1) ?? '';
    return [/^content-type: (.*)\r$/im.exec(request)?.[1], /^soapaction: (.*)\r$/im.exec(request)?.[1]];
  };
  const { action, ...without } = MAILBOX;
  assert.deepEqual(await said(MAILBOX), ['text/xml; charset=utf-8', `"${action}"`]);
  assert.deepEqual(await said(without), ['text/xml; charset=utf-8', '""']);
  assert.deepEqual(await said({ ...MAILBOX, soap: '1.2' }), [
    `application/soap+xml; charset=utf-8; action="${action}"`,
    undefined,
  ]);
  assert.deepEqual(await said({ ...without, soap: '1.2' }), ['application/soap+xml; charset=utf-8', undefined]);
});
