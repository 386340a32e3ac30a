/** HL7 as what a transform reads: paths, delete, copies of fields, segments and repetitions. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeText } from '../../../hl7/escape.ts';
import { needsShared, sharedPath } from '../../support/shared.ts';
import { compile, contextOf, issues, itemOfBytes, messageIn, runOver } from '../dtl-run.ts';

const ORU = [
  'MSH|^~\\&|LAB|NORTH|REG|STATE|20240117123000||ORU^R01^ORU_R01|C1|P|2.5.1',
  'PID|1||M1^^^LAB^MR~S9^^^SSA^SS||Roe\\T\\Co^Ana||19900203|""',
  'NTE|1||of the patient',
  'OBR|1|||A^first',
  'OBX|1|NM|n1^one||5.0|mg',
  'NTE|1||of one',
  'NTE|2||of one too',
  'OBX|2|ST|n2^two||a~b~~c',
  'OBR|2|||B^second',
  'NTE|1||of the order',
  'OBX|1|ST|n3^three||x',
  'ZZZ|local|1&2',
  '',
].join('\r');

function toDocument(actions: string): string {
  return `transform: t\nfrom: { hl7: ORU_R01 }\nto: { json: d }\nactions:\n${actions.trim().replace(/^/gm, '  ')}\n`;
}

function toHl7(actions: string): string {
  return `transform: t\nfrom: hl7\nto: { hl7: ORU_R01, version: 2.5.1 }\nactions:\n${actions.trim().replace(/^/gm, '  ')}\n`;
}

async function document(actions: string, text = ORU): Promise<unknown> {
  const { _id, ...rest } = JSON.parse(messageIn(await runOver(toDocument(actions), itemOfBytes(text))).text) as Record<
    string,
    unknown
  >;
  return rest;
}

async function segments(actions: string, text = ORU): Promise<readonly string[]> {
  return messageIn(await runOver(toHl7(actions), itemOfBytes(text)))
    .text.split('\r')
    .slice(1, -1);
}

test('paths give decoded texts; what is not there is empty; delete is empty', async () => {
  assert.deepEqual(
    await document(
      '- set: { id: { from: PID-3.1 }, ssn: { from: PID-3(2).1 }, family: { from: PID-5.1 }, sex: { from: PID-8, default: none }, field: { from: "MSH-1" }, second: { from: OBX(2)-3.2 }, none: { from: PID-40 }, z: { from: ZZZ-2.1.2 }, whole: { from: PID-5 } }',
    ),
    { id: 'M1', ssn: 'S9', family: 'Roe&Co', sex: 'none', field: '|', second: 'two', z: '2', whole: 'Roe&Co^Ana' },
  );
});

test('of a list the first that is not empty; dates and numbers of a message', async () => {
  assert.deepEqual(
    await document(
      '- set: { a: { from: [PID-40, PID-5.2] }, born: { from: PID-7, as: date }, at: { from: MSH-7, as: date }, n: { from: OBX-5, as: number } }',
    ),
    { a: 'Ana', born: { $date: '1990-02-03T00:00:00Z' }, at: { $date: '2024-01-17T12:30:00Z' }, n: 5 },
  );
});

test('copy takes a field or a part as it stands, in standard delimiters', async () => {
  assert.deepEqual(
    await segments('- set: { PID-3: { copy: PID-3 }, PID-5: { copy: PID-5.1 }, PID-8: { copy: PID-8 } }'),
    ['PID|||M1^^^LAB^MR~S9^^^SSA^SS||Roe\\T\\Co|||""'],
  );
  const odd = 'MSH#*:%@#LAB##########\rPID#1##M1*x@y:M|2*%F%%.br%#\r';
  assert.deepEqual(
    await segments(
      '- set: { PID-3: { copy: PID-3 }, PID-4.1: { copy: PID-3.2, default: d }, PID-5: { from: PID-3.1 } }',
      odd,
    ),
    ['PID|||M1^x&y~M\\F\\2^#\\.br\\|x&y|M1'],
  );
});

test('a text goes into a message escaped, a copy beside a text keeps its structure', async () => {
  assert.deepEqual(
    await segments('- set: { NTE-3: { from: PID-5.1 }, NTE-4: { join: [{ copy: PID-5 }, "a|b"], with: " " } }'),
    ['NTE|||Roe\\T\\Co|Roe\\T\\Co^Ana a\\F\\b'],
  );
});

test('foreach over segments: paths mean the segment at hand, others the message', async () => {
  const actions = `
- foreach: { segment: OBX, index: n }
  do:
    - append:
        path: results
        set: { n: { from: n }, code: { from: OBX-3.1 }, value: { from: OBX-5(1) }, patient: { from: PID-3.1 }, first: { from: OBX(1)-3.1 } }`;
  assert.deepEqual(await document(actions), {
    results: [
      { n: '1', code: 'n1', value: '5.0', patient: 'M1', first: 'n1' },
      { n: '2', code: 'n2', value: 'a', patient: 'M1', first: 'n1' },
      { n: '3', code: 'n3', value: 'x', patient: 'M1', first: 'n1' },
    ],
  });
});

test('a foreach inside another goes over what belongs to the outer segment', async () => {
  const actions = `
- foreach: { segment: OBR }
  do:
    - append: { path: orders, set: { code: { from: OBR-4.1 } } }
      do:
        - foreach: { segment: OBX }
          do:
            - append: { path: results, set: { code: { from: OBX-3.1 }, order: { from: OBR-4.2 } } }
              do:
                - foreach: { segment: NTE }
                  do: [{ append: { path: notes, value: { from: NTE-3 } } }]`;
  assert.deepEqual(await document(actions), {
    orders: [
      {
        code: 'A',
        results: [
          { code: 'n1', order: 'first', notes: ['of one', 'of one too'] },
          { code: 'n2', order: 'first' },
        ],
      },
      { code: 'B', results: [{ code: 'n3', order: 'second' }] },
    ],
  });
});

test('until ends what belongs to a segment', async () => {
  const notes = (until: string) => `
- foreach: { segment: OBX${until} }
  do:
    - foreach: { segment: NTE }
      do: [{ append: { path: notes, value: { from: NTE-3 } } }]`;
  assert.deepEqual(await document(notes('')), { notes: ['of one', 'of one too', 'of the order'] });
  assert.deepEqual(await document(notes(', until: OBR')), { notes: ['of one', 'of one too'] });
  assert.deepEqual(await document(notes(', until: [ZZZ, OBR]')), { notes: ['of one', 'of one too'] });
});

test('foreach over repetitions, also of the segment at hand; empty ones are passed over', async () => {
  const actions = `
- foreach: { repetition: PID-3, index: n }
  do:
    - append: { path: ids, set: { n: { from: n, as: number }, value: { from: PID-3.1 }, type: { from: PID-3.5 }, first: { from: PID-3(1).1 } } }
- foreach: { segment: OBX }
  do:
    - foreach: { repetition: OBX-5 }
      do: [{ append: { path: values, value: { from: OBX-5 } } }]`;
  assert.deepEqual(await document(actions), {
    ids: [
      { n: 1, value: 'M1', type: 'MR', first: 'M1' },
      { n: 2, value: 'S9', type: 'SS', first: 'M1' },
    ],
    values: ['5.0', 'a', 'b', 'c', 'x'],
  });
});

test('conditions read the segment at hand too', async () => {
  const actions = `
- foreach: { segment: OBX }
  do:
    - if: 'message["OBX-2"] == "NM" && double(message["OBX-5"]) > 4.5'
      then: [{ append: { path: numbers, value: { from: OBX-3.1 } } }]
    - append: { path: all, value: { cel: 'message["OBX-3.1"] + "!"' } }`;
  assert.deepEqual(await document(actions), { numbers: ['n1'], all: ['n1!', 'n2!', 'n3!'] });
  assert.deepEqual(await document(`- set: { deleted: { boolean: true, if: 'message["PID-8"] == "\\"\\""' } }`), {
    deleted: true,
  });
});

test('segments become segments; a subtransform sees the segment at hand', async () => {
  const yaml = toHl7(
    '- foreach: { segment: OBX }\n  do:\n    - append: { segment: OBX, set: { OBX-1: { id: segment }, OBX-3: { copy: OBX-3 } } }\n    - call: note',
  );
  const others = {
    note: 'transform: note\nto: { hl7: ORU_R01, version: 2.5.1 }\nfrom: hl7\nactions:\n  - append: { segment: NTE, set: { NTE-3: { from: OBX-6 } } }',
  };
  const { text } = messageIn(await runOver(yaml, itemOfBytes(ORU), { others }));
  assert.deepEqual(text.split('\r').slice(1, -1), ['OBX|1||n1^one', 'NTE|||mg', 'OBX|2||n2^two', 'OBX|3||n3^three']);
});

test('drop inside of a foreach ends everything', async () => {
  const yaml = toDocument(
    `- foreach: { segment: OBX }\n  do:\n    - if: 'message["OBX-3.1"] == "n2"'\n      then: [{ drop: "n2 is not for us" }]`,
  );
  assert.deepEqual(await runOver(yaml, itemOfBytes(ORU)), { kind: 'dropped', reason: 'n2 is not for us' });
});

test('the structure that the transform reads is held against MSH-9', async () => {
  const run = async (msh9: string, from = 'ORU_R01') => {
    const yaml = toDocument('- set: { a: 1 }').replace('ORU_R01', from);
    const result = await runOver(yaml, itemOfBytes(ORU.replace('ORU^R01^ORU_R01', msh9)));
    return result.kind === 'invalid' ? result.faults.map(({ code }) => code).join() : result.kind;
  };
  assert.equal(await run('ORU^R01^ORU_R01'), 'message');
  assert.equal(await run('ORU^R01'), 'message');
  assert.equal(await run('ADT^A01^ADT_A01'), 'DTL_OTHER_STRUCTURE');
  assert.equal(await run('ADT^A01'), 'DTL_OTHER_STRUCTURE');
  assert.equal(await run('ORU^R01^ORU_R30'), 'DTL_OTHER_STRUCTURE');
  assert.equal(await run('ADT^A01', 'any'), 'message');
  assert.equal(await run('ACK', 'ACK'), 'message');
});

test('what is no HL7, or no text, is invalid with the reason', async () => {
  const code = async (bytes: Uint8Array | string) => {
    const result = await runOver(toDocument('- set: { a: 1 }'), itemOfBytes(bytes));
    return result.kind === 'invalid' ? result.faults.map((fault) => [fault.code, fault.line]) : result;
  };
  assert.deepEqual(await code('PID|1'), [['HL7_NOT_A_MESSAGE', 3]]);
  assert.deepEqual(await code('MSH|^^~\\&|'), [['HL7_DELIMITERS_INVALID', 3]]);
  assert.deepEqual(await code(Buffer.from([77, 83, 72, 124, 255])), [['DTL_ITEM_NOT_TEXT', 3]]);
});

test('paths are checked before anything runs', () => {
  const of = (actions: string) =>
    issues(toDocument(actions)).map(({ code, found, expected }) => `${code} ${found}: ${expected}`);
  assert.match(of('- set: { a: { from: PID.5.1 } }').join(), /^DTL_UNKNOWN_NAME PID\.5\.1: .*write PID-5\.1/);
  assert.match(of('- set: { a: { from: pid-5 } }').join(), /write PID-5/);
  assert.match(of('- set: { a: { from: PID } }').join(), /the field is missing/);
  assert.match(of('- set: { a: { copy: PID-0 } }').join(), /counts from 1/);
  assert.match(
    of('- set: { a: { from: familyname } }').join(),
    /^DTL_UNKNOWN_NAME familyname: a path such as PID-5\.1/,
  );
  assert.match(of('- set: { a: { from: submision.name } }').join(), /submission\.name\?/);
  assert.match(of(`- if: 'message["PID.5"] == ""'\n  then: []`).join(), /^DTL_BAD_CONDITION .*write PID-5/);
  assert.match(of(`- if: 'row.a == ""'\n  then: []`).join(), /row is for rows/);
  assert.match(of('- foreach: { segment: OBX(2) }\n  do: []').join(), /the name alone: OBX/);
  assert.match(of('- foreach: { segment: obx }\n  do: []').join(), /write OBX/);
  assert.match(of('- foreach: { repetition: PID-3.1 }\n  do: []').join(), /a whole field, such as PID-3/);
  assert.match(of('- foreach: { segment: OBX, as: x }\n  do: []').join(), /^DTL_UNKNOWN_KEY as/);
  assert.match(of('- foreach: { segement: OBX }\n  do: []').join(), /^DTL_UNKNOWN_KEY segement: segment\?/);
  assert.match(of('- foreach: { segment: OBX, until: [or] }\n  do: []').join(), /^DTL_BAD_TARGET or/);
});

test('lineage names the segment and the repetition that a value came from', async () => {
  const actions = `
- set: { id: { from: [PID-2, PID-3.1] } }
- foreach: { segment: OBX }
  do:
    - append: { path: results, set: { code: { from: OBX-3.1 } } }
- foreach: { repetition: PID-3 }
  do: [{ append: { path: ids, value: { from: PID-3.1 } } }]`;
  const { lineage } = (await compile(toDocument(actions))).explain(itemOfBytes(ORU), contextOf());
  assert.deepEqual(
    lineage.map(({ target, sources }) => [target, ...sources]),
    [
      ['id', 'PID-2', 'PID-3.1'],
      ['results(1).code', 'OBX(1)-3.1'],
      ['results(2).code', 'OBX(2)-3.1'],
      ['results(3).code', 'OBX(3)-3.1'],
      ['ids(1)', 'PID-3(1).1'],
      ['ids(2)', 'PID-3(2).1'],
    ],
  );
});

test('what is wrong with a value is told with its path, never the value', async () => {
  const tables = { sexes: { columns: ['key', 'value'], rows: [['F', 'female']] } };
  const actions = `
- set: { sex: { from: PID-5.2, map: sexes } }
- foreach: { segment: OBX }
  do: [{ append: { path: values, value: { from: OBX-5.1, as: number } } }]`;
  const result = await runOver(toDocument(actions), itemOfBytes(ORU), { tables });
  assert.ok(result.kind === 'invalid');
  assert.deepEqual(
    result.faults.map(({ code, column, line }) => [code, column, line]),
    [
      ['NOT_IN_TABLE', 'PID-5.2', 3],
      ['NUMBER_UNREADABLE', 'OBX(2)-5.1', 3],
      ['NUMBER_UNREADABLE', 'OBX(3)-5.1', 3],
    ],
  );
  assert.doesNotMatch(JSON.stringify(result), /Ana/);
});

test('nothing is kept between items', async () => {
  const program = await compile(
    toDocument('- foreach: { segment: OBX }\n  do: [{ append: { path: a, value: { from: OBX-3.1 } } }]'),
  );
  const one = () => messageIn(program.run(itemOfBytes(ORU), contextOf())).text;
  assert.equal(one(), one());
  assert.doesNotMatch(messageIn(program.run(itemOfBytes('MSH|^~\\&|||||||ORU^R01\r'), contextOf())).text, /n1/);
});

test('any text of a field comes out of the document as it was', async () => {
  const program = await compile('transform: t\nfrom: hl7\nto: { json: d }\nactions: [{ set: { v: { from: NTE-3 } } }]');
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => text !== '""'),
      (text) => {
        const item = itemOfBytes(`MSH|^~\\&|||||||ORU^R01\rNTE|||${escapeText(text)}\r`);
        assert.equal((JSON.parse(messageIn(program.run(item, contextOf())).text) as { v: string }).v, text);
      },
    ),
  );
});

test('messages that others wrote become documents', needsShared, async () => {
  const folder = sharedPath('fixtures/hl7/batch/reportstream');
  const program = await compile(
    'transform: t\nfrom: { hl7: any }\nto: { json: d }\nactions:\n  - set: { control: { from: MSH-10 } }\n  - foreach: { segment: OBX }\n    do: [{ append: { path: codes, value: { from: OBX-3.1 } } }]',
  );
  let read = 0;
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), 'utf8');
    for (const message of text.split(/^(?=MSH)/m).filter((part) => part.startsWith('MSH'))) {
      const made = JSON.parse(messageIn(program.run(itemOfBytes(message), contextOf())).text) as {
        control: string;
        codes?: string[];
      };
      assert.notEqual(made.control, '');
      assert.equal(made.codes?.length ?? 0, message.match(/^OBX\|[^|]*\|[^|]*\|[^|^~&]/gm)?.length ?? 0);
      read++;
    }
  }
  assert.ok(read > 0, 'no message was found');
});
