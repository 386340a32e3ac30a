import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Questions } from '../../engine/contracts/store.ts';
import { WaybillError } from '../../engine/errors.ts';
import { emit } from '../../engine/events.ts';
import { type Commands, openPortal, type PortalOptions } from '../../portal/server.ts';
import { freePort } from '../../scripts/start/free-port.ts';
import { ledger, routed } from '../engine/support.ts';
import { cleanUp, temporaryFolder } from '../support/redis.ts';

interface State {
  well: boolean;
  stopping: boolean;
  unreadable: boolean;
  mismatches: number | undefined;
}

async function rig(t: TestContext, over: Partial<PortalOptions> = {}) {
  const store = await ledger(t);
  await routed(store, 1, ['a', 'b', '']);
  const state: State = { well: true, stopping: false, unreadable: false, mismatches: undefined };
  const done: unknown[] = [];
  const commands: Commands = {
    async resume(...asked) {
      done.push(asked);
      return { wasStopped: true };
    },
    async resolve(asked) {
      if (asked.batch === 99) throw new WaybillError('STORE_STALE', 'There is no batch 99.');
      done.push(asked);
      return { messages: 1, destination: 'registry' };
    },
    async release(asked) {
      if (asked.submission === 99) throw new WaybillError('SUBMISSION_UNKNOWN', 'There is no submission 99.');
      done.push(['release', asked]);
    },
    async cancel(asked) {
      done.push(['cancel', asked]);
    },
    transports: () => ({}),
    async newVersions(asked) {
      done.push(['versions', asked]);
      return { versions: [] };
    },
    async submit({ body, ...asked }) {
      let text = '';
      for await (const chunk of body) text += Buffer.from(chunk).toString();
      done.push({ ...asked, text });
      return { kind: 'stored', id: 'aaaa-1' };
    },
  };
  const socket = join(await temporaryFolder(t), 'control.sock');
  const ask = async <K extends keyof Questions>(question: K, request: Questions[K]['with']) => {
    if (state.unreadable) throw new WaybillError('STORE_FAILED', 'The ledger cannot be read.');
    const answer = await store.ask({ question, with: request });
    if (question === 'conservation' && state.mismatches !== undefined)
      return { mismatches: state.mismatches } as Questions[K]['gives'];
    return answer;
  };
  const portal = await openPortal({
    source: {
      storeWell: () => state.well,
      storeTrouble: () => 'STORE_FULL: The disk is full.',
      redisReady: () => false,
      stopping: () => state.stopping,
      ask,
    },
    commands,
    monitor: undefined,
    socket,
    ...over,
  });
  cleanUp(t, () => portal.close());
  return { state, done, socket, send: (path: string, options?: Send) => send({ socketPath: socket }, path, options) };
}

interface Send {
  readonly body?: string | object;
  readonly type?: string;
}

function send(where: { socketPath: string } | { host: string; port: number }, path: string, options: Send = {}) {
  const { body } = options;
  const text = typeof body === 'object' ? JSON.stringify(body) : body;
  return new Promise<{ status: number; type: string; body: string }>((resolve, reject) => {
    const headers = { 'content-type': options.type ?? 'application/json', connection: 'close' };
    const method = text === undefined ? 'GET' : 'POST';
    const made = httpRequest(
      { ...where, path, method, ...(text === undefined ? {} : { headers }) },
      async (response) => {
        let received = '';
        for await (const chunk of response) received += String(chunk);
        const { statusCode, headers: answered } = response;
        resolve({ status: statusCode ?? 0, type: String(answered['content-type']), body: received });
      },
    );
    made.on('error', reject).end(text);
  });
}

