/** Filters: which documents a message means. Made of values of the message, never of operators that stand in it. */
import type { Document } from 'mongodb';
import { WaybillError } from '../../engine/errors.ts';
import { Refused } from './refused.ts';

/** One condition: the field of the collection must equal what stands in the message. */
export interface FilterField {
  /** Path in the collection. */
  readonly target: string;
  /** Keys of the path in the message. */
  readonly source: readonly string[];
}

/** `a.b` as its keys. @throws WaybillError MONGODB_SETTINGS */
function keysOf(path: string, setting: string): readonly string[] {
  const keys = path.split('.');
  if (keys.some((key) => key === '' || key.startsWith('$') || key.includes('\0'))) {
    throw new WaybillError(
      'MONGODB_SETTINGS',
      `${setting} holds a path with an empty part, or a part that begins with $`,
      { path: setting },
    );
  }
  return keys;
}

/**
 * The paths of a setting, each one once.
 * @throws WaybillError MONGODB_SETTINGS
 */
export function readFilter(
  given: readonly string[] | Readonly<Record<string, string>> | undefined,
  setting: string,
): readonly FilterField[] {
  if (given === undefined) return [];
  const pairs: readonly (readonly [string, string])[] = Array.isArray(given)
    ? given.map((path: string) => [path, path])
    : Object.entries(given);
  const fields = pairs.map(([target, source]) => {
    keysOf(target, setting);
    return { target, source: keysOf(source, setting) };
  });
  const targets = fields.map(({ target }) => target);
  const clash = targets.find((a, i) => targets.some((b, j) => i !== j && (a === b || b.startsWith(`${a}.`))));
  if (clash !== undefined) {
    throw new WaybillError('MONGODB_SETTINGS', `${setting} names ${clash} twice, or a part of it again`, {
      path: setting,
    });
  }
  return fields;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function valueAt(document: Document, path: readonly string[]): unknown {
  let value: unknown = document;
  for (const key of path) {
    if (!isPlain(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

/** A value that stands for one thing: no list, no object, not empty. */
export function isSingle(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  return typeof value !== 'object' || value instanceof Date || '_bsontype' in value;
}

/**
 * The filter for one message. Each value is compared by `$eq`, so nothing in it can be an operator.
 * @throws Refused MONGODB_FILTER_VALUE where a value is missing, empty, a list or an object.
 */
export function makeFilter(fields: readonly FilterField[], document: Document): Document {
  const conditions = fields.map(({ target, source }) => {
    const value = valueAt(document, source);
    if (!isSingle(value)) {
      throw new Refused(
        'MONGODB_FILTER_VALUE',
        `The document has no single, non-empty value at ${source.join('.')}, which the filter needs.`,
      );
    }
    return [target, { $eq: value }] as const;
  });
  return Object.fromEntries(conditions);
}

/** Delete and query go by `_id` where no filter was given. */
export const BY_ID: readonly FilterField[] = [{ target: '_id', source: ['_id'] }];
