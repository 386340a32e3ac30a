/**
 * From a message to a document: MongoDB Extended JSON v2 (canonical or relaxed) as text to BSON, read strictly. What a
 * server or a driver could take for something else than data is refused, never guessed at.
 */
import type { Document } from 'mongodb';
import { isSingle } from './filter.ts';
import { Refused } from './refused.ts';

/** The driver, as it is imported where a production uses it. */
export type Driver = typeof import('mongodb');

/** MongoDB takes 16 MiB; the driver's own check is `>=`. */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024 - 1;

/** The largest document can be written as no longer a text: a character of one byte is at most six in JSON. */
const MAX_TEXT_BYTES = 6 * MAX_DOCUMENT_BYTES;

const MAX_DEPTH = 100;

/** What `{ "$name": value }` stands for; `undefined` where it is not written as the specification has it. */
type Reader = (value: unknown, driver: Driver) => unknown;

function text(pattern: RegExp, make: (value: string, driver: Driver) => unknown): Reader {
  return (value, driver) => (typeof value === 'string' && pattern.test(value) ? make(value, driver) : undefined);
}

function whole(value: unknown, from: bigint, to: bigint): bigint | undefined {
  if (typeof value !== 'string' || !/^-?\d{1,19}$/.test(value)) return undefined;
  const number = BigInt(value);
  return number >= from && number <= to ? number : undefined;
}

function int64(value: unknown): bigint | undefined {
  return whole(value, -(2n ** 63n), 2n ** 63n - 1n);
}

function date(value: unknown): Date | undefined {
  const milliseconds =
    isRecord(value) && Object.keys(value).join() === '$numberLong' ? int64(value.$numberLong) : undefined;
  const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:?\d\d)$/;
  const read =
    typeof value === 'string' && iso.test(value)
      ? new Date(value.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
      : new Date(Number(milliseconds));
  return Number.isNaN(read.getTime()) ? undefined : read;
}

function binary(value: unknown, driver: Driver): unknown {
  if (!isRecord(value) || typeof value.base64 !== 'string' || typeof value.subType !== 'string') return undefined;
  const { base64, subType } = value;
  const bytes = Buffer.from(base64, 'base64');
  // Buffer skips what is no base64: then bytes are missing.
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  if (base64.length % 4 !== 0 || bytes.length !== (base64.length / 4) * 3 - padding) return undefined;
  return /^[0-9a-f]{1,2}$/i.test(subType) ? new driver.Binary(bytes, Number.parseInt(subType, 16)) : undefined;
}

function timestamp(value: unknown, driver: Driver): unknown {
  if (!isRecord(value) || !isUint32(value.t) || !isUint32(value.i)) return undefined;
  return new driver.Timestamp({ t: value.t, i: value.i });
}

