/** One block of a route with three entries, two of them to one destination: what stands where. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpackLines, unpackMessages, unpackRejects } from '../../engine/blocks.ts';
import type { Item } from '../../engine/contracts/item.ts';
import type { TransformResult } from '../../engine/contracts/transform.ts';
import { WaybillError } from '../../engine/errors.ts';
import { BlockBuilder, type BlockMaker, bodiesOf } from '../../engine/make-block.ts';
import type { EntryProgram } from '../../engine/route-program.ts';
import { UniqueKeys } from '../../engine/unique-keys.ts';

function item(line: number, text: string, faults: Item['faults'] = []): Item {
  return { line, lastLine: line, fields: [text], faults, values: [text], typed: () => text, date: () => undefined };
}

function entry(name: string, destination: string, run: (text: string) => TransformResult): EntryProgram {
  return {
    name,
    destination,
    transform: name,
    charset: 'utf-8',
    when: ({ values }) => values[0] !== `not ${name}`,
    program: {
      run: ({ values }, context) => {
        const made = run(values[0] ?? '');
        if (made.kind !== 'message') return made;
        return { kind: 'message', message: { ...made.message, controlId: context.messageId } };
      },
      explain: () => assert.fail('not asked for'),
    },
    carriesBytes: () => true,
    carries: (text) => !text.includes('\0'),
  };
}

const message = (text: string): TransformResult => ({ kind: 'message', message: { text, controlId: '' } });
const invalid: TransformResult = { kind: 'invalid', faults: [{ code: 'BAD', line: 3, reason: 'bad' }] };

function maker(failItem: number | undefined, filters: BlockMaker['route']['filters'] = []): BlockMaker {
  const entries = [
    entry('first', 'registry', (text) => (text === 'bad first' ? invalid : message(`1 ${text}`))),
    entry('archive', 'archive', (text) => message(`A ${text}`)),
    entry('second', 'registry', (text) =>
      text === 'drop second' ? { kind: 'dropped', reason: 'r' } : message(`2 ${text}`),
    ),
  ];
  return {
    instance: 'aaaa',
    submission: 5,
    route: {
      format: {
        uniqueKey: ([key]) => key,
        uniqueFaults: (line) => [{ code: 'NOT_UNIQUE', line, reason: 'again' }],
      },
      validate: undefined,
      filters,
      entries,
    },
    keys: new UniqueKeys(Buffer.from('k')),
    failItem,
    bodies: bodiesOf(entries, () => undefined),
    context: { acceptedAt: 0, submission: { id: 'aaaa-5', name: '', service: '' }, fields: {}, partner: '' },
  };
}

function block(made: BlockMaker, items: readonly Item[]) {
  const builder = new BlockBuilder(made, 2, 11);
  builder.add({ items: items.slice(0, 2), cursor: 50, lines: 4, end: false });
  builder.add({ items: items.slice(2), cursor: 90, lines: 9, end: true });
  return builder.finish();
}

function texts(packed: Uint8Array): string[] {
  const unpacked = unpackMessages(packed);
  return Array.from({ length: unpacked.count }, (_, n) => Buffer.from(unpacked.body(n)).toString());
}

test('positions are item by item, and within it entry by entry; exceptions name them', () => {
  const fault = { code: 'REQUIRED', line: 6, reason: 'missing' };
  const items = [
    item(2, 'a'),
    item(3, 'bad first'),
    item(4, 'drop second'),
    item(5, 'not second'),
    item(6, 'faulty', [fault]),
    item(7, 'a'),
  ];
  const made = block(maker(undefined), items);
  const [registry, archive] = made.bodies;
  assert.deepEqual([registry?.destination, registry?.entries], ['registry', [0, 2]]);
  assert.deepEqual([archive?.destination, archive?.entries], ['archive', [1]]);
  assert.deepEqual(texts(registry?.body ?? new Uint8Array()), [
    ...['1 a', '2 a'],
    ...['', '2 bad first'],
    ...['1 drop second', ''],
    ...['1 not second', ''],
    ...['', '', '', ''],
  ]);
  assert.deepEqual(registry?.exceptions, [
    { position: 2, state: 'invalid' },
    { position: 5, state: 'filtered' },
    { position: 7, state: 'filtered' },
    ...[8, 9, 10, 11].map((position) => ({ position, state: 'invalid' })),
  ]);
  assert.deepEqual(archive?.exceptions, [
    { position: 4, state: 'invalid' },
    { position: 5, state: 'invalid' },
  ]);
  const ids = unpackMessages(registry?.body ?? new Uint8Array());
  assert.deepEqual([ids.controlId(0), ids.controlId(1)], ['aaaa-5-11', 'aaaa-5-11-3']);
  assert.equal(made.rejectedItems, 3);
  assert.deepEqual(
    unpackRejects(made.rejects ?? new Uint8Array()).map((r) => [r.item, r.faults[0]?.code, r.faults[0]?.entry]),
    [
      [12, 'BAD', 'first'],
      [15, 'REQUIRED', undefined],
      [16, 'NOT_UNIQUE', undefined],
    ],
  );
  assert.deepEqual(
    [made.firstItem, made.items, made.firstLine, made.lastLine, made.cursor, made.lines],
    [11, 6, 2, 7, 90, 9],
  );
  assert.equal(unpackLines(made.itemLines).length, 6);
  assert.equal(made.uniqueKeys?.length, 4 * 16, 'only valid items enter');
});

test('an item set aside as failed is not run, enters no key, and keeps its place', () => {
  const made = block(maker(12), [item(2, 'a'), item(3, 'b'), item(4, 'b')]);
  assert.deepEqual(made.bodies[1]?.exceptions, [{ position: 1, state: 'failed' }]);
  assert.deepEqual(texts(made.bodies[1]?.body ?? new Uint8Array()), ['A a', '', 'A b']);
});

test('a filter drops, and one that cannot be asked makes the item invalid everywhere; the value is not told', () => {
  const drops = ({ values }: Item) => {
    if (values[0] === 'secret') throw new TypeError('secret is no number');
    if (values[0] === 'cel') throw new WaybillError('CONDITION_FAILED', 'it cannot be evaluated');
    return values[0] === 'a';
  };
  const made = block(maker(undefined, [{ drops, reason: 'r' }]), [
    item(2, 'a'),
    item(3, 'secret'),
    item(4, 'cel'),
    item(5, 'b'),
  ]);
  assert.deepEqual(
    made.bodies[1]?.exceptions.map(({ state }) => state),
    ['filtered', 'invalid', 'invalid'],
  );
  const faults = unpackRejects(made.rejects ?? new Uint8Array()).map(({ faults: [fault] }) => fault);
  assert.deepEqual(
    faults.map((fault) => fault?.code),
    ['TRANSFORM_FAILED', 'CONDITION_FAILED'],
  );
  assert.doesNotMatch(JSON.stringify(faults), /secret/);
});
