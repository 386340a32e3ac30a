import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type AcceptContext, accept } from '../../engine/accept.ts';
import { BodyFolder, bodySource, hashFile } from '../../engine/bodies.ts';
import type { Snapshot } from '../../engine/contracts/production.ts';
import type { AcceptRequest } from '../../engine/contracts/service.ts';
import { openOne } from '../store/ledger.ts';
import { cleanUp, temporaryFolder } from '../support/redis.ts';
import { FULL, failing, policy } from './support.ts';

const CONTENT: Snapshot = {
  production: 'p',
  resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} },
  routes: {
    rows: {
      onInvalidRow: 'continue',
      validate: false,
      filter: [],
      to: [{ name: 'registry', destination: 'registry', transform: 't' }],
    },
    strict: { onInvalidRow: 'refuseFile', validate: false, filter: [], to: [] },
  },
};

async function rig(t: TestContext, maxPages?: number) {
  const folder = await temporaryFolder(t);
  const real = await openOne(join(folder, 'ledger.db'), maxPages);
  cleanUp(t, () => real.close());
  await real.putSnapshot({ hash: 'snapshot', body: Buffer.from('s') });
  const fake = failing(real);
  const bodies = new BodyFolder(join(folder, 'bodies'));
  await bodies.prepare();
  const seen = { accepted: [] as string[], failed: [] as unknown[] };
  let number = 0;
  const context: AcceptContext = {
    store: fake.store,
    bodies,
    clock: { now: () => 5000 },
    instance: 'aaaa',
    nextReceipt: () => 1,
    nextNumber: () => ++number,
    snapshot: () => ({ hash: 'snapshot', content: CONTENT }),
    accepted: (id) => seen.accepted.push(id),
    failed: (error) => seen.failed.push(error),
  };
  return { context, fake, store: real, bodies, seen, files: () => readdirSync(bodies.path).sort() };
}

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

function request(text: string, over: Partial<AcceptRequest> = {}): AcceptRequest {
  return {
    body: chunks(...text),
    name: 'rows.csv',
    rule: { format: { type: 'csv', recordMap: 'rows' }, route: 'rows' },
    duplicates: policy('report'),
    ...over,
  };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of body) text += Buffer.from(chunk).toString();
  return text;
}

describe('accept', () => {
  test('keeps body and submission, then says so', async (t) => {
    const { context, store, bodies, seen, files } = await rig(t);
    const rule = { format: { type: 'csv' }, route: 'strict' };
    const fields = { batch: 'x' };
    const claim = 'claim-1';
    const accepted = await accept(context, 'hand', request('abc', { rule, fields, claim, partner: 'clinic' }));
    assert.deepEqual(accepted, { kind: 'stored', id: 'aaaa-1' });
    assert.deepEqual(seen, { accepted: ['aaaa-1'], failed: [] });
    assert.deepEqual(files(), ['1.body']);
    assert.equal(readFileSync(bodies.original(1), 'utf8'), 'abc');
    const row = await store.submission({ submission: 1 });
    assert.equal(row?.hash, createHash('sha256').update('abc').digest('hex'));
    assert.equal(await hashFile(bodies.original(1)), row.hash);
    const { state, bytes, gate, acceptedAt, service, partner } = row;
    assert.deepEqual(
      { state, bytes, gate, acceptedAt, service, partner, fields: { ...row.fields }, claim: row.claim },
      {
        state: 'accepted',
        bytes: 3,
        gate: true,
        acceptedAt: 5000,
        service: 'hand',
        partner: 'clinic',
        fields,
        claim,
      },
    );
  });

  test('an unknown route is refused before a byte is kept', async (t) => {
    const { context, files } = await rig(t);
    const rule = { format: { type: 'csv' }, route: 'nowhere' };
    await assert.rejects(accept(context, 'hand', request('abc', { rule })), { code: 'ROUTE_UNKNOWN' });
    assert.deepEqual(files(), []);
  });

  test('a body that breaks off leaves nothing', async (t) => {
    const { context, store, seen, files } = await rig(t);
    const body = (async function* () {
      yield Buffer.from('half');
      throw new Error('the sender went away');
    })();
    await assert.rejects(accept(context, 'hand', request('', { body })), /went away/);
    assert.deepEqual([files(), seen.accepted], [[], []]);
    assert.equal(await store.submission({ submission: 1 }), undefined);
  });

  test('a service that takes it back after the last byte leaves nothing', async (t) => {
    const { context, seen, files } = await rig(t);
    const confirm = async () => {
      throw new Error('the file changed');
    };
    await assert.rejects(accept(context, 'hand', request('abc', { confirm })), /the file changed/);
    assert.deepEqual([files(), seen.accepted], [[], []]);
  });

  test('a ledger that is full leaves nothing, and the same content is taken later', async (t) => {
    const { context, fake, seen, files } = await rig(t);
    fake.fail('accept', FULL);
    await assert.rejects(accept(context, 'hand', request('abc')), { code: 'STORE_FULL' });
    assert.deepEqual([files(), seen.failed], [[], [FULL]]);
    fake.fail('accept', undefined);
    assert.equal((await accept(context, 'hand', request('abc'))).kind, 'stored');
  });

  test('a ledger whose pages are used up: really full', async (t) => {
    const { context, seen, files } = await rig(t, 90);
    const name = 'n'.repeat(100_000);
    const taken: string[] = [];
    await assert.rejects(
      async () => {
        for (let n = 0; n < 20; n += 1) taken.push((await accept(context, 'hand', request(`${n}`, { name }))).id);
      },
      { code: 'STORE_FULL' },
    );
    assert.deepEqual(seen.accepted, taken);
    assert.equal(files().length, taken.length);
  });

  test('a ledger that ended may have kept it: the body stays for the next start to judge', async (t) => {
    const { context, fake, bodies, files } = await rig(t);
    const ended = Object.assign(new Error('closed'), { code: 'STORE_CLOSED' });
    fake.fail('accept', ended);
    fake.fail('submission', ended);
    await assert.rejects(accept(context, 'hand', request('abc')), { code: 'STORE_CLOSED' });
    assert.deepEqual(files(), ['1.body']);
    assert.equal(await bodies.sweep(async () => true), 0);
    assert.equal(await bodies.sweep(async () => false), 1);
    assert.deepEqual(files(), []);
  });

  test('an engine that stops takes nothing in and leaves nothing open', async (t) => {
    const { context, files } = await rig(t);
    const nextNumber = () => {
      throw Object.assign(new Error('stopping'), { code: 'ENGINE_STOPPING' });
    };
    await assert.rejects(accept({ ...context, nextNumber }, 'hand', request('abc')), { code: 'ENGINE_STOPPING' });
    assert.deepEqual(files(), []);
  });
});

