/** What a MongoDB destination may say, and what its texts come to. */
import type { SecureContext } from 'node:tls';
import { WaybillError } from '../../engine/errors.ts';
import { Duration, durationMs, Keys, Secret, Size, sizeBytes, Type, Words } from '../../engine/schema.ts';
import { secureContextOf, type TlsTexts, tlsSchema } from '../tls/material.ts';
import { type FilterField, readFilter } from './filter.ts';

export type Verb = 'insertOrUpdate' | 'delete' | 'query';

export interface MongoConfig {
  readonly url: string;
  readonly database: string;
  readonly collection: string;
  readonly verb: Verb;
  readonly filter?: readonly string[] | Readonly<Record<string, string>>;
  readonly deleteMany?: boolean;
  readonly fields?: readonly string[];
  readonly sort?: Readonly<Record<string, 'asc' | 'desc'>>;
  readonly limit?: number;
  /** Bytes. */
  readonly maxAnswerBytes?: number;
  readonly writeConcern?: { readonly w?: 'majority' | number; readonly journal?: boolean };
  readonly tls?: TlsTexts;
  /** Milliseconds. */
  readonly timeouts?: { readonly connect?: number; readonly total?: number };
}

const DEFAULTS = { limit: 100, maxAnswerBytes: '16MB', connect: '5s', total: '120s' } as const;

const PATH_WORDS = 'Paths are written with dots: patient.mrn.';

export const MONGODB_SCHEMA = Keys({
  url: Secret({
    description: 'mongodb:// or mongodb+srv:// address with user, password and options, as the driver takes it.',
  }),
  database: Type.String({
    minLength: 1,
    maxLength: 63,
    pattern: '^[^/\\\\. "$*<>:|?\\x00]+$',
    description: 'Name of the database.',
  }),
  collection: Type.String({
    minLength: 1,
    maxLength: 120,
    pattern: '^(?!system\\.)[^$\\x00]+$',
    description: 'Name of the collection. It is made by the server with the first document.',
  }),
  verb: Words(['insertOrUpdate', 'delete', 'query'], { description: 'What is done with each message.' }),
  filter: Type.Optional(
    Type.Union(
      [
        Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
        Type.Record(Type.String({ minLength: 1 }), Type.String({ minLength: 1 }), { minProperties: 1 }),
      ],
      {
        description: `Which documents are meant: paths whose values in the message must be equal in the collection, or a map of path in the collection to path in the message. ${PATH_WORDS} Without it insertOrUpdate inserts; delete and query go by _id.`,
      },
    ),
  ),
  deleteMany: Type.Optional(
    Type.Boolean({ default: false, description: 'For delete: all documents that the filter meets, not only one.' }),
  ),
  fields: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: `For query: the fields of the answer; _id always comes. ${PATH_WORDS} Default: all.`,
    }),
  ),
  sort: Type.Optional(
    Type.Record(Type.String({ minLength: 1 }), Words(['asc', 'desc'], { description: 'Ascending or descending.' }), {
      minProperties: 1,
      description: 'For query: the order of the answer, by path, the first counts most.',
    }),
  ),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: DEFAULTS.limit,
      description: 'For query: at most so many documents for each message.',
    }),
  ),
  maxAnswerBytes: Type.Optional(
    Size({
      description: 'For query: an answer that is larger makes its message rejected.',
      default: DEFAULTS.maxAnswerBytes,
    }),
  ),
  writeConcern: Type.Optional(
    Keys(
      {
        w: Type.Optional(
          Type.Union([Type.Literal('majority'), Type.Integer({ minimum: 1, maximum: 50 })], {
            default: 'majority',
            description: 'How many servers must have a write before it counts. What the url says of it is not used.',
          }),
        ),
        journal: Type.Optional(
          Type.Boolean({ default: true, description: 'Whether they must have it in their journal on disk.' }),
        ),
      },
      { description: 'When a write counts as done.' },
    ),
  ),
  tls: Type.Optional(tlsSchema('Switches TLS on. Without it the url decides (tls=true; mongodb+srv has it on).')),
  timeouts: Type.Optional(
    Keys(
      {
        connect: Type.Optional(
          Duration({
            description: 'For finding a server that takes writes, with name, connection and TLS handshake.',
            default: DEFAULTS.connect,
          }),
        ),
        total: Type.Optional(
          Duration({
            description: 'For the whole call; after it what was written is in doubt.',
            default: DEFAULTS.total,
          }),
        ),
      },
      { description: 'Limits of one call.' },
    ),
  ),
});

