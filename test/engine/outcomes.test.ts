/** The table itself: each line of the engine and of acknowledgements is provoked, and errors are what their lines say. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { outcomeParts } from '../../cli/outcome-table.ts';
import { MessagePacker, unpackMessages } from '../../engine/blocks.ts';
import type { Format } from '../../engine/contracts/format.ts';
import { type Answer, type AnswerRules, CAREFUL } from '../../engine/contracts/operation.ts';
import { ENGINE_OUTCOMES } from '../../engine/engine-outcomes.ts';
import { TooLargeError, TransientError } from '../../engine/errors.ts';
import { type AnswerSettings, type Outcome, readAnswer, readFailure } from '../../engine/outcome.ts';
import {
  defineOutcomes,
  ERROR_CLASSES,
  FAULT_OF,
  failuresBy,
  NEXT_STEPS,
  OUTCOMES,
  type OutcomeName,
  type OutcomeTable,
  outcomeLines,
  outcomeOfError,
} from '../../engine/outcomes.ts';
import { Members, type Ready } from '../../engine/plan-batch.ts';
import { loadAdapters } from '../../engine/registry.ts';
import hl7Batch from '../../formats/hl7-batch/index.ts';
import { HL7_OUTCOMES } from '../../formats/hl7-batch/outcomes.ts';
import { MONGODB_OUTCOMES } from '../../operations/mongodb/outcome-table.ts';
import { SOAP_OUTCOMES } from '../../operations/soap/outcomes.ts';
import { needsShared, sharedPath } from '../support/shared.ts';
import { projectText } from '../support/source-files.ts';

const HL7: Format = hl7Batch.open(
  { envelope: 'none' },
  { resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} } },
);
const SETTINGS: AnswerSettings = {
  retry: { first: 1, factor: 1, ceiling: 1, jitter: 0, giveUpAfter: 'never', maxAttempts: 3 },
  outcomes: {},
  batch: { mode: 'auto', maxMessages: 9, maxBytes: 9999, maxAge: 0, mixSubmissions: false },
  inDoubt: { policy: 'hold', every: 5, deadline: 'never', afterDeadline: 'hold', lane: 'waits' },
};

function ready(ids: readonly string[], attempts = 0): Ready {
  const packer = new MessagePacker();
  for (const id of ids) packer.addText('MSH', id);
  const members = new Members();
  const add = members.from(unpackMessages(packer.pack()), 40);
  for (const position of ids.keys()) add(position);
  const times = { plannedAt: 0, dueAt: 0, firstAttemptAt: undefined };
  return { batch: 3, attempts, replaces: undefined, members, ...times };
}

/** An acknowledgement batch, as a receiver sends it; `count` where BTS-1 lies. */
function answer(
  acknowledgements: readonly (readonly [code: string, id: string])[],
  count = acknowledgements.length,
): Answer {
  const children = acknowledgements.map(
    ([code, id]) => `MSH|^~\\&|R|R|S|S|20260401||ACK|1|P|2.5.1\rMSA|${code}|${id}\r`,
  );
  const text = `BHS|^~\\&|R\r${children.join('')}BTS|${count}\r`;
  return { kind: 'acknowledgement', text, raw: Buffer.from(text), status: 200 };
}

function read(what: Answer, rules: Partial<AnswerRules> = {}, ids: readonly string[] = ['a', 'b']): Outcome {
  const operation = { answers: { ...CAREFUL, ...rules }, repeatable: false };
  return readAnswer(what, ready(ids), 'x-B3', HL7, operation, SETTINGS, 0, () => 0);
}

const fail = (error: unknown, batch: Ready) => readFailure(error, batch, SETTINGS, false, 0, () => 0);
const plain = (text: string): Answer => ({ kind: 'acknowledgement', text, raw: Buffer.from(text), status: 200 });
/** What one message becomes by an acknowledgement with this code. */
const one = (code: string) => () => read(answer([[code, 'a']]), {}, ['a']);

type Code = keyof typeof ENGINE_OUTCOMES | keyof typeof HL7_OUTCOMES;

