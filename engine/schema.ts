/**
 * Building blocks for configuration schemas. A schema is plain JSON Schema, as TypeBox writes it; what text means (a duration,
 * a size, a secret) is said by the keyword `x-waybill`, which the loader (text to value), the docs and the editor's schema read.
 */
import type { TSchema } from 'typebox';

export type { TSchema };

/** Keywords of JSON Schema beside those that a builder writes. */
type Keywords = Readonly<Record<string, unknown>>;

/** Schemas of keys that may be missing; the mark is no part of the schema. */
const optional = new WeakSet<object>();

/**
 * The builders of TypeBox that schemas here are made of, with the same outcome (`test/engine/schema.test.ts` holds them to
 * it): TypeBox itself takes 24 MB in each thread (`docs/decisions/start-upload-trace.md`).
 */
export const Type = {
  String: (keywords: Keywords = {}): TSchema => ({ type: 'string', ...keywords }),
  Integer: (keywords: Keywords = {}): TSchema => ({ type: 'integer', ...keywords }),
  Number: (keywords: Keywords = {}): TSchema => ({ type: 'number', ...keywords }),
  Boolean: (keywords: Keywords = {}): TSchema => ({ type: 'boolean', ...keywords }),
  Literal: (value: string | number | boolean, keywords: Keywords = {}): TSchema => ({
    type: typeof value,
    const: value,
    ...keywords,
  }),
  Array: (items: TSchema, keywords: Keywords = {}): TSchema => ({ type: 'array', items, ...keywords }),
  Union: (anyOf: readonly TSchema[], keywords: Keywords = {}): TSchema => ({ anyOf, ...keywords }),
  /** A map whose keys fit the pattern of `key`, or any keys where it has none. */
  Record: (key: TSchema, value: TSchema, keywords: Keywords = {}): TSchema => ({
    type: 'object',
    patternProperties: { ['pattern' in key ? String(key.pattern) : '^.*$']: value },
    ...keywords,
  }),
  Object(properties: Readonly<Record<string, TSchema>>, keywords: Keywords = {}): TSchema {
    const required = Object.entries(properties).flatMap(([name, schema]) => (optional.has(schema) ? [] : [name]));
    return { type: 'object', ...(required.length === 0 ? {} : { required }), properties, ...keywords };
  },
  Optional(schema: TSchema): TSchema {
    const copy = { ...schema };
    optional.add(copy);
    return copy;
  },
  /** A schema in words of JSON Schema. */
  Unsafe: (schema: Keywords): TSchema => schema,
};

export type Meaning = 'duration' | 'size' | 'secret' | 'path' | 'cel' | 'timeZone';

/** Text such as `500ms`, `5s`, `10m`, `2h`, `30d`; its value is a number of milliseconds. */
export function Duration(options: { description: string; default?: string }): TSchema {
  return Type.Unsafe({ type: 'string', pattern: '^\\d+(ms|s|m|h|d)$', 'x-waybill': 'duration', ...options });
}

/** Text such as `500B`, `64KB`, `4MB`, `1GB`, in powers of 1,000; its value is a number of bytes. */
export function Size(options: { description: string; default?: string }): TSchema {
  return Type.Unsafe({ type: 'string', pattern: '^\\d+(B|KB|MB|GB)$', 'x-waybill': 'size', ...options });
}

/** A text that should come from `${env:NAME}` or `${file:path}` and is never shown. */
export function Secret(options: { description: string }): TSchema {
  return Type.Unsafe({ type: 'string', 'x-waybill': 'secret', ...options });
}

/** A condition in CEL. */
export function Cel(options: { description: string }): TSchema {
  return Type.Unsafe({ type: 'string', 'x-waybill': 'cel', ...options });
}

/** One of a closed list of words. */
export function Words<const W extends string>(
  words: readonly W[],
  options: { description: string; default?: W },
): TSchema {
  return Type.Unsafe({ type: 'string', enum: [...words], ...options });
}

/** An object with these keys and no other. */
export function Keys(properties: Record<string, TSchema>, options: { description?: string } = {}): TSchema {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** The text form of a duration, in milliseconds. @throws RangeError where it is none. */
export function durationMs(text: string): number {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  if (!match) throw new RangeError('a duration is a whole number and ms, s, m, h or d');
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 'ms'];
  return Number(match[1]) * unit;
}

/** The text form of a size, in bytes. @throws RangeError where it is none. */
export function sizeBytes(text: string): number {
  const match = /^(\d+)(B|KB|MB|GB)$/.exec(text);
  if (!match) throw new RangeError('a size is a whole number and B, KB, MB or GB');
  const unit = { B: 1, KB: 1000, MB: 1_000_000, GB: 1_000_000_000 }[match[2] as 'B'];
  return Number(match[1]) * unit;
}
