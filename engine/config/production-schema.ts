import type { TSchema } from '../schema.ts';
import { Cel, Keys, Secret, Type, Words } from '../schema.ts';
import { ALERTS_SCHEMA } from './alerts-schema.ts';
import { KEEPING_SCHEMA } from './keeping-schema.ts';

/** Names that become parts of ids, lanes, metrics and paths. */
export const NAME_PATTERN = '^[a-z][a-z0-9-]{0,59}$';
/** Names of files in the production's folder, without extension, and of tables. */
export const FILE_NAME_PATTERN = '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$';

const NAME_WORDS = 'lower-case letters, digits and dashes, a letter first';

function Name(description: string): TSchema {
  return Type.String({ pattern: NAME_PATTERN, description: `${description} (${NAME_WORDS})` });
}

const VALUES = Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_-]*$' }), Type.String(), {
  description: 'Constants for transforms, by name: `values.facility`. Part of what a submission is pinned to.',
  default: {},
});

const TABLES = Type.Record(
  Type.String({ pattern: FILE_NAME_PATTERN }),
  Keys({
    file: Type.Unsafe({
      type: 'string',
      'x-waybill': 'path',
      description: 'Path of a CSV or YAML file, relative to the folder of the production.',
    }),
  }),
  { description: 'Tables with a path of their own, beside those in tables/.', default: {} },
);

const PORT = { minimum: 1, maximum: 65535 };
/** 0: any free port; the log says which. */
const LISTEN_PORT = { minimum: 0, maximum: 65535 };

const LISTEN = Keys(
  {
    host: Type.String({
      minLength: 1,
      default: '127.0.0.1',
      description: 'Address to listen on. Other than loopback only with tls or behindProxy.',
    }),
    port: Type.Integer({ ...LISTEN_PORT, description: 'TCP port that all REST services share; 0 for any free one.' }),
    tls: Type.Optional(
      Keys(
        {
          certificate: Secret({ description: `Certificate with its chain, PEM: \`\${file:secrets/server.pem}\`.` }),
          key: Secret({ description: `Private key, PEM: \`\${file:secrets/server.key}\`.` }),
        },
        { description: 'Certificate and key of the listener.' },
      ),
    ),
    behindProxy: Type.Boolean({
      default: false,
      description: 'A proxy in front does TLS and is the only one that connects.',
    }),
  },
  { description: 'The listener that all REST services share.' },
);

const API = Keys(
  {
    host: Type.String({
      minLength: 1,
      default: '127.0.0.1',
      description: 'Address to listen on. Other than loopback only with tls or behindProxy.',
    }),
    port: Type.Integer({ ...LISTEN_PORT, description: 'TCP port of the API for operators; 0 for any free one.' }),
    tls: Type.Optional(
      Keys(
        {
          certificate: Secret({ description: `Certificate with its chain, PEM: \`\${file:secrets/server.pem}\`.` }),
          key: Secret({ description: `Private key, PEM: \`\${file:secrets/server.key}\`.` }),
        },
        { description: 'Certificate and key of the API.' },
      ),
    ),
    behindProxy: Type.Boolean({
      default: false,
      description: 'A proxy in front does TLS and is the only one that connects.',
    }),
  },
  { description: 'Serves the API for operators over TCP; without it only the socket in the data folder answers.' },
);

const MONITOR = Keys(
  {
    host: Type.String({ minLength: 1, default: '127.0.0.1', description: 'Address for health and metrics.' }),
    port: Type.Integer({ ...PORT, description: 'TCP port for health and metrics.' }),
  },
  { description: 'Serves health and metrics over TCP; without it only the socket in the data folder answers.' },
);

const ENTRY = Keys({
  name: Type.Optional(Name('Name of the entry in the ledger; default: the name of its destination')),
  destination: Type.String({ minLength: 1, description: 'Name of a destination.' }),
  transform: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Name of a file in transforms/, without extension. Without it the item is sent as it came.',
    }),
  ),
  when: Type.Optional(Cel({ description: 'CEL condition; where it is false, the item is filtered in this entry.' })),
});

const ROUTE = Keys({
  onInvalidRow: Words(['continue', 'refuseFile'], {
    default: 'continue',
    description: 'refuseFile: nothing is released unless every row is valid.',
  }),
  validate: Type.Boolean({
    default: false,
    description: 'Check items by the standard of their format (HL7: its dictionary); what breaks it is invalid.',
  }),
  filter: Type.Array(
    Keys({
      dropWhen: Cel({ description: 'CEL condition; where it is true, the item is filtered in every entry.' }),
      reason: Type.String({ minLength: 1, description: 'Why, as people will read it in the ledger.' }),
    }),
    { default: [], description: 'Conditions that leave items out, each with its reason; the first that holds counts.' },
  ),
  search: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      uniqueItems: true,
      description:
        'Columns or paths by which items can be looked up (`PID-3.1`): `waybill trace --field`. Only keyed digests are kept.',
    }),
  ),
  to: Type.Array(ENTRY, { minItems: 1, description: 'One entry for each message that an item becomes.' }),
});

/** Adapters' own keys, validated by the schema of their `type`. */
const BY_TYPE = Type.Object({ type: Type.String({ minLength: 1, description: 'Name of the adapter.' }) });

/** production.yaml without what adapters say about their own keys. */
export const PRODUCTION_SCHEMA = Keys({
  production: Name('Name of the production'),
  timeZone: Type.Unsafe({
    type: 'string',
    'x-waybill': 'timeZone',
    default: 'UTC',
    description: 'Zone of dates without one, of schedules, and of times in envelopes: a name of the IANA list.',
  }),
  values: VALUES,
  tables: TABLES,
  listen: Type.Optional(LISTEN),
  monitor: Type.Optional(MONITOR),
  api: Type.Optional(API),
  alerts: Type.Optional(ALERTS_SCHEMA),
  keep: Type.Optional(KEEPING_SCHEMA),
  services: Type.Record(Type.String({ pattern: NAME_PATTERN }), BY_TYPE, {
    minProperties: 1,
    description: 'What brings input in, by name.',
  }),
  routes: Type.Record(Type.String({ pattern: NAME_PATTERN }), ROUTE, {
    minProperties: 1,
    description: 'Where items go and what becomes of them, by name.',
  }),
  destinations: Type.Record(Type.String({ pattern: NAME_PATTERN }), BY_TYPE, {
    minProperties: 1,
    description: 'Where messages are sent to, by name.',
  }),
});

/** The part of a production that has one form for all adapters. */
export interface ProductionShape {
  readonly production: string;
  readonly timeZone: string;
  readonly values: Readonly<Record<string, string>>;
  readonly tables: Readonly<Record<string, { readonly file: string }>>;
  readonly listen?: {
    readonly host: string;
    readonly port: number;
    readonly tls?: { readonly certificate: string; readonly key: string };
    readonly behindProxy: boolean;
  };
  readonly monitor?: { readonly host: string; readonly port: number };
  readonly api?: NonNullable<ProductionShape['listen']>;
  readonly services: Readonly<Record<string, { readonly type: string }>>;
  readonly routes: Readonly<Record<string, RouteShape>>;
  readonly destinations: Readonly<Record<string, { readonly type: string }>>;
}

export interface RouteShape {
  readonly onInvalidRow: 'continue' | 'refuseFile';
  readonly validate: boolean;
  readonly filter: readonly { readonly dropWhen: string; readonly reason: string }[];
  readonly search?: readonly string[];
  readonly to: readonly {
    readonly name?: string;
    readonly destination: string;
    readonly transform?: string;
    readonly when?: string;
  }[];
}