/** Where a line is provoked by what only a ledger can do. */
const ELSEWHERE = {
  BATCH_NOT_WRITTEN: 'test/engine/deliver.test.ts',
  DESTINATION_NOT_OPENED: 'test/engine/deliver.test.ts',
  ENGINE_ENDED: 'test/engine/engine.test.ts',
} as const;

const PROVOKED: Readonly<Record<Exclude<Code, keyof typeof ELSEWHERE>, () => Outcome>> = {
  ACCEPTED: () =>
    read(
      answer([
        ['AA', 'a'],
        ['CA', 'b'],
      ]),
    ),
  MIXED: () =>
    read(
      answer([
        ['AA', 'a'],
        ['AE', 'b'],
      ]),
    ),
  ANSWER_NOT_UNDERSTOOD: () => read(plain('Thank you')),
  ANSWER_NAMES_OTHERS: () =>
    read(
      answer([
        ['AA', 'a'],
        ['AA', 'other'],
      ]),
    ),
  ANSWER_CONTRADICTS: () =>
    read(
      answer([
        ['AA', 'a'],
        ['AE', 'a'],
        ['AA', 'b'],
      ]),
    ),
  ANSWER_CODE_UNKNOWN: () =>
    read(
      answer([
        ['OK', 'a'],
        ['AA', 'b'],
      ]),
    ),
  ANSWER_MISSING: () => read(answer([['AA', 'a']])),
  ANSWER_COUNTS_WRONG: () => read(answer([['AA', 'a']], 2), { counts: 'inDoubt', unmentioned: 'delivered' }),
  ANSWER_NOT_TAKEN: () => read(answer([['AA', 'a']]), { unmentioned: 'queued' }),
  ANSWER_LATER: () => read({ kind: 'later', ticket: 'T', words: '', raw: Buffer.from(''), status: 202 }),
  TOO_LARGE_ALONE: () => fail(new TooLargeError('X', 'x'), ready(['a'])),
  GAVE_UP: () => fail(new TransientError('X', 'x'), ready(['a'], 2)),
  UNEXPECTED: () => fail(new TypeError('x is not a function'), ready(['a'])),
  AA: one('AA'),
  AE: one('AE'),
  AR: one('AR'),
  CA: one('CA'),
  CE: one('CE'),
  CR: one('CR'),
};

const STATES: Readonly<Record<OutcomeName, string>> = {
  delivered: 'delivered',
  rejected: 'rejected',
  retry: 'queued',
  split: 'queued',
  inDoubt: 'inDoubt',
  failed: 'failed',
  stop: 'queued',
};

describe('lines of the engine and of acknowledgements', () => {
  const rows: OutcomeTable = { ...ENGINE_OUTCOMES, ...HL7_OUTCOMES };

  test('every line is provoked, and none is left', () => {
    assert.deepEqual([...Object.keys(PROVOKED), ...Object.keys(ELSEWHERE)].toSorted(), Object.keys(rows).toSorted());
    for (const [code, file] of Object.entries(ELSEWHERE)) assert.ok(projectText(file).includes(`'${code}'`), code);
  });

  for (const [code, provoke] of Object.entries(PROVOKED)) {
    const row = rows[code] ?? assert.fail(code);
    test(`${code}: ${row.outcome}, ${row.whose}`, () => {
      const { code: told, whose, rest, exceptions } = provoke();
      const states = [rest, ...exceptions.map(({ state }) => state)];
      assert.ok(states.includes(STATES[row.outcome] as (typeof states)[number]), `${states}`);
      // A positive acknowledgement stands for itself; the batch is accepted.
      assert.equal(told, row.outcome === 'delivered' ? 'ACCEPTED' : code);
      if (code !== 'UNEXPECTED' && code !== 'GAVE_UP') assert.equal(whose, row.whose === 'nobody' ? '' : row.whose);
    });
  }

  test('AE and AR are both rejected, with another next step and another sentence', () => {
    const { AE, AR } = HL7_OUTCOMES;
    assert.deepEqual([AE.outcome, AR.outcome], ['rejected', 'rejected']);
    assert.notEqual(AE.next, AR.next);
    assert.match(AE.advice, /Do not send it again unchanged/);
    assert.match(AR.advice, /may be sent again unchanged/);
  });
});

