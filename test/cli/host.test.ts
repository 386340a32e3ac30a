/** What holds a running engine together: parts that cannot start, and a stop that takes its time. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { Agent, request } from 'undici';
import { type Host, startHost } from '../../cli/host.ts';
import { socketPath } from '../../engine/socket-path.ts';
import { takeLock } from '../../store/lock.ts';
import { opened } from '../engine/adapters/operations/capture.ts';
import { started } from '../engine/adapters/services/manual.ts';
import { ADAPTERS, type EngineProduction, engineProduction, rowsCsv } from '../engine/production.ts';
import { acknowledge, fakeOperation, policy } from '../engine/support.ts';
import { cleanUp, recordingLogger, redisSkip, until } from '../support/redis.ts';

const skip = redisSkip();

async function start(t: TestContext, made: EngineProduction): Promise<Host> {
  const host = await startHost({
    production: made.production,
    registry: made.registry,
    adapters: ADAPTERS,
    dataFolder: made.data,
    logger: () => recordingLogger(),
    orphans: 'refuse',
    onDeath: (error) => {
      throw error;
    },
  });
  cleanUp(t, () => host.stop());
  return host;
}

test('a part that cannot start ends the others: the folder is free at once', { skip }, async (t) => {
  const made = await engineProduction(t, (yaml) =>
    yaml.replace('route: strict }\nroutes', 'route: strict, broken: true }\nroutes'),
  );
  await assert.rejects(start(t, made), /this service cannot start/);
  assert.ok(started.get(`${made.folder}/hand`)?.stopped);
  takeLock(made.data, 'a test').release();
  assert.equal(existsSync(socketPath(made.data, 'control.sock')), false);
});

test('a portal that cannot listen ends the engine', { skip }, async (t) => {
  const made = await engineProduction(t);
  const monitor = { host: '192.0.2.1', port: 9 };
  await assert.rejects(start(t, { ...made, production: { ...made.production, monitor } }), { code: 'EADDRNOTAVAIL' });
  assert.ok(started.get(`${made.folder}/hand`)?.stopped);
  takeLock(made.data, 'a test').release();
});

test('while the last call is finished, health says that the engine stops, and nothing is changed', {
  skip,
}, async (t) => {
  const made = await engineProduction(t);
  const operation = fakeOperation(() => undefined);
  opened.set(`${made.folder}/registry`, operation);
  const host = await start(t, made);
  const { context } = started.get(`${made.folder}/hand`) ?? assert.fail('not started');
  const body = (async function* () {
    yield Buffer.from(rowsCsv(1));
  })();
  const rule = { format: { type: 'csv', recordMap: 'rows' }, route: 'rows' };
  await context.accept({ body, name: 'rows.csv', rule, duplicates: policy('report') });
  await until('the call is in flight', () => operation.calls.length === 1);
  const dispatcher = new Agent({ connect: { socketPath: socketPath(made.data, 'control.sock') } });
  cleanUp(t, () => dispatcher.close());
  const ask = async (path: string, init: object = {}) => {
    const answer = await request(`http://waybill${path}`, { dispatcher, ...init });
    return { status: answer.statusCode, body: (await answer.body.json()) as Record<string, unknown> };
  };
  assert.equal((await ask('/health/ready')).status, 200);
  const stopped = host.stop();
  const { status, body: health } = await ask('/health/ready');
  assert.deepEqual([status, health.ready, health.ledger], [503, false, 'the engine is stopping']);
  const headers = { 'content-type': 'application/json' };
  const resume = JSON.stringify({ destination: 'registry', who: 'x', why: 'y' });
  assert.equal((await ask('/control/resume', { method: 'POST', headers, body: resume })).status, 503);
  operation.calls[0]?.answer(acknowledge('garbage'));
  await stopped;
  takeLock(made.data, 'a test').release();
  assert.equal(existsSync(socketPath(made.data, 'control.sock')), false);
});
