/** Every line of the outcome table of SOAP, provoked over a connection: a line without a test here is an error. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { type TestContext, test } from 'node:test';
import type { MessageOutcome } from '../../../engine/contracts/operation.ts';
import type { DeliveryError } from '../../../engine/errors.ts';
import { type OutcomeName, type OutcomeTable, outcomeOfError } from '../../../engine/outcomes.ts';
import type { SoapConfig } from '../../../operations/soap/config.ts';
import { SOAP_OUTCOMES } from '../../../operations/soap/outcomes.ts';
import { askingServer } from '../../support/asking-server.ts';
import { Certificates } from '../../support/certificates.ts';
import { cleanUp, temporaryFolder } from '../../support/redis.ts';
import {
  ack,
  answering,
  batch,
  delivery,
  envelope,
  failure,
  fault,
  http,
  ids,
  onRequest,
  openSoap,
  type RawServer,
  rawServer,
  resources,
  response,
  vxu,
} from './rig.ts';

/** What was told of a message, or of all. */
interface Told {
  readonly code: string;
  readonly outcome: OutcomeName;
  /** Absent where the engine finds out whose fault it is. */
  readonly whose?: string;
}

type Provocation = (t: TestContext) => Promise<Told>;

// A computed key: an object with a literal `then` is taken for a promise by the linter.
const THEN = 'then';
const STATES: Readonly<Record<MessageOutcome['outcome'], OutcomeName>> = {
  delivered: 'delivered',
  rejected: 'rejected',
  inDoubt: 'inDoubt',
  queued: 'retry',
  failed: 'failed',
};

function told(error: DeliveryError): Told {
  return { code: error.code, outcome: outcomeOfError(error), whose: error.whose };
}

const DIALECTS = resources({
  words: {
    dialect: 'words',
    extends: 'cdc-iis-2011',
    statuses: {
      '500': { [THEN]: 'stop' },
      '501': { [THEN]: 'retry' },
      '502': { [THEN]: 'tooLarge' },
      '505': { [THEN]: 'fail' },
      '4xx': { [THEN]: 'inDoubt' },
    },
    faults: {
      Stop: { [THEN]: 'stop' },
      Retry: { [THEN]: 'retry' },
      Fail: { [THEN]: 'fail' },
      Doubt: { [THEN]: 'inDoubt' },
    },
  },
  small: { dialect: 'small', extends: 'cdc-iis-2011', batch: { maxMessages: 1 } },
  asked: {
    dialect: 'asked',
    extends: 'cdc-iis-2011',
    status: {
      request: { element: 'GetStatus', children: [{ element: 'Id', from: 'controlId' }] },
      state: 'GetStatusResponse/State',
      states: { working: ['OPEN'], unknown: ['NONE'], delivered: ['TAKEN'], rejected: ['REFUSED'] },
    },
  },
});

type Config = Partial<SoapConfig>;

/** The failure of a call to a server that serves its connections in this way. */
function served(
  serve: Parameters<typeof rawServer>[1],
  config: Config = {},
  what = delivery(vxu('ID-1')),
): Provocation {
  return async (t) => told(await failure(await open(t, await rawServer(t, serve), config), what));
}

/** The failure of a call that gets this answer. */
function answered(answer: Buffer, config: Config = {}): Provocation {
  return served((socket) => onRequest(socket, () => socket.write(answer)), config);
}

/** The failure of a call to a server that has no place at all. */
function to(url: string, config: Config = {}): Provocation {
  return async (t) => told(await failure(await openSoap(t, { url, ...config })));
}

function open(t: TestContext, server: RawServer, config: Config) {
  return openSoap(t, { url: server.url, ...config }, DIALECTS);
}

/** What the messages of an answer with a flag have become. */
function flagged(success: string): Buffer {
  const message = `<Success>${success}</Success><Message>Duplicate file</Message>`;
  return http(
    200,
    envelope(
      `<UploadFilesResponse><UploadFilesResult><ELRWcfReturnMessage>${message}</ELRWcfReturnMessage></UploadFilesResult></UploadFilesResponse>`,
    ),
  );
}

const PA = { dialect: 'pa-elr' } as const;
const POLL = { dialect: 'submit-poll' } as const;

/** What the receiver says of two messages when it is asked about each; the verdict on the second. */
function asked(...states: readonly [string, string]): Provocation {
  return async (t) => {
    let questions = 0;
    const server = await rawServer(t, (socket) =>
      onRequest(socket, () => {
        const state = states[questions] ?? '';
        questions += 1;
        socket.write(http(200, envelope(`<GetStatusResponse><State>${state}</State></GetStatusResponse>`)));
      }),
    );
    const operation = await open(t, server, { dialect: 'asked' });
    assert.ok(operation.probe);
    const answer = await operation.probe(
      { batchId: 'B1', ticket: undefined, ids: ['A', 'B'] },
      AbortSignal.timeout(9000),
    );
    assert.ok(answer.kind === 'outcomes');
    const [, { code, outcome } = assert.fail('two outcomes')] = answer.outcomes;
    return { code, outcome: STATES[outcome] };
  };
}

