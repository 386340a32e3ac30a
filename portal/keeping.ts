import type { FastifyInstance } from 'fastify';
import type { Keeping, PurgeRequest } from '../engine/keeping.ts';

const TEXT = { type: 'string', minLength: 1, maxLength: 2000 };

const BODY = {
  type: 'object',
  required: ['who'],
  additionalProperties: false,
  properties: { who: TEXT, route: TEXT },
};

/** Adds what `waybill purge` asks of a running engine, on the control socket; it is answered when it is done. */
export function addPurge(server: FastifyInstance, keeping: Pick<Keeping, 'purge'>): void {
  server.post<{ Body: PurgeRequest }>('/control/purge', { schema: { body: BODY } }, ({ body }) => keeping.purge(body));
}
