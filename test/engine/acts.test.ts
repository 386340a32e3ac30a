import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACTS, PART_SIZE, partsOf, RESOLVE_GOALS, Situations } from '../../engine/acts.ts';
import type { SelectedMessage } from '../../engine/contracts/acting.ts';
import { MESSAGE_STATES, type MessageState } from '../../engine/states.ts';

test('every act leads only where the table of states leads', () => {
  for (const [verb, { from, ifNamed, goal }] of Object.entries(ACTS)) {
    for (const state of [...from, ...ifNamed] as MessageState[]) {
      const next: readonly string[] = MESSAGE_STATES[state].next;
      for (const to of goal === undefined ? RESOLVE_GOALS : [goal])
        assert.ok(next.includes(to), `${verb}: ${state} to ${to}`);
    }
  }
});

const message = (id: number, state: MessageState, batch: number | undefined): SelectedMessage => ({
  message: id,
  submission: 1,
  item: id,
  entry: 0,
  entryName: 'registry',
  destination: 'registry',
  version: 1,
  state,
  batch,
  code: '',
  at: 1,
  kept: true,
});

test('parts hold every message once, and no more than a transaction may; a batch wholly in doubt stays together', () => {
  const states = ['queued', 'suspended', 'rejected', 'inDoubt'] as const;
  const shapes = fc.uniqueArray(
    fc.record({ id: fc.integer({ min: 1, max: 5000 }), state: fc.nat(3), batch: fc.integer({ min: 1, max: 3 }) }),
    { selector: ({ id }) => id, maxLength: 2000, size: 'max' },
  );
  fc.assert(
    fc.property(shapes, fc.nat(3), (given, wholeBatch) => {
      const situations = new Situations();
      const all = given.map(({ id, state, batch }) => message(id, states[state] ?? 'queued', batch));
      for (const each of all) situations.add(each);
      const doubtful = all.filter(({ state, batch }) => state === 'inDoubt' && batch === wholeBatch);
      const parts = partsOf(situations.all(), (batch) => (batch === wholeBatch ? doubtful.length : undefined));
      const seen: number[] = [];
      for (const part of parts) {
        assert.ok(part.count <= PART_SIZE || part.groups.length === 1 || part.groups.some(({ whole }) => whole));
        assert.equal(
          part.groups.reduce((sum, { count }) => sum + count, 0),
          part.count,
        );
        for (const { ranges, whole, batch, count } of part.groups) {
          const ids: number[] = [];
          for (let at = 0; at < ranges.length; at += 2)
            for (let id = ranges[at] ?? 0; id <= (ranges[at + 1] ?? -1); id += 1) ids.push(id);
          assert.equal(ids.length, count);
          if (whole) assert.deepEqual([batch, count], [wholeBatch, doubtful.length]);
          seen.push(...ids);
        }
      }
      assert.deepEqual(
        seen.sort((a, b) => a - b),
        all.map(({ message: id }) => id).sort((a, b) => a - b),
      );
    }),
    { numRuns: 100 },
  );
});
