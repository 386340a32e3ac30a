import type { FastifyInstance } from 'fastify';
import { REPLACEABLE, type VersionsRequest } from '../engine/versions.ts';
import type { Commands } from './server.ts';

/** Bytes of a request with new versions: messages of documents with pictures in them can be large. */
const MOST_BYTES = 256_000_000;

const NUMBER = { type: 'integer', minimum: 1 };
const TEXT = { type: 'string', maxLength: 2000 };
const BASE64 = { type: 'string' };

const VERSION = {
  type: 'object',
  required: ['replaces', 'from', 'state', 'body', 'controlId'],
  additionalProperties: false,
  properties: {
    replaces: NUMBER,
    from: { enum: REPLACEABLE },
    state: { enum: ['queued', 'filtered'] },
    body: BASE64,
    controlId: TEXT,
    lane: { type: 'integer', minimum: 0 },
  },
};

const BODY = {
  type: 'object',
  required: ['submission', 'item', 'kind', 'who', 'reason', 'changed', 'search', 'versions'],
  additionalProperties: false,
  properties: {
    submission: NUMBER,
    item: NUMBER,
    kind: { enum: ['rowEdited', 'messageEdited', 'sentAgain'] },
    who: TEXT,
    reason: TEXT,
    changed: { type: 'array', items: TEXT, maxItems: 10_000 },
    row: { type: 'array', items: { type: 'string' } },
    search: { type: 'array', items: BASE64 },
    versions: { type: 'array', items: VERSION, minItems: 1 },
  },
};

/** Adds what `waybill edit` asks of a running engine, on the control socket. */
export function addVersions(server: FastifyInstance, commands: Pick<Commands, 'transports' | 'newVersions'>): void {
  server.get('/control/transports', () => commands.transports());
  server.post<{ Body: VersionsRequest }>(
    '/control/versions',
    { bodyLimit: MOST_BYTES, schema: { body: BODY } },
    ({ body }) => commands.newVersions(body),
  );
}
