/** The builders write what TypeBox writes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import TypeBox from 'typebox';
import { Type } from '../../engine/schema.ts';

const plain = (schema: unknown): unknown => JSON.parse(JSON.stringify(schema));
/** The same schema by both, with a reason to differ in each. */
const BOTH: readonly (readonly [string, unknown, unknown])[] = [
  ['a text', Type.String({ pattern: '^a$', description: 'd' }), TypeBox.String({ pattern: '^a$', description: 'd' })],
  ['a whole number', Type.Integer({ minimum: 1, default: 3 }), TypeBox.Integer({ minimum: 1, default: 3 })],
  ['a number', Type.Number(), TypeBox.Number()],
  ['true or false', Type.Boolean({ default: false }), TypeBox.Boolean({ default: false })],
  ['one text', Type.Literal('never', { description: 'd' }), TypeBox.Literal('never', { description: 'd' })],
  ['one number', Type.Literal(5), TypeBox.Literal(5)],
  ['a list', Type.Array(Type.String(), { minItems: 1 }), TypeBox.Array(TypeBox.String(), { minItems: 1 })],
  [
    'one of two',
    Type.Union([Type.Literal('a'), Type.Number()], { default: 'a' }),
    TypeBox.Union([TypeBox.Literal('a'), TypeBox.Number()], { default: 'a' }),
  ],
  [
    'a map',
    Type.Record(Type.String(), Type.String(), { default: {} }),
    TypeBox.Record(TypeBox.String(), TypeBox.String(), { default: {} }),
  ],
  [
    'a map of certain keys',
    Type.Record(Type.String({ pattern: '^a$' }), Type.Number()),
    TypeBox.Record(TypeBox.String({ pattern: '^a$' }), TypeBox.Number()),
  ],
  [
    'keys, some of which may be missing',
    Type.Object({ a: Type.String(), b: Type.Optional(Type.Integer()) }, { additionalProperties: false }),
    TypeBox.Object({ a: TypeBox.String(), b: TypeBox.Optional(TypeBox.Integer()) }, { additionalProperties: false }),
  ],
  [
    'keys, all of which may be missing',
    Type.Object({ a: Type.Optional(Type.String()) }),
    TypeBox.Object({ a: TypeBox.Optional(TypeBox.String()) }),
  ],
  ['no keys', Type.Object({}), TypeBox.Object({})],
  [
    'words of JSON Schema',
    Type.Unsafe({ type: 'string', enum: ['x'] }),
    TypeBox.Unsafe({ type: 'string', enum: ['x'] }),
  ],
];

for (const [title, ours, theirs] of BOTH) {
  test(`${title}: the same schema, key by key`, () => {
    assert.deepEqual(plain(ours), plain(theirs));
    assert.deepEqual(Object.keys(Object(ours)), Object.keys(Object(theirs)));
  });
}
