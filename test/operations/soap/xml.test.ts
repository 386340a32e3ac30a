import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { asciiXml, type Carry, encode, encodedLength, XmlTextError } from '../../../operations/soap/xml.ts';

function chunked(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes.length === 0 ? bytes.length : sizes[i % sizes.length]!;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

function written(chunks: Buffer[], carry: Carry, size = 64): string {
  return Buffer.concat([...encode(chunks, carry, size)]).toString('utf8');
}

/** What a strict parser of others reads. */
function readBack(xml: string): string {
  let text = '';
  const parser = new SaxesParser();
  parser.on('text', (part) => {
    text += part;
  });
  parser.on('cdata', (part) => {
    text += part;
  });
  parser.on('error', (error) => {
    throw error;
  });
  parser.write(`<a>${xml}</a>`).close();
  return text;
}

const xmlText = fc
  .array(
    fc.oneof(
      fc.constantFrom('&', '<', '>', ']]>', ']]', '\r', '\n', '\r\n', '\t', '"', "'", '&amp;', '&#xD;', '<![CDATA['),
      fc.string({ unit: 'grapheme', maxLength: 8 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''))
  .filter((text) => !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text) && text.isWellFormed());

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 5 });

for (const carry of ['text', 'cdata'] as const) {
  test(`${carry}: what is written is read back by a strict parser, under any chunking, at the length foretold`, () => {
    fc.assert(
      fc.property(xmlText, sizes, fc.integer({ min: 1, max: 40 }), (text, cuts, size) => {
        const chunks = chunked(Buffer.from(text), cuts);
        const xml = written(chunks, carry, size);
        assert.equal(readBack(xml), text);
        assert.equal(encodedLength(chunks, carry, 'utf-8'), Buffer.byteLength(xml));
      }),
    );
  });
}

test('base64: any bytes, under any chunking, at the length foretold', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), sizes, (bytes, cuts) => {
      const chunks = chunked(Buffer.from(bytes), cuts);
      const text = written(chunks, 'base64');
      assert.deepEqual(Buffer.from(text, 'base64'), Buffer.from(bytes));
      assert.equal(encodedLength(chunks, 'base64', 'utf-8'), text.length);
    }),
  );
});

test('a CR goes out as a reference and nothing looks like markup', () => {
  const xml = written([Buffer.from('MSH|^~\\&|\rPID|<b>\r\n')], 'text');
  assert.equal(xml, 'MSH|^~\\&amp;|&#xD;PID|&lt;b&gt;&#xD;\n');
});

test('characters that XML 1.0 cannot carry are refused, wherever the chunks are cut', () => {
  const bad = ['\u0000', '\u000b', '\u001b', '\ufffe', '\uffff'];
  for (const character of bad) {
    for (let cut = 1; cut <= 6; cut++) {
      const chunks = chunked(Buffer.from(`abc${character}def`), [cut]);
      assert.throws(() => encodedLength(chunks, 'text', 'utf-8'), XmlTextError, JSON.stringify({ character, cut }));
      assert.throws(() => encodedLength(chunks, 'cdata', 'utf-8'), XmlTextError);
    }
  }
  const long = Buffer.alloc(100_000, 0x61);
  long[77_777] = 0x0b;
  assert.throws(() => encodedLength([long], 'text', 'utf-8'), XmlTextError);
});

test('bytes that are no UTF-8 are refused; in a single-byte charset they are characters', () => {
  for (const bytes of [[0x61, 0xe9, 0x62], [0xc3], [0xed, 0xa0, 0x80]]) {
    const chunks = [Buffer.from(bytes)];
    assert.throws(() => encodedLength(chunks, 'text', 'utf-8'), XmlTextError);
    assert.equal(encodedLength(chunks, 'text', 'iso-8859-1'), bytes.length);
  }
});

test('a message about a forbidden character never holds the text around it', () => {
  assert.throws(
    () => encodedLength([Buffer.from('MARKER\u0001MARKER')], 'text', 'utf-8'),
    (error) => error instanceof XmlTextError && !error.message.includes('MARKER'),
  );
});

test('short texts become ASCII that reads back as it was', () => {
  fc.assert(
    fc.property(xmlText, (text) => {
      const xml = asciiXml(text);
      assert.match(xml, /^[\x20-\x7e]*$/);
      assert.equal(readBack(xml), text);
    }),
  );
  assert.throws(() => asciiXml('a\u0007'), XmlTextError);
  assert.throws(() => asciiXml('\ud800'), XmlTextError);
});
