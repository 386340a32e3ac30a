/**
 * Vaccinations of a published pair: 33 tab-delimited rows and the HL7 messages that they became, rebuilt by a production whose
 * transform is DTL in YAML alone. MSH-7 and MSH-10 are of the run; everything else is equal, byte for byte.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadProduction } from '../../engine/config/load.ts';
import type { Format } from '../../engine/contracts/format.ts';
import type { Production } from '../../engine/contracts/production.ts';
import { RefusedError } from '../../engine/errors.ts';
import { loadAdapters } from '../../engine/registry.ts';
import csv from '../../formats/csv/index.ts';
import dtl from '../../transforms/dtl/index.ts';
import { blocksOf, scanOf } from '../formats/csv/support.ts';
import { needsShared, sharedPath } from '../support/shared.ts';

const FOLDER = new URL('../productions/cvrs-vxu', import.meta.url).pathname;
const ACCEPTED = Date.UTC(2020, 10, 4, 0, 8, 9, 124);
const TODAY = '2020-11-03';
/** Positions between the separators of MSH; the first separator is itself field 1. */
const MSH_7 = 6;
const MSH_10 = 9;

const fixture = (name: string) => readFileSync(sharedPath(`fixtures/csv-to-hl7/cvrs-vxu/${name}`));

async function production(): Promise<Production> {
  const env = { IIS_USER: 'iis', IIS_PASSWORD: 'secret', IIS_FACILITY: 'F1' };
  const loaded = await loadProduction(FOLDER, await loadAdapters(), { env });
  assert.deepEqual(loaded.problems, []);
  assert.ok(loaded.production);
  return loaded.production;
}

async function format(): Promise<Format> {
  const { resources } = await production();
  return csv.open({ recordMap: 'cvrs' }, { resources });
}

/** The messages of the published file: each ends with CR; what stands between two of them belongs to neither. */
function published(): readonly string[] {
  const text = fixture('testgood.hl7').toString('utf8');
  return text.split(/(?=^MSH\|)/m).map((message) => `${message.replace(/[\r\n]+$/, '')}\r`);
}

async function built(): Promise<readonly string[]> {
  const { resources } = await production();
  const opened = await format();
  const items = (await blocksOf(opened, await scanOf(opened, fixture('testgood.txt')), { today: TODAY })).flatMap(
    (block) => block.items,
  );
  const program = await dtl.compile('vaccination-to-vxu', resources);
  const submission = { id: 's', name: 'testgood.txt', service: 'extract-drop' };
  return items.map((item, index) => {
    assert.deepEqual(item.faults, []);
    const result = program.run(item, {
      messageId: `s-${index + 1}`,
      acceptedAt: ACCEPTED,
      submission,
      fields: {},
      partner: '',
      charset: 'utf-8',
    });
    assert.ok(result.kind === 'message', JSON.stringify(result));
    return result.message.text ?? '';
  });
}

/** The segments, with the time and the control id of the run taken out. */
function comparable(message: string): readonly string[] {
  const [msh = '', ...others] = message.split('\r');
  const fields = msh.split('|');
  fields[MSH_7] = '(time of the run)';
  fields[MSH_10] = '(control id of the run)';
  return [fields.join('|'), ...others];
}

async function refusal(input: Uint8Array, opened?: Format): Promise<RefusedError> {
  const error = await scanOf(opened ?? (await format()), input).then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof RefusedError, String(error));
  return error;
}

test('33 rows become the 33 published messages, but for their time and control id', needsShared, async () => {
  const [ours, theirs] = [await built(), published()];
  assert.equal(theirs.length, 33);
  assert.deepEqual(ours.map(comparable), theirs.map(comparable));
  for (const message of ours) assert.match(message.split('|')[MSH_7] ?? '', /^20201103190809\.124-0500$/);
  assert.equal(new Set(ours.map((message) => message.split('|')[MSH_10])).size, 33);
});

test('the transform is YAML alone: the production holds no code', () => {
  const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.ok(files.length > 5);
  assert.deepEqual(
    files.map(({ name }) => name).filter((name) => !/\.(yaml|csv)$/.test(name)),
    [],
  );
  const texts = readdirSync(`${FOLDER}/transforms`).map((name) => readFileSync(`${FOLDER}/transforms/${name}`, 'utf8'));
  assert.ok(texts.every((text) => !text.includes('script(')));
});

test('the empty file is refused: it has no header', needsShared, async () => {
  const error = await refusal(fixture('empty.txt'));
  assert.equal(error.code, 'EMPTY_FILE');
});

test(
  'a header in upper case is refused, naming what is missing and what was found in its place',
  needsShared,
  async () => {
    const error = await refusal(fixture('testMissingHeaders.txt'));
    assert.equal(error.code, 'COLUMNS_MISSING');
    assert.match(error.message, /^line 1: the header lacks vax_event_id, ext_type, /);
    assert.match(error.message, /VAX_EVENT_ID may be vax_event_id/);
  },
);

test('with its case ignored it is refused for exactly the five columns that it lacks', needsShared, async () => {
  const { resources } = await production();
  const map = resources.files['record-maps']?.cvrs;
  assert.ok(typeof map === 'object' && map !== null && 'headerCase' in map && map.headerCase === 'exact');
  const files = { ...resources.files, 'record-maps': { cvrs: { ...map, headerCase: 'ignore' } } };
  const opened = csv.open({ recordMap: 'cvrs' }, { resources: { ...resources, files } });
  const error = await refusal(fixture('testMissingHeaders.txt'), opened);
  assert.equal(error.code, 'COLUMNS_MISSING');
  const lacking = /the header lacks ([^.]+)\./.exec(error.message)?.[1];
  assert.equal(lacking, 'recip_race_2, recip_race_3, recip_race_4, recip_race_5, recip_race_6');
  assert.match(error.message, /Found: VAX_EVENT_ID, EXT_TYPE, .* and 10 more/);
});

test('rows without a header are refused, and no value of them is shown', needsShared, async () => {
  const good = fixture('testgood.txt');
  const error = await refusal(good.subarray(good.indexOf('\n') + 1));
  assert.equal(error.code, 'COLUMNS_MISSING');
  assert.match(error.message, /Found: 45 names, none of them in the record map\./);
  for (const value of ['Redacted', 'good1_sample1', '2015-08-26', '48877']) {
    assert.ok(!error.message.includes(value), `${value} is shown`);
  }
});

test('a file of another kind is refused, with the number of names that its first line has', needsShared, async () => {
  const error = await refusal(fixture('notacvrs.txt'));
  assert.equal(error.code, 'COLUMNS_MISSING');
  assert.match(error.message, /Found: 1 name, none of them in the record map\./);
});
