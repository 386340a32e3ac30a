/**
 * The receiver's WSDL, read with the `soap` package behind one wall: every fetch goes through our own transport (limits,
 * CA, no redirects), only to hosts that the configuration names; document types are refused; one cache for each client.
 * The package is imported only here, and only when asked for.
 */
import { isAbsolute, resolve } from 'node:path';
import type { Client, IHttpClient, IWSDLCache } from 'soap';
import type { Dialect } from './dialect.ts';
import { brokenError } from './failures.ts';
import { BrokenExchange, type Limits, openTransport, type TlsTexts, type Transport } from './transport.ts';

const MAX_FETCHES = 40;

/** Why a WSDL could not be read; a sentence. */
export class ContractError extends Error {}

export interface WsdlSource {
  /** The service's address; its `?wsdl` is read where `wsdl` is absent. */
  readonly url: URL;
  /** A path (relative ones begin in `folder`) or an http address. */
  readonly wsdl?: string;
  readonly folder: string;
  readonly tls: TlsTexts;
  readonly limits: Limits;
}

export interface Contract {
  readonly client: Client;
  /** Where it was read, as people know it. */
  readonly location: string;
  close(): Promise<void>;
}

/** A cache that forgets: two clients on one WSDL would otherwise share their options. */
const NO_CACHE: IWSDLCache = {
  has: () => false,
  get: () => {
    throw new ContractError('the WSDL cache is not used');
  },
  set: () => undefined,
};

function isAddress(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

type Fetched = { readonly status: number; readonly headers: Record<string, unknown>; readonly data: string };

class Fetcher {
  readonly #allowed: ReadonlySet<string>;
  readonly #transports = new Map<string, Transport>();
  readonly #source: WsdlSource;
  readonly #signal: AbortSignal;
  #fetches = 0;

  constructor(source: WsdlSource, allowed: ReadonlySet<string>, signal: AbortSignal) {
    this.#source = source;
    this.#allowed = allowed;
    this.#signal = signal;
  }

  async fetch(address: string, data: string | null, headers: Record<string, string>): Promise<Fetched> {
    this.#fetches += 1;
    if (this.#fetches > MAX_FETCHES) throw new ContractError(`the WSDL imports more than ${MAX_FETCHES} documents`);
    if (!URL.canParse(address)) throw new ContractError('the WSDL imports something that is no address');
    const url = new URL(address);
    if (!this.#allowed.has(url.origin)) {
      throw new ContractError(
        `the WSDL imports from ${url.origin}, which the configuration does not name; save WSDL and schemas in the production and name the file under wsdl`,
      );
    }
    const bytes = data === null ? undefined : Buffer.from(data);
    const { limits } = this.#source;
    try {
      const answer = await this.#transport(url).exchange(
        {
          method: bytes === undefined ? 'GET' : 'POST',
          path: url.pathname + url.search,
          headers: { ...headers, 'accept-encoding': 'identity' },
          ...(bytes === undefined ? {} : { body: { length: bytes.length, chunks: () => [bytes] } }),
        },
        this.#signal,
      );
      const text = answer.body.toString('utf8');
      if (/<!DOCTYPE/i.test(text)) throw new ContractError('it has a document type, which is refused');
      if (bytes === undefined && answer.status !== 200)
        throw new ContractError(`HTTP ${answer.status} instead of a WSDL`);
      return { status: answer.status, headers: { ...answer.headers }, data: text };
    } catch (error) {
      throw error instanceof BrokenExchange ? new ContractError(brokenError(error, url.host, limits).message) : error;
    }
  }

  async close(): Promise<void> {
    for (const transport of this.#transports.values()) await transport.close();
  }

  #transport(url: URL): Transport {
    const known = this.#transports.get(url.origin);
    if (known) return known;
    const made = openTransport(url, this.#source.tls, this.#source.limits);
    this.#transports.set(url.origin, made);
    return made;
  }
}

/** Only these pass from the package's request to ours; its user agent, connection and length are its own affair. */
function passedHeaders(headers: Record<string, unknown> | undefined): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (/^(content-type|soapaction|accept)$/i.test(name) && typeof value === 'string')
      passed[name.toLowerCase()] = value;
  }
  return passed;
}

function httpClient(fetcher: Fetcher): IHttpClient {
  return {
    request(address, data, callback, headers) {
      const body = typeof data === 'string' ? data : null;
      fetcher.fetch(address, body, passedHeaders(headers)).then(
        (answer) => callback(null, answer, answer.data),
        (error: unknown) => callback(error),
      );
      // The package uses the callback alone; what it gets here is never looked at.
      return new Promise<never>(() => undefined);
    },
  };
}

/**
 * Reads the WSDL with all that it imports.
 * @throws ContractError
 */
