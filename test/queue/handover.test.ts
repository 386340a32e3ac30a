import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { type Handover, openHandover } from '../../queue/handover.ts';
import { askRedis, type RedisAddress, type RedisCommand } from '../../queue/redis-ask.ts';
import { startRedisServer } from '../../queue/redis-server.ts';
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
const hostName = () => `host-${randomUUID().slice(0, 8)}`;

interface Opened extends Handover {
  /** Lanes woken, in order. */
  readonly woken: string[];
  readonly log: readonly string[];
}

async function opened(
  t: TestContext,
  connection: RedisAddress,
  host: string,
  onWake?: (lane: string) => Promise<void> | void,
): Promise<Opened> {
  const logger = recordingLogger();
  const woken: string[] = [];
  const handover = await openHandover({
    connection,
    host,
    logger,
    onWake: (lane) => {
      woken.push(lane);
      return onWake?.(lane);
    },
  });
  cleanUp(t, () => handover.close());
  return { ...handover, woken, log: logger.lines };
}

async function ask(socket: string, ...commands: RedisCommand[]): Promise<readonly unknown[]> {
  const answer = await askRedis({ path: socket }, commands, 5_000);
  assert.equal(answer.kind, 'answered');
  return answer.replies;
}

async function keysOf(socket: string): Promise<string[]> {
  const [keys] = await ask(socket, ['KEYS', '*']);
  return Array.isArray(keys) ? keys.map(String) : [];
}

describe('the hand-over', { skip }, () => {
  test('wakes a lane in another process, where this one is busy', async (t) => {
    const server = await privateRedis(t);
    const host = hostName();
    // One that is busy takes no more than it can: what is signalled then falls to the other.
    const busy = Promise.withResolvers<void>();
    const a = await opened(t, { path: server.socket }, host, () => busy.promise);
    const b = await opened(t, { path: server.socket }, host, () => busy.resolve());
    cleanUp(t, async () => busy.resolve());
    await until('both ready', () => a.ready() && b.ready());
    for (let i = 0; i < 50; i++) a.signal(`lane-${i}`);
    await until('the other process was woken', () => b.woken.length > 0);
    await until('all were woken', () => new Set([...a.woken, ...b.woken]).size === 50);
  });

  test('many signals become few wake-ups, and none is lost', async (t) => {
    const server = await privateRedis(t);
    let work = 0;
    let done = 0;
    const handover = await opened(t, { path: server.socket }, hostName(), () => {
      done = work;
    });
    await until('ready', handover.ready);
    for (let i = 0; i < 5_000; i++) {
      work++;
      handover.signal('lane-1');
      if (i % 100 === 0) await new Promise(setImmediate);
    }
    await until('the last signal is heard', () => done === work);
    assert.ok(handover.woken.length < 500, `${handover.woken.length} wake-ups for 5,000 signals`);
  });

  test('a signal during the handler is heard after it', async (t) => {
    const server = await privateRedis(t);
    const running = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    let calls = 0;
    const host = hostName();
    const handover = await opened(t, { path: server.socket }, host, async () => {
      calls++;
      if (calls > 1) return;
      running.resolve();
      await release.promise;
    });
    const other = await opened(t, { path: server.socket }, `${host}-unused`);
    await until('ready', () => handover.ready() && other.ready());
    handover.signal('lane-1');
    await running.promise;
    handover.signal('lane-1');
    // The second add has reached Redis when its place in the queue is kept.
    await until('the signal is kept', async () => (await keysOf(server.socket)).some((key) => key.includes(':dn:')));
    assert.equal(calls, 1, 'a lane is never woken twice at once');
    release.resolve();
    await until('the second wake-up', () => calls === 2);
  });

  test('holds nothing but host and lane, and leaves nothing when all is done', async (t) => {
    const server = await privateRedis(t);
    const seen: unknown[] = [];
    const host = hostName();
    const release = Promise.withResolvers<void>();
    const handover = await opened(t, { path: server.socket }, host, () => release.promise);
    await until('ready', handover.ready);
    handover.signal('lane-1');
    handover.signalAt('lane-2', Date.now() + 60_000);
    const jobs = async () => (await keysOf(server.socket)).filter((key) => /:\d+$/.test(key));
    await until('two jobs', async () => (await jobs()).length === 2);
    for (const key of await jobs()) seen.push(...(await ask(server.socket, ['HGET', key, 'data'])));
    assert.deepEqual(
      seen.map((data) => JSON.parse(String(data))).sort((a, b) => (a.lane < b.lane ? -1 : 1)),
      [
        { host, lane: 'lane-1' },
        { host, lane: 'lane-2' },
      ],
    );
    release.resolve();
    handover.cancelDue('lane-2');
    await until('no job is left', async () => (await jobs()).length === 0);
  });

  test('takes names of any kind, and keeps lanes apart', async (t) => {
    const server = await privateRedis(t);
    const handover = await opened(t, { path: server.socket }, 'Host:1 ü');
    await until('ready', handover.ready);
    const lanes = ['1', 'a:b', 'a.b', 'A_B', 'ü', ''];
    for (const lane of lanes) handover.signal(lane);
    await until('all lanes', () => lanes.every((lane) => handover.woken.includes(lane)));
  });

  test('a wake-up that fails is logged and does not stop the next', async (t) => {
    const server = await privateRedis(t);
    const handover = await opened(t, { path: server.socket }, hostName(), (lane) => {
      if (lane === 'bad') throw new Error('no');
    });
    await until('ready', handover.ready);
    handover.signal('bad');
    await until('the failure is logged', () => handover.log.some((line) => line.includes('a wake-up failed')));
    handover.signal('good');
    await until('the next', () => handover.woken.includes('good'));
    handover.signal('bad');
    await until('the bad one again', () => handover.woken.filter((lane) => lane === 'bad').length === 2);
  });
});

