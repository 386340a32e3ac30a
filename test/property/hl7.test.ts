import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WaybillError } from '../../engine/errors.ts';
import { MessageBuilder } from '../../hl7/build.ts';
import { type Delimiters, delimitersOf } from '../../hl7/delimiters.ts';
import { escapeText, unescapeText } from '../../hl7/escape.ts';
import { compileLayout } from '../../hl7/layout.ts';
import { parseMessage } from '../../hl7/parse.ts';
import { type Path, parsePath, printPath } from '../../hl7/paths.ts';
import { MessageSplitter, type Part, splitMessages } from '../../hl7/split.ts';

const PUNCTUATION = [...'|^~\\&#!$%*+/:;<=>?@_`{}()[]-.,"\'', '¦', '§', '\u0001'];

/** Any five distinct delimiters, with or without the sixth of 2.7. */
const delimiters: fc.Arbitrary<Delimiters> = fc
  .uniqueArray(fc.constantFrom(...PUNCTUATION), { minLength: 5, maxLength: 6 })
  .map(([field = '', ...encoding]) => delimitersOf(`MSH${field}${encoding.join('')}${field}`));

/** Texts with much of what matters to HL7, and any other. */
const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\\', '|', '^', '&', '~', '\r', '\n', '"', 'F', 'E', 'X', '0', 'D', '.', 'a') }),
  fc.constantFrom('""', '"', '\\F\\', '\\X0D\\', '\\\\', '\ud800'),
);

const path: fc.Arbitrary<Path> = fc
  .record({
    segment: fc.constantFrom('MSH', 'PID', 'OBX', 'Z01'),
    occurrence: fc.constantFrom(0, 1, 2, 3),
    field: fc.integer({ min: 3, max: 9 }),
    repetition: fc.constantFrom(0, 1, 2),
    component: fc.constantFrom(0, 1, 2, 3),
    subcomponent: fc.constantFrom(0, 1, 2),
  })
  .map((one) => (one.component === 0 ? { ...one, subcomponent: 0 } : one))
  .map((one) => (one.segment === 'MSH' ? { ...one, occurrence: 0 } : one));

test('unescape undoes escape for any text and any delimiters', () => {
  fc.assert(
    fc.property(value, delimiters, (text, set) => {
      const raw = escapeText(text, set);
      for (const character of [set.field, set.component, set.repetition, set.subcomponent, '\r', '\n']) {
        assert.ok(!raw.includes(character));
      }
      assert.notEqual(raw, '""');
      assert.equal(unescapeText(raw, set), text);
    }),
    { numRuns: 2000 },
  );
});

test('unescape never fails, and leaves text without the escape character alone', () => {
  fc.assert(
    fc.property(value, delimiters, (text, set) => {
      const result = unescapeText(text, set);
      if (!text.includes(set.escape)) assert.equal(result, text);
    }),
    { numRuns: 500 },
  );
});

test('whatever begins with MSH prints as it was read, after any look at it', () => {
  const line = fc.oneof(value, fc.constantFrom('PID|1||A^B~C', 'OBX|1', 'BTS|1', '\r', '\n', '\r\n', 'MSH|^~\\&|x'));
  const text = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\r'));
  fc.assert(
    fc.property(fc.constantFrom('|', '|^~\\&|', '#*+!$#', '|^'), text, path, (start, rest, where) => {
      const whole = `MSH${start}${rest}`;
      try {
        const message = parseMessage(whole);
        message.get(where);
        message.count('OBX');
        assert.equal(message.print(), whole);
      } catch (error) {
        assert.ok(error instanceof WaybillError && /^HL7_(DELIMITERS_INVALID|NOT_A_MESSAGE)$/.test(error.code));
      }
    }),
    { numRuns: 1000 },
  );
});

test('what is set by a path is read by it, and everything else stays', () => {
  const message = 'MSH|^~\\&|A|B\rPID|1||M1^^^X&1~S2||ROE^MAX\r\nOBX|1|TX\n\nOBX|2||x~y^z&q\r';
  fc.assert(
    fc.property(path, value, (where, text) => {
      const parsed = parseMessage(message);
      const before = [...parsed.segments()];
      parsed.set(where, text);
      assert.equal(parsed.get(where), text);
      const reread = parseMessage(parsed.print());
      assert.equal(reread.get(where), text);
      for (const { segment, occurrence, raw } of before) {
        if (segment === where.segment && occurrence === (where.occurrence || 1)) continue;
        const now = [...reread.segments()].find((one) => one.segment === segment && one.occurrence === occurrence);
        assert.equal(now?.raw, raw);
      }
    }),
    { numRuns: 1000 },
  );
});

test('a layout prints what the message builder prints, for any paths in any order', () => {
  const writes = fc.array(fc.tuple(path, fc.oneof(value, fc.constant(''))), { maxLength: 25 });
  fc.assert(
    fc.property(writes, delimiters, (all, set) => {
      const layout = compileLayout(
        all.map(([where]) => where),
        set,
      );
      const draft = layout.draft();
      const builder = new MessageBuilder(set);
      for (const [where, text] of all) {
        draft.set(layout.target(where), text);
        builder.set(where, text);
      }
      assert.equal(draft.print(), builder.print());
    }),
    { numRuns: 1000 },
  );
});

test('what is built by a path is read back by it, beside values in other fields', () => {
  const first = path.map((where) => ({ ...where, occurrence: 0 }));
  fc.assert(
    fc.property(first, first, value, value, delimiters, (where, other, text, otherText, set) => {
      fc.pre(where.segment !== other.segment || where.field !== other.field);
      const message = parseMessage(new MessageBuilder(set).set(where, text).set(other, otherText).print());
      assert.equal(message.get(where), text);
      assert.equal(message.get(other), otherText);
    }),
    { numRuns: 1000 },
  );
});

test('a path prints as it is read', () => {
  fc.assert(fc.property(path, (where) => assert.deepEqual(parsePath(printPath(where)), { ...where })));
});

test('parts are the same under any chunking, and together they are the input', () => {
  const piece = fc.constantFrom(
    'MSH|^~\\&|1',
    'FHS|^~\\&',
    'BHS|',
    'BTS|2',
    'BTS',
    'FTS|1',
    'PID|1',
    'MSHX',
    'MS',
    'B',
    'x'.repeat(40),
    '\r',
    '\n',
    '\r\n',
    '\uFEFF',
    'é',
  );
  const input = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.join('')));
  fc.assert(
    fc.property(input, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }), (bytes, sizes) => {
      const splitter = new MessageSplitter();
      const parts: Part[] = [];
      for (let at = 0, n = 0; at < bytes.length; n++) {
        const size = sizes[n % sizes.length] ?? 1;
        parts.push(...splitter.push(bytes.subarray(at, at + size)));
        at += size;
      }
      parts.push(...splitter.end());
      const plain = (all: readonly Part[]) =>
        all.map((part) => ({ ...part, bytes: Buffer.from(part.bytes).toString('latin1') }));
      assert.deepEqual(plain(parts), plain(splitMessages(bytes)));
      assert.deepEqual(Buffer.concat(parts.map((part) => part.bytes)), bytes);
      let offset = 0;
      for (const part of parts) {
        assert.equal(part.offset, offset);
        const before = bytes.subarray(0, offset).toString('latin1');
        assert.equal(part.line, (before.match(/\r\n|\r|\n/g)?.length ?? 0) + 1);
        offset += part.bytes.length;
      }
    }),
    { numRuns: 1500 },
  );
});
