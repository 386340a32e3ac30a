import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeText } from '../../../hl7/escape.ts';
import { compile, contextOf, type DtlCase, fileOf, issues, itemOf, run, segments } from '../dtl-run.ts';

test('MSH is there by itself, with version and charset, unless they are set', async () => {
  const header = async (actions: string, given: DtlCase = {}) => {
    const result = await run(actions, given);
    return result.kind === 'message' ? result.message.text : JSON.stringify(result);
  };
  assert.equal(await header('- set: { PID-1: 1 }'), 'MSH|^~\\&||||||||||2.5.1||||||UNICODE UTF-8\rPID|1\r');
  assert.equal(await header('- set: { MSH-12: 2.3, MSH-18: ASCII }'), 'MSH|^~\\&||||||||||2.3||||||ASCII\r');
  const latin = { context: { charset: 'iso-8859-1' } };
  assert.equal(await header('- set: { MSH-3: A }', latin), 'MSH|^~\\&|A|||||||||2.5.1||||||8859/1\r');
});

test('the control id is MSH-10 as text', async () => {
  const result = await run('- set: { MSH-10: { from: a } }', { row: { a: 'x|1' } });
  assert.ok(result.kind === 'message');
  assert.equal(result.message.controlId, 'x|1');
  assert.match(result.message.text, /\|x\\F\\1\|/);
});

test('set writes any place; parts in between stay empty, empty ends are left out', async () => {
  const actions =
    '- set: { PID-5.2: Ana, PID-5.1: Roe, PID-13(2).4: e@x, PID-3.4.2: OID, PID-8: "", PID-30: N, PV1-44: "" }';
  assert.deepEqual(await segments(actions), [`PID|||^^^&OID||Roe^Ana||||||||~^^^e@x${'|'.repeat(17)}N`]);
});

test('the whole of a field replaces its parts, and a part changes the whole', async () => {
  const raw = '- set: { OBX-3: { raw: 1^one^LN }, OBX-3.2: two, OBX-5.1: x, OBX-5.3: z }';
  assert.deepEqual(await segments(`${raw}\n- set: { OBX-5: { from: a } }`, { row: { a: 'new' } }), [
    'OBX|||1^two^LN||new',
  ]);
});

test('segments come in the order in which they are first written', async () => {
  const actions = '- set: { PV1-2: R }\n- set: { PID-1: 1, PV1-1: 1 }\n- set: { OBX(2)-1: 2 }\n- set: { OBX-1: 1 }';
  assert.deepEqual(await segments(actions), ['PV1|1|R', 'PID|1', 'OBX|1', 'OBX|2']);
});

test('append adds a segment each time; insert puts one before or after another', async () => {
  const actions = `
- append: { segment: OBX, set: { OBX-1: { id: segment }, OBX-5: a } }
- append: { segment: OBX, set: { OBX-1: { id: segment }, OBX-5: b } }
- insert: { segment: NTE, after: OBX(1), set: { NTE-1: 1 } }
- insert: { segment: NTE, after: OBX, set: { NTE-1: 2 } }
- insert: { segment: PV1, before: OBX, set: { PV1-2: R } }
- insert: { segment: ZZZ, after: ZQQ, set: { ZZZ-1: end } }
- append: { segment: ORC }
- set: { OBX(2)-11: F }`.trim();
  assert.deepEqual(await segments(actions), ['PV1||R', 'OBX|1||||a', 'NTE|1', 'OBX|2||||b||||||F', 'NTE|2', 'ZZZ|end']);
});

test('remove takes out a part, one segment or all of a name', async () => {
  const before = `
- set: { PID-5.1: a, PID-5.2: b, PID-8: F }
- append: { segment: NTE, set: { NTE-1: 1 } }
- append: { segment: NTE, set: { NTE-1: 2 } }
- append: { segment: NTE, set: { NTE-1: 3 } }`.trim();
  assert.deepEqual(await segments(`${before}\n- remove: [PID-5.2, NTE(2)]`), ['PID|||||a|||F', 'NTE|1', 'NTE|3']);
  assert.deepEqual(await segments(`${before}\n- remove: PID-5\n- remove: NTE`), ['PID||||||||F']);
  assert.deepEqual(await segments(`${before}\n- remove: [ZZZ, ZZZ(3), ZZZ-1, PID, NTE]`), []);
});

