/** The listener on real sockets: who is let in, what is refused and how, and how it ends. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { RefusedError, WaybillError } from '../../engine/errors.ts';
import { openListener } from '../../portal/listener.ts';
import { bearer, testListener } from '../support/listener.ts';
import { cleanUp, temporaryFolder, until } from '../support/redis.ts';

/** What a service would mount: it reads the body itself and tells what it saw. */
const echo =
  (seen: { chunks: number; partners: string[] }, partnerOf: (request: never) => string) =>
  async (scope: FastifyInstance) => {
    scope.post('/echo', async (request) => {
      seen.partners.push(partnerOf(request as never));
      assert.equal(request.body, undefined, 'the body comes unread');
      let text = '';
      for await (const chunk of request.raw) {
        seen.chunks += 1;
        text += String(chunk);
      }
      return { text, type: request.headers['content-type'] ?? null };
    });
  };

async function rig(t: TestContext, over: Parameters<typeof testListener>[1] = {}) {
  const made = await testListener(t, over);
  const seen = { chunks: 0, partners: [] as string[] };
  const mounted = made.listener.forService('uploads');
  mounted.mount(echo(seen, mounted.partnerOf));
  return { ...made, seen };
}

/** Writes bytes to a port and gathers what comes until the connection ends. */
async function raw(
  t: TestContext,
  port: number,
  text: string,
): Promise<{ socket: Socket; said: () => string; ended: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1');
  cleanUp(t, () => socket.destroy());
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk.toString('latin1');
  });
  // A connection that is cut while we still write is an end like any other.
  const ended = new Promise((done) => socket.once('close', done).on('error', () => socket.destroy()));
  await once(socket, 'connect');
  socket.write(text);
  return { socket, said: () => said, ended };
}

describe('what may listen', () => {
  const open = { host: '0.0.0.0', port: 0, behindProxy: false };
  const rest = {
    production: { name: 'sample', folder: '/nowhere' },
    receipts: { receipt: async () => undefined, report: async () => ({}), rejected: async function* () {} },
    clock: { now: Date.now },
  };

  test('a host that others reach is refused without TLS or a proxy', () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org'])
      assert.throws(() => openListener({ ...rest, settings: { ...open, host } }), { code: 'LISTENER_EXPOSED' });
    for (const host of ['127.0.0.1', '127.9.0.1', '::1', 'localhost'])
      assert.ok(openListener({ ...rest, settings: { ...open, host } }));
    assert.ok(openListener({ ...rest, settings: { ...open, behindProxy: true } }));
  });

  test('a certificate that is none is refused, and its text is not told', () => {
    const tls = { certificate: 'SECRET-TEXT', key: 'SECRET-TEXT' };
    assert.throws(
      () => openListener({ ...rest, settings: { ...open, tls } }),
      (error) => error instanceof WaybillError && error.code === 'LISTENER_TLS' && !error.message.includes('SECRET'),
    );
  });

  test('a port that is taken is an error', async (t) => {
    const first = await testListener(t);
    const { port } = await first.open();
    const second = await testListener(t, { settings: { host: '127.0.0.1', port, behindProxy: false } });
    await assert.rejects(second.listener.open(), { code: 'EADDRINUSE' });
  });

  test('two services with the same path, and routes that come too late, are refused', async (t) => {
    const { listener } = await rig(t);
    listener.forService('more').mount(async (scope) => {
      scope.post('/echo', () => ({}));
    });
    await assert.rejects(listener.open(), { code: 'ROUTE_TAKEN' });
    assert.throws(() => listener.forService('late').mount(async () => {}), { code: 'LISTENER_STARTED' });
  });
});

