import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { RefusedError, WaybillError } from '../../../engine/errors.ts';
import service from '../../../services/rest-multipart/index.ts';
import { startUploads } from '../../../services/rest-multipart/serve.ts';
import { FakeEngine } from '../../support/fake-service-context.ts';
import {
  CSV,
  END,
  field,
  file,
  head,
  ONE_FILE,
  post,
  postRaw,
  RAW,
  RawClient,
  type Served,
  serve,
  until,
} from './support.ts';

const THEN = 'then';

function form(doses = 'a,b\r\n1,2\r\n'): FormData {
  const data = new FormData();
  data.set('site', 'Harbor County');
  data.set('doses', new Blob([doses], { type: 'text/csv' }), 'vax-1.csv');
  data.set('consent', new Blob(['%PDF-1.4'], { type: 'application/pdf' }), 'consent.pdf');
  return data;
}

describe('an upload', () => {
  test('is one receipt with a submission for each file', async (t) => {
    const { url, uploads } = await serve(t);
    const { status, headers, body } = await post(url, form());
    assert.equal(status, 202);
    assert.equal(headers.get('location'), '/receipts/7kq2-R1');
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
    const { view, facts, parts } = uploads.only();
    assert.equal(facts.partner, 'harbor');
    assert.equal(facts.key, undefined);
    assert.deepEqual(facts.fields, { site: 'Harbor County' });
    assert.deepEqual(facts.duplicates, { within: 30 * 86_400_000, [THEN]: 'report' });
    assert.deepEqual(
      parts.map(({ part, name, contentType, route, format, body: content }) => [
        part,
        name,
        contentType,
        route,
        format,
        content.toString(),
      ]),
      [
        ['doses', 'vax-1.csv', 'text/csv', 'doses', 'csv', 'a,b\r\n1,2\r\n'],
        ['consent', 'consent.pdf', 'application/pdf', 'documents', 'raw', '%PDF-1.4'],
      ],
    );
    assert.deepEqual(body, {
      id: '7kq2-R1',
      service: 'partners',
      partner: 'harbor',
      acceptedAt: new Date(view.acceptedAt).toISOString(),
      duplicate: false,
      fields: { site: 'Harbor County' },
      submissions: parts.map(({ part, name, contentType, bytes, hash: sha256 }, index) => ({
        id: `7kq2-${1000 + index}`,
        part,
        name,
        contentType,
        bytes,
        sha256,
      })),
      links: { self: '/receipts/7kq2-R1' },
    });
    assert.equal(uploads.open, 0);
  });

  test('is answered only after the commit', async (t) => {
    const { url, uploads } = await serve(t);
    let commit = () => {};
    let asked = false;
    uploads.beforeCommit = () => {
      asked = true;
      return new Promise<void>((resolve) => {
        commit = resolve;
      });
    };
    let answered = false;
    const answer = post(url, form()).finally(() => {
      answered = true;
    });
    await until('the commit is asked for', () => asked);
    assert.equal(answered, false);
    commit();
    assert.equal((await answer).status, 202);
  });

  test('that comes again gets the first receipt', async (t) => {
    const { url, uploads } = await serve(t);
    await post(url, form());
    const { status, headers, body } = await post(url, form());
    assert.deepEqual([status, body.id, body.duplicate], [200, '7kq2-R1', true]);
    assert.equal(headers.get('location'), '/receipts/7kq2-R1');
    assert.equal(uploads.receipts.size, 1);
    assert.equal((await post(url, form(), { 'x-partner': 'bay' })).status, 202);
  });

  test('that comes again is accepted where the service says so', async (t) => {
    const { url } = await serve(t, { duplicates: { [THEN]: 'accept' } });
    assert.equal((await post(url, form())).status, 202);
    assert.equal((await post(url, form())).status, 202);
  });

  test('streams: no chunk waits for the whole body, and a slow engine slows its sender', async (t) => {
    const { port, uploads } = await serve(t);
    const client = new RawClient(t, port);
    client.send(head({ 'transfer-encoding': 'chunked' }));
    const piece = Buffer.alloc(300_000, 'x');
    const send = (bytes: Buffer) =>
      client.send(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]));
    send(Buffer.from(file('doses', 'a.csv', '').slice(0, -2)));
    send(piece);
    await until('the first bytes have come through', () => uploads.bytesSeen > 0);
    assert.equal(uploads.receipts.size, 0);
    send(Buffer.from(`\r\n${END}`));
    client.send('0\r\n\r\n');
    assert.equal(await client.status(), 202);
    assert.equal(uploads.only().parts[0]?.bytes, piece.length);
  });
});

