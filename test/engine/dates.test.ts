import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { DateParts } from '../../engine/contracts/item.ts';
import {
  compileDateReader,
  compileDateWriter,
  datePatternProblem,
  inZone,
  isZone,
  shift,
  today,
  toInstant,
} from '../../engine/dates.ts';
import { WaybillError } from '../../engine/errors.ts';

const NONE: DateParts = {
  year: 1,
  month: 1,
  day: 1,
  hour: 0,
  minute: 0,
  second: 0,
  millisecond: 0,
  offset: undefined,
};

function read(pattern: string, text: string, day = '2026-06-15'): DateParts | undefined {
  return compileDateReader(pattern)(text, day);
}

function raises(code: string, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof WaybillError && error.code === code);
}

describe('reading dates', () => {
  const good: readonly [pattern: string, text: string, parts: Partial<DateParts>][] = [
    ['yyyy-MM-dd', '2024-02-29', { year: 2024, month: 2, day: 29 }],
    ['M/d/yyyy', '2/3/1990', { year: 1990, month: 2, day: 3 }],
    ['M/d/yyyy', '02/03/1990', { year: 1990, month: 2, day: 3 }],
    ['M/d/yy', '12/31/25', { year: 2025, month: 12, day: 31 }],
    ['M/d/yy', '6/15/26', { year: 2026, month: 6, day: 15 }],
    ['M/d/yy', '6/16/26', { year: 1926, month: 6, day: 16 }],
    ['yyyyMMddHHmmss', '20200131174231', { year: 2020, day: 31, hour: 17, minute: 42, second: 31 }],
    ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", '2020-01-31T17:42:31.250Z', { millisecond: 250, offset: 0 }],
    ["yyyy-MM-dd'T'HH:mmxxx", '2020-01-31T17:42-07:30', { hour: 17, minute: 42, offset: -450 }],
    ['yyyyMMddHHmmxx', '202001311742+0530', { offset: 330 }],
    ['yyyyMMddHHmmZ', '202001311742-0700', { offset: -420 }],
    ['yyyyMMddHHx', '2020013117+01', { offset: 60 }],
    ['yyyyMMddHHx', '2020013117+0130', { offset: 90 }],
    ['yyyyMMddHHmmss.SSSSSS', '20200131174231.123987', { millisecond: 123 }],
    ['yyyyMMddHHmmss.S', '20200131174231.5', { millisecond: 500 }],
    ['h:mm a M/d/yyyy', '12:05 am 1/2/2020', { hour: 0, minute: 5 }],
    ['h:mm a M/d/yyyy', '12:05 PM 1/2/2020', { hour: 12, minute: 5 }],
    ['yyyy', '2020', { year: 2020, month: 1, day: 1, hour: 0 }],
    ["d. M. yyyy 'o''clock' H", "3. 2. 2020 o'clock 7", { day: 3, month: 2, hour: 7 }],
  ];
  for (const [pattern, text, parts] of good) {
    test(`${pattern} takes ${text}`, () => {
      const found = read(pattern, text);
      assert.deepEqual(found, { ...NONE, ...found, ...parts });
    });
  }

  const bad: readonly [pattern: string, text: string][] = [
    ['yyyy-MM-dd', '2023-02-29'],
    ['yyyy-MM-dd', '1900-02-29'],
    ['yyyy-MM-dd', '2024-2-29'],
    ['yyyy-MM-dd', '2024-02-29 '],
    ['yyyy-MM-dd', ' 2024-02-29'],
    ['yyyy-MM-dd', '2024-13-01'],
    ['yyyy-MM-dd', '2024-00-01'],
    ['yyyy-MM-dd', '2024-01-00'],
    ['yyyy-MM-dd', '0000-01-01'],
    ['yyyy-MM-dd', '２０２４-01-01'],
    ['M/d/yyyy', '31/01/2020'],
    ['M/d/yyyy', '1-31-2020'],
    ['M/d/yyyy', '001/1/2020'],
    ['M/d/yy', '1/1/2020'],
    ['M/d/yy', '2/29/00'.replace('00', '23')],
    ['yyyyMMddHHmm', '202001312400'],
    ['yyyyMMddHHmm', '202001312360'],
    ['yyyyMMddHHmmss', '20200131235960'],
    ['h a yyyy', '13 AM 2020'],
    ['h a yyyy', '0 AM 2020'],
    ['h a yyyy', '1 XM 2020'],
    ['yyyyMMddHHxx', '2020013117+01'],
    ['yyyyMMddHHxxx', '2020013117+0100'],
    ['yyyyMMddHHxx', '2020013117+1401'],
    ['yyyyMMddHHxx', '2020013117+0160'],
    ['yyyyMMddHHxx', '2020013117Z'],
    ['yyyyMMdd', ''],
  ];
  for (const [pattern, text] of bad) {
    test(`${pattern} does not take ${JSON.stringify(text)}`, () => assert.equal(read(pattern, text), undefined));
  }

  test('a two-digit year without a given day lies in the past of the clock', () => {
    const found = compileDateReader('yy-MM-dd')('99-12-31');
    assert.ok(found && toInstant(found, 'UTC') <= Date.now() && found.year > new Date().getUTCFullYear() - 100);
  });
});

