/** Answers of servers that cannot be had on demand: what each means for the messages of a batch. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { BSON, type Document } from 'mongodb';
import type { MongoConfig } from '../../../operations/mongodb/config.ts';
import { fakeServer } from './fake-server.ts';
import { failure, message, openMongo, PATIENT, send, shortly } from './rig.ts';

const BATCH = [1, 2, 3].map((n) => message({ name: PATIENT }, `b0x1-1-${n}`));

async function against(
  t: TestContext,
  answer: (command: Document) => Document | undefined,
  config: Partial<MongoConfig> = {},
  hello: Document = {},
) {
  const url = await fakeServer(t, answer, hello);
  return openMongo(t, { url, database: 'd' }, { timeouts: { connect: 2000, total: 5000 }, ...config });
}

/** An error of the whole command; its words quote a document, as a server's may. */
const whole = (code: number, more: Document = {}): Document => ({
  ok: 0,
  code,
  codeName: 'SomeName',
  errmsg: 'words',
  ...more,
});

test('an error of the whole command', async (t) => {
  const cases: readonly [Document, string][] = [
    [whole(10107), 'TransientError MONGODB_NOT_PRIMARY'],
    [whole(13435), 'TransientError MONGODB_NOT_PRIMARY'],
    [whole(462, { errorLabels: ['SystemOverloadedError', 'RetryableError'] }), 'TransientError MONGODB_BUSY'],
    [whole(91, { errorLabels: ['RetryableWriteError', 'NoWritesPerformed'] }), 'TransientError MONGODB_BUSY'],
    [whole(189, { errorLabels: ['RetryableWriteError'] }), 'UncertainError MONGODB_INTERRUPTED'],
    [whole(11602), 'UncertainError MONGODB_INTERRUPTED'],
    [whole(8), 'UncertainError MONGODB_INTERRUPTED'],
    [whole(13), 'ConfigError MONGODB_NOT_ALLOWED'],
    [whole(18), 'ConfigError MONGODB_AUTHENTICATION'],
    [whole(8000), 'ConfigError MONGODB_AUTHENTICATION'],
    [whole(166), 'ConfigError MONGODB_REFUSED'],
    [whole(79), 'ConfigError MONGODB_REFUSED'],
  ];
  for (const [reply, expected] of cases) {
    let commands = 0;
    const operation = await against(t, () => {
      commands += 1;
      return reply;
    });
    assert.equal(await failure(send(operation, BATCH)), expected, String(reply.code));
    assert.equal(commands, 1, 'nobody but the engine tries again');
  }
});

test('a connection that ends without an answer, and an answer that is none', async (t) => {
  const cut = await against(t, () => undefined);
  assert.equal(await failure(send(cut, BATCH)), 'UncertainError MONGODB_CONNECTION_LOST');
  for (const reply of [
    { ok: 1, writeErrors: [{ index: 9, code: 121 }] },
    { ok: 1, writeErrors: [{ code: 121 }] },
    { ok: 1, writeErrors: [{ index: -1, code: 121 }] },
    { ok: 1, writeErrors: [{ index: 0.5, code: 121 }] },
  ]) {
    const strange = await against(t, () => reply);
    assert.equal(await failure(send(strange, BATCH)), 'UncertainError MONGODB_ANSWER_UNKNOWN', JSON.stringify(reply));
  }
});

/** The answer to an ordered write that ended at the second document. */
const second = (code: number, more: Document = {}): Document => ({
  ok: 1,
  n: 1,
  writeErrors: [{ index: 1, code, errmsg: 'words', ...more }],
});

test('an error of one document: refused, for later, or lost behind a router', async (t) => {
  const cases: readonly [Document, readonly string[]][] = [
    [second(121), ['delivered', 'rejected MONGODB_VALIDATION', 'queued MONGODB_BEHIND']],
    [second(2), ['delivered', 'rejected MONGODB_DOCUMENT_REFUSED', 'queued MONGODB_BEHIND']],
    [second(112), ['delivered', 'queued MONGODB_BUSY', 'queued MONGODB_BEHIND']],
    [second(189), ['delivered', 'queued MONGODB_BUSY', 'queued MONGODB_BEHIND']],
    [second(6), ['delivered', 'inDoubt MONGODB_CONNECTION_LOST', 'queued MONGODB_BEHIND']],
    [second(121, {}), ['delivered', 'rejected MONGODB_VALIDATION', 'queued MONGODB_BEHIND']],
    [
      { ...second(121), writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } },
      ['inDoubt MONGODB_WRITE_CONCERN', 'rejected MONGODB_VALIDATION', 'queued MONGODB_BEHIND'],
    ],
    [
      { ...second(11000), writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } },
      ['inDoubt MONGODB_WRITE_CONCERN', 'queued MONGODB_NOT_CONFIRMED', 'queued MONGODB_BEHIND'],
    ],
  ];
  for (const [reply, expected] of cases) {
    const operation = await against(t, () => reply);
    assert.deepEqual(shortly(await send(operation, BATCH)), expected, JSON.stringify(reply));
  }
});

