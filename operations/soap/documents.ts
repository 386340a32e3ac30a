/**
 * Documents of a contract (WSDL and schemas), from the receiver or from the production. Every fetch goes through our own
 * transport (limits, CA, no redirects) and only to hosts that the configuration names; document types are refused.
 */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { decodeAnswer, UnreadableAnswer } from './answer.ts';
import { brokenError } from './failures.ts';
import { BrokenExchange, type Limits, openTransport, type TlsTexts, type Transport } from './transport.ts';

const MAX_FETCHES = 40;

/** Why a contract could not be read; a sentence. */
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

export type Fetched = {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly data: string;
};

/** Whether a location is an http address and no path. */
function isAddress(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** Where the contract is, as people know it. */
export function locationOf({ url, wsdl }: Pick<WsdlSource, 'url' | 'wsdl'>): string {
  return wsdl ?? `${url.origin}${url.pathname}?wsdl`;
}

/** Where the contract is: an http address or an absolute path. */
export function placeOf(source: WsdlSource): string {
  const location = locationOf(source);
  if (isAddress(location) || isAbsolute(location)) return location;
  return resolve(source.folder, location);
}

export class Documents {
  readonly #allowed: ReadonlySet<string>;
  readonly #transports = new Map<string, Transport>();
  readonly #read = new Map<string, string>();
  readonly #source: WsdlSource;
  readonly #signal: AbortSignal;
  #fetches = 0;

  constructor(source: WsdlSource, signal: AbortSignal) {
    const location = locationOf(source);
    const named = isAddress(location) && URL.canParse(location) ? [new URL(location).origin] : [];
    this.#allowed = new Set([source.url.origin, ...named]);
    this.#source = source;
    this.#signal = signal;
  }

  /**
   * The text of a document; read once.
   * @param place an http address or an absolute path
   * @throws ContractError
   */
  async read(place: string): Promise<string> {
    const known = this.#read.get(place);
    if (known !== undefined) return known;
    const text = isAddress(place) ? (await this.fetch(place, null, {})).data : await this.#file(place);
    this.#read.set(place, text);
    return text;
  }

  /** Where an import leads, from the document that has it. @throws ContractError */
  static follow(from: string, location: string): string {
    if (isAddress(location)) return location;
    if (!isAddress(from)) return fileOf(from, location);
    const address = URL.canParse(location, from) ? new URL(location, from).href : '';
    // What comes over the network never leads to a file of this machine.
    if (!isAddress(address)) throw new ContractError('that is no http address');
    return address;
  }

  /** One exchange: GET without data, POST with it. @throws ContractError */
  async fetch(address: string, data: string | null, headers: Record<string, string>): Promise<Fetched> {
    this.#count();
    if (!URL.canParse(address)) throw new ContractError('that is no address');
    const url = new URL(address);
    if (!this.#allowed.has(url.origin)) {
      throw new ContractError(
        `${url.origin} is a host that the configuration does not name; save WSDL and schemas in the production and name the file under wsdl`,
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
      if (bytes === undefined && answer.status !== 200)
        throw new ContractError(`HTTP ${answer.status} instead of a WSDL`);
      return { status: answer.status, headers: { ...answer.headers }, data: withoutDoctype(answer.body) };
    } catch (error) {
      throw error instanceof BrokenExchange ? new ContractError(brokenError(error, url.host, limits).message) : error;
    }
  }

  async close(): Promise<void> {
    for (const transport of this.#transports.values()) await transport.close();
  }

  #count(): void {
    this.#fetches += 1;
    if (this.#fetches > MAX_FETCHES) throw new ContractError(`the WSDL imports more than ${MAX_FETCHES} documents`);
  }

  async #file(path: string): Promise<string> {
    this.#count();
    const most = this.#source.limits.maxAnswerBytes;
    try {
      const { size } = await stat(path);
      if (size > most) throw new ContractError(`a file of it is larger than maxAnswerBytes (${most})`);
      return withoutDoctype(await readFile(path));
    } catch (error) {
      if (error instanceof ContractError) throw error;
      throw new ContractError(isMissing(error) ? 'there is no such file' : 'a file of it cannot be read', {
        cause: error,
      });
    }
  }

  #transport(url: URL): Transport {
    const known = this.#transports.get(url.origin);
    if (known) return known;
    const made = openTransport(url, this.#source.tls, this.#source.limits);
    this.#transports.set(url.origin, made);
    return made;
  }
}

/** The file that an import names; a location is an address by its kind, so a blank in it may be written `%20`. */
function fileOf(from: string, location: string): string {
  const path = isAbsolute(location) ? location : resolve(dirname(from), location);
  if (!location.includes('%') || existsSync(path)) return path;
  try {
    return resolve(dirname(from), decodeURIComponent(location));
  } catch (error) {
    if (error instanceof URIError) return path;
    throw error;
  }
}

function withoutDoctype(bytes: Buffer): string {
  const text = decoded(bytes);
  if (/<!DOCTYPE/i.test(text)) throw new ContractError('it has a document type, which is refused');
  return text;
}

/** In the charset that the document itself shows or declares. */
function decoded(body: Buffer): string {
  try {
    return decodeAnswer({ status: 200, headers: {}, body });
  } catch (error) {
    if (error instanceof UnreadableAnswer) throw new ContractError(`it is no WSDL that can be read: ${error.message}`);
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