describe('a wake-up for a time to come', { skip }, () => {
  test('comes at its time, and does not hide work that comes now', async (t) => {
    const server = await privateRedis(t);
    const times: number[] = [];
    const handover = await opened(t, { path: server.socket }, hostName(), () => {
      times.push(Date.now());
    });
    await until('ready', handover.ready);
    const due = Date.now() + 1_500;
    handover.signalAt('lane-1', due);
    handover.signal('lane-1');
    await until('work that comes now', () => times.length === 1);
    assert.ok(times[0]! < due);
    await until('the due one', () => times.length === 2);
    assert.ok(times[1]! >= due - 5, `${due - times[1]!} ms early`);
  });

  test('the last time set counts, earlier or later', async (t) => {
    const server = await privateRedis(t);
    const handover = await opened(t, { path: server.socket }, hostName());
    await until('ready', handover.ready);
    handover.signalAt('sooner', Date.now() + 600_000);
    handover.signalAt('later', Date.now() + 300);
    handover.signalAt('sooner', Date.now() + 300);
    handover.signalAt('later', Date.now() + 600_000);
    await until('the one that is due', () => handover.woken.includes('sooner'));
    handover.signalAt('mark', Date.now() + 600);
    await until('a time after both', () => handover.woken.includes('mark'));
    assert.equal(handover.woken.includes('later'), false);
  });

  test('can be taken back', async (t) => {
    const server = await privateRedis(t);
    const handover = await opened(t, { path: server.socket }, hostName());
    await until('ready', handover.ready);
    handover.signalAt('lane-1', Date.now() + 400);
    handover.cancelDue('lane-1');
    handover.signalAt('mark', Date.now() + 800);
    await until('a time after it', () => handover.woken.includes('mark'));
    assert.deepEqual(handover.woken, ['mark']);
  });
});