describe('the same content again', () => {
  test('is not kept twice; it names the first, and its body leaves no file', async (t) => {
    const { context, seen, files } = await rig(t);
    await accept(context, 'hand', request('abc'));
    assert.deepEqual(await accept(context, 'hand', request('abc')), { kind: 'duplicate', id: 'aaaa-1' });
    assert.deepEqual([files(), seen.accepted], [['1.body'], ['aaaa-1']]);
  });

  test('is kept where the rule or the sender says so, for another service or partner, and after the window', async (t) => {
    const { context, files } = await rig(t);
    const again = [
      () => accept(context, 'hand', request('abc')),
      () => accept(context, 'hand', request('abc', { duplicates: policy('accept') })),
      () => accept(context, 'hand', request('abc', { again: true })),
      () => accept(context, 'other', request('abc')),
      () => accept(context, 'hand', request('abc', { partner: 'clinic' })),
      () => accept({ ...context, clock: { now: () => 6001 } }, 'hand', request('abc')),
    ];
    for (const one of again) assert.equal((await one()).kind, 'stored');
    assert.equal(files().length, again.length);
  });

  test('counts no more once the first was refused', async (t) => {
    const { context, store } = await rig(t);
    await accept(context, 'hand', request('abc'));
    await store.refuse({ submission: 1, refusal: { code: 'X', reason: 'x' }, at: 1 });
    assert.equal((await accept(context, 'hand', request('abc'))).kind, 'stored');
  });

  test('twins that arrive together: one is stored, the others name it', async (t) => {
    const { context, files } = await rig(t);
    const all = await Promise.all(Array.from({ length: 8 }, () => accept(context, 'hand', request('abcdefgh'))));
    const stored = all.filter(({ kind }) => kind === 'stored');
    assert.equal(stored.length, 1);
    assert.deepEqual(new Set(all.map(({ id }) => id)), new Set([stored[0]?.id]));
    assert.equal(files().length, 1);
  });

  test('a claim that is known already is not accepted twice', async (t) => {
    const { context, files } = await rig(t);
    await accept(context, 'hand', request('abc', { claim: 'c' }));
    await assert.rejects(accept(context, 'hand', request('other', { claim: 'c' })), { code: 'STORE_STALE' });
    assert.deepEqual(files(), ['1.body']);
  });
});

describe('bodies', () => {
  test('the sweep removes what nothing refers to, and only that', async (t) => {
    const { bodies, files } = await rig(t);
    for (const name of ['1.body', '1.utf8', '2.body', '2.utf8', '3.utf8.tmp', 'incoming-7-1.tmp', '1.body.bak'])
      writeFileSync(join(bodies.path, name), name);
    mkdirSync(join(bodies.path, 'lost+found'));
    assert.equal(await bodies.sweep(async (submission) => submission === 1), 5);
    assert.deepEqual(files(), ['1.body', '1.utf8', 'lost+found']);
  });

  test('a probe of the disk leaves nothing behind', async (t) => {
    const { bodies, files } = await rig(t);
    await bodies.probe();
    assert.deepEqual(files(), []);
  });

  test('a body is read from any offset', async (t) => {
    const { bodies } = await rig(t);
    writeFileSync(bodies.original(1), '0123456789');
    const source = await bodySource(bodies.original(1));
    assert.equal(source.bytes, 10);
    assert.equal(await textOf(source.read(7)), '789');
    assert.equal(await textOf(source.read()), '0123456789');
  });
});
