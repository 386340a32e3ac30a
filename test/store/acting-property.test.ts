/** Acts at random between deliveries at random: the ledger's law holds after every step, and in the end all can be sent. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACTS, RESOLVE_GOALS } from '../../engine/acts.ts';
import type { ActVerb } from '../../engine/contracts/acting.ts';
import type { Store } from '../../engine/contracts/store.ts';
import { codeOf } from '../../engine/errors.ts';
import { actingOn, selectAll } from './acting-support.ts';
import { dataFolder, openOne } from './ledger.ts';
import { answerTo, audit, entriesTo, exception, planOf, routed, send, waitingOf, work } from './support.ts';

const OUTCOMES = ['delivered', 'rejected', 'failed', 'queued', 'inDoubt'] as const;
const VERBS = Object.keys(ACTS) as ActVerb[];
const SUBMISSIONS = 3;
const ITEMS = 5;

type Step =
  | { readonly kind: 'plan'; readonly max: number }
  | { readonly kind: 'send' }
  | { readonly kind: 'answer'; readonly rest: number; readonly apart: readonly (readonly [number, number])[] }
  | {
      readonly kind: 'act';
      readonly verb: number;
      readonly goal: number;
      readonly items: readonly number[];
      readonly doubt: boolean;
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('plan' as const), max: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ kind: fc.constant('send' as const) }),
  fc.record({
    kind: fc.constant('answer' as const),
    rest: fc.nat(4),
    apart: fc.array(fc.tuple(fc.nat(7), fc.nat(4)), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('act' as const),
    verb: fc.nat(VERBS.length - 1),
    goal: fc.nat(RESOLVE_GOALS.length - 1),
    items: fc.array(fc.integer({ min: 1, max: SUBMISSIONS * ITEMS * 2 }), { minLength: 1, maxLength: 6 }),
    doubt: fc.boolean(),
  }),
);

/** What one run knows beside the ledger. */
interface Run {
  readonly store: Store;
  readonly instance: string;
  sending: { batch: number; members: readonly number[] } | undefined;
}

async function doStep(run: Run, given: Step): Promise<void> {
  const { store } = run;
  if (given.kind === 'plan') {
    const found = await work(store, { ahead: true });
    if (found.kind === 'candidates' && found.blocks.some((found) => waitingOf(found).length > 0))
      await planOf(store, found.blocks, { maxMessages: given.max });
    return;
  }
  if (given.kind === 'send') {
    const found = await work(store);
    if (found.kind !== 'planned') return;
    await send(store, found.batch.batch, found.batch.attempts + 1);
    run.sending = { batch: found.batch.batch, members: found.batch.parts.flatMap(({ members }) => members) };
    return;
  }
  if (given.kind === 'answer') {
    const { sending } = run;
    if (!sending) return;
    const attempt = (await store.ask({ question: 'batch', with: { batch: sending.batch } }))?.attempts.length ?? 1;
    const apart = new Map(
      given.apart.flatMap(([at, state]) => {
        const message = sending.members[at];
        return message === undefined || state === given.rest ? [] : [[message, OUTCOMES[state] ?? 'queued'] as const];
      }),
    );
    const exceptions = [...apart].map(([message, state]) => exception(message, state));
    await store.answer(answerTo(sending.batch, { attempt, rest: OUTCOMES[given.rest] ?? 'delivered', exceptions }));
    run.sending = undefined;
    return;
  }
  const verb = VERBS[given.verb] ?? 'resend';
  const ids = [...new Set(given.items)].map((n) => {
    const item = ((n - 1) % ITEMS) + 1;
    const submission = (Math.floor((n - 1) / ITEMS) % SUBMISSIONS) + 1;
    return `${run.instance}-${submission}-${item}${n > SUBMISSIONS * ITEMS ? '-2' : ''}`;
  });
  const acting = await actingOn(store);
  const goal = RESOLVE_GOALS[given.goal] ?? 'queued';
  const where = given.doubt ? 'destination=registry' : `message=${ids.join(',')}`;
  try {
    const { count } = await acting.preview({ verb, where, ...(verb === 'resolve' ? { goal } : {}) });
    const begun = await acting.begin({
      verb,
      where,
      ...(verb === 'resolve' ? { goal } : {}),
      who: 'ana',
      reason: 'r',
      confirm: count,
    });
    await acting.finish();
    const done = await acting.act(begun.act);
    assert.deepEqual([done.done, done.skipped], [count, 0]);
  } catch (error) {
    if (codeOf(error) !== 'ACT_NOTHING') throw error;
  }
}

/** Everything that can still be sent is: nothing is lost between the acts. */
async function sendRest(run: Run): Promise<void> {
  const { store } = run;
  if (run.sending) await doStep(run, { kind: 'answer', rest: 0, apart: [] });
  for (const verb of ['resolve', 'release'] as const)
    await doStep(run, {
      kind: 'act',
      verb: VERBS.indexOf(verb),
      goal: RESOLVE_GOALS.indexOf('queued'),
      items: [],
      doubt: true,
    });
  for (;;) {
    const found = await work(store);
    if (found.kind === 'idle') break;
    if (found.kind === 'candidates') await planOf(store, found.blocks);
    else {
      assert.equal(found.kind, 'planned');
      await doStep(run, { kind: 'send' });
      await doStep(run, { kind: 'answer', rest: 0, apart: [] });
    }
  }
  const left = await selectAll(store, { states: ['queued', 'sending', 'inDoubt', 'suspended'] });
  assert.deepEqual(left, []);
}

test('acts and deliveries at random', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
      const store = await openOne(join(dataFolder(t), 'ledger.db'));
      try {
        const entries = entriesTo('registry', 'registry');
        for (let n = 1; n <= SUBMISSIONS; n += 1)
          await routed(store, n, [{ items: ITEMS, to: [['registry', [0, 1]]] }], { entries });
        const run: Run = { store, instance: (await store.facts()).instance, sending: undefined };
        for (const given of steps) {
          await doStep(run, given);
          await audit(store);
        }
        await sendRest(run);
        await audit(store);
        for (let n = 1; n <= SUBMISSIONS; n += 1)
          assert.notEqual((await store.submission({ submission: n }))?.settledAt, undefined);
      } finally {
        await store.close();
      }
    }),
    { numRuns: 25 },
  );
});