describe('what a file has to fit', () => {
  test('the first rule counts, by name, type and file name', async (t) => {
    const { url, uploads } = await serve(t, {
      parts: [
        { name: 'dose*', fileName: 'vax-*.csv', ...CSV },
        { contentType: 'application/*', ...RAW },
        { contentType: 'TEXT/csv', format: { type: 'csv', recordMap: 'other' }, route: 'others' },
      ],
    });
    const body =
      file('doses-2', 'vax-1.csv', 'x', 'Content-Type: application/pdf') +
      file('doses-2', 'tax-1.csv', 'x', 'Content-Type: application/PDF; v=1') +
      file('any', 'any.csv', 'x', 'Content-Type: text/CSV') +
      END;
    assert.equal((await postRaw(url, body)).status, 202);
    assert.deepEqual(
      uploads.only().parts.map(({ route }) => route),
      ['doses', 'documents', 'others'],
    );
  });

  test('a file that nobody wants refuses the whole upload by its part, and keeps nothing', async (t) => {
    const { url, uploads } = await serve(t);
    const body = file('doses', 'a.csv', 'x') + file('photo', 'roe-max.jpg', 'x', 'Content-Type: image/jpeg') + END;
    const answer = await postRaw(url, body);
    assert.deepEqual([answer.status, answer.body.code], [422, 'PART_NOT_WANTED']);
    assert.match(String(answer.body.detail), /Part 2 "photo" \(image\/jpeg\)/);
    assert.doesNotMatch(String(answer.body.detail), /roe-max/);
    assert.deepEqual([uploads.receipts.size, uploads.discarded, uploads.open], [0, 1, 0]);
  });

  test('no file: 422', async (t) => {
    const { url, uploads } = await serve(t);
    for (const body of [field('a', '1') + END, END, file('doses', '', '') + END]) {
      const answer = await postRaw(url, body);
      assert.deepEqual([answer.status, answer.body.code], [422, 'NO_FILE_PART']);
    }
    assert.equal(uploads.receipts.size, 0);
  });

  test('a file over its own limit: 413, counted as decoded', async (t) => {
    const { url, uploads } = await serve(t);
    const pdf = (bytes: number) =>
      file(
        'consent',
        'c.pdf',
        Buffer.alloc(bytes, 'x').toString('base64'),
        'Content-Type: application/pdf',
        'Content-Transfer-Encoding: base64',
      ) + END;
    assert.equal((await postRaw(url, pdf(1000))).status, 202);
    const answer = await postRaw(url, pdf(1001));
    assert.deepEqual([answer.status, answer.body.code], [413, 'PART_TOO_LARGE']);
    assert.equal(uploads.receipts.size, 1);
  });
});

