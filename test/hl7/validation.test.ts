import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseMessage } from '../../hl7/parse.ts';
import { isWritten } from '../../hl7/validation/formats.ts';
import { openValidator, type ValidationSettings } from '../../hl7/validation/index.ts';

const MSH = (version = '2.5.1') => `MSH|^~\\&|LAB|A|IIS|B|20240102||ADT^A08^ADT_A01|M1|P|${version}`;
const PID = 'PID|1||7^^^LAB&1.2.3&ISO^MR||SECRET^Max||19800229';

async function issues(
  text: string,
  settings: Partial<ValidationSettings> = {},
): Promise<(readonly [path: string, code: string, line: number])[]> {
  const check = await openValidator(settings);
  const found = check(parseMessage(text));
  for (const { reason } of found) assert.doesNotMatch(reason, /SECRET/);
  return found.map(({ path, code, line }) => [path, code, line]);
}

describe('a message against the dictionary', () => {
  const good: readonly (readonly [what: string, text: string])[] = [
    ['a plain message', `${MSH()}\rPID|1||7^^^LAB&1.2.3&ISO^MR||Doe^Max||19800229|M\r`],
    ['Z segments and blank lines', `${MSH()}\n\n${PID}\nZXY|what|ever^1&2~3\nZZZ`],
    ['deletes', `${MSH()}\r${PID}|""|||""\r`],
    ['separators at the end', `${MSH()}|||||||||||||\r${PID}${'|'.repeat(60)}\r`],
    [
      'other delimiters',
      `MSH#*~\\&#LAB#A#IIS#B#20240102##ADT*A08*ADT_A01#M1#P#2.5.1\rPID#1##7***LAB&1.2.3&ISO*MR##Doe*Max\r`,
    ],
    ['repetitions', `${MSH()}\rPID|1||7~8^^^LAB&1.2.3&ISO^MR||Doe^Max~Roe^Max\r`],
    ['a code of a later version, as guides want', `${MSH()}\rOBR|1|||1^A^LN\rOBX|1|CWE|1^A^LN||1^A^LN||||||F\r`],
    ['codes of one entry, and of a pattern', `${MSH('2.3')}\rPID|1||7^^^LAB&1.2.3&L||Doe^Max\r`],
    [
      'a time with its precision, before 2.6',
      `${MSH()}\r${PID}&D\rPV1|1|O|${'|'.repeat(41)}20240102^D\r`.replace('&D', ''),
    ],
    ['a field that was withdrawn later keeps what it held', `${MSH()}\rPID|1|7^^^LAB|7||Doe^Max\r`],
  ];
  for (const [what, text] of good)
    test(`nothing is wrong with ${what}`, async () => assert.deepEqual(await issues(text), []));

  const bad: readonly (readonly [what: string, rest: string, found: readonly (readonly [string, string, number])[]])[] =
    [
      ['an unknown segment', 'ABC|1\r', [['ABC', 'HL7_SEGMENT_UNKNOWN', 3]]],
      ['a segment of a later version', 'ARV|1\r', [['ARV', 'HL7_SEGMENT_UNKNOWN', 3]]],
      ['a field too many', `EVN|A08|20240102|||||F|SECRET\r`, [['EVN-8', 'HL7_FIELD_UNKNOWN', 3]]],
      ['a withdrawn field', 'MSA|AA|1|||SECRET\r', [['MSA-5', 'HL7_FIELD_WITHDRAWN', 3]]],
      ['a required field that is empty', 'NK1||Doe\r', [['NK1-1', 'HL7_VALUE_MISSING', 3]]],
      [
        'required fields behind the end',
        'OBX|1\r',
        [
          ['OBX-3', 'HL7_VALUE_MISSING', 3],
          ['OBX-11', 'HL7_VALUE_MISSING', 3],
        ],
      ],
      ['a code that is not in its table', 'MSA|SECRET|1\r', [['MSA-1', 'HL7_VALUE_NOT_IN_TABLE', 3]]],
      ['a code inside a component', 'NK1|1|Doe^Max^^^^^SECRET\r', [['NK1-2.7', 'HL7_VALUE_NOT_IN_TABLE', 3]]],
      ['a code inside a subcomponent', 'PV1|1|O|W^1^2^A&1.2&SECRET\r', [['PV1-3.4.3', 'HL7_VALUE_NOT_IN_TABLE', 3]]],
      [
        'a number that is none',
        'DG1|1||||||||||||||SECRET\r',
        [
          ['DG1-6', 'HL7_VALUE_MISSING', 3],
          ['DG1-15', 'HL7_VALUE_MALFORMED', 3],
        ],
      ],
      ['the second of a segment', 'NTE|1\rNTE|SECRET\r', [['NTE(2)-1', 'HL7_VALUE_MALFORMED', 4]]],
      [
        'the second repetition',
        `NK1|1|Doe${'|'.repeat(14)}19800102~19800230\r`,
        [['NK1-16(2)', 'HL7_VALUE_MALFORMED', 3]],
      ],
      ['a component too many', 'EVN|A08|20240102^SECRET^SECRET\r', [['EVN-2', 'HL7_TOO_MANY_COMPONENTS', 3]]],
      ['a plain value with components', 'NTE|1|L^SECRET\r', [['NTE-2', 'HL7_TOO_MANY_COMPONENTS', 3]]],
      ['a value that is too long', 'NTE|12345\r', [['NTE-1', 'HL7_VALUE_MALFORMED', 3]]],
    ];
  for (const [what, rest, found] of bad) {
    test(what, async () => assert.deepEqual(await issues(`${MSH()}\r${PID}\r${rest}`), found));
  }

  test('a value of OBX-5 is what OBX-2 says', async () => {
    const obx = (type: string, value: string) => `${MSH()}\r${PID}\rOBX|1|${type}|1^A^LN||${value}||||||F\r`;
    assert.deepEqual(await issues(obx('NM', '-1.5')), []);
    assert.deepEqual(await issues(obx('NM', '<5')), [['OBX-5', 'HL7_VALUE_MALFORMED', 3]]);
    assert.deepEqual(await issues(obx('SN', '>^SECRET')), [['OBX-5.2', 'HL7_VALUE_MALFORMED', 3]]);
    assert.deepEqual(await issues(obx('NM', '1~SECRET~3')), [['OBX-5(2)', 'HL7_VALUE_MALFORMED', 3]]);
    assert.deepEqual(await issues(obx('TS', '20240102120000^S')), []);
    assert.deepEqual(await issues(obx('ST', 'a\\S\\b')), []);
    assert.deepEqual(await issues(obx('', 'anything^at&all')), []);
    assert.deepEqual(await issues(obx('XX', 'SECRET')), [['OBX-2', 'HL7_VALUE_NOT_IN_TABLE', 3]]);
  });

  test('required components and their lengths count from 2.7 on', async () => {
    const text = (version: string) => `${MSH(version)}\rPID|1||^^^LAB&1.2.3&ISO||Doe^Max\r`;
    assert.deepEqual(await issues(text('2.5.1')), []);
    assert.deepEqual(await issues(text('2.7')), [
      ['PID-3.1', 'HL7_VALUE_MISSING', 2],
      ['PID-3.5', 'HL7_VALUE_MISSING', 2],
    ]);
  });

  test('the version is that of MSH-12, or of the settings', async () => {
    const text = `${MSH('2.3')}\r${PID}\rSFT|A|1|B|2\r`;
    assert.deepEqual(await issues(text), [['SFT', 'HL7_SEGMENT_UNKNOWN', 3]]);
    assert.deepEqual(await issues(text, { version: '2.5' }), []);
    assert.deepEqual(await issues(`${MSH('2.5.1^USA')}\r${PID}\r`), []);
    for (const version of ['', 'SECRET', '3.0', '2.9'])
      assert.deepEqual(await issues(`${MSH(version)}\r`), [['MSH-12', 'HL7_VERSION_UNKNOWN', 1]]);
  });

  test('tables, lengths and types can be left out', async () => {
    const text = `${MSH()}\r${PID}\rMSA|XX|${'x'.repeat(200)}\rNTE|x\r`;
    const paths = async (settings: Partial<ValidationSettings>) => (await issues(text, settings)).map(([path]) => path);
    assert.deepEqual(await paths({}), ['MSA-1', 'MSA-2', 'NTE-1']);
    assert.deepEqual(await paths({ tables: false }), ['MSA-2', 'NTE-1']);
    assert.deepEqual(await paths({ lengths: false }), ['MSA-1', 'NTE-1']);
    assert.deepEqual(await paths({ types: false }), ['MSA-1', 'MSA-2']);
  });

  test('a message that is all wrong gives a hundred issues, and soon', async () => {
    for (const rest of ['ABC|1\r'.repeat(1000), `PID|${'|x'.repeat(50_000)}\r`, `OBX|1|NM|1||${'x~'.repeat(50_000)}\r`])
      assert.equal((await issues(`${MSH()}\r${rest}`)).length, 100);
    const wide = await issues(`${MSH()}\r${PID}\rNK1|1|${'^x'.repeat(50_000)}\r`);
    assert.ok(wide.length < 20);
  });
});

