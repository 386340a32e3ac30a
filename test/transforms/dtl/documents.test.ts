/** Rows become documents. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EJSON } from 'bson';
import fc from 'fast-check';
import { needsShared, sharedPath } from '../../support/shared.ts';
import { compile, contextOf, type DtlCase, documentFile, documentOf, issues, itemOf, messageIn } from '../dtl-run.ts';

const ID = '7kq2-15-217';

async function faults(actions: string, given: DtlCase): Promise<readonly unknown[]> {
  const result = (await compile(documentFile(actions), given)).run(itemOf(given), contextOf(given.context));
  assert.ok(result.kind === 'invalid', JSON.stringify(result));
  return result.faults.map(({ code, column }) => [code, column]);
}

/** One value of a document. */
async function value(source: string, given: DtlCase = {}): Promise<unknown> {
  return (await documentOf(`- set: { v: ${source} }`, given)).v;
}

test('the example of the design: paths make maps, typed values keep their type, the id is that of the message', async () => {
  const given: DtlCase = {
    row: { mrn: 'M1', last_name: "O'Neil", birth_date: '2/3/1990', given_at: '2024-01-17 12:30', dose: '0.50' },
    types: { birth_date: 'date', given_at: 'dateTime', dose: 'decimal' },
    typed: { birth_date: new Date('1990-02-03'), given_at: new Date('2024-01-17T19:30:00Z') },
  };
  const actions = `
- set:
    patient.mrn: { from: mrn }
    patient.name.family: { from: last_name }
    patient.birthDate: { from: typed.birth_date }
    vaccine.dose: { from: typed.dose }
    givenAt: { from: typed.given_at }
    source.file: { from: submission.name }
    source.line: { from: submission.line }`;
  const program = await compile(documentFile(actions), given);
  const message = messageIn(program.run(itemOf(given), contextOf()));
  assert.equal(message.controlId, ID);
  assert.equal(
    message.text,
    '{"_id":"7kq2-15-217","patient":{"mrn":"M1","name":{"family":"O\'Neil"},"birthDate":{"$date":"1990-02-03T00:00:00Z"}},"vaccine":{"dose":0.5},"givenAt":{"$date":"2024-01-17T19:30:00Z"},"source":{"file":"doses.csv","line":7}}',
  );
});

test('numbers and booleans: written in the file, converted, typed, and computed', async () => {
  const row = { n: '042', yes: 'Y', big: '9007199254740993' };
  const types = { n: 'integer', big: 'integer' };
  assert.equal(await value('{ number: 5 }'), 5);
  assert.equal(await value('{ boolean: no }'), false);
  assert.equal(await value('5'), '5');
  assert.equal(await value('{ value: "2.50", as: number }'), 2.5);
  assert.equal(await value('{ from: n }', { row, types }), '042');
  assert.equal(await value('{ from: n, as: number }', { row, types }), 42);
  assert.equal(await value('{ from: typed.n }', { row, types }), 42);
  assert.deepEqual(await value('{ from: typed.big }', { row, types }), { $numberLong: '9007199254740993' });
  assert.equal(await value('{ from: yes, as: [trim, boolean] }', { row }), true);
  assert.equal(await value('{ cel: "int(row.n) + 1" }', { row }), 43);
  assert.equal(await value(`{ cel: 'row.yes == "Y"' }`, { row }), true);
  assert.equal(await value(`{ cel: 'row.yes + row.n' }`, { row }), 'Y042');
});

test('dates: a day is midnight UTC, a time is in the zone of the production', async () => {
  const given: DtlCase = {
    row: {
      day: '2024-01-17',
      time: '2024-01-17 12:30',
      text: '20240117',
      text2: '202401171230',
      zoned: '20240117123000-0500',
    },
    types: { day: 'date', time: 'dateTime' },
    timeZone: 'America/Denver',
  };
  const date = async (source: string) => (await value(source, given)) as { $date: string };
  assert.deepEqual(await date('{ from: day, as: date }'), { $date: '2024-01-17T00:00:00Z' });
  assert.deepEqual(await date('{ from: time, as: date }'), { $date: '2024-01-17T19:30:00Z' });
  assert.deepEqual(await date('{ from: text, as: date }'), { $date: '2024-01-17T00:00:00Z' });
  assert.deepEqual(await date('{ from: text2, as: date }'), { $date: '2024-01-17T19:30:00Z' });
  assert.deepEqual(await date('{ from: zoned, as: date }'), { $date: '2024-01-17T17:30:00Z' });
  assert.deepEqual(await date('{ from: day, as: [shift(1d), date] }'), { $date: '2024-01-18T00:00:00Z' });
  assert.deepEqual(await date('{ from: day, as: [shift(6s), date] }'), { $date: '2024-01-17T07:00:06Z' });
  assert.deepEqual(await date('{ from: [time, day], as: date }'), { $date: '2024-01-17T19:30:00Z' });
  assert.deepEqual(await date('{ from: acceptedAt }'), { $date: '2024-01-17T19:30:05Z' });
  assert.deepEqual(await date('{ from: submission.acceptedAt }'), { $date: '2024-01-17T19:30:05Z' });
  assert.equal(await value('{ from: day, as: date(yyyyMMdd) }', given), '20240117');
  assert.equal(await value('{ acceptedAt: yyyy }', given), '2024');
});