test('the first document is put off: the engine waits before the next try', async (t) => {
  const operation = await against(t, () => ({ ok: 1, n: 0, writeErrors: [{ index: 0, code: 112, errmsg: 'words' }] }));
  assert.equal(await failure(send(operation, BATCH)), 'TransientError MONGODB_BUSY');
});

test('a duplicate where the user may write but not read: the index decides, told by pattern or by words', async (t) => {
  const byPattern = { code: 11000, keyPattern: { _id: 1 }, errmsg: 'E11000 duplicate key error' };
  const byWords = {
    code: 11000,
    errmsg: `E11000 duplicate key error collection: d.x index: _id_ dup key: { _id: "${PATIENT} index: n_1" }`,
  };
  const other = {
    code: 11000,
    errmsg:
      'E11000 duplicate key error collection: d.x index: n_1 dup key: { n: "collection: d.x index: _id_ dup key: " }',
  };
  const answers = (error: Document) => {
    let first = true;
    return (command: Document): Document => {
      if ('find' in command) return whole(13);
      const failing = first;
      first = false;
      return failing ? { ok: 1, n: 1, writeErrors: [{ index: 1, ...error }] } : { ok: 1, n: 1 };
    };
  };
  const there = ['delivered', 'delivered MONGODB_ALREADY_THERE', 'delivered'];
  assert.deepEqual(shortly(await send(await against(t, answers(byPattern)), BATCH)), there);
  assert.deepEqual(shortly(await send(await against(t, answers(byWords)), BATCH)), there);
  const unique = ['delivered', 'rejected MONGODB_DUPLICATE', 'queued MONGODB_BEHIND'];
  assert.deepEqual(shortly(await send(await against(t, answers(other)), BATCH)), unique);
  const named = [message({}), message({ _id: 'from-data' }, 'from-data'), message({})];
  assert.deepEqual(shortly(await send(await against(t, answers(byPattern)), named)), [
    'delivered',
    'rejected MONGODB_ID_TAKEN',
    'queued MONGODB_BEHIND',
  ]);
});

test('the look at what is there fails: what was not written is queued, nothing is guessed', async (t) => {
  const operation = await against(t, (command) =>
    'find' in command ? undefined : { ok: 1, n: 1, writeErrors: [{ index: 1, code: 11000, keyPattern: { _id: 1 } }] },
  );
  assert.deepEqual(shortly(await send(operation, BATCH)), [
    'delivered',
    'queued MONGODB_READ_BROKEN',
    'queued MONGODB_BEHIND',
  ]);
});

test('two upserts in the same moment: the slower one is tried again, not refused', async (t) => {
  const found = { ok: 1, cursor: { id: BSON.Long.ZERO, ns: 'd.x', firstBatch: [{ _id: 'other' }] } };
  const clash = { ok: 1, n: 0, writeErrors: [{ index: 0, code: 11000, keyPattern: { mrn: 1 }, errmsg: 'dup' }] };
  const batch = [message({ mrn: 'A' })];
  const race = await against(t, (command) => ('find' in command ? found : clash), { filter: ['mrn'] });
  assert.equal(await failure(send(race, batch)), 'TransientError MONGODB_BUSY');
  const none = { ok: 1, cursor: { id: BSON.Long.ZERO, ns: 'd.x', firstBatch: [] } };
  const other = await against(t, (command) => ('find' in command ? none : clash), { filter: ['mrn'] });
  assert.deepEqual(shortly(await send(other, batch)), ['rejected MONGODB_DUPLICATE']);
});

test('a server that is too old stops the destination', async (t) => {
  const operation = await against(t, () => ({ ok: 1 }), {}, { maxWireVersion: 2 });
  assert.equal(await failure(send(operation, BATCH)), 'ConfigError MONGODB_SERVER_UNSUPPORTED');
});

test('a query is never in doubt', async (t) => {
  const query = { verb: 'query' } as const;
  const ask = [message({ _id: 'a' }), message({ _id: 'b' })];
  assert.equal(
    await failure(send(await against(t, () => undefined, query), ask)),
    'TransientError MONGODB_READ_BROKEN',
  );
  assert.equal(await failure(send(await against(t, () => whole(11602), query), ask)), 'TransientError MONGODB_BUSY');
  assert.equal(await failure(send(await against(t, () => whole(13), query), ask)), 'ConfigError MONGODB_NOT_ALLOWED');
  let asked = 0;
  const half = await against(
    t,
    () => {
      asked += 1;
      return asked > 1 ? undefined : { ok: 1, cursor: { id: BSON.Long.ZERO, ns: 'd.x', firstBatch: [{ _id: 'a' }] } };
    },
    query,
  );
  const answer = await send(half, ask);
  assert.deepEqual(shortly(answer), ['delivered', 'queued MONGODB_BEHIND']);
  assert.equal(Buffer.from(answer.raw).toString(), '{"_id":"a"}\n');
});
