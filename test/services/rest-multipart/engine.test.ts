/** The service in the program as a person runs it: what a partner was told is kept, what broke off leaves nothing. */
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type RunningEngine, startEngine } from '../../support/engine.ts';
import { addPartner } from '../../support/listener.ts';
import { type TestProduction, temporaryProduction } from '../../support/production.ts';
import { redisSkip, until } from '../../support/redis.ts';
import { BOUNDARY, END, file, head, ONE_FILE } from './support.ts';

const NOBODY = 'http://127.0.0.1:9/soap';
const SERVICE = `
listen: { host: 127.0.0.1, port: 0 }

services:
  partners:
    type: rest-multipart
    path: /uploads
    maxBytes: 200MB
    parts:
      - { name: doses, format: { type: csv, recordMap: doses }, route: doses }
      - { name: paper, format: { type: raw }, route: papers }
`;

interface Site {
  readonly production: TestProduction;
  readonly key: string;
  readonly other: string;
}

async function site(t: TestContext): Promise<Site> {
  const production = await temporaryProduction(t);
  await production.edit('production.yaml', '\nservices:\n', SERVICE);
  await production.edit(
    'production.yaml',
    '\nroutes:\n',
    '\nroutes:\n  papers:\n    to: [{ destination: registry }]\n',
  );
  const key = await addPartner(production.config, 'harbor');
  const other = await addPartner(production.config, 'bay');
  return { production, key, other };
}

async function run(
  t: TestContext,
  { production }: Site,
): Promise<{ engine: RunningEngine; url: string; port: number }> {
  const engine = await startEngine(t, production, { url: NOBODY });
  await until('the listener is open', () => engine.events('listenerOpened').length > 0);
  const port = Number(engine.events('listenerOpened')[0]?.port);
  return { engine, port, url: `http://127.0.0.1:${port}` };
}

