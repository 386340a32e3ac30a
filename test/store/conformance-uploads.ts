import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewUpload, Store } from '../../engine/contracts/store.ts';
import {
  answerTo,
  audit,
  begin,
  newBlock,
  type OpenStore,
  plan,
  routed,
  SNAPSHOT,
  send,
  stale,
  submission,
  work,
} from './support.ts';

const REFUSAL = { code: 'COUNT', reason: 'BTS-1 says 3, 2 are there', line: 4 };

/** An upload of two parts: submissions `10 * receipt` and the next. */
function upload(receipt: number, over: Partial<NewUpload> = {}): NewUpload {
  const parts = ['doses', 'consent'].map((part, index) =>
    submission(10 * receipt + index, { receipt, part, owner: '', hash: `h${index}`, partner: 'north' }),
  );
  return {
    receipt,
    service: 'partners',
    partner: 'north',
    key: undefined,
    hash: 'whole',
    acceptedAt: 1000,
    submissions: parts,
    expiresAt: 2000,
    refuseDuplicate: true,
    ...over,
  };
}

async function withSnapshot(store: Store): Promise<Store> {
  await store.putSnapshot({ hash: SNAPSHOT, body: Buffer.from('x') });
  return store;
}

/** Uploads, quarantine, cancelling, and answers that become submissions: what any back end of the store must do. */
export function uploadConformance(open: OpenStore): void {
  test('an upload is one receipt and a submission for each part', async (t) => {
    const { store, again } = await open(t);
    await withSnapshot(store);
    assert.deepEqual(await store.acceptUpload(upload(1)), { kind: 'stored' });
    const reopened = await again();
    const receipt = await reopened.receipt({ receipt: 1 });
    assert.equal(receipt?.partner, 'north');
    assert.deepEqual(
      receipt?.submissions.map(({ number, part, progress, state }) => [number, part, progress, state]),
      [
        [10, 'doses', 'closed', 'accepted'],
        [11, 'consent', 'closed', 'accepted'],
      ],
    );
    assert.equal((await reopened.facts()).lastReceipt, 1);
    assert.equal(await reopened.receipt({ receipt: 2 }), undefined);
  });

  test('a part that cannot be stored undoes the whole upload', async (t) => {
    const { store } = await open(t);
    await withSnapshot(store);
    const [first, second] = upload(1).submissions;
    assert.ok(first && second);
    const broken = upload(1, { submissions: [first, { ...second, number: first.number }] });
    await assert.rejects(store.acceptUpload(broken));
    assert.equal(await store.receipt({ receipt: 1 }), undefined);
    assert.equal(await store.submission({ submission: 10 }), undefined);
  });

  test('the same parts in the window are a duplicate; after it, by another partner, or without the rule they are not', async (t) => {
    const { store } = await open(t);
    await withSnapshot(store);
    await store.acceptUpload(upload(1));
    assert.deepEqual(await store.acceptUpload(upload(2)), { kind: 'duplicate', receipt: 1 });
    assert.deepEqual(await store.acceptUpload(upload(3, { acceptedAt: 2000 })), { kind: 'stored' });
    assert.deepEqual(await store.acceptUpload(upload(4, { partner: 'south' })), { kind: 'stored' });
    assert.deepEqual(await store.acceptUpload(upload(5, { refuseDuplicate: false })), { kind: 'stored' });
  });

  test('twins that arrive together: one is stored, the other names it', async (t) => {
    const { store } = await open(t);
    await withSnapshot(store);
    const results = await Promise.all([store.acceptUpload(upload(1)), store.acceptUpload(upload(2))]);
    assert.deepEqual(results, [{ kind: 'stored' }, { kind: 'duplicate', receipt: 1 }]);
  });

  test('an upload of which every part was refused does not stand in the way', async (t) => {
    const { store } = await open(t);
    await withSnapshot(store);
    await store.acceptUpload(upload(1));
    await store.refuse({ submission: 10, refusal: REFUSAL, at: 1 });
    assert.deepEqual(await store.acceptUpload(upload(2)), { kind: 'duplicate', receipt: 1 });
    await store.refuse({ submission: 11, refusal: REFUSAL, at: 1 });
    assert.deepEqual(await store.acceptUpload(upload(3)), { kind: 'stored' });
  });

  test('a key stands for its first content, also after the window; other content is told apart', async (t) => {
    const { store } = await open(t);
    await withSnapshot(store);
    const key = 'order-7';
    await store.acceptUpload(upload(1, { key, refuseDuplicate: false }));
    const later = { key, acceptedAt: 9000, refuseDuplicate: false };
    assert.deepEqual(await store.acceptUpload(upload(2, later)), { kind: 'duplicate', receipt: 1 });
    assert.deepEqual(await store.acceptUpload(upload(3, { ...later, hash: 'other' })), {
      kind: 'keyTaken',
      receipt: 1,
    });
    assert.deepEqual(await store.acceptUpload(upload(4, { ...later, partner: 'south' })), { kind: 'stored' });
  });

  test('what is in quarantine sends nothing and holds nobody up; released, it comes behind what came meanwhile', async (t) => {
    const { store } = await open(t);
    await withSnapshot(store);
    await store.accept(submission(1));
    const found = { items: 2, charset: 'utf-8', transcoded: false, cursor: 5, lines: 1, details: {} };
    await store.quarantine({ submission: 1, scan: found, refusal: REFUSAL, at: 1 });
    const kept = await store.submission({ submission: 1 });
    assert.deepEqual([kept?.state, kept?.refusal, kept?.items], ['quarantined', REFUSAL, 2]);
    assert.equal(await store.nextToRoute(), undefined);
    await routed(store, 2, [{ items: 1 }]);
    assert.equal((await work(store)).kind, 'candidates');
    await store.release({ submission: 1, who: 'ana', reason: 'the sender confirmed', at: 2 });
    await stale(store, store.release({ submission: 1, who: 'ana', reason: 'again', at: 3 }));
    await store.accept(submission(3, { hash: 'three' }));
    assert.equal((await store.nextToRoute())?.number, 1, 'before what came after the release');
    const events = await store.ask({ question: 'events', with: { submission: 1, limit: 10 } });
    assert.deepEqual(
      events.map(({ what, who }) => [what, who]),
      [
        ['quarantined', 'engine'],
        ['released', 'ana'],
      ],
    );
  });

  test('cancelled from quarantine it is settled and its content counts as new', async (t) => {
    const { store } = await open(t);
    await withSnapshot(store);
    await store.accept(submission(1, { hash: 'same' }));
    const found = { items: 2, charset: 'utf-8', transcoded: false, cursor: 5, lines: 1, details: {} };
    await store.quarantine({ submission: 1, scan: found, refusal: REFUSAL, at: 1 });
    await store.cancelSubmission({ submission: 1, who: 'ana', reason: 'sent again', at: 2 });
    const row = await store.submission({ submission: 1 });
    assert.deepEqual([row?.state, row?.settledAt], ['cancelled', 2]);
    assert.deepEqual(await store.accept(submission(2, { hash: 'same' })), { kind: 'stored' });
  });

  test('cancelled while it is routed: what waits is cancelled, and no further block is taken', async (t) => {
    const { store } = await open(t);
    await begin(store, 1, 4);
    await store.commitBlock(newBlock(1, 0, 0, 0, { items: 2 }));
    await store.cancelSubmission({ submission: 1, who: 'ana', reason: 'wrong file', at: 2 });
    await stale(store, store.commitBlock(newBlock(1, 1, 2, 20, { items: 2 })));
    await stale(store, store.endRouting({ submission: 1, at: 3 }));
    const counters = await store.ask({ question: 'counters', with: { submission: 1 } });
    assert.deepEqual(
      counters.map(({ state, count }) => [state, count]),
      [['cancelled', 2]],
    );
    assert.equal((await work(store)).kind, 'idle');
    await audit(store);
  });

  test('an answer becomes a submission in the same commit, linked to its batch', async (t) => {
    const { store } = await open(t);
    await routed(store, 1, [{ items: 2 }]);
    const batch = await plan(store);
    await send(store, batch);
    const answer = submission(2, { hash: 'answer', owner: '', service: 'registry' });
    await store.answer({ ...answerTo(batch), submission: answer });
    const row = await store.submission({ submission: 2 });
    assert.deepEqual([row?.cause, row?.state, row?.progress], [batch, 'accepted', 'closed']);
    assert.deepEqual(await store.ask({ question: 'caused', with: { batch } }), [2]);
    await stale(store, store.answer({ ...answerTo(batch), submission: submission(3, { owner: '', hash: 'late' }) }));
    assert.equal(await store.submission({ submission: 3 }), undefined, 'an answer that is not stored makes none');
  });
}