describe('writing dates', () => {
  const parts: DateParts = {
    year: 2024,
    month: 3,
    day: 5,
    hour: 0,
    minute: 7,
    second: 9,
    millisecond: 42,
    offset: undefined,
  };
  const cases: readonly [pattern: string, text: string, offset?: number][] = [
    ['yyyyMMddHHmmss', '20240305000709'],
    ['M/d/yy h:mm a', '3/5/24 12:07 AM'],
    ['H:m:s.SSSS', '0:7:9.0420'],
    ['s.S', '9.0'],
    ["'am' d.M.", 'am 5.3.'],
    ["yyyy''MM", "2024'03"],
    ['HHx', '00-07', -420],
    ['HHx', '00+0530', 330],
    ['HHxx', '00+0000', 0],
    ['HHxxx', '00-07:00', -420],
    ['HHX', '00Z', 0],
    ['HHXX', '00-0030', -30],
    ['HHXXX', '00+14:00', 840],
    ['HHZ', '00-0700', -420],
  ];
  for (const [pattern, text, offset] of cases) {
    test(`${pattern} gives ${text}`, () => assert.equal(compileDateWriter(pattern)({ ...parts, offset }), text));
  }

  test('an offset that the date lacks comes from the zone that the caller gives', () => {
    const write = compileDateWriter('yyyyMMddHHmmxx');
    assert.equal(write(parts, 'America/Denver'), '202403050007-0700');
    assert.equal(write({ ...parts, month: 7 }, 'America/Denver'), '202407050007-0600');
    assert.equal(write({ ...parts, offset: 0 }, 'America/Denver'), '202403050007+0000');
    raises('DATE_WITHOUT_ZONE', () => write(parts));
  });

  test('what is written is read again', () => {
    const patterns = ['yyyyMMddHHmmss.SSSxx', "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", 'd.M.yyyy h:m:s.SSS a xxx'];
    const instant = fc.integer({ min: -60_000_000_000_000, max: 250_000_000_000_000 });
    fc.assert(
      fc.property(instant, fc.constantFrom(...patterns), (at, pattern) => {
        const written = compileDateWriter(pattern)(inZone(at, '+05:45'));
        const again = compileDateReader(pattern)(written);
        assert.equal(again && toInstant(again, 'UTC'), at);
      }),
    );
  });
});

describe('patterns', () => {
  const problems: readonly [pattern: string, use: 'read' | 'write', words: RegExp][] = [
    ['', 'write', /empty/],
    ['YYYY-MM-dd', 'write', /yyyy/],
    ['yyyy-MM-DD', 'write', /dd/],
    ['yyyy-MM-ddTHH', 'write', /'T'/],
    ['yyy', 'write', /yyyy or yy/],
    ['yyyy-MM-dd MM', 'write', /twice/],
    ['yyyyxX', 'write', /twice/],
    ["yyyy 'at", 'write', /not closed/],
    ["yyyy 'at''", 'write', /not closed/],
    ['MM-dd', 'read', /no year/],
    ['yyyy-dd', 'read', /no month/],
    ['yyyy-MM-dd hh:mm', 'read', /AM or PM/],
    ['yyyyMdd', 'read', /write MM/],
    ["yyyyM'1'", 'read', /write MM/],
  ];
  for (const [pattern, use, words] of problems) {
    test(`${JSON.stringify(pattern)} cannot ${use}`, () => {
      assert.match(datePatternProblem(pattern, use) ?? '', words);
      raises('BAD_DATE_PATTERN', () => (use === 'read' ? compileDateReader(pattern) : compileDateWriter(pattern)));
    });
  }

  test('a part of a date can be written though it cannot be read', () => {
    assert.equal(datePatternProblem('HHmm'), undefined);
    assert.equal(datePatternProblem('yyyyMMddHHmmssxx', 'read'), undefined);
  });
});

