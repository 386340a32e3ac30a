/** What every failure means for the messages: nothing sent, in doubt, stopped; and that a repeat leaves each document once. */
import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { freePort } from '../../../scripts/start/free-port.ts';
import { ownMongo, ownMongoSkip, smallMongoSkip, type TestMongo, testMongo } from '../../support/mongo.ts';
import { temporaryFolder } from '../../support/redis.ts';
import { listening } from './fake-server.ts';
import { delivery, failure, message, NO_LIMIT, openMongo, PATIENT, runs, send, shortly } from './rig.ts';

const NOWHERE = { database: 'd', timeouts: { connect: 800, total: 5000 } };

/**
 * Stands between driver and server. `onAnswer` sees each piece of an answer to a command whose request matches; `onRequest`
 * sees the piece that matches, and says whether it goes on.
 */
async function proxy(
  t: TestContext,
  mongo: Pick<TestMongo, 'url'>,
  trap: RegExp,
  onAnswer: (client: Socket) => void,
  onRequest: () => boolean = () => true,
): Promise<{ readonly url: string; off(): void }> {
  const { host } = new URL(mongo.url.replace('mongodb:', 'http:'));
  const port = Number(host.split(':')[1]);
  const sockets = new Set<Socket>();
  let on = true;
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let caught = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    client.on('data', (chunk: Buffer) => {
      const isFirst = !caught && on && trap.test(chunk.toString('latin1'));
      caught ||= isFirst;
      if (!isFirst || onRequest()) upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => (caught ? onAnswer(client) : client.write(chunk)));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  const own = await listening(t, server, sockets);
  return {
    url: `mongodb://127.0.0.1:${own}/?directConnection=true`,
    off: () => {
      on = false;
    },
  };
}

describe('mongodb: nothing was sent', () => {
  test('nobody listens, no such name, and a server that says nothing: tried again', async (t) => {
    const port = await freePort();
    const refused = await openMongo(
      t,
      { ...NOWHERE, url: `mongodb://marker-user:marker-pass@127.0.0.1:${port}/` },
      NOWHERE,
    );
    assert.equal(
      await failure(send(refused, [message({ name: PATIENT })]), ['marker']),
      'TransientError MONGODB_CONNECT_FAILED',
    );
    const unknown = await openMongo(t, { ...NOWHERE, url: 'mongodb://nobody.invalid/' }, NOWHERE);
    assert.equal(await failure(send(unknown, [message({})])), 'TransientError MONGODB_NAME_NOT_FOUND');
    const sockets = new Set<Socket>();
    const mute = createServer((socket) => sockets.add(socket));
    const own = await listening(t, mute, sockets);
    const silent = await openMongo(t, { ...NOWHERE, url: `mongodb://127.0.0.1:${own}/` }, NOWHERE);
    const watched = delivery([message({})]);
    assert.equal(await failure(silent.send(watched, NO_LIMIT)), 'TransientError MONGODB_CONNECT_TIMEOUT');
    assert.deepEqual(watched.seen, { first: 0, last: 0 });
    const stop = new AbortController();
    mute.once('connection', () => stop.abort());
    const aborted = silent.send(delivery([message({})]), stop.signal);
    assert.equal(await failure(aborted), 'TransientError MONGODB_ABORTED');
  });

  test('a message that cannot be sent is known even where there is no server; the others wait', async (t) => {
    const operation = await openMongo(t, { ...NOWHERE, url: `mongodb://127.0.0.1:${await freePort()}/` }, NOWHERE);
    const answer = await send(operation, [message('no document'), message({}), message({})]);
    assert.deepEqual(shortly(answer), [
      'rejected MONGODB_NOT_A_DOCUMENT',
      'queued MONGODB_CONNECT_FAILED',
      'queued MONGODB_CONNECT_FAILED',
    ]);
  });
});

describe('mongodb: in doubt', { skip: ownMongoSkip() }, () => {
  test('the answer is lost on its way: in doubt, and the repeat finds the document', async (t) => {
    const mongo = await testMongo(t);
    await mongo.db.createCollection('x');
    const between = await proxy(t, mongo, /insert\0/, (client) => client.destroy());
    const operation = await openMongo(t, { ...mongo, url: between.url });
    const batch = [message({ n: 1, name: PATIENT }), message({ n: 2 })];
    assert.equal(await failure(send(operation, batch)), 'UncertainError MONGODB_CONNECTION_LOST');
    between.off();
    const answer = await send(operation, batch);
    assert.deepEqual(shortly(answer), ['delivered MONGODB_ALREADY_THERE', 'delivered MONGODB_ALREADY_THERE']);
    assert.equal(await mongo.db.collection('x').countDocuments(), 2);
  });

  test('the answer does not come in time, or we break off: in doubt, and the connection is not used again', async (t) => {
    const mongo = await testMongo(t);
    const between = await proxy(t, mongo, /insert\0/, () => undefined);
    const operation = await openMongo(t, { ...mongo, url: between.url }, { timeouts: { total: 400 } });
    const batch = [message({ n: 1 })];
    assert.equal(await failure(send(operation, batch)), 'UncertainError MONGODB_TIMEOUT');
    const patient = await openMongo(t, { ...mongo, url: between.url });
    const stop = new AbortController();
    const broken = patient.send(delivery(batch, { first: () => setImmediate(() => stop.abort()) }), stop.signal);
    assert.equal(await failure(broken), 'UncertainError MONGODB_BROKEN_OFF');
    between.off();
    assert.deepEqual(shortly(await send(patient, batch)), ['delivered MONGODB_ALREADY_THERE']);
    assert.deepEqual(shortly(await send(operation, batch)), ['delivered MONGODB_ALREADY_THERE']);
  });

  test('a second command that is lost: what went before is delivered, what comes after was not sent', async (t) => {
    const mongo = await testMongo(t);
    const between = await proxy(t, mongo, /trapped/, (client) => client.destroy());
    const operation = await openMongo(t, { ...mongo, url: between.url });
    const batch = Array.from({ length: 2500 }, (_, n) => message({ n, mark: n === 1500 ? 'trapped' : '' }, `k${n}`));
    const answer = await send(operation, batch);
    assert.equal(runs(answer.outcomes), '1000 delivered, 1000 inDoubt, 500 queued');
    between.off();
    assert.equal(runs((await send(operation, batch.slice(1000))).outcomes), '1500 delivered');
    assert.equal(await mongo.db.collection('x').countDocuments(), 2500);
  });

  test('the server is killed in the middle of a batch and started again: each document exactly once', async (t) => {
    const mongo = await ownMongo(t);
    await mongo.db.createCollection('x');
    let rounds = 0;
    for (const moment of ['at its first byte', 'within the command', 'at the answer'] as const) {
      let killed: Promise<void> | undefined;
      const kill = (when: typeof moment) => {
        if (when === moment) killed ??= mongo.kill();
      };
      const between = await proxy(
        t,
        mongo,
        /second half/,
        (client) => {
          kill('at the answer');
          client.destroy();
        },
        () => {
          kill('within the command');
          return moment !== 'within the command';
        },
      );
      if (moment === 'at its first byte') between.off();
      const operation = await openMongo(
        t,
        { ...mongo, url: between.url },
        { timeouts: { connect: 20_000, total: 60_000 } },
      );
      const batch = Array.from({ length: 500 }, (_, n) =>
        message({ round: rounds, n, text: (n < 250 ? 'lorem ' : 'second half ').repeat(200) }, `r${rounds}-${n}`),
      );
      const result = await operation.send(delivery(batch, { first: () => kill('at its first byte') }), NO_LIMIT).then(
        (answer) => (answer.kind === 'outcomes' ? runs(answer.outcomes) : answer.kind),
        (error: unknown) => (error instanceof Error ? error.name : String(error)),
      );
      assert.ok(killed, `not killed ${moment}`);
      await killed;
      assert.equal(result, 'UncertainError', moment);
      await mongo.restart();
      between.off();
      assert.equal(runs((await send(operation, batch)).outcomes), '500 delivered');
      assert.equal(await mongo.db.collection('x').countDocuments({ round: rounds }), 500);
      rounds += 1;
    }
    assert.equal((await mongo.db.collection('x').distinct('_id')).length, rounds * 500);
  });

  test('a write concern that cannot be met: written, not confirmed, and a repeat is not called delivered either', async (t) => {
    const mongo = await testMongo(t);
    const operation = await openMongo(t, mongo, { writeConcern: { w: 5 }, timeouts: { total: 3000 } });
    const batch = [message({ n: 1 }, 'a'), message({ n: 2 }, 'b')];
    const answer = await send(operation, batch);
    assert.deepEqual(shortly(answer), ['inDoubt MONGODB_WRITE_CONCERN', 'inDoubt MONGODB_WRITE_CONCERN']);
    assert.equal(await mongo.db.collection('x').countDocuments(), 2);
    assert.equal(await failure(send(operation, batch)), 'TransientError MONGODB_NOT_CONFIRMED');
    const sane = await openMongo(t, mongo);
    assert.equal(runs((await send(sane, batch)).outcomes), '2 delivered');
  });
});

describe('mongodb: the destination stops', { skip: smallMongoSkip() }, () => {
  test('wrong password, a missing right, no user at all', async (t) => {
    const folder = await temporaryFolder(t, 'waybill-mongo-');
    const open = await ownMongo(t, { folder });
    const { database } = open;
    await open.db.createCollection('x');
    const user = (name: string, roles: unknown) =>
      open.client.db('admin').command({ createUser: name, pwd: `${name}-secret`, roles });
    await user('writer', [{ role: 'readWrite', db: database }]);
    await user('reader', [{ role: 'read', db: database }]);
    await open.kill();
    const as = (credentials: string) => ownMongo(t, { folder, credentials, args: ['--auth'] });

    const wrong = await as('writer:another-secret');
    const refused = await openMongo(t, { ...wrong, database });
    const secrets = ['another-secret', 'writer'];
    assert.equal(await failure(send(refused, [message({})]), secrets), 'ConfigError MONGODB_AUTHENTICATION');
    await wrong.kill();

    const reading = await as('reader:reader-secret');
    const reader = await openMongo(t, { ...reading, database });
    assert.equal(await failure(send(reader, [message({})]), ['reader-secret']), 'ConfigError MONGODB_NOT_ALLOWED');
    await reading.kill();

    const nobody = await ownMongo(t, { folder, args: ['--auth'] });
    const anonymous = await openMongo(t, { ...nobody, database });
    assert.equal(await failure(send(anonymous, [message({})])), 'ConfigError MONGODB_NOT_ALLOWED');
    await nobody.kill();

    const writing = await as('writer:writer-secret');
    const writer = await openMongo(t, { ...writing, database });
    assert.equal(runs((await send(writer, [message({})])).outcomes), '1 delivered');
  });
});
