import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { items, refused, scan } from './support.ts';

const MSH = 'MSH|^~\\&|LAB|A|IIS|B|20240102||ADT^A08|M1|P|2.5.1';
const ONE = `${MSH}\rPID|1||SECRET\r`;

describe('files that are taken', () => {
  const cases: readonly [what: string, text: string, messages: number, details: object][] = [
    ['one message', ONE, 1, { batches: 1, bts: [], lineEnds: 'CR', bom: false }],
    ['a message without a last line end', ONE.trimEnd(), 1, { lineEnds: 'CR' }],
    ['LF', ONE.replaceAll('\r', '\n'), 1, { lineEnds: 'LF' }],
    ['CRLF', ONE.replaceAll('\r', '\r\n'), 1, { lineEnds: 'CRLF' }],
    ['mixed line ends', `${MSH}\nPID|1\r\n${ONE}`, 2, { lineEnds: 'mixed' }],
    ['one segment, no line end at all', MSH, 1, { lineEnds: 'none' }],
    ['a byte order mark', `\uFEFF${ONE}`, 1, { bom: true, lineEnds: 'CR' }],
    ['blank lines everywhere', `\r\n\n${ONE}\n \t\n${ONE}\r\r\n\n`, 2, { lineEnds: 'mixed' }],
    ['a whole envelope', `FHS|^~\\&\rBHS|^~\\&\r${ONE}${ONE}BTS|2\rFTS|1\r`, 2, { batches: 1, bts: [2], fts: 1 }],
    ['trailers with more in them', `FHS|^~\\&\nBHS|^~\\&\n${ONE}BTS|1|done|7\nFTS|1|\n\n`, 1, { bts: [1], fts: 1 }],
    ['trailers that say nothing', `FHS|^~\\&\rBHS|^~\\&\r${ONE}BTS\rFTS||x\r`, 1, { bts: [null], fts: null }],
    ['two batches', `BHS|^~\\&\r${ONE}BTS|1\rBHS|^~\\&\r${ONE}${ONE}BTS|2\r`, 3, { batches: 2, bts: [1, 2] }],
    ['batches without trailers', `FHS|^~\\&\rBHS|^~\\&\r${ONE}BHS|^~\\&\r${ONE}FTS|2\r`, 2, { batches: 2, fts: 2 }],
    ['trailers without headers', `${ONE}BTS|1\rFTS|1\r`, 1, { batches: 1, bts: [1], fts: 1 }],
    ['blank lines in the envelope', `FHS|^~\\&\n\nBHS|^~\\&\n \n${ONE}\nBTS|1\n\t\nFTS|1\n`, 1, { bts: [1] }],
    ['an empty batch', 'FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r', 0, { batches: 1, bts: [0], fts: 1 }],
    ['an empty file', 'FHS|^~\\&\rFTS|0\r', 0, { batches: 0, bts: [], fts: 0 }],
    ['the mark of the end of a text', `${ONE}\x1a`, 1, { lineEnds: 'CR' }],
    ['that mark behind an envelope', `BHS|^~\\&\r\n${ONE.replaceAll('\r', '\r\n')}BTS|1\r\n\x1a\r\n`, 1, { bts: [1] }],
    ['other delimiters', 'MSH#*~\\&#LAB\rPID#1\r', 1, {}],
  ];
  for (const [what, text, messages, details] of cases) {
    test(what, async () => {
      const found = await scan(text);
      assert.deepEqual([found.items, found.details.messages, found.quarantine], [messages, messages, undefined]);
      assert.deepEqual([found.charset, found.transcoded, found.lines], ['utf-8', false, 0]);
      assert.equal(found.cursor, text.startsWith('\uFEFF') ? 3 : 0);
      const shown = Object.fromEntries(Object.keys(details).map((key) => [key, found.details[key]]));
      assert.deepEqual(shown, details);
      assert.equal((await items(text)).length, messages);
    });
  }

  test('several messages of one control id are several items', async () => {
    assert.deepEqual(
      (await items(ONE + ONE)).map(({ controlId }) => controlId),
      ['M1', 'M1'],
    );
  });
});

