import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  accept,
  audit,
  begin,
  block,
  counts,
  deliver,
  entriesTo,
  newBlock,
  type OpenStore,
  plan,
  routed,
  SNAPSHOT,
  scan,
  send,
  stale,
  submission,
  work,
} from './support.ts';

/** Accept, scan, blocks, end of routing: what any back end of the store must do. */
export function submissionConformance(open: OpenStore): void {
  test('accepts a submission and gives it back as it was', async (t) => {
    const { store, again } = await open(t);
    await accept(store, 1, {
      claim: 'claim-1',
      fields: { clinic: 'North' },
      entries: entriesTo('registry', 'archive'),
    });
    const reopened = await again();
    const row = await reopened.submission({ submission: 1 });
    assert.ok(row);
    assert.equal(row.state, 'accepted');
    assert.equal(row.claim, 'claim-1');
    assert.deepEqual(row.fields, { clinic: 'North' });
    assert.deepEqual(row.format, { type: 'csv', recordMap: 'doses' });
    assert.deepEqual(row.entries, entriesTo('registry', 'archive'));
    assert.equal(row.progress, 'open');
    assert.equal((await reopened.findClaim({ claim: 'claim-1' }))?.number, 1);
    assert.equal(await reopened.findClaim({ claim: 'other' }), undefined);
    assert.equal((await reopened.facts()).lastSubmission, 1);
    assert.deepEqual(Buffer.from((await reopened.snapshot({ hash: SNAPSHOT })) ?? []), Buffer.from('production'));
    assert.equal(await reopened.submission({ submission: 2 }), undefined);
  });

  test('facts are drawn once and stay', async (t) => {
    const { store, again } = await open(t);
    const before = await store.facts();
    assert.match(before.instance, /^[a-z0-9]{4}$/);
    assert.equal(before.digestKey.length, 32);
    assert.equal(before.lastSubmission, 0);
    assert.deepEqual(await (await again()).facts(), before);
  });

  test('of twins that arrive together one is stored, the other names it', async (t) => {
    const { store } = await open(t);
    await store.putSnapshot({ hash: SNAPSHOT, body: Buffer.from('x') });
    const [first, second] = await Promise.all([1, 2].map((n) => store.accept(submission(n, { hash: 'same' }))));
    assert.deepEqual(first, { kind: 'stored' });
    assert.deepEqual(second, { kind: 'duplicate', submission: 1 });
    assert.equal(await store.submission({ submission: 2 }), undefined);
  });

  test('a duplicate counts for its owner, in its window, and while it was neither refused nor cancelled', async (t) => {
    const { store } = await open(t);
    await accept(store, 1, { hash: 'same', expiresAt: 5000 });
    await accept(store, 2, { hash: 'same', owner: 'somebody else' });
    await accept(store, 3, { hash: 'same', owner: '' });
    const twin = await store.accept(submission(4, { hash: 'same', acceptedAt: 4999 }));
    assert.deepEqual(twin, { kind: 'duplicate', submission: 1 });
    await accept(store, 5, { hash: 'same', acceptedAt: 5000, expiresAt: 9000 });
    assert.deepEqual(await store.accept(submission(6, { hash: 'same', acceptedAt: 6000 })), {
      kind: 'duplicate',
      submission: 5,
    });
    await store.refuse({ submission: 5, refusal: { code: 'BAD_HEADER', reason: 'no such column' }, at: 6001 });
    await accept(store, 7, { hash: 'same', acceptedAt: 6002, expiresAt: 9000 });
    assert.deepEqual(await store.accept(submission(8, { hash: 'same', acceptedAt: 6003 })), {
      kind: 'duplicate',
      submission: 7,
    });
  });

  test('without refuseDuplicate the same content is accepted again, and the newer one counts from then on', async (t) => {
    const { store } = await open(t);
    await accept(store, 1, { hash: 'same' });
    await accept(store, 2, { hash: 'same', refuseDuplicate: false });
    assert.deepEqual(await store.accept(submission(3, { hash: 'same' })), { kind: 'duplicate', submission: 2 });
  });

  test('a claim is taken once', async (t) => {
    const { store } = await open(t);
    await accept(store, 1, { claim: 'claim-1' });
    await stale(store, store.accept(submission(2, { claim: 'claim-1' })));
    assert.equal(await store.submission({ submission: 2 }), undefined);
    await stale(store, store.accept(submission(1, { hash: 'other' })));
  });

  test('a submission without its snapshot is not accepted', async (t) => {
    const { store } = await open(t);
    await stale(store, store.accept(submission(1, { snapshot: 'unknown' })));
  });

  test('scanned, routing, blocks in order, routed: each step once and in this order', async (t) => {
    const { store } = await open(t);
    await accept(store, 1);
    await stale(store, store.beginRouting({ submission: 1 }));
    await scan(store, 1, 5);
    await stale(store, scan(store, 1, 5));
    await stale(store, store.commitBlock(newBlock(1, 0, 0, 10, { items: 3 })));
    await store.beginRouting({ submission: 1 });
    await stale(store, store.endRouting({ submission: 1, at: 1 }));
    await stale(store, store.commitBlock(newBlock(1, 1, 0, 10, { items: 3 })));
    await stale(store, store.commitBlock(newBlock(1, 0, 1, 10, { items: 3 })));
    assert.equal((await store.submission({ submission: 1 }))?.itemsRouted, 0);
    const first = await block(store, 1, { items: 3, exceptions: { 1: 'invalid' } });
    await stale(store, store.commitBlock(first));
    const next = await store.nextToRoute();
    assert.deepEqual([next?.blocks, next?.itemsRouted, next?.cursor, next?.lines], [1, 3, 40, 4]);
    await stale(store, store.commitBlock(newBlock(1, 1, 3, 40, { items: 3 })));
    await block(store, 1, { items: 2 });
    await store.endRouting({ submission: 1, at: 7 });
    const row = await store.submission({ submission: 1 });
    assert.deepEqual(
      [row?.state, row?.routedAt, row?.itemsRouted, row?.rejectedItems, row?.unsettled],
      ['routed', 7, 5, 1, 4],
    );
    await stale(store, store.endRouting({ submission: 1, at: 8 }));
    assert.deepEqual(await counts(store, 1), { queued: 4, invalid: 1 });
    await audit(store);
  });

  test('unique keys are kept until routing ends, in the order of the blocks', async (t) => {
    const { store } = await open(t);
    await begin(store, 1, 3);
    for (const key of ['a', 'b', undefined]) {
      await block(store, 1, { items: 1, over: { uniqueKeys: key === undefined ? undefined : Buffer.from(key) } });
    }
    const keys = await store.uniqueKeys({ submission: 1 });
    assert.deepEqual(
      keys.map((key) => Buffer.from(key).toString()),
      ['a', 'b'],
    );
    await store.endRouting({ submission: 1, at: 1 });
    assert.deepEqual(await store.uniqueKeys({ submission: 1 }), []);
  });

  test('rejected items come back block by block', async (t) => {
    const { store } = await open(t);
    await begin(store, 1, 20);
    for (let n = 0; n < 20; n += 1) {
      await block(store, 1, {
        items: 1,
        over: { rejects: n % 2 ? undefined : Buffer.from(`rejects ${n}`), rejectedItems: 1 },
      });
    }
    const found: number[] = [];
    for (let after = -1; ; ) {
      const page = await store.rejectBlocks({ submission: 1, after });
      if (page.length === 0) break;
      found.push(...page.map(({ firstItem }) => firstItem));
      after = page.at(-1)?.block ?? after;
    }
    assert.deepEqual(found, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
  });

  test('with a gate, an invalid row cancels the others in the commit that ends routing', async (t) => {
    const { store } = await open(t);
    await begin(store, 1, 4, { gate: true, entries: entriesTo('registry', 'registry', 'archive') });
    const to = [
      ['registry', [0, 1]],
      ['archive', [2]],
    ] as const;
    await block(store, 1, { items: 2, to });
    assert.equal((await work(store)).kind, 'gated');
    await block(store, 1, { items: 2, to, exceptions: { 0: 'invalid', 1: 'invalid' } });
    assert.deepEqual(await store.endRouting({ submission: 1, at: 5 }), { cancelled: 8 });
    assert.equal((await work(store)).kind, 'idle');
    assert.deepEqual(await counts(store, 1), { cancelled: 8, invalid: 4 });
    assert.equal((await store.submission({ submission: 1 }))?.settledAt, 5);
    const [event] = await store.ask({ question: 'events', with: { submission: 1, limit: 10 } });
    assert.deepEqual([event?.what, event?.detail], ['cancelled', { code: 'FILE_REFUSED', messages: 8 }]);
    await audit(store);
  });

  test('with a gate and no invalid row the messages are released', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 2, exceptions: { 0: 'filtered' } }], { gate: true });
    assert.equal((await work(store)).kind, 'candidates');
  });

  test('a submission refused while it is routed sends nothing more', async (t) => {
    const { store } = await open(t);
    await begin(store, 1, 6);
    for (let n = 0; n < 3; n += 1) await block(store, 1, { items: 2 });
    await deliver(store, {}, { maxMessages: 2 });
    const batch = await plan(store, { maxMessages: 2 });
    await store.refuse({
      submission: 1,
      refusal: { code: 'BODY_CHANGED', reason: 'the copy is damaged', line: 3 },
      at: 9,
    });
    await stale(store, send(store, batch));
    assert.equal((await work(store)).kind, 'idle');
    assert.deepEqual(await counts(store, 1), { delivered: 2, cancelled: 4 });
    const row = await store.submission({ submission: 1 });
    assert.deepEqual([row?.state, row?.settledAt, row?.refusal?.line], ['refused', 9, 3]);
    assert.equal((await store.ask({ question: 'batch', with: { batch } }))?.state, 'closed');
    await audit(store);
  });

  test('what is neither queued nor settled is counted as unsettled', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 3, exceptions: { 1: 'suspended', 2: 'filtered' } }]);
    assert.equal((await store.submission({ submission: 1 }))?.unsettled, 2);
    const found = await work(store);
    assert.deepEqual(found.kind === 'candidates' && found.blocks.map(({ waiting }) => waiting), [[0]]);
    await audit(store);
  });

  test('a submission without a message to send is settled when its routing ends', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 2, exceptions: { 0: 'filtered', 1: 'invalid' } }]);
    await routed(store, 2, []);
    for (const n of [1, 2]) assert.equal((await store.submission({ submission: n }))?.settledAt, 2000);
    assert.equal((await work(store)).kind, 'idle');
  });

  test('progress and what a service has still to close', async (t) => {
    const { store } = await open(t);
    await accept(store, 1);
    await accept(store, 2, { service: 'partners' });
    await store.refuse({ submission: 1, refusal: { code: 'BAD', reason: 'bad' }, at: 1 });
    assert.deepEqual(
      (await store.unfinished({ service: 'drop' })).map((row) => row.number),
      [1],
    );
    const due = await store.due({ now: 1 });
    assert.deepEqual([due.toRoute, due.destinations, due.services], [true, [], [{ submission: 1, service: 'drop' }]]);
    await store.progress({ submission: 1, progress: 'moved' });
    assert.equal((await store.unfinished({ service: 'drop' }))[0]?.progress, 'moved');
    await store.progress({ submission: 1, progress: 'closed' });
    assert.deepEqual(await store.unfinished({ service: 'drop' }), []);
    assert.deepEqual((await store.due({ now: 1 })).services, []);
    await stale(store, store.progress({ submission: 9, progress: 'closed' }));
  });

  test('finds the messages of a line', async (t) => {
    const { store } = await open(t);
    const to = [
      ['registry', [0, 1]],
      ['archive', [2]],
    ] as const;
    await routed(
      store,
      1,
      [
        { items: 3, to },
        { items: 3, to, exceptions: { 1: 'filtered' } },
      ],
      {
        entries: entriesTo('registry', 'registry', 'archive'),
      },
    );
    const found = await store.ask({ question: 'locate', with: { submission: 1, line: 6 } });
    assert.ok(found);
    assert.deepEqual([found.item, found.line, found.block.firstItem, found.block.cursor], [5, 6, 4, 40]);
    assert.deepEqual(
      found.messages.map(({ entry, destination, state, batch, position }) => ({
        entry,
        destination,
        state,
        batch,
        position,
      })),
      [
        { entry: 'entry-0', destination: 'registry', state: 'queued', batch: undefined, position: 2 },
        { entry: 'entry-1', destination: 'registry', state: 'queued', batch: undefined, position: 3 },
        { entry: 'entry-2', destination: 'archive', state: 'filtered', batch: undefined, position: 1 },
      ],
    );
    const body = await store.ask({ question: 'bodyBlock', with: { bodyBlock: found.messages[2]?.bodyBlock ?? 0 } });
    assert.equal(Buffer.from(body?.body ?? []).toString(), 'bodies 1.1 archive|1');
    assert.equal(await store.ask({ question: 'locate', with: { submission: 1, line: 99 } }), undefined);
  });
}
