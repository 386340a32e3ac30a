import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Listener, Listeners } from '../engine/contracts/listener.ts';
import type { ListenSettings } from '../engine/contracts/production.ts';
import type { Clock } from '../engine/contracts/runtime.ts';
import { codeOf, messageOf, WaybillError } from '../engine/errors.ts';
import { PROJECT_FOLDER } from '../engine/registry.ts';
import { LISTENER_LIMITS, type ListenerLimits, takesBody } from './http-server.ts';
import { commonAnswers, describeRoutes } from './openapi.ts';
import { Authenticator } from './partners/authenticate.ts';
import { PartnerBook } from './partners/book.ts';
import { FAILURE_LIMITS, type FailureLimits } from './partners/failures.ts';
import type { Partner } from './partners/file.ts';
import { HttpError, partnerProblem } from './problems.ts';
import { addReceipts, type ReceiptSource } from './receipts.ts';
import { closeServer, listenOn, makeTcpServer, refuseExposed } from './tcp-server.ts';

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
  refuseExposed('listen', 'LISTENER_EXPOSED', settings);
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
      return listenOn(server, settings);
    },
    async close() {
      state.closing = true;
      await closeServer(server, limits);
    },
  };
}

function makeServer(
  settings: ListenSettings,
  limits: ListenerLimits,
  state: { readonly closing: boolean },
): FastifyInstance {
  const server = makeTcpServer({
    key: 'listen',
    settings,
    limits,
    answer: partnerProblem,
    isOurs: ({ status, code }) => status === 500 || code === 'NOT_NOW',
    more: { return503OnClosing: false, routerOptions: { maxParamLength: MAX_PARAMETER } },
  });
  server.addHook('onRequest', async () => {
    if (state.closing)
      throw new HttpError(503, 'NOT_NOW', 'The engine is stopping; try again later.', { 'retry-after': '30' });
  });
  server.addHook('onSend', async (_request, reply) => {
    if (state.closing) reply.header('connection', 'close');
  });
  return server;
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
