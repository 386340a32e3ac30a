import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compileCondition,
  compileExpression,
  compileReference,
  compileTest,
  expressionUse,
} from '../../engine/conditions.ts';
import type { Item, TypedValue } from '../../engine/contracts/item.ts';
import type { TransformContext } from '../../engine/contracts/transform.ts';
import { WaybillError } from '../../engine/errors.ts';

const COLUMNS = ['state', 'cvx', 'dose', 'given_at', 'first name'];

function itemOf(row: Readonly<Record<string, string>>, typed: Readonly<Record<string, TypedValue>> = {}): Item {
  const values = COLUMNS.map((name) => row[name] ?? '');
  const typedAt = (index: number) => typed[COLUMNS[index] ?? ''] ?? null;
  return { line: 3, lastLine: 3, fields: values, faults: [], values, typed: typedAt, date: () => undefined };
}

const CONTEXT: TransformContext = {
  messageId: 'm',
  acceptedAt: Date.UTC(2024, 0, 17),
  submission: { id: 's1', name: 'doses.csv', service: 'drop' },
  fields: { site: 'north' },
  partner: 'clinic',
  charset: 'utf-8',
};

const HOLDS: readonly (readonly [string, boolean])[] = [
  ['row.state == "CO"', true],
  ['row["first name"] != ""', true],
  ['row.cvx in ["998", "207"]', true],
  ['!(row.cvx in ["998"]) && row.state != "WY" || false', true],
  ['row.state == row.cvx', false],
  ['row.state.startsWith("C") && row.state.endsWith("O") && "xCOx".contains(row.state)', true],
  ['int(row.dose) > 1', true],
  ['size(row.state) == 2', true],
  ['row.state.matches("^[A-Z]{2}$")', true],
  ['typed.dose > 1 && typed.dose == 2', true],
  ['typed.given_at < timestamp("2024-06-01T00:00:00Z")', true],
  ['typed.cvx == null', true],
  ['submission.name == "doses.csv" && submission.line == 3 && submission.service == "drop"', true],
  ['submission.acceptedAt > timestamp("2024-01-01T00:00:00Z")', true],
  ['fields.site == "north"', true],
  ['fields.absent == ""', true],
  ['size(fields.absent) == 0', true],
  ['partner == "clinic"', true],
  ['values.facility == "F1"', true],
  ['row.exists(name, row[name] == "Ana")', true],
  ['row.state == "CO" ? row.cvx == "207" : false', true],
  ['"constructor" in row', false],
];

for (const [text, expected] of HOLDS) {
  test(`${text} is ${expected}, by closures and by cel-js`, () => {
    const item = itemOf(
      { state: 'CO', cvx: '207', dose: '2', 'first name': 'Ana' },
      { dose: 2, given_at: new Date('2024-01-17T12:00:00Z') },
    );
    const scope = { columns: COLUMNS, values: { facility: 'F1' } };
    assert.equal(compileCondition(text, COLUMNS, scope)(item, CONTEXT), expected);
    assert.equal(compileReference(text, scope)(item, CONTEXT), expected);
  });
}

const REFUSED: readonly (readonly [string, string, number, RegExp])[] = [
  ['row.state ==', 'CONDITION_SYNTAX', 13, /column 13/],
  ['row.state = "CO"', 'CONDITION_SYNTAX', 11, /column/],
  ['row.state == 1', 'CONDITION_SYNTAX', 1, /string == int/],
  ['row.stat == "CO"', 'CONDITION_UNKNOWN_NAME', 1, /did you mean state/],
  ['true || row["stat"] == ""', 'CONDITION_UNKNOWN_NAME', 9, /did you mean state/],
  ['typed.dos > 1', 'CONDITION_UNKNOWN_NAME', 1, /did you mean dose/],
  ['submission.file == ""', 'CONDITION_UNKNOWN_NAME', 1, /submission\.file/],
  ['values.facilty == ""', 'CONDITION_UNKNOWN_NAME', 1, /did you mean facility/],
  ['patient.name == ""', 'CONDITION_UNKNOWN_NAME', 1, /patient/],
  ['row.state', 'CONDITION_NOT_BOOLEAN', 1, /string/],
  ['', 'CONDITION_SYNTAX', 1, /column/],
];

for (const [text, code, column, words] of REFUSED) {
  test(`${text || 'nothing'} is refused at column ${column}`, () => {
    assert.throws(
      () => compileCondition(text, COLUMNS, { values: { facility: '' } }),
      (error: unknown) => {
        assert.ok(error instanceof WaybillError);
        assert.equal(error.code, code);
        assert.equal(error.place.column, column);
        assert.match(error.message, words);
        return true;
      },
    );
  });
}

test('what fails for one item says where and why, never a value', () => {
  const fails = compileCondition('int(row.dose) > 1', COLUMNS);
  assert.throws(
    () => fails(itemOf({ dose: 'Smith' }), CONTEXT),
    (error: unknown) => {
      assert.ok(error instanceof WaybillError);
      assert.equal(error.code, 'CONDITION_FAILED');
      assert.equal(error.place.line, 3);
      assert.doesNotMatch(`${error.message} ${error.stack}`, /Smith/);
      return true;
    },
  );
  const notBoolean = compileCondition('typed.dose', COLUMNS);
  assert.throws(() => notBoolean(itemOf({}, { dose: 2 }), CONTEXT), { code: 'CONDITION_FAILED' });
});

test('variables are texts of their own place in the array', () => {
  const scope = {
    columns: COLUMNS,
    variables: new Map([
      ['code', 1],
      ['other', 0],
    ]),
  };
  for (const text of ['code == "B" && other == "A"', 'size(code + other) == 2 && code > other']) {
    assert.equal(compileTest(text, scope)(itemOf({}), CONTEXT, ['A', 'B']), true, text);
  }
});

