/** Every line of the outcome table of MongoDB, provoked over a connection: a line without a test here is an error. */
import assert from 'node:assert/strict';
import { createServer as createNetServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { BSON, type Document } from 'mongodb';
import { DeliveryError } from '../../../engine/errors.ts';
import { type OutcomeName, type OutcomeTable, outcomeOfError } from '../../../engine/outcomes.ts';
import type { MongoConfig } from '../../../operations/mongodb/config.ts';
import { MONGODB_OUTCOMES } from '../../../operations/mongodb/outcome-table.ts';
import { freePort } from '../../../scripts/start/free-port.ts';
import { askingServer } from '../../support/asking-server.ts';
import { Certificates } from '../../support/certificates.ts';
import { temporaryFolder } from '../../support/redis.ts';
import { fakeServer, listening } from './fake-server.ts';
import { delivery, type Message, message, openMongo, send } from './rig.ts';

/** What was told of a message, or of all of them. */
interface Told {
  readonly code: string;
  readonly outcome: OutcomeName;
  /** Absent where it was told of one message. */
  readonly whose?: string;
}

type Provocation = (t: TestContext) => Promise<Told>;
type Config = Partial<MongoConfig>;

const STATES = {
  delivered: 'delivered',
  rejected: 'rejected',
  inDoubt: 'inDoubt',
  queued: 'retry',
  failed: 'failed',
} as const satisfies Record<string, OutcomeName>;

const LIMITS = { connect: 1000, total: 4000 };
const BATCH = [1, 2, 3].map((n) => message({ n }, `b0x1-1-${n}`));

async function failed(work: Promise<unknown>): Promise<Told> {
  const error = await work.then(
    () => assert.fail('the call should have failed'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof DeliveryError, String(error));
  return { code: error.code, outcome: outcomeOfError(error), whose: error.whose };
}

/** The failure at an address where no server is, or none that we can talk to. */
function at(url: string, config: Config = {}): Provocation {
  return async (t) =>
    failed(
      send(await openMongo(t, { url, database: 'd' }, { timeouts: { connect: 600, total: 4000 }, ...config }), BATCH),
    );
}

type Replies = Parameters<typeof fakeServer>[1];

async function against(t: TestContext, replies: Replies, config: Config = {}, hello: Document = {}) {
  const url = await fakeServer(t, replies, hello);
  return openMongo(t, { url, database: 'd' }, { timeouts: LIMITS, ...config });
}

/** The failure of a command that is answered in this way. */
function answered(replies: Replies, config: Config = {}, hello: Document = {}): Provocation {
  return async (t) => failed(send(await against(t, replies, config, hello), BATCH));
}

/** An error of the whole command. */
const whole = (code: number, more: Document = {}) => answered(() => ({ ok: 0, code, errmsg: 'words', ...more }));

/** What became of the message at this position. */
function ofOne(index: number, replies: Replies, config: Config = {}, batch: readonly Message[] = BATCH): Provocation {
  return async (t) => {
    const answer = await send(await against(t, replies, config), batch);
    const { code, outcome } = answer.outcomes[index] ?? assert.fail('an outcome for each message');
    return { code, outcome: STATES[outcome] };
  };
}

/** A message that is refused before anything is sent. */
const ofContent = (content: unknown, config: Config = {}) =>
  ofOne(0, () => ({ ok: 1, n: 1 }), config, [message(content)]);

/** The answer to an ordered write that ended at the second document. */
const second = (code: number, more: Document = {}, concern: Document = {}): Document => ({
  ok: 1,
  n: 1,
  writeErrors: [{ index: 1, code, errmsg: 'words', ...more }],
  ...concern,
});
const UNCONFIRMED = { writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } };

/** A duplicate where the user may write but not read. */
function duplicate(): Replies {
  let first = true;
  return (command) => {
    if ('find' in command) return { ok: 0, code: 13, errmsg: 'not allowed' };
    const failing = first;
    first = false;
    return failing ? second(11000, { keyPattern: { _id: 1 } }) : { ok: 1, n: 1 };
  };
}

const found = (documents: readonly Document[]): Document => ({
  ok: 1,
  cursor: { id: BSON.Long.ZERO, ns: 'd.x', firstBatch: documents },
});

function deep(levels: number): unknown {
  return levels === 0 ? 1 : { a: deep(levels - 1) };
}

async function closedPort(t: TestContext): Promise<Told> {
  return at(`mongodb://127.0.0.1:${await freePort()}/`)(t);
}

async function mute(t: TestContext): Promise<Told> {
  const sockets = new Set<Socket>();
  const port = await listening(
    t,
    createNetServer((socket) => sockets.add(socket)),
    sockets,
  );
  return at(`mongodb://127.0.0.1:${port}/`)(t);
}

async function noTls(t: TestContext): Promise<Told> {
  const sockets = new Set<Socket>();
  const server = createNetServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('data', () => socket.end('this is no TLS, whatever you say'));
  });
  return at(`mongodb://127.0.0.1:${await listening(t, server, sockets)}/`, { tls: {} })(t);
}

async function strangeCertificate(t: TestContext): Promise<Told> {
  const made = new Certificates(await temporaryFolder(t, 'waybill-outcomes-'));
  made.authority('own');
  const sockets = new Set<Socket>();
  const server = createTlsServer({ cert: made.pem('own.pem'), key: made.pem('own.key') });
  server.on('connection', (socket) => sockets.add(socket));
  return at(`mongodb://127.0.0.1:${await listening(t, server, sockets)}/`, { tls: {} })(t);
}

