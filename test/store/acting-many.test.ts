/** Ten thousand in doubt and ten thousand rejected among many: the look is quick, and an act holds nothing up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '../../engine/contracts/store.ts';
import { actingOn } from './acting-support.ts';
import { openSqlite } from './ledger.ts';
import { answerTo, audit, begin, block, counts, exception, plan } from './support.ts';

const BLOCK = 1000;
/** One in twenty of these is rejected; all of those are in doubt. */
const REGISTRY = 200;
const DOUBTFUL = 10;

async function fill(store: Store): Promise<void> {
  const lane = { maxMessages: BLOCK, passDoubt: true, free: true };
  for (const [number, blocks, destination] of [
    [1, REGISTRY, 'registry'],
    [2, DOUBTFUL, 'doubtful'],
  ] as const) {
    await begin(store, number, blocks * BLOCK, { entries: [{ name: destination, destination, transform: 't' }] });
    for (let n = 0; n < blocks; n += 1) await block(store, number, { items: BLOCK, to: [[destination, [0]]] });
    await store.endRouting({ submission: number, at: 2000 });
    for (let n = 0; n < blocks; n += 1) {
      const first = (number === 1 ? n : REGISTRY + n) * BLOCK + 1;
      const rejected = Array.from({ length: BLOCK / 20 }, (_, at) => exception(first + at * 20, 'rejected'));
      const batch = await plan(store, { ...lane, destination });
      await store.beginSending({ batch, attempt: 1, run: 'run-1', at: 4000, free: true, passDoubt: true });
      await store.answer(answerTo(batch, number === 1 ? { exceptions: rejected } : { rest: 'inDoubt' }));
    }
  }
}

test('the look takes a moment, and other writes go on between the slices of an act', async (t) => {
  const { store } = await openSqlite(t);
  await fill(store);
  assert.deepEqual(await counts(store, 1), { delivered: 190_000, rejected: 10_000 });
  assert.deepEqual(await counts(store, 2), { inDoubt: 10_000 });
  const acting = await actingOn(store);
  for (const where of [
    'destination=registry state=rejected code=REJECTED_CODE',
    'state=inDoubt',
    'state=rejected,inDoubt',
  ]) {
    const began = performance.now();
    const { count } = await acting.preview({ verb: 'resend', where });
    t.diagnostic(`look at ${count}: ${Math.round(performance.now() - began)} ms (${where})`);
    assert.equal(count, where.includes(',') ? 20_000 : 10_000);
  }
  for (const [where, messages] of [
    ['destination=registry state=rejected', 10_000],
    ['state=inDoubt', 10_000],
  ] as const) {
    const began = performance.now();
    const { act } = await acting.begin({ verb: 'resend', where, who: 'ana', reason: 'mended', confirm: messages });
    let writes = 0;
    let longest = 0;
    while ((await acting.act(act)).state === 'running') {
      const asked = performance.now();
      await store.progress({ submission: 1, progress: 'moved' });
      longest = Math.max(longest, performance.now() - asked);
      writes += 1;
    }
    const took = Math.round(performance.now() - began);
    t.diagnostic(
      `${messages} resent in ${took} ms; ${writes} other writes meanwhile, the slowest took ${Math.round(longest)} ms`,
    );
    // Each slice is a transaction of its own, so others come in between.
    assert.ok(writes >= 2, `${writes} writes`);
    assert.equal((await acting.act(act)).done, messages);
  }
  assert.deepEqual(await counts(store, 1), { delivered: 190_000, queued: 10_000 });
  assert.deepEqual(await counts(store, 2), { queued: 10_000 });
  await audit(store);
});
