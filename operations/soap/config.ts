/** What a SOAP destination may say, and what its texts come to. */
import type { Resources } from '../../engine/contracts/resources.ts';
import { WaybillError } from '../../engine/errors.ts';
import { Duration, Keys, Secret, Size, Type } from '../../engine/schema.ts';
import { tlsSchema } from '../tls/material.ts';
import { type Dialect, resolveDialect } from './dialect.ts';
import { type Credentials, type Frame, type Given, makeFrame, makeHeader, makeQuery } from './envelope.ts';
import { GENERIC_SCHEMA, type GenericSettings, genericLines } from './generic.ts';
import { Secrets } from './secrets.ts';
import type { Template } from './template.ts';
import type { Limits, TlsTexts } from './transport.ts';

export interface SoapConfig {
  readonly dialect: string;
  readonly generic?: GenericSettings;
  readonly url: string;
  readonly credentials?: Credentials;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly tls?: TlsTexts;
  /** Milliseconds. */
  readonly timeouts?: { readonly connect?: number; readonly firstByte?: number; readonly total?: number };
  /** Bytes. */
  readonly maxAnswerBytes?: number;
  readonly wsdl?: string;
}

export const SOAP_SCHEMA = Keys({
  dialect: Type.String({
    pattern: '^[a-z0-9][a-z0-9-]*$',
    description: 'A dialect of the production (dialects/NAME.yaml) or a built-in one, such as cdc-iis-2011 or generic.',
  }),
  generic: Type.Optional(GENERIC_SCHEMA),
  url: Type.String({ minLength: 1, description: 'http or https address of the service, without credentials.' }),
  credentials: Type.Optional(
    Keys(
      {
        username: Type.Optional(Secret({ description: 'User name.' })),
        password: Type.Optional(Secret({ description: 'Password.' })),
        organisation: Type.Optional(
          Secret({ description: "Id of the sending organisation, the receiver's facility id." }),
        ),
      },
      { description: 'Where each of them goes is said by the dialect.' },
    ),
  ),
  parameters: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]*$' }), Type.String({ minLength: 1 }), {
      additionalProperties: false,
      description: 'Values that the dialect sends as `from: parameters.NAME`, such as the destination id of a hub.',
    }),
  ),
  tls: Type.Optional(tlsSchema('For https.')),
  timeouts: Type.Optional(
    Keys(
      {
        connect: Type.Optional(
          Duration({ description: 'For the name, the connection and the TLS handshake.', default: '5s' }),
        ),
        firstByte: Type.Optional(
          Duration({
            description:
              'From the last byte of the request to the first of the answer; after it the messages are in doubt.',
            default: '60s',
          }),
        ),
        total: Type.Optional(Duration({ description: 'For the whole call.', default: '120s' })),
      },
      { description: 'Limits of one call.' },
    ),
  ),
  maxAnswerBytes: Type.Optional(
    Size({ description: 'A larger answer is broken off and the messages are in doubt.', default: '16MB' }),
  ),
  wsdl: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "The receiver's WSDL for `check`: a file of the production or an address on the receiver's host. Default: the url with ?wsdl.",
    }),
  ),
});

export const DEFAULT_LIMITS: Limits = { connect: 5_000, firstByte: 60_000, total: 120_000, maxAnswerBytes: 16_000_000 };

/** @throws WaybillError SOAP_URL_INVALID */
function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new WaybillError('SOAP_URL_INVALID', 'url is no http or https address', { path: 'url' });
  }
  if (url.username !== '' || url.password !== '') {
    throw new WaybillError('SOAP_URL_INVALID', 'url holds a user name or password; put them under credentials', {
      path: 'url',
    });
  }
  return url;
}

/** A destination's config, understood: no I/O but the built-in dialects' files. */
export interface Settled {
  readonly url: URL;
  readonly dialect: Dialect;
  readonly frame: Frame;
  /** The SOAP header alone, for the probe. */
  readonly header: Template;
  /** The frame of the status query, where the dialect has one. */
  readonly query: Frame | undefined;
  readonly limits: Limits;
  /** What is never repeated out of an answer. */
  readonly secrets: Secrets;
}

/** @throws WaybillError where the config cannot be used. */
export function settle(config: SoapConfig, resources: Resources): Settled {
  const url = readUrl(config.url);
  const { generic } = config;
  const dialect = resolveDialect(config.dialect, resources, generic && genericLines(generic));
  const credentials = config.credentials ?? {};
  const given: Given = { credentials, parameters: config.parameters ?? {}, url, timeZone: resources.timeZone };
  const { username, password } = credentials;
  return {
    url,
    dialect,
    frame: makeFrame(dialect, given),
    header: makeHeader(dialect, given),
    query: dialect.status && makeQuery(dialect, dialect.status, given),
    limits: {
      connect: config.timeouts?.connect ?? DEFAULT_LIMITS.connect,
      firstByte: config.timeouts?.firstByte ?? DEFAULT_LIMITS.firstByte,
      total: config.timeouts?.total ?? DEFAULT_LIMITS.total,
      maxAnswerBytes: config.maxAnswerBytes ?? DEFAULT_LIMITS.maxAnswerBytes,
    },
    // The organisation stands in every message; it is no secret.
    secrets: new Secrets([username, password, dialect.http === 'basic' ? `${username}:${password}` : undefined]),
  };
}
