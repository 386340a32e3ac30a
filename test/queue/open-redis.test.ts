import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { openRedis, parseRedisUrl } from '../../queue/open-redis.ts';
import { askRedis } from '../../queue/redis-ask.ts';
import { findRedisServer } from '../../queue/redis-server.ts';
import { cleanUp, privateRedis, recordingLogger, redisSkip, temporaryFolder, until } from '../support/redis.ts';

const skip = redisSkip();

/** A Redis as users have it, on a unix socket, with these settings. */
async function userRedis(t: TestContext, settings: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder(t);
  const socket = `${folder}/user.sock`;
  const args = { port: '0', unixsocket: socket, dir: folder, ...settings };
  const server = spawn(findRedisServer() ?? 'redis-server', ['-'], { stdio: ['pipe', 'ignore', 'ignore'] });
  server.stdin.end(
    Object.entries(args)
      .map((setting) => `${setting.join(' ')}\n`)
      .join(''),
  );
  cleanUp(t, () => server.kill('SIGKILL'));
  // The socket is there before anybody answers on it; one that wants a password says so, and answers all the same.
  await until('it answers', async () => {
    const asked = existsSync(socket) ? await askRedis({ path: socket }, [['PING']], 1_000) : undefined;
    return asked?.kind === 'answered' || (asked?.kind === 'absent' && /NOAUTH/.test(asked.reason));
  });
  return socket;
}

async function codesFor(t: TestContext, url: string): Promise<string[]> {
  const redis = await openRedis({ dataFolder: await temporaryFolder(t), url, logger: recordingLogger() });
  await redis.close();
  return redis.warnings.map(({ code }) => code);
}

describe('which Redis is used', { skip }, () => {
  test('without a URL: a private one, which ends with us', async (t) => {
    const redis = await openRedis({ dataFolder: await temporaryFolder(t), url: '', logger: recordingLogger() });
    cleanUp(t, () => redis.close());
    assert.deepEqual(redis.warnings, []);
    assert.equal((await askRedis(redis.connection, [['PING']], 5_000)).kind, 'answered');
    await redis.close();
    assert.equal((await askRedis(redis.connection, [['PING']], 5_000)).kind, 'absent');
  });

  test('a sound one of the user: no warning, and it is left running', async (t) => {
    const server = await privateRedis(t);
    assert.deepEqual(await codesFor(t, `unix://${server.socket}`), []);
    assert.equal((await askRedis({ path: server.socket }, [['PING']], 5_000)).kind, 'answered');
  });

  test('one that evicts and one without an append-only file are warned of', async (t) => {
    const socket = await userRedis(t, { 'maxmemory-policy': 'allkeys-lru', appendonly: 'no' });
    assert.deepEqual(await codesFor(t, `unix://${socket}`), ['REDIS_EVICTS', 'REDIS_NOT_PERSISTENT']);
  });

  test('one that refuses CONFIG is asked by INFO', async (t) => {
    const socket = await userRedis(t, {
      'maxmemory-policy': 'volatile-ttl',
      appendonly: 'yes',
      'rename-command': 'CONFIG ""',
    });
    assert.deepEqual(await codesFor(t, `unix://${socket}`), ['REDIS_EVICTS']);
  });

  test('one that tells nothing is named as not checked', async (t) => {
    const socket = await userRedis(t, { user: 'default on nopass ~* &* +@all -config -info' });
    assert.deepEqual(await codesFor(t, `unix://${socket}`), ['REDIS_NOT_CHECKED']);
  });

  test('one that wants a password says so', async (t) => {
    const socket = await userRedis(t, { requirepass: 'not-given' });
    const redis = await openRedis({ dataFolder: socket, url: `unix://${socket}`, logger: recordingLogger() });
    assert.equal(redis.warnings[0]?.code, 'REDIS_UNREACHABLE');
    assert.match(redis.warnings[0].message, /NOAUTH/);
  });

  test('one that is not there is a warning, not a failure', async (t) => {
    const folder = await temporaryFolder(t);
    assert.deepEqual(await codesFor(t, `unix://${folder}/none.sock`), ['REDIS_UNREACHABLE']);
  });
});

test('an address on another machine without TLS and password is warned of, before it is reached', async (t) => {
  // A name under .invalid never resolves (RFC 6761), so that nothing leaves the machine.
  const codes = await codesFor(t, 'redis://redis.invalid:1');
  assert.deepEqual(codes, ['REDIS_WITHOUT_TLS', 'REDIS_WITHOUT_PASSWORD', 'REDIS_UNREACHABLE']);
});

test('addresses are read', () => {
  assert.deepEqual(parseRedisUrl('redis://localhost'), { host: 'localhost', port: 6379 });
  assert.deepEqual(parseRedisUrl('redis://:p%40ss@[::1]:6380/3'), { host: '::1', port: 6380, password: 'p@ss', db: 3 });
  assert.deepEqual(parseRedisUrl('rediss://me:secret@redis.example'), {
    host: 'redis.example',
    port: 6379,
    username: 'me',
    password: 'secret',
    tls: { servername: 'redis.example' },
  });
  assert.deepEqual(parseRedisUrl('unix:///run/a%20b.sock?db=2'), { path: '/run/a b.sock', db: 2 });
});

test('what is no address is refused without being repeated', () => {
  for (const text of ['nonsense-secret', 'http://me:secret@host', 'redis://me:secret@host/first', 'redis://']) {
    assert.throws(
      () => parseRedisUrl(text),
      (error: Error & { code?: string }) => error.code === 'REDIS_URL_INVALID' && !error.message.includes('secret'),
    );
  }
});
