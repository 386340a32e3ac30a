/** A sample of the crash matrix of people's acts: some labels of each kind, by the seed. `npm run test:crash` does them all. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { redisSkip } from '../support/redis.ts';
import { ACT_LABELS, runActing } from './acting.ts';
import { randomFrom, SEED } from './seed.ts';

/** How many labels are taken of those that begin like this. */
const KINDS = [
  [/^act\./, 2],
  [/^versions\./, 1],
  [/^(corrections|route)\./, 1],
  [/^purge\./, 2],
] as const;

describe('an act is there whole or not at all, whatever dies', { concurrency: 2, skip: redisSkip() }, () => {
  const random = randomFrom(SEED);
  const chosen = KINDS.flatMap(([kind, most]) =>
    ACT_LABELS.filter(({ label }) => kind.test(label))
      .map((label) => ({ label, at: random() }))
      .sort((a, b) => a.at - b.at)
      .slice(0, most)
      .map(({ label }) => label),
  );
  for (const [index, labels] of [chosen.slice(0, 3), chosen.slice(3)].entries()) {
    test(`a death at each of ${labels.map(({ label }) => label).join(', ')}`, async (t) => {
      const { problems: _none, ...figures } = await runActing(t, labels, randomFrom(SEED + index));
      t.diagnostic(`seed ${SEED}: ${JSON.stringify(figures)}`);
      assert.ok(figures.deaths >= labels.length);
      assert.deepEqual([figures.lost, figures.doubled], [0, 0]);
    });
  }
});