test('an expression gives any value', () => {
  const value = (text: string) =>
    compileExpression(text, { columns: COLUMNS })(itemOf({ state: 'CO', dose: '2' }), CONTEXT);
  assert.equal(value('row.state'), 'CO');
  assert.equal(value('row.state + "-" + row.dose'), 'CO-2');
  assert.equal(value('int(row.dose) + 1'), 3n);
  assert.equal(value('row.state == "CO"'), true);
});

test('what an expression reads is known', () => {
  const use = expressionUse('row.state == "" || typed.dose > 1 || row.all(k, fields.site != "")', { columns: COLUMNS });
  assert.deepEqual([...use.row], ['state']);
  assert.deepEqual([...use.typed], ['dose']);
  assert.deepEqual([...use.fields], ['site']);
  assert.ok(use.whole.has('row'));
});

function messageOf(paths: Readonly<Record<string, string>>): Item {
  return { ...itemOf({}), values: [], path: (path) => (Object.hasOwn(paths, path) ? (paths[path] ?? '') : '') };
}

const OF_MESSAGES: readonly (readonly [string, boolean])[] = [
  ['message["PID-5.1"] == "Roe"', true],
  ['message["PID-8"] in ["F", "M"] && message["ZZZ-1"] == ""', true],
  ['message["PID-5.1"].startsWith("R") && !(message["MSH-4"].contains("x"))', true],
  ['size(message["PID-5.1"]) == 3', true],
  ['int(message["OBX-5"]) > 4', true],
  ['message["PID-5.1"] == message["PID-8"]', false],
  ['submission.contentType == "application/pdf" && submission.part == "consent"', true],
  ['fields.site == "north" && partner == "clinic"', true],
];

for (const [written, expected] of OF_MESSAGES) {
  test(`${written} is ${expected} for items that are not rows`, () => {
    const item = messageOf({ 'PID-5.1': 'Roe', 'PID-8': 'F', 'OBX-5': '5' });
    const submission = { ...CONTEXT.submission, contentType: 'application/pdf', part: 'consent' };
    const context = { ...CONTEXT, submission };
    assert.equal(compileCondition(written, [])(item, context), expected);
    assert.equal(compileReference(written, { columns: [] })(item, context), expected);
  });
}

test('an item without paths has empty texts at all of them', () => {
  const empty = compileCondition('message["PID-5.1"] == "" && size(message["x"]) == 0', []);
  assert.equal(empty({ ...itemOf({}), values: [] }, CONTEXT), true);
});

test('message is for items that are not rows, row and typed for rows; paths are checked where one knows how', () => {
  const pathProblem = (path: string) => (path === 'PID-5' ? undefined : `'${path}' is not a path`);
  const refused = (written: string, columns: readonly string[], words: RegExp) =>
    assert.throws(
      () => compileCondition(written, columns, { pathProblem }),
      (error: unknown) => {
        assert.ok(error instanceof WaybillError);
        assert.equal(error.code, 'CONDITION_UNKNOWN_NAME');
        assert.match(error.message, words);
        return true;
      },
    );
  refused('message["PID-5"] == ""', COLUMNS, /not rows, at column 1 .*write row\.COLUMN/);
  refused('row.state == ""', [], /row is for rows.*write message\["PATH"\]/);
  refused('true && typed.dose == 1', [], /typed is for rows.*at column 9/);
  refused('message["PID.5"] == ""', [], /'PID\.5' is not a path, at column 1/);
  refused('message.exists(k, k == "")', [], /path in quotes/);
  refused('message[partner] == ""', [], /path in quotes/);
  assert.doesNotThrow(() => compileCondition('message["PID-5"] == ""', [], { pathProblem }));
});

test('what an expression reads of a message is known', () => {
  assert.deepEqual(
    [...expressionUse('message["PID-5"] == "" || message.name == "x"', { columns: [] }).message],
    ['PID-5', 'name'],
  );
});

const text = fc.constantFrom('', 'CO', 'WY', '207', 'C', "it's", 'a"b', 'a\\b', '\u00e9');
const literal = text.map((value) => JSON.stringify(value));
const operand = fc.oneof(
  fc.constantFrom(
    'row.state',
    'row.cvx',
    'row["first name"]',
    'partner',
    'fields.site',
    'fields.none',
    'values.facility',
    'submission.name',
  ),
  literal,
);
const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4 },
    fc.tuple(operand, fc.constantFrom('==', '!='), operand).map((parts) => parts.join(' ')),
    fc
      .tuple(operand, fc.array(literal, { minLength: 1, maxLength: 3 }))
      .map(([left, list]) => `${left} in [${list.join(', ')}]`),
    fc
      .tuple(operand, fc.constantFrom('startsWith', 'endsWith', 'contains'), operand)
      .map(([a, method, b]) => `${a}.${method}(${b})`),
    fc.constantFrom('true', 'false'),
    tie('condition').map((inner) => `!(${inner})`),
    fc
      .tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition'))
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
  ),
}));

test('closures and cel-js agree on any condition of the shapes that closures are made for', () => {
  const scope = { columns: COLUMNS, values: { facility: 'CO' } };
  fc.assert(
    fc.property(condition, text, text, text, (written, state, cvx, name) => {
      const item = itemOf({ state, cvx, 'first name': name });
      assert.equal(
        compileTest(written, scope)(item, CONTEXT),
        compileReference(written, scope)(item, CONTEXT),
        written,
      );
    }),
    { numRuns: 300 },
  );
});
