/**
 * Laboratory results of a published pair: 20 rows of CSV and the HL7 file that they became, rebuilt by a production whose
 * transform is DTL in YAML alone. What differs by nature is the time of the run and the version of the software, nothing else.
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { loadProduction } from '../../engine/config/load.ts';
import type { BodySource, Format } from '../../engine/contracts/format.ts';
import type { Item } from '../../engine/contracts/item.ts';
import type { Production } from '../../engine/contracts/production.ts';
import type { TransformContext, TransformProgram } from '../../engine/contracts/transform.ts';
import { loadAdapters } from '../../engine/registry.ts';
import csv from '../../formats/csv/index.ts';
import dtl from '../../transforms/dtl/index.ts';
import { needsShared, sharedPath } from '../support/shared.ts';

const FOLDER = new URL('../productions/pdi-elr', import.meta.url).pathname;
const FIXTURES = 'fixtures/csv-to-hl7/pdi-elr';
const ACCEPTED = Date.UTC(2022, 4, 26, 14, 59, 55);

/** Fields that say when and by which software a file was made, and nothing about its rows. */
const OF_THE_RUN: Readonly<Record<string, readonly number[]>> = { FHS: [7], BHS: [7], MSH: [7], SFT: [2, 4, 6] };

async function production(): Promise<Production> {
  const env = { ELR_USER: 'elr', ELR_PASSWORD: 'secret', ELR_FACILITY: 'FDOH' };
  const loaded = await loadProduction(FOLDER, await loadAdapters(), { env });
  const errors = loaded.problems.filter((problem) => !problem.warning);
  assert.deepEqual(errors, []);
  assert.ok(loaded.production);
  return loaded.production;
}

function bodyOf(path: string): BodySource {
  return {
    path,
    bytes: statSync(path).size,
    async *read(start = 0) {
      yield new Uint8Array(readFileSync(path).subarray(start));
    },
  };
}

async function itemsOf(format: Format, path: string): Promise<readonly Item[]> {
  const { signal } = new AbortController();
  const body = bodyOf(path);
  assert.ok(format.scan && format.read);
  const transcode = () => assert.fail('the fixture is UTF-8');
  const scan = await format.scan(body, { signal, transcode });
  const reader = await format.read(
    body,
    scan,
    { cursor: scan.cursor, lines: scan.lines },
    { signal, today: '2022-05-26' },
  );
  const items: Item[] = [];
  for (let block = await reader.next(100, 1_000_000); block; block = await reader.next(100, 1_000_000))
    items.push(...block.items);
  await reader.close();
  return items;
}

function messagesOf(program: TransformProgram, items: readonly Item[]): readonly string[] {
  return items.map((item, index) => {
    assert.deepEqual(item.faults, []);
    const result = program.run(item, contextOf(`s-${index + 1}`));
    assert.equal(result.kind, 'message', JSON.stringify(result));
    assert.ok(result.kind === 'message');
    return result.message.text;
  });
}

function contextOf(messageId: string): TransformContext {
  const submission = { id: 's', name: 'results.csv', service: 'laboratory-drop' };
  return { messageId, acceptedAt: ACCEPTED, submission, fields: {}, partner: '', charset: 'utf-8' };
}

/** The segments of a text, with what is of the run taken out. Every segment ends with CR, the last one too. */
function comparable(text: string): readonly string[] {
  assert.ok(text.endsWith('\r'));
  return text
    .slice(0, -1)
    .split('\r')
    .map((line) => {
      const fields = line.split('|');
      const name = fields[0] ?? '';
      // In header segments the first separator is itself field 1.
      const shift = name === 'MSH' || name === 'FHS' || name === 'BHS' ? 1 : 0;
      for (const field of OF_THE_RUN[name] ?? []) fields[field - shift] = '(of the run)';
      return fields.join('|');
    });
}

async function convert(name: string) {
  const { resources, destinations } = await production();
  const format = csv.open({ recordMap: 'pdi' }, { resources });
  const items = await itemsOf(format, sharedPath(`${FIXTURES}/${name}.csv`));
  const program = await dtl.compile('result-to-oru', resources);
  const published = readFileSync(sharedPath(`${FIXTURES}/${name}.hl7`), 'utf8');
  return { resources, destinations, items, program, messages: messagesOf(program, items), published };
}

test('20 rows become the published messages, field by field', needsShared, async () => {
  const { messages, published } = await convert('sample-batch-pdi-20210608-0001');
  const expected = published.split(/(?=^MSH)/m).slice(1);
  const last = (expected.pop() ?? '').replace(/BTS\|.*$/s, '');
  assert.equal(messages.length, 20);
  assert.deepEqual(messages.map(comparable), [...expected, last].map(comparable));
});

test('the single row becomes the published message', needsShared, async () => {
  const { messages, published } = await convert('sample-single-pdi-20210608-0002');
  assert.deepEqual(messages.map(comparable), [comparable(published)]);
});

test('the whole file with its envelope is the published one, once the run is taken out', needsShared, async () => {
  const { messages, published, destinations, resources } = await convert('sample-batch-pdi-20210608-0001');
  const reference = destinations['health-department']?.batch.format;
  assert.ok(reference);
  const definition = await (await loadAdapters()).get('format', reference.type);
  const format = definition.open(reference, { resources });
  const plan = { id: 'b1', plannedAt: ACCEPTED, timeZone: 'UTC', count: messages.length };
  assert.ok(format.write);
  const bytes = [
    ...format.write(
      plan,
      messages.map((text) => Buffer.from(text)),
    ),
  ];
  assert.deepEqual(comparable(Buffer.concat(bytes).toString('utf8')), comparable(published));
});

test('the control id is MSH-10, and lineage names column, table and action', needsShared, async () => {
  const { items, program } = await convert('sample-single-pdi-20210608-0002');
  const { result, lineage } = program.explain(items[0]!, contextOf('s-1'));
  assert.ok(result.kind === 'message');
  assert.equal(result.message.controlId, '885617');
  const race = lineage.find(({ target }) => target === 'PID-10.2');
  assert.deepEqual(race?.sources, ['Patient_race', 'table race']);
  assert.match(race?.action ?? '', /^transforms\/result-to-oru\.yaml actions\[\d+\]\.set\.PID-10\.2$/);
  const answer = lineage.find(({ target }) => target === 'OBX(2)-5.1');
  assert.match(answer?.action ?? '', /^transforms\/question\.yaml actions\[0\]\.then\[0\]\.append\.set\.OBX-5\.1$/);
});
