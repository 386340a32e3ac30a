/** Whether what a server answers agrees with its own description. */
import assert from 'node:assert/strict';
import type { Answered } from './listener.ts';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

export interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
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