/** A server with this certificate, that may ask for ours. */
async function tlsServer(t: TestContext): Promise<string> {
  const made = new Certificates(await temporaryFolder(t, 'waybill-outcomes-'));
  made.authority('own');
  const server = createServer({ cert: made.pem('own.pem'), key: made.pem('own.key') }, (_request, answer) =>
    answer.end(),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => void server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `https://127.0.0.1:${address.port}/iis`;
}

async function withoutCertificate(t: TestContext): Promise<Told> {
  const { port, ca } = await askingServer(t);
  return to(`https://127.0.0.1:${port}/`, { tls: { ca } })(t);
}

async function closedPort(t: TestContext): Promise<Told> {
  const server = await rawServer(t, () => undefined);
  await server.close();
  return to(server.url)(t);
}

async function silentHandshake(t: TestContext): Promise<Told> {
  const server = await rawServer(t, () => undefined);
  return to(server.url.replace('http:', 'https:'), { timeouts: { connect: 100 } })(t);
}

async function noTls(t: TestContext): Promise<Told> {
  const server = await rawServer(t, (socket) =>
    socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  );
  return to(server.url.replace('http:', 'https:'))(t);
}

async function abortedAfter(t: TestContext): Promise<Told> {
  const server = await rawServer(t, (socket) => onRequest(socket, () => undefined));
  const stop = new AbortController();
  const what = { ...delivery(vxu('A')), lastByte: () => stop.abort() };
  return told(await failure(await open(t, server, {}), what, stop.signal));
}

async function abortedBefore(t: TestContext): Promise<Told> {
  const server = await rawServer(t, () => undefined);
  return told(await failure(await open(t, server, {}), delivery(vxu('A')), AbortSignal.abort()));
}

async function refusedByFlag(t: TestContext): Promise<Told> {
  const operation = await open(t, await answering(t, flagged('False')), PA);
  const answer = await operation.send(delivery(batch(['A', 'B']), 2), AbortSignal.timeout(9000));
  assert.ok(answer.kind === 'outcomes');
  assert.ok(answer.outcomes.every(({ outcome, words }) => outcome === 'rejected' && words === 'Duplicate file'));
  const [first = assert.fail('two outcomes')] = answer.outcomes;
  return { code: first.code, outcome: STATES[first.outcome] };
}

const WORDS = { dialect: 'words' } as const;
const ticket = (text: string) => http(200, envelope(`<SubmitResponse><Ticket>${text}</Ticket></SubmitResponse>`));

const PROVOKED: Readonly<Record<keyof typeof SOAP_OUTCOMES, Provocation>> = {
  SOAP_XML_CHARACTER: served(() => undefined, {}, delivery('MSH|\u0001')),
  SOAP_NAME_NOT_FOUND: to('http://registry.invalid/iis'),
  SOAP_CONNECT_FAILED: closedPort,
  SOAP_CONNECT_TIMEOUT: silentHandshake,
  SOAP_TLS_FAILED: noTls,
  SOAP_RECEIVER_CERTIFICATE: async (t) => to(await tlsServer(t))(t),
  SOAP_CLIENT_CERTIFICATE: withoutCertificate,
  SOAP_ABORTED: abortedBefore,
  SOAP_BATCH_TOO_LARGE: served(() => undefined, { dialect: 'small' }, delivery(batch(['A', 'B']), 2)),

  SOAP_BROKEN_OFF: abortedAfter,
  SOAP_CONNECTION_LOST: served((socket) => onRequest(socket, () => socket.resetAndDestroy())),
  SOAP_SEND_TIMEOUT: served(
    (socket) => socket.pause(),
    { timeouts: { total: 200 } },
    delivery(Buffer.alloc(30_000_000, 'x'), 1, 65_536),
  ),
  SOAP_ANSWER_TIMEOUT: served((socket) => onRequest(socket, () => undefined), { timeouts: { firstByte: 80 } }),
  SOAP_ANSWER_TOO_LARGE: answered(http(200, 'x'.repeat(2000)), { maxAnswerBytes: 1000 }),

  SOAP_ANSWER_CHARSET: answered(http(200, Buffer.from(response('MSA|\u00e9'), 'latin1'))),
  SOAP_ANSWER_NOT_XML: answered(http(200, '<html><body>Sign in<br></body></html>')),
  SOAP_ANSWER_EMPTY: answered(http(200, response(''))),
  SOAP_SUCCESS_UNKNOWN: answered(flagged('perhaps'), PA),
  SOAP_TICKET_UNUSABLE: answered(ticket('x'.repeat(201)), POLL),
  SOAP_SUCCESS_FALSE: refusedByFlag,
  SOAP_ASKED_TAKEN: asked('OPEN', 'TAKEN'),
  SOAP_ASKED_REFUSED: asked('OPEN', 'REFUSED'),
  SOAP_ASKED_NOT_THERE: asked('OPEN', 'NONE'),
  SOAP_ASKED_OPEN: asked('TAKEN', 'OPEN'),

  SOAP_HTTP_BUSY: answered(http(503, '', { 'retry-after': '7' })),
  SOAP_HTTP_ERROR: answered(http(500, 'Internal error')),
  SOAP_HTTP_UNAUTHORIZED: answered(http(401, '')),
  SOAP_HTTP_NOT_FOUND: answered(http(404, '')),
  SOAP_HTTP_REDIRECT: answered(http(307, '', { location: 'http://127.0.0.1:1/' })),
  SOAP_HTTP_REFUSED: answered(http(400, 'no')),
  SOAP_HTTP_TOO_LARGE: answered(http(413, '')),
  SOAP_STATUS_STOP: answered(http(500, ''), WORDS),
  SOAP_STATUS_RETRY: answered(http(501, ''), WORDS),
  SOAP_STATUS_TOO_LARGE: answered(http(502, ''), WORDS),
  SOAP_STATUS_FAIL: answered(http(505, ''), WORDS),
  SOAP_STATUS_IN_DOUBT: answered(http(422, ''), WORDS),

  SOAP_FAULT_SECURITY: answered(http(500, fault('<SecurityFault/>'))),
  SOAP_FAULT_TOO_LARGE: answered(http(500, fault('<MessageTooLargeFault/>'))),
  SOAP_FAULT_UNSUPPORTED: answered(http(500, fault('<UnsupportedOperationFault/>'))),
  SOAP_FAULT_SENDER: answered(http(400, fault('', 'Sender'))),
  SOAP_FAULT_RECEIVER: answered(http(500, fault('', 'env:Receiver'))),
  SOAP_FAULT_UNKNOWN: answered(http(200, fault('<Odd/>', 'env:Odd'))),
  SOAP_FAULT_STOP: answered(http(500, fault('<Stop/>')), WORDS),
  SOAP_FAULT_RETRY: answered(http(500, fault('<Retry/>')), WORDS),
  SOAP_FAULT_FAIL: answered(http(500, fault('<Fail/>')), WORDS),
  SOAP_FAULT_IN_DOUBT: answered(http(500, fault('<Doubt/>')), WORDS),
};

test('every line of the table has a test that provokes it, and none is left', () => {
  assert.deepEqual(Object.keys(PROVOKED).toSorted(), Object.keys(SOAP_OUTCOMES).toSorted());
});

const ROWS: OutcomeTable = SOAP_OUTCOMES;
for (const [code, provoke] of Object.entries(PROVOKED)) {
  test(`${code}: ${ROWS[code]?.outcome}, ${ROWS[code]?.whose}`, async (t) => {
    const found = await provoke(t);
    const { outcome, whose } = ROWS[code] ?? assert.fail('a line of the table');
    assert.deepEqual([found.code, found.outcome], [code, outcome]);
    if (found.whose !== undefined) assert.equal(found.whose, whose);
  });
}

test('a time-out names the moment: before, while and after the request went out', async (t) => {
  assert.equal((await PROVOKED.SOAP_CONNECT_TIMEOUT(t)).outcome, 'retry');
  assert.equal((await PROVOKED.SOAP_SEND_TIMEOUT(t)).outcome, 'inDoubt');
  assert.equal((await PROVOKED.SOAP_ANSWER_TIMEOUT(t)).outcome, 'inDoubt');
});

test('a connection that is lost says whether the request was all sent', async (t) => {
  const within = await rawServer(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  const large = delivery(batch(ids(40_000)), 40_000, 65_536);
  assert.match((await failure(await open(t, within, {}), large)).message, /while the request went out/);
  const after = await rawServer(t, (socket) => onRequest(socket, () => socket.resetAndDestroy()));
  assert.match((await failure(await open(t, after, {}))).message, /after the request had gone out/);
});

test('HTTP 200 with Success=False is never delivered, and a 500 with a clear AE inside is read', async (t) => {
  assert.equal((await refusedByFlag(t)).outcome, 'rejected');
  const server = await answering(t, http(500, response(ack('ID-1', 'AE'))));
  const answer = await (await open(t, server, {})).send(delivery(vxu('ID-1')), AbortSignal.timeout(9000));
  assert.ok(answer.kind === 'acknowledgement');
  assert.equal(answer.text, ack('ID-1', 'AE'));
});

test('what the dialect does with a kind of fault otherwise has the code of what is done', async (t) => {
  const gentle = resources({
    gentle: {
      dialect: 'gentle',
      extends: 'cdc-iis-2011',
      faults: { SecurityFault: { [THEN]: 'retry', whose: 'receiver' } },
    },
  });
  const server = await answering(t, http(500, fault('<SecurityFault/>')));
  const error = await failure(await openSoap(t, { url: server.url, dialect: 'gentle' }, gentle));
  assert.deepEqual(told(error), { code: 'SOAP_FAULT_RETRY', outcome: 'retry', whose: 'receiver' });
});