const metric = (text: string, name: string) =>
  text
    .split('\n')
    .find((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    ?.split(' ')
    .at(-1);

describe('health', () => {
  test('is ready although Redis is away, and says what each destination does', async (t) => {
    const { send: get } = await rig(t);
    const { status, body } = await get('/health/ready');
    const told = JSON.parse(body);
    assert.equal(status, 200);
    assert.deepEqual([told.ready, told.ledger, told.destinations], [true, 'ready', { registry: 'moving' }]);
    assert.match(told.redis, /away/);
    assert.equal((await get('/health/live')).status, 200);
  });

  test('is 503 while the ledger cannot be written, cannot be read, or the engine stops; alive all the time', async (t) => {
    const { state, send: get } = await rig(t);
    const faults: readonly [keyof State, boolean, RegExp][] = [
      ['well', false, /cannot be written: STORE_FULL/],
      ['unreadable', true, /cannot be read: STORE_FAILED/],
      ['stopping', true, /stopping/],
    ];
    for (const [key, value, says] of faults) {
      Object.assign(state, { well: true, unreadable: false, stopping: false, [key]: value });
      const { status, body } = await get('/health/ready');
      assert.equal(status, 503);
      const told = JSON.parse(body);
      assert.equal(told.ready, false);
      assert.match(told.ledger, says);
      assert.equal((await get('/health/live')).status, 200);
    }
  });
});

describe('metrics', () => {
  test('tell rows by state, the conservation law, and events', async (t) => {
    const { state, send: get } = await rig(t);
    emit('rowFailed', {});
    const { status, body } = await get('/metrics');
    assert.equal(status, 200);
    assert.match(body, /waybill_messages\{destination="registry",state="queued"\} 2/);
    assert.match(body, /waybill_messages\{destination="registry",state="filtered"\} 1/);
    assert.match(body, /waybill_submissions\{state="routed"\} 1/);
    assert.match(body, /waybill_events_total\{event="rowFailed"\} 1/);
    assert.equal(metric(body, 'waybill_conservation_mismatches'), '0');
    assert.equal(metric(body, 'waybill_ledger_ready'), '1');
    state.mismatches = 2;
    assert.equal(metric((await get('/metrics')).body, 'waybill_conservation_mismatches'), '2');
  });

  test('are still given while the ledger cannot be read, and say so', async (t) => {
    const { state, send: get } = await rig(t);
    state.unreadable = true;
    const { status, body } = await get('/metrics');
    assert.equal(status, 200);
    assert.equal(metric(body, 'waybill_ledger_ready'), '0');
    assert.equal(metric(body, 'waybill_messages'), undefined);
  });
});

describe('commands', () => {
  const resolve = { batch: 3, to: 'queued', reason: 'asked', who: 'someone' };

  test('the socket is for its owner alone', async (t) => {
    const { socket } = await rig(t);
    assert.equal(statSync(socket).mode & 0o777, 0o600);
  });

  test('reach the engine as they were given', async (t) => {
    const { done, send: post } = await rig(t);
    await post('/control/resume', { body: { destination: 'registry', who: 'someone', why: 'mended' } });
    assert.deepEqual(JSON.parse((await post('/control/resolve', { body: resolve })).body), {
      messages: 1,
      destination: 'registry',
    });
    const type = 'application/octet-stream';
    await post('/control/submit?service=hand&name=a%20b.csv&again=true', { body: 'id\n1\n', type });
    assert.deepEqual(done, [
      ['registry', 'someone', 'mended'],
      resolve,
      { service: 'hand', name: 'a b.csv', again: true, text: 'id\n1\n' },
    ]);
  });

  test('a key too many, one too few, a wrong type or text that is no JSON is refused, and nothing is done', async (t) => {
    const { done, send: post } = await rig(t);
    const wrong: readonly [string, object | string][] = [
      ['/control/resolve', { ...resolve, force: true }],
      ['/control/resolve', { ...resolve, who: undefined }],
      ['/control/resolve', { ...resolve, batch: '3' }],
      ['/control/resolve', { ...resolve, to: 'lost' }],
      ['/control/resolve', '{'],
      ['/control/resume', { destination: 'registry', who: 'x', why: 'y'.repeat(2001) }],
      ['/control/submit?service=hand', 'body'],
      ['/control/submit?service=hand&name=x&twice=1', 'body'],
    ];
    for (const [path, body] of wrong) {
      const answer = await post(path, { body });
      assert.equal(answer.status, 400, path);
      assert.match(answer.type, /application\/problem\+json/);
      assert.equal(JSON.parse(answer.body).title, 'The request was refused');
    }
    assert.deepEqual(done, []);
  });

  test('new versions reach the engine as they were given, however large; states that nothing replaces are refused', async (t) => {
    const { done, send: post } = await rig(t);
    const version = { replaces: 3, from: 'rejected', state: 'queued', controlId: 'c', body: 'TVNI'.repeat(700_000) };
    const asked = { submission: 1, item: 2, kind: 'messageEdited', who: 'ana', reason: 'asked', changed: ['PID-5'] };
    const body = { ...asked, search: [], versions: [version] };
    assert.equal((await post('/control/versions', { body })).status, 200);
    assert.deepEqual(done, [['versions', body]]);
    const { status } = await post('/control/versions', {
      body: { ...body, versions: [{ ...version, from: 'sending' }] },
    });
    assert.equal(status, 400);
    assert.equal((await post('/control/versions', { body: { ...body, versions: [] } })).status, 400);
    assert.equal((await post('/control/versions', { body: { ...body, more: 1 } })).status, 400);
    assert.equal(done.length, 1);
  });

  test('what the engine refuses has its stable code', async (t) => {
    const { send: post } = await rig(t);
    const { status, body } = await post('/control/resolve', { body: { ...resolve, batch: 99 } });
    assert.deepEqual([status, JSON.parse(body).code], [422, 'STORE_STALE']);
  });

  test('a submission in quarantine is released or cancelled by its number, with who and why', async (t) => {
    const { done, send: post } = await rig(t);
    const decision = { submission: 7, reason: 'counted by hand', who: 'someone' };
    for (const decide of ['release', 'cancel'])
      assert.equal((await post(`/control/${decide}`, { body: decision })).status, 200);
    assert.deepEqual(done, [
      ['release', decision],
      ['cancel', decision],
    ]);
    assert.equal((await post('/control/release', { body: { ...decision, submission: 'all' } })).status, 400);
    const unknown = await post('/control/release', { body: { ...decision, submission: 99 } });
    assert.deepEqual([unknown.status, JSON.parse(unknown.body).code], [422, 'SUBMISSION_UNKNOWN']);
    assert.equal(done.length, 2);
  });

  test('nothing is changed through an engine that stops', async (t) => {
    const { state, done, send: post } = await rig(t);
    state.stopping = true;
    const { status, body } = await post('/control/resolve', { body: resolve });
    assert.deepEqual([status, JSON.parse(body).code, done], [503, 'ENGINE_STOPPING', []]);
  });

  test('are not served over TCP', async (t) => {
    const port = await freePort();
    const { done } = await rig(t, { monitor: { host: '127.0.0.1', port } });
    const where = { host: '127.0.0.1', port };
    assert.equal((await send(where, '/health/ready')).status, 200);
    assert.equal((await send(where, '/control/resolve', { body: resolve })).status, 404);
    assert.deepEqual(done, []);
  });

  test('an address that is taken is an error, and nothing stays open', async (t) => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    cleanUp(t, () => server.close());
    const { port } = server.address() as { port: number };
    await assert.rejects(rig(t, { monitor: { host: '127.0.0.1', port } }), { code: 'EADDRINUSE' });
  });
});