test('if, then, else', async () => {
  const actions = `- if: 'row.a == "Y"'\n  then: [{ set: { PV1-2: I } }]\n  else: [{ set: { PV1-2: O } }]`;
  assert.deepEqual(await segments(actions, { row: { a: 'Y' } }), ['PV1||I']);
  assert.deepEqual(await segments(actions, { row: { a: '' } }), ['PV1||O']);
});

test('a condition that fails for an item makes it invalid', async () => {
  const result = await run(`- if: 'int(row.a) > 1'\n  then: [{ set: { PV1-2: I } }]`, { row: { a: 'Smith' } });
  assert.ok(result.kind === 'invalid');
  assert.equal(result.faults[0]?.code, 'CONDITION_FAILED');
  assert.doesNotMatch(JSON.stringify(result), /Smith/);
});

test('switch chooses by a value, in both ways of writing cases', async () => {
  const map =
    '- switch: { from: a }\n  cases:\n    A: [{ set: { PV1-2: I } }]\n    B: [{ set: { PV1-2: O } }]\n  default: [{ set: { PV1-2: U } }]';
  const list = '- switch: { from: a, as: upper }\n  cases:\n    - is: [A, B]\n      then: [{ set: { PV1-2: I } }]';
  assert.deepEqual(await segments(map, { row: { a: 'B' } }), ['PV1||O']);
  assert.deepEqual(await segments(map, { row: { a: '?' } }), ['PV1||U']);
  assert.deepEqual(await segments(list, { row: { a: 'b' } }), ['PV1||I']);
  assert.deepEqual(await segments(list, { row: { a: '?' } }), []);
});

test('foreach goes over a split value or a list; the variable and its number can be used, also in conditions', async () => {
  const split = `
- foreach: { split: ";", from: a, as: code, index: n }
  do:
    - if: 'code != "skip"'
      then:
        - append: { segment: DG1, set: { DG1-1: { from: n }, DG1-3.1: { from: code } } }`.trim();
  assert.deepEqual(await segments(split, { row: { a: 'A1; skip ;;B|2' } }), ['DG1|1||A1', 'DG1|3||B\\F\\2']);
  assert.deepEqual(await segments(split, { row: { a: '' } }), []);
  const list =
    '- foreach: { in: [{ from: a }, { from: b }, c], as: x }\n  do: [{ append: { segment: NTE, set: { NTE-3: { from: x } } } }]';
  assert.deepEqual(await segments(list, { row: { a: 'a', b: '' } }), ['NTE|||a', 'NTE|||c']);
});

test('let makes variables for what follows', async () => {
  const actions = `
- let: { name: { from: a, as: upper }, twice: { join: [{ from: name }, { from: name }] } }
- if: 'twice == "XX"'
  then: [{ set: { NTE-3: { from: twice } } }]`.trim();
  assert.deepEqual(await segments(actions, { row: { a: 'x' } }), ['NTE|||XX']);
});

test('call runs another transform on the same message; it sees its parameters and no other variable', async () => {
  const others = {
    note: 'transform: note\nfrom: { recordMap: m }\nto: { hl7: ORU_R01, version: 2.5.1 }\nparameters: [text]\nactions: [{ append: { segment: NTE, set: { NTE-1: { id: segment }, NTE-3: { from: text }, NTE-4: { from: a } } } }]',
    plain: 'transform: plain\nto: { hl7: ORU_R01, version: 2.5.1 }\nactions: [{ set: { PV1-2: R } }]',
  };
  const actions =
    '- call: plain\n- call: { transform: note, with: { text: { from: a, as: upper } } }\n- call: { transform: note, with: { text: two } }';
  assert.deepEqual(await segments(actions, { row: { a: 'x' }, others }), ['PV1||R', 'NTE|1||X|x', 'NTE|2||two|x']);
  const hidden = { ...others, note: others.note.replace('{ from: a }', '{ from: local }') };
  const found = issues(fileOf('- let: { local: x }\n- call: { transform: note, with: { text: y } }'), {
    row: { a: 'x' },
    others: hidden,
  });
  assert.deepEqual(
    found.map(({ code, path }) => [code, path]),
    [['DTL_SUBTRANSFORM_BROKEN', ['actions', 1, 'call', 'transform']]],
  );
});

test('drop ends the run with its reason', async () => {
  const actions = `- if: 'row.a == "998"'\n  then: [{ drop: no vaccine was given }]\n- set: { PID-1: 1 }`;
  assert.deepEqual(await run(actions, { row: { a: '998' } }), { kind: 'dropped', reason: 'no vaccine was given' });
  assert.equal((await run(actions, { row: { a: '1' } })).kind, 'message');
});

