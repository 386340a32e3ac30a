import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { UploadError } from '../../../services/rest-multipart/errors.ts';
import { readForm } from '../../../services/rest-multipart/form.ts';
import { needsShared, sharedPath } from '../../support/shared.ts';
import { verdicts } from '../../support/verdicts.ts';
import { BOUNDARY, chunked, END, field, file, part } from './support.ts';

const LIMITS = { parts: 20, fields: 10, fieldBytes: 1000, headerBytes: 1000, nameLength: 50 };
/** Chunkings under which every verdict must be the same. */
const SIZES = [[1], [2, 3], [7], [64], [1_000_000]];

interface Seen {
  readonly parts: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly files: readonly { name: string; fileName: string; contentType: string; content: string }[];
}

async function read(body: string | Buffer, boundary = BOUNDARY, sizes: readonly number[] = [7]): Promise<Seen> {
  const files: Seen['files'][number][] = [];
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  const form = await readForm(
    chunked(bytes, sizes),
    boundary,
    LIMITS,
    async ({ name, fileName, contentType, body }) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      files.push({ name, fileName, contentType, content: Buffer.concat(chunks).toString('latin1') });
    },
  );
  assert.equal(form.files, files.length);
  return { parts: form.parts, fields: form.fields, files };
}

/** The code and status with which a body is refused, the same under every chunking. */
async function refused(body: string, boundary = BOUNDARY): Promise<string> {
  const codes = await Promise.all(
    SIZES.map((sizes) =>
      read(body, boundary, sizes).then(
        () => 'accepted',
        (error: unknown) => {
          assert.ok(error instanceof UploadError, String(error));
          return `${error.statusCode} ${error.code}`;
        },
      ),
    ),
  );
  assert.equal(new Set(codes).size, 1, codes.join(', '));
  return codes[0] ?? '';
}

/** What comes out of a body, the same under every chunking. */
async function accepted(body: string, boundary = BOUNDARY): Promise<Seen> {
  const [first, ...others] = await Promise.all(SIZES.map((sizes) => read(body, boundary, sizes)));
  assert.ok(first);
  for (const other of others) assert.deepEqual(other, first);
  return first;
}

describe('the verdicts on published bodies', needsShared, () => {
  const lines = needsShared.skip ? [] : verdicts('multipart');
  for (const { path = '', boundary = '', verdict, parts, fields, files, why } of lines) {
    test(`${path} with ${boundary}: ${why}`, async () => {
      const body = readFileSync(sharedPath(`fixtures/${path}`)).toString('latin1');
      if (verdict === '400') {
        assert.match(await refused(body, boundary), /^400 /);
        return;
      }
      assert.equal(verdict, 'accepted');
      const seen = await accepted(body, boundary);
      assert.equal(String(seen.parts), parts);
      assert.equal(Object.keys(seen.fields).join(',') || '-', fields);
      const list = seen.files.map(({ name, fileName, content }) => `${name}:${fileName}:${content.length}`);
      assert.equal(list.join(',') || '-', files);
    });
  }

  test('there are as many as the table says', () => {
    assert.equal(lines.length, 19);
  });

  test('what is encoded comes out decoded, and the charset stays in the content type', async () => {
    const text = (name: string) => readFileSync(sharedPath(`fixtures/multipart/${name}.http`)).toString('latin1');
    assert.equal((await accepted(text('base64_encoding'), '--boundary')).files[0]?.content, 'Test 123');
    assert.equal((await accepted(text('quoted_printable_encoding'), '--boundary')).files[0]?.content, 'foo=bar');
    const { fields } = await accepted(text('mixed_case_headers'), '--boundary');
    assert.deepEqual(fields, { field1: 'Test 123', field2: 'Test 123', Field3: 'Test 123' });
    const funky = await accepted(text('header_with_number'), 'b8825ae386be4fdc9644d87e392caad3');
    assert.equal(funky.files[0]?.contentType, 'text/plain; charset=utf-8');
    const dense = await accepted(text('crlf_dense_part_data'), 'boundary');
    assert.match(dense.files[0]?.content ?? '', /^[\r\n]+--boundar[^y]/);
  });
});

