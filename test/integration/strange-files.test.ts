/** Odd files through the whole engine: each row and message has its outcome, and none of them holds up the others. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { askLedger, countsOf, startEngine } from '../support/engine.ts';
import { dosesCsv, type TestProduction, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip, until } from '../support/redis.ts';

const WITH_HL7: readonly (readonly [string, string])[] = [
  ['    duplicates:', '      - { glob: "*.hl7", format: { type: hl7-batch }, route: results }\n    duplicates:'],
  ['routes:\n', 'routes:\n  results:\n    to:\n      - { destination: registry }\n'],
];

async function started(t: TestContext) {
  const production = await temporaryProduction(t);
  for (const [from, to] of WITH_HL7) await production.edit('production.yaml', from, to);
  const receiver = await startReceiver(t);
  await startEngine(t, production, { url: receiver.url });
  return { production, receiver };
}

const message = (id: string) => `MSH|^~\\&|LAB|A|IIS|B|20240502||ORU^R01|${id}|P|2.5.1\rPID|1||${id}||Alder^Mia\r`;

/** Waits until so many files are where they belong, with what became of them beside them. */
async function putAway(production: TestProduction, count: number): Promise<void> {
  const rows = () => askLedger(production, 'submissions', { limit: count + 1 });
  const done = () => rows().length === count && rows().every(({ progress }) => progress === 'closed');
  await until(`${count} files are put away`, done, 60_000);
}

/** Line, column and code of each row that came back. */
function rejected(production: TestProduction, file: string): readonly (readonly (string | undefined)[])[] {
  const done = join(production.inbox, 'done');
  const name = readdirSync(done).find((each) => each.endsWith(`-${file}.rejected.csv`)) ?? '';
  const [, ...rows]: string[][] = parse(readFileSync(join(done, name)), { bom: true, relax_column_count: true });
  return rows.map(([, line, column, code]) => [line, column, code]);
}

test('an HL7 message that was cut off is invalid, and the lane goes on', { skip: redisSkip() }, async (t) => {
  const { production, receiver } = await started(t);
  await production.drop('cut.hl7', message('M1') + message('M2').slice(0, 30));
  await production.drop('dos.hl7', `${message('M3').replaceAll('\r', '\r\n')}\x1a`);
  await production.drop('framed.hl7', `${message('M4')}\x1c\r`);
  await production.drop('wrapped.hl7', `${message('M5')}NTE|1||two\rlines\r`);
  await putAway(production, 4);
  assert.deepEqual(countsOf(production), { delivered: 2, invalid: 2 });
  assert.equal(receiver.counts().messages, 2);
  assert.deepEqual(rejected(production, 'cut.hl7'), [['3', 'MSH-10', 'CONTROL_ID_MISSING']]);
  assert.deepEqual(rejected(production, 'wrapped.hl7'), [['4', '', 'HL7_LINE_NOT_SEGMENT']]);
  const refusals = askLedger(production, 'submissions', { limit: 9 }).filter(({ state }) => state === 'refused');
  assert.deepEqual(
    refusals.map(({ name, refusal }) => [name, refusal?.code, refusal?.line]),
    [['framed.hl7', 'HL7_STRAY_TEXT', 3]],
  );
});

test('joined, marked and mistaken CSV files', { skip: redisSkip() }, async (t) => {
  const { production, receiver } = await started(t);
  const control = dosesCsv(1, 9).replace('Sample9', 'Sam\u0001ple');
  await production.drop('doses-joined.csv', `${dosesCsv(2)}${dosesCsv(2, 3)}\x1a\r\n`);
  await production.drop('doses-control.csv', control);
  await production.drop('doses-workbook.csv', Buffer.from('PK\x03\x04\x14\0\x06\0', 'latin1'));
  await production.drop('doses-packed.csv', gzipSync(dosesCsv(1)));
  await putAway(production, 4);
  assert.deepEqual(countsOf(production), { delivered: 4, invalid: 2 });
  assert.equal(receiver.counts().messages, 4);
  assert.deepEqual(rejected(production, 'doses-joined.csv'), [['4', '', 'HEADER_REPEATED']]);
  assert.deepEqual(rejected(production, 'doses-control.csv'), [['2', 'family', 'CHARACTER_NOT_CARRIED']]);
  const refusals = askLedger(production, 'submissions', { limit: 9 }).filter(({ state }) => state === 'refused');
  assert.deepEqual(refusals.map(({ name, refusal }) => [name, refusal?.code]).sort(), [
    ['doses-packed.csv', 'NOT_TEXT'],
    ['doses-workbook.csv', 'NOT_TEXT'],
  ]);
});