/** Bodies on disk: complete ones by their SHA-256, and what is half. */
async function bodies({ data }: TestProduction) {
  const names = await readdir(join(data, 'bodies'));
  const whole = names.filter((name) => name.endsWith('.body'));
  const hashes = await Promise.all(whole.map(async (name) => sha256(await readFile(join(data, 'bodies', name)))));
  return { hashes: hashes.sort(), half: names.filter((name) => name.endsWith('.tmp')) };
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function form(content: Buffer, name: string): FormData {
  const data = new FormData();
  data.set('number', name);
  data.set('paper', new Blob([new Uint8Array(content)], { type: 'application/pdf' }), `${name}.pdf`);
  return data;
}

interface Receipt {
  readonly id: string;
  readonly duplicate: boolean;
  readonly fields: Readonly<Record<string, string>>;
  readonly submissions: readonly { readonly name: string; readonly sha256: string }[];
}

async function send(url: string, key: string, body: FormData, idempotency: string = randomUUID()) {
  const headers = { authorization: `Bearer ${key}`, 'idempotency-key': idempotency };
  const answer = await fetch(`${url}/uploads`, { method: 'POST', headers, body });
  return { status: answer.status, location: answer.headers.get('location'), body: (await answer.json()) as Receipt };
}

describe('uploads to a running engine', { skip: redisSkip() }, () => {
  test('100 MB in 60 uploads at once: every file whole, every receipt its own', async (t) => {
    const made = await site(t);
    const { url } = await run(t, made);
    const base = randomBytes(1_700_000);
    const contents = Array.from({ length: 60 }, (_none, index) => base.subarray(index * 997));
    const answers = await Promise.all(
      contents.map((content, index) => send(url, made.key, form(content, `p${index}`))),
    );
    const expected = contents.map((content) => sha256(content));
    for (const [index, { status, body }] of answers.entries()) {
      assert.equal(status, 202);
      assert.equal(body.fields.number, `p${index}`);
      assert.deepEqual([body.submissions[0]?.name, body.submissions[0]?.sha256], [`p${index}.pdf`, expected[index]]);
    }
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 60);
    assert.deepEqual(await bodies(made.production), { hashes: expected.sort(), half: [] });
    const [first] = answers;
    const receipt = await fetch(url + first?.location, { headers: { authorization: `Bearer ${made.key}` } });
    assert.equal(((await receipt.json()) as Receipt).submissions[0]?.sha256, sha256(contents[0] ?? base));
    const stranger = await fetch(url + first?.location, { headers: { authorization: `Bearer ${made.other}` } });
    assert.equal(stranger.status, 404);
  });

  test('what breaks off at any quarter, or is refused late, leaves nothing', async (t) => {
    const made = await site(t);
    const { url, port } = await run(t, made);
    assert.equal((await send(url, made.key, form(Buffer.from('x'), 'first'))).status, 202);
    const before = await bodies(made.production);
    const body = Buffer.from(
      file('paper', 'a.pdf', 'x'.repeat(800_000)) + file('paper', 'b.pdf', 'y'.repeat(800_000)) + END,
    );
    const authorization = `Bearer ${made.key}`;
    for (const quarter of [1, 2, 3, 4]) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => socket.destroy());
      socket.write(head({ authorization, 'content-length': body.length }));
      socket.write(body.subarray(0, quarter === 4 ? body.length - 1 : (body.length * quarter) / 4));
      const half = async () => (await readdir(join(made.production.data, 'bodies'))).length;
      await until('the upload is coming in', async () => (await half()) > before.hashes.length);
      socket.destroy();
      await until('nothing of it is left', async () => (await half()) === before.hashes.length);
    }
    const late = Buffer.concat([
      body.subarray(0, body.length - END.length),
      Buffer.from(file('nobody', 'c', 'z') + END),
    ]);
    const answer = await fetch(`${url}/uploads`, {
      method: 'POST',
      headers: { authorization, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
      body: new Uint8Array(late),
    });
    assert.equal(answer.status, 422);
    assert.deepEqual(await bodies(made.production), before);
  });

  test('a replay gets the first receipt, over a crash too; a key with other content is refused', async (t) => {
    const made = await site(t);
    const first = await run(t, made);
    const key = randomUUID();
    const taken = await send(first.url, made.key, form(Buffer.from('one'), 'a'), key);
    assert.equal(taken.status, 202);
    const again = await send(first.url, made.key, form(Buffer.from('one'), 'a'), key);
    assert.deepEqual([again.status, again.body.id, again.body.duplicate], [200, taken.body.id, true]);
    const other = await send(first.url, made.key, form(Buffer.from('two'), 'a'), key);
    assert.deepEqual([other.status, other.location], [422, taken.location]);
    // A key belongs to its partner.
    assert.equal((await send(first.url, made.other, form(Buffer.from('one'), 'a'), key)).status, 202);

    const half = randomUUID();
    const broken = connect(first.port, '127.0.0.1');
    broken.on('error', () => broken.destroy());
    broken.write(head({ authorization: `Bearer ${made.key}`, 'idempotency-key': half, 'content-length': 90_000 }));
    broken.write(ONE_FILE.slice(0, -END.length));
    await until('it is coming in', async () => (await bodies(made.production)).half.length > 0);
    await first.engine.kill();

    const second = await run(t, made);
    const after = await send(second.url, made.key, form(Buffer.from('one'), 'a'), key);
    assert.deepEqual([after.status, after.body.id], [200, taken.body.id]);
    // By content, without the key.
    const same = await send(second.url, made.key, form(Buffer.from('one'), 'a'));
    assert.deepEqual([same.status, same.body.id], [200, taken.body.id]);
    assert.equal((await send(second.url, made.key, form(Buffer.from('three'), 'c'), half)).status, 202);
    assert.deepEqual(await bodies(made.production), {
      hashes: ['one', 'one', 'three'].map((text) => sha256(Buffer.from(text))).sort(),
      half: [],
    });
  });

  test('names and fields that could hurt are data', async (t) => {
    const made = await site(t);
    const { url, engine } = await run(t, made);
    const marker = `Roe-${randomBytes(6).toString('hex')}`;
    const data = new FormData();
    data.set('__proto__', marker);
    data.set('constructor', 'x');
    data.set('paper', new Blob([marker]), `../../${marker}\u202e.pdf`);
    const { status, body } = await send(url, made.key, data);
    assert.equal(status, 202);
    assert.equal(body.submissions[0]?.name, `${marker}.pdf`);
    assert.deepEqual(Object.entries(body.fields).sort(), [
      ['__proto__', marker],
      ['constructor', 'x'],
    ]);
    data.set('unwanted', new Blob([marker]), `${marker}.pdf`);
    assert.equal((await send(url, made.key, data)).status, 422);
    assert.ok(!engine.log().includes(marker), 'nothing of it is in the log');
  });
});
