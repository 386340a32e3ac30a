/** What was refused or given up as a whole is never sent again, whatever a filter names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '../../engine/contracts/store.ts';
import { act, actingOn } from './acting-support.ts';
import { openSqlite } from './ledger.ts';
import { audit, begin, block, counts, deliver, exception, work } from './support.ts';

const ENDS: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  cancelled: (store) => store.cancelSubmission({ submission: 1, reason: 'a mistake', who: 'ana', at: 3000 }),
  refused: (store) =>
    store.refuse({ submission: 1, refusal: { code: 'CSV_BROKEN', reason: 'a quote is open' }, at: 3000 }),
};

for (const [state, end] of Object.entries(ENDS)) {
  test(`nothing of a submission that was ${state} is queued again, by a filter or an act that was decided before`, async (t) => {
    const { store } = await openSqlite(t);
    await begin(store, 1, 8);
    await block(store, 1, { items: 4 });
    await deliver(store, { exceptions: [exception(2, 'rejected'), exception(3, 'inDoubt')] });
    const acting = await actingOn(store);
    await acting.stop();
    const { instance } = await store.facts();
    const where = `message=${instance}-1-2`;
    const begun = await acting.begin({ verb: 'resend', where, who: 'ana', reason: 'r', confirm: 1 });
    await end(store);
    const left = await counts(store, 1);
    while (!(await store.continueAct({ act: begun.act, at: 3001 })).finished);
    assert.equal((await acting.act(begun.act)).skipped, 1);
    for (const question of [
      { verb: 'resend', where: 'state=rejected,inDoubt' },
      { verb: 'resolve', goal: 'queued', where: `submission=${instance}-1` },
    ] as const) {
      const { count, leftOut } = await acting.preview(question);
      assert.equal(count, 0);
      assert.match(leftOut.map(({ why }) => why).join(), /their submission was refused or cancelled/);
    }
    assert.deepEqual(await counts(store, 1), left);
    // What is not sent by it can still be decided.
    assert.equal((await act(store, { verb: 'cancel', where: 'state=inDoubt' })).done, 1);
    assert.equal((await work(store)).kind, 'idle');
    await audit(store);
  });
}
