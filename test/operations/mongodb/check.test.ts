/** `check`, and TLS: what is tried at the server, what is warned of, and that nothing is changed. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import type { CheckResult, Operation } from '../../../engine/contracts/operation.ts';
import { freePort } from '../../../scripts/start/free-port.ts';
import { Certificates } from '../../support/certificates.ts';
import { mongoSkip, ownMongo, smallMongoSkip, testMongo } from '../../support/mongo.ts';
import { temporaryFolder } from '../../support/redis.ts';
import { fakeServer } from './fake-server.ts';
import { failure, message, openMongo, runs, send } from './rig.ts';

async function check(operation: Operation): Promise<ReadonlyMap<string, CheckResult>> {
  const results = await operation.check(AbortSignal.timeout(20_000));
  assert.doesNotMatch(inspect(results, { depth: 5 }), /secret/);
  assert.deepEqual(
    results.map(({ what }) => what),
    ['host', 'certificate', 'credentials', 'rights'],
  );
  return new Map(results.map((result) => [result.what, result]));
}

/** `ok`, `skipped` or the code of each step. */
function verdicts(results: ReadonlyMap<string, CheckResult>): readonly string[] {
  return [...results.values()].map(({ ok, skipped, code }) => (ok ? 'ok' : skipped ? 'skipped' : (code ?? 'no code')));
}

describe('mongodb: check', { skip: mongoSkip() }, () => {
  test('a server on this machine without a password: all is well, nothing is made', async (t) => {
    const mongo = await testMongo(t);
    const results = await check(await openMongo(t, mongo));
    assert.equal(results.get('host')?.ok, true);
    assert.equal(results.get('rights')?.ok, true);
    assert.deepEqual(await mongo.db.listCollections().toArray(), []);
  });

  test('nobody there: the first step fails, the others are skipped; broken off in time', async (t) => {
    const url = `mongodb://user:secret@127.0.0.1:${await freePort()}/`;
    const operation = await openMongo(t, { url, database: 'd' }, { timeouts: { connect: 500 } });
    assert.deepEqual(verdicts(await check(operation)), ['MONGODB_CONNECT_FAILED', 'skipped', 'skipped', 'skipped']);
    const broken = await operation.check(AbortSignal.abort());
    assert.equal(broken[0]?.code, 'MONGODB_ABORTED');
  });
});

describe('mongodb: check warns', () => {
  /** The address is never connected to over a network: a name of this machine that is not known as loopback. */
  async function elsewhere(t: TestContext, options: string): Promise<ReadonlyMap<string, CheckResult>> {
    const url = await fakeServer(t, () => ({ ok: 1, authInfo: { authenticatedUsers: [] } }));
    const address = url.replace('127.0.0.1', '0.0.0.0').replace(/\/$/, `/${options}`);
    return check(await openMongo(t, { url: address, database: 'd' }, { timeouts: { connect: 2000 } }));
  }

  test('of a server over the network without TLS and without a password', async (t) => {
    const results = await elsewhere(t, '');
    assert.match(results.get('certificate')?.detail ?? '', /no TLS over the network: .* in the clear/);
    assert.equal(results.get('certificate')?.ok, false);
    assert.match(results.get('credentials')?.detail ?? '', /over the network: whoever reaches the server can read/);
    assert.equal(results.get('credentials')?.ok, false);
  });
});

describe('mongodb: check reads what the user may do', () => {
  const privileges = (...list: readonly [unknown, readonly string[]][]) => ({
    authenticatedUserPrivileges: list.map(([resource, actions]) => ({ resource, actions })),
  });
  const here = { db: 'd', collection: 'x' };
  const cases: readonly [string, object, string, RegExp][] = [
    ['everything here', privileges([{ db: 'd', collection: '' }, ['find', 'insert']]), 'ok', /may insert on d\.x$/],
    ['no reading', privileges([here, ['insert']]), 'ok', /without find/],
    [
      'another collection',
      privileges([{ db: 'd', collection: 'y' }, ['insert']]),
      'MONGODB_NOT_ALLOWED',
      /lacks insert/,
    ],
    ['everywhere', privileges([{ anyResource: true }, ['insert', 'find']]), 'ok', /may insert/],
    [
      'a role of another database',
      { authenticatedUserRoles: [{ role: 'readWrite', db: 'e' }] },
      'MONGODB_NOT_ALLOWED',
      /lacks/,
    ],
    ['a role for all', { authenticatedUserRoles: [{ role: 'readWriteAnyDatabase', db: 'admin' }] }, 'ok', /may insert/],
    ['a role of their own', { authenticatedUserRoles: [{ role: 'ours', db: 'd' }] }, 'skipped', /does not say/],
    ['nothing at all', {}, 'MONGODB_NOT_ALLOWED', /lacks insert/],
  ];
  for (const [title, info, expected, detail] of cases) {
    test(title, async (t) => {
      const url = await fakeServer(t, () => ({
        ok: 1,
        authInfo: { authenticatedUsers: [{ user: 'u', db: 'd' }], ...info },
      }));
      const results = await check(await openMongo(t, { url, database: 'd' }));
      assert.equal(verdicts(results)[3], expected);
      assert.match(results.get('rights')?.detail ?? '', detail);
    });
  }
});

