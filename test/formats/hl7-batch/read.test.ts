import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { blocksOf, scanOf } from '../csv/support.ts';
import { CHUNKS, items, open } from './support.ts';

const MSH = (id: string) => `MSH|^~\\&|LAB|A|IIS|B|20240102||ADT^A08|${id}|P|2.5.1`;
const FILE = `FHS|^~\\&\rBHS|^~\\&\r${MSH('M1')}\rPID|1||7||O\\T\\Neil^Max\r${MSH('M2')}\nPID|1\n\n${MSH('M3')}\r\nZZZ|\\Zx\\|\\X41\\\r\n\r\nBTS|3\rFTS|1\r`;

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('utf8');
}

describe('items', () => {
  test('lines, control ids, paths and bytes, however the file comes', async () => {
    for (const chunkBytes of CHUNKS) {
      const read = await items(FILE, {}, { chunkBytes });
      assert.deepEqual(
        read.map(({ line, lastLine, controlId }) => [line, lastLine, controlId]),
        [
          [3, 4, 'M1'],
          [5, 6, 'M2'],
          [8, 9, 'M3'],
        ],
      );
      assert.deepEqual(
        read.map(({ bytes }) => text(bytes)),
        [`${MSH('M1')}\rPID|1||7||O\\T\\Neil^Max\r`, `${MSH('M2')}\rPID|1\r`, `${MSH('M3')}\rZZZ|\\Zx\\|\\X41\\\r`],
      );
      const [first, , third] = read;
      assert.equal(first?.path('PID-5.1'), 'O&Neil');
      assert.equal(first?.path('PID-5.9'), '');
      assert.equal(first?.path('OBX(2)-5'), '');
      assert.equal(third?.path('ZZZ-1'), '\\Zx\\', 'an unknown escape stays');
      assert.equal(third?.path('ZZZ-2'), 'A');
      assert.throws(() => first?.path('PID.5'), { code: 'HL7_PATH_INVALID' });
      assert.deepEqual([first?.fields, first?.values, first?.faults], [[], [], []]);
      assert.deepEqual([first?.typed(), first?.date()], [null, undefined]);
    }
  });

  test('a path that is none is known before there is an item', () => {
    assert.equal(open().pathProblem?.('OBX(2)-5.1'), undefined);
    assert.match(open().pathProblem?.('PID.5') ?? '', /write PID-5/);
  });

  test('what is sent on ends with CR, also where the file does not', async () => {
    for (const end of ['', '\r', '\n', '\r\n', '\n\n\r\n', '\r \t\r'])
      assert.deepEqual(
        (await items(`${MSH('M1')}${end === '' ? '\r' : end}PID|1${end}`)).map(({ bytes }) => text(bytes)),
        [`${MSH('M1')}\rPID|1\r`],
      );
  });

  test('bytes of a file with CR are the bytes of the file', async () => {
    const body = Buffer.from(`${MSH('M1')}\rPID|1\r\r\r${MSH('M2')}\r`);
    for (const item of await items(body)) {
      assert.deepEqual(Buffer.from(item.bytes), body.subarray(item.offset, item.offset + item.bytes.length));
    }
  });

  test('reading goes on from every cursor', async () => {
    for (const chunkBytes of [1, 5, 65_536]) {
      const format = open();
      const scanned = await scanOf(format, `\uFEFF${FILE}`, chunkBytes);
      const whole = await blocksOf(format, scanned, { chunkBytes, maxItems: 1 });
      assert.deepEqual(
        whole.map(({ end }) => end),
        [false, false, true],
      );
      for (const [index, block] of whole.entries()) {
        const rest = await blocksOf(format, scanned, { chunkBytes, maxItems: 1, from: block });
        assert.deepEqual(
          rest.map(({ items: [item], cursor, lines }) => [item?.line, item?.lastLine, item?.controlId, cursor, lines]),
          whole
            .slice(index + 1)
            .map(({ items: [item], cursor, lines }) => [item?.line, item?.lastLine, item?.controlId, cursor, lines]),
        );
      }
      const bySize = await blocksOf(format, scanned, { chunkBytes, maxBytes: 1 });
      assert.equal(bySize.length, 3, 'a block ends soon after so many bytes');
    }
  });

  test('nothing is read of a batch without messages', async () => {
    const format = open();
    const scanned = await scanOf(format, 'BHS|^~\\&\rBTS|0\r');
    assert.deepEqual([scanned.scan.items, await blocksOf(format, scanned)], [0, []]);
  });

  test('a signal ends the reading', async () => {
    const format = open();
    const { scan, body } = await scanOf(format, FILE);
    const source = {
      path: '',
      bytes: body.length,
      async *read() {
        yield body;
      },
    };
    const reader = await format.read!(source, scan, scan, { signal: AbortSignal.abort(), today: '2026-01-01' });
    await assert.rejects(reader.next(1, 1), { name: 'AbortError' });
    await reader.close();
  });
});

describe('messages at fault', () => {
  test('the mark of the end of a text is no part of the last message', async () => {
    const [item] = await items('MSH|^~\\&|||||||ADT^A01|M1|P|2.5.1\r\nPID|1\r\n\x1a');
    assert.deepEqual(item?.faults, []);
    assert.equal(Buffer.from(item?.bytes ?? []).toString(), 'MSH|^~\\&|||||||ADT^A01|M1|P|2.5.1\rPID|1\r');
  });

  test('a line that is no segment makes its message invalid, and no other', async () => {
    const read = await items(
      `${MSH('M1')}\rNTE|1||a value\nthat SECRET goes on\r\npid|1\rPID*1\rOK1|\rABC\r${MSH('M2')}\r`,
    );
    assert.deepEqual(
      read.map(({ faults }) => faults.map(({ code, line }) => [code, line])),
      [
        [
          ['HL7_LINE_NOT_SEGMENT', 3],
          ['HL7_LINE_NOT_SEGMENT', 4],
          ['HL7_LINE_NOT_SEGMENT', 5],
        ],
        [],
      ],
    );
    assert.doesNotMatch(JSON.stringify(read.map(({ faults }) => faults)), /SECRET/);
    assert.equal(read[1]?.controlId, 'M2');
  });

  test('so do delimiters that cannot be told apart', async () => {
    const [bad, good] = await items(`MSH|^^~&|LAB|||||||M1\r${MSH('M2')}\r`);
    assert.deepEqual(
      bad?.faults.map(({ code, column, line }) => [code, column, line]),
      [['HL7_DELIMITERS_INVALID', 'MSH-2', 1]],
    );
    assert.equal(bad?.controlId, '');
    assert.deepEqual(good?.faults, []);
  });

  test('many lines that are no segments are told of a few times', async () => {
    const [item] = await items(`${MSH('M1')}\r${'junk\r'.repeat(1000)}`);
    assert.equal(item?.faults.length, 20);
    assert.equal(item?.lastLine, 1001);
  });
});
