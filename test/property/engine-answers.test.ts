/** Answers against a naive model: message by message, straight from the rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decide } from '../../engine/answers.ts';
import type { Acknowledgement } from '../../engine/contracts/format.ts';
import type { AnswerRules } from '../../engine/contracts/operation.ts';

const BATCH = 'aaaa-B7';
const NAMES = ['', BATCH, 'stranger', 'a', 'b', 'c', 'd', 'e'];

const acknowledgement: fc.Arbitrary<Acknowledgement> = fc
  .record({
    controlId: fc.constantFrom(...NAMES),
    code: fc.constantFrom('AA', 'CA', 'AE', 'AR', 'XX'),
    words: fc.constantFrom('', 'words'),
  })
  .map((child) => ({ ...child, accepted: isYes(child), ...(child.code === 'XX' ? { unclear: true } : {}) }));
const answer = fc.array(acknowledgement, { maxLength: 9 });
const members = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 });
const anyRules: fc.Arbitrary<AnswerRules> = fc.record({
  unmentioned: fc.constantFrom('inDoubt', 'delivered', 'queued'),
  twice: fc.constantFrom('inDoubt', 'worst'),
  unknown: fc.constantFrom('inDoubt', 'warn'),
  counts: fc.constantFrom('inDoubt', 'warn'),
});

function isYes({ code }: { readonly code: string }): boolean {
  return code === 'AA' || code === 'CA';
}

function stateOf(code: string): string {
  if (code === 'XX') return 'inDoubt';
  return isYes({ code }) ? 'delivered' : 'rejected';
}

function model(
  id: string,
  ids: readonly string[],
  children: readonly Acknowledgement[],
  rules: AnswerRules,
  counts: boolean,
): string {
  const [first, second] = children;
  const ofWhole = ({ controlId }: Acknowledgement) => controlId === '' || controlId === BATCH;
  if (first && !second && stateOf(first.code) === 'rejected' && ofWhole(first)) return 'rejected';
  const codes = [...new Set(children.filter(({ controlId }) => controlId === id).map(({ code }) => code))];
  const states = codes.map(stateOf);
  if (codes.length > 1 && rules.twice === 'inDoubt') return 'inDoubt';
  if (codes.length > 0) return ['rejected', 'inDoubt', 'delivered'].find((state) => states.includes(state)) ?? '';
  const others = children.some((child) => !ids.includes(child.controlId) && !(ofWhole(child) && isYes(child)));
  if (others && rules.unknown === 'inDoubt') return 'inDoubt';
  return counts && rules.counts === 'inDoubt' ? 'inDoubt' : rules.unmentioned;
}

test('each message becomes what the rules say of it alone', () => {
  fc.assert(
    fc.property(members, answer, anyRules, fc.boolean(), (ids, children, rules, wrong) => {
      const read = { acknowledgements: children, ...(wrong ? { counts: 'wrong' } : {}) };
      const decision = decide(ids, read, BATCH, rules);
      const expected = ids.map((id) => model(id, ids, children, rules, wrong));
      ids.forEach((id, index) => {
        const apart = decision.exceptions.filter((exception) => exception.index === index);
        assert.ok(apart.length <= 1, 'a message is an exception once');
        assert.equal(apart[0]?.state ?? decision.rest, expected[index], id);
      });
      const order = decision.exceptions.map(({ index }) => index);
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
      if (!expected.includes('delivered'))
        assert.notEqual(decision.rest, 'delivered', 'nothing delivered is never told as a delivery');
      const all = expected.every((state) => state === 'delivered');
      assert.equal(decision.code === 'ACCEPTED', all, 'accepted is said of all, and only then');
      assert.equal(decision.whose === '', all, "what was not delivered is somebody's");
    }),
    { numRuns: 2000 },
  );
});
