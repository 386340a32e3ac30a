/** The description is valid OpenAPI 3.1, and what the running server answers is described. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { RefusedError } from '../../engine/errors.ts';
import type { RestMultipartConfig } from '../../services/rest-multipart/config.ts';
import restMultipart from '../../services/rest-multipart/index.ts';
import { FakeEngine } from '../support/fake-service-context.ts';
import { bearer, testListener } from '../support/listener.ts';
import { agrees, openApiOf, operationsOf } from '../support/openapi.ts';
import { cleanUp } from '../support/redis.ts';

/** A service as others write them: schemas for what it takes and gives, its body described and read by itself. */
const UPLOAD_SCHEMA = {
  summary: 'Sends files',
  operationId: 'upload',
  consumes: ['multipart/form-data'],
  headers: { type: 'object', properties: { 'idempotency-key': { type: 'string', maxLength: 200 } } },
  body: {
    type: 'object',
    required: ['doses'],
    properties: { doses: { type: 'string', format: 'binary', description: 'CSV' } },
  },
  response: {
    202: {
      description: 'Safe on disk.',
      headers: { Location: { type: 'string', description: 'Path of the receipt.' } },
      type: 'object',
      required: ['receipt'],
      properties: { receipt: { type: 'string' } },
    },
    422: { description: 'A part that nobody wants.', type: 'object' },
  },
};

async function rig(t: TestContext) {
  const made = await testListener(t);
  made.listener.forService('uploads').mount(async (scope) => {
    scope.post('/uploads', { schema: UPLOAD_SCHEMA }, async (request, reply) => {
      let bytes = 0;
      for await (const chunk of request.raw) bytes += (chunk as Buffer).length;
      if (bytes === 0) throw new RefusedError('NO_FILE_PART', 'The upload has no file.');
      return reply.code(202).header('location', '/receipts/7kq2-R1').send({ receipt: '7kq2-R1', extra: true });
    });
  });
  made.receipts.receipts.set('7kq2-R1', {
    id: '7kq2-R1',
    service: 'uploads',
    partner: 'clinic-a',
    acceptedAt: 1_700_000_000_000,
    fields: {},
    submissions: [],
  });
  const key = await made.partner('clinic-a');
  const other = await made.partner('clinic-b', { services: ['others'] });
  return { ...made, key, other, ...(await made.open()) };
}

describe('the description', () => {
  test('is for partners, and valid', async (t) => {
    const { send, key } = await rig(t);
    assert.equal((await send('/openapi.json')).status, 401);
    const answer = await send('/openapi.json', { headers: bearer(key) });
    const document = answer.json();
    const { valid, errors } = await new Validator().validate(document);
    assert.ok(valid, JSON.stringify(errors));
    assert.match(String(document.openapi), /^3\.1\./);
    const { paths } = openApiOf(document);
    assert.deepEqual(Object.keys(paths).sort(), [
      '/health/live',
      '/openapi.json',
      '/receipts/{id}',
      '/receipts/{id}/parts/{part}/rejected.csv',
      '/uploads',
    ]);
    const upload = paths['/uploads']?.post;
    assert.deepEqual(upload?.requestBody?.content['multipart/form-data']?.schema?.required, ['doses']);
    const unwanted = upload.responses['422'];
    assert.equal(unwanted?.description, 'A part that nobody wants.');
    assert.deepEqual(Object.keys(unwanted.content ?? {}), ['application/problem+json']);
  });

  test('agrees with what is answered, for every path and method', async (t) => {
    const { send, key, other, receipts } = await rig(t);
    const document = openApiOf((await send('/openapi.json', { headers: bearer(key) })).json());
    const seen = new Map<string, Set<number>>();
    const credentials = [{}, bearer(key), bearer(other), bearer('wrong')];
    for (const { path, method } of operationsOf(document)) {
      for (const [known, part] of [
        ['7kq2-R1', '7kq2-1'],
        ['7kq2-R9', 'x'],
        ['%00', '%00'],
      ] as const) {
        for (const headers of credentials) {
          for (const body of method === 'POST' ? ['', 'x'] : [undefined]) {
            const answer = await send(path.replace('{id}', known).replace('{part}', part), {
              method: method as 'GET',
              headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'multipart/form-data' }) },
              ...(body === undefined ? {} : { body }),
            });
            agrees(document, { path, method, answer });
            const statuses = seen.get(path) ?? new Set();
            seen.set(path, statuses.add(answer.status));
          }
        }
      }
    }
    const statusesOf = (path: string) => [...(seen.get(path) ?? [])].sort();
    assert.deepEqual(statusesOf('/uploads'), [202, 401, 403, 422, 429]);
    assert.deepEqual(statusesOf('/receipts/{id}'), [200, 401, 404]);
    assert.deepEqual(statusesOf('/health/live'), [200]);
    receipts.receipt = async () => {
      throw new Error('secret');
    };
    const answer = await send('/receipts/7kq2-R1', { headers: bearer(key) });
    agrees(document, { path: '/receipts/{id}', method: 'GET', answer });
    assert.equal(answer.status, 500);
  });

  test('is not what Fastify checks bodies by: they are the matter of the service', async (t) => {
    const { send, key } = await rig(t);
    const answer = await send('/uploads', { method: 'POST', headers: bearer(key), body: 'no form at all' });
    assert.deepEqual([answer.status, answer.json()], [202, { receipt: '7kq2-R1', extra: true }]);
    const headers = { ...bearer(key), 'idempotency-key': 'x'.repeat(201) };
    const refused = await send('/uploads', { method: 'POST', headers, body: 'x' });
    assert.deepEqual([refused.status, refused.json().code], [400, 'REQUEST_NOT_VALID']);
  });

  test('of a production with rest-multipart is valid, and agrees with what it answers', async (t) => {
    const made = await testListener(t);
    const listener = made.listener.forService('partners');
    const config: RestMultipartConfig = {
      path: '/uploads',
      parts: [{ name: 'doses', format: { type: 'csv', recordMap: 'doses' }, route: 'doses' }],
      maxBytes: 1000,
    };
    const engine = new FakeEngine({ config, folder: made.folder, name: 'partners', listener });
    const handle = await restMultipart.start(engine.context);
    cleanUp(t, () => handle.stop());
    const key = await made.partner('clinic-a');
    const { send } = await made.open();
    const document = (await send('/openapi.json', { headers: bearer(key) })).json();
    const { valid, errors } = await new Validator().validate(document);
    assert.ok(valid, JSON.stringify(errors));

    const form = (name: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\nid\r\n1\r\n--b--\r\n`;
    const multipart = { 'content-type': 'multipart/form-data; boundary=b', 'idempotency-key': 'one' };
    const uploads: readonly [number, Record<string, string>, string][] = [
      [202, multipart, form('doses')],
      [200, multipart, form('doses')],
      [422, multipart, form('doses').replace('1', '2')],
      [422, { 'content-type': 'multipart/form-data; boundary=b' }, form('other')],
      [400, { 'content-type': 'multipart/form-data' }, form('doses')],
      [413, { 'content-type': 'multipart/form-data; boundary=b' }, 'x'.repeat(2000)],
      [415, { 'content-type': 'image/png' }, 'x'],
    ];
    for (const [status, headers, body] of uploads) {
      const answer = await send('/uploads', { method: 'POST', headers: { ...bearer(key), ...headers }, body });
      assert.equal(answer.status, status, answer.body);
      agrees(openApiOf(document), { path: '/uploads', method: 'POST', answer });
    }
  });
});