test('how numbers, dates and times are written', () => {
  const cases = {
    NM: ['1', '-1.5', '+.5', '007', '1.', ' 12 '],
    SI: ['0', '1', '9999'],
    DT: ['2024', '202402', '20240229', '20000229'],
    TM: ['12', '1230', '123059', '123059.1234', '1230+0100', '12-1130'],
    DTM: [
      '2024',
      '202402',
      '20240229',
      '2024022912',
      '202402291230',
      '20240229123059.1',
      '20240229123059+0100',
      '2024-0700',
    ],
  } as const;
  const wrong = {
    NM: ['', '1e5', '1,5', '.', '<5', '1 2', '٣'],
    SI: ['', '-1', '10000', '1.0'],
    DT: ['', '20', '20241', '20240230', '20241301', '20240100', '2024-01-02', '19000229', '202402291'],
    TM: ['', '1', '24', '1260', '123060', '12.5', '12+25', '12+0160'],
    DTM: [
      '',
      '20240230',
      '2024021',
      '2024120112305',
      '20240229240000',
      '202402+',
      '2024022912.5',
      '20240102T120000',
      '20240102120000Z',
    ],
  } as const;
  for (const type of ['NM', 'SI', 'DT', 'TM', 'DTM'] as const) {
    for (const text of cases[type]) assert.equal(isWritten(type, text), true, `${type} ${text}`);
    for (const text of wrong[type]) assert.equal(isWritten(type, text), false, `${type} ${text}`);
  }
});
