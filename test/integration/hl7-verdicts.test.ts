/** The verdicts on published HL7 files, by the format: what is taken, quarantined or refused, and what is found in it. */
import assert from 'node:assert/strict';
import { isAscii } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Scan } from '../../engine/contracts/format.ts';
import { RefusedError } from '../../engine/errors.ts';
import { Hl7Item } from '../../formats/hl7-batch/item.ts';
import { eachLine, isBlankLine } from '../../hl7/lines.ts';
import { parseMessage } from '../../hl7/parse.ts';
import { splitMessages } from '../../hl7/split.ts';
import { blocksOf, scanOf } from '../formats/csv/support.ts';
import { open } from '../formats/hl7-batch/support.ts';
import { needsShared, sharedPath } from '../support/shared.ts';
import { verdicts } from '../support/verdicts.ts';

type Verdict = Readonly<Record<string, string>>;

/** The columns of the table, as a scan has them. */
function found({ details, charset, quarantine }: Scan): Verdict {
  const count = (value: unknown) => (value === undefined ? '-' : String(value));
  const [bts] = details.bts as readonly unknown[];
  const bytes = details.ascii ? 'ASCII' : charset.toUpperCase();
  return {
    verdict: quarantine === undefined ? 'accepted' : 'quarantined',
    messages: String(details.messages),
    bts: count(bts),
    fts: count(details.fts),
    lineEnds: String(details.lineEnds),
    bom: details.bom ? 'yes' : 'no',
    charset: `${details.declaredCharset === '' ? 'empty' : details.declaredCharset} / ${bytes}`,
  };
}

/** Messages, envelope, blank lines and byte order mark, joined, are the file; each message prints as it was read. */
function assertLossless(file: Buffer, scan: Scan, items: readonly Hl7Item[]): void {
  const pieces: Buffer[] = [file.subarray(0, scan.cursor)];
  let at = scan.cursor;
  const passOver = (to: number) => {
    const between = file.subarray(at, to);
    eachLine(between, (line) => {
      const text = between.subarray(line.start, line.end).toString();
      assert.ok(isBlankLine(between, line) || /^(?:FHS|BHS|BTS|FTS)/.test(text), 'an envelope segment or a blank line');
      return true;
    });
    pieces.push(between);
  };
  for (const item of items) {
    passOver(item.offset);
    pieces.push(Buffer.from(parseMessage(item.text).print()));
    at = item.cursor;
    const sent = Buffer.from(item.bytes).toString();
    assert.equal(sent, `${item.text.replace(/\r\n|\r|\n/g, '\r').replace(/\r+$/, '')}\r`);
    assert.equal(parseMessage(sent).print(), sent);
  }
  passOver(file.length);
  assert.deepEqual(Buffer.concat(pieces), file);
}

test('every published HL7 file comes to its verdict', needsShared, async (t) => {
  const table = verdicts('hl7-batch');
  assert.equal(table.length, 32);
  for (const verdict of table) {
    const { path = '', why: _, ...expected } = verdict;
    await t.test(`${path}: ${verdict.verdict}`, async () => {
      const file = readFileSync(sharedPath(`fixtures/${path}`));
      for (const chunkBytes of [100, 65_536]) {
        if (verdict.verdict === 'refused') {
          await assert.rejects(scanOf(open(), file, chunkBytes), (error) => {
            assert.ok(error instanceof RefusedError);
            const code = file.length === 0 ? 'HL7_FILE_EMPTY' : 'HL7_FILE_NOT_HL7';
            assert.deepEqual([error.code, error.place.line], [code, 1]);
            return true;
          });
          const messages = splitMessages(file).filter(({ kind }) => kind === 'message').length;
          assert.deepEqual([messages, isAscii(file)], [Number(verdict.messages), true]);
          continue;
        }
        const scanned = await scanOf(open(), file, chunkBytes);
        assert.deepEqual(found(scanned.scan), expected);
        const blocks = await blocksOf(open(), scanned, { chunkBytes, maxItems: 3 });
        const items = blocks.flatMap((block) => block.items).filter((item) => item instanceof Hl7Item);
        assert.equal(items.length, scanned.scan.items);
        assert.deepEqual(
          items.flatMap(({ faults }) => faults),
          [],
        );
        assert.ok(items.every(({ controlId }) => controlId !== ''));
        assertLossless(file, scanned.scan, items);
      }
    });
  }
});

test('the quarantine says what does not hold, and where', needsShared, async () => {
  const file = readFileSync(sharedPath('fixtures/hl7/batch/reportstream/test-0001-input-covid-19.hl7'));
  const { scan } = await scanOf(open(), file);
  assert.equal(scan.quarantine?.code, 'HL7_COUNTS_DIFFER');
  assert.match(scan.quarantine?.reason ?? '', /^line \d+: BTS-1 says 25, messages in the batch: 20\. /);
  const line = file.toString().split('\n')[(scan.quarantine?.line ?? 0) - 1];
  assert.match(line ?? '', /^BTS\|25/);
});

/** What the table calls content: framing is sound, the dictionary finds it. */
test('the dictionary finds what the names of the files promise, and nothing in good ones', needsShared, async () => {
  const format = open();
  const check = await format.validator!();
  const faults = async (path: string) => {
    const scanned = await scanOf(format, readFileSync(sharedPath(`fixtures/hl7/batch/${path}`)));
    return (await blocksOf(format, scanned)).flatMap(({ items }) => items.flatMap((item) => check(item)));
  };
  for (const path of [
    'dex/genV1/Valid-GenV1-0-Case-Notification.hl7',
    'dex/other/arbo_texas.txt',
    'dex/other/hep_a_acute.txt',
  ])
    assert.deepEqual(await faults(path), [], path);
  const invalid = await faults('dex/genV1/Invalid-GenV1-0-Case-Notification.hl7');
  assert.deepEqual(
    invalid.map(({ code, column }) => [code, column?.replace(/\(\d+\)/, '')]),
    [['HL7_VALUE_MALFORMED', 'OBX-5.2']],
  );
});
