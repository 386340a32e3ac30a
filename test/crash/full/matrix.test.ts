/**
 * The whole crash matrix: every label and fault, twenty times under each policy (about an hour on two cores). Ends with a
 * table of figures. `WAYBILL_CRASH_SEED` repeats a run, `WAYBILL_CRASH_LABEL` takes the labels that hold this text,
 * `WAYBILL_CRASH_ROUNDS` another number than twenty.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { redisSkip } from '../../support/redis.ts';
import { LABELS, runChain } from '../matrix.ts';
import type { Policy } from '../production.ts';
import { pullOf, randomFrom } from '../seed.ts';

const SEED = Number(process.env.WAYBILL_CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = Number(process.env.WAYBILL_CRASH_ROUNDS ?? 20);
const ONLY = process.env.WAYBILL_CRASH_LABEL ?? '';
/** Deaths in one data folder, one after the other. */
const CHAIN = 10;

interface Line {
  readonly label: string;
  readonly fault: string;
  readonly policy: Policy;
  crashes: number;
  rows: number;
  lost: number;
  doubled: number;
  inDoubt: number;
}

const table: Line[] = [];
after(() => {
  console.log(`seed ${SEED}`);
  console.table(table);
});

describe(`the crash matrix, seed ${SEED}`, { concurrency: 2, skip: redisSkip() }, () => {
  for (const [index, label] of LABELS.entries()) {
    if (!label.label.includes(ONLY)) continue;
    for (const policy of ['hold', 'resend'] as const) {
      const fault = label.fault ?? 'kill';
      test(`${label.label}, ${fault}, ${policy}`, async (t) => {
        const random = randomFrom(SEED + index * 2 + policy.length);
        const line: Line = { label: label.label, fault, policy, crashes: 0, rows: 0, lost: 0, doubled: 0, inDoubt: 0 };
        table.push(line);
        for (let left = ROUNDS; left > 0; left -= CHAIN) {
          const pulls = Array.from({ length: Math.min(left, CHAIN) }, () => pullOf(label, random));
          const figures = await runChain(t, { policy, pulls });
          for (const key of ['crashes', 'rows', 'lost', 'doubled', 'inDoubt'] as const) line[key] += figures[key];
        }
        assert.equal(line.crashes, ROUNDS);
        assert.equal(line.lost, 0);
        if (policy === 'hold') assert.equal(line.doubled, 0);
      });
    }
  }
});
