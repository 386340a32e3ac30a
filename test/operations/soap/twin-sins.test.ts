/** Every sin of the catalogue: what goes over the wire, what was taken, and that it is counted by its name. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { SIN_NAMES } from '../../../operations/soap/twin/sins.ts';
import {
  batchOf,
  type HttpReply,
  post,
  questionOf,
  requestOf,
  type SentRequest,
  shipped,
  takenLines,
  testFile,
  testTwin,
  vaccination,
} from '../../support/twin.ts';
import { answered, BATCH, CASES, type Came, CDC, IDS, says } from './twin-sin-cases.ts';

/** Posts and gives the answer, or says that the connection broke. */
async function call(url: string, sent: SentRequest, sins?: string): Promise<Came> {
  try {
    return await post(url, sent, sins);
  } catch (error) {
    assert.match(String(error), /SocketError|other side closed|terminated|ECONNRESET|EPIPE/);
    return 'broken';
  }
}

describe('sins by the header x-twin', { concurrency: 4 }, () => {
  for (const [name, cases] of Object.entries(CASES)) {
    for (const { sin, sent = BATCH, before, dialect = 'cdc-iis-2011', taken, came } of cases) {
      test(sin, async (t) => {
        const log = testFile(t, 'log');
        const twin = await testTwin(t, { dialect: shipped(dialect), log });
        if (before) assert.equal((await post(twin.url, before)).status, 200);
        const number = before ? 2 : 1;
        came(await call(twin.url, sent, sin));
        const lines = takenLines(log).filter((line) => line.request === number);
        assert.deepEqual(
          lines.map(({ controlId }) => controlId),
          taken,
        );
        assert.equal(twin.counts().sins[name], 1, JSON.stringify(twin.counts()));
        assert.equal(twin.counts().requests, number);
        // Whatever it did, it goes on.
        assert.equal(answered(await call(twin.url, requestOf(shipped(dialect), vaccination('after')))).status, 200);
      });
    }
  }
});

test('the table above and the tests below have every sin', () => {
  const others = ['no-answer', 'refuse-connections', 'still-working', 'unknown-ticket'];
  assert.deepEqual([...Object.keys(CASES), ...others].toSorted(), SIN_NAMES.toSorted());
});

test('no answer: the request is read, taken or not, and the connection stays', async (t) => {
  for (const [sin, messages] of [
    ['no-answer', 0],
    ['no-answer taken=true', 1],
  ] as const) {
    const twin = await testTwin(t);
    const { pathname, port } = new URL(twin.url);
    const { headers, body } = requestOf(CDC, vaccination('A'));
    const socket = connect(Number(port), '127.0.0.1');
    t.after(() => socket.destroy());
    const lines = Object.entries({ ...headers, 'x-twin': sin, 'content-length': String(body.length), host: 'x' });
    socket.write(`POST ${pathname} HTTP/1.1\r\n${lines.map(([key, value]) => `${key}: ${value}\r\n`).join('')}\r\n`);
    socket.write(body);
    // The next request's answer shows that the first was read to its end; it never gets one.
    while (twin.counts().sins['no-answer'] === undefined) await call(twin.url, requestOf(CDC, 'MSH|^~\\&|'));
    assert.equal(socket.bytesRead, 0);
    assert.equal(socket.readyState, 'open');
    assert.equal(twin.counts().messages >= messages, true);
    const closed = once(socket, 'close');
    await twin.close();
    await closed;
    assert.equal(socket.bytesRead, 0);
  }
});

test('the port is closed for a while, and opens again', async (t) => {
  const twin = await testTwin(t, { rules: ['{ when: { request: 1 }, do: { sin: refuse-connections, for: 300ms } }'] });
  assert.equal(await call(twin.url, BATCH), 'broken');
  await assert.rejects(post(twin.url, BATCH), /ECONNREFUSED/);
  let came: HttpReply | undefined;
  while (!came) came = await post(twin.url, BATCH).catch(() => undefined);
  assert.equal(came.status, 200);
  assert.deepEqual(twin.counts().sins, { 'refuse-connections': 1 });
});

test('a twin that is closed while its port is closed stays closed', async (t) => {
  const twin = await testTwin(t, { rules: ['{ do: { sin: refuse-connections, for: 1h } }'] });
  assert.equal(await call(twin.url, BATCH), 'broken');
  await twin.close();
  await assert.rejects(post(twin.url, BATCH), /ECONNREFUSED/);
});

test('a status query is told to wait, or that nothing is known', async (t) => {
  const dialect = shipped('submit-poll');
  const twin = await testTwin(t, { dialect });
  const { text } = await post(twin.url, requestOf(dialect, batchOf(IDS)));
  const question = questionOf(dialect, /TWIN-1-[0-9a-f]{8}/.exec(text)?.[0] ?? '');
  assert.match((await post(twin.url, question, 'still-working')).text, /RECEIVED/);
  assert.match((await post(twin.url, question, 'unknown-ticket')).text, /NOT_FOUND/);
  assert.match((await post(twin.url, question, 'still-working')).text, /COMPLETE/);
  assert.match((await post(twin.url, question, 'wrong-id')).text, /COMPLETE|TWIN-NOBODY/);
  assert.deepEqual(twin.counts().sins, { 'still-working': 1, 'unknown-ticket': 1, 'wrong-id': 1 });
});

test('a gzip bomb is small on the wire and large when unpacked; the answer is in it', async (t) => {
  const twin = await testTwin(t);
  const { headers, body } = BATCH;
  const answer = await request(twin.url, {
    method: 'POST',
    headers: { ...headers, 'x-twin': 'gzip-bomb bytes=20MB' },
    body,
  });
  const packed = Buffer.from(await answer.body.arrayBuffer());
  assert.ok(packed.length < 100_000, String(packed.length));
  const text = gunzipSync(packed).toString();
  assert.equal(text.length, 20_000_000);
  assert.ok(text.includes('MSA|AA|m4'));
  assert.ok(text.endsWith('</soap:Envelope>'));
});

test('an answer of a gigabyte takes no memory here, and ends when the other side has had enough', async (t) => {
  const twin = await testTwin(t);
  const { headers, body } = BATCH;
  const before = process.memoryUsage.rss();
  const answer = await request(twin.url, { method: 'POST', headers: { ...headers, 'x-twin': 'huge-answer' }, body });
  assert.equal(answer.headers['content-length'], '1000000000');
  let read = 0;
  for await (const chunk of answer.body) {
    read += (chunk as Buffer).length;
    if (read > 50_000_000) break;
  }
  assert.ok(read > 50_000_000);
  assert.ok(process.memoryUsage.rss() - before < 200_000_000);
  assert.equal(answered(await call(twin.url, BATCH)).status, 200);
});

test('a sin that is not written right is a 400 with the reason, and no request', async (t) => {
  const twin = await testTwin(t);
  const wrong = {
    'wrong-idd': /found wrong-idd, expected .*wrong-id/,
    code: /code code: found no code/,
    'code code=XX': /found XX, expected one of AA, AE/,
    'slow-first-byte wait=soon': /expected a duration/,
    'empty-id more=1': /found more/,
    'fault fault=NoSuchFault': /found NoSuchFault, expected a fault of cdc-iis-2011: SecurityFault/,
    'too-large': /without a limit/,
    'success-false': /a dialect with a success flag/,
    'still-working': /a dialect with a status query/,
  };
  for (const [sin, pattern] of Object.entries(wrong)) says(pattern, 400)(await call(twin.url, BATCH, sin));
  assert.equal(twin.counts().requests, 0);
});
