import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { delimitersOf } from '../../hl7/delimiters.ts';
import { escapeText, unescapeText } from '../../hl7/escape.ts';
import { needsShared, sharedPath } from '../support/shared.ts';

test('delimiters and line breaks are escaped, everything else stays', () => {
  assert.equal(escapeText('a|b^c&d~e\\f'), 'a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f');
  assert.equal(escapeText('a\r\nb'), 'a\\X0D\\\\X0A\\b');
  assert.equal(escapeText('tab\t bell\u0007 \u2028 é 😀 "quoted"'), 'tab\t bell\u0007 \u2028 é 😀 "quoted"');
  assert.equal(escapeText(''), '');
});

test('two quotes alone are a text, not a delete', () => {
  assert.equal(escapeText('""'), '\\X2222\\');
  assert.equal(unescapeText('\\X2222\\'), '""');
  assert.equal(escapeText('say ""'), 'say ""');
});

test('escapes are undone, of other delimiters too', () => {
  assert.equal(unescapeText('a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f'), 'a|b^c&d~e\\f');
  const other = delimitersOf('MSH#*+!$#APP');
  assert.equal(escapeText('a#b*c+d!e$f|g', other), 'a!F!b!S!c!R!d!E!e!T!f|g');
  assert.equal(unescapeText('a!F!b!S!c!R!d!E!e!T!f|g', other), 'a#b*c+d!e$f|g');
});

test('the truncation character of 2.7 is escaped where it is declared', () => {
  const v27 = delimitersOf('MSH|^~\\&#|APP');
  assert.equal(escapeText('A#B', v27), 'A\\P\\B');
  assert.equal(unescapeText('A\\P\\B', v27), 'A#B');
  assert.equal(unescapeText('A\\P\\B'), 'A\\P\\B');
});

test('hexadecimal escapes are bytes of UTF-8', () => {
  assert.equal(unescapeText('\\X0D0A\\'), '\r\n');
  assert.equal(unescapeText('caf\\XC3A9\\'), 'café');
  assert.equal(unescapeText('caf\\XE9\\'), 'caf\\XE9\\', 'bytes of another charset stay');
  assert.equal(unescapeText('\\X0\\ \\XZZ\\ \\X\\'), '\\X0\\ \\XZZ\\ \\X\\');
});

test('escapes for display, local ones and unknown ones stay as they are', () => {
  for (const raw of [
    '\\.br\\',
    '\\H\\bold\\N\\',
    '\\.sp+2\\',
    '\\C2842\\',
    '\\M2A3B4C\\',
    '\\Zabc\\',
    '\\q\\',
    '\\',
    'a\\',
  ]) {
    assert.equal(unescapeText(raw), raw);
  }
  assert.equal(unescapeText('\\.br\\a\\F\\b'), '\\.br\\a|b');
  assert.equal(
    unescapeText('50 \\ 2 \\F\\ 3'),
    '50 \\ 2 | 3',
    'a stray escape character does not hide the next escape',
  );
});

test('a message without an escape character can carry plain values only', () => {
  const poor = delimitersOf('MSH|^~|APP');
  assert.equal(escapeText('plain', poor), 'plain');
  assert.equal(unescapeText('a\\F\\b', poor), 'a\\F\\b');
  assert.throws(() => escapeText('a|b', poor), { code: 'HL7_DELIMITER_MISSING' });
  assert.throws(() => escapeText('""', poor), { code: 'HL7_DELIMITER_MISSING' });
});

test('the error names no value', () => {
  assert.throws(
    () => escapeText('Roe|Max', delimitersOf('MSH|^~|APP')),
    (error) => error instanceof Error && !error.message.includes('Roe'),
  );
});

test('naughty values come back as they were', needsShared, () => {
  const values: readonly string[] = JSON.parse(readFileSync(sharedPath('fixtures/csv/naughty/blns.json'), 'utf8'));
  assert.equal(values.length, 515);
  for (const value of values) {
    const raw = escapeText(value);
    assert.doesNotMatch(raw, /[|^~&\r\n]/);
    assert.equal(unescapeText(raw), value);
  }
});
