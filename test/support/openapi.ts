/** Whether what a server answers agrees with its own description. */
import assert from 'node:assert/strict';
import type { Answered } from './listener.ts';

interface Operation {
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema?: { readonly required?: readonly string[] } }>>;
  };
  readonly responses: Readonly<
    Record<string, { readonly description?: string; readonly content?: Readonly<Record<string, unknown>> }>
  >;
}

export interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** The document of an answer, where it is one: paths, methods, and for each what it answers. */
export function openApiOf(document: Readonly<Record<string, unknown>>): OpenApi {
  const { openapi, paths } = document;
  assert.equal(typeof openapi, 'string');
  assertRecord(paths, 'paths');
  for (const [path, methods] of Object.entries(paths)) {
    assertRecord(methods, path);
    for (const [method, operation] of Object.entries(methods)) {
      assertRecord(operation, `${method} ${path}`);
      assertRecord(operation.responses, `the responses of ${method} ${path}`);
      for (const [status, response] of Object.entries(operation.responses)) {
        assertRecord(response, `${status} of ${method} ${path}`);
        if (response.content !== undefined) assertRecord(response.content, `content of ${status} of ${method} ${path}`);
      }
    }
  }
  return { openapi: String(openapi), paths: paths as OpenApi['paths'] };
}

function assertRecord(value: unknown, what: string): asserts value is Record<string, unknown> {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), `${what} is no object`);
}

/** One request that a test makes to a described operation. */
export interface Probe {
  readonly path: string;
  readonly method: string;
  readonly answer: Answered;
}

/** Every method of every path in the document, with `{id}` and the like as they stand. */
export function operationsOf(document: OpenApi): readonly { readonly path: string; readonly method: string }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ path, method: method.toUpperCase() })),
  );
}

/** Fails where the status or the content type of an answer is not described for its operation. */
export function agrees(document: OpenApi, { path, method, answer }: Probe): void {
  const operation = document.paths[path]?.[method.toLowerCase()];
  assert.ok(operation, `${method} ${path} is not described`);
  const response = operation.responses[String(answer.status)];
  assert.ok(response, `${method} ${path} answered ${answer.status}: ${answer.body.slice(0, 300)}`);
  const type = answer.type.split(';', 1)[0]?.trim() ?? '';
  const described = Object.keys(response.content ?? {});
  assert.ok(
    described.includes(type) || (described.length === 0 && answer.body === ''),
    `${method} ${path} answered ${answer.status} as ${type || 'nothing'}, described: ${described.join(', ')}`,
  );
}
