import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { askRedis } from '../../queue/redis-ask.ts';
import { startRedisServer } from '../../queue/redis-server.ts';
import { hasEnded, processOf } from '../support/processes.ts';
import {
  cleanUp,
  privateRedis,
  recordingLogger,
  redisSkip,
  sendSignal,
  temporaryFolder,
  until,
} from '../support/redis.ts';

const skip = redisSkip();

describe('the private redis-server', { skip }, () => {
  test('is durable, never evicts, has no TCP port, and its socket is for its owner alone', async (t) => {
    const server = await privateRedis(t);
    const settings = ['appendonly', 'appendfsync', 'maxmemory-policy', 'port', 'dir', 'save'] as const;
    const answer = await askRedis(
      { path: server.socket },
      settings.map((name) => ['CONFIG', 'GET', name] as const),
      5_000,
    );
    assert.equal(answer.kind, 'answered');
    const values = answer.replies.map((reply) => (Array.isArray(reply) ? reply[1] : reply));
    const folder = await realpath(join(server.dataFolder, 'redis'));
    assert.deepEqual(values, ['yes', 'everysec', 'noeviction', '0', folder, '']);
    assert.equal((await stat(server.socket)).mode & 0o777, 0o700);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.equal(Number(await readFile(join(folder, 'redis.pid'), 'utf8')), server.pid());
  });

  test('is gone after stop, with its socket and pid file', async (t) => {
    const dataFolder = await temporaryFolder(t);
    const server = await startRedisServer({ dataFolder, logger: recordingLogger() });
    const running = processOf(server.pid());
    assert.equal(hasEnded(running), false);
    await server.stop();
    assert.equal(hasEnded(running), true);
    const left = await readdir(join(dataFolder, 'redis'));
    assert.deepEqual(
      left.filter((name) => name.endsWith('.sock') || name.endsWith('.pid')),
      [],
    );
  });

  test('left behind by an engine that is gone is taken over, with what it holds', async (t) => {
    const dataFolder = await temporaryFolder(t);
    const first = await startRedisServer({ dataFolder, logger: recordingLogger() });
    await askRedis({ path: first.socket }, [['SET', 'kept', 'yes']], 5_000);
    first.abandon();
    const second = await startRedisServer({ dataFolder, logger: recordingLogger() });
    cleanUp(t, () => second.stop());
    assert.equal(second.adopted, true);
    assert.equal(second.pid(), first.pid());
    const answer = await askRedis({ path: second.socket }, [['GET', 'kept']], 5_000);
    assert.deepEqual(answer, { kind: 'answered', replies: ['yes'] });
  });

  test('keeps running when the process that started it is killed', async (t) => {
    const dataFolder = await temporaryFolder(t);
    const module = new URL('../../queue/redis-server.ts', import.meta.url).href;
    const code = `const { startRedisServer } = await import(${JSON.stringify(module)});
      const logger = { debug() {}, info() {}, warn() {}, error() {} };
      const server = await startRedisServer({ dataFolder: ${JSON.stringify(dataFolder)}, logger });
      console.log(server.pid());
      setInterval(() => {}, 1000);`;
    const engine = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(engine.stdout, 'data');
    engine.kill('SIGKILL');
    await once(engine, 'exit');
    const next = await startRedisServer({ dataFolder, logger: recordingLogger() });
    cleanUp(t, () => next.stop());
    assert.equal(next.adopted, true);
    assert.equal(next.pid(), Number(String(line)));
  });

  test('that was killed is started again, with what it held', async (t) => {
    const server = await privateRedis(t);
    await askRedis({ path: server.socket }, [['SET', 'kept', 'yes']], 5_000);
    const before = server.pid();
    sendSignal(before, 'SIGKILL');
    await until('another server', () => server.pid() !== before);
    const answer = await askRedis({ path: server.socket }, [['GET', 'kept']], 5_000);
    assert.deepEqual(answer, { kind: 'answered', replies: ['yes'] });
  });

  test('starts over a stale socket file', async (t) => {
    const dataFolder = await temporaryFolder(t);
    const killed = await startRedisServer({ dataFolder, logger: recordingLogger() });
    killed.abandon();
    const running = processOf(killed.pid());
    sendSignal(killed.pid(), 'SIGKILL');
    await until('the server is gone', () => hasEnded(running));
    assert.ok(await stat(killed.socket), 'the socket file is still there');
    const server = await startRedisServer({ dataFolder, logger: recordingLogger() });
    cleanUp(t, () => server.stop());
    assert.equal(server.adopted, false);
  });

  test('a server whose socket file was removed never shares its folder with a second one', async (t) => {
    const dataFolder = await temporaryFolder(t);
    const first = await startRedisServer({ dataFolder, logger: recordingLogger() });
    first.abandon();
    const running = processOf(first.pid());
    await rm(first.socket);
    const second = await startRedisServer({ dataFolder, logger: recordingLogger() });
    cleanUp(t, () => second.stop());
    assert.equal(hasEnded(running), true);
    assert.notDeepEqual(processOf(second.pid()), running);
  });

  test('one that hangs is named, not joined by a second one', async (t) => {
    const server = await privateRedis(t);
    sendSignal(server.pid(), 'SIGSTOP');
    await assert.rejects(
      startRedisServer({ dataFolder: server.dataFolder, logger: recordingLogger() }),
      (error: Error & { code?: string }) =>
        error.code === 'REDIS_NOT_ANSWERING' && error.message.includes(String(server.pid())),
    );
  });

  test('works in a data folder whose path is too long for a socket', async (t) => {
    const dataFolder = join(await temporaryFolder(t), 'a'.repeat(60), 'b'.repeat(60));
    await mkdir(dataFolder, { recursive: true });
    const server = await startRedisServer({ dataFolder, logger: recordingLogger() });
    cleanUp(t, () => server.stop());
    assert.ok(Buffer.byteLength(server.socket) <= 100);
    assert.equal((await stat(join(server.socket, '..'))).mode & 0o777, 0o700);
    const again = await startRedisServer({ dataFolder, logger: recordingLogger() });
    again.abandon();
    assert.equal(again.pid(), server.pid());
  });

  test('works in a data folder with a space, a quote and a letter beyond ASCII', async (t) => {
    const dataFolder = join(await temporaryFolder(t), 'my "data" ü');
    const server = await startRedisServer({ dataFolder, logger: recordingLogger() });
    cleanUp(t, () => server.stop());
    const answer = await askRedis({ path: server.socket }, [['PING']], 5_000);
    assert.deepEqual(answer, { kind: 'answered', replies: ['PONG'] });
  });

  test('two engines at different folders have different servers', async (t) => {
    const [a, b] = [await privateRedis(t), await privateRedis(t)];
    assert.notEqual(a.pid(), b.pid());
    assert.notEqual(a.socket, b.socket);
  });

  test('that cannot start says why', async (t) => {
    const dataFolder = await temporaryFolder(t);
    await mkdir(join(dataFolder, 'redis', 'appendonlydir'), { recursive: true });
    await writeFile(join(dataFolder, 'redis', 'appendonlydir', 'appendonly.aof.manifest'), 'damaged\n');
    await assert.rejects(startRedisServer({ dataFolder, logger: recordingLogger() }), { code: 'REDIS_START_FAILED' });
  });
});

test('without the program: one sentence with the cure', async (t) => {
  const dataFolder = await temporaryFolder(t);
  await assert.rejects(startRedisServer({ dataFolder, logger: recordingLogger(), searchPath: [dataFolder] }), {
    code: 'REDIS_SERVER_MISSING',
    message: /Install it \(Debian, Ubuntu: apt-get install redis-server\), or set REDIS_URL/,
  });
});
