import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeTransfer } from '../../../services/rest-multipart/transfer-encoding.ts';
import { chunked } from './support.ts';

type Encoding = 'base64' | 'quoted-printable' | 'identity';

async function decode(text: string, encoding: Encoding, sizes: readonly number[] = [5]): Promise<string> {
  async function* buffers() {
    for await (const chunk of chunked(Buffer.from(text, 'latin1'), sizes)) yield Buffer.from(chunk);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of decodeTransfer(buffers(), { encoding, number: 3 })) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

const sizesOf = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 });

describe('base64', () => {
  test('any bytes, under any chunking and line length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        sizesOf,
        fc.integer({ min: 1, max: 80 }),
        async (bytes, sizes, width) => {
          const lines = Buffer.from(bytes)
            .toString('base64')
            .replace(new RegExp(`(.{${width}})`, 'g'), '$1\r\n');
          assert.equal(await decode(` ${lines}\t\n`, 'base64', sizes), Buffer.from(bytes).toString('latin1'));
        },
      ),
    );
  });

  for (const wrong of [
    'A',
    'AB',
    'ABC',
    'AB=',
    'A===',
    '====',
    'QQ==QQ==',
    'QR==',
    'AB-_',
    'QQ==x',
    'Q!Q=',
    '\xe4AAA',
  ]) {
    test(`${wrong} is none`, async () => {
      for (const sizes of [[1], [2], [3], [100]])
        await assert.rejects(decode(wrong, 'base64', sizes), { code: 'PART_ENCODING_WRONG', statusCode: 400 });
    });
  }
});

describe('quoted-printable', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', ''],
    ['foo=3Dbar', 'foo=bar'],
    ['=3d=41', '=A'],
    ['a=\r\nb', 'ab'],
    ['a= \t\r\nb', 'ab'],
    ['a \t\r\nb', 'a\r\nb'],
    ['a =20\r\nb', 'a  \r\nb'],
    ['a  b', 'a  b'],
    ['ends in blanks  ', 'ends in blanks'],
    ['ends in a join=', 'ends in a join'],
    ['=', ''],
    ['a\nb\rc', 'a\nb\rc'],
    ['=C3=AB', '\xc3\xab'],
    ['=00=0D=0A', '\0\r\n'],
  ];
  for (const [coded, plain] of cases) {
    test(`${JSON.stringify(coded)} is ${JSON.stringify(plain)}`, async () => {
      for (const sizes of [[1], [2], [3], [100]]) assert.equal(await decode(coded, 'quoted-printable', sizes), plain);
    });
  }

  for (const wrong of ['=4', '=XY', 'a=b', '= x', 'a\x80', '\0', `a${' '.repeat(1200)}`]) {
    test(`${JSON.stringify(wrong.slice(0, 10))} is none`, async () => {
      for (const sizes of [[1], [2], [100]])
        await assert.rejects(decode(wrong, 'quoted-printable', sizes), { code: 'PART_ENCODING_WRONG' });
    });
  }

  test('any bytes, under any chunking', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        sizesOf,
        fc.integer({ min: 1, max: 40 }),
        async (bytes, sizes, width) => {
          const units = [...bytes].map((byte) =>
            byte > 32 && byte < 127 && byte !== 61
              ? String.fromCharCode(byte)
              : `=${byte.toString(16).padStart(2, '0')}`,
          );
          const coded = units.map((unit, at) => (at % width === width - 1 ? `${unit}=\r\n` : unit)).join('');
          assert.equal(await decode(coded, 'quoted-printable', sizes), Buffer.from(bytes).toString('latin1'));
        },
      ),
    );
  });

  test('blanks without end take no time worth mentioning and no memory', async () => {
    const long = `${' '.repeat(1_000_000)}x`;
    await assert.rejects(decode(long, 'quoted-printable', [100]), { code: 'PART_ENCODING_WRONG' });
    assert.equal((await decode(`${' '.repeat(200_000)}x`, 'quoted-printable', [1_000_000])).length, 200_001);
  });
});
