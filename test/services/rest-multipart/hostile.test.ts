/** The rows of bad and hostile input that concern uploads: a clear error with a code, nothing kept, nothing let in. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { BOUNDARY, END, file, head, ONE_FILE, post, postRaw, RawClient, type Served, serve, until } from './support.ts';

/** Nothing of an upload is left, and the service goes on. */
async function unharmed({ url, uploads }: Served, discarded: number): Promise<void> {
  await until('nothing is open', () => uploads.open === 0);
  assert.deepEqual([uploads.receipts.size, uploads.discarded], [0, discarded]);
  assert.equal((await postRaw(url, ONE_FILE)).status, 202);
}

describe('an upload that breaks off', () => {
  for (const quarter of [0, 1, 2, 3, 4]) {
    for (const framing of ['content-length', 'transfer-encoding'] as const) {
      test(`after ${quarter} quarters of its body (${framing})`, async (t) => {
        const served = await serve(t);
        const body = Buffer.from(file('doses', 'a.csv', 'x'.repeat(200_000)) + END);
        const client = new RawClient(t, served.port);
        const sized = framing === 'content-length';
        client.send(head({ [framing]: sized ? body.length : 'chunked' }));
        // The last quarter is all but the last byte, or all but the last chunk.
        const sent = body.subarray(0, quarter === 4 ? body.length - 1 : (body.length * quarter) / 4);
        if (!sized && sent.length > 0) client.send(`${sent.length.toString(16)}\r\n`);
        client.send(sent);
        await until('the upload is open', () => served.uploads.open === 1);
        client.socket.destroy();
        await unharmed(served, 1);
      });
    }
  }

  test('before its end and without a word: the form says so, not the connection', async (t) => {
    const served = await serve(t);
    const answer = await postRaw(served.url, ONE_FILE.slice(0, -END.length));
    assert.deepEqual([answer.status, answer.body.code], [400, 'BODY_ENDS_EARLY']);
    await unharmed(served, 1);
  });
});

describe('a sender that is slow', () => {
  test('or silent is cut after the idle time: 408', async (t) => {
    const served = await serve(t, { timeouts: { idle: 50 } });
    const client = new RawClient(t, served.port);
    client.send(head({ 'content-length': 1000 }) + ONE_FILE.slice(0, 60));
    assert.equal(await client.status(), 408);
    assert.match(client.received, /UPLOAD_SILENT/);
    await unharmed(served, 1);
  });

  test('a byte at a time is cut by the total: 408', async (t) => {
    const served = await serve(t, { timeouts: { idle: 10_000, total: 150 } });
    const client = new RawClient(t, served.port);
    client.send(head({ 'content-length': 100_000 }));
    for (let at = 0; client.received === '' && !client.closed; at += 1) {
      client.send(file('doses', 'a.csv', 'x'.repeat(100_000)).slice(at, at + 1));
      await pause(2);
    }
    assert.equal(await client.status(), 408);
    assert.match(client.received, /UPLOAD_TOO_SLOW/);
    await unharmed(served, 1);
  });

  test('is not blamed for an engine that is slow', async (t) => {
    const { url, port, uploads } = await serve(t, { timeouts: { idle: 20 } });
    let waits = 0;
    // Busy until another sender, who says nothing, was cut for that: longer than the idle time.
    uploads.beforeChunk = async () => {
      if (waits === 3) return;
      waits += 1;
      const silent = new RawClient(t, port);
      silent.send(head({ 'content-length': 1000 }));
      assert.equal(await silent.status(), 408);
    };
    assert.equal((await postRaw(url, file('doses', 'a.csv', 'x'.repeat(900_000)) + END)).status, 202);
    assert.equal(waits, 3);
  });
});

describe('an upload that is too large', () => {
  test('by its Content-Length: 413 at once, nothing is begun', async (t) => {
    const served = await serve(t, { maxBytes: 1000 });
    const client = new RawClient(t, served.port);
    client.send(head({ 'content-length': 1001, expect: '100-continue' }));
    await until('it is refused', () => /HTTP\/1\.1 413 /.test(client.received));
    assert.match(client.received, /UPLOAD_TOO_LARGE/);
    await unharmed(served, 0);
  });

  test('on its way: 413, and a client that sends everything first still reads it', async (t) => {
    const served = await serve(t, { maxBytes: 1000 });
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Buffer.from(file('doses', 'a.csv', '')));
        for (let turn = 0; turn < 50; turn += 1) controller.enqueue(Buffer.alloc(65_536, 'x'));
        controller.close();
      },
    });
    const response = await fetch(served.url, {
      method: 'POST',
      body: stream,
      duplex: 'half',
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    } as RequestInit);
    assert.equal(response.status, 413);
    assert.equal(((await response.json()) as { code: string }).code, 'UPLOAD_TOO_LARGE');
    await unharmed(served, 1);
  });

  test('and never ends: its connection is cut', async (t) => {
    const served = await serve(t, { maxBytes: 1000 }, 50);
    const client = new RawClient(t, served.port);
    client.send(head({ 'transfer-encoding': 'chunked' }));
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 'x'), Buffer.from('\r\n')]);
    while (!client.closed) {
      client.send(chunk);
      await pause(1);
    }
    await unharmed(served, 1);
  });

  test('and then silent: its connection is cut', async (t) => {
    const served = await serve(t, { maxBytes: 1000 }, 30);
    const client = new RawClient(t, served.port);
    client.send(head({ 'content-length': 5000 }));
    assert.equal(await client.status(), 413);
    await until('the connection is cut', () => client.closed);
    await unharmed(served, 0);
  });

  test('bombs: compressed bodies are not opened', async (t) => {
    const served = await serve(t);
    const bomb = gzipSync(Buffer.alloc(5_000_000));
    for (const encoding of ['gzip', 'deflate', 'br', 'gzip, identity']) {
      const answer = await postRaw(served.url, bomb, { 'content-encoding': encoding });
      assert.deepEqual([answer.status, answer.body.code], [415, 'UPLOAD_ENCODED']);
    }
    await unharmed(served, 0);
  });
});