describe('a Redis that fails', { skip }, () => {
  test('is emptied: later signals arrive', async (t) => {
    const server = await privateRedis(t);
    const handover = await opened(t, { path: server.socket }, hostName());
    await until('ready', handover.ready);
    handover.signalAt('due', Date.now() + 60_000);
    handover.signal('before');
    await until('a wake-up', () => handover.woken.includes('before'));
    await ask(server.socket, ['FLUSHALL']);
    handover.signal('after');
    await until('a wake-up after', () => handover.woken.includes('after'));
    handover.signalAt('due', Date.now() + 50);
    await until('a due one after', () => handover.woken.includes('due'));
  });

  test('is killed: signals are dropped at once, and after the restart every lane is asked for', async (t) => {
    const server = await privateRedis(t);
    const handover = await opened(t, { path: server.socket }, hostName());
    let asked = 0;
    handover.onReady(() => {
      asked++;
      handover.signal('with-work');
    });
    await until('ready', () => handover.ready() && asked === 1);
    sendSignal(server.pid(), 'SIGKILL');
    await until('noticed', () => !handover.ready());
    for (let i = 0; i < 10_000; i++) handover.signal(`lane-${i}`);
    assert.ok(handover.log.some((line) => line.startsWith('warn Redis is away')));
    await until('back', () => handover.ready() && asked === 2, 30_000);
    handover.woken.length = 0;
    handover.signal('fresh');
    await until('a wake-up', () => handover.woken.includes('fresh'));
    assert.equal(handover.log.filter((line) => line.includes('Redis is away')).length, 1, 'one line for one outage');
  });

  test('hangs: it is noticed, close ends, and when it goes on so do we', async (t) => {
    const server = await privateRedis(t);
    const going = await opened(t, { path: server.socket }, hostName());
    const closing = await opened(t, { path: server.socket }, hostName());
    await until('ready', () => going.ready() && closing.ready());
    sendSignal(server.pid(), 'SIGSTOP');
    going.signal('during');
    closing.signal('during');
    await closing.close();
    await until('noticed', () => !going.ready());
    sendSignal(server.pid(), 'SIGCONT');
    await until('back', going.ready);
    going.signal('after');
    await until('a wake-up', () => going.woken.includes('after'));
  });

  test('is not there at all: nothing hangs, nothing throws', async (t) => {
    const folder = await temporaryFolder(t);
    const handover = await opened(t, { path: `${folder}/none.sock` }, hostName());
    assert.equal(handover.ready(), false);
    handover.signal('lane-1');
    handover.signalAt('lane-1', Date.now() + 10);
    handover.cancelDue('lane-1');
    await until('it is told', () => handover.log.some((line) => line.includes('Redis is away')));
    await handover.close();
    handover.signal('lane-1');
    assert.deepEqual(handover.woken, []);
  });

  test('comes late: what was asked for is heard', async (t) => {
    const dataFolder = await temporaryFolder(t);
    const probe = await startRedisServer({ dataFolder, logger: recordingLogger() });
    await probe.stop();
    const handover = await opened(t, { path: probe.socket }, hostName());
    handover.onReady(() => handover.signal('with-work'));
    handover.signalAt('due', Date.now() + 10);
    await until('it is told', () => handover.log.some((line) => line.includes('Redis is away')));
    const server = await startRedisServer({ dataFolder, logger: recordingLogger() });
    cleanUp(t, () => server.stop());
    await until('both', () => handover.woken.includes('with-work') && handover.woken.includes('due'), 30_000);
  });

  test('refuses writes because it is full: the signal goes out when there is room', async (t) => {
    const server = await privateRedis(t);
    const handover = await opened(t, { path: server.socket }, hostName());
    await until('ready', handover.ready);
    await ask(server.socket, ['CONFIG', 'SET', 'maxmemory', '1']);
    handover.signal('lane-1');
    handover.signalAt('due', Date.now() + 10);
    await until('a refused write', async () =>
      /errorstat_OOM/.test(String((await ask(server.socket, ['INFO', 'errorstats']))[0])),
    );
    await ask(server.socket, ['CONFIG', 'SET', 'maxmemory', '0']);
    await until('both', () => handover.woken.includes('lane-1') && handover.woken.includes('due'));
  });

  test('is gone for good in the middle of work: the process lives and ends in order', async (t) => {
    const dataFolder = await temporaryFolder(t);
    const server = await startRedisServer({ dataFolder, logger: recordingLogger() });
    server.abandon();
    cleanUp(t, () => sendSignal(server.pid(), 'SIGKILL'));
    const module = new URL('../../queue/handover.ts', import.meta.url).href;
    const code = `const { openHandover } = await import(${JSON.stringify(module)});
      const logger = { debug() {}, info() {}, warn: (f, m) => console.log(m), error: (f, m) => console.log(m) };
      const hold = Promise.withResolvers();
      const connection = { path: ${JSON.stringify(server.socket)} };
      const handover = await openHandover({ connection, host: 'h', logger, onWake: (lane) => { console.log('woken ' + lane); return hold.promise; } });
      handover.onReady(() => { handover.signal('one'); handover.signalAt('two', Date.now() + 60000); });
      const timer = setInterval(() => handover.signal('three'), 5);
      process.once('SIGTERM', async () => { clearInterval(timer); hold.resolve(); await handover.close(); console.log('closed'); });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'pipe'] });
    cleanUp(t, () => child.kill('SIGKILL'));
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    await until('a job is at work', () => output.includes('woken one') && output.includes('woken three'));
    sendSignal(server.pid(), 'SIGKILL');
    await until('it is told', () => output.includes('Redis is away'));
    child.kill('SIGTERM');
    const [status] = await once(child, 'exit');
    assert.equal(status, 0, output);
    assert.match(output, /closed/);
    assert.doesNotMatch(output, /Error|at .*\.js:|warning/i);
  });

  test('a worker that was killed leaves its wake-up for others', async (t) => {
    const server = await privateRedis(t);
    const host = hostName();
    const module = new URL('../../queue/handover.ts', import.meta.url).href;
    const code = `const { openHandover } = await import(${JSON.stringify(module)});
      const logger = { debug() {}, info() {}, warn() {}, error() {} };
      const connection = { path: ${JSON.stringify(server.socket)} };
      const handover = await openHandover({ connection, host: ${JSON.stringify(host)}, logger, onWake: () => { console.log('woken'); return new Promise(() => {}); } });
      handover.onReady(() => handover.signal('left'));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanUp(t, () => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const other = await opened(t, { path: server.socket }, host);
    await until('the wake-up is taken over', () => other.woken.includes('left'), 40_000);
  });
});