test('published acknowledgements: the line of their code for our message, in doubt for any other', needsShared, () => {
  const folder = sharedPath('fixtures/soap/answers');
  const files = readdirSync(folder).filter((name) => name.endsWith('.hl7'));
  const rows: OutcomeTable = HL7_OUTCOMES;
  const codes = files.map((name) => {
    const text = readFileSync(`${folder}/${name}`, 'utf8');
    const [, code = '', id = ''] = /^MSA\|(\w+)\|(\w+)/m.exec(text) ?? [];
    const ours = read(plain(text), {}, [id]);
    assert.equal(ours.rest, rows[code]?.outcome, name);
    assert.equal(ours.whose, code === 'AA' ? '' : rows[code]?.whose, name);
    const other = read(plain(text), { unmentioned: 'delivered' }, ['another']);
    assert.deepEqual([other.rest, other.code], ['inDoubt', 'ANSWER_NAMES_OTHERS'], name);
    return code;
  });
  assert.deepEqual(codes.toSorted(), ['AA', 'AE', 'AE', 'AE', 'AE', 'AR']);
});

describe('errors are what their lines say', () => {
  test('class and whose fault follow from the code, in every table', () => {
    for (const table of [SOAP_OUTCOMES, MONGODB_OUTCOMES] as const satisfies readonly OutcomeTable[]) {
      const rows: OutcomeTable = table;
      const make = failuresBy(rows);
      for (const [code, { outcome, whose }] of Object.entries(rows)) {
        if (outcome === 'delivered' || outcome === 'rejected') {
          assert.throws(() => make(code, 'x'), /is no failure/);
          continue;
        }
        const error = make(code, 'x');
        assert.ok(error instanceof ERROR_CLASSES[outcome]);
        assert.deepEqual([error.code, error.whose, outcomeOfError(error)], [code, whose, outcome]);
      }
    }
  });

  test('details of the moment are kept, and whose fault it is may be said by a dialect', () => {
    const make = failuresBy(defineOutcomes({ X: { outcome: 'retry', next: 'retryAfter', whose: 'receiver' } }));
    const { whose, retryAfterMs, words } = make('X', 'x', { whose: 'ours', retryAfterMs: 5, words: 'w' });
    assert.deepEqual([whose, retryAfterMs, words], ['ours', 5, 'w']);
  });
});

describe('the words', () => {
  test('every line is whole: sentences for what happened and what to do, which name whose fault it is', async () => {
    const parts = await outcomeParts(await loadAdapters());
    const lines = parts.flatMap(({ lines }) => lines);
    assert.equal(new Set(lines.map(({ code }) => code)).size, lines.length, 'each code once');
    for (const { code, happened, sentence, whose, outcome, next, fixed } of lines) {
      for (const text of [happened, sentence, fixed ?? 'x.']) assert.match(text, /^\S.*[.)]$/, code);
      assert.ok(sentence.startsWith(FAULT_OF[whose]) && sentence.length > FAULT_OF[whose].length + 10, code);
      assert.ok(outcome in OUTCOMES && next in NEXT_STEPS, code);
      assert.equal(whose === 'nobody', outcome === 'delivered', code);
      assert.equal(next === 'done', outcome === 'delivered', code);
      assert.equal(next === 'retryAfter', outcome === 'retry', code);
      assert.equal(next === 'split', outcome === 'split', code);
    }
  });

  test('a line without words is found', () => {
    assert.throws(() => outcomeLines({ X: { outcome: 'stop', next: 'stop', whose: 'ours' } }, {}), /X has no words/);
  });

  test('where it is tried again by itself nobody is asked to resolve anything', async () => {
    for (const { lines } of await outcomeParts(await loadAdapters()))
      for (const { code, outcome, sentence } of lines)
        if (outcome === 'retry') assert.doesNotMatch(sentence, /waybill resolve|waybill resume/, code);
  });
});
