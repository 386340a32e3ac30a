/** Arbitrary inputs for the fuzzing of CSV: sound files in some charset that were damaged, and bytes of any kind. */
import fc from 'fast-check';
import type { CsvConfig } from '../../formats/csv/index.ts';

/** Bytes that matter to some layer: delimiters, quotes, line ends, NUL, marks, characters cut off, surrogates. */
export const PIECES: readonly Buffer[] = [
  ...['a', 'bc', '1', ' ', '"', '""', ',', ';', '\t', '|', '\n', '\r\n', '\r', "'", '=', '\u0000', 'é', '😀', '\ufeff'],
  ...['__proto__', 'constructor', 'toString', '\u2028', '\u0085', '\ufffd', 'n', 'm', 'o'],
].map((text) => Buffer.from(text));
const BROKEN: readonly Buffer[] = [
  'ff',
  'fe',
  'fffe',
  'feff',
  'c3',
  'e282',
  'f09f98',
  'eda080',
  'c0af',
  '80',
  'd83d',
  '3dd8',
  '81',
].map((hex) => Buffer.from(hex, 'hex'));

const piece = fc.constantFrom(...PIECES, ...BROKEN);
const DELIMITERS = [',', ';', '\t', '|'];
const ENDS = ['\n', '\r\n', '\r'];

/** A table as text: its fields quoted where they must be. */
const table = fc
  .record({
    header: fc.constantFrom(
      ['n', 'm', 'o'],
      ['__proto__', 'constructor', 'm'],
      ['n', 'toString', 'hasOwnProperty'],
      ['N', ' m ', 'o'],
      ['n', 'n', ''],
    ),
    rows: fc.array(
      fc.array(
        fc.oneof(
          fc.string({ maxLength: 6, unit: 'binary' }),
          fc.constantFrom('__proto__', 'Female', '2026-01-02', 'a\nb'),
        ),
        {
          minLength: 2,
          maxLength: 4,
        },
      ),
      { maxLength: 8 },
    ),
    delimiter: fc.constantFrom(...DELIMITERS),
    end: fc.constantFrom(...ENDS),
    lastEnd: fc.boolean(),
  })
  .map(({ header, rows, delimiter, end, lastEnd }) => {
    const lines = [header, ...rows].map((fields) => fields.map((field) => written(field, delimiter)).join(delimiter));
    return lines.join(end) + (lastEnd ? end : '');
  });

function written(field: string, delimiter: string): string {
  return /["\r\n]/.test(field) || field.includes(delimiter) ? `"${field.replaceAll('"', '""')}"` : field;
}

function encoded(text: string, charset: string): Buffer {
  switch (charset) {
    case 'utf-8 with a mark':
      return Buffer.from(`\ufeff${text}`);
    case 'utf-16le with a mark':
      return Buffer.from(`\ufeff${text}`, 'utf16le');
    case 'utf-16be with a mark':
      return Buffer.from(`\ufeff${text}`, 'utf16le').swap16();
    case 'latin1':
      return Buffer.from(text, 'latin1');
    default:
      return Buffer.from(text);
  }
}

const sound = fc
  .tuple(table, fc.constantFrom('utf-8', 'utf-8 with a mark', 'utf-16le with a mark', 'utf-16be with a mark', 'latin1'))
  .map(([text, charset]) => encoded(text, charset));

/** One thing that goes wrong on the way; `at` and `length` are shares of the file. */
type Damage = (bytes: Buffer) => Buffer;
const share = fc.double({ min: 0, max: 1, noNaN: true });
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(share, piece, fc.integer({ min: 1, max: 3 })).map(([at, what, times]) => inserted(at, what, times)),
  fc.tuple(share, piece).map(([at, what]) => overwritten(at, what)),
  fc.tuple(share, share).map(([at, length]) => removed(at, length)),
  fc.tuple(share, share).map(([at, length]) => doubled(at, length)),
  share.map((at) => (bytes: Buffer) => bytes.subarray(0, Math.floor(at * bytes.length))),
  fc
    .tuple(share, fc.constantFrom('x', '"', ',', '\n', '""', 'é'), fc.integer({ min: 100, max: 1500 }))
    .map(([at, what, times]) => inserted(at, Buffer.from(what), times)),
);

function inserted(at: number, what: Buffer, times: number): Damage {
  return (bytes) => {
    const place = Math.floor(at * bytes.length);
    return Buffer.concat([bytes.subarray(0, place), ...Array<Buffer>(times).fill(what), bytes.subarray(place)]);
  };
}

function overwritten(at: number, what: Buffer): Damage {
  return (bytes) => {
    const place = Math.floor(at * bytes.length);
    return Buffer.concat([bytes.subarray(0, place), what, bytes.subarray(place + what.length)]);
  };
}

function removed(at: number, length: number): Damage {
  return (bytes) => {
    const place = Math.floor(at * bytes.length);
    const end = place + Math.floor((length * (bytes.length - place)) / 4);
    return Buffer.concat([bytes.subarray(0, place), bytes.subarray(end)]);
  };
}

function doubled(at: number, length: number): Damage {
  return (bytes) => {
    const place = Math.floor(at * bytes.length);
    const end = place + Math.floor(length * (bytes.length - place));
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(place)]);
  };
}

/** Bytes of a file that was sound once, or of none that ever was. */
export const input: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(sound, fc.array(damage, { maxLength: 4 }))
      .map(([bytes, all]) => all.reduce((one, done) => done(one), bytes)),
  },
  { weight: 2, arbitrary: fc.array(piece, { maxLength: 60 }).map((parts) => Buffer.concat(parts)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
);

/** Settings, small caps among them. */
export const settings: fc.Arbitrary<CsvConfig> = fc.record(
  {
    delimiter: fc.constantFrom('auto', 'tab', ',', ';', '¦'),
    quotes: fc.constantFrom('strict', 'relaxed', 'none'),
    charset: fc.constantFrom('auto', 'utf-8', 'utf-16le', 'utf-16be', 'windows-1252', 'iso-8859-8'),
    header: fc.constantFrom('required', 'none'),
    maxField: fc.constantFrom(8, 200, 5000),
    maxRecord: fc.constantFrom(16, 300, 6000),
    maxColumns: fc.constantFrom(2, 10),
  },
  { requiredKeys: [] },
);

/** Sizes of the chunks in which a body is given out, for the scan and for the reading. */
export const chunking = fc.record({
  scan: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(64, 1000, 65_536)),
  read: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(64, 1000, 65_536)),
});