describe('files that are refused, by line and column', () => {
  const at = (line: number, column: number) => ({ line, column });
  const cases: readonly [what: string, text: string, code: string, place: { line: number; column?: number }][] = [
    ['nothing at all', '', 'HL7_FILE_EMPTY', { line: 1 }],
    ['a byte order mark alone', '\uFEFF', 'HL7_FILE_EMPTY', { line: 1 }],
    ['blank lines alone', '\r\n \n\t\n', 'HL7_FILE_EMPTY', { line: 1 }],
    ['JSON', '\n  {"a":"SECRET"}', 'HL7_FILE_NOT_HL7', at(2, 3)],
    ['XML', '<?xml version="1.0"?><a>SECRET</a>', 'HL7_FILE_NOT_HL7', at(1, 1)],
    ['a CSV', 'mrn,name\r\n1,SECRET\r\n', 'HL7_FILE_NOT_HL7', at(1, 1)],
    ['three letters', 'MSH', 'HL7_FILE_NOT_HL7', at(1, 1)],
    ['a segment without a message', `PID|1||SECRET\r${ONE}`, 'HL7_FILE_NOT_HL7', at(1, 1)],
    ['text before the first message', `SECRET\rSECRET\r${ONE}`, 'HL7_FILE_NOT_HL7', at(1, 1)],
    ['a space before MSH', `\n ${ONE}`, 'HL7_FILE_NOT_HL7', at(2, 2)],
    ['MLLP frames', `\x0b${ONE}\x1c\r`, 'HL7_FILE_NOT_HL7', at(1, 1)],
    ['text behind the batch', `BHS|^~\\&\r${ONE}BTS|1\r\r\nSECRET\r`, 'HL7_STRAY_TEXT', at(6, 1)],
    ['a segment between envelope and message', `BHS|^~\\&\rPID|SECRET\r${ONE}`, 'HL7_STRAY_TEXT', at(2, 1)],
    ['a header behind a space', `${ONE} ${ONE}`, 'HL7_HEADER_MISPLACED', at(3, 1)],
    ['a frame inside', `${ONE}\x1c\r\x0b${ONE}`, 'HL7_HEADER_MISPLACED', at(4, 1)],
    ['the end of a frame', `${ONE}\x1c\r`, 'HL7_STRAY_TEXT', at(3, 1)],
    ['the end of a frame behind an envelope', `BHS|^~\\&\r${ONE}BTS|1\r\x1c`, 'HL7_STRAY_TEXT', at(5, 1)],
    ['a workbook', 'PK\x03\x04\x14\0SECRET', 'NOT_TEXT', { line: 1 }],
    ['two files with byte order marks in one', `\uFEFF${ONE}\uFEFF${ONE}`, 'HL7_HEADER_MISPLACED', at(3, 1)],
    ['a trailer behind a tab', `${ONE}\tBTS|1\r`, 'HL7_HEADER_MISPLACED', at(3, 1)],
    ['FHS in the middle', `${ONE}FHS|^~\\&\r${ONE}`, 'HL7_ENVELOPE_BROKEN', at(3, 1)],
    ['FHS twice', `FHS|^~\\&\rFHS|^~\\&\r${ONE}`, 'HL7_ENVELOPE_BROKEN', at(2, 1)],
    ['a message behind FTS', `FHS|^~\\&\r${ONE}FTS|1\r${ONE}`, 'HL7_ENVELOPE_BROKEN', at(5, 1)],
    ['a trailer that ends nothing', `${ONE}BTS|1\rBTS|0\r`, 'HL7_ENVELOPE_BROKEN', at(4, 1)],
    ['headers alone', 'FHS|^~\\&\rBHS|^~\\&\r', 'HL7_NO_MESSAGES', { line: 1 }],
    ['trailers that count what is not there', 'BHS|^~\\&\rBTS|3\r', 'HL7_NO_MESSAGES', { line: 1 }],
    ['trailers that say nothing', 'BHS|^~\\&\rBTS\r', 'HL7_NO_MESSAGES', { line: 1 }],
    ['a NUL', `${ONE}PV1|\0\r`, 'NUL_BYTE', at(3, 5)],
  ];
  for (const [what, text, code, place] of cases) test(what, () => refused(text, code, place));

  test('bytes that are no UTF-8', async () => {
    await refused(Buffer.concat([Buffer.from(`${ONE}PV1|é`), Buffer.from([0xff])]), 'UNDECODABLE', at(3, 6));
  });

  test('a message that is too long, or has too many lines', async () => {
    await refused(ONE + ONE + 'A'.repeat(200), 'HL7_MESSAGE_TOO_LONG', { line: 3 }, { maxMessageBytes: 150 });
    for (const over of [1, 2, 3]) {
      await refused(ONE, 'HL7_MESSAGE_TOO_LONG', { line: 1 }, { maxMessageBytes: ONE.length - over });
    }
    assert.equal((await scan(ONE, { maxMessageBytes: ONE.length })).items, 1);
    await refused(`${ONE}${ONE}NTE|1\rNTE|2\r`, 'HL7_TOO_MANY_SEGMENTS', at(3, 1), { maxSegments: 3 });
    assert.equal((await scan(`${ONE}NTE|1\r`, { maxSegments: 3 })).items, 1);
  });
});

