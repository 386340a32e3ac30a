import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EnvelopeCounts, trailerCount } from '../../hl7/batch.ts';
import { MessageSplitter, type Part, splitMessages } from '../../hl7/split.ts';
import { needsShared, sharedPath } from '../support/shared.ts';
import { verdicts } from '../support/verdicts.ts';

function partsOf(text: string): (readonly [string, string, number, number])[] {
  return splitMessages(Buffer.from(text)).map((part) => [part.kind, textOf(part), part.offset, part.line]);
}

function textOf(part: Part): string {
  return Buffer.from(part.bytes).toString('utf8');
}

test('a file falls into its envelope and its messages', () => {
  assert.deepEqual(partsOf('FHS|^~\\&\rBHS|^~\\&\rMSH|^~\\&|1\rPID|1\rMSH|^~\\&|2\rBTS|2\rFTS|1\r'), [
    ['FHS', 'FHS|^~\\&\r', 0, 1],
    ['BHS', 'BHS|^~\\&\r', 9, 2],
    ['message', 'MSH|^~\\&|1\rPID|1\r', 18, 3],
    ['message', 'MSH|^~\\&|2\r', 35, 5],
    ['BTS', 'BTS|2\r', 46, 6],
    ['FTS', 'FTS|1\r', 52, 7],
  ]);
});

test('blank lines, a byte order mark, mixed line ends and a missing last one are kept', () => {
  assert.deepEqual(partsOf('\uFEFF\r\n\nMSH|^~\\&|1\r\nPID|1\n\n\rMSH|^~\\&|2\nBTS'), [
    ['blank', '\uFEFF\r\n\n', 0, 1],
    ['message', 'MSH|^~\\&|1\r\nPID|1\n\n\r', 6, 3],
    ['message', 'MSH|^~\\&|2\n', 26, 7],
    ['BTS', 'BTS', 37, 8],
  ]);
  assert.deepEqual(partsOf(''), []);
  assert.deepEqual(partsOf('\n\n'), [['blank', '\n\n', 0, 1]]);
});

test('text that belongs to no message is set apart', () => {
  assert.deepEqual(
    partsOf('junk\rmore\rMSH|^~\\&|1\rBTS|1\rPID|1\rFTS').map(([kind, text]) => [kind, text]),
    [
      ['stray', 'junk\rmore\r'],
      ['message', 'MSH|^~\\&|1\r'],
      ['BTS', 'BTS|1\r'],
      ['stray', 'PID|1\r'],
      ['FTS', 'FTS'],
    ],
  );
  assert.deepEqual(partsOf('MSHX|1\rMSH\rFHS 1'), [['stray', 'MSHX|1\rMSH\rFHS 1', 0, 1]]);
});

test('what only looks like an envelope stays in its message', () => {
  const text = 'MSH|^~\\&|1\rBTSX|1\rOBX|MSH|\rMS\rBT\r';
  assert.deepEqual(partsOf(text), [['message', text, 0, 1]]);
});

test('a message that is too long is refused by its line', () => {
  const splitter = new MessageSplitter({ maxPartBytes: 100 });
  splitter.push(Buffer.from('MSH|^~\\&|1\rMSH|^~\\&|2\r'));
  assert.throws(
    () => {
      for (let n = 0; n < 20; n++) splitter.push(Buffer.from('OBX|123456789'));
    },
    { code: 'HL7_MESSAGE_TOO_LONG', place: { line: 2 } },
  );
});

test('a line that spans many chunks is not copied again with each', () => {
  const splitter = new MessageSplitter();
  splitter.push(Buffer.from('MSH|^~\\&|1\rOBX|'));
  const chunk = Buffer.alloc(65_536, 'x');
  for (let n = 0; n < 500; n++) assert.deepEqual(splitter.push(chunk), []);
  const [part] = splitter.end();
  assert.equal(part?.bytes.length, 15 + 500 * 65_536);
});

test('published files have the messages and counts that are said of them', needsShared, () => {
  for (const { path, verdict, messages, bts, fts } of verdicts('hl7-batch')) {
    const parts = splitMessages(readFileSync(sharedPath(`fixtures/${path}`)));
    const counts = new EnvelopeCounts();
    for (const part of parts) {
      if (part.kind === 'message') counts.message();
      else if (part.kind !== 'blank' && part.kind !== 'stray') counts.envelope(part.kind, trailerCount(textOf(part)));
    }
    counts.end();
    assert.equal(counts.messages, Number(messages), path);
    const claim = (kind: string) =>
      parts.filter((part) => part.kind === kind).map((part) => trailerCount(textOf(part)))[0];
    assert.equal(claim('BTS') ?? '-', bts, path);
    assert.equal(claim('FTS') ?? '-', fts, path);
    const isRefused = counts.messages === 0 || parts.some((part) => part.kind === 'stray');
    const found = isRefused ? 'refused' : counts.problems.length > 0 ? 'quarantined' : 'accepted';
    assert.equal(found, verdict, path);
  }
});
