import { chmodSync, rmSync } from 'node:fs';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Acting } from '../engine/acting.ts';
import type { Accepted } from '../engine/contracts/service.ts';
import type { VersionsMade } from '../engine/contracts/store.ts';
import type { Keeping } from '../engine/keeping.ts';
import type { Transports } from '../engine/route-program.ts';
import type { VersionsRequest } from '../engine/versions.ts';
import { apiProblem } from './acting/problems.ts';
import { type ActingSource, addActing } from './acting/routes.ts';
import { type HealthSource, readiness } from './health.ts';
import { addPurge } from './keeping.ts';
import { LAZY_SCHEMAS } from './lazy-schemas.ts';
import { type Metrics, openMetrics } from './metrics.ts';
import { operatorProblem, problem, sendProblem } from './problems.ts';
import { addVersions } from './versions.ts';

/** What people may do through the control socket. */
export interface Commands {
  resume(destination: string, who: string, why: string): Promise<{ wasStopped: boolean }>;
  resolve(request: {
    batch: number;
    to: 'delivered' | 'rejected' | 'queued' | 'cancelled';
    reason: string;
    who: string;
  }): Promise<{ messages: number; destination: string }>;
  /** Lets a submission out of quarantine. */
  release(request: SubmissionRequest): Promise<void>;
  /** Gives up a submission that is in quarantine or not routed yet. */
  cancel(request: SubmissionRequest): Promise<void>;
  /** What each destination's transport can carry. */
  transports(): Transports;
  /** New versions of messages, in the place of those that they replace. */
  newVersions(request: VersionsRequest): Promise<VersionsMade>;
  submit(request: {
    service: string;
    name: string;
    again: boolean;
    body: AsyncIterable<Uint8Array>;
  }): Promise<Accepted>;
}

interface SubmissionRequest {
  readonly submission: number;
  readonly reason: string;
  readonly who: string;
}

export interface PortalOptions {
  readonly source: HealthSource;
  readonly commands: Commands;
  /** Acts of people on messages, served on the socket. */
  readonly acting?: Acting;
  /** Purges what is past its retention, on the socket. */
  readonly keeping?: Pick<Keeping, 'purge'>;
  /** Where health and metrics are served over TCP, if anywhere. */
  readonly monitor: { readonly host: string; readonly port: number } | undefined;
  /** Unix socket in the data folder: health, metrics and commands, for the owner of the folder. */
  readonly socket: string;
}

export interface Portal {
  close(): Promise<void>;
}

/** Serves health and metrics, and commands on the socket only. @throws where an address cannot be taken. */
export async function openPortal(options: PortalOptions): Promise<Portal> {
  const metrics = openMetrics(options.source);
  const control = makeServer(options.source, metrics);
  control.addHook('onRequest', async (request, reply) => {
    if (/^\/(control|api)\//.test(request.url) && options.source.stopping()) return stoppingNow(reply);
    return undefined;
  });
  addCommands(control, options.commands);
  const { acting, commands, keeping } = options;
  if (keeping) addPurge(control, keeping);
  if (acting) serveActing(control, { acting, commands });
  const monitor = options.monitor && makeServer(options.source, metrics);
  const close = async () => {
    metrics.close();
    await Promise.all([control.close(), monitor?.close()]);
  };
  try {
    // The socket comes last: whoever sees it ready finds the monitor too.
    if (options.monitor) await monitor?.listen({ ...options.monitor });
    rmSync(options.socket, { force: true });
    await control.listen({ path: options.socket });
    chmodSync(options.socket, 0o600);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

function makeServer(source: HealthSource, metrics: Metrics): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: 1_000_000,
    forceCloseConnections: true,
    // Fastify's own settings would drop unknown keys and change types without a word.
    schemaController: LAZY_SCHEMAS,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allowUnionTypes: true } },
  });
  server.get('/health/live', () => ({ live: true }));
  server.get('/health/ready', async (_request, reply) => {
    const state = await readiness(source);
    return reply.code(state.ready ? 200 : 503).send(state);
  });
  server.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  server.setErrorHandler((error, _request, reply) => sendProblem(reply, operatorProblem(error)));
  return server;
}

/** The API of operators; whoever can open the socket is the owner of the data, and is told everything. */
function serveActing(server: FastifyInstance, source: ActingSource): void {
  server.register(async (scope) => {
    scope.removeContentTypeParser('text/plain');
    scope.setSerializerCompiler(() => (data) => JSON.stringify(data));
    scope.setErrorHandler((error, _request, reply) => {
      const { problem: told } = apiProblem(error);
      return sendProblem(reply, told.status < 500 ? told : operatorProblem(error));
    });
    addActing(scope, source);
  });
}

/** While the engine stops nothing is changed through it; whoever asks waits until the folder is free. */
function stoppingNow(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, { ...problem(503, 'ENGINE_STOPPING'), title: 'The engine is stopping' });
}

interface ResumeBody {
  readonly destination: string;
  readonly who: string;
  readonly why: string;
}

interface ResolveBody {
  readonly batch: number;
  readonly to: 'delivered' | 'rejected' | 'queued' | 'cancelled';
  readonly reason: string;
  readonly who: string;
}

function addCommands(server: FastifyInstance, commands: Commands): void {
  const text = { type: 'string', maxLength: 2000 };
  const bodyOf = (properties: Record<string, object>) => ({
    schema: { body: { type: 'object', required: Object.keys(properties), properties, additionalProperties: false } },
  });
  server.post<{ Body: ResumeBody }>(
    '/control/resume',
    bodyOf({ destination: text, who: text, why: text }),
    ({ body }) => commands.resume(body.destination, body.who, body.why),
  );
  server.post<{ Body: ResolveBody }>(
    '/control/resolve',
    bodyOf({
      batch: { type: 'integer', minimum: 1 },
      to: { enum: ['delivered', 'rejected', 'queued', 'cancelled'] },
      reason: text,
      who: text,
    }),
    ({ body }) => commands.resolve(body),
  );
  for (const decide of ['release', 'cancel'] as const) {
    server.post<{ Body: SubmissionRequest }>(
      `/control/${decide}`,
      bodyOf({ submission: { type: 'integer', minimum: 1 }, reason: text, who: text }),
      async ({ body }) => {
        await commands[decide](body);
        return {};
      },
    );
  }
  addVersions(server, commands);
  server.register(async (uploads) => {
    uploads.removeAllContentTypeParsers();
    uploads.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    uploads.post<{ Querystring: { service: string; name: string; again?: string }; Body: AsyncIterable<Uint8Array> }>(
      '/control/submit',
      {
        bodyLimit: Number.MAX_SAFE_INTEGER,
        schema: {
          querystring: {
            type: 'object',
            required: ['service', 'name'],
            properties: { service: text, name: text, again: { enum: ['true', 'false'] } },
            additionalProperties: false,
          },
        },
      },
      (request) => {
        const { service, name, again } = request.query;
        return commands.submit({ service, name, again: again === 'true', body: request.body });
      },
    );
  });
}
