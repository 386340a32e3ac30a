import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eachLine, isBlankLine, shapeOf, withCrEnds } from '../../hl7/lines.ts';

function linesOf(text: string): (readonly [string, number])[] {
  const bytes = Buffer.from(text);
  const lines: (readonly [string, number])[] = [];
  eachLine(bytes, ({ start, end, next }) => {
    lines.push([bytes.subarray(start, end).toString(), next]);
    return true;
  });
  return lines;
}

test('each kind of line end ends one line', () => {
  assert.deepEqual(linesOf('a\rb\nc\r\nd'), [
    ['a', 2],
    ['b', 4],
    ['c', 7],
    ['d', 8],
  ]);
  assert.deepEqual(linesOf('\n\r\r\n'), [
    ['', 1],
    ['', 2],
    ['', 4],
  ]);
  assert.deepEqual(linesOf(''), []);
});

test('a visit can end the walk', () => {
  let seen = 0;
  eachLine(Buffer.from('a\rb\rc'), () => {
    seen += 1;
    return seen < 2;
  });
  assert.equal(seen, 2);
});

test('spaces and tabs are blank', () => {
  const bytes = Buffer.from(' \tx');
  assert.equal(isBlankLine(bytes, { start: 0, end: 2 }), true);
  assert.equal(isBlankLine(bytes, { start: 0, end: 3 }), false);
  assert.equal(isBlankLine(bytes, { start: 1, end: 1 }), true);
});

test('the shape of a message, and how it is sent on', () => {
  const cases: readonly [text: string, shape: object, sent: string][] = [
    ['MSH|a\rPID|1\r', { lines: 2, lastLine: 2, segments: 2, isCanonical: true }, 'MSH|a\rPID|1\r'],
    ['MSH|a\rPID|1\r\r\n ', { lines: 4, lastLine: 2, segments: 2, isCanonical: true }, 'MSH|a\rPID|1\r'],
    ['MSH|a\r\rPID|1\r', { lines: 3, lastLine: 3, segments: 2, isCanonical: false }, 'MSH|a\rPID|1\r'],
    ['MSH|a\nPID|1', { lines: 2, lastLine: 2, segments: 2, isCanonical: false }, 'MSH|a\rPID|1\r'],
    ['MSH|a\rPID', { lines: 2, lastLine: 2, segments: 2, isCanonical: false }, 'MSH|a\rPID\r'],
    ['MSH|a\r\nPID|1\r\n', { lines: 2, lastLine: 2, segments: 2, isCanonical: false }, 'MSH|a\rPID|1\r'],
  ];
  for (const [text, expected, sent] of cases) {
    const bytes = Buffer.from(text);
    const shape = shapeOf(bytes);
    assert.deepEqual({ ...shape, ...expected, broken: [] }, shape, JSON.stringify(text));
    const made = withCrEnds(bytes, shape);
    assert.equal(Buffer.from(made).toString(), sent);
    assert.equal(made.buffer === bytes.buffer, shape.isCanonical, 'it is copied only where it changes');
  }
});

test('lines that are no segments are found by the separator of the message', () => {
  const broken = (text: string) => shapeOf(Buffer.from(text)).broken;
  assert.deepEqual(broken('MSH#a\rPID#1\rPID|1\rZZ1#\rPI\rpid#\r1ID#\rOBX\r P1#'), [3, 5, 6, 7, 9]);
  assert.deepEqual(broken('MSH|a\rPID|1'), []);
});
