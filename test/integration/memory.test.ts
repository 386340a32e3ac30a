/** Memory does not grow with the file: the long run is `npm run bench -- memory`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { p1Rows } from '../bench/p1.ts';
import { redisSkip } from '../support/redis.ts';

const ROWS = 200_000;
const MOST_BYTES = 300e6;

test(`${ROWS} rows go through within 300 MB of resident memory of the engine`, { skip: redisSkip() }, async () => {
  const prepared = await p1Rows.prepare(ROWS);
  try {
    // The peak since the process began, as the system counts it; the receiver has every row once, or this throws.
    const { rss } = await prepared.engine();
    assert.ok(rss <= MOST_BYTES, `the engine had ${Math.round(rss / 1e6)} MB resident`);
  } finally {
    prepared.close();
  }
});
