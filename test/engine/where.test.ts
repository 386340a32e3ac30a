import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseMessageId, parseWhere } from '../../engine/where.ts';

const CONTEXT = { instance: '7kq2', now: Date.parse('2026-11-22T12:00:00Z') };
const read = (text: string) => parseWhere(text, CONTEXT);
const refused = (text: string, says: RegExp) =>
  assert.throws(() => read(text), { code: 'WHERE_NOT_UNDERSTOOD', message: says });

describe('a filter', () => {
  test('has words of the form key=value, all of which hold', () => {
    const { filter, words, fields } = read('  destination=state-registry  state=rejected,failed code=AE\n entry=vxu ');
    assert.deepEqual(filter, {
      destinations: ['state-registry'],
      states: ['rejected', 'failed'],
      codes: ['AE'],
      entries: ['vxu'],
    });
    assert.equal(words, 'destination=state-registry state=rejected,failed code=AE entry=vxu');
    assert.deepEqual(fields, []);
  });

  test('names submissions, batches and messages as people see them', () => {
    assert.deepEqual(read('submission=7kq2-15,16').filter, { submissions: [15, 16] });
    assert.deepEqual(read('batch=7kq2-B3').filter, { batch: 3 });
    assert.deepEqual(read('message=7kq2-15-217,7kq2-15-218-2').filter, {
      items: [
        { submission: 15, item: 217, entry: 0 },
        { submission: 15, item: 218, entry: 1 },
      ],
    });
  });

  test('takes a day, a time with or without its zone, and a span before now', () => {
    assert.equal(read('since=2026-11-01').filter.since, new Date(2026, 10, 1).getTime());
    assert.equal(read('since=2026-11-01T14:30').filter.since, new Date(2026, 10, 1, 14, 30).getTime());
    assert.equal(read('until=2026-11-01T14:30:05Z').filter.until, Date.UTC(2026, 10, 1, 14, 30, 5));
    assert.equal(read('since=24h').filter.since, CONTEXT.now - 86_400_000);
    assert.equal(read('since=90m until=1d').filter.until, CONTEXT.now - 86_400_000);
  });

  test('keeps the value of a searchable field out of its words', () => {
    const { fields, words } = read('field.chart="S 0001" state=queued');
    assert.deepEqual(fields, [{ name: 'chart', value: 'S 0001' }]);
    assert.equal(words, 'field.chart=(not shown) state=queued');
  });

  test('that cannot be understood is refused with what to write instead, never with a value of a field', () => {
    refused('', /is empty; it takes destination, state/);
    refused('   ', /is empty/);
    refused('destinaton=x', /there is no "destinaton", did you mean destination/);
    refused('state=rejectd', /did you mean rejected/);
    refused('state=queued state=failed', /state stands twice/);
    refused('submission=abcd-1', /no submission of this ledger, whose ids look like 7kq2-15/);
    refused('message=7kq2-15', /no message of this ledger/);
    refused('batch=x', /no batch/);
    const noDays = ['2026-02-31', '2026-02-29T10:00', '2026-06-31T10:00Z', '2026-00-10'];
    for (const time of ['yesterday', '2026-13-01', '2026-11-01 10:00', '2026-11-01T25:00', ...noDays])
      refused(`since="${time}"`, /is no time/);
    refused('state=queued chart S0001', /^(?!.*S0001).*word 2 is not of the form key=value/);
    refused('field.chart="S0001', /^(?!.*S0001).*word 1 is not/);
  });

  test('is read or refused, whatever is written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        try {
          assert.notEqual(read(text).words, '');
        } catch (error) {
          assert.equal(error instanceof Error && 'code' in error && error.code, 'WHERE_NOT_UNDERSTOOD');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test('ids of messages', () => {
  assert.deepEqual(parseMessageId('7kq2', '7kq2-15-217'), { submission: 15, item: 217, entry: 0 });
  assert.deepEqual(parseMessageId('7kq2', '7kq2-15-217-12'), { submission: 15, item: 217, entry: 11 });
  for (const other of ['abcd-15-217', '7kq2-15', '7kq2-15-217-1', '7kq2-15-217-0', '7kq2-B3', '15-217', ''])
    assert.equal(parseMessageId('7kq2', other), undefined, other);
});
