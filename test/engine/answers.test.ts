import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decide } from '../../engine/answers.ts';
import type { Acknowledgement, AnswerRead } from '../../engine/contracts/format.ts';
import { type AnswerRules, CAREFUL } from '../../engine/contracts/operation.ts';

const IDS = ['m1', 'm2', 'm3'];
const BATCH = 'aaaa-B1';
/** A receiver that answers only for messages in error. */
const SILENCE_IS_YES: AnswerRules = { ...CAREFUL, unmentioned: 'delivered' };

function ack(controlId: string, code = 'AA', words = ''): Acknowledgement {
  return { controlId, code, accepted: code.endsWith('A'), words };
}

function decided(acknowledgements: readonly Acknowledgement[], ids: readonly string[] = IDS) {
  const decision = decide(ids, { acknowledgements }, BATCH, CAREFUL);
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
    const decision = decide(IDS, { acknowledgements: [ack('m2', 'AE')] }, BATCH, SILENCE_IS_YES);
    assert.equal(decision.rest, 'delivered');
    assert.deepEqual(
      decision.exceptions.map(({ index, state }) => [index, state]),
      [[1, 'rejected']],
    );
  });

  test('an empty answer says nothing: all in doubt, or all accepted where the dialect says so', () => {
    assert.deepEqual(decided([]).states, ['inDoubt', 'inDoubt', 'inDoubt']);
    assert.equal(decide(IDS, { acknowledgements: [] }, BATCH, SILENCE_IS_YES).rest, 'delivered');
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
    const decision = decide(IDS, { acknowledgements: [ack('other'), ack('m1')] }, BATCH, SILENCE_IS_YES);
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
    assert.match(decide(IDS, read, BATCH, CAREFUL).words, /BTS-1 says 4/);
  });
});

/** The decision by these rules, with the state of each message. */
function byRules(rules: Partial<AnswerRules>, read: AnswerRead, ids: readonly string[] = IDS) {
  const decision = decide(ids, read, BATCH, { ...CAREFUL, ...rules });
  const states = ids.map((_, index) => decision.exceptions.find((e) => e.index === index)?.state ?? decision.rest);
  return { ...decision, states };
}