test('explain gives the same result and tells for each target its sources and its action', async () => {
  const given: DtlCase = { row: { a: 'x', b: '' }, tables: { t1: { columns: ['k', 'v'], rows: [['x', 'y']] } } };
  const actions =
    '- set: { PID-5.1: { from: [a, b], map: t1 }, PID-5.2: { from: b }, PID-8: U }\n- append: { segment: NTE, set: { NTE-3: { from: a } } }\n- append: { segment: NTE, set: { NTE-3: { id: message } } }';
  const program = await compile(fileOf(actions), given);
  const { result, lineage } = program.explain(itemOf(given), contextOf());
  assert.deepEqual(result, program.run(itemOf(given), contextOf()));
  assert.deepEqual(
    lineage.map(({ target, sources }) => [target, sources.join(', ')]),
    [
      ['PID-5.1', 'a, b, table t1'],
      ['PID-8', 'constant'],
      ['NTE-3', 'a'],
      ['NTE(2)-3', 'message id'],
    ],
  );
  assert.equal(lineage[0]?.action, 'transforms/t.yaml actions[0].set.PID-5.1');
});

test('runs leave nothing behind for the next item', async () => {
  const program = await compile(
    fileOf(`- if: 'row.a != ""'\n  then: [{ set: { PID-5.1: { from: a } } }]\n- set: { PID-1: 1 }`),
    { row: { a: '' } },
  );
  const texts = ['x', '', 'y'].map((a) => program.run(itemOf({ row: { a } }), contextOf()));
  assert.deepEqual(
    texts.map((result) => (result.kind === 'message' ? result.message.text.split('\r')[1] : '')),
    ['PID|1||||x', 'PID|1', 'PID|1||||y'],
  );
});

