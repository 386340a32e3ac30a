/** Redis is how work is handed over, and no more: whatever becomes of it, delivery goes on and nothing is lost or sent twice. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { askRedis, type RedisCommand } from '../../queue/redis-ask.ts';
import { control, type PluggedEngine } from '../support/crash.ts';
import { hasEnded, processOf } from '../support/processes.ts';
import { privateRedis, redisSkip, sendSignal, until } from '../support/redis.ts';
import { type Rig, startRig } from './rig.ts';

const BATCH = 20;

async function redisPid(rig: Rig): Promise<number> {
  return Number.parseInt(await readFile(join(rig.production.data, 'redis', 'redis.pid'), 'utf8'), 10);
}

async function tell(rig: Rig, command: RedisCommand): Promise<void> {
  await askRedis({ path: join(rig.production.data, 'redis', 'redis.sock') }, [command], 5000);
}

interface Health {
  readonly ready: boolean;
  readonly redis: string;
}

async function health(rig: Rig): Promise<Health> {
  return (await control(rig.production, '/health/ready')).body as Health;
}

function untilRedis(rig: Rig, ready: boolean): Promise<void> {
  return until(
    `health says that Redis is ${ready ? 'there' : 'away'}`,
    async () => ((await health(rig)).redis === 'ready') === ready,
    30_000,
  );
}

/** A run with a call in flight: the receiver has taken some batches and holds the next one. */
async function midway(rig: Rig, engine: PluggedEngine): Promise<void> {
  await engine.ready();
  await untilRedis(rig, true);
  rig.receiver.door = 'hold';
  await rig.drop(rig.make.make('utf8', 150));
  await until('a call is in flight', () => rig.receiver.arrived() > 0);
  await rig.drop(rig.make.make('utf16', 70));
}

/** Delivery went on: everything is settled, once; a graceful stop still works. */
async function allThere(rig: Rig, engine: PluggedEngine): Promise<void> {
  rig.receiver.door = 'pass';
  await rig.settled();
  await rig.drop(rig.make.make('cp1252', 60));
  await rig.settled();
  assert.deepEqual(await engine.stop(), { code: 0, signal: null }, engine.log().slice(-2000));
  const { doubled, lost } = rig.holds();
  assert.deepEqual({ doubled, lost }, { doubled: 0, lost: 0 });
}

describe('Redis in the middle of a run', { concurrency: 2, skip: redisSkip() }, () => {
  test('FLUSHALL', async (t) => {
    const rig = await startRig(t, { batch: BATCH });
    const engine = rig.spawn();
    await midway(rig, engine);
    await tell(rig, ['FLUSHALL']);
    await allThere(rig, engine);
  });

  test('SIGKILL: it is started again', async (t) => {
    const rig = await startRig(t, { batch: BATCH });
    const engine = rig.spawn();
    await midway(rig, engine);
    const before = await redisPid(rig);
    sendSignal(before, 'SIGKILL');
    await until('another redis-server runs', async () => (await redisPid(rig)) !== before, 20_000);
    await untilRedis(rig, true);
    await allThere(rig, engine);
  });

  test('a restart by hand: the engine finds it again', async (t) => {
    const rig = await startRig(t, { batch: BATCH });
    const engine = rig.spawn();
    await midway(rig, engine);
    const before = await redisPid(rig);
    const running = processOf(before);
    await tell(rig, ['SHUTDOWN']);
    await until('the old one is gone', () => hasEnded(running));
    await untilRedis(rig, true);
    await allThere(rig, engine);
  });

  test('SIGSTOP: delivery does not wait for it', async (t) => {
    const rig = await startRig(t, { batch: BATCH });
    const engine = rig.spawn();
    await midway(rig, engine);
    const stopped = await redisPid(rig);
    sendSignal(stopped, 'SIGSTOP');
    t.after(() => sendSignal(stopped, 'SIGCONT'));
    rig.receiver.door = 'pass';
    await rig.settled();
    await rig.drop(rig.make.make('utf8', 60));
    await rig.settled();
    sendSignal(stopped, 'SIGCONT');
    await untilRedis(rig, true);
    await allThere(rig, engine);
  });

  test('its memory is full: health says so, delivery goes on, and it is used again when there is room', async (t) => {
    const rig = await startRig(t, { batch: BATCH });
    const engine = rig.spawn();
    await midway(rig, engine);
    await tell(rig, ['CONFIG', 'SET', 'maxmemory', '1']);
    rig.receiver.door = 'pass';
    await rig.settled();
    await rig.drop(rig.make.make('utf8', 60));
    await rig.settled();
    await tell(rig, ['CONFIG', 'SET', 'maxmemory', '0']);
    await untilRedis(rig, true);
    await allThere(rig, engine);
  });

  test('the private one ends and cannot be started again: health says so, delivery goes on', async (t) => {
    const rig = await startRig(t, { batch: BATCH });
    const engine = rig.spawn();
    await midway(rig, engine);
    const config = join(rig.production.data, 'redis', 'redis.conf');
    await rm(config);
    await mkdir(config);
    sendSignal(await redisPid(rig), 'SIGKILL');
    await untilRedis(rig, false);
    assert.equal((await health(rig)).ready, true);
    await until('it was tried again', () => engine.log().includes('cannot be started again'));
    await allThere(rig, engine);
  });

  test('one of our own is stopped for good: health says so, delivery goes on', async (t) => {
    const server = await privateRedis(t);
    const rig = await startRig(t, { batch: BATCH });
    const engine = rig.spawn({ REDIS_URL: `unix://${server.socket}` });
    await midway(rig, engine);
    await server.stop();
    await untilRedis(rig, false);
    assert.equal((await health(rig)).ready, true);
    await allThere(rig, engine);
  });

  test('away from the start: the engine runs', async (t) => {
    const rig = await startRig(t, { batch: BATCH });
    const engine = rig.spawn({ REDIS_URL: `unix://${join(rig.production.root, 'nobody.sock')}` });
    await engine.ready();
    await rig.drop(rig.make.make('utf8', 150));
    await rig.settled();
    assert.equal((await health(rig)).redis === 'ready', false);
    await allThere(rig, engine);
  });
});
