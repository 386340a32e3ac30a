/** The SOAP operation against stacks of other people: PHP's ext-soap and Spyne. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ConfigError, TooLargeError } from '../../../engine/errors.ts';
import { PEER_CREDENTIALS, type PeerKind, peerSkip, startPeer } from '../../support/peers.ts';
import { sharedPath } from '../../support/shared.ts';
import { batch, delivery, ids, openSoap, vxu } from './rig.ts';

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

const WSDL: Readonly<Record<PeerKind, string | undefined>> = {
  // Its own ?wsdl refers to a schema that its address does not serve: the usual reason to name a file.
  php: sharedPath('peers/wsdl/cdc-iis-2011.local.wsdl'),
  spyne: undefined,
};

for (const kind of ['php', 'spyne'] as const) {
  test(`${kind}: what is sent arrives byte for byte, and every message is acknowledged`, {
    skip: peerSkip(kind),
  }, async (t) => {
    const peer = await startPeer(t, kind);
    const operation = await openSoap(t, { url: peer.url, credentials: PEER_CREDENTIALS });

    const one = vxu('CTRL-1');
    const single = await operation.send(delivery(one), signal());
    assert.ok(single.kind === 'acknowledgement');
    assert.match(single.text, /^MSH\|\^~\\&\|[^\r]*\rMSA\|AA\|CTRL-1\r$/);

    const names = ids(20);
    const many = batch(names);
    const answered = await operation.send(delivery(many, 20), signal());
    assert.ok(answered.kind === 'acknowledgement');
    assert.deepEqual(
      [...answered.text.matchAll(/\rMSA\|AA\|([^\r]*)/g)].map((match) => match[1]),
      names,
    );
    assert.match(answered.text, /BTS\|20\r$/);

    const large = batch(ids(4000));
    await operation.send(delivery(large, 4000, 65_536), signal());
    assert.deepEqual(
      await peer.arrived(),
      [one, many, large].map((text) => Buffer.from(text)),
    );
  });

  test(`${kind}: a text that is no HL7 is answered AR`, { skip: peerSkip(kind) }, async (t) => {
    const peer = await startPeer(t, kind);
    const operation = await openSoap(t, { url: peer.url, credentials: PEER_CREDENTIALS });
    const answer = await operation.send(delivery('hello <world> & all'), signal());
    assert.ok(answer.kind === 'acknowledgement');
    assert.match(answer.text, /\rMSA\|AR\|/);
  });

  test(`${kind}: wrong password, wrong facility: the destination stops`, { skip: peerSkip(kind) }, async (t) => {
    const peer = await startPeer(t, kind);
    for (const wrong of [{ password: 'not-it' }, { organisation: 'FAC999' }]) {
      const operation = await openSoap(t, { url: peer.url, credentials: { ...PEER_CREDENTIALS, ...wrong } });
      await assert.rejects(operation.send(delivery(vxu('A')), signal()), (error) => {
        assert.ok(error instanceof ConfigError);
        assert.deepEqual([error.code, error.whose], ['SOAP_FAULT_SECURITY', 'ours']);
        assert.match(error.message, /SecurityFault: check user name, password and facility/);
        assert.match(error.words ?? '', /Invalid Username/);
        return true;
      });
    }
    assert.deepEqual(await peer.arrived(), []);
  });

  test(`${kind}: check finds host, contract and probe in order`, { skip: peerSkip(kind) }, async (t) => {
    const peer = await startPeer(t, kind);
    const wsdl = WSDL[kind];
    const operation = await openSoap(t, {
      url: peer.url,
      credentials: PEER_CREDENTIALS,
      ...(wsdl === undefined ? {} : { wsdl }),
    });
    const results = await operation.check(signal());
    assert.deepEqual(
      results.map(({ what, ok, skipped }) => [what, ok, skipped ?? false]),
      [
        ['host', true, false],
        ['certificate', false, true],
        ['contract', true, false],
        ['probe', true, false],
        ['credentials', false, true],
      ],
      JSON.stringify(results),
    );
    assert.deepEqual(await peer.arrived(), []);
  });
}

test('php: too large is said to be too large', { skip: peerSkip('php') }, async (t) => {
  const peer = await startPeer(t, 'php', { IIS_MAX: '1000' });
  const operation = await openSoap(t, { url: peer.url, credentials: PEER_CREDENTIALS });
  await assert.rejects(operation.send(delivery(batch(ids(20)), 20), signal()), (error) => {
    assert.ok(error instanceof TooLargeError);
    assert.equal(error.code, 'SOAP_FAULT_TOO_LARGE');
    return true;
  });
});

test('the batch of others that lies beside the peers goes through both', {
  skip: peerSkip('php') || peerSkip('spyne'),
}, async (t) => {
  const xml = readFileSync(sharedPath('peers/requests/batch20.xml'), 'utf8');
  const text = (/hl7Message>(.*?)<\//s.exec(xml)?.[1] ?? '')
    .replaceAll('&#xD;', '\r')
    .replaceAll('&apos;', "'")
    .replace(/&#x([0-9A-F]+);/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replaceAll('&amp;', '&');
  assert.equal(text.match(/MSH\|/g)?.length, 20);
  for (const kind of ['php', 'spyne'] as const) {
    const peer = await startPeer(t, kind);
    const operation = await openSoap(t, { url: peer.url, credentials: PEER_CREDENTIALS });
    const answer = await operation.send(delivery(text, 20), signal());
    assert.ok(answer.kind === 'acknowledgement');
    assert.equal(answer.text.match(/MSA\|AA\|/g)?.length, 20);
    assert.deepEqual(await peer.arrived(), [Buffer.from(text)]);
  }
});
