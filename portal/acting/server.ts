/** The API for operators over the network: a listener of its own, with keys, limits and TLS as the one for partners has. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { isLoopback } from '../../engine/config/unused.ts';
import type { ListenSettings } from '../../engine/contracts/production.ts';
import type { Clock } from '../../engine/contracts/runtime.ts';
import { codeOf, messageOf, WaybillError } from '../../engine/errors.ts';
import { emit } from '../../engine/events.ts';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { LISTENER_LIMITS, type ListenerLimits, letRestGo, makeHttpServer, takesBody } from '../http-server.ts';
import { Authenticator } from '../partners/authenticate.ts';
import { FAILURE_LIMITS, type FailureLimits } from '../partners/failures.ts';
import { HttpError, sendProblem } from '../problems.ts';
import { ServedRoutes } from '../routes.ts';
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
  refuseExposed(settings);
  const limits = { ...LISTENER_LIMITS, ...options.limits };
  const authenticator = new Authenticator({
    book: operatorBook(production.folder),
    clock: options.clock,
    limits: { ...FAILURE_LIMITS, ...options.failures },
  });
  const operators = new WeakMap<IncomingMessage, string>();
  const server = makeServer(settings, limits);
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
  await server.listen({ host: settings.host, port: settings.port });
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : settings.port;
  return {
    host: settings.host,
    port,
    async close() {
      const cut = setTimeout(() => server.server.closeAllConnections(), limits.graceMs);
      try {
        await server.close();
      } finally {
        clearTimeout(cut);
      }
    },
  };
}

function refuseExposed({ host, tls, behindProxy }: ListenSettings): void {
  if (isLoopback(host) || tls || behindProxy) return;
  throw new WaybillError(
    'API_EXPOSED',
    `api.host ${host} can be reached from other machines: give api.tls, or behindProxy: true, or a loopback host.`,
    { path: 'api.host' },
  );
}

function makeServer(settings: ListenSettings, limits: ListenerLimits): FastifyInstance {
  const served = new ServedRoutes();
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const { problem, headers } = apiProblem(error);
    if (isOurs(problem)) emit('requestFailed', factsOf(error, request));
    return sendProblem(reply, problem, headers);
  };
  const server = fastify({
    logger: false,
    bodyLimit: 100_000,
    serverFactory: (handler) => httpServer(settings, limits, handler),
    forceCloseConnections: 'idle',
    // The address is what the one proxy in front says, not what anybody wrote before it.
    trustProxy: settings.behindProxy ? (_address, hop) => hop === 0 : false,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allowUnionTypes: true } },
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
    clientErrorHandler: () => undefined,
  });
  // JSON alone, so that no form of another site is understood.
  server.removeContentTypeParser('text/plain');
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  server.addHook('onRoute', ({ url, method }) => served.add(url, method));
  server.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
  server.addHook('onResponse', async (request) => letRestGo(request.raw, limits.lingerMs));
  server.setErrorHandler(fail);
  server.setNotFoundHandler((request, reply) => {
    const allowed = served.allowed(request.url.split('?', 1)[0] ?? '');
    const error =
      allowed.length === 0
        ? new HttpError(404, 'PATH_UNKNOWN', 'Nothing is served at this path.')
        : new HttpError(405, 'METHOD_NOT_ALLOWED', 'The path is not served with this method.', {
            allow: allowed.join(', '),
          });
    return fail(error, request, reply);
  });
  return server;
}

function httpServer(...given: Parameters<typeof makeHttpServer>): ReturnType<typeof makeHttpServer> {
  try {
    return makeHttpServer(...given);
  } catch (error) {
    if (codeOf(error) !== 'LISTENER_TLS') throw error;
    throw new WaybillError('LISTENER_TLS', messageOf(error).replaceAll('listen.tls', 'api.tls'), { path: 'api.tls' });
  }
}

/** What the log says of a request that failed: the route as it was declared, and where in our code; no value of it. */
function factsOf(error: unknown, request: FastifyRequest) {
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
  return {
    method: request.method,
    path: request.routeOptions.url ?? 'unknown',
    code: codeOf(error),
    at: frames.slice(0, 5).join(' | ').replace(/\s+/g, ' ').trim(),
  };
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
