/** The sample production in config/: it loads, and its sample file comes out as its README says. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadProduction } from '../../../engine/config/load.ts';
import type { BodySource } from '../../../engine/contracts/format.ts';
import type { Item } from '../../../engine/contracts/item.ts';
import type { Production } from '../../../engine/contracts/production.ts';
import { loadAdapters, PROJECT_FOLDER } from '../../../engine/registry.ts';

const FOLDER = join(PROJECT_FOLDER, 'config');
const SAMPLE = join(FOLDER, 'samples/vaccinations.csv');
const ENV = {
  REGISTRY_URL: 'http://127.0.0.1:8080/iis',
  REGISTRY_USER: 'harbor',
  REGISTRY_PASSWORD: 'marker-of-a-password',
  REGISTRY_FACILITY: 'HARBOR1',
  MONGODB_URL: 'mongodb://127.0.0.1:9/',
};
const registry = await loadAdapters();

async function sample(): Promise<Production> {
  const { production, problems } = await loadProduction(FOLDER, registry, { env: ENV });
  assert.deepEqual(problems, []);
  assert.ok(production);
  return production;
}

function bodyOf(path: string): BodySource {
  const bytes = readFileSync(path);
  return {
    path,
    bytes: statSync(path).size,
    async *read(start = 0) {
      yield new Uint8Array(bytes.subarray(start));
    },
  };
}

async function itemsOf(
  production: Production,
): Promise<readonly { readonly item: Item; readonly codes: readonly string[] }[]> {
  const csv = await registry.get('format', 'csv');
  const format = csv.open({ type: 'csv', recordMap: 'vaccinations' }, { resources: production.resources });
  const { signal } = new AbortController();
  const body = bodyOf(SAMPLE);
  const scan = await format.scan?.(body, { signal, transcode: () => assert.fail('the sample is UTF-8') });
  assert.ok(scan && format.read);
  assert.equal(scan.items, 40);
  const reader = await format.read(body, scan, scan, { signal, today: '2024-07-01' });
  const seen = new Set<string>();
  const items: { item: Item; codes: readonly string[] }[] = [];
  for (let block = await reader.next(100, 1_000_000); block; block = await reader.next(100, 1_000_000)) {
    for (const item of block.items) {
      const key = item.faults.length === 0 ? format.uniqueKey?.(item.values) : undefined;
      const twice = key !== undefined && seen.has(key);
      if (key !== undefined) seen.add(key);
      const faults = twice ? (format.uniqueFaults?.(item.line) ?? []) : item.faults;
      items.push({ item, codes: faults.map(({ code }) => code) });
    }
  }
  await reader.close();
  return items;
}

test('the sample production loads without a warning when its five variables are set', async () => {
  const production = await sample();
  assert.equal(production.name, 'harbor-county');
  const { problems } = await loadProduction(FOLDER, registry, { env: {} });
  assert.deepEqual([...new Set(problems.map(({ code }) => code))], ['ENV_NOT_SET']);
});

test('of the 40 rows of the sample file five are wrong, each in its own way', async () => {
  const items = await itemsOf(await sample());
  const wrong = items.filter(({ codes }) => codes.length > 0);
  assert.deepEqual(
    wrong.map(({ item }) => item.line),
    [10, 17, 24, 31, 37],
  );
  assert.equal(new Set(wrong.map(({ codes }) => codes.join())).size, 5);
});

test('every other row becomes a message', async () => {
  const production = await sample();
  const items = await itemsOf(production);
  const dtl = await registry.get('transform', 'dtl');
  const program = await dtl.compile('vaccination-to-vxu', production.resources);
  const right = items.filter(({ codes }) => codes.length === 0);
  const messages = right.map(({ item }, index) => {
    const result = program.run(item, {
      messageId: `demo-1-${index}`,
      acceptedAt: Date.UTC(2024, 6, 1, 17),
      submission: { id: 'demo-1', name: 'vaccinations.csv', service: 'clinic-inbox' },
      fields: {},
      partner: '',
      charset: 'utf-8',
    });
    assert.equal(result.kind, 'message', `line ${item.line}: ${JSON.stringify(result)}`);
    return result.kind === 'message' ? result.message.text : '';
  });
  assert.equal(messages.length, 35);
  const [first = ''] = messages;
  const segments = first.split('\r').filter((line) => line !== '');
  assert.deepEqual(
    segments.map((line) => line.slice(0, 3)),
    ['MSH', 'PID', 'ORC', 'RXA', 'RXR', 'OBX'],
  );
  assert.equal(
    segments[0],
    'MSH|^~\\&|HARBOR|HARBOR1|IIS|STATE|20240701100000-0700||VXU^V04^VXU_V04|demo-1-0|P|2.5.1||||||UNICODE UTF-8|||Z22^CDCPHINVS',
  );
  assert.equal(
    segments[1],
    'PID|1||H10000^^^HARBOR^MR||ABERNATHY^ADA^^^^^L||20050928|F|||12 Pier Street^^Port Larkin^WA^98100^^H||^PRN^PH^^^360^5550100',
  );
  assert.ok(
    messages.some((text) => text.includes('SMITH \\T\\ WEXFORD\\F\\HALE')),
    'delimiters in a name are escaped',
  );
  assert.ok(messages.some((text) => text.includes('01^Historical information^NIP001')));
});