describe('a plain body', () => {
  test('text/csv is the same as a form with one file', async (t) => {
    const { url, uploads } = await serve(t);
    const answer = await post(`${url}?name=vax-1.csv`, 'a,b\n1,2\n', { 'content-type': 'text/csv; charset=utf-8' });
    assert.equal(answer.status, 202);
    const [only] = uploads.only().parts;
    assert.deepEqual(
      [only?.part, only?.name, only?.contentType, only?.body.toString()],
      ['doses', 'vax-1.csv', 'text/csv; charset=utf-8', 'a,b\n1,2\n'],
    );
    const hash = createHash('sha256').update('a,b\n1,2\n').digest('hex');
    assert.equal(only?.hash, hash);
  });

  test('a type that a rule names goes to that rule; another is not taken', async (t) => {
    const { url, uploads } = await serve(t);
    assert.equal((await post(url, '%PDF', { 'content-type': 'application/pdf' })).status, 202);
    assert.equal(uploads.only().parts[0]?.route, 'documents');
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'multipart/mixed; boundary=b']) {
      const answer = await post(url, 'x', { 'content-type': type });
      assert.deepEqual([answer.status, answer.body.code], [415, 'UPLOAD_TYPE_UNKNOWN'], type);
    }
  });

  test('its names come from the query or Content-Disposition, and are data', async (t) => {
    const { url, uploads } = await serve(t, { parts: [{ name: 'doses', fileName: '*.csv', ...CSV }] });
    const send = async (query: string, headers: Record<string, string> = {}) => {
      const { status, body } = await post(`${url}${query}`, `x${query}${headers['content-disposition']}`, {
        'content-type': 'text/csv',
        ...headers,
      });
      const last = [...uploads.receipts.values()].at(-1)?.parts[0];
      return status === 202 ? [last?.part, last?.name] : body.code;
    };
    assert.deepEqual(await send('?name=..%2F..%2Fa.csv'), ['doses', 'a.csv']);
    assert.deepEqual(await send('?name=Zo%C3%AB.csv&part=doses'), ['doses', 'Zoë.csv']);
    const attached = { 'content-disposition': "attachment; filename*=UTF-8''b%20c.csv" };
    assert.deepEqual(await send('', attached), ['doses', 'b c.csv']);
    assert.equal(await send('?part=other&name=a.csv'), 'PART_NOT_WANTED');
    assert.equal(await send('?name=a.pdf'), 'PART_NOT_WANTED');
    assert.equal(await send(''), 'PART_NOT_WANTED');
    assert.equal(await send('?name=a.csv&name=b.csv'), 'FILE_NAME_WRONG');
    assert.equal(await send('?name=%FF.csv'), 'FILE_NAME_WRONG');
    assert.equal(await send('', { 'content-disposition': 'attachment; filename="a' }), 'FILE_NAME_WRONG');
  });

  test('an empty one is refused', async (t) => {
    const { port, url, uploads } = await serve(t);
    assert.equal((await post(url, '', { 'content-type': 'text/csv' })).body.code, 'BODY_EMPTY');
    const client = new RawClient(t, port);
    client.send(`${head({ 'content-type': 'text/csv', 'transfer-encoding': 'chunked' })}0\r\n\r\n`);
    assert.equal(await client.status(), 400);
    assert.match(client.received, /BODY_EMPTY/);
    assert.equal(uploads.receipts.size, 0);
  });
});

