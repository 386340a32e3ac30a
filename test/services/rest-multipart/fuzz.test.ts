/** Random forms under any chunking, whole and mutated: never a crash, never a hang, never half an upload. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UploadError } from '../../../services/rest-multipart/errors.ts';
import { readForm } from '../../../services/rest-multipart/form.ts';
import { BOUNDARY, chunked, postRaw, serve } from './support.ts';

const LIMITS = { parts: 20, fields: 10, fieldBytes: 5000, headerBytes: 1000, nameLength: 50 };

interface Part {
  readonly name: string;
  readonly fileName: string | undefined;
  readonly content: string;
}

/** Bytes (as latin1 characters) rich in what a parser could trip over. */
const bytes = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r',
        '\n',
        '\r\n',
        '-',
        '--',
        `--${BOUNDARY.slice(0, -1)}`,
        `\r\n--${BOUNDARY.slice(0, 5)}`,
        BOUNDARY,
      ),
      fc.string({ maxLength: 20, unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''))
  .filter((content) => !`\r\n${content}`.includes(`\r\n--${BOUNDARY}`));
const text = fc.string({ maxLength: 30 });
const word = fc.stringMatching(/^[a-zA-Z0-9_.-]{1,20}$/);
const filePart = fc.record({ name: word, fileName: word, content: bytes });
const fieldPart = fc.record({ name: word, fileName: fc.constant(undefined), content: text });
const form = fc
  .array(fc.oneof(filePart, fieldPart), { maxLength: 6 })
  .filter((parts) => new Set(parts.map(({ name }) => name)).size === parts.length);
const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 });

function written(parts: readonly Part[]): Buffer {
  const lines = parts.map(({ name, fileName, content }) => {
    const file = fileName === undefined ? '' : `; filename="${fileName}"`;
    const coded = fileName === undefined ? Buffer.from(content).toString('latin1') : content;
    return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${coded}\r\n`;
  });
  return Buffer.from(`${lines.join('')}--${BOUNDARY}--\r\n`, 'latin1');
}

async function read(body: Uint8Array, chunks: readonly number[]) {
  const files: Part[] = [];
  const { fields } = await readForm(
    chunked(body, chunks),
    BOUNDARY,
    LIMITS,
    async ({ name, fileName, body: content }) => {
      const list: Uint8Array[] = [];
      for await (const chunk of content) list.push(chunk);
      files.push({ name, fileName, content: Buffer.concat(list).toString('latin1') });
    },
  );
  return { files, fields };
}

/** What comes out, or the code of the refusal. Anything but a refusal is a crash. */
async function verdict(body: Uint8Array, chunks: readonly number[]): Promise<unknown> {
  try {
    return await read(body, chunks);
  } catch (error) {
    assert.ok(error instanceof UploadError, `${error}`);
    return error.code;
  }
}

test('what is written comes out, under any chunking', async () => {
  await fc.assert(
    fc.asyncProperty(form, sizes, async (parts, chunks) => {
      const { files, fields } = await read(written(parts), chunks);
      assert.deepEqual(
        files,
        parts
          .filter(({ fileName }) => fileName !== undefined)
          .map((part) => ({ ...part, fileName: /^\.+$/.test(part.fileName ?? '') ? part.name : part.fileName })),
      );
      const expected = parts.filter(({ fileName, name }) => fileName === undefined && name !== '_charset_');
      // A byte order mark at the beginning is no part of a text.
      assert.deepEqual(
        fields,
        Object.fromEntries(expected.map(({ name, content }) => [name, content.replace(/^\ufeff/, '')])),
      );
    }),
    { numRuns: 300 },
  );
});

const mutation = fc.record({
  at: fc.nat(),
  remove: fc.nat({ max: 20 }),
  insert: fc.oneof(
    fc.constantFrom(
      '',
      '\r\n',
      '"',
      ';',
      ':',
      '\0',
      '--',
      `\r\n--${BOUNDARY}`,
      `\r\n--${BOUNDARY}--`,
      'filename*=',
      '%',
    ),
    bytes,
  ),
});

function mutated(body: Buffer, mutations: readonly { at: number; remove: number; insert: string }[]): Buffer {
  return mutations.reduce((bytes, { at, remove, insert }) => {
    const start = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, start), Buffer.from(insert, 'latin1'), bytes.subarray(start + remove)]);
  }, body);
}

test('a mutated form has one verdict, whatever the chunking', async () => {
  await fc.assert(
    fc.asyncProperty(
      form,
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      sizes,
      async (parts, mutations, chunks) => {
        const body = mutated(written(parts), mutations);
        assert.deepEqual(await verdict(body, chunks), await verdict(body, [1_000_000]));
      },
    ),
    { numRuns: 500 },
  );
});

test('noise has one verdict, whatever the chunking', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), sizes, async (body, chunks) => {
      assert.equal(typeof (await verdict(body, chunks)), 'string');
      assert.deepEqual(await verdict(body, chunks), await verdict(body, [1]));
    }),
    { numRuns: 200 },
  );
});

test('the service takes all of a mutated form or nothing', async (t) => {
  const { url, uploads } = await serve(t, { parts: [{ format: { type: 'raw' }, route: 'documents' }] });
  await fc.assert(
    fc.asyncProperty(form, fc.array(mutation, { maxLength: 2 }), async (parts, mutations) => {
      const body = mutated(written(parts), mutations);
      uploads.receipts.clear();
      const { status } = await postRaw(url, body);
      assert.ok([202, 400, 413, 415, 422].includes(status), `${status}`);
      assert.equal(uploads.receipts.size, status === 202 ? 1 : 0);
      assert.equal(uploads.open, 0);
      if (status !== 202) return;
      const expected = (await read(body, [1_000_000])).files;
      const kept = uploads
        .only()
        .parts.map(({ part, name, body: content }) => [part, name, content.toString('latin1')]);
      assert.deepEqual(
        kept,
        expected.map(({ name, fileName, content }) => [name, fileName, content]),
      );
    }),
    { numRuns: 150 },
  );
});
