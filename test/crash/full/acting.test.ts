/**
 * The crash matrix of people's acts: resend, cancel, suspend, release, resolve, edits, corrected rows and a purge, all in
 * each round, with a death at every label of them, fourteen times: some 180 rounds and 220 deaths, within ten minutes on
 * two quiet cores. Ends with a table of figures. `WAYBILL_CRASH_SEED` repeats a run, `WAYBILL_CRASH_LABEL` takes the labels
 * that hold this text, `WAYBILL_CRASH_ROUNDS` another number than fourteen.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { redisSkip } from '../../support/redis.ts';
import { ACT_LABELS, runActing } from '../acting.ts';
import { randomFrom } from '../seed.ts';

const SEED = Number(process.env.WAYBILL_CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = Number(process.env.WAYBILL_CRASH_ROUNDS ?? 14);
const ONLY = process.env.WAYBILL_CRASH_LABEL ?? '';
/** Rounds in one data folder, one after the other. */
const CHAIN = 14;

const KEYS = ['deaths', 'deeds', 'unmade', 'wentOn', 'messages', 'lost', 'doubled'] as const;
type Line = Record<(typeof KEYS)[number], number> & { readonly label: string };

const table: Line[] = [];
after(() => {
  console.log(`seed ${SEED}`);
  console.table(table);
  const sum = (key: (typeof KEYS)[number]) => table.reduce((total, line) => total + line[key], 0);
  console.log(
    `${sum('deaths')} deaths, ${sum('deeds')} acts (${sum('wentOn')} went on after a death, ${sum('unmade')} left nothing), ` +
      `${sum('messages')} messages, ${sum('lost')} lost, ${sum('doubled')} doubled`,
  );
});

describe(`the crash matrix of acts, seed ${SEED}`, { concurrency: 2, skip: redisSkip() }, () => {
  for (const [index, label] of ACT_LABELS.entries()) {
    if (!label.label.includes(ONLY)) continue;
    test(label.label, async (t) => {
      const random = randomFrom(SEED + index);
      const line: Line = {
        label: label.label,
        deaths: 0,
        deeds: 0,
        unmade: 0,
        wentOn: 0,
        messages: 0,
        lost: 0,
        doubled: 0,
      };
      table.push(line);
      for (let left = ROUNDS; left > 0; left -= CHAIN) {
        const labels = Array.from({ length: Math.min(left, CHAIN) }, () => label);
        const figures = await runActing(t, labels, random);
        for (const key of KEYS) line[key] += figures[key];
      }
      t.diagnostic(JSON.stringify(line));
      assert.ok(line.deaths >= ROUNDS);
      assert.deepEqual([line.lost, line.doubled], [0, 0]);
    });
  }
});
