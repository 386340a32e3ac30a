import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import iconv from 'iconv-lite';
import { scanOf } from '../csv/support.ts';
import { CHUNKS, items, open, refused, scan } from './support.ts';

const text = (charset: string, name = 'Zoë Müller', id = 'M1') =>
  `MSH|^~\\&|LAB||||20240102||ADT^A08|${id}|P|2.5.1||||||${charset}\rPID|1||7||${name}\r`;

describe('the charset of a file', () => {
  const declared: readonly [msh18: string, charset: string][] = [
    ['8859/1', 'iso-8859-1'],
    ['8859/15', 'iso-8859-15'],
    ['iso-8859-1', 'iso-8859-1'],
    ['WINDOWS-1252', 'windows-1252'],
  ];
  for (const [msh18, charset] of declared) {
    test(`MSH-18 ${msh18} is ${charset}; the copy is UTF-8, and says so when it is sent on`, async () => {
      for (const chunkBytes of CHUNKS) {
        const bytes = iconv.encode(`${text(msh18)}${text('', 'Ärger', 'M2')}`, charset);
        const { scan: found, body } = await scanOf(open(), bytes, chunkBytes);
        assert.deepEqual([found.charset, found.transcoded, found.cursor, found.items], [charset, true, 0, 2]);
        assert.equal(found.details.declaredCharset, msh18.toUpperCase());
        assert.equal(Buffer.from(body).toString(), iconv.decode(bytes, charset));
        const [first, second] = await items(bytes, {}, { chunkBytes });
        assert.equal(first?.path('PID-5'), 'Zoë Müller');
        assert.equal(first?.path('MSH-18'), msh18);
        assert.equal(Buffer.from(first?.bytes ?? []).toString(), text('UNICODE UTF-8'));
        assert.equal(Buffer.from(second?.bytes ?? []).toString(), text('UNICODE UTF-8', 'Ärger', 'M2'));
      }
    });
  }

  for (const charset of ['utf16le', 'utf16be']) {
    for (const addBOM of [true, false]) {
      test(`${charset} ${addBOM ? 'with' : 'without'} a byte order mark`, async () => {
        const bytes = iconv.encode(text('UNICODE UTF-16', 'Zoë 😀'), charset, { addBOM });
        const found = await scan(bytes);
        assert.equal(found.charset, charset.replace('utf16', 'utf-16'));
        const [item] = await items(bytes);
        assert.equal(item?.path('PID-5'), 'Zoë 😀');
        assert.equal(Buffer.from(item?.bytes ?? []).toString(), text('UNICODE UTF-8', 'Zoë 😀'));
      });
    }
  }

  test('UTF-8, ASCII and nothing are taken as they are', async () => {
    for (const msh18 of ['UNICODE UTF-8', '', 'unicode utf-8']) {
      const found = await scan(text(msh18));
      assert.deepEqual([found.charset, found.transcoded, found.details.ascii], ['utf-8', false, false]);
      assert.equal(Buffer.from((await items(text(msh18)))[0]?.bytes ?? []).toString(), text(msh18));
    }
    const found = await scan(text('ASCII', 'Smith'));
    assert.deepEqual([found.charset, found.transcoded, found.details.ascii], ['us-ascii', false, true]);
  });

  test('the first message is found behind its envelope and blank lines', async () => {
    const bytes = iconv.encode(`\r\nFHS|^~\\&\rBHS|^~\\&\r\n${text('8859/1')}BTS|1\rFTS|1`, 'iso-8859-1');
    assert.equal((await scan(bytes)).charset, 'iso-8859-1');
  });

  test('a byte order mark wins over everything, a setting over MSH-18', async () => {
    const marked = Buffer.from(`\uFEFF${text('8859/1')}`);
    assert.equal((await scan(marked, { charset: 'windows-1252' })).charset, 'utf-8');
    assert.equal((await items(marked))[0]?.path('PID-5'), 'Zoë Müller');
    const old = iconv.encode(text('UNICODE UTF-8') + text('8859/1'), 'windows-1252');
    assert.deepEqual([(await scan(old, { charset: 'windows-1252' })).items], [2]);
    assert.equal((await items(old, { charset: 'windows-1252' }))[1]?.path('PID-5'), 'Zoë Müller');
  });
});

describe('what is refused for its charset', () => {
  const at = (line: number, column: number) => ({ line, column });
  test('bytes that do not belong to it', async () => {
    await refused(text('ASCII'), 'UNDECODABLE', at(2, 13));
    await refused(iconv.encode(text('UNICODE UTF-8'), 'latin1'), 'UNDECODABLE', at(2, 13));
    await refused(iconv.encode(text(''), 'latin1'), 'UNDECODABLE', at(2, 13));
    const lone = Buffer.concat([iconv.encode(text(''), 'utf16le'), Buffer.from([0x00, 0xd8, 0x41, 0x00])]);
    await refused(lone, 'UNDECODABLE', at(3, 1));
  });

  test('a charset that cannot be read, or several', async () => {
    for (const name of ['ISO IR87', 'BIG-5', 'UNICODE UTF-16', 'SECRET', '~ISO IR87', 'ASCII~ISO IR87']) {
      await refused(`\r${text(name, 'Smith')}`, 'HL7_CHARSET_UNSUPPORTED', at(2, 1));
    }
    assert.equal((await scan(text('SECRET', 'Smith'), { charset: 'utf-8' })).details.declaredCharset, '');
  });

  test('a message that names another one than the file has', async () => {
    const other = text('8859/1', 'Smith', 'M2');
    await refused(text('UNICODE UTF-8', 'Smith') + other, 'HL7_CHARSET_MIXED', at(3, 1));
    await refused(text('', 'Smith') + other, 'HL7_CHARSET_MIXED', at(3, 1));
    assert.equal(
      (await scan(text('8859/1', 'Smith') + text('ASCII') + text(''))).items,
      3,
      'ASCII is in every charset',
    );
  });
});
