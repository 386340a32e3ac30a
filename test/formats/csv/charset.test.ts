import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import iconv from 'iconv-lite';
import { RefusedError } from '../../../engine/errors.ts';
import { CHARSETS } from '../../../formats/text/charset.ts';
import { itemsOf, open, scanOf } from './support.ts';

const TEXT = 'id,name\n1,Zoë Müller\n2,"a\r\nß"\n';
const CHUNKS = [1, 2, 3, 65_536];

async function refused(input: Uint8Array, charset: string, code: string, line: number, column: number): Promise<void> {
  for (const chunkBytes of CHUNKS) {
    await assert.rejects(scanOf(open({ charset }), input, chunkBytes), (error) => {
      assert.ok(error instanceof RefusedError, String(error));
      assert.deepEqual({ code: error.code, ...error.place }, { code, line, column }, `chunks of ${chunkBytes}`);
      return true;
    });
  }
}

describe('charsets', () => {
  const marked: readonly [charset: string, bytes: Buffer][] = [
    ['utf-8', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(TEXT)])],
    ['utf-16le', iconv.encode(TEXT, 'utf16le', { addBOM: true })],
    ['utf-16be', iconv.encode(TEXT, 'utf16be', { addBOM: true })],
  ];
  for (const [charset, bytes] of marked) {
    test(`${charset} is known by its byte order mark, which wins over a configured charset`, async () => {
      for (const chunkBytes of CHUNKS) {
        const { scan, body } = await scanOf(open({ charset: 'windows-1252' }), bytes, chunkBytes);
        assert.deepEqual([scan.charset, scan.transcoded, scan.items], [charset, charset !== 'utf-8', 2]);
        assert.equal(Buffer.from(body).toString().replace('\ufeff', ''), TEXT);
        const items = await itemsOf(open(), bytes, { chunkBytes });
        assert.deepEqual(items[0]?.values, ['1', 'Zoë Müller']);
      }
    });
  }

  for (const charset of CHARSETS) {
    test(`${charset} is read by name`, async () => {
      const letters = [...iconv.decode(Buffer.from([0xa4, 0xc1, 0xd6, 0xe1, 0xe5, 0xe9]), charset)];
      const word = charset.startsWith('utf')
        ? 'Ωж字😀\ufffd'
        : letters.filter((letter) => letter !== '\ufffd').join('');
      assert.ok(word.length > 2);
      const text = `id,name\n1,${word}\n`;
      const name = charset.replaceAll('-', '');
      const bytes = iconv.encode(text, charset.startsWith('utf') ? name : charset);
      for (const chunkBytes of CHUNKS) {
        const [item] = await itemsOf(open({ charset }), bytes, { chunkBytes });
        assert.deepEqual(item?.values, ['1', word]);
      }
    });
  }

  test('a copy in UTF-8 is asked for only where the input is in another charset', async () => {
    const scanned = await scanOf(open({ charset: 'windows-1252' }), Buffer.from('id\n\xe9\n', 'latin1'));
    assert.deepEqual(
      [scanned.scan.transcoded, scanned.scan.cursor, Buffer.from(scanned.body).toString()],
      [true, 3, 'id\né\n'],
    );
    assert.equal((await scanOf(open(), 'id\né\n')).scan.transcoded, false);
  });

  test('U+FFFD that the sender wrote is a character', async () => {
    assert.deepEqual((await itemsOf(open(), 'id\n\ufffd\n'))[0]?.values, ['\ufffd']);
  });

  test('an emoji across chunks stays whole', async () => {
    for (const chunkBytes of CHUNKS) {
      assert.deepEqual((await itemsOf(open(), 'id\n😀é\n', { chunkBytes }))[0]?.values, ['😀é']);
    }
  });
});

describe('what cannot be decoded refuses the file by line and column', () => {
  const latin = (text: string) => Buffer.from(text, 'latin1');
  test('a byte of windows-1252 in UTF-8', () =>
    refused(latin('id,name\r\n1,Zo\xeb X\r\n'), 'auto', 'UNDECODABLE', 2, 5));
  test('a character cut off at the end', () => refused(latin('id\n1\xe2\x82'), 'auto', 'UNDECODABLE', 2, 2));
  test('an overlong form', () => refused(latin('id\n\xc0\xaf\n'), 'auto', 'UNDECODABLE', 2, 1));
  test('a surrogate in UTF-8', () => refused(latin('id\nab\xed\xa0\x80\n'), 'auto', 'UNDECODABLE', 2, 3));
  test('after characters of several bytes', () =>
    refused(Buffer.concat([Buffer.from('id\nž😀'), latin('\xff\n')]), 'utf-8', 'UNDECODABLE', 2, 3));
  test('a byte that windows-1252 does not have', () =>
    refused(latin('id\r\x80\x81\r'), 'windows-1252', 'UNDECODABLE', 2, 2));
  test('a lone surrogate in UTF-16', () =>
    refused(Buffer.from('id\nab\ud800c\n', 'utf16le'), 'utf-16le', 'UNDECODABLE', 2, 3));
  test('half a unit of UTF-16', () =>
    refused(Buffer.concat([Buffer.from('id\nab', 'utf16le'), latin('\x00')]), 'utf-16le', 'UNDECODABLE', 2, 3));
  test('a surrogate at the end of UTF-16', () =>
    refused(Buffer.from('id\nab\ud83d', 'utf16le'), 'utf-16le', 'UNDECODABLE', 2, 3));
  test('NUL in UTF-8', () => refused(latin('id\na\x00\n'), 'auto', 'NUL_BYTE', 2, 2));
  test('UTF-16 without a mark, read as UTF-8', () =>
    refused(Buffer.from('id\n1\n', 'utf16le'), 'auto', 'NUL_BYTE', 1, 2));

  test('the message says what to do and holds no value', async () => {
    await assert.rejects(scanOf(open(), latin('id\nM\xfcller\n')), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /line 2, column 2: a byte does not belong to utf-8\. .*windows-1252/);
      assert.doesNotMatch(error.message, /ller/);
      return true;
    });
  });
});