test('an empty cell is a value; anything else that is empty is left out, a default stands in for it', async () => {
  const given: DtlCase = { row: { a: '', b: 'x' } };
  assert.deepEqual(
    await documentOf(
      '- set: { p.q: { from: a }, r.s: { from: a, default: none }, t: { from: a, default: { number: 0 } }, u: "" }',
      given,
    ),
    { _id: ID, p: { q: '' }, r: { s: 'none' }, t: 0 },
  );
  assert.deepEqual(
    await documentOf(
      `- set: { p: { from: b } }\n- set: { p: { from: a, if: 'row.a != ""' }, q: { from: a, as: upper } }`,
      given,
    ),
    { _id: ID },
  );
  assert.deepEqual(await documentOf(`- set: { p: { number: 1, if: 'row.b == "y"' } }`, given), { _id: ID });
});

test('lists: append values and elements, write an element, list sources', async () => {
  const given: DtlCase = { row: { codes: 'A; B;;C', first: 'Ana', middle: '', last: 'Roe' } };
  const actions = `
- foreach: { split: ";", from: codes, as: code, index: n }
  do:
    - append: { path: codes, value: { from: code } }
    - append:
        path: details.list
        set: { code: { from: code }, number: { from: n, as: number } }
- append: { path: codes, value: { from: middle } }
- set: { name.given(1): { from: middle }, name.given(2): { from: first } }
- set: { all: { list: [{ from: first }, { from: middle }, { number: 3 }] }, none: { list: [{ from: middle }] } }
- set: { details.list(2).code: changed }`;
  assert.deepEqual(await documentOf(actions, given), {
    _id: ID,
    codes: ['A', 'B', 'C'],
    details: {
      list: [
        { code: 'A', number: 1 },
        { code: 'changed', number: 2 },
        { code: 'C', number: 3 },
      ],
    },
    name: { given: ['', 'Ana'] },
    all: ['Ana', 3],
  });
});

test('actions inside an element count their paths from it, at any depth', async () => {
  const actions = `
- append: { path: orders, set: { code: A } }
  do:
    - append: { path: results, set: { n: 1 } }
    - append: { path: results }
      do:
        - set: { n: 2 }
        - append: { path: notes, value: deep }
- set: { orders(1).done: { boolean: true }, top: 1 }`;
  assert.deepEqual(await documentOf(actions), {
    _id: ID,
    orders: [{ code: 'A', results: [{ n: '1' }, { n: '2', notes: ['deep'] }], done: true }],
    top: '1',
  });
});

test('remove takes out a value, an element, a whole part', async () => {
  const before = '- set: { a.b: 1, a.c: 2, d: { list: [x, y, z] } }\n';
  assert.deepEqual(await documentOf(`${before}- remove: [a.b, d(2), nothing.there, d(9)]`), {
    _id: ID,
    a: { c: '2' },
    d: ['x', 'z'],
  });
  assert.deepEqual(await documentOf(`${before}- remove: a`), { _id: ID, d: ['x', 'y', 'z'] });
});

test('the last that writes a place has it', async () => {
  assert.deepEqual(await documentOf('- set: { a.b: 1 }\n- set: { a: 2 }'), { _id: ID, a: '2' });
  assert.deepEqual(await documentOf('- set: { a: 2 }\n- set: { a.b: 1 }'), { _id: ID, a: { b: '1' } });
  assert.deepEqual(await documentOf('- set: { a: 2 }\n- append: { path: a, value: 1 }'), { _id: ID, a: ['1'] });
});

