/** The API of operators: who gets in, what it refuses, what it does, and that it is as it describes itself. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Agent, type Dispatcher, request } from 'undici';
import { WaybillError } from '../../engine/errors.ts';
import { writeOperator } from '../../portal/acting/operators.ts';
import { type ApiOptions, openApi } from '../../portal/acting/server.ts';
import { newCredential } from '../../portal/partners/credentials.ts';
import { hashSecret } from '../../portal/partners/hash.ts';
import { openPortal } from '../../portal/server.ts';
import { actingOn } from '../store/acting-support.ts';
import { openSqlite } from '../store/ledger.ts';
import { audit, counts, deliver, exception, routed } from '../store/support.ts';
import { type Answered, addPartner, bearer } from '../support/listener.ts';
import { agrees, type OpenApi, operationsOf } from '../support/openapi.ts';
import { cleanUp, temporaryFolder } from '../support/redis.ts';

async function addOperator(folder: string, name: string): Promise<string> {
  const { id, secret, text } = newCredential(name, 'apiKey');
  const credential = { kind: 'apiKey', id, hash: await hashSecret(secret), created: new Date().toISOString() } as const;
  await writeOperator(folder, { operator: name, credentials: [credential] }, true);
  return text;
}

async function rig(t: TestContext, over: Partial<ApiOptions> = {}) {
  const folder = join(await temporaryFolder(t, 'waybill-api-'), 'production');
  await mkdir(folder);
  const { store } = await openSqlite(t);
  await routed(store, 1, [{ items: 4 }]);
  await deliver(store, { exceptions: [exception(2, 'rejected'), exception(3, 'rejected')] });
  await routed(store, 2, [{ items: 3 }]);
  const acting = await actingOn(store);
  cleanUp(t, () => acting.stop());
  const decided: unknown[] = [];
  const commands: ApiOptions['commands'] = {
    async resume(destination, who, why) {
      if (destination !== 'registry')
        throw new WaybillError('DESTINATION_UNKNOWN', 'The production has no such destination.');
      decided.push([destination, who, why]);
      return { wasStopped: true };
    },
    async release(asked) {
      if (asked.submission === 1) throw new WaybillError('STORE_STALE', 'Submission 1 is no longer quarantined.');
      decided.push(['release', asked]);
    },
    async cancel(asked) {
      decided.push(['cancel', asked]);
    },
  };
  const api = await openApi({
    settings: { host: '127.0.0.1', port: 0, behindProxy: false },
    production: { name: 'sample', folder },
    clock: { now: Date.now },
    acting,
    commands,
    limits: { graceMs: 200, lingerMs: 1000 },
    ...over,
  });
  cleanUp(t, () => api.close());
  const agent = new Agent();
  cleanUp(t, () => agent.destroy());
  const url = `http://127.0.0.1:${api.port}`;
  const send = (path: string, options: Partial<Dispatcher.RequestOptions> = {}) => answer(agent, url + path, options);
  const key = await addOperator(folder, 'ana');
  const get = (path: string) => send(path, { headers: bearer(key) });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    send(path, {
      method: 'POST',
      headers: { ...bearer(key), 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const done = async (act: number) => {
    await acting.finish();
    return (await get(`/api/v1/acts/${act}`)).json();
  };
  return { api, store, acting, commands, decided, folder, key, send, get, post, done };
}

async function answer(agent: Agent, url: string, options: Partial<Dispatcher.RequestOptions>): Promise<Answered> {
  const { statusCode, headers, body } = await request(url, { method: 'GET', ...options, dispatcher: agent });
  const text = await body.text();
  const type = String(headers['content-type'] ?? '');
  return { status: statusCode, headers, type, body: text, json: () => JSON.parse(text) as Record<string, unknown> };
}

const codeOf = (answered: Answered) => [answered.status, answered.json().code];
const REJECTED = { verb: 'resend', where: 'state=rejected' } as const;

describe('who gets in', () => {
  test('nobody without a key of an operator, and no browser is asked for a password', async (t) => {
    const { folder, key, send } = await rig(t);
    const partner = await addPartner(folder, 'clinic-a');
    for (const headers of [
      {},
      bearer('wrong'),
      bearer(partner),
      bearer(`${key}x`),
      { authorization: 'Basic YW5hOng=' },
    ]) {
      const refused = await send('/api/v1/status', { headers });
      assert.deepEqual(codeOf(refused), [401, 'CREDENTIAL_REFUSED']);
      assert.equal(refused.headers['www-authenticate'], 'Bearer realm="waybill"');
      assert.match(refused.type, /^application\/problem\+json\b/);
    }
    assert.equal((await send('/api/v1/status', { headers: bearer(key) })).status, 200);
    assert.equal((await send('/api/v1/status', { headers: { 'x-api-key': key } })).status, 200);
    assert.equal((await send('/api/openapi.json')).status, 401);
    assert.equal((await send('/api/v1/nothing')).status, 401);
  });

  test('after too many wrong keys nobody from there gets in with another, for a while', async (t) => {
    const { folder, send } = await rig(t, { failures: { perAddress: 2 } });
    const other = await addOperator(folder, 'ben');
    for (const wrong of [`${other.slice(0, -2)}xx`, `${other.slice(0, -2)}yy`])
      assert.equal((await send('/api/v1/status', { headers: bearer(wrong) })).status, 401);
    const limited = await send('/api/v1/status', { headers: bearer(other) });
    assert.deepEqual(codeOf(limited), [429, 'TOO_MANY_FAILURES']);
    assert.ok(Number(limited.headers['retry-after']) > 0);
  });

  test('nothing is served to other machines without TLS', async (t) => {
    await assert.rejects(rig(t, { settings: { host: '0.0.0.0', port: 0, behindProxy: false } }), {
      code: 'API_EXPOSED',
    });
  });
});

describe('what is refused', () => {
  test('a body that is no JSON by its type, or has other keys', async (t) => {
    const { key, send, post, get, store } = await rig(t);
    const json = JSON.stringify({ ...REJECTED, confirm: 2, reason: 'x' });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=b'])
      assert.deepEqual(
        codeOf(
          await send('/api/v1/acts', { method: 'POST', headers: { ...bearer(key), 'content-type': type }, body: json }),
        ),
        [415, 'API_JSON'],
      );
    assert.deepEqual(codeOf(await send('/api/v1/acts', { method: 'POST', headers: bearer(key), body: json })), [
      415,
      'API_JSON',
    ]);
    const wrong: readonly unknown[] = [
      { ...REJECTED, who: 'somebody else' },
      { ...REJECTED, confirm: '2' },
      { ...REJECTED, confirm: 0 },
      { ...REJECTED, verb: 'delete' },
      { verb: 'resend' },
      { ...REJECTED, confirm: 2 },
      [],
    ];
    for (const body of wrong)
      assert.deepEqual(codeOf(await post('/api/v1/acts', body)), [400, 'API_BODY'], JSON.stringify(body));
    assert.deepEqual(codeOf(await get('/api/v1/acts?limit=0')), [400, 'API_BODY']);
    assert.deepEqual(codeOf(await get('/api/v1/acts?other=1')), [400, 'API_BODY']);
    assert.deepEqual(codeOf(await get('/api/v1/messages?where=field.chart%3DS0001')), [422, 'API_FIELD']);
    assert.doesNotMatch((await get('/api/v1/messages?where=field.chart%3DS0001')).body, /S0001/);
    assert.deepEqual(codeOf(await get('/api/v1/messages?where=colour%3Dred')), [422, 'WHERE_NOT_UNDERSTOOD']);
    assert.deepEqual(codeOf(await get('/api/v1/messages?where=state%3Drejected&after=x')), [422, 'API_CURSOR']);
    assert.deepEqual(await counts(store, 1), { delivered: 2, rejected: 2 });
  });

  test('a count that is another one, what does not exist, what is decided already', async (t) => {
    const { post, get } = await rig(t);
    assert.deepEqual(codeOf(await post('/api/v1/acts', { ...REJECTED, confirm: 3, reason: 'x' })), [409, 'ACT_COUNT']);
    assert.deepEqual(
      codeOf(await post('/api/v1/acts', { verb: 'release', where: 'state=suspended', confirm: 1, reason: 'x' })),
      [422, 'ACT_NOTHING'],
    );
    assert.deepEqual(codeOf(await get('/api/v1/acts/9')), [404, 'ACT_UNKNOWN']);
    assert.deepEqual(codeOf(await post('/api/v1/destinations/other/resume', { reason: 'x' })), [
      404,
      'DESTINATION_UNKNOWN',
    ]);
    assert.deepEqual(codeOf(await post('/api/v1/submissions/99/release', { reason: 'x' })), [
      404,
      'SUBMISSION_UNKNOWN',
    ]);
    assert.deepEqual(codeOf(await post('/api/v1/submissions/1/release', { reason: 'x' })), [409, 'STORE_STALE']);
  });

  test('a failure of ours has no words', async (t) => {
    const { commands, post } = await rig(t);
    commands.resume = async () => {
      throw new Error('a secret');
    };
    const failed = await post('/api/v1/destinations/registry/resume', { reason: 'x' });
    assert.deepEqual(codeOf(failed), [500, 'REQUEST_FAILED']);
    assert.doesNotMatch(failed.body, /secret/);
  });
});

describe('what it does', () => {
  test('a look, then the deed in the name of the key, and how far it is', async (t) => {
    const { post, get, done, store } = await rig(t);
    const { instance } = await store.facts();
    const looked = (await post('/api/v1/acts', REJECTED)).json();
    assert.deepEqual(
      [looked.count, looked.codes, looked.submissions],
      [2, { REJECTED_CODE: 2 }, { [`${instance}-1`]: 2 }],
    );
    assert.deepEqual((await get('/api/v1/acts')).json(), { acts: [] });
    const begun = await post('/api/v1/acts', { ...REJECTED, confirm: 2, reason: 'mended' });
    assert.deepEqual([begun.status, begun.headers.location], [202, '/api/v1/acts/1']);
    const { state, done: changed, who, reason, outcome } = await done(1);
    assert.deepEqual(
      { state, changed, who, reason, outcome },
      { state: 'done', changed: 2, who: 'ana', reason: 'mended', outcome: 'queued' },
    );
    assert.deepEqual(await counts(store, 1), { delivered: 2, queued: 2 });
    await audit(store);
  });

  test('messages by filter, page by page, without anything of their content', async (t) => {
    const { get, store } = await rig(t);
    const { instance } = await store.facts();
    const ids: unknown[] = [];
    let path = '/api/v1/messages?where=destination%3Dregistry&limit=2';
    for (let pages = 0; pages < 5; pages += 1) {
      const { messages, next } = (await get(path)).json() as { messages: { message: string }[]; next: string | null };
      ids.push(...messages.map(({ message }) => message));
      if (next === null) break;
      path = `/api/v1/messages?where=destination%3Dregistry&limit=2&after=${next}`;
    }
    assert.deepEqual(
      ids,
      ['1-2', '1-3', '2-1', '2-2', '2-3'].map((id) => `${instance}-${id}`),
    );
  });

  test('destinations and submissions, in the name of the key', async (t) => {
    const { post, get, decided } = await rig(t);
    assert.deepEqual((await post('/api/v1/destinations/registry/resume', { reason: 'mended' })).json(), {
      wasStopped: true,
    });
    for (const decide of ['release', 'cancel'])
      assert.equal((await post(`/api/v1/submissions/2/${decide}`, { reason: 'asked' })).status, 200);
    const asked = { submission: 2, reason: 'asked', who: 'ana' };
    assert.deepEqual(decided, [
      ['registry', 'ana', 'mended'],
      ['release', asked],
      ['cancel', asked],
    ]);
    const status = (await get('/api/v1/status')).json() as { destinations: { name: string; counts: object }[] };
    assert.deepEqual(
      status.destinations.map(({ name, counts: n }) => [name, n]),
      [['registry', { queued: 3, delivered: 2, rejected: 2 }]],
    );
  });

  test('why a destination is stopped is told without the words of its receiver', async (t) => {
    const { get, store } = await rig(t);
    const reason = 'It refused the call. The receiver said: no such patient, Markerpatient';
    const stop = { since: 5000, code: 'SOAP_SECURITY_FAULT', reason, whose: 'ours', next: 'Mend it, then resume.' };
    await store.stopDestination({ destination: 'registry', stop });
    const { body, json } = await get('/api/v1/status');
    const [destination] = (json() as { destinations: { stop: object }[] }).destinations;
    const { code, whose, next } = stop;
    assert.deepEqual(destination?.stop, { code, whose, next, since: '1970-01-01T00:00:05.000Z' });
    assert.equal(body.includes('Markerpatient'), false);
  });
});

describe('the description', () => {
  test('is valid, and agrees with what is answered, for every path and method', async (t) => {
    const { send, key, get } = await rig(t);
    const document = (await get('/api/openapi.json')).json();
    const { valid, errors } = await new Validator().validate(document);
    assert.ok(valid, JSON.stringify(errors));
    const described = document as unknown as OpenApi;
    assert.deepEqual(Object.keys(described.paths).sort(), [
      '/api/openapi.json',
      '/api/v1/acts',
      '/api/v1/acts/{act}',
      '/api/v1/destinations/{name}/resume',
      '/api/v1/messages',
      '/api/v1/status',
      '/api/v1/submissions/{id}/cancel',
      '/api/v1/submissions/{id}/release',
    ]);
    const seen = new Set<number>();
    const bodies = [
      undefined,
      '',
      'text',
      '{',
      '{}',
      '{"reason":"x"}',
      JSON.stringify(REJECTED),
      JSON.stringify({ ...REJECTED, confirm: 9, reason: 'x' }),
    ];
    for (const { path, method } of operationsOf(described))
      for (const [act, name, id] of [
        ['1', 'registry', '2'],
        ['x', 'X', '99'],
        ['7', 'other', '1'],
      ] as const)
        for (const headers of [{}, bearer(key)])
          for (const body of method === 'POST' ? bodies : [undefined]) {
            const filled = path.replace('{act}', act).replace('{name}', name).replace('{id}', id);
            const answered = await send(`${filled}${path.endsWith('messages') ? '?where=state%3Drejected' : ''}`, {
              method: method as 'GET',
              headers: {
                ...headers,
                ...(body === undefined ? {} : { 'content-type': body === 'text' ? 'text/plain' : 'application/json' }),
              },
              ...(body === undefined ? {} : { body }),
            });
            agrees(described, { path, method, answer: answered });
            seen.add(answered.status);
          }
    assert.deepEqual([...seen].sort(), [200, 400, 401, 404, 409, 415]);
  });
});

test('the socket of the data folder serves the same without a key, and asks who decides', async (t) => {
  const { acting, commands, store } = await rig(t);
  const socket = join(await temporaryFolder(t), 'control.sock');
  const portal = await openPortal({
    source: {
      storeWell: () => true,
      redisReady: () => true,
      stopping: () => false,
      ask: (question, asked) => store.ask({ question, with: asked }),
    },
    commands: {
      ...commands,
      resolve: async () => ({ messages: 0, destination: '' }),
      submit: async () => ({ kind: 'stored', id: '' }),
      transports: () => ({}),
      newVersions: async () => ({ versions: [] }),
    },
    acting,
    monitor: undefined,
    socket,
  });
  cleanUp(t, () => portal.close());
  const post = (body: object) =>
    new Promise<readonly [number, Record<string, unknown>]>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', connection: 'close' };
      plainRequest({ socketPath: socket, path: '/api/v1/acts', method: 'POST', headers }, async (response) => {
        let text = '';
        for await (const chunk of response) text += String(chunk);
        resolve([response.statusCode ?? 0, JSON.parse(text) as Record<string, unknown>]);
      })
        .on('error', reject)
        .end(JSON.stringify(body));
    });
  assert.deepEqual((await post({ ...REJECTED, confirm: 2, reason: 'x' }))[1].code, 'API_BODY');
  const [status, begun] = await post({ ...REJECTED, confirm: 2, reason: 'x', who: 'owner' });
  assert.deepEqual([status, begun.who], [202, 'owner']);
  await acting.finish();
  assert.deepEqual(await counts(store, 1), { delivered: 2, queued: 2 });
});