describe('Idempotency-Key', () => {
  const key = { 'idempotency-key': '8e03978e-40d5-43dd-bc93-6894a57f9324' };

  test('a replay gets the first receipt, in quotes or not', async (t) => {
    const { url, uploads } = await serve(t, { duplicates: { [THEN]: 'accept' } });
    assert.equal((await postRaw(url, ONE_FILE, key)).status, 202);
    assert.equal(uploads.only().facts.key, '8e03978e-40d5-43dd-bc93-6894a57f9324');
    for (const same of [key, { 'idempotency-key': `"${key['idempotency-key']}"` }]) {
      const answer = await postRaw(url, ONE_FILE, same);
      assert.deepEqual([answer.status, answer.body.id, answer.body.duplicate], [200, '7kq2-R1', true]);
    }
    assert.equal((await postRaw(url, ONE_FILE, { ...key, 'x-partner': 'bay' })).status, 202);
  });

  test('the same key with other content: 422, and the receipt that has it', async (t) => {
    const { url, uploads } = await serve(t);
    await postRaw(url, ONE_FILE, key);
    const answer = await postRaw(url, ONE_FILE.replace('1,2', '3,4'), key);
    assert.deepEqual([answer.status, answer.body.code], [422, 'IDEMPOTENCY_KEY_TAKEN']);
    assert.equal(answer.headers.get('location'), '/receipts/7kq2-R1');
    assert.equal(uploads.receipts.size, 1);
  });

  test('a key still in flight: 409; afterwards it is free again', async (t) => {
    const { url, port, uploads } = await serve(t);
    const client = new RawClient(t, port);
    client.send(head({ 'content-length': ONE_FILE.length, 'idempotency-key': 'k-1' }) + ONE_FILE.slice(0, 50));
    await until('the first is coming in', () => uploads.open === 1);
    const answer = await postRaw(url, ONE_FILE, { 'idempotency-key': 'k-1' });
    assert.deepEqual([answer.status, answer.body.code], [409, 'IDEMPOTENCY_KEY_IN_FLIGHT']);
    assert.equal(answer.headers.get('retry-after'), '2');
    assert.equal(
      (await postRaw(url, ONE_FILE.replace('1', '9'), { 'idempotency-key': 'k-1', 'x-partner': 'bay' })).status,
      202,
    );
    client.socket.destroy();
    await until('the first is gone', () => uploads.open === 0);
    assert.equal((await postRaw(url, ONE_FILE, { 'idempotency-key': 'k-1' })).status, 202);
  });

  for (const wrong of ['""', '"a', 'a b', 'a, b', '"a"; x=1', 'x'.repeat(256), '"\\a"', 'ä']) {
    test(`${wrong.slice(0, 10)} is none`, async (t) => {
      const { port, uploads } = await serve(t);
      const client = new RawClient(t, port);
      client.send(head({ 'content-length': ONE_FILE.length, 'idempotency-key': wrong }) + ONE_FILE);
      assert.equal(await client.status(), 400);
      assert.match(client.received, /IDEMPOTENCY_KEY_WRONG/);
      assert.equal(uploads.receipts.size, 0);
    });
  }
});

describe('an engine that cannot', () => {
  test('store a part: 503 with Retry-After, without the reason, which is logged', async (t) => {
    const { url, uploads, engine } = await serve(t);
    uploads.beforeChunk = () => {
      throw Object.assign(new Error('ENOSPC: no space left, write /srv/secret'), { code: 'ENOSPC' });
    };
    const answer = await postRaw(url, ONE_FILE);
    assert.deepEqual([answer.status, answer.body.code], [503, 'UPLOAD_NOT_STORED']);
    assert.equal(answer.headers.get('retry-after'), '30');
    assert.doesNotMatch(String(answer.body.detail), /secret|ENOSPC/);
    assert.deepEqual([uploads.open, uploads.discarded], [0, 1]);
    assert.ok(engine.log.some(({ level, fields }) => level === 'error' && fields.cause === 'ENOSPC'));
  });

  test('commit: 503; what was read is left to the next start, since nobody knows', async (t) => {
    const { url, uploads } = await serve(t);
    uploads.beforeCommit = () => {
      throw new WaybillError('STORE_FULL', 'the ledger is full');
    };
    const answer = await postRaw(url, ONE_FILE, { 'idempotency-key': 'k' });
    assert.deepEqual([answer.status, answer.body.code], [503, 'UPLOAD_NOT_STORED']);
    assert.equal(uploads.discarded, 0);
    uploads.beforeCommit = undefined;
    assert.equal((await postRaw(url, ONE_FILE, { 'idempotency-key': 'k' })).status, 202);
  });

  test('take it: 422 with its own reason', async (t) => {
    const { url, uploads } = await serve(t);
    uploads.beforeChunk = () => {
      throw new RefusedError('ROUTE_UNKNOWN', 'The production has no route doses.');
    };
    const answer = await postRaw(url, ONE_FILE);
    assert.deepEqual([answer.status, answer.body.code], [422, 'ROUTE_UNKNOWN']);
    assert.equal(uploads.discarded, 1);
  });

  test('read the receipt: 503, and a repeat gets it', async (t) => {
    const { url, uploads } = await serve(t);
    const { get } = uploads.receipts;
    uploads.receipts.get = () => {
      throw new WaybillError('STORE_FAILED', 'the ledger cannot be read');
    };
    assert.equal((await postRaw(url, ONE_FILE)).body.code, 'RECEIPT_NOT_READ');
    uploads.receipts.get = get;
    assert.equal((await postRaw(url, ONE_FILE)).status, 200);
  });

  test('listen: it does not start', async () => {
    const { context } = new FakeEngine({ config: { path: '/u', parts: [{ name: 'a', ...CSV }] }, folder: '/nowhere' });
    await assert.rejects(startUploads(context), { code: 'LISTEN_MISSING' });
    await assert.rejects(service.start(context), { code: 'LISTEN_MISSING' });
  });
});