test('any set of places prints as a plain model of fields does', async () => {
  const place = fc.record({
    field: fc.integer({ min: 1, max: 9 }),
    component: fc.integer({ min: 1, max: 5 }),
    text: fc.string({ maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(place, { selector: ({ field, component }) => `${field}.${component}`, maxLength: 12 }),
      async (places) => {
        const names = places.map((_, index) => `c${index}`);
        const row = Object.fromEntries(places.map(({ text }, index) => [`c${index}`, text]));
        const lines = places.map(
          ({ field, component }, index) => `    ZZZ-${field}.${component}: { from: ${names[index]} }`,
        );
        const actions = places.length === 0 ? '- set: {}' : `- set:\n${lines.join('\n')}`;
        assert.deepEqual(await segments(actions, { row }), model(places));
      },
    ),
    { numRuns: 60 },
  );
});

function model(places: readonly { field: number; component: number; text: string }[]): readonly string[] {
  const fields: string[][] = [];
  for (const { field, component, text } of places) {
    const parts = fields[field] ?? [];
    parts[component] = escapeText(text);
    fields[field] = parts;
  }
  const printed = Array.from(fields, (parts) =>
    Array.from(parts ?? [], (part) => part ?? '')
      .slice(1)
      .join('^')
      .replace(/\^+$/, ''),
  );
  const line = ['ZZZ', ...printed.slice(1)].join('|').replace(/\|+$/, '');
  return line === 'ZZZ' ? [] : [line];
}

const WRONG: readonly (readonly [string, string, string])[] = [
  ['- st: { PID-1: 1 }', 'DTL_UNKNOWN_ACTION', 'set?'],
  ['- PID-1', 'DTL_UNKNOWN_ACTION', 'an action'],
  ['- set: { PID.5.1: x }', 'DTL_BAD_TARGET', 'write PID-5.1'],
  ['- set: { MSH-2: x }', 'DTL_BAD_TARGET', 'MSH-3'],
  ['- set: { FHS-3: x }', 'DTL_BAD_TARGET', 'the envelope'],
  ['- append: { segment: OBX, set: { PID-1: x } }', 'DTL_BAD_TARGET', 'OBX-1'],
  ['- append: { segment: OBX(2) }', 'DTL_BAD_TARGET', 'the name alone'],
  ['- append: { segment: MSH }', 'DTL_BAD_TARGET', 'one MSH'],
  ['- insert: { segment: NTE, set: { NTE-1: 1 } }', 'DTL_WRONG_SHAPE', 'before: SEGMENT'],
  ['- insert: { segment: NTE, before: MSH }', 'DTL_BAD_TARGET', 'after MSH'],
  ['- remove: MSH', 'DTL_BAD_TARGET', 'begins with MSH'],
  ['- remove: obx', 'DTL_BAD_TARGET', 'OBX'],
  [`- if: 'row.b == "x"'\n  then: []`, 'DTL_BAD_CONDITION', 'row.b does not exist'],
  [`- if: 'row.a = "x"'\n  then: []`, 'DTL_BAD_CONDITION', 'column'],
  [`- if: 'row.a == "x"'`, 'DTL_WRONG_SHAPE', 'a list of actions'],
  [`- if: 'row.a == "x"'\n  thn: []`, 'DTL_UNKNOWN_KEY', 'then?'],
  ['- switch: { from: a }', 'DTL_WRONG_SHAPE', 'a map of values'],
  ['- foreach: { from: a, as: x }\n  do: []', 'DTL_WRONG_SHAPE', 'split'],
  ['- foreach: { split: ";", from: a, as: a }\n  do: []', 'DTL_BAD_VARIABLE', 'of its own'],
  ['- let: { row: x }', 'DTL_BAD_VARIABLE', 'of its own'],
  ['- call: nobody', 'DTL_UNKNOWN_SUBTRANSFORM', 'a file'],
  ['- call: t', 'DTL_RECURSION', 'come back'],
  ['- call: { transform: other, with: { x: y } }', 'DTL_UNKNOWN_SUBTRANSFORM', 'parameters'],
  ['- call: { transform: needy }', 'DTL_UNKNOWN_SUBTRANSFORM', 'parameter x'],
  ['- call: circle', 'DTL_SUBTRANSFORM_BROKEN', 'without problems'],
  ['- drop:', 'DTL_WRONG_SHAPE', 'the reason'],
];

for (const [actions, code, expected] of WRONG) {
  test(`check refuses ${actions}`, () => {
    const head = 'to: { hl7: ORU_R01, version: 2.5.1 }\nactions: ';
    const others = { other: `${head}[]`, needy: `parameters: [x]\n${head}[]`, circle: `${head}[{ call: t }]` };
    const found = issues(fileOf(actions), { row: { a: '' }, others });
    assert.ok(
      found.some((issue) => issue.code === code && `${issue.expected} ${issue.cure}`.includes(expected)),
      JSON.stringify(found),
    );
    assert.equal(found[0]?.path[0], 'actions');
  });
}

test('everything wrong with a file is told at once, with its path', () => {
  const yaml =
    'transform: t\nfrom: { recordMap: n }\nto: { hl7: oru, version: 3 }\nnote: x\nactions: [{ set: { PID-0: x, PID-1: { from: a } } }, { st: 1 }]';
  assert.deepEqual(
    issues(yaml, { row: { b: '' } }).map(({ code, path }) => `${code} ${path.join('.')}`),
    [
      'DTL_UNKNOWN_KEY note',
      'DTL_UNKNOWN_RECORD_MAP from.recordMap',
      'DTL_WRONG_SHAPE to.hl7',
      'DTL_WRONG_SHAPE to.version',
      'DTL_UNKNOWN_NAME actions.0.set.PID-1.from',
      'DTL_BAD_TARGET actions.0.set.PID-0',
      'DTL_UNKNOWN_ACTION actions.1.st',
    ],
  );
});

test('an incomplete MSH is a warning', () => {
  const warned = issues(fileOf('- set: { MSH-3: A, MSH-9: x }'), {}, true);
  assert.deepEqual(
    warned.map(({ code, found: what, warning }) => [code, what, warning]),
    [['DTL_MSH_INCOMPLETE', 'no MSH-10', true]],
  );
});

test('a transform with problems does not compile; the error names file and path', async () => {
  await assert.rejects(compile(fileOf('- set: { PID-1: { from: x } }\n- st: 1')), (error: unknown) => {
    assert.ok(error instanceof Error && 'code' in error);
    assert.equal(error.code, 'DTL_UNKNOWN_NAME');
    assert.match(error.message, /transforms\/t\.yaml actions\[0\]\.set\.PID-1\.from.*1 more/);
    return true;
  });
});

test('names of the prototype are plain names', async () => {
  assert.deepEqual(
    issues(fileOf('- set: { PID-1: { from: constructor } }')).map(({ code }) => code),
    ['DTL_UNKNOWN_NAME'],
  );
  assert.deepEqual(
    issues(fileOf('- set: { PID-1: { from: values.toString } }')).map(({ code }) => code),
    ['DTL_UNKNOWN_NAME'],
  );
  assert.deepEqual(await segments('- set: { NTE-3: { from: fields.constructor }, NTE-1: 1 }'), ['NTE|1']);
});
