import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unpackMessages } from '../../engine/blocks.ts';
import type { Item } from '../../engine/contracts/item.ts';
import type { TransformContext, TransformResult } from '../../engine/contracts/transform.ts';
import type { EntryProgram, RouteProgram } from '../../engine/route-program.ts';
import { packRow, packVersions, REPLACEABLE, rerunRow, unpackRow } from '../../engine/versions.ts';

const CONTEXT: TransformContext = {
  messageId: '7kq2-1-1v2',
  acceptedAt: 0,
  submission: { id: '7kq2-1', name: '', service: '' },
  fields: {},
  partner: '',
  charset: 'utf-8',
};

function item(text: string, faults: Item['faults'] = []): Item {
  return { line: 2, lastLine: 2, fields: [text], faults, values: [text], typed: () => text, date: () => undefined };
}

function entry(name: string, run: (text: string) => TransformResult): EntryProgram {
  return {
    name,
    destination: name,
    transform: name,
    charset: 'utf-8',
    when: undefined,
    program: { run: ({ values }) => run(values[0] ?? ''), explain: () => assert.fail('not asked for') },
    carries: () => true,
    carriesBytes: () => true,
  };
}

const ROUTE: RouteProgram = {
  format: {},
  validate: undefined,
  filters: [
    { drops: ({ values }) => values[0] === 'test patient', reason: 'the row is of a test patient' },
    {
      drops: ({ values }) => {
        if (values[0] === 'throws') throw new TypeError('a value');
        return false;
      },
      reason: 'never',
    },
  ],
  entries: [
    entry('one', (text) => ({ kind: 'message', message: { text, controlId: 'c' } })),
    entry('two', () => ({ kind: 'invalid', faults: [{ code: 'BAD', line: 2, reason: 'bad' }] })),
  ],
};

const rerun = (one: Item, ...entries: string[]) => rerunRow(ROUTE, one, entries, () => CONTEXT);

test('an edited row is run again in the entries that are named, by all rules of its route', () => {
  assert.deepEqual(rerun(item('a'), 'one'), {
    entries: [{ entry: 'one', result: { kind: 'message', message: { text: 'a', controlId: 'c' } } }],
  });
  const fault = { code: 'NOT_A_DATE', line: 2, reason: 'bad' };
  assert.deepEqual(rerun(item('a', [fault]), 'one'), { faults: [fault] });
  assert.deepEqual(rerun(item('test patient'), 'one', 'two'), {
    entries: ['one', 'two'].map((name) => ({
      entry: name,
      result: { kind: 'filtered', reason: 'the row is of a test patient' },
    })),
  });
  const thrown = rerun(item('throws'), 'one');
  assert.ok('faults' in thrown && thrown.faults[0]?.code === 'TRANSFORM_FAILED');
  assert.doesNotMatch(JSON.stringify(thrown), /a value/);
  const checked = rerunRow({ ...ROUTE, validate: () => [fault] }, item('a'), ['one'], () => CONTEXT);
  assert.deepEqual(checked, { faults: [fault] });
});

test('rows are kept exactly', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 20 }), (fields) => {
      assert.deepEqual(unpackRow(packRow(fields)), fields);
    }),
  );
});

test('what was asked for in JSON is packed as the ledger takes it', () => {
  const bytes = Buffer.from('MSH|é');
  const version = { replaces: 4, from: 'rejected', state: 'queued', controlId: 'c-1', lane: 3 } as const;
  const asked = { submission: 1, item: 2, kind: 'rowEdited', who: 'ana', reason: 'asked', changed: ['a'] } as const;
  const packed = packVersions(
    {
      ...asked,
      row: ['x', ''],
      search: [Buffer.alloc(16, 7).toString('base64')],
      versions: [
        { ...version, body: bytes.toString('base64') },
        { ...version, replaces: 5, state: 'filtered', body: '' },
      ],
    },
    99,
  );
  assert.deepEqual([packed.at, packed.submission, packed.kind, packed.changed], [99, 1, 'rowEdited', ['a']]);
  assert.deepEqual(unpackRow(packed.row ?? new Uint8Array()), ['x', '']);
  const [made, left] = packed.versions;
  assert.deepEqual([made?.lane, made?.bytes, left?.body.length], [3, bytes.length, 0]);
  const messages = unpackMessages(made?.body ?? new Uint8Array());
  assert.deepEqual([messages.count, messages.controlId(0)], [1, 'c-1']);
  assert.deepEqual(Buffer.from(messages.body(0)), bytes);
});

test('what may be replaced is what the table of states says', () => {
  assert.deepEqual([...REPLACEABLE].sort(), ['delivered', 'failed', 'invalid', 'queued', 'rejected', 'suspended']);
});