describe('counts', () => {
  test('all that does not hold is told in one sentence, with the line of the first', async () => {
    const text = `FHS|^~\\&\rBHS|^~\\&\r${ONE}BTS|25\rBHS|^~\\&\r${ONE}BTS|1\rBHS|^~\\&\rBTS|x\rFTS|4\r`;
    const { quarantine, items: count } = await scan(text);
    assert.equal(count, 2);
    assert.equal(quarantine?.code, 'HL7_COUNTS_DIFFER');
    assert.equal(quarantine?.line, 5);
    assert.match(
      quarantine?.reason ?? '',
      /^line 5: BTS-1 says 25, messages in the batch: 1; line 11: BTS-1 says something that is no number, messages in the batch: 0; line 12: FTS-1 says 4, batches in the file: 3\. /,
    );
    assert.match(quarantine?.reason ?? '', /waybill release.*waybill cancel/);
  });

  test('a file with very many of them does not make a long reason', async () => {
    const text = `BHS|^~\\&\rBTS|9\r`.repeat(500) + ONE;
    const { quarantine, details } = await scan(text);
    assert.ok((quarantine?.reason.length ?? 0) < 2000);
    assert.match(quarantine?.reason ?? '', /what comes after is not compared/);
    assert.equal((details.bts as unknown[]).length, 20);
  });

  test('an envelope that is open where the file ends inside a message was cut off', async () => {
    const cut = `FHS|^~\\&\rBHS|^~\\&\r${ONE}${MSH}`;
    const { quarantine } = await scan(cut);
    assert.equal(quarantine?.code, 'HL7_COUNTS_DIFFER');
    assert.match(quarantine?.reason ?? '', /^line 2: BHS has no BTS, .*; line 1: FHS has no FTS/);
    for (const [text, counts] of [
      [cut, 'ignore'],
      [`${cut}\r`, 'check'],
      [`${cut}\rBTS|2`, 'check'],
      [ONE + MSH, 'check'],
    ] as const) {
      assert.equal((await scan(text, { counts })).quarantine, undefined, text);
    }
  });

  test('`ignore` does not look, `require` wants trailers', async () => {
    assert.equal((await scan(`${ONE}BTS|7\r`, { counts: 'ignore' })).quarantine, undefined);
    const cut = `FHS|^~\\&\rBHS|^~\\&\r${ONE}`;
    assert.equal((await scan(cut)).quarantine, undefined);
    const { quarantine } = await scan(cut, { counts: 'require' });
    assert.match(quarantine?.reason ?? '', /^line 2: BHS has no BTS, .*; line 1: FHS has no FTS/);
    assert.equal((await scan(ONE, { counts: 'require' })).quarantine, undefined);
  });
});
