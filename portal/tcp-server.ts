/** What the listeners over TCP share, the one for partners and the one for operators: who may reach them, errors, the end. */
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import { isLoopback } from '../engine/config/unused.ts';
import type { ListenSettings } from '../engine/contracts/production.ts';
import { codeOf, WaybillError } from '../engine/errors.ts';
import { emit } from '../engine/events.ts';
import { type ListenerLimits, letRestGo, makeHttpServer } from './http-server.ts';
import { LAZY_SCHEMAS } from './lazy-schemas.ts';
import { type AnswerHeaders, HttpError, type Problem, sendProblem } from './problems.ts';
import { ServedRoutes } from './routes.ts';

export interface TcpServerOptions {
  /** Where the settings stand in production.yaml: `listen`, `api`. */
  readonly key: string;
  readonly settings: ListenSettings;
  readonly limits: ListenerLimits;
  /** What a sender is told of an error. */
  answer(error: unknown): { readonly problem: Problem; readonly headers: AnswerHeaders };
  /** Whether a failure is ours, for the log. */
  isOurs(problem: Problem): boolean;
  /** What Fastify is told beside what all of them are. */
  readonly more: Pick<FastifyServerOptions, 'bodyLimit' | 'return503OnClosing' | 'routerOptions'>;
  /** Further options of the checks of bodies. */
  readonly ajv?: { readonly allowUnionTypes: boolean };
}

/**
 * What others could reach is encrypted by us or by a proxy.
 * @param code what it is refused with
 * @throws WaybillError
 */
export function refuseExposed(key: string, code: string, { host, tls, behindProxy }: ListenSettings): void {
  if (isLoopback(host) || tls || behindProxy) return;
  throw new WaybillError(
    code,
    `${key}.host ${host} can be reached from other machines: give ${key}.tls, or behindProxy: true, or a loopback host.`,
    { path: `${key}.host` },
  );
}

/** A server without routes that is not listening yet. @throws WaybillError `LISTENER_TLS` */
export function makeTcpServer(options: TcpServerOptions): FastifyInstance {
  const { key, settings, limits } = options;
  const served = new ServedRoutes();
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const { problem, headers } = options.answer(error);
    if (options.isOurs(problem)) emit('requestFailed', factsOf(error, request));
    return sendProblem(reply, problem, headers);
  };
  const server = fastify({
    ...options.more,
    logger: false,
    serverFactory: (handler) => makeHttpServer(key, settings, limits, handler),
    forceCloseConnections: 'idle',
    // The address is what the one proxy in front says, not what anybody wrote before it.
    trustProxy: settings.behindProxy ? (_address, hop) => hop === 0 : false,
    schemaController: LAZY_SCHEMAS,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, ...options.ajv } },
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
    clientErrorHandler: () => undefined,
  });
  // Schemas of answers describe them; what a handler gives is sent as it is.
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

/** Listens; gives where. @throws the error of an address that is taken */
export async function listenOn(server: FastifyInstance, { host, port }: ListenSettings) {
  await server.listen({ host, port });
  const address = server.server.address();
  return { host, port: typeof address === 'object' && address !== null ? address.port : port };
}

/** Takes no more requests, lets those that run come to their end for `graceMs`, then cuts them. */
export async function closeServer(server: FastifyInstance, { graceMs }: ListenerLimits): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), graceMs);
  try {
    await server.close();
  } finally {
    clearTimeout(cut);
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
