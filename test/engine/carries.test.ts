import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carriesCheck, inCharset } from '../../engine/carries.ts';

const fits = (charset: string, characters: 'xml10' | 'any', text: string) =>
  carriesCheck({ charset, characters })(text);

test('XML 1.0 carries tabs and line ends, and no other control, lone surrogate or non-character', () => {
  for (const good of ['a\tb\r\n', 'ü', '😀', '\uFFFD']) assert.ok(fits('utf-8', 'xml10', good), JSON.stringify(good));
  for (const bad of ['\0', '\x0B', '\x1F', '\uFFFE', '\uFFFF', '\uD800', '😀'.slice(1)])
    assert.ok(!fits('utf-8', 'xml10', bad), JSON.stringify(bad));
});

test('a lone surrogate fits no charset: it would become another character', () => {
  for (const charset of ['utf-8', 'us-ascii', 'iso-8859-1', 'windows-1252'])
    assert.ok(!fits(charset, 'any', 'a\uD800'));
});

test('what a charset lacks does not fit it; never a question mark', () => {
  assert.deepEqual([fits('US-ASCII', 'any', '~'), fits('us-ascii', 'any', 'é')], [true, false]);
  assert.deepEqual([fits('iso-8859-1', 'any', 'é'), fits('iso-8859-1', 'any', '€')], [true, false]);
  assert.deepEqual([fits('windows-1252', 'any', '€'), fits('windows-1252', 'any', 'Ω')], [true, false]);
});

test('bodies come in the charset of the destination', () => {
  const bodies = [Buffer.from('é'), Buffer.from('€')];
  assert.deepEqual(
    Array.from(inCharset(bodies, 'windows-1252'), (body) => [...body]),
    [[0xe9], [0x80]],
  );
  assert.equal(inCharset(bodies, 'utf-8'), bodies);
});
