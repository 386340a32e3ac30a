import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decide } from '../../engine/answers.ts';
import type { Acknowledgement } from '../../engine/contracts/format.ts';

const IDS = ['m1', 'm2', 'm3'];
const BATCH = 'aaaa-B1';

function ack(controlId: string, code = 'AA', words = ''): Acknowledgement {
  return { controlId, code, accepted: code.endsWith('A'), words };
}

function decided(acknowledgements: readonly Acknowledgement[], ids: readonly string[] = IDS) {
  const decision = decide(ids, { acknowledgements }, BATCH, 'inDoubt');
  const states = ids.map((_, index) => decision.exceptions.find((e) => e.index === index)?.state ?? decision.rest);
  return { ...decision, states };
}

describe('an answer decides', () => {
  test('all accepted: delivered, no exception', () => {
    const { states, exceptions, code, words } = decided(IDS.map((id) => ack(id)));
    assert.deepEqual(states, ['delivered', 'delivered', 'delivered']);
    assert.deepEqual(exceptions, []);
    assert.deepEqual([code, words], ['ACCEPTED', '3 of 3 acknowledged']);
  });

  test('mixed: each message by its own child, in any order, with its words', () => {
    const { states, exceptions, code } = decided([ack('m3'), ack('m2', 'AE', 'unknown lot'), ack('m1')]);
    assert.deepEqual(states, ['delivered', 'rejected', 'delivered']);
    assert.deepEqual(exceptions, [{ index: 1, state: 'rejected', code: 'AE', words: 'unknown lot' }]);
    assert.equal(code, 'MIXED');
  });

  test('one that is not named is in doubt, the others are not', () => {
    const { states, code } = decided([ack('m1'), ack('m3')]);
    assert.deepEqual(states, ['delivered', 'inDoubt', 'delivered']);
    assert.equal(code, 'ANSWER_MISSING');
  });

  test('one that is not named was accepted, where the dialect says so', () => {
    const decision = decide(IDS, { acknowledgements: [ack('m2', 'AE')] }, BATCH, 'delivered');
    assert.equal(decision.rest, 'delivered');
    assert.deepEqual(
      decision.exceptions.map(({ index, state }) => [index, state]),
      [[1, 'rejected']],
    );
  });

  test('an empty answer says nothing: all in doubt, or all accepted where the dialect says so', () => {
    assert.deepEqual(decided([]).states, ['inDoubt', 'inDoubt', 'inDoubt']);
    assert.equal(decide(IDS, { acknowledgements: [] }, BATCH, 'delivered').rest, 'delivered');
  });

  test('named twice with the same code: once is enough', () => {
    assert.deepEqual(decided([ack('m1'), ack('m1'), ack('m2'), ack('m3')]).states, [
      'delivered',
      'delivered',
      'delivered',
    ]);
  });

  test('named twice with different codes: in doubt, also when a third child agrees with one of them', () => {
    for (const third of ['AA', 'AE', 'AR']) {
      const { states, exceptions } = decided([ack('m1'), ack('m1', 'AE'), ack('m1', third), ack('m2'), ack('m3')]);
      assert.deepEqual(states, ['inDoubt', 'delivered', 'delivered']);
      assert.equal(exceptions[0]?.code, 'ANSWER_CONTRADICTS');
      assert.equal(exceptions[0]?.words, 'The answer names this message twice, with AA and AE.');
    }
  });

  test('a child that names none of ours: those not named are in doubt even where silence means yes', () => {
    const decision = decide(IDS, { acknowledgements: [ack('other'), ack('m1')] }, BATCH, 'delivered');
    const states = IDS.map((_, index) => decision.exceptions.find((e) => e.index === index)?.state ?? decision.rest);
    assert.deepEqual(states, ['delivered', 'inDoubt', 'inDoubt']);
    assert.equal(decision.code, 'ANSWER_NAMES_OTHERS');
    assert.match(decision.words, /1 acknowledgements name messages that were not sent/);
  });

  test('a late negative answer to another message rejects none of ours', () => {
    assert.deepEqual(decided([ack('yesterday', 'AR')]).states, ['inDoubt', 'inDoubt', 'inDoubt']);
  });

  test('exactly one, negative, naming nothing or the batch: it speaks of the whole request', () => {
    for (const id of ['', BATCH]) {
      const { states, code, words } = decided([ack(id, 'AR', 'facility unknown')]);
      assert.deepEqual(states, ['rejected', 'rejected', 'rejected']);
      assert.deepEqual([code, words], ['AR', 'facility unknown']);
    }
  });

  test('the same among others, or positive, decides nothing', () => {
    assert.deepEqual(decided([ack('', 'AR'), ack('m1')]).states, ['delivered', 'inDoubt', 'inDoubt']);
    assert.deepEqual(decided([ack('')]).states, ['inDoubt', 'inDoubt', 'inDoubt']);
    assert.deepEqual(decided([ack(BATCH)]).states, ['inDoubt', 'inDoubt', 'inDoubt']);
  });

  test('messages without a control id are named by nobody', () => {
    assert.deepEqual(decided([ack('')], ['', '']).states, ['inDoubt', 'inDoubt']);
    assert.deepEqual(decided([ack('', 'AE')], ['', '']).states, ['rejected', 'rejected']);
  });

  test('all rejected one by one: the attempt is not told as a delivery', () => {
    const { rest, exceptions, words } = decided(IDS.map((id) => ack(id, 'AE', `no ${id}`)));
    assert.equal(rest, 'rejected');
    assert.deepEqual(
      exceptions.map((e) => e.words),
      ['no m1', 'no m2', 'no m3'],
    );
    assert.equal(words, '0 of 3 acknowledged; 3 rejected');
  });

  test("a warning of the answer's own envelope is shown", () => {
    const read = { acknowledgements: IDS.map((id) => ack(id)), warning: 'BTS-1 says 4' };
    assert.match(decide(IDS, read, BATCH, 'inDoubt').words, /BTS-1 says 4/);
  });
});
