import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { finalName, isHiddenOrTemporary, pathIn, rawOf, shown, textOf } from '../../../services/file-drop/names.ts';

test('a final name keeps id and extension, has no control characters, and leaves room for its companions', () => {
  const name = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', minLength: 100, maxLength: 300 }));
  fc.assert(
    fc.property(name, fc.constantFrom('', '.csv', '.CSV', '.hl7', `.${'x'.repeat(80)}`), (stem, extension) => {
      const final = finalName('7kq2-15', stem + extension);
      assert.ok(final.startsWith('7kq2-15-'));
      assert.ok(Buffer.byteLength(`${final}.rejected.csv`) <= 255);
      assert.equal(Buffer.from(final, 'utf8').toString('utf8'), final);
      assert.doesNotMatch(final, /[\p{Cc}\p{Cf}\p{Cs}/\\]/u);
      if (stem !== '' && extension.length < 10) assert.ok(final.endsWith(extension));
    }),
  );
});

test('names that fit stay as they are', () => {
  assert.equal(finalName('7kq2-15', 'vax 2024-01.csv'), '7kq2-15-vax 2024-01.csv');
  assert.equal(finalName('7kq2-15', 'übung.tar.gz'), '7kq2-15-übung.tar.gz');
  assert.equal(finalName('7kq2-15', '../../etc/passwd'), '7kq2-15-.._.._etc_passwd');
});

test('raw names keep every byte', () => {
  const bytes = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1).filter((byte) => byte !== 0x2f));
  const raw = bytes.toString('latin1');
  assert.deepEqual(pathIn('/drop', raw), Buffer.concat([Buffer.from('/drop/'), bytes]));
  assert.equal(textOf(rawOf('日本.csv')), '日本.csv');
});

test('hidden and temporary names are known by their beginning or end', () => {
  for (const name of ['.a', 'a.tmp', 'a.csv.part', 'a.PARTIAL', 'a~', '.']) assert.ok(isHiddenOrTemporary(name), name);
  for (const name of ['a.csv', 'part.csv', 'a.tmp.csv', 'tmp', 'a.done']) assert.ok(!isHiddenOrTemporary(name), name);
});

test('a name in a log cannot break the line or the terminal', () => {
  assert.equal(shown('a\n\u001b[31m\u202eb'), 'a\\u{a}\\u{1b}[31m\\u{202e}b');
  assert.equal(shown('x'.repeat(400)).length, 203);
});
