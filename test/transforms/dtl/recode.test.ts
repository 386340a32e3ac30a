import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Delimiters, delimitersOf, STANDARD_DELIMITERS } from '../../../hl7/delimiters.ts';
import { escapeText, unescapeText } from '../../../hl7/escape.ts';
import { recode, sameDelimiters } from '../../../transforms/dtl/recode.ts';

const ODD = delimitersOf('MSH#*:%@#');
const NO_SUB = delimitersOf('MSH|^~\\|');
const BARE = delimitersOf('MSH|^|');

test('structure, values and escapes are the same in other delimiters', () => {
  const raw = 'A^B&C~D\\F\\E#*:%@\\T\\\\.br\\\\X0D\\\\E\\end\\';
  const odd = recode(raw, STANDARD_DELIMITERS, ODD);
  assert.equal(odd, 'A*B@C:D|E%F%%S%%R%%E%%T%&%.br%%X0D%\\end\\');
  assert.equal(recode(odd, ODD, STANDARD_DELIMITERS), 'A^B&C~D\\F\\E#*:%@\\T\\\\.br\\\\X0D\\\\E\\end\\E\\');
});

test('the same delimiters leave everything as it stands', () => {
  const same = { ...STANDARD_DELIMITERS };
  assert.ok(sameDelimiters(same, STANDARD_DELIMITERS));
  assert.equal(recode('a\\b^', same, STANDARD_DELIMITERS), 'a\\b^');
});

test('what a message has no delimiter for cannot be written into it', () => {
  assert.throws(() => recode('a&b', STANDARD_DELIMITERS, NO_SUB), { code: 'HL7_DELIMITER_MISSING' });
  assert.throws(() => recode('a\\.br\\', STANDARD_DELIMITERS, BARE), { code: 'HL7_DELIMITER_MISSING' });
  assert.throws(() => recode('a\\S\\b', STANDARD_DELIMITERS, BARE), { code: 'HL7_DELIMITER_MISSING' });
  assert.equal(recode('a\\T\\b', STANDARD_DELIMITERS, NO_SUB), 'a&b');
});

const delimiters: fc.Arbitrary<Delimiters> = fc
  .shuffledSubarray([...'|^~\\&#*:%@!$'], { minLength: 5, maxLength: 5 })
  .map((signs) => delimitersOf(`MSH${signs.join('')}${signs[0]}`));

test('any texts in any structure mean the same in any delimiters', () => {
  const parts = fc.array(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 3,
  });
  const written = (texts: readonly (readonly string[])[], signs: Delimiters) =>
    texts.map((part) => part.map((text) => escapeText(text, signs)).join(signs.subcomponent)).join(signs.component);
  fc.assert(
    fc.property(delimiters, delimiters, parts, (from, to, texts) => {
      assert.equal(recode(written(texts, from), from, to), written(texts, to));
      const [first = ''] = texts[0] ?? [];
      assert.equal(unescapeText(recode(escapeText(first, from), from, to), to), first);
    }),
  );
});
