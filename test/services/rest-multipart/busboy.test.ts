/**
 * Why the parser is our own. busboy 1.6 agrees with it wherever a body is sound; a body that is not sound it reads without
 * a word as something else than was sent. Should a later busboy behave, these tests say so.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { readForm } from '../../../services/rest-multipart/form.ts';
import { BOUNDARY, chunked, END, field, file, part } from './support.ts';

interface Busboy {
  end(bytes: Buffer): void;
  on(event: 'file', listener: (name: string, stream: Readable, info: { filename?: string }) => void): this;
  on(event: 'field', listener: (name: string, value: string) => void): this;
  on(event: 'close', listener: () => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
}
type MakeBusboy = (options: { headers: Record<string, string>; defParamCharset: string }) => Busboy;
const busboy: MakeBusboy = createRequire(import.meta.url)('busboy');

type Seen = readonly (readonly [name: string, fileName: string, content: string])[] | string;

const NO_NAME = '(field)';

/** Parts as busboy sees them, or its error. */
function byBusboy(body: string): Promise<Seen> {
  return new Promise((resolve) => {
    const seen: [string, string, string][] = [];
    const parser = busboy({
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
      defParamCharset: 'utf8',
    });
    parser.on('file', (name, stream, { filename }) => {
      const entry: [string, string, string] = [name, filename ?? '', ''];
      seen.push(entry);
      stream.on('data', (chunk: Buffer) => {
        entry[2] += chunk.toString('latin1');
      });
      stream.on('error', (error: Error) => resolve(error.message));
    });
    parser.on('field', (name, value) => void seen.push([name, NO_NAME, value]));
    parser.on('error', (error) => resolve(error.message));
    parser.on('close', () => resolve(seen));
    parser.end(Buffer.from(body, 'latin1'));
  });
}

/** Parts as our parser sees them, or the code of its refusal. */
async function byUs(body: string): Promise<Seen> {
  const limits = { parts: 20, fields: 10, fieldBytes: 5000, headerBytes: 1000, nameLength: 50 };
  const seen: [string, string, string][] = [];
  try {
    const source = chunked(Buffer.from(body, 'latin1'), [11]);
    const { fields } = await readForm(source, BOUNDARY, limits, async ({ name, fileName, body: content }) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk);
      seen.push([name, fileName, Buffer.concat(chunks).toString('latin1')]);
    });
    return [...seen, ...Object.entries(fields).map(([name, value]) => [name, NO_NAME, value] as const)];
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

const disposition = (name: string) => `Content-Disposition: form-data; name="${name}"; filename="${name}.csv"`;

describe('a sound body reads the same', () => {
  const bodies = [
    file('a', 'a.csv', 'one\r\n') + file('b', 'Zo\xc3\xab.csv', '\r\n--') + field('c', 'text') + END,
    END,
    file('a', 'C:\\x\\a.csv', '') + END,
    `${file('a', 'a.csv', `--${BOUNDARY}`.slice(0, -1))}--${BOUNDARY}--`,
  ];
  for (const [index, body] of bodies.entries()) {
    test(`${index + 1}`, async () => {
      assert.deepEqual(await byUs(body), await byBusboy(body));
    });
  }
});

describe('what busboy loses without a word', () => {
  const cases: readonly (readonly [what: string, body: string, theirs: Seen, ours: Seen])[] = [
    [
      'the rest of a file behind a line that begins with the boundary',
      file('a', 'a.csv', `one\r\n--${BOUNDARY}2\r\ntwo`) + END,
      [['a', 'a.csv', 'one']],
      'BOUNDARY_UNCLEAR',
    ],
    [
      'a file whose boundary line ends in a blank, which the standard allows',
      file('a', 'a.csv', 'one').replace('\r\n', ' \r\n') + END,
      [],
      [['a', 'a.csv', 'one']],
    ],
    ['a part without Content-Disposition', part('Content-Type: text/csv', 'one') + END, [], 'PART_HEADER_WRONG'],
    [
      'a header that stands twice',
      part([disposition('a'), disposition('b')], 'one') + END,
      [['a', 'a.csv', 'one']],
      'PART_HEADER_WRONG',
    ],
    [
      'the border between a part without content and the next',
      `--${BOUNDARY}\r\n${disposition('a')}\r\n\r\n${file('b', 'b.csv', 'two')}${END}`,
      [['a', 'a.csv', `${disposition('b')}\r\n\r\ntwo`]],
      [
        ['a', 'a.csv', ''],
        ['b', 'b.csv', 'two'],
      ],
    ],
    ['bytes that are no text', field('a', '\xff') + END, [['a', NO_NAME, '\ufffd']], 'FIELD_NOT_TEXT'],
    [
      'a charset under a transfer encoding',
      field('a', 'QQA=', 'Content-Type: text/plain; charset=utf-16le', 'Content-Transfer-Encoding: base64') + END,
      [['a', NO_NAME, Buffer.from('QQA=').toString('utf16le')]],
      [['a', NO_NAME, 'A']],
    ],
    [
      'that a file with an empty name is a file',
      file('a', '', 'one', 'Content-Type: text/csv') + END,
      [['a', NO_NAME, 'one']],
      [['a', 'a', 'one']],
    ],
  ];
  for (const [what, body, theirs, ours] of cases) {
    test(what, async () => {
      assert.deepEqual(await byBusboy(body), theirs);
      assert.deepEqual(await byUs(body), ours);
    });
  }
});
