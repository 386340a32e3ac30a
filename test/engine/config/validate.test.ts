import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPath } from '../../../engine/config/problems.ts';
import { validate } from '../../../engine/config/validate.ts';
import { parseYaml } from '../../../engine/config/yaml.ts';
import { Cel, Duration, Keys, Secret, Size, type TSchema, Type, Words } from '../../../engine/schema.ts';

function run(schema: TSchema, text: string) {
  const { tree } = parseYaml(text);
  assert.ok(tree !== undefined);
  const { value, issues } = validate(tree, schema, { written: () => undefined });
  return {
    value,
    plain: JSON.parse(JSON.stringify(value ?? null)),
    issues,
    lines: issues.map(({ path, code, cure }) => `${formatPath(path)} ${code}: ${cure}`),
  };
}

test('text becomes values, and defaults are filled in', () => {
  const schema = Keys({
    name: Type.String(),
    count: Type.Integer({ minimum: 1, default: 3 }),
    share: Type.Number(),
    on: Type.Boolean({ default: false }),
    wait: Duration({ description: 'Wait.', default: '5s' }),
    size: Size({ description: 'Size.' }),
    mode: Words(['a', 'b'], { description: 'Mode.', default: 'b' }),
    group: Type.Optional(Keys({ inner: Type.Integer({ default: 7 }) })),
    list: Type.Array(Type.String(), { default: [] }),
    none: Type.Optional(Type.String()),
  });
  const { plain, value, issues } = run(schema, 'name: 007\nshare: 0.25\nsize: 4MB\ngroup: {}\n');
  assert.deepEqual(issues, []);
  assert.deepEqual(plain, {
    name: '007',
    count: 3,
    share: 0.25,
    on: false,
    wait: 5000,
    size: 4_000_000,
    mode: 'b',
    group: { inner: 7 },
    list: [],
  });
  assert.ok(Object.isFrozen(value));
});

test('every issue is reported, each at its own path', () => {
  const schema = Keys({
    count: Type.Integer({ minimum: 1, maximum: 9 }),
    on: Type.Boolean(),
    wait: Duration({ description: 'How long.' }),
    zone: Type.Unsafe({ type: 'string', 'x-waybill': 'timeZone' }),
    mode: Words(['continue', 'refuse'], { description: 'What to do.' }),
    when: Cel({ description: 'Condition.' }),
    rows: Type.Array(Keys({ id: Type.String({ description: 'The id. Unique.' }) }), { minItems: 1 }),
  });
  const { lines } = run(
    schema,
    'count: 12\non: yes\nwait: 5 s\nzone: America/Denwer\nmode: contine\nwhen: ""\nrows: [{ name: x }]\nwiat: 3\n',
  );
  assert.deepEqual(lines, [
    'count BAD_NUMBER: write a number within the limits',
    'on BAD_BOOLEAN: Write true or false; yes, no, on and off are plain texts here.',
    'wait BAD_DURATION: Write a whole number and a unit: 500ms, 5s, 10m, 2h or 30d.',
    'zone BAD_TIME_ZONE: write America/Denver',
    'mode NOT_ALLOWED: write continue',
    'when BAD_TEXT: write a condition, or remove the key',
    'rows[0].name UNKNOWN_KEY: remove it; the keys here are id',
    'rows[0].id MISSING_KEY: add id: The id',
    'wiat UNKNOWN_KEY: remove it; the keys here are count, on, wait, zone, mode, when and rows',
  ]);
});

test('an unknown key is set against the keys that are not there yet', () => {
  const schema = Keys({ recordMap: Type.Optional(Type.String()), records: Type.Optional(Type.String()) });
  assert.deepEqual(run(schema, 'recordmap: x\n').lines, ['recordmap UNKNOWN_KEY: write recordMap']);
});

test('numbers are digits and nothing else', () => {
  const schema = Keys({ n: Type.Integer(), d: Type.Number() });
  for (const text of [
    'n: 1e3\nd: 1',
    'n: 0x10\nd: 1',
    'n: 1_000\nd: 1',
    'n: ""\nd: 1',
    'n: 1\nd: Infinity',
    'n: 99999999999999999999\nd: 1',
  ]) {
    assert.deepEqual(
      run(schema, text).issues.map(({ code }) => code),
      ['BAD_NUMBER'],
      text,
    );
  }
});

