/** The life of the thread that routes: there when it is needed, gone after a while without work. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { RouteThread } from '../../engine/route-thread.ts';
import { cleanUp } from '../support/redis.ts';
import { ADAPTERS } from './production.ts';
import { recordEvents } from './support.ts';

const options = { adapters: ADAPTERS, formats: ['csv'], idleAfter: 20, inUse: () => false };
/** Thread id of a worker that has ended. */
const ENDED = -1;

test('it ends by itself after a while without work, nobody is told, and the next start gives a new one', async (t) => {
  const events = recordEvents(t);
  const thread = new RouteThread(options);
  cleanUp(t, () => thread.end());
  const first = await thread.start();
  const gone = once(first, 'exit');
  thread.rest();
  await gone;
  const second = await thread.start();
  assert.notEqual(second, first);
  assert.notEqual(second.threadId, ENDED);
  assert.deepEqual(events.named('workerEnded'), []);
});

test('while there is work it stays', async (t) => {
  const asked = Promise.withResolvers<void>();
  const inUse = () => {
    asked.resolve();
    return true;
  };
  const thread = new RouteThread({ ...options, inUse });
  cleanUp(t, () => thread.end());
  const worker = await thread.start();
  thread.rest();
  await asked.promise;
  assert.equal(await thread.start(), worker);
  assert.notEqual(worker.threadId, ENDED);
});

test('one that was prepared and not needed ends as well', async (t) => {
  const thread = new RouteThread(options);
  cleanUp(t, () => thread.end());
  thread.prepare();
  thread.prepare();
  const worker = await thread.start();
  const gone = once(worker, 'exit');
  thread.rest();
  await gone;
  assert.equal(worker.threadId, ENDED);
});

test('one that ends without being asked is told of, and replaced', async (t) => {
  const events = recordEvents(t);
  const thread = new RouteThread({ ...options, idleAfter: 60_000 });
  cleanUp(t, () => thread.end());
  const worker = await thread.start();
  const gone = once(worker, 'exit');
  await worker.terminate();
  await gone;
  assert.equal(events.named('workerEnded').length, 1);
  assert.notEqual(await thread.start(), worker);
});

test('an end while it is being started ends it', async () => {
  const thread = new RouteThread(options);
  const starting = thread.start();
  await thread.end();
  assert.equal((await starting).threadId, ENDED);
});
