import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Invocation } from '../../cli/command.ts';
import { aligned, isoTime, localTime, printJson, printLines, span, visible } from '../../cli/output.ts';

function recorded(): { readonly invocation: Invocation; readonly lines: string[] } {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  return { lines, invocation: { flags: {}, words: [], print, tell: print } };
}

test('what others wrote cannot steer a terminal', () => {
  assert.equal(visible('a\u001b[31mred\u0007 b'), 'a\\x1b[31mred\\x07 b');
  assert.equal(visible('x\u202etxt.exe'), 'x\\u202etxt.exe');
  assert.equal(visible('tab\tstays\nand lines'), 'tab\tstays\nand lines');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { invocation, lines } = recorded();
      printLines(invocation, [text]);
      assert.equal(lines.length, 1);
      assert.doesNotMatch(lines.join(''), /[\0-\x08\x0A-\x1F\x7F-\x9F\u202A-\u202E]/);
    }),
  );
});

test('JSON says the same after it was made safe', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { invocation, lines } = recorded();
      printJson(invocation, value);
      assert.deepEqual(JSON.parse(lines.join('')), JSON.parse(JSON.stringify(value)));
      assert.doesNotMatch(lines.join(''), /[\x7F-\x9F\u202A-\u202E]/);
    }),
  );
});

test('cells stand under each other and nothing hangs at the end', () => {
  assert.deepEqual(
    aligned(
      [
        ['a', 'bb', 'c'],
        ['aaa', 'b', ''],
      ],
      '  ',
    ),
    ['  a    bb  c', '  aaa  b'],
  );
});

test('a local time names the same moment', () => {
  for (const at of [0, Date.UTC(2026, 2, 1, 21, 5, 9), Date.UTC(2026, 6, 1)]) {
    assert.equal(Date.parse(localTime(at)), at);
    assert.match(localTime(at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
  }
  assert.equal(isoTime(undefined), null);
});

test('lengths of time are said in the unit that people would use', () => {
  assert.deepEqual([-5, 400, 12_000, 300_000, 10_800_000, 400_000_000].map(span), [
    '0 s',
    '0 s',
    '12 s',
    '5 min',
    '3 h',
    '5 days',
  ]);
});
