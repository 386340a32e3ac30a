/**
 * The whole crash matrix: every label and fault, fourteen times in each way of sending, to a receiver that misbehaves by a
 * seed: 2,100 deaths and faults (about an hour and a half on two quiet cores). Ends with a table of figures, and tells each
 * line as it comes. `WAYBILL_CRASH_SEED` repeats a run, `WAYBILL_CRASH_LABEL` takes the labels that hold this text,
 * `WAYBILL_CRASH_ROUNDS` another number than fourteen.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { mongoSkip } from '../../support/mongo.ts';
import { redisSkip } from '../../support/redis.ts';
import { LABELS, runChain } from '../matrix.ts';
import { pullOf, randomFrom } from '../seed.ts';
import { titleOf, WAYS } from '../ways.ts';

const SEED = Number(process.env.WAYBILL_CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = Number(process.env.WAYBILL_CRASH_ROUNDS ?? 14);
const ONLY = process.env.WAYBILL_CRASH_LABEL ?? '';
/** Deaths in one data folder, one after the other. */
const CHAIN = 14;

interface Line {
  readonly way: string;
  readonly label: string;
  readonly fault: string;
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
  const sum = (key: 'crashes' | 'rows' | 'lost' | 'doubled' | 'inDoubt') =>
    table.reduce((total, line) => total + line[key], 0);
  console.table(
    WAYS.map((way) => {
      const lines = table.filter((line) => line.way === titleOf(way));
      const of = (key: 'crashes' | 'rows' | 'lost' | 'doubled') => lines.reduce((total, line) => total + line[key], 0);
      return { way: titleOf(way), crashes: of('crashes'), rows: of('rows'), lost: of('lost'), doubled: of('doubled') };
    }),
  );
  console.log(
    `${sum('crashes')} deaths and faults, ${sum('rows')} rows, ${sum('lost')} lost, ${sum('doubled')} doubled`,
  );
});

describe(`the crash matrix, seed ${SEED}`, { concurrency: 4, skip: redisSkip() || mongoSkip() }, () => {
  // Label by label through all ways, so that a run that is broken off has seen each way.
  for (const [index, label] of LABELS.entries()) {
    if (!label.label.includes(ONLY)) continue;
    for (const [place, way] of WAYS.entries()) {
      const fault = label.fault ?? 'kill';
      test(`${label.label}, ${fault}, ${titleOf(way)}`, async (t) => {
        const seed = SEED + index * WAYS.length + place;
        const random = randomFrom(seed);
        const line: Line = {
          way: titleOf(way),
          label: label.label,
          fault,
          crashes: 0,
          rows: 0,
          lost: 0,
          doubled: 0,
          inDoubt: 0,
        };
        table.push(line);
        for (let left = ROUNDS; left > 0; left -= CHAIN) {
          const pulls = Array.from({ length: Math.min(left, CHAIN) }, () => pullOf(label, random));
          const sins = way.operation === 'mongodb' ? {} : { sins: seed };
          const figures = await runChain(t, { ...way, ...sins, pulls });
          for (const key of ['crashes', 'rows', 'lost', 'doubled', 'inDoubt'] as const) line[key] += figures[key];
        }
        t.diagnostic(JSON.stringify(line));
        assert.equal(line.crashes, ROUNDS);
        assert.equal(line.lost, 0);
        if (way.policy === 'hold' || way.operation === 'mongodb') assert.equal(line.doubled, 0);
      });
    }
  }
});
