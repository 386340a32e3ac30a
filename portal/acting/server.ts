/** The API for operators over the network: a listener of its own, with keys, limits and TLS as the one for partners has. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import type { ListenSettings } from '../../engine/contracts/production.ts';
import type { Clock } from '../../engine/contracts/runtime.ts';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { LISTENER_LIMITS, type ListenerLimits, takesBody } from '../http-server.ts';
import { Authenticator } from '../partners/authenticate.ts';
import { FAILURE_LIMITS, type FailureLimits } from '../partners/failures.ts';
import { closeServer, listenOn, makeTcpServer, refuseExposed } from '../tcp-server.ts';
import { operatorBook } from './operators.ts';
import { apiProblem, isOurs } from './problems.ts';
import { type ActingSource, addActing } from './routes.ts';
import { ANSWERS } from './schemas.ts';

export interface ApiOptions extends ActingSource {
  readonly settings: ListenSettings;
  /** Name and folder of the production; operators are in `operators/` of it. */
  readonly production: { readonly name: string; readonly folder: string };
  readonly clock: Clock;
  readonly limits?: Partial<ListenerLimits>;
  readonly failures?: Partial<FailureLimits>;
}

export interface Api {
  /** Where it listens. */
  readonly host: string;
  readonly port: number;
  /** Takes no more requests, lets those that run come to their end for a while, then cuts them. */
  close(): Promise<void>;
}

/** Serves the API over TCP. @throws WaybillError `API_EXPOSED`, `LISTENER_TLS`, or the error of an address that is taken */
export async function openApi(options: ApiOptions): Promise<Api> {
  const { settings, production } = options;
  refuseExposed('api', 'API_EXPOSED', settings);
  const limits = { ...LISTENER_LIMITS, ...options.limits };
  const authenticator = new Authenticator({
    book: operatorBook(production.folder),
    clock: options.clock,
    limits: { ...FAILURE_LIMITS, ...options.failures },
  });
  const operators = new WeakMap<IncomingMessage, string>();
  const server = makeTcpServer({
    key: 'api',
    settings,
    limits,
    answer: apiProblem,
    isOurs,
    more: { bodyLimit: 100_000 },
    ajv: { allowUnionTypes: true },
  });
  // JSON alone, so that no form of another site is understood.
  server.removeContentTypeParser('text/plain');
  server.addHook('onRequest', async (request, reply) => {
    operators.set(request.raw, (await authenticator.partnerOf(request.headers, request.ip)).partner);
    takesBody(request.raw, reply.raw);
  });
  await describe(server, production.name);
  await server.register(async (scope) => {
    addActing(scope, { ...options, operatorOf: (request) => operators.get(request.raw) ?? '' });
    scope.get(
      '/api/openapi.json',
      {
        schema: {
          summary: 'This document',
          operationId: 'document',
          tags: ['description'],
          response: ANSWERS.document,
        },
      },
      () => server.swagger(),
    );
  });
  return { ...(await listenOn(server, settings)), close: () => closeServer(server, limits) };
}

async function describe(server: FastifyInstance, production: string): Promise<void> {
  const text = readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8');
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: `${production}: operators`,
        version: (JSON.parse(text) as { version: string }).version,
        description:
          'Asks how the production is, and acts on messages: look first, then confirm. Errors are problem details (RFC 9457).',
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'The key of an operator.' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'The key of an operator.' },
        },
      },
      security: [{ bearer: [] }, { apiKey: [] }],
    },
    convertConstToEnum: false,
    stripBasePath: false,
  });
}