/** A destination's config, understood: no I/O. */
export interface Settled {
  readonly url: string;
  readonly database: string;
  readonly collection: string;
  readonly verb: Verb;
  /** Empty: none was given. */
  readonly filter: readonly FilterField[];
  readonly deleteMany: boolean;
  readonly query: {
    readonly projection: Readonly<Record<string, 1>> | undefined;
    readonly sort: readonly (readonly [string, 1 | -1])[];
    readonly limit: number;
    readonly maxAnswerBytes: number;
  };
  readonly writeConcern: { readonly w: 'majority' | number; readonly j: boolean };
  readonly secureContext: SecureContext | undefined;
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number; readonly total: number };
  /** Whether the same message twice does no more than once. */
  readonly repeatable: boolean;
}

/** Settings that only one verb has, with the value that the loader gives where nothing is said. */
const SETTINGS_OF: readonly (readonly [keyof MongoConfig, Verb, unknown])[] = [
  ['deleteMany', 'delete', false],
  ['fields', 'query', undefined],
  ['sort', 'query', undefined],
  ['limit', 'query', DEFAULTS.limit],
  ['maxAnswerBytes', 'query', sizeBytes(DEFAULTS.maxAnswerBytes)],
];

function checkSettings(config: MongoConfig): void {
  if (!/^mongodb(\+srv)?:\/\/\S+$/.test(config.url)) {
    throw new WaybillError('MONGODB_URL_INVALID', 'url is no mongodb:// or mongodb+srv:// address', { path: 'url' });
  }
  for (const [key, verb, otherwise] of SETTINGS_OF) {
    const value = config[key];
    if (config.verb !== verb && value !== undefined && value !== otherwise) {
      throw new WaybillError('MONGODB_SETTINGS', `${key} is of use only with verb: ${verb}`, { path: key });
    }
  }
}

/** A delete of one of several would take the next one when it is repeated. */
function isRepeatable(config: MongoConfig, filter: readonly FilterField[]): boolean {
  const one = config.verb === 'delete' && config.deleteMany !== true;
  return !one || filter.length === 0 || filter.some(({ target }) => target === '_id');
}

/** @throws WaybillError where the config cannot be used. */
export function settle(config: MongoConfig): Settled {
  checkSettings(config);
  const filter = readFilter(config.filter, 'filter');
  const fields = readFilter(config.fields, 'fields');
  const sort = Object.entries(config.sort ?? {});
  readFilter(
    sort.map(([path]) => path),
    'sort',
  );
  return {
    url: config.url,
    database: config.database,
    collection: config.collection,
    verb: config.verb,
    filter,
    deleteMany: config.deleteMany ?? false,
    query: {
      projection: fields.length === 0 ? undefined : Object.fromEntries(fields.map(({ target }) => [target, 1])),
      sort: sort.map(([path, order]) => [path, order === 'desc' ? -1 : 1]),
      limit: config.limit ?? DEFAULTS.limit,
      maxAnswerBytes: config.maxAnswerBytes ?? sizeBytes(DEFAULTS.maxAnswerBytes),
    },
    writeConcern: { w: config.writeConcern?.w ?? 'majority', j: config.writeConcern?.journal ?? true },
    secureContext: config.tls && secureContextOf(config.tls, 'MONGODB_TLS_MATERIAL'),
    timeouts: {
      connect: config.timeouts?.connect ?? durationMs(DEFAULTS.connect),
      total: config.timeouts?.total ?? durationMs(DEFAULTS.total),
    },
    repeatable: isRepeatable(config, filter),
  };
}