async function withoutCertificate(t: TestContext): Promise<Told> {
  const { port, ca } = await askingServer(t);
  return at(`mongodb://127.0.0.1:${port}/`, { tls: { ca } })(t);
}

async function abortedBefore(t: TestContext): Promise<Told> {
  const operation = await openMongo(t, { url: 'mongodb://127.0.0.1:1/', database: 'd' }, { timeouts: LIMITS });
  return failed(operation.send(delivery(BATCH), AbortSignal.abort()));
}

async function abortedAfter(t: TestContext): Promise<Told> {
  const stop = new AbortController();
  const operation = await against(t, () => {
    stop.abort();
    return 'silence';
  });
  return failed(operation.send(delivery(BATCH), stop.signal));
}

const PROVOKED: Readonly<Record<keyof typeof MONGODB_OUTCOMES, Provocation>> = {
  MONGODB_NAME_NOT_FOUND: at('mongodb://nobody.invalid/'),
  MONGODB_CONNECT_FAILED: closedPort,
  MONGODB_CONNECT_TIMEOUT: mute,
  MONGODB_TLS_FAILED: noTls,
  MONGODB_ABORTED: abortedBefore,
  MONGODB_SERVER_CERTIFICATE: strangeCertificate,
  MONGODB_CLIENT_CERTIFICATE: withoutCertificate,
  MONGODB_AUTHENTICATION: whole(18),
  MONGODB_SERVER_UNSUPPORTED: answered(() => ({ ok: 1 }), {}, { maxWireVersion: 2 }),

  MONGODB_NOT_ALLOWED: whole(13),
  MONGODB_REFUSED: whole(166),
  MONGODB_NOT_PRIMARY: whole(10107),
  MONGODB_BUSY: whole(462, { errorLabels: ['SystemOverloadedError'] }),
  MONGODB_READ_BROKEN: async (t) => {
    const operation = await against(t, () => undefined, { verb: 'query' });
    return failed(send(operation, [message({ _id: 'a' })]));
  },
  MONGODB_BROKEN_OFF: abortedAfter,
  MONGODB_CONNECTION_LOST: answered(() => undefined),
  MONGODB_TIMEOUT: answered(() => 'silence', { timeouts: { connect: 200, total: 300 } }),
  MONGODB_INTERRUPTED: whole(11602),
  MONGODB_ANSWER_UNKNOWN: answered(() => ({ ok: 1, writeErrors: [{ index: 9, code: 121 }] })),

  MONGODB_ALREADY_THERE: ofOne(1, duplicate()),
  MONGODB_BEHIND: ofOne(2, () => second(121)),
  MONGODB_NOT_CONFIRMED: ofOne(1, () => second(11000, {}, UNCONFIRMED)),
  MONGODB_WRITE_CONCERN: ofOne(0, () => second(121, {}, UNCONFIRMED)),
  MONGODB_NOT_A_DOCUMENT: ofContent('no document'),
  MONGODB_KEY_REFUSED: ofContent({ $where: '1' }),
  MONGODB_VALUE_REFUSED: ofContent({ at: { $date: 'yesterday' } }),
  MONGODB_TOO_DEEP: ofContent(deep(120)),
  MONGODB_DOCUMENT_TOO_LARGE: ofContent({ text: 'x'.repeat(17_000_000) }),
  MONGODB_ID_EMPTY: ofContent({ _id: '' }),
  MONGODB_FILTER_VALUE: ofContent({ other: 1 }, { filter: ['mrn'] }),
  MONGODB_ID_TAKEN: ofOne(1, duplicate(), {}, [message({}), message({ _id: 'from-data' }, 'from-data'), message({})]),
  MONGODB_DUPLICATE: ofOne(
    0,
    (command) =>
      'find' in command
        ? found([])
        : { ok: 1, n: 0, writeErrors: [{ index: 0, code: 11000, keyPattern: { mrn: 1 }, errmsg: 'dup' }] },
    { filter: ['mrn'] },
    [message({ mrn: 'A' })],
  ),
  MONGODB_VALIDATION: ofOne(1, () => second(121)),
  MONGODB_DOCUMENT_REFUSED: ofOne(1, () => second(2)),
  MONGODB_ANSWER_TOO_LARGE: ofOne(
    0,
    () => found([{ text: 'x'.repeat(5000) }]),
    { verb: 'query', maxAnswerBytes: 1000 },
    [message({ _id: 'a' })],
  ),
};

test('every line of the table has a test that provokes it, and none is left', () => {
  assert.deepEqual(Object.keys(PROVOKED).toSorted(), Object.keys(MONGODB_OUTCOMES).toSorted());
});

const ROWS: OutcomeTable = MONGODB_OUTCOMES;
for (const [code, provoke] of Object.entries(PROVOKED)) {
  test(`${code}: ${ROWS[code]?.outcome}, ${ROWS[code]?.whose}`, async (t) => {
    const got = await provoke(t);
    const { outcome, whose } = ROWS[code] ?? assert.fail('a line of the table');
    assert.deepEqual([got.code, got.outcome], [code, outcome]);
    if (got.whose !== undefined) assert.equal(got.whose, whose);
  });
}
