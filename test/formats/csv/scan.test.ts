import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RefusedError } from '../../../engine/errors.ts';
import { blocksOf, itemsOf, open, scanOf } from './support.ts';

const MAP = `
recordMap: people
columns:
  - { name: id, aliases: [patient_id, Patient ID], required: true }
  - { name: name }
  - { name: note, inHeader: required }
`;

/** Expects a refusal with this code and place, and gives its message. */
async function refusal(
  run: Promise<unknown>,
  code: string,
  place: { readonly line: number; readonly column?: number },
): Promise<string> {
  const error = await run.then(
    () => assert.fail(`not refused, ${code} expected`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RefusedError, String(error));
  assert.deepEqual({ code: error.code, ...error.place }, { code, ...place }, error.message);
  return error.message;
}

describe('the scan of a good file', () => {
  test('counts the rows and says where the first begins', async () => {
    const { scan } = await scanOf(open({}, MAP), 'name,id,note\nA,1,\nB,2,x\n');
    const details = { delimiter: ',', header: ['name', 'id', 'note'], width: 3, columns: [1, 0, 2] };
    assert.deepEqual(scan, { items: 2, charset: 'utf-8', transcoded: false, cursor: 13, lines: 1, details });
    assert.deepEqual(JSON.parse(JSON.stringify(scan)), scan);
  });

  test('a header alone is a good file with no row', async () => {
    const scanned = await scanOf(open({}, MAP), 'id,note');
    assert.equal(scanned.scan.items, 0);
    assert.deepEqual(await blocksOf(open({}, MAP), scanned), []);
  });

  test('a byte order mark is no part of the first name', async () => {
    const { scan } = await scanOf(open({}, MAP), '\ufeffid,note\n1,\n');
    assert.deepEqual([scan.cursor, scan.items, scan.details.header], [11, 1, ['id', 'note']]);
  });

  test('names are found by alias, with white space around them, and in any case where the map says so', async () => {
    const header = async (line: string, more = '') =>
      (await scanOf(open({}, MAP + more), `${line}\n`)).scan.details.columns;
    assert.deepEqual(await header('note, Patient ID '), [1, -1, 0]);
    assert.deepEqual(await header('NOTE,Name,PATIENT_ID', 'headerCase: ignore\n'), [2, 1, 0]);
  });

  test('lines without any character are no rows, wherever they stand', async () => {
    const input = '\r\nid,note\n\n1,a\n\r\n2,b\n\n\n';
    const items = await itemsOf(open({}, MAP), input);
    assert.deepEqual(
      items.map((item) => [item.line, item.values[0]]),
      [
        [4, '1'],
        [6, '2'],
      ],
    );
  });

  test('without a header, columns are taken by position', async () => {
    const { scan } = await scanOf(open({ header: 'none' }, MAP), '1,A,\n2,B,\n');
    assert.deepEqual([scan.items, scan.cursor, scan.details], [2, 0, { delimiter: ',', width: 3, columns: [0, 1, 2] }]);
    const [first] = await itemsOf(open({ header: 'none' }), 'x;y\n');
    assert.deepEqual(first?.values, ['x', 'y']);
  });
});

describe('the delimiter', () => {
  const cases: readonly [string, string][] = [
    ['id,name,note', ','],
    ['id;name;note', ';'],
    ['id\tname\tnote', '\t'],
    ['id|name|note', '|'],
    ['"id;x";"a,b,c,d,e";note;id', ';'],
    ['id', ','],
  ];
  for (const [line, delimiter] of cases) {
    test(`${JSON.stringify(line)} is delimited by ${JSON.stringify(delimiter)}`, async () => {
      const { scan } = await scanOf(open(), `${line}\n`);
      assert.equal(scan.details.delimiter, delimiter);
    });
  }

  test('with a record map its columns decide, not the number of pieces', async () => {
    const { scan } = await scanOf(open({}, MAP), 'id;note;a,b,c,d,e,f\n');
    assert.equal(scan.details.delimiter, ';');
  });

  test('can be named; the format wins over the record map', async () => {
    const yaml = `${MAP}delimiter: tab\n`;
    assert.equal((await scanOf(open({}, yaml), 'id\tnote\n')).scan.details.delimiter, '\t');
    assert.equal((await scanOf(open({ delimiter: '¦' }, yaml), 'id¦note\n1¦2\n')).scan.items, 1);
  });
});

describe('a header that is refused', () => {
  test('lacks required columns: one error with all of them, and what was found', async () => {
    const message = await refusal(scanOf(open({}, MAP), 'ID,name,x\n'), 'COLUMNS_MISSING', { line: 1 });
    assert.match(message, /lacks id, note\. Found: ID, name, x\. ID may be id\./);
  });

  test('shows no names where the line may be data', async () => {
    const message = await refusal(scanOf(open({}, MAP), 'Doe,Jane,12.3.1980\n'), 'COLUMNS_MISSING', { line: 1 });
    assert.match(message, /Found: 3 names, none of them in the record map\./);
    assert.doesNotMatch(message, /Doe|Jane|1980/);
  });

  const refused: readonly [what: string, input: string, code: string, more?: string][] = [
    ['has an empty name', 'id,,note\n', 'HEADER_NAME_EMPTY'],
    ['repeats a name', 'id,note,note\n', 'HEADER_NAME_REPEATED'],
    ['repeats a name that the map does not know', 'id,note,x,x\n', 'HEADER_NAME_REPEATED'],
    ['names one column twice', 'id,Patient ID,note\n', 'HEADER_NAME_REPEATED'],
    ['has extra columns where none may be', 'id,note,x\n', 'EXTRA_COLUMNS', 'extraColumns: refuse\n'],
  ];
  for (const [what, input, code, more = ''] of refused) {
    test(what, async () => {
      await refusal(scanOf(open({}, MAP + more), input), code, { line: 1 });
    });
  }

  test('is not there', async () => {
    for (const input of ['', '\n\r\n', '\ufeff', '\ufeff\n'])
      await refusal(scanOf(open(), input), 'EMPTY_FILE', { line: 1 });
  });
});

describe('quotes', () => {
  const bad: readonly [what: string, input: string, line: number, column: number][] = [
    ['a quote inside a plain field', 'a,b\n1,x\n2,ab"c\n', 3, 5],
    ['text after a closing quote', 'a,b\r\n1,x\r\n2,"ab"c\r\n', 3, 6],
    ['text after a closing quote on another line', 'a,b\n"1\n\n2"x,y\n', 4, 2],
    ['a quoted field that is not closed', 'a,b\n1,x\n2,"abc\nd,e\n', 3, 3],
    ['a quote in the header', 'a,b"\n1,x\n', 1, 4],
    ['a space after a closing quote', 'a,b\n"1" ,x\n', 2, 3],
    ['characters of several bytes before it', 'a,b\nžlutý,k"ůň\n', 2, 8],
  ];
  for (const chunkBytes of [1, 7, 65_536]) {
    for (const [what, input, line, column] of bad) {
      test(`${what} refuses the file (chunks of ${chunkBytes})`, async () => {
        await refusal(scanOf(open({ delimiter: ',' }), input, chunkBytes), 'BAD_QUOTE', { line, column });
      });
    }
  }

  test('the message holds no value', async () => {
    const message = await refusal(scanOf(open(), 'a,b\nSmith"x,"Jones\n'), 'BAD_QUOTE', { line: 2, column: 6 });
    assert.doesNotMatch(message, /Smith|Jones/);
  });

  test('relaxed takes stray quotes as text, but not an open end', async () => {
    const [item] = await itemsOf(open({ quotes: 'relaxed' }), 'a,b\n2,ab"c\n');
    assert.deepEqual(item?.values, ['2', 'ab"c']);
    await refusal(scanOf(open({ quotes: 'relaxed' }), 'a,b\n2,"abc\n'), 'BAD_QUOTE', { line: 2, column: 3 });
  });

  test('none takes every quote as text', async () => {
    const items = await itemsOf(open({ quotes: 'none' }), 'a\tb\n"2\tab"c\n"\t""\n');
    assert.deepEqual(
      items.map((item) => item.values),
      [
        ['"2', 'ab"c'],
        ['"', '""'],
      ],
    );
  });
});

describe('what is too large', () => {
  test('a field', async () => {
    const input = `a,b\n1,2\n3,${'x'.repeat(2001)}\n`;
    await refusal(scanOf(open({ maxField: 2000 }), input), 'FIELD_TOO_LARGE', { line: 3 });
    assert.equal((await scanOf(open({ maxField: 2001 }), input)).scan.items, 2);
  });

  test('a field without an end is given up early', async () => {
    let read = 0;
    const source = {
      path: 'endless',
      bytes: 1e12,
      async *read() {
        yield Buffer.from('a,b\n1,"');
        for (;;) {
          read += 65_536;
          yield Buffer.alloc(65_536, 'x');
        }
      },
    };
    const context = { signal: new AbortController().signal, transcode: () => assert.fail('it is UTF-8') };
    await refusal(open().scan!(source, context), 'RECORD_TOO_LARGE', { line: 2 });
    assert.ok(read < 10_000_000, `${read} bytes were read`);
  });

  test('a row of delimiters, and a header of them', async () => {
    await refusal(scanOf(open(), `a,b\n${','.repeat(5_000_000)}\n`), 'RECORD_TOO_LARGE', { line: 2 });
    await refusal(scanOf(open(), `a,b\n${','.repeat(20_000)}\n`), 'TOO_MANY_COLUMNS', { line: 2 });
    await refusal(scanOf(open(), `${','.repeat(20_000)}\n`), 'TOO_MANY_COLUMNS', { line: 1 });
    assert.equal((await scanOf(open({ maxColumns: 20_001 }), `${','.repeat(20_000)}\n`)).scan.items, 0);
  });

  test('many empty lines are not a row, so not a large one', async () => {
    const input = `a,b\n1,2\n${'\r\n'.repeat(2_100_000)}3,4\n`;
    for (const quotes of ['strict', 'relaxed'] as const) {
      const items = await itemsOf(open({ quotes }), input);
      assert.deepEqual(
        items.map((item) => item.line),
        [2, 2_100_003],
      );
    }
  });

  test('a signal ends the scan', async () => {
    const signal = AbortSignal.abort(new Error('stopped'));
    const source = {
      path: 'memory',
      bytes: 4,
      read: async function* () {
        yield Buffer.from('a,b\n');
      },
    };
    await assert.rejects(open().scan!(source, { signal, transcode: () => assert.fail() }), /stopped/);
  });
});

describe('what is no row, and what is no row of a patient', () => {
  const shown = (items: Awaited<ReturnType<typeof itemsOf>>) =>
    items.map(({ line, faults }) => [line, faults[0]?.code ?? 'sound']);

  test('the mark behind the end of a text is no row, however the bytes come', async () => {
    for (const end of ['\x1a', '\x1a\r\n', '\x1a\n\n', '\n\x1a\n\x1a']) {
      for (const chunkBytes of [1, 2, 3, 65_536]) {
        const scanned = await scanOf(open({}, MAP), `id,note\n1,a\n2,b\n${end}`, chunkBytes);
        assert.equal(scanned.scan.items, 2);
        const blocks = await blocksOf(open({}, MAP), scanned, { chunkBytes, maxItems: 1 });
        assert.deepEqual(shown(blocks.flatMap(({ items }) => items)), [
          [2, 'sound'],
          [3, 'sound'],
        ]);
        assert.deepEqual(
          blocks.map((block) => block.end),
          [false, true],
        );
      }
    }
  });

  test('the same mark between rows is a row, and so is one within a value', async () => {
    const text = 'id,note\n1,a\n\x1a\n2,b\x1a';
    assert.equal((await scanOf(open({}, MAP), text)).scan.items, 3);
    assert.deepEqual(shown(await itemsOf(open({}, MAP), text)), [
      [2, 'sound'],
      [3, 'WRONG_COLUMN_COUNT'],
      [4, 'sound'],
    ]);
  });

  test('without a header the mark alone is an empty file, and behind rows no row', async () => {
    const format = open({ header: 'none' });
    await refusal(scanOf(format, '\x1a\r\n'), 'EMPTY_FILE', { line: 1 });
    assert.equal((await scanOf(format, '1\n2\n\x1a')).scan.items, 2);
    assert.equal((await itemsOf(format, '\x1a\n2\n\x1a')).length, (await scanOf(format, '\x1a\n2\n\x1a')).scan.items);
  });

  test('the header once more is an invalid row: two files were joined', async () => {
    const text = '\ufeffid,note\n1,a\n\ufeffid, note\n2,b\nid,other\n';
    assert.deepEqual(shown(await itemsOf(open({}, MAP), text)), [
      [2, 'sound'],
      [3, 'HEADER_REPEATED'],
      [4, 'sound'],
      [5, 'sound'],
    ]);
  });

  test('a file of another kind is named by what it is', async () => {
    const kinds: readonly (readonly [string, RegExp])[] = [
      ['PK\x03\x04\x14\0\x06\0', /workbook/],
      ['\x1f\x8b\x08\0\x9c', /gzip/],
      ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0', /old workbook/],
      ['%PDF-1.4\n%\xe2\xe3\xcf\xd3', /PDF/],
    ];
    for (const [bytes, kind] of kinds) {
      for (const chunkBytes of [1, 3, 65_536]) {
        const run = scanOf(open({}, MAP), Buffer.from(bytes, 'latin1'), chunkBytes);
        assert.match(await refusal(run, 'NOT_TEXT', { line: 1 }), kind);
      }
    }
  });
});
