/** Every verdict on the published CSV files: what is refused, which rows are invalid, and by which columns. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Format } from '../../../engine/contracts/format.ts';
import type { Item } from '../../../engine/contracts/item.ts';
import { RefusedError } from '../../../engine/errors.ts';
import csv from '../../../formats/csv/index.ts';
import { checkRecordMap } from '../../../formats/csv/record-map-check.ts';
import { haveShared, needsShared, sharedPath } from '../../support/shared.ts';
import { verdicts } from '../../support/verdicts.ts';
import { itemsOf, mapOf, mapText, open, resourcesOf, scanOf } from './support.ts';

/** The verdicts, or none where the shared material is missing: the tests of that suite are skipped then. */
function verdictsOn(name: string): readonly Readonly<Record<string, string>>[] {
  return haveShared ? verdicts(`csv-${name}`) : [];
}

function fixture(path: string): Buffer {
  return readFileSync(sharedPath(`fixtures/${path}`));
}

/** What a run over a file comes to, in the words of the tables. */
async function verdictOf(format: Format, bytes: Buffer, names: readonly string[]): Promise<Record<string, string>> {
  let items: Item[];
  try {
    items = await itemsOf(format, bytes);
  } catch (error) {
    assert.ok(error instanceof RefusedError, String(error));
    const missing = /lacks (.*?)\. Found/.exec(error.message)?.[1] ?? '-';
    return {
      verdict: 'refused',
      rows: '-',
      valid: '-',
      invalid: '-',
      invalidLines: '-',
      columns: missing.replaceAll(', ', ','),
    };
  }
  const keys = new Set<string>();
  const faults = items.map((item) => {
    const key = item.faults.length > 0 ? undefined : format.uniqueKey?.(item.values);
    if (key !== undefined && keys.has(key)) return format.uniqueFaults?.(item.line) ?? [];
    if (key !== undefined) keys.add(key);
    return item.faults;
  });
  const invalid = items.filter((_, index) => faults[index]?.length);
  const atFault = new Set(faults.flat().map((fault) => fault.column));
  return {
    verdict: 'accepted',
    rows: String(items.length),
    valid: String(items.length - invalid.length),
    invalid: String(invalid.length),
    invalidLines: invalid.map((item) => item.line).join(',') || '-',
    columns: names.filter((name) => atFault.has(name)).join(',') || '-',
  };
}

for (const name of ['patients', 'reports']) {
  describe(`verdicts on ${name}`, needsShared, () => {
    test('there are verdicts, and the record map has no issue', () => {
      assert.equal(verdictsOn(name).length, 15);
      const map = mapOf(mapText(name));
      assert.deepEqual(checkRecordMap(map, resourcesOf(map)), []);
    });
    for (const { path = '', why, ...expected } of verdictsOn(name)) {
      test(`${path}: ${expected.verdict}`, async () => {
        const map = mapOf(mapText(name));
        const format = csv.open({ recordMap: name }, { resources: resourcesOf(map) });
        const names = map.columns.map((column) => column.name);
        assert.deepEqual(await verdictOf(format, fixture(path), names), expected, why);
      });
    }
  });
}

describe('verdicts on the spectrum', needsShared, () => {
  test('there are verdicts', () => assert.equal(verdictsOn('spectrum').length, 12));
  for (const { path = '', json = '', quote = '', rows, equalsJson, why } of verdictsOn('spectrum')) {
    const relaxed = quote.includes('relaxed');
    test(`${path}: ${rows} rows`, async () => {
      const format = open(relaxed ? { quotes: 'relaxed' } : {});
      const items = await itemsOf(format, fixture(path));
      const [header] = await itemsOf(open({ quotes: 'relaxed', header: 'none' }), fixture(path));
      assert.equal(String(items.length), rows);
      const found = items.map((item) =>
        Object.fromEntries(item.values.map((value, at) => [header?.values[at], value])),
      );
      const same = JSON.stringify(found) === JSON.stringify(JSON.parse(fixture(json).toString()));
      assert.equal(same, equalsJson === 'yes', why);
    });
    if (relaxed) {
      test(`${path}: refused where quotes are strict`, async () => {
        await assert.rejects(
          itemsOf(open(), fixture(path)),
          (error) => error instanceof RefusedError && error.code === 'BAD_QUOTE',
        );
      });
    }
  }

  test('rows with line breaks begin where the verdicts say', async () => {
    const second = async (path: string) => (await itemsOf(open(), fixture(path)))[1]?.line;
    assert.equal(await second('csv/spectrum/csvs/newlines.csv'), 3);
    assert.equal(await second('csv/spectrum/csvs/quotes_and_newlines.csv'), 5);
  });
});

describe('other published files', needsShared, () => {
  test('every naughty value comes through CSV as it is, untrimmed and in its line', async () => {
    const values: string[] = JSON.parse(fixture('csv/naughty/blns.json').toString());
    const lines = values.map((value, index) => `${index};"${value.replaceAll('"', '""')}"\r\n`);
    const items = await itemsOf(open(), Buffer.from(`n;value\r\n${lines.join('')}`), { chunkBytes: 1000 });
    assert.deepEqual(
      items.map((item) => item.values[1]),
      values,
    );
    assert.equal(values.length, 515);
  });

  test('tab-separated vaccinations and a wide laboratory file', async () => {
    const shapeOf = async (path: string) => {
      const { scan } = await scanOf(open(), fixture(path));
      return [scan.details.delimiter, scan.details.width, scan.items];
    };
    assert.deepEqual(await shapeOf('csv-to-hl7/cvrs-vxu/testgood.txt'), ['\t', 45, 33]);
    assert.deepEqual(await shapeOf('csv-to-hl7/pdi-elr/sample-batch-pdi-20210608-0001.csv'), [',', 68, 20]);
  });
});