describe('the rules of a receiver', () => {
  test('not mentioned: sent again where that means not taken, with words for each', () => {
    const { states, code, words, exceptions, whose } = byRules(
      { unmentioned: 'queued' },
      { acknowledgements: [ack('m1'), ack('m2')] },
    );
    assert.deepEqual(states, ['delivered', 'delivered', 'queued']);
    assert.deepEqual([code, whose], ['ANSWER_NOT_TAKEN', 'receiver']);
    assert.equal(words, '2 of 3 acknowledged; 1 not mentioned, sent again');
    assert.equal(exceptions[0]?.code, 'ANSWER_NOT_TAKEN');
    assert.match(exceptions[0]?.words ?? '', /was not taken: it is sent again/);
  });

  test('acknowledgements only for messages in error: the others are told as accepted, not as missing', () => {
    const some = byRules({ unmentioned: 'delivered' }, { acknowledgements: [ack('m2', 'AE', 'no lot')] });
    assert.deepEqual([some.code, some.whose], ['MIXED', 'data']);
    assert.equal(some.words, '0 of 3 acknowledged; 1 rejected; 2 not mentioned, which means accepted');
    const none = byRules({ unmentioned: 'delivered' }, { acknowledgements: [] });
    assert.deepEqual([none.rest, none.code, none.exceptions, none.whose], ['delivered', 'ACCEPTED', [], '']);
  });

  test('named twice: the worse counts where the dialect says so, whichever comes first', () => {
    for (const codes of [
      ['AA', 'AE'],
      ['AE', 'AA'],
      ['AA', 'AE', 'AA'],
    ]) {
      const read = {
        acknowledgements: [...codes.map((code) => ack('m1', code, `said ${code}`)), ack('m2'), ack('m3')],
      };
      const { states, exceptions, code } = byRules({ twice: 'worst' }, read);
      assert.deepEqual(states, ['rejected', 'delivered', 'delivered'], codes.join());
      assert.equal(exceptions[0]?.code, 'AE');
      assert.match(
        exceptions[0]?.words ?? '',
        /names this message twice, with .+; the worse of them counts\. .+: said AE$/,
      );
      assert.equal(code, 'MIXED');
    }
  });

  test('names of messages that were not sent: only told, where the dialect says so', () => {
    const read = { acknowledgements: [ack('other'), ack('m1')] };
    const warned = byRules({ unknown: 'warn', unmentioned: 'delivered' }, read);
    assert.deepEqual([warned.states, warned.code], [['delivered', 'delivered', 'delivered'], 'ACCEPTED']);
    assert.match(warned.words, /1 acknowledgements name messages that were not sent/);
    assert.deepEqual(byRules({ unknown: 'warn' }, read).states, ['delivered', 'inDoubt', 'inDoubt']);
  });

  test('all of ours are named and others too: ours are delivered, and it is told', () => {
    const { code, rest, words } = decided([ack('other', 'AE'), ...IDS.map((id) => ack(id))]);
    assert.deepEqual([rest, code], ['delivered', 'ACCEPTED']);
    assert.match(words, /name messages that were not sent/);
  });

  test('counts that do not hold: those not mentioned are in doubt, where the dialect says so', () => {
    const read = { acknowledgements: [ack('m1')], counts: 'BTS-1 says 3', warning: 'BTS-1 says 3' };
    const doubted = byRules({ counts: 'inDoubt', unmentioned: 'delivered' }, read);
    assert.deepEqual(doubted.states, ['delivered', 'inDoubt', 'inDoubt']);
    assert.equal(doubted.code, 'ANSWER_COUNTS_WRONG');
    assert.match(doubted.words, /2 not mentioned, in doubt; BTS-1 says 3$/);
    const warned = byRules({ counts: 'warn', unmentioned: 'delivered' }, read);
    assert.deepEqual([warned.rest, warned.code], ['delivered', 'ACCEPTED']);
    assert.match(warned.words, /BTS-1 says 3/);
  });

  test('a code that says neither yes nor no: in doubt, never rejected and never delivered', () => {
    for (const code of ['', 'XX']) {
      const unclear: Acknowledgement = { controlId: 'm1', code, accepted: false, unclear: true, words: 'hm' };
      const { states, exceptions, code: summary } = decided([unclear, ack('m2'), ack('m3')]);
      assert.deepEqual(states, ['inDoubt', 'delivered', 'delivered']);
      assert.deepEqual([exceptions[0]?.code, summary], ['ANSWER_CODE_UNKNOWN', 'ANSWER_CODE_UNKNOWN']);
      assert.match(exceptions[0]?.words ?? '', /The receiver said: hm$/);
      assert.deepEqual(decided([{ ...unclear, controlId: BATCH }]).states, ['inDoubt', 'inDoubt', 'inDoubt']);
    }
  });

  test('a positive one that names nothing or the batch is no stranger, and leaves the rest to the rules', () => {
    for (const id of ['', BATCH]) {
      const read = { acknowledgements: [ack(id)] };
      assert.equal(byRules({ unmentioned: 'delivered' }, read).rest, 'delivered');
      assert.equal(byRules({}, read).code, 'ANSWER_MISSING');
    }
    const negative = { acknowledgements: [ack('', 'AE'), ack('m1')] };
    assert.deepEqual(byRules({ unmentioned: 'delivered' }, negative).states, ['delivered', 'inDoubt', 'inDoubt']);
  });

  test('whose fault a refusal is comes with its code', () => {
    const refused = (...whose: ('data' | 'receiver')[]) =>
      decided(IDS.map((id, at) => ({ ...ack(id, whose[at] ? 'AR' : 'AA'), ...(whose[at] && { whose: whose[at] }) })));
    assert.equal(refused('receiver').whose, 'receiver');
    assert.equal(refused('receiver', 'data').whose, 'data');
    assert.equal(refused().whose, '');
    assert.equal(decided([{ ...ack('', 'AR'), whose: 'receiver' }]).whose, 'receiver');
    assert.equal(decided([ack('m1'), ack('m2')]).whose, 'receiver', 'the one in doubt');
  });

  test('one message, refused: the attempt has the code of the refusal', () => {
    assert.deepEqual(
      [decided([ack('m1', 'AR')], ['m1']).code, decided([ack('m1', 'AR')], ['m1']).rest],
      ['AR', 'rejected'],
    );
  });
});
