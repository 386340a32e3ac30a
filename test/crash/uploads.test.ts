/** A sample of deaths while partners upload; `npm run test:crash` makes two hundred. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { redisSkip } from '../support/redis.ts';
import { SEED } from './seed.ts';
import { killUploads } from './uploads.ts';

const DEATHS = 12;

describe('uploads while the engine dies', { skip: redisSkip() }, () => {
  test(`${DEATHS} deaths: every receipt is kept, no half upload, one receipt for each key`, async (t) => {
    const { deaths, uploads, repeats, replays } = await killUploads(t, DEATHS, SEED);
    t.diagnostic(`seed ${SEED}: ${deaths} deaths, ${uploads} uploads, ${repeats} repeats, ${replays} replays`);
    assert.ok(uploads >= DEATHS / 2, 'partners got through in between');
  });
});