test('_id can be set; the control id says the same; an empty one is invalid', async () => {
  const run = async (source: string, row: Readonly<Record<string, string>>) =>
    messageIn(
      (await compile(documentFile(`- set: { x: 1, _id: ${source} }`), { row })).run(itemOf({ row }), contextOf()),
    );
  assert.deepEqual(await run('{ join: [{ from: a }, { from: b }], with: "-" }', { a: 'M1', b: '207' }), {
    text: '{"_id":"M1-207","x":"1"}',
    controlId: 'M1-207',
  });
  assert.equal((await run('{ from: a, as: number }', { a: '15' })).controlId, '15');
  assert.deepEqual(await faults('- set: { _id: { from: a } }', { row: { a: '' } }), [['DOCUMENT_ID_EMPTY', 'a']]);
  assert.deepEqual(await faults('- set: { _id: { list: [a, b] } }', {}), [['DOCUMENT_ID_EMPTY', undefined]]);
});

test('a value that is no number, no boolean, no date makes the item invalid, and is not told', async () => {
  const given: DtlCase = { row: { a: 'Smith' } };
  assert.deepEqual(await faults('- set: { v: { from: a, as: number } }', given), [['NUMBER_UNREADABLE', 'a']]);
  assert.deepEqual(await faults('- set: { v: { from: a, as: boolean } }', given), [['BOOLEAN_UNREADABLE', 'a']]);
  assert.deepEqual(await faults('- set: { v: { from: a, as: date } }', given), [['DATE_UNREADABLE', 'a']]);
});

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['- set: { __proto__.x: 1 }', 'DTL_BAD_TARGET', /another name than __proto__/],
  ['- set: { a.constructor: 1 }', 'DTL_BAD_TARGET', /constructor/],
  ['- set: { prototype: 1 }', 'DTL_BAD_TARGET', /prototype/],
  ['- set: { $set: 1 }', 'DTL_BAD_TARGET', /begin with \$/],
  ['- set: { a.$where: 1 }', 'DTL_BAD_TARGET', /begin with \$/],
  ['- set: { "a\\0b": 1 }', 'DTL_BAD_TARGET', /NUL/],
  ['- set: { a..b: 1 }', 'DTL_BAD_TARGET', /points between/],
  ['- set: { "a[0]": 1 }', 'DTL_BAD_TARGET', /round brackets.*given\(2\)/],
  ['- set: { a(0): 1 }', 'DTL_BAD_TARGET', /round brackets/],
  ['- set: { _id.a: 1 }', 'DTL_BAD_TARGET', /_id as one value/],
  ['- set: { a: 1, a.b: 2 }', 'DTL_BAD_TARGET', /outside of a/],
  ['- set: { a: { raw: A^B } }', 'DTL_WRONG_SHAPE', /raw is for HL7/],
  ['- set: { a: { delete: true } }', 'DTL_WRONG_SHAPE', /delete is for HL7/],
  ['- set: { a: { id: segment } }', 'DTL_WRONG_SHAPE', /no segments/],
  ['- set: { a: { number: five } }', 'DTL_WRONG_SHAPE', /a number/],
  ['- set: { a: { boolean: maybe } }', 'DTL_WRONG_SHAPE', /true or false/],
  ['- set: { a: { list: x } }', 'DTL_WRONG_SHAPE', /a list of sources/],
  ['- set: { a: { value: 1, as: [number, upper] } }', 'DTL_BAD_ARGUMENT', /at the end/],
  ['- append: { segment: OBX }', 'DTL_UNKNOWN_KEY', /path, set, value/],
  ['- append: { path: a }', 'DTL_WRONG_SHAPE', /value, or set, or do/],
  ['- append: { path: a, value: 1, set: { b: 1 } }', 'DTL_WRONG_SHAPE', /value, or set/],
  ['- append: { path: _id, value: 1 }', 'DTL_BAD_TARGET', /another path/],
  ['- insert: { segment: OBX, after: PID }', 'DTL_BAD_TARGET', /append: \{ path/],
  ['- remove: _id', 'DTL_BAD_TARGET', /has an _id/],
  ['- set: { a: { copy: PID-3 } }', 'DTL_WRONG_SHAPE', /reads HL7/],
  ['- foreach: { segment: OBX }\n  do: []', 'DTL_WRONG_SHAPE', /reads HL7/],
  ['- call: other', 'DTL_UNKNOWN_TARGET_KIND', /a transform to json/],
];