export async function readContract(source: WsdlSource, dialect: Dialect, signal: AbortSignal): Promise<Contract> {
  const { url, wsdl, folder } = source;
  const location = wsdl ?? `${url.origin}${url.pathname}?wsdl`;
  const allowed = new Set([
    url.origin,
    ...(isAddress(location) && URL.canParse(location) ? [new URL(location).origin] : []),
  ]);
  const fetcher = new Fetcher(source, allowed, signal);
  const where = isAddress(location) ? location : isAbsolute(location) ? location : resolve(folder, location);
  const { createClientAsync } = await import('soap');
  try {
    const client = await createClientAsync(
      where,
      { wsdlCache: NO_CACHE, httpClient: httpClient(fetcher), forceSoap12Headers: dialect.soap === '1.2' },
      url.href,
    );
    return { client, location, close: () => fetcher.close() };
  } catch (error) {
    await fetcher.close();
    if (error instanceof ContractError) throw error;
    throw new ContractError(isMissing(error) ? 'there is no such file' : 'it is no WSDL that can be read');
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** One operation of a WSDL: what a request to it looks like. */
export interface WsdlOperation {
  readonly namespace: string;
  /** Local names of the request element's children, in order. */
  readonly children: readonly string[];
  readonly answerChildren: readonly string[];
  readonly action: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function childNames(part: unknown): readonly string[] {
  if (!isRecord(part)) return [];
  return Object.keys(part)
    .filter((key) => key !== 'targetNSAlias' && key !== 'targetNamespace')
    .map((key) => key.replace(/\[\]$/, ''));
}

/** Action and namespace of the request, which only the bindings have for types without a name. */
function boundOperations(client: Client): ReadonlyMap<string, { readonly action: string; readonly namespace: string }> {
  const bound = new Map<string, { action: string; namespace: string }>();
  for (const binding of Object.values(client.wsdl.definitions.bindings)) {
    for (const [name, operation] of Object.entries(binding.methods ?? {})) {
      if (bound.has(name)) continue;
      const input: unknown = operation.input;
      const namespace = isRecord(input) && typeof input.targetNamespace === 'string' ? input.targetNamespace : '';
      bound.set(name, { action: operation.soapAction ?? '', namespace });
    }
  }
  return bound;
}

/** All operations of a WSDL by name; of two ports with the same operation the first counts. */
export function operationsOf(client: Client): ReadonlyMap<string, WsdlOperation> {
  const bound = boundOperations(client);
  const operations = new Map<string, WsdlOperation>();
  const description: unknown = client.describe();
  const services = isRecord(description) ? Object.values(description) : [];
  const ports = services.flatMap((service) => (isRecord(service) ? Object.values(service) : []));
  for (const port of ports) {
    for (const [name, operation] of Object.entries(isRecord(port) ? port : {})) {
      if (operations.has(name) || !isRecord(operation)) continue;
      operations.set(name, {
        namespace: bound.get(name)?.namespace ?? '',
        children: childNames(operation.input),
        answerChildren: childNames(operation.output),
        action: bound.get(name)?.action ?? '',
      });
    }
  }
  return operations;
}

/** Where dialect and WSDL describe different calls, one sentence each; empty where they agree. */
export function differences(operations: ReadonlyMap<string, WsdlOperation>, dialect: Dialect): readonly string[] {
  const { element, children } = dialect.request;
  const operation = operations.get(element);
  if (!operation) {
    const known = [...operations.keys()].join(', ') || 'none';
    return [`the WSDL has no operation ${element} (it has: ${known})`];
  }
  const found: string[] = [];
  if (operation.namespace !== '' && operation.namespace !== dialect.namespace) {
    found.push(`the namespace is ${operation.namespace} in the WSDL, ${dialect.namespace} in the dialect`);
  }
  const longest = Math.max(operation.children.length, children.length);
  for (let i = 0; i < longest; i++) {
    const theirs = operation.children[i];
    const ours = children[i]?.element;
    if (theirs === ours) continue;
    found.push(
      `element ${i + 1} of ${element} is ${theirs ?? 'absent'} in the WSDL, ${ours ?? 'absent'} in the dialect`,
    );
  }
  const answer = dialect.answer.element.split('/').at(-1) ?? '';
  if (operation.answerChildren.length > 0 && !operation.answerChildren.includes(answer)) {
    found.push(`the answer has ${operation.answerChildren.join(', ')} in the WSDL, ${answer} in the dialect`);
  }
  return found;
}

/** What differs but need not matter: many receivers never look at the action. */
export function notes(operations: ReadonlyMap<string, WsdlOperation>, dialect: Dialect): readonly string[] {
  const action = operations.get(dialect.request.element)?.action ?? '';
  if (action === '' || dialect.action === '' || action === dialect.action) return [];
  return [`the action is ${action} in the WSDL, ${dialect.action} in the dialect`];
}

/**
 * Calls an operation that only echoes a text.
 * @throws ContractError where it is absent, fails, or gives back another text.
 */
export async function echo(contract: Contract, probe: string, text: string): Promise<void> {
  const operation = operationsOf(contract.client).get(probe);
  const parameter = operation?.children[0];
  if (!operation || parameter === undefined)
    throw new ContractError(`the WSDL has no operation ${probe} with a parameter`);
  const call: unknown = contract.client[`${probe}Async`];
  if (typeof call !== 'function') throw new ContractError(`the WSDL has no operation ${probe}`);
  const answers: unknown = await call.call(contract.client, { [parameter]: text }).catch((error: unknown): never => {
    // The package's errors hold request and answer; only our own sentences are repeated.
    throw error instanceof ContractError
      ? error
      : new ContractError(`${probe} was answered with a fault or not understood`);
  });
  const result: unknown = Array.isArray(answers) ? answers[0] : undefined;
  const given = isRecord(result) ? Object.values(result).find((value) => typeof value === 'string') : undefined;
  if (given !== text) throw new ContractError(`${probe} gave back another text than it was sent`);
}
