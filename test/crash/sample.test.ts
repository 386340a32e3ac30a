/** A sample of the crash matrix: every label once under each policy. `npm run test:crash` does each twenty times. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { redisSkip } from '../support/redis.ts';
import { runChain } from './matrix.ts';
import { everyLabel, randomFrom, SEED } from './seed.ts';

describe('nothing is lost, whatever dies', { concurrency: 2, skip: redisSkip() }, () => {
  for (const policy of ['hold', 'resend'] as const) {
    test(`${policy}: one death or fault at every label, while files come in`, { timeout: 280_000 }, async (t) => {
      const pulls = everyLabel(randomFrom(SEED + policy.length));
      const { crashes, rows, lost, doubled, inDoubt } = await runChain(t, { policy, pulls });
      t.diagnostic(
        `seed ${SEED}: ${crashes} crashes, ${rows} rows, ${lost} lost, ${doubled} doubled, ${inDoubt} in flight at a death`,
      );
      assert.equal(crashes, pulls.length);
      assert.equal(lost, 0);
      if (policy === 'hold') assert.equal(doubled, 0);
    });
  }
});