/** An upload of which 100 bytes are there. */
async function unfinished(t: TestContext, { port, uploads }: Served): Promise<RawClient> {
  const client = new RawClient(t, port);
  client.send(head({ 'content-length': ONE_FILE.length }) + ONE_FILE.slice(0, 100));
  await until('it is coming in', () => uploads.open === 1);
  return client;
}

describe('stop', () => {
  test('lets those in flight finish, and takes no others', async (t) => {
    const served = await serve(t);
    const { url, uploads, handle } = served;
    const client = await unfinished(t, served);
    let stopped = false;
    const stop = handle.stop().then(() => {
      stopped = true;
    });
    const answer = await postRaw(url, ONE_FILE);
    assert.deepEqual([answer.status, answer.body.code], [503, 'SERVICE_STOPPING']);
    assert.equal(answer.headers.get('retry-after'), '5');
    assert.equal(stopped, false);
    client.send(ONE_FILE.slice(100));
    assert.equal(await client.status(), 202);
    await stop;
    assert.equal(uploads.receipts.size, 1);
  });

  test('cuts them after the grace; nothing half is left', async (t) => {
    const served = await serve(t, { timeouts: { stop: 20 } });
    const { uploads, handle } = served;
    const client = await unfinished(t, served);
    await handle.stop();
    assert.equal(await client.status(), 503);
    assert.deepEqual([uploads.open, uploads.receipts.size, uploads.discarded], [0, 0, 1]);
  });

  test('waits until the receipt of a committed upload is read', async (t) => {
    const served = await serve(t, { timeouts: { stop: 1 } });
    const { url, engine, handle } = served;
    const other = await unfinished(t, served);
    let asked = false;
    let read = () => {};
    const { get } = engine.uploads.receipts;
    const reading = new Promise<void>((resolve) => {
      read = resolve;
    });
    Object.assign(engine.context, {
      receipt: async (id: string) => {
        asked = true;
        await reading;
        return get.call(engine.uploads.receipts, id)?.view;
      },
    });
    const answer = postRaw(url, ONE_FILE);
    await until('the receipt is asked for', () => asked);
    let stopped = false;
    const stop = handle.stop().then(() => {
      stopped = true;
    });
    assert.equal(await other.status(), 503, 'the grace is over');
    assert.equal(stopped, false);
    read();
    await stop;
    assert.equal((await answer).status, 202);
  });

  test('waits for a commit that has begun', async (t) => {
    const served = await serve(t, { timeouts: { stop: 1 } });
    const { url, uploads, handle } = served;
    const other = await unfinished(t, served);
    let commit = () => {};
    let asked = false;
    uploads.beforeCommit = () => {
      asked = true;
      return new Promise<void>((resolve) => {
        commit = resolve;
      });
    };
    const answer = postRaw(url, ONE_FILE);
    await until('the commit is asked for', () => asked);
    const stop = handle.stop();
    assert.equal(await other.status(), 503, 'the grace is over');
    commit();
    await stop;
    assert.equal((await answer).status, 202);
    assert.equal(uploads.receipts.size, 1);
  });
});
