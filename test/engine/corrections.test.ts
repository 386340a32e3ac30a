/** Rows that came back with an id: what is asked, what is made of the answer, and what a block says of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpackMessages, unpackRejects } from '../../engine/blocks.ts';
import type { Item } from '../../engine/contracts/item.ts';
import type { CorrectionVerdict } from '../../engine/contracts/versions.ts';
import { CorrectionDesk, verdictFault } from '../../engine/corrections.ts';
import { BlockBuilder, type BlockMaker, bodiesOf } from '../../engine/make-block.ts';
import type { EntryProgram } from '../../engine/route-program.ts';
import { SearchDigests } from '../../engine/search-fields.ts';
import { UniqueKeys } from '../../engine/unique-keys.ts';

function item(text: string, corrects?: string): Item {
  return {
    line: 2,
    lastLine: 2,
    fields: [text],
    faults: [],
    values: [text],
    typed: () => text,
    date: () => undefined,
    ...(corrects === undefined ? {} : { corrects }),
  };
}

const replaces = (submission: number, number: number, ...stands: string[]): CorrectionVerdict => ({
  kind: 'replaces',
  submission,
  item: number,
  stands,
});

test('only ids of this ledger are asked about; nothing is asked where no row came with one', async () => {
  const asked: unknown[] = [];
  const desk = new CorrectionDesk('7kq2', async (ids) => {
    asked.push(ids);
    return ids.map(({ submission, item: number }) => replaces(submission, number));
  });
  assert.equal(await desk.look([item('a'), item('b')]), undefined);
  assert.deepEqual(asked, []);
  const items = [item('a', '7kq2-1-5'), item('b'), item('c', 'zzzz-1-6'), item('d', '7kq2-1-7-2')];
  const verdicts = await desk.look(items);
  assert.deepEqual(asked, [
    [
      { submission: 1, item: 5 },
      { submission: 1, item: 7 },
    ],
  ]);
  assert.deepEqual(
    items.map((each) => verdicts?.get(each)?.kind),
    ['replaces', undefined, 'unknown', 'replaces'],
  );
});

test('the second row that means the same one is told so, also blocks later', async () => {
  const desk = new CorrectionDesk('7kq2', async (ids) => ids.map(() => replaces(2, 1)));
  const [first, second, third] = [item('a', '7kq2-1-1'), item('b', '7kq2-2-1'), item('c', '7kq2-1-1')];
  const verdicts = await desk.look([first, second]);
  assert.deepEqual([verdicts?.get(first)?.kind, verdicts?.get(second)?.kind], ['replaces', 'repeated']);
  assert.equal((await desk.look([third]))?.get(third)?.kind, 'repeated');
});

test('faults name the column, the rule, and the row that stands, never what stood in the cell', () => {
  const fault = (verdict: CorrectionVerdict) => verdictFault(verdict, '7kq2', 9);
  assert.equal(fault(replaces(1, 1)), undefined);
  assert.deepEqual(fault({ kind: 'unknown' })?.code, 'WAYBILL_ID_UNKNOWN');
  assert.deepEqual(fault({ kind: 'notRejected' })?.code, 'WAYBILL_ID_NOT_REJECTED');
  assert.deepEqual(fault({ kind: 'purged' })?.code, 'WAYBILL_ID_PURGED');
  assert.deepEqual(fault({ kind: 'repeated' })?.code, 'WAYBILL_ID_REPEATED');
  assert.deepEqual(fault({ kind: 'replaced', submission: 3, item: 4 }), {
    code: 'WAYBILL_ID_REPLACED',
    column: 'waybill_id',
    line: 9,
    reason: 'the row was corrected before: 7kq2-3-4 stands in its place',
  });
});

function maker(): BlockMaker {
  const entry = (name: string): EntryProgram => ({
    name,
    destination: 'registry',
    transform: name,
    charset: 'utf-8',
    when: undefined,
    program: {
      run: ({ values }) => ({ kind: 'message', message: { text: `${name} ${values[0]}`, controlId: '' } }),
      explain: () => assert.fail('not asked for'),
    },
    carries: () => true,
    carriesBytes: () => true,
  });
  const entries = [entry('one'), entry('two')];
  return {
    instance: '7kq2',
    submission: 5,
    route: {
      format: { uniqueKey: ([key]) => key },
      validate: undefined,
      filters: [],
      entries,
      search: [{ name: 'text', value: ({ values }) => values[0] ?? '' }],
    },
    keys: new UniqueKeys(Buffer.from('k')),
    failItem: undefined,
    bodies: bodiesOf(entries, () => undefined),
    search: new SearchDigests(Buffer.from('k')),
    context: { acceptedAt: 0, submission: { id: '7kq2-5', name: '', service: '' }, fields: {}, partner: '' },
  };
}

test('a block says which rows it corrects; entries in which the earlier row stands get nothing', () => {
  const builder = new BlockBuilder(maker(), 0, 1);
  const items = [item('a', 'x'), item('b', 'x'), item('c')];
  const verdicts = new Map<Item, CorrectionVerdict>([
    [items[0] ?? item(''), { kind: 'unknown' }],
    [items[1] ?? item(''), replaces(3, 7, 'two')],
  ]);
  builder.add({ items, cursor: 9, lines: 4, end: true }, verdicts);
  const block = builder.finish();
  assert.deepEqual(block.corrections, [{ position: 1, submission: 3, item: 7 }]);
  assert.equal(block.rejectedItems, 1);
  assert.deepEqual(
    unpackRejects(block.rejects ?? new Uint8Array()).map(({ item: number, faults }) => [number, faults[0]?.code]),
    [[1, 'WAYBILL_ID_UNKNOWN']],
  );
  const [body] = block.bodies;
  assert.deepEqual(body?.exceptions, [
    { position: 0, state: 'invalid' },
    { position: 1, state: 'invalid' },
    { position: 3, state: 'filtered' },
  ]);
  const messages = unpackMessages(body?.body ?? new Uint8Array());
  const texts = Array.from({ length: messages.count }, (_, n) => Buffer.from(messages.body(n)).toString());
  assert.deepEqual(texts, ['', '', 'one b', '', 'one c', 'two c']);
  assert.equal(block.search?.[0]?.length, 48);
});

test('nothing is said of corrections and searches where there are none', () => {
  const { search: _, ...plain } = maker();
  const builder = new BlockBuilder(plain, 0, 1);
  builder.add({ items: [item('a')], cursor: 1, lines: 2, end: true });
  const block = builder.finish();
  assert.deepEqual([block.corrections, block.search], [undefined, undefined]);
});
