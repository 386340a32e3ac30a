/** Two hundred deaths while partners upload (about five minutes). `WAYBILL_CRASH_SEED` repeats a run. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { redisSkip } from '../../support/redis.ts';
import { killUploads } from '../uploads.ts';

const SEED = Number(process.env.WAYBILL_CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31));
const DEATHS = 200;

describe(`uploads while the engine dies, seed ${SEED}`, { skip: redisSkip() }, () => {
  test(`${DEATHS} deaths: every receipt is kept, no half upload, one receipt for each key`, async (t) => {
    const { deaths, uploads, repeats, replays } = await killUploads(t, DEATHS, SEED);
    console.log(`seed ${SEED}: ${deaths} deaths, ${uploads} uploads, ${repeats} repeats, ${replays} replays`);
    assert.equal(deaths, DEATHS);
  });
});