for (const [actions, code, words] of REFUSED) {
  test(`${actions} is refused`, () => {
    const others = { other: 'transform: other\nto: { hl7: ORU_R01, version: 2.5.1 }\nactions: []' };
    const found = issues(documentFile(actions), { others });
    assert.ok(
      found.some((issue) => issue.code === code && words.test(`${issue.expected} ${issue.cure}`)),
      JSON.stringify(found),
    );
  });
}

test('what is for documents is refused in HL7', () => {
  const hl7 = (actions: string) =>
    issues(`transform: t\nto: { hl7: ORU_R01, version: 2.5.1 }\nactions:\n  - ${actions}`).map(
      ({ code, expected }) => `${code} ${expected}`,
    );
  assert.match(hl7('set: { PID-1: { number: 5 } }').join(), /^DTL_WRONG_SHAPE .*number is for documents/);
  assert.match(hl7('set: { PID-1: { value: 5, as: number } }').join(), /^DTL_BAD_ARGUMENT number is for documents/);
  assert.match(hl7('set: { PID-7: { value: 2024, as: date } }').join(), /^DTL_BAD_ARGUMENT date is written date\(/);
  assert.match(hl7('append: { path: a, value: 1 }').join(), /DTL_UNKNOWN_KEY/);
  assert.match(hl7('{ append: { segment: OBX }, do: [] }').join(), /^DTL_UNKNOWN_KEY set inside of append/);
});

test('a subtransform writes into the document of its caller', async () => {
  const others = {
    vaccine:
      'transform: vaccine\nparameters: [code]\nto: { json: part }\nactions:\n  - set: { vaccine.cvx: { from: code } }',
  };
  assert.deepEqual(await documentOf('- call: { transform: vaccine, with: { code: "207" } }', { others }), {
    _id: ID,
    vaccine: { cvx: '207' },
  });
});

test('keys come from the file only: a column that is called like a prototype is a value', async () => {
  const given: DtlCase = { row: { a: '__proto__', b: '$where' } };
  assert.deepEqual(await documentOf('- set: { v: { list: [{ from: a }, { from: b }] } }', given), {
    _id: ID,
    v: ['__proto__', '$where'],
  });
  assert.equal(Object.hasOwn(Object.prototype, 'v'), false);
});

test('lineage names the path of every value, with the element of a list', async () => {
  const given: DtlCase = { row: { a: '1', b: '' }, values: { site: 'N' } };
  const actions = `
- set: { x.y: { from: a }, empty: { from: b }, site: { from: values.site } }
- append: { path: list, set: { z: { from: a, as: number } } }
- append: { path: codes, value: { from: a } }
- append: { path: codes, value: fixed }`;
  const { lineage } = (await compile(documentFile(actions), given)).explain(itemOf(given), contextOf());
  assert.deepEqual(
    lineage.map(({ target, sources, action }) => [target, sources.join(), action.replace('transforms/t.yaml ', '')]),
    [
      ['x.y', 'a', 'actions[0].set.x.y'],
      ['site', 'values.site', 'actions[0].set.site'],
      ['list(1).z', 'a', 'actions[1].append.set.z'],
      ['codes(1)', 'a', 'actions[2].append'],
      ['codes(2)', 'constant', 'actions[3].append'],
    ],
  );
});

test('any text of a column comes back from the document as it was', async () => {
  const program = await compile(documentFile('- set: { v: { from: a } }'), { row: { a: '' } });
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'binary' }), (text) => {
      const message = messageIn(program.run(itemOf({ row: { a: text } }), contextOf()));
      assert.equal(EJSON.parse(message.text).v, text);
    }),
  );
});

test('every naughty string comes back from the document as it was', needsShared, async () => {
  const naughty = JSON.parse(readFileSync(sharedPath('fixtures/csv/naughty/blns.json'), 'utf8')) as readonly string[];
  assert.ok(naughty.length > 500);
  const program = await compile(documentFile('- set: { v: { from: a }, w: { list: [{ from: a }] } }'), {
    row: { a: '' },
  });
  for (const text of naughty) {
    const document = EJSON.parse(messageIn(program.run(itemOf({ row: { a: text } }), contextOf())).text);
    assert.equal(document.v, text);
    assert.deepEqual(document.w, text === '' ? undefined : [text]);
  }
});
