/** Which row ends the worker: twice in a block, then twice alone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Suspicions } from '../../engine/suspicion.ts';

const BLOCK = 10;
const WHOLE = { maxItems: BLOCK, failItem: undefined };

describe('a row that ends the worker', () => {
  test('once is chance: the block is tried again', () => {
    const suspicions = new Suspicions(BLOCK);
    assert.equal(suspicions.died(1, 11), false);
    assert.deepEqual(suspicions.pace(suspicions.of(1), 10), WHOLE);
  });

  test('twice: row by row; twice alone: the culprit', () => {
    const suspicions = new Suspicions(BLOCK);
    suspicions.died(1, 11);
    assert.equal(suspicions.died(1, 11), true);
    assert.deepEqual(suspicions.pace(suspicions.of(1), 10), { maxItems: 1, failItem: undefined });
    assert.equal(suspicions.died(1, 11), false, 'row by row is counted anew');
    assert.deepEqual(suspicions.pace(suspicions.of(1), 10), { maxItems: 1, failItem: undefined });
    assert.equal(suspicions.died(1, 11), true);
    assert.deepEqual(suspicions.pace(suspicions.of(1), 10), { maxItems: 1, failItem: 11 });
  });

  test('row by row ends with the block', () => {
    const suspicions = new Suspicions(BLOCK);
    suspicions.died(1, 11);
    suspicions.died(1, 11);
    const begun = suspicions.of(1);
    assert.equal(suspicions.progressed(begun, 20), false);
    assert.equal(suspicions.of(1)?.firstItem, 20);
    assert.equal(suspicions.progressed(begun, 21), true);
    assert.equal(suspicions.of(1), undefined);
  });

  test('another submission is not suspected, and forgetting helps', () => {
    const suspicions = new Suspicions(BLOCK);
    suspicions.died(1, 11);
    assert.equal(suspicions.of(2), undefined);
    assert.equal(suspicions.died(2, 11), false, 'the same item of another one is another place');
    assert.equal(suspicions.of(1), undefined);
    suspicions.forget();
    assert.equal(suspicions.of(2), undefined);
  });

  test('without a suspicion, progress changes nothing', () => {
    const suspicions = new Suspicions(BLOCK);
    assert.equal(suspicions.progressed(undefined, 1000), false);
    assert.equal(suspicions.of(1), undefined);
  });
});

test('any rows that end the worker are found, each alone, and all others are routed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.uniqueArray(fc.integer({ min: 1, max: 60 })), (items, fatal) => {
      const suspicions = new Suspicions(BLOCK);
      const failed: number[] = [];
      let routed = 0;
      let deaths = 0;
      while (routed < items) {
        const suspicion = suspicions.of(1);
        const { maxItems, failItem } = suspicions.pace(suspicion, routed);
        const last = Math.min(routed + maxItems, items);
        const lost = fatal.some((item) => item > routed && item <= last && item !== failItem);
        if (lost) {
          suspicions.died(1, routed + 1);
          deaths += 1;
          assert.ok(deaths <= 4 * fatal.length, 'four deaths for each at most');
          continue;
        }
        if (failItem !== undefined) failed.push(failItem);
        routed = last;
        suspicions.progressed(suspicion, routed + 1);
      }
      assert.deepEqual(
        failed,
        fatal.filter((item) => item <= items).sort((a, b) => a - b),
      );
    }),
  );
});
