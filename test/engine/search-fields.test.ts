import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Item } from '../../engine/contracts/item.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { compileRoute } from '../../engine/route-program.ts';
import { SEARCH_WIDTH, SearchCollector, SearchDigests } from '../../engine/search-fields.ts';

const digests = new SearchDigests(Buffer.from('key of a folder'));

function item(...values: string[]): Item {
  return { line: 2, lastLine: 2, fields: values, faults: [], values, typed: () => null, date: () => undefined };
}

test('case, white space and ways to write an accent make no difference; name, value and key do', () => {
  const same = digests.digest('Family', 'Ångström  Roe');
  assert.deepEqual(digests.digest('family', ' A\u030angstro\u0308m roe '), same);
  assert.equal(same?.length, SEARCH_WIDTH);
  assert.notDeepEqual(digests.digest('given', 'Ångström Roe'), same);
  assert.notDeepEqual(digests.digest('family', 'Ångström Rö'), same);
  assert.notDeepEqual(new SearchDigests(Buffer.from('another key')).digest('family', 'ångström roe'), same);
});

test('nothing is kept of a value that is blank, and a digest says nothing of its value', () => {
  assert.equal(digests.digest('family', ' \t '), undefined);
  fc.assert(
    fc.property(fc.string({ minLength: 4 }), (value) => {
      const digest = digests.digest('family', value);
      assert.ok(digest === undefined || !digest.toString('latin1').includes(value));
    }),
  );
});

test('a name cannot run into its value', () => {
  assert.notDeepEqual(digests.digest('a', 'b c'), digests.digest('a b', 'c'));
});

test('a block has a list for each field, with zeros where an item has no value', () => {
  const fields = [0, 1].map((index) => ({ name: `f${index}`, value: ({ values }: Item) => values[index] ?? '' }));
  const collector = new SearchCollector(digests, fields);
  collector.add(item('x', ''));
  collector.add(item('', 'y'));
  const [first, second] = collector.finish();
  const none = Buffer.alloc(SEARCH_WIDTH);
  assert.deepEqual(Buffer.from(first ?? []), Buffer.concat([digests.digest('f0', 'x') ?? none, none]));
  assert.deepEqual(Buffer.from(second ?? []), Buffer.concat([none, digests.digest('f1', 'y') ?? none]));
  assert.equal(digests.ofItem([...fields, ...fields], item('x', '')).length, 1, 'each digest once');
});

test('a route names paths of messages, or columns beside those of the record map', async () => {
  const registry = await loadAdapters([]);
  const columns = [
    { name: 'chart', type: 'text', searchable: true },
    { name: 'family', type: 'text' },
  ];
  const resources = {
    timeZone: 'UTC',
    values: {},
    tables: {},
    files: { 'record-maps': { people: { recordMap: 'people', columns } } },
  };
  const route = { onInvalidRow: 'continue', validate: false, filter: [], to: [] } as const;
  const routes = { rows: { ...route, search: ['family'] }, messages: { ...route, search: ['PID-3.1'] }, none: route };
  const snapshot = { production: 'p', resources, routes };
  const compiled = (name: string, format: { readonly type: string; readonly recordMap?: string }) =>
    compileRoute(registry, snapshot, name, format, {});
  const rows = await compiled('rows', { type: 'csv', recordMap: 'people' });
  const row = item('A1', 'Roe');
  assert.deepEqual(
    rows.search?.map(({ name, value }) => [name, value(row)]),
    [
      ['chart', 'A1'],
      ['family', 'Roe'],
    ],
  );
  const messages = await compiled('messages', { type: 'hl7-batch' });
  const message = { ...item(), path: (path: string) => (path === 'PID-3.1' ? 'A1' : '') };
  assert.deepEqual(
    messages.search?.map(({ name, value }) => [name, value(message)]),
    [['PID-3.1', 'A1']],
  );
  assert.deepEqual((await compiled('none', { type: 'hl7-batch' })).search, []);
});