describe('many at once', () => {
  test('one more than maxConcurrent is asked to repeat', async (t) => {
    const served = await serve(t, { maxConcurrent: 2 });
    const clients = [1, 2].map(() => new RawClient(t, served.port));
    for (const client of clients) client.send(head({ 'content-length': 1000 }) + ONE_FILE.slice(0, 60));
    await until('both are coming in', () => served.uploads.open === 2);
    const answer = await postRaw(served.url, ONE_FILE);
    assert.deepEqual([answer.status, answer.body.code], [503, 'UPLOADS_TOO_MANY']);
    assert.equal(answer.headers.get('retry-after'), '2');
    for (const client of clients) client.socket.destroy();
    await unharmed(served, 2);
  });

  test('60 uploads of a megabyte and more, each whole and its own', async (t) => {
    const { url, uploads } = await serve(t);
    uploads.keepBodies = false;
    const base = randomBytes(1_300_000);
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_none, index) => {
        const data = new FormData();
        data.set('number', String(index));
        data.set('doses', new Blob([`${index}\n`, base.subarray(index)]), `vax-${index}.csv`);
        return post(url, data);
      }),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
    assert.equal(uploads.receipts.size, 60);
    for (const { facts, parts } of uploads.receipts.values()) {
      const number = Number(facts.fields.number);
      assert.equal(parts[0]?.name, `vax-${number}.csv`);
      assert.equal(parts[0]?.bytes, `${number}\n`.length + base.length - number);
    }
    assert.ok(uploads.mostOpen > 1, 'they came in at the same time');
    assert.equal(uploads.open, 0);
  });

  test('100 MB with an engine that keeps nothing needs no memory to speak of', async (t) => {
    const { url, uploads } = await serve(t);
    uploads.keepBodies = false;
    const chunk = Buffer.alloc(1 << 20, 'x');
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let left = 100;
    uploads.beforeChunk = () => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    };
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (left === 100) controller.enqueue(Buffer.from(file('doses', 'a.csv', '').slice(0, -2)));
        if (left-- > 0) controller.enqueue(chunk);
        else {
          controller.enqueue(Buffer.from(`\r\n${END}`));
          controller.close();
        }
      },
    });
    const response = await fetch(url, {
      method: 'POST',
      body: stream,
      duplex: 'half',
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    } as RequestInit);
    assert.equal(response.status, 202);
    assert.equal(uploads.bytesSeen, 100 << 20);
    assert.ok(uploads.largestChunk < 1_000_000, `${uploads.largestChunk}`);
    assert.ok(most < 100_000_000, `${most} bytes in buffers`);
  });
});

describe('headers of the request', () => {
  const cases: readonly (readonly [type: string, status: number, code: string])[] = [
    ['', 415, 'UPLOAD_TYPE_UNKNOWN'],
    // This one the server itself refuses.
    ['multipart', 415, 'REQUEST_NOT_VALID'],
    ['multipart/form-data; boundary', 415, 'UPLOAD_TYPE_UNKNOWN'],
    ['multipart/form-data; boundary="a', 415, 'UPLOAD_TYPE_UNKNOWN'],
    ['multipart/form-data; boundary=a; boundary=b', 415, 'UPLOAD_TYPE_UNKNOWN'],
    ['multipart/form-data', 400, 'BOUNDARY_WRONG'],
    ['multipart/form-data; boundary=""', 400, 'BOUNDARY_WRONG'],
    [`multipart/form-data; boundary=${'x'.repeat(71)}`, 400, 'BOUNDARY_WRONG'],
    ['multipart/form-data; boundary=other', 400, 'BOUNDARY_NOT_FOUND'],
  ];
  for (const [type, status, code] of cases) {
    test(`${type.slice(0, 50) || 'no type'}: ${status}`, async (t) => {
      const served = await serve(t);
      const client = new RawClient(t, served.port);
      const [line, ...others] = head({ 'content-type': type, 'content-length': ONE_FILE.length }).split('\r\n');
      const lines = type === '' ? others.filter((header) => !header.startsWith('content-type')) : others;
      client.send([line, ...lines].join('\r\n') + ONE_FILE);
      assert.equal(await client.status(), status);
      assert.match(client.received, new RegExp(code));
      await unharmed(served, status === 415 ? 0 : 1);
    });
  }

  test('quoted boundaries and types in capitals are sound', async (t) => {
    const { url } = await serve(t);
    const answer = await postRaw(url, ONE_FILE, { 'content-type': `Multipart/Form-Data; Boundary="${BOUNDARY}"` });
    assert.equal(answer.status, 202);
  });

  test('the connection is good for another upload after a refusal', async (t) => {
    const { port } = await serve(t);
    const client = new RawClient(t, port);
    const wrong = ONE_FILE.replace('name="doses"', 'name="doses');
    client.send(head({ 'content-length': wrong.length }) + wrong);
    await until('it is refused', () => /HTTP\/1\.1 400 /.test(client.received));
    client.send(head({ 'content-length': ONE_FILE.length }) + ONE_FILE);
    await until('the next is taken', () => /HTTP\/1\.1 202 /.test(client.received));
  });
});