describe('mongodb: users and certificates', { skip: smallMongoSkip() }, () => {
  test('each right is looked at, for each verb; no more than that is asked', async (t) => {
    const folder = await temporaryFolder(t, 'waybill-mongo-');
    const open = await ownMongo(t, { folder });
    const { database } = open;
    for (const [name, role] of [
      ['writer', 'readWrite'],
      ['reader', 'read'],
    ] as const) {
      await open.client.db('admin').command({ createUser: name, pwd: 'a-secret', roles: [{ role, db: database }] });
    }
    await open.kill();
    const server = await ownMongo(t, { folder, args: ['--auth'] });
    const as = async (credentials: string, config = {}) => {
      const url = server.url.replace('//', `//${credentials}@`);
      return verdicts(await check(await openMongo(t, { url, database }, config)));
    };
    assert.deepEqual(await as('writer:a-secret'), ['ok', 'skipped', 'ok', 'ok']);
    assert.deepEqual(await as('reader:a-secret'), ['ok', 'skipped', 'ok', 'MONGODB_NOT_ALLOWED']);
    assert.deepEqual(await as('reader:a-secret', { verb: 'delete' }), ['ok', 'skipped', 'ok', 'MONGODB_NOT_ALLOWED']);
    assert.deepEqual(await as('reader:a-secret', { verb: 'query' }), ['ok', 'skipped', 'ok', 'ok']);
    assert.deepEqual(await as('writer:no-secret'), ['MONGODB_AUTHENTICATION', 'skipped', 'skipped', 'skipped']);
    const nobody = await check(await openMongo(t, { url: server.url, database }));
    assert.deepEqual(verdicts(nobody), ['ok', 'skipped', 'skipped', 'MONGODB_NOT_ALLOWED']);
  });

  test('TLS: a private CA is trusted where it is named; a strange one, another name, and a missing client certificate stop', async (t) => {
    const certificates = new Certificates(await temporaryFolder(t, 'waybill-mongo-tls-'));
    const pem = (file: string): string => certificates.pem(file);
    const at = (file: string): string => certificates.path(file);
    certificates.authority('ca');
    certificates.authority('other-ca');
    certificates.issue('server', 'ca', 'subjectAltName=IP:127.0.0.1');
    certificates.issue('client', 'ca', 'extendedKeyUsage=clientAuth');
    const server = await ownMongo(t, {
      args: [
        '--tls-cert-file',
        at('server.pem'),
        '--tls-key-file',
        at('server.key'),
        '--tls-ca-file',
        at('ca.pem'),
        '--tls-require-client-cert',
      ],
    });
    const own = { ca: pem('ca.pem'), certificate: pem('client.pem'), key: pem('client.key') };
    const timeouts = { connect: 1000 };
    const good = await openMongo(t, server, { tls: own, timeouts });
    assert.equal(runs((await send(good, [message({ a: 1 })])).outcomes), '1 delivered');
    assert.deepEqual(verdicts(await check(good)), ['ok', 'ok', 'skipped', 'ok']);
    const strange = await openMongo(t, server, { tls: { ...own, ca: pem('other-ca.pem') }, timeouts });
    assert.equal(await failure(send(strange, [message({})])), 'ConfigError MONGODB_SERVER_CERTIFICATE');
    const named = { ...server, url: server.url.replace('127.0.0.1', 'localhost') };
    const elsewhere = await openMongo(t, named, { tls: own, timeouts });
    assert.equal(await failure(send(elsewhere, [message({})])), 'ConfigError MONGODB_SERVER_CERTIFICATE');
    const without = await openMongo(t, server, { tls: { ca: own.ca }, timeouts });
    assert.equal(await failure(send(without, [message({})])), 'ConfigError MONGODB_CLIENT_CERTIFICATE');
    const plain = await openMongo(t, server, { timeouts });
    assert.match(await failure(send(plain, [message({})])), /^TransientError MONGODB_CONNECT/);
  });
});
