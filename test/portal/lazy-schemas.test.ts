/** Checks that are compiled late find what they found before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify, { type FastifyInstance } from 'fastify';
import { LAZY_SCHEMAS } from '../../portal/lazy-schemas.ts';
import { cleanUp } from '../support/redis.ts';

const BODY = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', maxLength: 5 }, times: { type: 'integer' } },
  additionalProperties: false,
};
const QUERY = { type: 'object', properties: { again: { enum: ['true', 'false'] } }, additionalProperties: false };

function servers() {
  const ajv = { customOptions: { removeAdditional: false, coerceTypes: false } } as const;
  return [fastify({ ajv }), fastify({ ajv, schemaController: LAZY_SCHEMAS })].map((server) => {
    server.post('/', { schema: { body: BODY, querystring: QUERY } }, () => ({ taken: 'yes' }));
    return server;
  });
}

async function ask(server: FastifyInstance, { url, payload }: { url: string; payload: object }) {
  const answer = await server.inject({ method: 'POST', url, payload });
  return { status: answer.statusCode, body: answer.json() as unknown };
}

test('the same answers as Fastify gives, at the first request and the next', async (t) => {
  const [eager, lazy] = servers();
  assert.ok(eager && lazy);
  cleanUp(t, () => Promise.all([eager.close(), lazy.close()]));
  const requests = [
    { url: '/', payload: { name: 'Ines', times: 2 } },
    { url: '/', payload: { name: 'Inesita' } },
    { url: '/', payload: {} },
    { url: '/', payload: { name: 'Ines', times: '2' } },
    { url: '/', payload: { name: 'Ines', more: 1 } },
    { url: '/?again=true', payload: { name: 'Ines' } },
    { url: '/?again=no', payload: { name: 'Ines' } },
    { url: '/', payload: { name: 'Ines' } },
  ];
  const statuses: number[] = [];
  for (const request of requests) {
    const expected = await ask(eager, request);
    const got = await ask(lazy, request);
    assert.deepEqual(got, expected);
    statuses.push(got.status);
  }
  assert.deepEqual(statuses, [200, 400, 400, 400, 400, 200, 400, 200]);
});
