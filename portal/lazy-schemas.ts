import { createRequire } from 'node:module';
import type { FastifyServerOptions } from 'fastify';

type Compilers = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>;
/** Checks one part of a request; the faults of the last one stand in `errors`. */
type Check = ((data: unknown) => unknown) & { errors?: unknown };
type BuildChecks = (sharedSchemas: unknown, options: unknown) => (part: unknown) => Check;

const require = createRequire(import.meta.url);

/** Fastify's own compiler of checks, found from where Fastify is. */
function fastifysChecks(): BuildChecks {
  const fromFastify = createRequire(require.resolve('fastify'));
  const { default: makeBuilder } = fromFastify('@fastify/ajv-compiler') as { readonly default: () => BuildChecks };
  return makeBuilder();
}

/** Compiles a check when the first request needs it. */
const buildLazily: BuildChecks = (sharedSchemas, options) => {
  let compile: ReturnType<BuildChecks> | undefined;
  return (part) => {
    let check: Check | undefined;
    const lazy: Check = (data) => {
      compile ??= fastifysChecks()(sharedSchemas, options);
      check ??= compile(part);
      const fits = check(data);
      lazy.errors = check.errors;
      return fits;
    };
    return lazy;
  };
};

/**
 * Fastify's checks of requests, loaded and compiled when a request first needs one: most engines never get one, and it takes
 * 5 MB. Answers are written as they are: their schemas are for the description only.
 */
export const LAZY_SCHEMAS: { readonly compilersFactory: Compilers } = {
  compilersFactory: {
    buildValidator: buildLazily as NonNullable<Compilers['buildValidator']>,
    buildSerializer: () => () => (data: unknown) => JSON.stringify(data),
  },
};
