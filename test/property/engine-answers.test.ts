/** Answers against a naive model: message by message, straight from the rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decide } from '../../engine/answers.ts';
import type { Acknowledgement } from '../../engine/contracts/format.ts';

const BATCH = 'aaaa-B7';
const NAMES = ['', BATCH, 'stranger', 'a', 'b', 'c', 'd', 'e'];

const acknowledgement: fc.Arbitrary<Acknowledgement> = fc.record({
  controlId: fc.constantFrom(...NAMES),
  code: fc.constantFrom('AA', 'CA', 'AE', 'AR'),
  accepted: fc.constant(false),
  words: fc.constantFrom('', 'words'),
});
const answer = fc
  .array(acknowledgement, { maxLength: 9 })
  .map((children) => children.map((child) => ({ ...child, accepted: child.code.endsWith('A') })));
const members = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 });

function model(id: string, ids: readonly string[], children: readonly Acknowledgement[], silence: string): string {
  const [first, second] = children;
  if (first && !second && !first.accepted && (first.controlId === '' || first.controlId === BATCH)) return 'rejected';
  const codes = new Set(children.filter(({ controlId }) => controlId === id).map(({ code }) => code));
  if (codes.size > 1) return 'inDoubt';
  for (const code of codes) return code.endsWith('A') ? 'delivered' : 'rejected';
  return children.some(({ controlId }) => !ids.includes(controlId)) ? 'inDoubt' : silence;
}

test('each message becomes what the rules say of it alone', () => {
  fc.assert(
    fc.property(
      members,
      answer,
      fc.constantFrom('inDoubt' as const, 'delivered' as const),
      (ids, children, silence) => {
        const decision = decide(ids, { acknowledgements: children }, BATCH, silence);
        ids.forEach((id, index) => {
          const apart = decision.exceptions.filter((exception) => exception.index === index);
          assert.ok(apart.length <= 1, 'a message is an exception once');
          assert.equal(apart[0]?.state ?? decision.rest, model(id, ids, children, silence), id);
        });
        const order = decision.exceptions.map(({ index }) => index);
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
        );
        const delivered = ids.filter((id) => model(id, ids, children, silence) === 'delivered').length;
        if (delivered === 0)
          assert.notEqual(decision.rest, 'delivered', 'nothing delivered is never told as a delivery');
      },
    ),
    { numRuns: 2000 },
  );
});