test('a map, a list and a text are not taken for each other', () => {
  const schema = Keys({ m: Keys({ a: Type.String() }), l: Type.Array(Type.String()), t: Type.String() });
  assert.deepEqual(
    run(schema, 'm:\nl: x\nt: [a]\n').issues.map(({ path, found, expected }) => [formatPath(path), found, expected]),
    [
      ['m', 'nothing', 'a map with the key a'],
      ['l', 'the text x', 'a list'],
      ['t', 'a list of 1', 'a text'],
    ],
  );
});

test('a union takes the branch that the shape means, and its errors are about that branch', () => {
  const complete = Type.Union([
    Keys({ stableFor: Duration({ description: 'Time.' }) }),
    Keys({ marker: Type.String() }),
    Type.Literal('renamed'),
  ]);
  const schema = Keys({ complete });
  assert.deepEqual(run(schema, 'complete: { stableFor: 2s }').plain, { complete: { stableFor: 2000 } });
  assert.deepEqual(run(schema, 'complete: renamed').plain, { complete: 'renamed' });
  assert.deepEqual(run(schema, 'complete: renamd').lines, ['complete NOT_ALLOWED: write renamed']);
  assert.deepEqual(
    run(schema, 'complete: { stableFor: soon }').issues.map(({ code }) => code),
    ['BAD_DURATION'],
  );
  assert.deepEqual(
    run(schema, 'complete: { marker: x, extra: y }').issues.map(({ path }) => formatPath(path)),
    ['complete.extra'],
  );
  assert.deepEqual(
    run(schema, 'complete: [x]').issues.map(({ code }) => code),
    ['WRONG_SHAPE'],
  );
});

test('a key of fixed value chooses among maps', () => {
  const schema = Keys({
    by: Type.Union([
      Keys({ type: Type.Literal('circle'), radius: Type.Integer() }),
      Keys({ type: Type.Literal('square'), side: Type.Integer() }),
    ]),
  });
  assert.deepEqual(run(schema, 'by: { type: square, side: 3 }').plain, { by: { type: 'square', side: 3 } });
  assert.deepEqual(run(schema, 'by: { type: square, radius: 3 }').lines.length, 2);
  assert.deepEqual(run(schema, 'by: { type: sqare }').lines, ['by.type NOT_ALLOWED: write square']);
});

test('never or a duration', () => {
  const schema = Keys({
    after: Type.Union([Type.Literal('never'), Duration({ description: 'Time.' })], { default: 'never' }),
  });
  assert.deepEqual(run(schema, '{}').plain, { after: 'never' });
  assert.deepEqual(run(schema, 'after: 2h').plain, { after: 7_200_000 });
  assert.equal(run(schema, 'after: soon').issues.length, 1);
});

test('records check names, and names that JavaScript knows are plain data', () => {
  const schema = Type.Record(Type.String({ pattern: '^[a-z_]+$' }), Type.Integer());
  const { value, issues } = run(schema, '__proto__: 1\nconstructor: 2\nBig: 3\n');
  assert.deepEqual(
    issues.map(({ code, path }) => [code, ...path]),
    [['NAME_FORM', 'Big']],
  );
  assert.deepEqual(Object.entries(value as object), [
    ['__proto__', 1],
    ['constructor', 2],
  ]);
  assert.equal(run(Keys({ a: Type.Optional(Type.String()) }), 'constructor: x').issues[0]?.code, 'UNKNOWN_KEY');
});

test('a secret in the file is refused and never shown', () => {
  const schema = Keys({ password: Secret({ description: 'Password.' }) });
  const { issues } = run(schema, 'password: hunter2\n');
  assert.deepEqual(
    issues.map(({ code }) => code),
    ['SECRET_IN_FILE'],
  );
  assert.equal(JSON.stringify(issues).includes('hunter2'), false);
});

test('definitions may refer to themselves', () => {
  const schema = Type.Unsafe({
    $defs: {
      node: {
        type: 'object',
        additionalProperties: false,
        properties: { name: { type: 'string' }, child: { $ref: '#/$defs/node' } },
      },
    },
    $ref: '#/$defs/node',
  });
  assert.deepEqual(run(schema, 'name: a\nchild: { child: { nam: b } }').lines, [
    'child.child.nam UNKNOWN_KEY: write name',
  ]);
});

test('long texts are cut short in what was found', () => {
  const { issues } = run(Keys({ mode: Words(['a'], { description: 'Mode.' }) }), `mode: ${'x'.repeat(500)}`);
  assert.ok((issues[0]?.found.length ?? 0) < 70);
});
