import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import fastify, {
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { isLoopback } from '../engine/config/unused.ts';
import type { Listener, Listeners } from '../engine/contracts/listener.ts';
import type { ListenSettings } from '../engine/contracts/production.ts';
import type { Clock } from '../engine/contracts/runtime.ts';
import { codeOf, messageOf, WaybillError } from '../engine/errors.ts';
import { emit } from '../engine/events.ts';
import { PROJECT_FOLDER } from '../engine/registry.ts';
import { LISTENER_LIMITS, type ListenerLimits, letRestGo, makeHttpServer, takesBody } from './http-server.ts';
import { commonAnswers, describeRoutes } from './openapi.ts';
import { Authenticator } from './partners/authenticate.ts';
import { PartnerBook } from './partners/book.ts';
import { FAILURE_LIMITS, type FailureLimits } from './partners/failures.ts';
import type { Partner } from './partners/file.ts';
import { HttpError, partnerProblem, sendProblem } from './problems.ts';
import { addReceipts, type ReceiptSource } from './receipts.ts';
import { ServedRoutes } from './routes.ts';

export interface ListenerOptions {
  readonly settings: ListenSettings;
  /** Name and folder of the production; partners are in `partners/` of it. */
  readonly production: { readonly name: string; readonly folder: string };
  readonly receipts: ReceiptSource;
  readonly clock: Clock;
  readonly limits?: Partial<ListenerLimits>;
  readonly failures?: Partial<FailureLimits>;
}

/** The HTTP listener for partners. */
export interface PortalListener extends Listeners {
  /** What a service of this name mounts its routes with; partners that are limited to other services get 403 there. */
  forService(name: string): Listener;
  /** Listens, once all services have added their routes. @throws WaybillError, or the error of an address that is taken */
  open(): Promise<{ readonly host: string; readonly port: number }>;
  /** Takes no more requests, lets those that run come to their end for a while, then cuts them. */
  close(): Promise<void>;
}

/** Longest part of a path, in characters. */
const MAX_PARAMETER = 1000;

/**
 * One HTTP listener for all REST services of a production. Nothing listens before `open`.
 * @throws WaybillError `LISTENER_EXPOSED`, `LISTENER_TLS`
 */
export function openListener(options: ListenerOptions): PortalListener {
  const { settings, production } = options;
  const limits = { ...LISTENER_LIMITS, ...options.limits };
  refuseExposed(settings);
  const authenticator = new Authenticator({
    book: new PartnerBook(production.folder),
    clock: options.clock,
    limits: { ...FAILURE_LIMITS, ...options.failures },
  });
  const partners = new WeakMap<IncomingMessage, Partner>();
  const partnerOf = (request: FastifyRequest): string => {
    const partner = partners.get(request.raw);
    if (!partner) throw new Error('partnerOf is for requests to mounted routes');
    return partner.partner;
  };
  const admit = (service?: string) => async (request: FastifyRequest, reply: FastifyReply) => {
    const partner = await authenticator.partnerOf(request.headers, request.ip);
    if (service !== undefined && partner.services && !partner.services.includes(service))
      throw new HttpError(403, 'SERVICE_NOT_ALLOWED', `The partner may not use the service ${service}.`);
    partners.set(request.raw, partner);
    takesBody(request.raw, reply.raw);
  };

  const state = { opened: false, closing: false };
  const server = makeServer(settings, limits, state);
  const description = describeRoutes(server, production.name, version());
  server.register(async (open) => {
    open.get('/health/live', { schema: LIVE_ROUTE }, () => ({ live: true }));
  });
  server.register(async (scope) => {
    scope.addHook('onRequest', admit());
    scope.addHook('onRoute', commonAnswers(false));
    addReceipts(scope, options.receipts, partnerOf);
    scope.get('/openapi.json', { schema: DOCUMENT_ROUTE }, () => description());
  });

  const mount = (service: string, routes: FastifyPluginAsync) => {
    if (state.opened)
      throw new WaybillError('LISTENER_STARTED', `The service ${service} added routes after the listener had opened.`);
    server.register(async (scope) => {
      scope.addHook('onRequest', admit(service));
      scope.addHook('onRoute', commonAnswers(true));
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
      await scope.register(routes);
    });
  };

  return {
    forService: (name) => ({ mount: (routes) => mount(name, routes), partnerOf }),
    async open() {
      state.opened = true;
      try {
        await server.ready();
      } catch (error) {
        throw ofRoutes(error);
      }
      await server.listen({ host: settings.host, port: settings.port });
      const address = server.server.address();
      const port = typeof address === 'object' && address !== null ? address.port : settings.port;
      return { host: settings.host, port };
    },
    async close() {
      state.closing = true;
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
    'LISTENER_EXPOSED',
    `listen.host ${host} can be reached from other machines: give listen.tls, or behindProxy: true, or a loopback host.`,
    { path: 'listen.host' },
  );
}

function makeServer(
  settings: ListenSettings,
  limits: ListenerLimits,
  state: { readonly closing: boolean },
): FastifyInstance {
  const served = new ServedRoutes();
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const { problem, headers } = partnerProblem(error);
    if (problem.status === 500 || problem.code === 'NOT_NOW') emit('requestFailed', factsOf(error, request));
    return sendProblem(reply, problem, headers);
  };
  const server = fastify({
    logger: false,
    serverFactory: (handler) => makeHttpServer(settings, limits, handler),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // The address is what the one proxy in front says, not what anybody wrote before it.
    trustProxy: settings.behindProxy ? (_address, hop) => hop === 0 : false,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
    clientErrorHandler: () => undefined,
  });
  // Schemas of answers describe them; what a handler gives is sent as it is.
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  server.addHook('onRoute', ({ url, method }) => served.add(url, method));
  server.addHook('onRequest', async () => {
    if (state.closing)
      throw new HttpError(503, 'NOT_NOW', 'The engine is stopping; try again later.', { 'retry-after': '30' });
  });
  server.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    if (state.closing) reply.header('connection', 'close');
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

function ofRoutes(error: unknown): unknown {
  if (codeOf(error) !== 'FST_ERR_DUPLICATED_ROUTE') return error;
  return new WaybillError('ROUTE_TAKEN', `Two services want the same path: ${messageOf(error)}.`, { cause: error });
}

function version(): string {
  const text = readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

const LIVE_ROUTE = {
  summary: 'The listener answers',
  operationId: 'live',
  tags: ['health'],
  security: [],
  response: {
    200: {
      description: 'It does.',
      content: { 'application/json': { schema: { type: 'object', properties: { live: { type: 'boolean' } } } } },
    },
  },
};

const DOCUMENT_ROUTE = {
  summary: 'This document',
  operationId: 'document',
  tags: ['description'],
  response: {
    200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
  },
};