describe('requests', () => {
  test('bodies come unread, of any type, and the partner is known', async (t) => {
    const { partner, seen, open } = await rig(t);
    const key = await partner('clinic-a');
    const { send } = await open();
    for (const type of ['text/csv', 'application/json', 'multipart/form-data; boundary=x', 'x/y']) {
      const answer = await send('/echo', {
        method: 'POST',
        headers: { ...bearer(key), 'content-type': type },
        body: '{',
      });
      assert.deepEqual([answer.status, answer.json()], [200, { text: '{', type }]);
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    }
    const large = Buffer.alloc(5_000_000, 'a');
    const answer = await send('/echo', { method: 'POST', headers: bearer(key), body: Readable.from([large]) });
    assert.equal((answer.json().text as string).length, large.length, 'no limit of its own on bodies');
    assert.ok(seen.partners.every((name) => name === 'clinic-a'));
  });

  test('without a credential nothing of the body is taken in, and the sender reads its answer', async (t) => {
    const { seen, open } = await rig(t);
    const { port, send } = await open();
    const answer = await send('/echo', { method: 'POST', body: Buffer.alloc(3_000_000) });
    assert.equal(answer.status, 401);
    assert.match(answer.type, /^application\/problem\+json/);
    assert.equal(answer.json().code, 'CREDENTIAL_REFUSED');
    assert.deepEqual(
      [answer.headers['www-authenticate']].flat().map((line) => line?.split(' ')[0]),
      ['Bearer', 'Basic'],
    );
    assert.equal(seen.chunks, 0);
    // One that goes on sending for ever is cut.
    const endless = await raw(t, port, 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n');
    await until('the answer is there', () => endless.said().includes('CREDENTIAL_REFUSED'));
    await endless.ended;
  });

  test('a sender that asks first is told to go on only when it is let in', async (t) => {
    const { partner, open } = await rig(t);
    const key = await partner('clinic-a');
    const { port } = await open();
    const head = (authorization: string) =>
      `POST /echo HTTP/1.1\r\nHost: a\r\n${authorization}Expect: 100-continue\r\nConnection: close\r\nContent-Length: 5\r\n\r\n`;
    const stranger = await raw(t, port, head(''));
    await stranger.ended;
    assert.match(stranger.said(), /^HTTP\/1\.1 401 /);
    const known = await raw(t, port, head(`Authorization: Bearer ${key}\r\n`));
    await until('it is told to go on', () => known.said().startsWith('HTTP/1.1 100 Continue'));
    known.socket.write('hello');
    await known.ended;
    assert.match(known.said(), /"text":"hello"/);
    const strange = await raw(
      t,
      port,
      'GET /health/live HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n',
    );
    await strange.ended;
    assert.match(strange.said(), /^HTTP\/1\.1 417 /);
  });

  test('a partner that is limited to other services gets 403', async (t) => {
    const { partner, seen, open } = await rig(t);
    const [in_, out] = [await partner('a', { services: ['uploads'] }), await partner('b', { services: ['other'] })];
    const { send } = await open();
    assert.equal((await send('/echo', { method: 'POST', headers: bearer(in_) })).status, 200);
    const refused = await send('/echo', { method: 'POST', headers: bearer(out) });
    assert.deepEqual([refused.status, refused.json().code], [403, 'SERVICE_NOT_ALLOWED']);
    assert.deepEqual(seen.partners, ['a']);
  });

  test('unknown paths, wrong methods and what is wrong in itself', async (t) => {
    const { partner, open } = await rig(t);
    const key = await partner('clinic-a');
    const { send } = await open();
    const cases: readonly [string, string, number, string][] = [
      ['GET', '/nothing', 404, 'PATH_UNKNOWN'],
      ['GET', '/', 404, 'PATH_UNKNOWN'],
      ['GET', '/echo?secret-query', 405, 'METHOD_NOT_ALLOWED'],
      ['DELETE', '/receipts/x', 405, 'METHOD_NOT_ALLOWED'],
      ['OPTIONS', '/openapi.json', 405, 'METHOD_NOT_ALLOWED'],
      ['GET', '/receipts/%E0%A4%A', 400, 'REQUEST_NOT_VALID'],
      ['GET', `/receipts/${'x'.repeat(3000)}`, 414, 'REQUEST_NOT_VALID'],
    ];
    for (const [method, path, status, code] of cases) {
      const answer = await send(path, { method: method as 'GET', headers: bearer(key) });
      assert.deepEqual([answer.status, answer.json().code], [status, code], `${method} ${path.slice(0, 40)}`);
      assert.match(answer.type, /^application\/problem\+json/);
      assert.doesNotMatch(answer.body, /secret|xxxx/, 'nothing of the request comes back');
    }
    assert.equal((await send('/echo')).headers.allow, 'POST');
    assert.equal((await send('/receipts/x', { method: 'PUT' })).headers.allow, 'GET, HEAD');
    const none = await send('/echo', {
      method: 'POST',
      headers: { ...bearer(key), 'content-type': 'secret' },
      body: 'x',
    });
    assert.deepEqual([none.status, none.json().code], [415, 'REQUEST_NOT_VALID']);
  });

  test('what handlers throw: refusals with their words, failures without, and the log says where', async (t) => {
    const { listener, partner, events, open } = await testListener(t);
    const thrown: Record<string, Error> = {
      refused: new RefusedError('PART_UNKNOWN', 'No part is named so.', { line: 3, file: '/secret/place' }),
      own: Object.assign(new RefusedError('KEY_IN_FLIGHT', 'It is on its way.'), { statusCode: 409 }),
      later: Object.assign(new WaybillError('UPLOADS_TOO_MANY', 'Repeat it.'), { statusCode: 503 }),
      full: new WaybillError('STORE_FULL', 'The disk of secret is full.'),
      unexpected: new TypeError('secret of Jane'),
      ours: new WaybillError('SOMETHING', 'secret'),
      foreign: Object.assign(new Error('secret'), { statusCode: 413 }),
    };
    listener.forService('s').mount(async (scope) => {
      scope.get<{ Params: { which: string } }>('/throw/:which', ({ params }) => {
        throw thrown[params.which] ?? new Error('unknown');
      });
    });
    const key = await partner('clinic-a');
    const { send } = await open();
    const expected: readonly [string, number, string, RegExp][] = [
      ['refused', 422, 'PART_UNKNOWN', /"line":3/],
      ['own', 409, 'KEY_IN_FLIGHT', /It is on its way/],
      ['later', 503, 'UPLOADS_TOO_MANY', /Repeat it/],
      ['full', 503, 'NOT_NOW', /try again/],
      ['unexpected', 500, 'REQUEST_FAILED', /"The request failed\."/],
      ['ours', 500, 'REQUEST_FAILED', /"The request failed\."/],
      ['foreign', 413, 'REQUEST_NOT_VALID', /"Payload Too Large\."/],
    ];
    for (const [which, status, code, says] of expected) {
      const answer = await send(`/throw/${which}`, { headers: bearer(key) });
      assert.deepEqual([answer.status, answer.json().code], [status, code], which);
      assert.match(answer.body, says);
      assert.doesNotMatch(answer.body, /secret|Jane|stack/);
      assert.match(answer.type, /^application\/problem\+json/);
    }
    const failed = events.filter(({ name }) => name === 'requestFailed');
    assert.deepEqual(
      failed.map(({ fields }) => fields.code),
      ['STORE_FULL', 'UNEXPECTED', 'SOMETHING'],
    );
    assert.doesNotMatch(JSON.stringify(failed), /secret|Jane/);
    assert.match(String(failed[1]?.fields.at), /listener\.test\.ts/);
  });
});

describe('hostile connections', () => {
  test('headers beyond the limit are refused with 431', async (t) => {
    const { open } = await rig(t);
    const { port } = await open();
    for (const bomb of [`X: ${'a'.repeat(40_000)}`, Array.from({ length: 5000 }, (_, n) => `X${n}: a`).join('\r\n')]) {
      const { said, ended } = await raw(t, port, `GET / HTTP/1.1\r\nHost: a\r\n${bomb}\r\n\r\n`);
      await ended;
      assert.match(said(), /^HTTP\/1\.1 431 [\s\S]*application\/problem\+json[\s\S]*REQUEST_NOT_VALID/);
    }
  });

  test('what is no HTTP is refused with 400', async (t) => {
    const { open } = await rig(t);
    const { port } = await open();
    const requests = [
      'hello\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
      'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\nabc',
      'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n',
    ];
    for (const text of requests) {
      const { said, ended } = await raw(t, port, text);
      await ended;
      assert.match(said(), /^HTTP\/1\.1 400 /, JSON.stringify(text));
    }
  });

  test('headers that come slowly, or never, end in 408', async (t) => {
    const { open } = await rig(t, { limits: { headersMs: 60, checkEveryMs: 20 } });
    const { port } = await open();
    for (const text of ['', 'GET / HTTP/1.1\r\nHost: a\r\nX: ']) {
      const { said, ended, socket } = await raw(t, port, text);
      const drip = setInterval(() => socket.write(text === '' ? '' : 'a'), 5);
      await ended;
      clearInterval(drip);
      assert.match(said(), /^HTTP\/1\.1 408 /);
    }
  });

  test('a body may take as long as it moves', async (t) => {
    const { partner, open } = await rig(t, { limits: { headersMs: 60, checkEveryMs: 10 } });
    const key = await partner('clinic-a');
    const { port, send } = await open();
    async function* slow() {
      yield Buffer.from('x');
      // Longer than a head may take: one that began after this body is cut for it.
      const silent = await raw(t, port, '');
      let over = false;
      void silent.ended.then(() => {
        over = true;
      });
      while (!over) {
        yield Buffer.from('x');
        await turn();
      }
      assert.match(silent.said(), /^HTTP\/1\.1 408 /);
    }
    const answer = await send('/echo', { method: 'POST', headers: bearer(key), body: Readable.from(slow()) });
    assert.equal(answer.status, 200);
  });

  test('more connections than allowed are not taken', async (t) => {
    const { open } = await rig(t, { limits: { connections: 2 } });
    const { port, send } = await open();
    const [one, two] = [await raw(t, port, ''), await raw(t, port, '')];
    await (await raw(t, port, '')).ended;
    one.socket.destroy();
    two.socket.destroy();
    await until('there is room again', async () => (await send('/health/live').catch(() => undefined))?.status === 200);
  });
});

describe('TLS', () => {
  async function certificate(t: TestContext) {
    const folder = await temporaryFolder(t);
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    const how = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', [...how, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { certificate: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  }

  test('serves TLS 1.2 and later, and nothing in the clear', async (t) => {
    const tls = await certificate(t);
    const { partner, open } = await rig(t, { settings: { host: '127.0.0.1', port: 0, tls, behindProxy: false } });
    const key = await partner('clinic-a');
    const { port, send } = await open();
    assert.equal((await send('/echo', { method: 'POST', headers: bearer(key), body: 'x' })).status, 200);
    const options = { port, host: '127.0.0.1', ca: tls.certificate };
    const socket = connectTls({ ...options, maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' });
    await once(socket, 'secureConnect');
    assert.equal(socket.getProtocol(), 'TLSv1.2');
    socket.destroy();
    // Security level 0 makes this side willing, so that the refusal is the listener's.
    const old = connectTls({ ...options, maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await assert.rejects(once(old, 'secureConnect'), /alert|protocol/i);
    const clear = await raw(t, port, 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n');
    await clear.ended;
    assert.doesNotMatch(clear.said(), /200/);
  });
});

describe('behind a proxy', () => {
  test('the address is the one that the proxy adds, not what the sender wrote before it', async (t) => {
    const settings = { host: '127.0.0.1', port: 0, behindProxy: true };
    const { events, open } = await rig(t, { settings });
    const { send } = await open();
    const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7', ...bearer('nonsense') };
    await send('/echo', { method: 'POST', headers });
    assert.deepEqual(
      events.filter(({ name }) => name === 'credentialRefused').map(({ fields }) => fields.address),
      ['198.51.100.7'],
    );
  });

  test('without one, nobody is believed', async (t) => {
    const { events, open } = await rig(t);
    const { send } = await open();
    await send('/echo', { method: 'POST', headers: { 'x-forwarded-for': '198.51.100.7', ...bearer('nonsense') } });
    assert.equal(events.find(({ name }) => name === 'credentialRefused')?.fields.address, '127.0.0.1');
  });
});

/** A listener with a request of which half the body has come. */
async function halfway(t: TestContext, graceMs: number) {
  const { listener, partner, seen, open } = await rig(t, { limits: { graceMs } });
  const key = await partner('clinic-a');
  const { port } = await open();
  const head = `POST /echo HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${key}\r\nContent-Length: 6\r\n\r\n`;
  const running = await raw(t, port, `${head}abc`);
  await until('the request runs', () => seen.chunks === 1);
  return { listener, port, running };
}

describe('the end', () => {
  test('running requests come to their end, new ones are refused', async (t) => {
    const { listener, port, running } = await halfway(t, 60_000);
    const closed = listener.close();
    await until('nobody new is taken', async () => {
      const late = connect(port, '127.0.0.1');
      const refused = await once(late, 'connect').then(
        () => false,
        () => true,
      );
      late.destroy();
      return refused;
    });
    running.socket.write('def');
    await closed;
    await running.ended;
    assert.match(running.said(), /^HTTP\/1\.1 200 OK[\s\S]*connection: close[\s\S]*"abcdef"/i);
  });

  test('a request that comes on an open connection while it closes gets 503', async (t) => {
    const { listener, open } = await rig(t, { limits: { graceMs: 60_000 } });
    const { port } = await open();
    const live = 'GET /health/live HTTP/1.1\r\nHost: a\r\n';
    // The second request has begun when the first is answered, so the connection is not idle.
    const { socket, said, ended } = await raw(t, port, `${live}\r\n${live}`);
    await until('the first is answered', () => said().includes('"live":true'));
    const closed = listener.close();
    socket.write('\r\n');
    await closed;
    await ended;
    assert.match(said(), /HTTP\/1\.1 503 [\s\S]*retry-after: 30[\s\S]*NOT_NOW/i);
  });

  test('what does not come to its end in time is cut', async (t) => {
    const { listener, running } = await halfway(t, 30);
    await listener.close();
    await running.ended;
    assert.equal(running.said(), '');
  });

  test('one that never opened closes too', async (t) => {
    const { listener } = await rig(t);
    await listener.close();
  });
});
