import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item } from '../../../engine/contracts/item.ts';
import { items, open } from './support.ts';

const MSH = 'MSH|^~\\&|LAB|A|IIS|B|20240102||ORU^R01^ORU_R01|M1|P|2.5.1';
const FILE = `FHS|^~\\&\n\n${MSH}\nPID|1||7||Doe^Max\n\nOBR|1|||1^A^LN\nOBX|1|NM|1^A^LN||1||||||F\nOBX|2|NM|1^A^LN||SECRET||||||F\n${MSH}\nPID|1\n`;

test('each fault has its code, its path, and its line in the file', async () => {
  const check = await open().validator!();
  const read = await items(FILE);
  assert.deepEqual(
    read.map((item) => check(item).map(({ code, column, line }) => [code, column, line])),
    [
      [['HL7_VALUE_MALFORMED', 'OBX(2)-5', 8]],
      [
        ['HL7_VALUE_MISSING', 'PID-3', 10],
        ['HL7_VALUE_MISSING', 'PID-5', 10],
      ],
    ],
  );
  for (const item of read) for (const { reason } of check(item)) assert.doesNotMatch(reason, /SECRET/);
});

test('the settings of the format say how', async () => {
  const [item] = await items(FILE);
  const paths = async (validation: object) =>
    (await open({ validation }).validator!())(item!).map(({ column }) => column);
  assert.deepEqual(await paths({ types: false }), []);
  assert.deepEqual(await paths({ version: '2.1', types: false }), ['OBR-7', 'OBR-8', 'OBR-9', 'OBR-14', 'OBR-22']);
});

test('an item of another format is checked by its bytes', async () => {
  const check = await open().validator!();
  const item: Item = {
    line: 5,
    lastLine: 6,
    fields: [],
    values: [],
    faults: [],
    bytes: Buffer.from(`${MSH}\rPID|1||7\r`),
    typed: () => null,
    date: () => undefined,
  };
  assert.deepEqual(
    check(item).map(({ column, line }) => [column, line]),
    [['PID-5', 6]],
  );
});