describe('what is sound', () => {
  test('fields count wherever they stand; files keep their order', async () => {
    const seen = await accepted(
      file('doses', 'a.csv', 'one', 'Content-Type: text/csv') +
        field('site', 'Harbor') +
        file('doses', 'b.csv', 'two') +
        field('batch', '7') +
        END,
    );
    assert.deepEqual(seen.fields, { site: 'Harbor', batch: '7' });
    assert.deepEqual(
      seen.files.map(({ fileName, content, contentType }) => [fileName, content, contentType]),
      [
        ['a.csv', 'one', 'text/csv'],
        ['b.csv', 'two', 'text/plain'],
      ],
    );
  });

  test('blanks behind a boundary, folded headers, a part without content, an epilogue with parts in it', async () => {
    const boundary = `--${BOUNDARY} \t\r\n`;
    const folded = 'Content-Disposition: form-data;\r\n name="doses";\r\n\tfilename="a.csv"';
    const bare = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="doses"; filename="b.csv"\r\n\r\n`;
    const seen = await accepted(
      `${boundary}${folded}\r\n\r\none\r\n${bare}--${BOUNDARY}-- \r\n${file('doses', 'ghost.csv', 'ghost')}${END}`,
    );
    assert.deepEqual(
      seen.files.map(({ fileName, content }) => [fileName, content]),
      [
        ['a.csv', 'one'],
        ['b.csv', ''],
      ],
    );
  });

  test('near-boundaries are content', async () => {
    const content = `\r\n--a-boundar\r\n\r--${BOUNDARY}\n--${BOUNDARY} --${BOUNDARY}--\r\n-`;
    const { files } = await accepted(file('doses', 'a.csv', content) + END);
    assert.equal(files[0]?.content, content);
  });

  test('an empty file name: with nothing in it no file, with content a file called like its part', async () => {
    const octets = 'Content-Type: application/octet-stream';
    const seen = await accepted(file('none', '', '', octets) + file('doses', '', 'x') + file('up', '../..', '') + END);
    assert.equal(seen.parts, 3);
    assert.deepEqual(
      seen.files.map(({ name, fileName, content }) => [name, fileName, content]),
      [
        ['doses', 'doses', 'x'],
        ['up', 'up', ''],
      ],
    );
  });

  test('octets without a file name are a field like any other', async () => {
    const seen = await accepted(field('note', 'text', 'Content-Type: application/octet-stream') + END);
    assert.deepEqual([seen.fields, seen.files], [{ note: 'text' }, []]);
  });

  test('fields are text in their charset, their form its charset, or UTF-8', async () => {
    const utf16 = Buffer.from('Zoë', 'utf16le').toString('base64');
    const seen = await accepted(
      field('_charset_', 'windows-1252') +
        field('plain', 'Zo\xeb') +
        field('said', 'Zo\xc3\xab', 'Content-Type: text/plain; charset=UTF-8') +
        field('coded', utf16, 'Content-Type: text/plain; charset=utf-16le', 'Content-Transfer-Encoding: base64') +
        END,
    );
    assert.deepEqual(seen.fields, { plain: 'Zoë', said: 'Zoë', coded: 'Zoë' });
    assert.deepEqual((await accepted(field('a', 'Zo\xc3\xab') + END)).fields, { a: 'Zoë' });
  });

  test('names like __proto__ are keys like any other', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const { fields } = await accepted(names.map((name) => field(name, 'x')).join('') + END);
    assert.deepEqual(Object.keys(fields).sort(), [...names].sort());
    assert.equal(Object.getOwnPropertyDescriptor(fields, '__proto__')?.value, 'x');
    assert.equal(Object.getPrototypeOf({}), Object.prototype);
    assert.equal(({} as Record<string, unknown>).x, undefined);
  });
});

describe('file names are data', () => {
  const names: readonly (readonly [header: string, name: string])[] = [
    ['filename="../../etc/passwd"', 'passwd'],
    ['filename="C:\\Users\\ana\\vax.csv"', 'vax.csv'],
    ['filename="/absolute.csv"', 'absolute.csv'],
    ['filename="say \\"hi\\".csv"', 'say "hi".csv'],
    ['filename="a;b=c.csv"', 'a;b=c.csv'],
    ['filename=plain.csv', 'plain.csv'],
    ['filename="Zo\xc3\xab.csv"', 'Zoë.csv'],
    ["filename*=UTF-8''Zo%C3%AB.csv", 'Zoë.csv'],
    ['filename="fallback.csv"; filename*=utf-8\'en\'%e2%82%ac.csv', '€.csv'],
    ["filename*=ISO-8859-1''Zo%EB.csv", 'Zoë.csv'],
    ["filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", 'passwd'],
    ["filename*=UTF-8''a%00.pdf%0D%0A.csv", 'a.pdf.csv'],
    ['filename="\xe2\x80\xaegpj.csv"', 'gpj.csv'],
    ['filename="  spaced.csv  "', 'spaced.csv'],
    [`filename="${'x'.repeat(300)}.csv"`, `${'x'.repeat(251)}.csv`],
    [`filename="${'\xc3\xab'.repeat(200)}.csv"`, `${'ë'.repeat(125)}.csv`],
    ['filename="CON"', 'CON'],
  ];
  for (const [header, name] of names) {
    test(`${header.slice(0, 50)} is ${name.slice(0, 30)}`, async () => {
      const { files } = await accepted(part(`Content-Disposition: form-data; name="doses"; ${header}`, 'x') + END);
      assert.equal(files[0]?.fileName, name);
    });
  }
});

describe('what is not sound is refused with the reason', () => {
  const disposition = 'Content-Disposition: form-data; name="doses"; filename="a.csv"';
  const sound = part(disposition, 'one');
  const cases: readonly (readonly [what: string, body: string, verdict: string])[] = [
    ['nothing', '', '400 BODY_EMPTY'],
    ['another boundary', sound.replaceAll(BOUNDARY, 'other'), '400 BOUNDARY_NOT_FOUND'],
    ['a boundary after a long preamble', `${'x'.repeat(2000)}\r\n${sound}${END}`, '400 BOUNDARY_NOT_FOUND'],
    ['LF before the first boundary', `\n${sound}${sound}${END}`, '400 BOUNDARY_UNCLEAR'],
    ['a boundary within the preamble', `x--${BOUNDARY}\r\n${sound}${END}`, '400 BOUNDARY_UNCLEAR'],
    ['lines that end in LF', (sound + END).replaceAll('\r\n', '\n'), '400 BOUNDARY_UNCLEAR'],
    ['no end', sound, '400 BODY_ENDS_EARLY'],
    ['an end within the header', `--${BOUNDARY}\r\n${disposition}\r\n`, '400 BODY_ENDS_EARLY'],
    ['an end within the content', sound.slice(0, -3), '400 BODY_ENDS_EARLY'],
    ['half a closing boundary', `${sound}--${BOUNDARY}-`, '400 BODY_ENDS_EARLY'],
    [
      'a line that begins with the boundary',
      part(disposition, `a\r\n--${BOUNDARY}2\r\nb`) + END,
      '400 BOUNDARY_UNCLEAR',
    ],
    ['a closing boundary that goes on', `${sound}--${BOUNDARY}--x\r\n`, '400 BOUNDARY_UNCLEAR'],
    ['blanks without end behind a boundary', `--${BOUNDARY}${' '.repeat(80)}\r\n`, '400 BOUNDARY_UNCLEAR'],
    ['no header at all', `--${BOUNDARY}\r\n\r\none\r\n${END}`, '400 PART_HEADER_WRONG'],
    ['no disposition', part('Content-Type: text/csv', 'one') + END, '400 PART_HEADER_WRONG'],
    ['another disposition', part('Content-Disposition: attachment; name="a"', 'one') + END, '400 PART_HEADER_WRONG'],
    ['two dispositions', part([disposition, disposition], 'one') + END, '400 PART_HEADER_WRONG'],
    ['two types', part([disposition, 'Content-Type: text/csv', 'content-type: a/b']) + END, '400 PART_HEADER_WRONG'],
    ['a name twice', part('Content-Disposition: form-data; name="a"; name="b"') + END, '400 PART_HEADER_WRONG'],
    ['no name', part('Content-Disposition: form-data; filename="b"') + END, '400 PART_HEADER_WRONG'],
    ['an empty name', part('Content-Disposition: form-data; name=""') + END, '400 PART_HEADER_WRONG'],
    ['a header without a name', part(': form-data; name="a"') + END, '400 PART_HEADER_WRONG'],
    ['a blank before the colon', part('Content-Disposition : form-data; name="a"') + END, '400 PART_HEADER_WRONG'],
    ['a quote that does not close', part('Content-Disposition: form-data; name="a') + END, '400 PART_HEADER_WRONG'],
    ['NUL in a name', part('Content-Disposition: form-data; name="a\0b"') + END, '400 PART_HEADER_WRONG'],
    ['CR in a header', part(`${disposition}\rX: y`) + END, '400 PART_HEADER_WRONG'],
    ['LF in a header', part(`${disposition}\nX: y`) + END, '400 PART_HEADER_WRONG'],
    ['a name that is no UTF-8', part('Content-Disposition: form-data; name="\xff"') + END, '400 PART_HEADER_WRONG'],
    [
      'a filename* that is no UTF-8',
      part("Content-Disposition: form-data; name=a; filename*=UTF-8''%FF") + END,
      '400 PART_HEADER_WRONG',
    ],
    ['a type that is none', part([disposition, 'Content-Type: csv'], 'one') + END, '400 PART_HEADER_WRONG'],
    ['a header that is too large', part([disposition, `X: ${'x'.repeat(1100)}`]) + END, '400 PART_HEADER_TOO_LARGE'],
    ['a header without end', `--${BOUNDARY}\r\nX: ${'x'.repeat(5000)}`, '400 PART_HEADER_TOO_LARGE'],
    ['a long name', field('x'.repeat(51), '') + END, '400 PART_NAME_TOO_LONG'],
    ['nested parts', part([disposition, 'Content-Type: multipart/mixed; boundary=b'], '') + END, '400 PART_NESTED'],
    ['a compressed part', part([disposition, 'Content-Encoding: gzip'], '') + END, '415 UPLOAD_ENCODED'],
    [
      'an unknown encoding',
      part([disposition, 'Content-Transfer-Encoding: uuencode']) + END,
      '400 PART_ENCODING_UNKNOWN',
    ],
    ['too many parts', field('a', '').repeat(21), '400 TOO_MANY_FIELDS'],
    ['too many files', file('a', 'a', 'x').repeat(21), '400 TOO_MANY_PARTS'],
    [
      'fields that are too large',
      field('a', 'x'.repeat(600)) + field('b', 'x'.repeat(600)) + END,
      '413 FIELDS_TOO_LARGE',
    ],
    ['a field twice', field('a', '1') + field('a', '2') + END, '400 FIELD_REPEATED'],
    ['a field that is no UTF-8', field('a', '\xff') + END, '400 FIELD_NOT_TEXT'],
    ['a field of no charset', field('a', 'x', 'Content-Type: text/plain; charset=klingon') + END, '400 FIELD_NOT_TEXT'],
  ];
  for (const [what, body, verdict] of cases) {
    test(`${what}: ${verdict}`, async () => {
      assert.equal(await refused(body), verdict);
    });
  }

  for (const boundary of ['', ' ', 'a ', 'a\u0000', 'x'.repeat(71), 'a"b', 'ä']) {
    test(`the boundary ${JSON.stringify(boundary).slice(0, 20)}`, async () => {
      assert.equal(await refused(sound + END, boundary), '400 BOUNDARY_WRONG');
    });
  }

  test('a message never holds a value of the body', async () => {
    const marker = 'Roe Max 1990';
    for (const [, body] of cases) {
      const marked = body.replaceAll('one', marker);
      await read(marked).catch((error: Error) => assert.ok(!error.message.includes(marker), error.message));
    }
  });
});
