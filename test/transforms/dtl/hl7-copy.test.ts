/** HL7 to HL7 by a copy: what is not touched prints byte for byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseMessage } from '../../../hl7/parse.ts';
import { compile, contextOf, type DtlCase, issues, itemOfBytes, messageIn, runOver } from '../dtl-run.ts';

const ADT = [
  'MSH|^~\\&|HIS|NORTH|REG|STATE|20240117||ADT^A01^ADT_A01|C1|P|2.3|||',
  'PID|1||M1^^^HIS^MR~S9^^^SSA^SS||Roe^Ana^||19900203|F||||',
  'NK1|1|Roe^Max',
  'NK1|2|Roe^Eva',
  'ZPI|keep|me|^~',
  '',
].join('\r');

function fileOf(actions: string, to = '{ hl7: ADT_A01, copy: true }'): string {
  return `transform: t\nfrom: hl7\nto: ${to}\nactions:\n${actions.trim().replace(/^/gm, '  ')}\n`;
}

async function copied(actions: string, text = ADT, given: DtlCase = {}) {
  return messageIn(await runOver(fileOf(actions), itemOfBytes(text), given));
}

async function lines(actions: string, text = ADT): Promise<readonly string[]> {
  return (await copied(actions, text)).text.split(/\r\n|\r|\n/);
}

test('without actions the message is what it was; the control id is its own', async () => {
  const yaml = 'transform: t\nfrom: { hl7: ADT_A01 }\nto: { hl7: ADT_A01, version: 2.5.1, copy: true }\nactions: []';
  assert.deepEqual(messageIn(await runOver(yaml, itemOfBytes(ADT))), { text: ADT, controlId: 'C1' });
});

test('set changes its place and nothing else', async () => {
  const { text, controlId } = await copied(
    '- set: { MSH-10: { id: message }, MSH-7: { acceptedAt: yyyyMMdd }, PID-5.1: "A|B", PID-3(2).1: "", PID-8: { delete: true }, PID-11.4: CO, NK1(2)-3: { raw: S^x } }',
  );
  assert.equal(controlId, '7kq2-15-217');
  assert.deepEqual(text.split('\r'), [
    'MSH|^~\\&|HIS|NORTH|REG|STATE|20240117||ADT^A01^ADT_A01|7kq2-15-217|P|2.3|||',
    'PID|1||M1^^^HIS^MR~^^^SSA^SS||A\\F\\B^Ana^||19900203|""|||^^^CO|',
    'NK1|1|Roe^Max',
    'NK1|2|Roe^Eva|S^x',
    'ZPI|keep|me|^~',
    '',
  ]);
});

test('sources read the message as it came, so that values can change places', async () => {
  assert.equal(
    (await lines('- set: { PID-5.1: { from: PID-5.2 }, PID-5.2: { from: PID-5.1 }, PID-3: { copy: PID-3(2) } }'))[1],
    'PID|1||S9^^^SSA^SS||Ana^Roe^||19900203|F||||',
  );
});

test('append, insert and remove work on the copy; what stays empty is not written', async () => {
  const actions = `
- append: { segment: NK1, set: { NK1-1: { id: segment }, NK1-2.1: New } }
- insert: { segment: PV1, after: PID, set: { PV1-2: I } }
- insert: { segment: PD1, before: PV1, set: { PD1-4: x } }
- insert: { segment: NTE, after: NK1, set: { NTE-3: last } }
- insert: { segment: NTE, after: NK1(1), set: { NTE-3: first } }
- append: { segment: OBX, set: { OBX-5: "" } }
- remove: [ZPI, NK1(2), PID-7]
- set: { AL1-1: "", DG1(2)-1: 2, DG1(2)-3: x }`;
  assert.deepEqual(await lines(actions), [
    'MSH|^~\\&|HIS|NORTH|REG|STATE|20240117||ADT^A01^ADT_A01|C1|P|2.3|||',
    'PID|1||M1^^^HIS^MR~S9^^^SSA^SS||Roe^Ana^|||F||||',
    'PD1||||x',
    'PV1||I',
    'NK1|1|Roe^Max',
    'NTE|||first',
    'NK1|3|New',
    'NTE|||last',
    'DG1|2||x',
    '',
  ]);
});

test('remove takes all segments of a name, or what is not there without a word', async () => {
  assert.deepEqual((await lines('- remove: [NK1, ZQQ, ZQQ(2), ZQQ-1]')).slice(2), ['ZPI|keep|me|^~', '']);
});

test('inside of a foreach actions mean the segment at hand, in the copy', async () => {
  const actions = `
- foreach: { segment: NK1, index: n }
  do:
    - if: 'message["NK1-2.2"] == "Max"'
      then:
        - remove: NK1
        - set: { NK1-5: lost }
      else:
        - set: { NK1-1: { from: n }, NK1-2.2: { from: NK1-2.2, as: upper } }
        - insert: { segment: NTE, after: NK1, set: { NTE-3: { from: NK1-2.1 } } }`;
  assert.deepEqual((await lines(actions)).slice(2), ['NK1|2|Roe^EVA', 'NTE|||Roe', 'ZPI|keep|me|^~', '']);
});

test('other delimiters stay; values and copies are written in them', async () => {
  const odd = 'MSH#*:%@#HIS####x##ADT*A01#C1\nPID#1##M1*a@b:M2##Roe%F%*Ana\n\nZPI#keep';
  const actions =
    '- set: { PID-5.1: "x*y#z|^", PID-6: { copy: PID-3 }, PID-7: { from: PID-5.1 }, PID-8: { raw: A^B } }\n- append: { segment: NTE, set: { NTE-3: n } }';
  const { text, controlId } = await copied(actions, odd);
  assert.equal(controlId, 'C1');
  assert.equal(
    text,
    'MSH#*:%@#HIS####x##ADT*A01#C1\nPID#1##M1*a@b:M2##x%S%y%F%z|^*Ana#M1*a@b:M2#Roe%F%#A*B\n\nZPI#keep\nNTE###n\n',
  );
});

test('what the message has no delimiter for makes it invalid', async () => {
  const result = await runOver(fileOf('- set: { PID-5: { raw: A^B&C } }'), itemOfBytes('MSH|^~|HIS\rPID|1\r'));
  assert.deepEqual(result.kind === 'invalid' && result.faults.map(({ code }) => code), ['HL7_DELIMITER_MISSING']);
});

test('MSH-18 is corrected only where a receiver would misread a character', async () => {
  const message = (charset: string, name: string) => `MSH|^~\\&|HIS|||||||C1|P|2.5||||||${charset}\rPID|||||${name}\r`;
  const msh18 = async (charset: string, name: string, destination: string) =>
    parseMessage(
      (await copied('- set: { PID-1: 1 }', message(charset, name), { context: { charset: destination } })).text,
    ).raw('MSH-18');
  assert.equal(await msh18('8859/1', 'Müller', 'utf-8'), 'UNICODE UTF-8');
  assert.equal(await msh18('UNICODE UTF-8', 'Müller', 'iso-8859-1'), '8859/1');
  assert.equal(await msh18('8859/1~UNICODE', 'Müller', 'utf-8'), 'UNICODE UTF-8~UNICODE');
  assert.equal(await msh18('8859/1', 'Miller', 'utf-8'), '8859/1');
  assert.equal(await msh18('', 'Müller', 'utf-8'), '');
  assert.equal(await msh18('ISO IR87', 'Müller', 'utf-8'), 'ISO IR87');
  assert.equal(await msh18('UNICODE UTF-8', 'Müller', 'windows-1252'), 'UNICODE UTF-8');
});

test('lineage has the number of a segment that stands there more than once', async () => {
  const program = await compile(
    fileOf(
      '- set: { NK1(2)-3: x, PID-2: { from: PID-3.1 }, PID-4: "" }\n- foreach: { segment: NK1 }\n  do: [{ set: { NK1-4: { from: NK1-2.1 } } }]',
    ),
  );
  const { lineage } = program.explain(itemOfBytes(ADT), contextOf());
  assert.deepEqual(
    lineage.map(({ target, sources }) => [target, ...sources]),
    [
      ['NK1(2)-3', 'constant'],
      ['PID-2', 'PID-3.1'],
      ['NK1(1)-4', 'NK1(1)-2.1'],
      ['NK1(2)-4', 'NK1(2)-2.1'],
    ],
  );
});

test('what a copy cannot do is said before anything runs', () => {
  const of = (yaml: string) =>
    issues(yaml, {}, true).map(({ code, path, expected }) => `${code} ${path.join('.')} ${expected}`);
  assert.deepEqual(of(fileOf('- set: { MSH-3: A }')), [], 'the header is there already');
  assert.match(of(fileOf('- set: { MSH-2: x }')).join(), /^DTL_BAD_TARGET .*MSH-3 and what follows/);
  assert.match(of(fileOf('- remove: MSH')).join(), /another segment/);
  assert.match(of(fileOf('- append: { segment: MSH }')).join(), /one MSH/);
  assert.match(of(fileOf('- append: { segment: OBX(2) }')).join(), /the name alone/);
  assert.match(of(fileOf('- append: { segment: OBX, set: { NTE-1: 1 } }')).join(), /a field of the new segment: OBX-1/);
  assert.match(of(fileOf('- insert: { segment: OBX, before: MSH }')).join(), /a place after MSH/);
  assert.match(of(fileOf('- set: { BHS-3: x }')).join(), /envelope/);
  assert.match(
    of(fileOf('- set: { PID-1: 1 }', '{ hl7: ADT_A01, copy: yes }')).join(),
    /^DTL_WRONG_SHAPE to.copy true/,
  );
  assert.match(
    of(fileOf('- set: { PID-1: 1 }', '{ hl7: ADT_A01, copy: true, version: 9 }')).join(),
    /^DTL_WRONG_SHAPE to.version/,
  );
  const rows = 'transform: t\nfrom: { recordMap: m }\nto: { hl7: ADT_A01, copy: true }\nactions: []';
  assert.match(of(rows).join(), /^DTL_WRONG_SHAPE to.copy from: \{ hl7/);
});

const field = fc.string({ unit: fc.constantFrom(...'ab^~&\\ 1"é€', '\u2028', '\t') });
const segment = fc
  .tuple(fc.constantFrom('PID', 'OBX', 'ZZ1', 'NK1', 'pid', 'X'), fc.array(field, { maxLength: 8 }))
  .map(([name, fields]) => [name, ...fields]);
const ends = fc.constantFrom('\r', '\n', '\r\n');
const message = fc
  .tuple(
    fc.constantFrom('', '\uFEFF', '\r\n'),
    fc.constantFrom('|^~\\&', '#^~\\&', '|^~\\&#', '|^', '|*~\\@'),
    fc.array(segment, { maxLength: 8 }),
    ends,
    fc.boolean(),
  )
  .map(([before, signs, segments, end, closed]) => {
    const sign = signs.charAt(0);
    const texts = [`MSH${signs}${sign}APP`, ...segments.map((fields) => fields.join(sign))];
    return before + texts.join(end) + (closed ? end : '');
  });

test('any message prints byte for byte, whatever its line ends, delimiters and lines are', async () => {
  const program = await compile(
    fileOf(
      '- set: { PID-99: "", ZZ9-1: "" }\n- remove: [ZZ9, OBX(99)]\n- foreach: { segment: OBX }\n  do: [{ set: { OBX-3: { copy: OBX-3 } } }]',
    ),
  );
  fc.assert(
    fc.property(message, (text) => {
      assert.equal(messageIn(program.run(itemOfBytes(text), contextOf())).text, text);
    }),
    { numRuns: 500 },
  );
});

test('a value that is set is read back, and the other lines are what they were', async () => {
  const program = await compile(fileOf('- set: { OBX-5.2: { from: fields.value } }'));
  fc.assert(
    fc.property(message, fc.string({ minLength: 1, unit: 'grapheme' }), (text, value) => {
      fc.pre(parseMessage(text).delimiters.subcomponent !== '');
      const made = messageIn(program.run(itemOfBytes(text), contextOf({ fields: { value } }))).text;
      assert.equal(parseMessage(made).get('OBX-5.2'), value);
      const others = (all: string) => all.split(/\r\n|\r|\n/).filter((line) => line !== '' && !line.startsWith('OBX'));
      assert.deepEqual(others(made), others(text));
    }),
    { numRuns: 300 },
  );
});
