/** A sample of the crash matrix with a receiver that misbehaves, other orders, and MongoDB; `npm run test:crash` does the whole. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mongoSkip } from '../support/mongo.ts';
import { redisSkip } from '../support/redis.ts';
import { runChain } from './matrix.ts';
import { everyLabel, randomFrom, SEED } from './seed.ts';
import { titleOf, WAYS } from './ways.ts';

/** Deaths and faults for each way. */
const PULLS = 6;

describe('nothing is lost, whatever dies and however it is sent', { skip: redisSkip() || mongoSkip() }, () => {
  for (const [index, way] of WAYS.entries()) {
    test(titleOf(way), async (t) => {
      const pulls = everyLabel(randomFrom(SEED + index)).slice(0, PULLS);
      const figures = await runChain(t, {
        ...way,
        ...(way.operation === 'mongodb' ? {} : { sins: SEED + index }),
        pulls,
      });
      t.diagnostic(`seed ${SEED}: ${JSON.stringify({ ...figures, problems: undefined })}`);
      assert.equal(figures.crashes, PULLS);
      assert.equal(figures.lost, 0);
      if (way.policy === 'hold') assert.equal(figures.doubled, 0);
    });
  }
});
