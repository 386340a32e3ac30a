/**
 * The whole engine against SOAP stacks of other people: a published file in, the published batch out, byte for byte; what
 * stops it is named, and it goes on when the cause is mended.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { countsOf, startEngine, untilSettled } from '../support/engine.ts';
import { PEER_CREDENTIALS, type Peer, type PeerKind, peerSkip, startPeer } from '../support/peers.ts';
import type { TestProduction } from '../support/production.ts';
import { redisSkip } from '../support/redis.ts';
import { commandsOn, type StatusJson } from './commands.ts';
import {
  DESTINATION,
  laboratory,
  ledgerBatch,
  publishedCsv,
  publishedHl7,
  RESULTS,
  RESULTS_FILE,
  type Secrets,
  untilStopped,
  withoutRun,
  writeSecrets,
} from './laboratory.ts';

const KINDS = ['php', 'spyne'] as const;

/** Lines of the file's rows; its first line is the header. */
const LINES = Array.from({ length: RESULTS }, (_, index) => index + 2);

const skipFor = (kind: PeerKind) => peerSkip(kind) || redisSkip();

function destinationIn(status: StatusJson) {
  const found = status.destinations.find(({ name }) => name === DESTINATION);
  assert.ok(found, `status shows ${DESTINATION}`);
  return found;
}

/** Everything was delivered once: in the ledger, at the receiver, and as `trace` tells it of each line. */
async function holds(
  production: TestProduction,
  peer: Peer,
  attempts: readonly string[],
  lines: readonly number[],
): Promise<void> {
  const commands = commandsOn(production);
  await untilSettled(production, 1);
  assert.deepEqual(countsOf(production, DESTINATION), { delivered: RESULTS });

  const arrived = await peer.arrived();
  assert.equal(arrived.length, 1, 'one request was taken');
  const text = arrived[0]?.toString('utf8') ?? '';
  assert.deepEqual(arrived[0], await ledgerBatch(production, peer.url, 1), 'what arrived is what the ledger holds');
  assert.deepEqual(withoutRun(text), withoutRun(publishedHl7()));

  const messages = text.split(/(?=^MSH\|)/m).slice(1);
  const traces = await Promise.all(lines.map((line) => commands.trace(`${RESULTS_FILE}:${line}`, 'bodies')));
  assert.deepEqual(
    traces.map(({ line }) => line),
    lines,
  );
  for (const { line, entries } of traces) {
    assert.equal(entries.length, 1);
    const [entry] = entries;
    assert.equal(entry?.state, 'delivered', `line ${line}`);
    assert.deepEqual(
      entry?.batches.map(({ state, attempts: made }) => [state, made.map(({ outcome, code }) => `${outcome} ${code}`)]),
      [['done', attempts]],
    );
    assert.equal(entry?.body, messages[line - 2]?.replace(/BTS\|.*$/s, ''), `the body of line ${line}`);
  }
  assert.equal(destinationIn(await commands.status()).state, 'idle');
  assert.equal((await commands.run('verify')).code, 0);
}

for (const kind of KINDS) {
  test(`${kind}: the published batch arrives byte for byte and comes back as ${RESULTS} delivered`, {
    skip: skipFor(kind),
  }, async (t) => {
    const peer = await startPeer(t, kind);
    const production = await laboratory(t);
    await startEngine(t, production, { url: peer.url });
    await production.drop(RESULTS_FILE, publishedCsv());
    await holds(production, peer, ['delivered ACCEPTED'], LINES);
  });
}

interface Trouble {
  readonly name: string;
  readonly kinds: readonly PeerKind[];
  readonly secrets: Secrets;
  /** Environment of the peer while the cause stands. */
  readonly peer: Readonly<Record<string, string>>;
  readonly code: string;
  readonly whose: string;
  /** The receiver's words. */
  readonly words: RegExp;
}

const DENIED = {
  kinds: KINDS,
  peer: {},
  code: 'SOAP_FAULT_SECURITY',
  whose: 'ours',
  words: /SecurityFault.+The receiver said: .*Invalid Username, Password or FacilityID/,
};

const TROUBLES: readonly Trouble[] = [
  { ...DENIED, name: 'a wrong password', secrets: { ...PEER_CREDENTIALS, password: 'not-the-password' } },
  { ...DENIED, name: 'a wrong facility', secrets: { ...PEER_CREDENTIALS, organisation: 'FAC999' } },
  {
    name: 'a batch that is too large',
    kinds: ['php'],
    secrets: PEER_CREDENTIALS,
    peer: { IIS_MAX: '1000' },
    code: 'SOAP_FAULT_TOO_LARGE',
    whose: 'receiver',
    words: /MessageTooLargeFault.+The receiver said: .*Message Too Large/,
  },
];

