/** A sample of the crash matrix under `resend`: every label once. `npm run test:crash` does each twenty times. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { redisSkip } from '../support/redis.ts';
import { LABELS, runChain } from './matrix.ts';
import { everyLabel, randomFrom, SEED } from './seed.ts';

describe('nothing is lost, whatever dies: resend', { skip: redisSkip() }, () => {
  const pulls = everyLabel(randomFrom(SEED + 'resend'.length));
  const half = Math.ceil(LABELS.length / 2);
  for (const part of [pulls.slice(0, half), pulls.slice(half)]) {
    test(`a death or a fault at ${part.length} labels, while files come in`, async (t) => {
      const { crashes, rows, lost, doubled, inDoubt } = await runChain(t, { policy: 'resend', pulls: part });
      t.diagnostic(
        `seed ${SEED}: ${crashes} crashes, ${rows} rows, ${lost} lost, ${doubled} doubled, ${inDoubt} in flight at a death`,
      );
      assert.equal(crashes, part.length);
      assert.equal(lost, 0);
    });
  }
});