describe('zones', () => {
  const at = (text: string) => read("yyyy-MM-dd'T'HH:mm", text)!;
  const iso = (text: string, zone: string) => new Date(toInstant(at(text), zone)).toISOString().slice(0, 16);

  test('a time that is skipped is taken by the offset before; one that comes twice is its first', () => {
    assert.equal(iso('2024-03-10T01:59', 'America/Denver'), '2024-03-10T08:59');
    assert.equal(iso('2024-03-10T02:30', 'America/Denver'), '2024-03-10T09:30');
    assert.equal(iso('2024-03-10T03:00', 'America/Denver'), '2024-03-10T09:00');
    assert.equal(iso('2024-11-03T01:30', 'America/Denver'), '2024-11-03T07:30');
    assert.equal(iso('2024-11-03T02:00', 'America/Denver'), '2024-11-03T09:00');
    assert.equal(iso('2024-10-06T02:15', 'Australia/Lord_Howe'), '2024-10-05T15:45');
  });

  test('an offset in the date wins over the zone', () => {
    const parts = read('yyyyMMddHHmmxx', '202401010000+0100')!;
    assert.equal(toInstant(parts, 'America/Denver'), Date.UTC(2023, 11, 31, 23));
  });

  test('an instant is shown in a zone, with its offset', () => {
    const parts = inZone(Date.UTC(2024, 6, 1, 3, 4, 5, 6), 'America/Denver');
    const expected = { year: 2024, month: 6, day: 30, hour: 21, minute: 4, second: 5, millisecond: 6, offset: -360 };
    assert.deepEqual(parts, expected);
    assert.equal(today(Date.UTC(2024, 0, 1, 3), 'America/Denver'), '2023-12-31');
    assert.equal(today(Date.UTC(2024, 0, 1, 3), 'Asia/Kolkata'), '2024-01-01');
  });

  test('there and back is the same instant, in odd zones and years, and agrees with Intl', () => {
    const zone = fc.constantFrom('America/Denver', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Asia/Kathmandu', 'UTC');
    const instant = fc.integer({ min: Date.UTC(1920, 0, 1), max: Date.UTC(2090, 0, 1) });
    fc.assert(
      fc.property(instant, zone, (ms, name) => {
        const parts = inZone(ms, name);
        assert.equal(toInstant(parts, 'UTC'), ms);
        const format = new Intl.DateTimeFormat('en-GB', { timeZone: name, dateStyle: 'short', timeStyle: 'short' });
        const written = compileDateWriter('dd/MM/yyyy, HH:mm')(parts);
        // Offsets of local mean time have seconds, which are rounded here.
        if (parts.offset !== undefined && parts.offset % 15 === 0) assert.equal(format.format(ms), written);
      }),
    );
  });

  test('names', () => {
    assert.ok(isZone('Europe/Berlin') && isZone('UTC') && !isZone('Mars/Olympus') && !isZone(''));
    raises('UNKNOWN_TIME_ZONE', () => inZone(0, 'Mars/Olympus'));
  });

  test('a shift goes by the calendar and keeps the offset', () => {
    const parts = { ...at('2024-02-28T23:59'), offset: 60 };
    const moved = { year: 2024, month: 2, day: 29, hour: 0, minute: 0, second: 5, millisecond: 0, offset: 60 };
    assert.deepEqual(shift(parts, 65_000), moved);
    assert.deepEqual(shift(moved, -65_000), parts);
    assert.equal(shift({ ...NONE, year: 50 }, -1).year, 49);
  });
});