/** The destination stands, nothing was taken, and both views say why in the receiver's words. */
async function shownAsStopped(production: TestProduction, peer: Peer, trouble: Trouble): Promise<void> {
  const commands = commandsOn(production);
  await untilStopped(production, 1);
  assert.equal(destinationIn(await commands.status()).state, 'stopped');
  const { stop, counts, head } = destinationIn(await commands.status());
  assert.deepEqual([stop?.code, stop?.whose], [trouble.code, trouble.whose]);
  assert.match(stop?.reason ?? '', trouble.words);
  assert.equal(head?.lastCode, trouble.code);
  assert.deepEqual(counts, { queued: RESULTS });
  assert.match((await commands.run('status')).stdout, new RegExp(`STOPPED[^]+${trouble.code}[^]+waybill resume`));

  for (const line of [LINES[0], LINES.at(-1)]) {
    const { entries } = await commands.trace(`${RESULTS_FILE}:${line}`);
    assert.equal(entries[0]?.state, 'queued');
    const attempts = entries[0]?.batches[0]?.attempts ?? [];
    assert.deepEqual(
      attempts.map(({ outcome, code, whose }) => [outcome, code, whose]),
      [['queued', trouble.code, trouble.whose]],
    );
    assert.match(attempts[0]?.words ?? '', trouble.words);
  }
  assert.deepEqual(await peer.arrived(), []);
}

/** Takes the cause away; gives the peer that is there now. */
async function mend(t: TestContext, production: TestProduction, peer: Peer, kind: PeerKind, trouble: Trouble) {
  await writeSecrets(production, PEER_CREDENTIALS);
  if (Object.keys(trouble.peer).length === 0) return peer;
  await peer.stop();
  return startPeer(t, kind, {}, Number(new URL(peer.url).port));
}

for (const trouble of TROUBLES) {
  for (const kind of trouble.kinds) {
    test(`${kind}: ${trouble.name} stops the destination; mended and resumed, it goes on`, {
      skip: skipFor(kind),
    }, async (t) => {
      const peer = await startPeer(t, kind, trouble.peer);
      const production = await laboratory(t, trouble.secrets);
      await startEngine(t, production, { url: peer.url });
      await production.drop(RESULTS_FILE, publishedCsv());
      await shownAsStopped(production, peer, trouble);

      const { run } = commandsOn(production);
      const unmended = await run('resume', DESTINATION);
      assert.equal(unmended.code, 0, unmended.stderr);
      await untilStopped(production, 2);

      const mended = await mend(t, production, peer, kind, trouble);
      assert.equal((await run('resume', DESTINATION, '--reason', 'mended')).code, 0);
      const refused = `queued ${trouble.code}`;
      await holds(production, mended, [refused, refused, 'delivered ACCEPTED'], [2, 21]);
    });
  }
}

/** The laboratory, with batches that are halved where they are too large. */
async function halving(t: TestContext): Promise<TestProduction> {
  const production = await laboratory(t);
  await production.edit('production.yaml', 'maxMessages: 1000', 'maxMessages: 1000\n      mode: auto');
  return production;
}

test('php: a batch that is too large goes in smaller ones where that is automatic, each message once', {
  skip: skipFor('php'),
}, async (t) => {
  const peer = await startPeer(t, 'php', { IIS_MAX: '12000' });
  const production = await halving(t);
  await startEngine(t, production, { url: peer.url });
  await production.drop(RESULTS_FILE, publishedCsv());
  await untilSettled(production, 1);
  assert.deepEqual(countsOf(production, DESTINATION), { delivered: RESULTS });
  const arrived = (await peer.arrived()).map((body) => body.toString('utf8'));
  assert.ok(arrived.length > 1 && arrived.every((text) => Buffer.byteLength(text) <= 12_000));
  const names = (text: string) => [...text.matchAll(/^MSH\|(?:[^|]*\|){8}([^|]*)/gm)].map((match) => match[1]);
  assert.deepEqual(arrived.flatMap(names), names(publishedHl7()));
  assert.equal(destinationIn(await commandsOn(production).status()).stop, null);
});

test('php: a message that is too large alone fails and is to be corrected; nothing stops', {
  skip: skipFor('php'),
}, async (t) => {
  const peer = await startPeer(t, 'php', { IIS_MAX: '200' });
  const production = await halving(t);
  await startEngine(t, production, { url: peer.url });
  await production.drop(RESULTS_FILE, publishedCsv());
  await untilSettled(production, 1);
  assert.deepEqual(countsOf(production, DESTINATION), { failed: RESULTS });
  assert.deepEqual(await peer.arrived(), []);
  const { entries } = await commandsOn(production).trace(`${RESULTS_FILE}:2`);
  const attempts = entries[0]?.batches.flatMap((batch) => batch.attempts) ?? [];
  const last = attempts.find(({ outcome }) => outcome === 'failed');
  assert.deepEqual([last?.code, last?.whose], ['TOO_LARGE_ALONE', 'data']);
  assert.match(last?.words ?? '', /The receiver said: .*Message Too Large/);
});