function isUint32(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

function decimal(value: string, driver: Driver): unknown {
  try {
    return driver.Decimal128.fromString(value);
  } catch {
    // Too many digits, or an exponent out of range: refused like any other text that is no such number.
    return undefined;
  }
}

/** The types of Extended JSON v2 that are plain values. Patterns, code, references and the like are not for data. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['$oid', text(/^[0-9a-f]{24}$/i, (value, { ObjectId }) => new ObjectId(value))],
  [
    '$numberInt',
    (value, { Int32 }) => {
      const number = whole(value, -(2n ** 31n), 2n ** 31n - 1n);
      return number === undefined ? undefined : new Int32(Number(number));
    },
  ],
  [
    '$numberLong',
    (value, { Long }) => {
      const number = int64(value);
      return number === undefined ? undefined : Long.fromBigInt(number);
    },
  ],
  [
    '$numberDouble',
    text(/^(-?\d+(\.\d+)?(e[+-]?\d+)?|-?Infinity|NaN)$/i, (value, { Double }) => new Double(Number(value))),
  ],
  ['$numberDecimal', text(/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$|^[-+]?Infinity$|^NaN$/i, decimal)],
  ['$date', date],
  ['$binary', binary],
  ['$uuid', text(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, (value, { UUID }) => new UUID(value))],
  ['$timestamp', timestamp],
]);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A path for people; keys may come from data, so what does not look like a name is not repeated. */
function place(path: readonly string[]): string {
  const shown = path.map((key) => (/^[A-Za-z_][\w-]{0,63}$|^\d+$/.test(key) ? key : '?')).join('.');
  return shown === '' ? 'the document' : shown.slice(0, 200);
}

/** Reads a parsed text into BSON values. Recursive, but never deeper than `MAX_DEPTH`. */
class Reading {
  readonly #driver: Driver;
  readonly #path: string[] = [];

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  value(value: unknown): unknown {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'number') return this.#number(value);
    if (Array.isArray(value)) return this.#nested(() => value.map((item, i) => this.#at(String(i), item)));
    if (isRecord(value)) return this.#typed(value) ?? this.#nested(() => this.#fields(value));
    return value;
  }

  #at(key: string, value: unknown): unknown {
    this.#path.push(key);
    const read = this.value(value);
    this.#path.pop();
    return read;
  }

  #nested<T>(read: () => T): T {
    if (this.#path.length >= MAX_DEPTH) {
      throw new Refused('MONGODB_TOO_DEEP', `The document is nested deeper than ${MAX_DEPTH} levels.`);
    }
    return read();
  }

  #fields(record: Record<string, unknown>): Document {
    // `fromEntries` defines each key, so that `__proto__` is a key like any other.
    return Object.fromEntries(
      Object.entries(record).map(([key, value]) => {
        this.#checkKey(key);
        return [key, this.#at(key, value)];
      }),
    );
  }

  #checkKey(key: string): void {
    // `_bsontype` would make the driver take an object of ours for one of its own.
    const wrong = key === '' || key === '_bsontype' || /^\$|[.\0]/.test(key) || !key.isWellFormed();
    if (!wrong) return;
    throw new Refused(
      'MONGODB_KEY_REFUSED',
      `A key of ${place(this.#path)} begins with $, holds a dot, is empty, or has a meaning of its own.`,
    );
  }

  /** The value of `{ "$type": ... }`, or `undefined` where it is an object like any other. */
  #typed(record: Record<string, unknown>): unknown {
    const keys = Object.keys(record);
    const key = keys[0];
    const reader = keys.length === 1 && key !== undefined ? READERS.get(key) : undefined;
    if (!reader || key === undefined) return undefined;
    const value = reader(record[key], this.#driver);
    if (value === undefined) throw this.#refused(`is no ${key} as Extended JSON writes it`);
    return value;
  }

  #text(value: string): string {
    if (!value.isWellFormed()) throw this.#refused('holds half a character (a lone surrogate)');
    return value;
  }

  #number(value: number): unknown {
    if (!Number.isInteger(value) || Math.abs(value) < 2 ** 31) return value;
    if (Number.isSafeInteger(value)) return this.#driver.Long.fromNumber(value);
    throw this.#refused('is a whole number too large for JSON; write it as text or as $numberLong');
  }

  #refused(what: string): Refused {
    return new Refused('MONGODB_VALUE_REFUSED', `${place(this.#path)} ${what}.`);
  }
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    // The parser's words quote the text.
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/**
 * The document that a message is.
 * @throws Refused with a code and words that hold no value.
 */
export function readDocument(body: Uint8Array, driver: Driver): Document {
  if (body.byteLength > MAX_TEXT_BYTES) throw tooLarge();
  const parsed = parse(body);
  if (!isRecord(parsed)) {
    throw new Refused(
      'MONGODB_NOT_A_DOCUMENT',
      'The message is no JSON object. The entry needs a transform that makes one (to: { json: NAME }).',
    );
  }
  const document = new Reading(driver).value(parsed);
  if (!isRecord(document) || '_bsontype' in document || document instanceof Date) {
    throw new Refused('MONGODB_NOT_A_DOCUMENT', 'The message is a single value of Extended JSON, no document.');
  }
  return document;
}

export function tooLarge(): Refused {
  return new Refused('MONGODB_DOCUMENT_TOO_LARGE', 'The document is larger than the 16 MB that MongoDB takes.');
}

/** A document with its `_id` as the first field, where the server keeps it. */
export interface Identified {
  readonly document: Document;
  /** The `_id` was given by the engine: no other message has it. */
  readonly own: boolean;
}

/** Ids of the engine begin with four characters that are chance, as the ids of its batches do. */
function isOwn(id: string, batchId: string): boolean {
  return /^[a-z0-9]{4}-(\d+-\d+(-\d+)?|M\d+)$/.test(id) && id.slice(0, 5) === batchId.slice(0, 5);
}

/**
 * Gives the message's id to a document without one.
 * @throws Refused MONGODB_ID_EMPTY
 */
export function identify(document: Document, id: string, batchId: string): Identified {
  const own = isOwn(id, batchId);
  if (!Object.hasOwn(document, '_id')) return { document: { _id: id, ...document }, own };
  const { _id, ...rest } = document;
  if (!isSingle(_id)) throw new Refused('MONGODB_ID_EMPTY', 'The _id of the document is empty, a list or an object.');
  return { document: { _id, ...rest }, own: own && _id === id };
}
