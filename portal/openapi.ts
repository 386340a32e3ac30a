/** `/openapi.json`: OpenAPI 3.1 made from the schemas of the routes that are served. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { type FastifyInstance, type FastifySchema, fastify, type onRouteHookHandler, type RouteOptions } from 'fastify';
import { PROBLEM_TYPE } from './problems.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the body of a request looks like, for the description only: services read bodies themselves. */
    describedBody?: unknown;
  }
}

const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'What was wrong (RFC 9457), with a code that stays the same.',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable; what it means and what to do stands in the list of error codes.' },
    detail: { type: 'string' },
    line: { type: 'integer' },
    column: { type: 'integer' },
    path: { type: 'string' },
  },
} as const;

/** Refusals that every route with a credential may answer with. */
const COMMON: Readonly<Record<number, string>> = {
  400: 'The request is not as it should be.',
  401: 'There is no credential, or not a valid one.',
  429: 'There were too many wrong credentials.',
  500: 'The request failed for a reason of ours.',
  503: 'Nothing can be taken at the moment; try again after the time in Retry-After.',
};
/** And those of the routes of services. */
const OF_SERVICES: Readonly<Record<number, string>> = {
  403: 'The partner may not use this service.',
  415: 'The Content-Type is none.',
};

/**
 * Describes the routes that are registered after it: gives the document, made when it is first asked for, by a server of
 * its own with the same routes. Most engines are never asked, and what makes it takes 3 MB.
 */
export function describeRoutes(server: FastifyInstance, production: string, version: string): () => Promise<object> {
  const routes: RouteOptions[] = [];
  server.addHook('onRoute', (route) => void routes.push(route));
  let document: Promise<object> | undefined;
  return () => {
    document ??= makeDocument(routes, optionsOf(production, version));
    return document;
  };
}

async function makeDocument(routes: readonly RouteOptions[], options: FastifyDynamicSwaggerOptions): Promise<object> {
  const { default: swagger } = await import('@fastify/swagger');
  const described = fastify({ logger: false, exposeHeadRoutes: false });
  described.setValidatorCompiler(() => () => true).setSerializerCompiler(() => () => '');
  await described.register(swagger, options);
  for (const { method, url, schema = {}, config = {} } of routes)
    described.route({ method, url, schema, config, handler: () => '' });
  await described.ready();
  return described.swagger();
}

function optionsOf(production: string, version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: production,
        version,
        description:
          'Sends files to the production and asks what became of them. Errors are problem details (RFC 9457).',
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'The API key of a partner.' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'The API key of a partner.' },
          basic: { type: 'http', scheme: 'basic', description: 'The name of a partner and its password.' },
        },
      },
      security: [{ bearer: [] }, { apiKey: [] }, { basic: [] }],
    },
    convertConstToEnum: false,
    stripBasePath: false,
    transform: ({ schema, url, route }) => {
      const body = route.config?.describedBody;
      const described = schema ?? {};
      return { url, schema: body === undefined ? described : { ...described, body } };
    },
  };
}

/**
 * Hook for routes with a credential: adds the common refusals to their description, and takes their body's description out
 * of Fastify's hands, which would check a body that nobody has read yet.
 */
export function commonAnswers(ofService: boolean): onRouteHookHandler {
  return (route) => {
    const { body, response, ...schema }: FastifySchema = route.schema ?? {};
    if (body !== undefined) route.config = { ...route.config, describedBody: body };
    const answers = { ...COMMON, ...(ofService ? OF_SERVICES : {}) };
    route.schema = { ...schema, response: withProblems(response, answers) };
  };
}

/** Every answer of 400 and more is a problem, with the route's own words where it has some. */
function withProblems(response: unknown, common: Readonly<Record<number, string>>): Record<string, unknown> {
  const own: Record<string, unknown> = typeof response === 'object' && response !== null ? { ...response } : {};
  const refusals = [...new Set([...Object.keys(own).filter((status) => /^[45]/.test(status)), ...Object.keys(common)])];
  return {
    ...own,
    ...Object.fromEntries(
      refusals.map((status) => [status, problemAnswer(wordsOf(own[status]) ?? common[Number(status)] ?? 'Refused.')]),
    ),
  };
}

/** The description of an answer that is a problem. */
export function problemAnswer(description: string) {
  return { description, content: { [PROBLEM_TYPE]: { schema: PROBLEM_SCHEMA } } };
}

function wordsOf(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('description' in answer)) return undefined;
  return typeof answer.description === 'string' ? answer.description : undefined;
}
