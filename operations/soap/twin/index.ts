/**
 * The twin: an HTTP server that plays a well-behaved receiver of a dialect, for trying a production without the real one,
 * for tests and for benchmarks. It checks credentials, reads strictly, takes what it acknowledges, and counts.
 */
import { hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WaybillError } from '../../../engine/errors.ts';
import { decodeAnswer, UnreadableAnswer } from '../answer.ts';
import type { Dialect } from '../dialect.ts';
import { type Credentials, ENVELOPE_NAMESPACE } from '../envelope.ts';
import { asciiXml } from '../xml.ts';
import { acknowledge, type Taken } from './acknowledge.ts';
import { BadRequest, readRequest, type SoapRequest } from './request.ts';
import { twinWsdl } from './wsdl.ts';

export interface TwinOptions {
  readonly dialect: Dialect;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Default: the loopback interface. */
  readonly host?: string;
  /** What a sender must give; what is absent here is not checked. */
  readonly credentials?: Credentials;
  /** A file that gets one line of JSON for each message taken: request, controlId, sha256, and message where asked for. */
  readonly log?: string;
  /** Writes whole messages into the log. Only for made-up patients. */
  readonly logMessages?: boolean;
  /** Largest request in bytes; a larger one is answered by the dialect's fault. Default 64 MB. */
  readonly maxBytes?: number;
}

/** What a twin has seen so far. Served as JSON at /counts. */
export interface TwinCounts {
  readonly requests: number;
  readonly messages: number;
  /** Messages whose control id had come before. */
  readonly duplicates: number;
  /** Bytes of request bodies. */
  readonly bytes: number;
  /** Requests answered with a fault or refused as a whole. */
  readonly refused: number;
}

export interface Twin {
  /** Where to send: the url of a destination. */
  readonly url: string;
  counts(): TwinCounts;
  close(): Promise<void>;
}

const MAX_BYTES = 64_000_000;

/** A string that shares no memory with the request it was cut from; a set of slices would keep every request alive. */
function detached(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

class Log {
  readonly #file: number;
  readonly #whole: boolean;

  constructor(path: string, whole: boolean) {
    this.#file = openSync(path, 'a');
    this.#whole = whole;
  }

  /** Written before the answer goes out. */
  add(request: number, taken: readonly Taken[]): void {
    let lines = '';
    for (const { controlId, text } of taken) {
      const line = { request, controlId, sha256: hash('sha256', text), ...(this.#whole ? { message: text } : {}) };
      lines += `${JSON.stringify(line)}\n`;
    }
    if (lines !== '') writeSync(this.#file, lines);
  }

  close(): void {
    closeSync(this.#file);
  }
}

class Receiver {
  readonly #options: TwinOptions;
  readonly #dialect: Dialect;
  readonly #log: Log | undefined;
  readonly #seen = new Set<string>();
  readonly #head: string;
  readonly #returned: string;
  #requests = 0;
  #messages = 0;
  #duplicates = 0;
  #bytes = 0;
  #refused = 0;

  constructor(options: TwinOptions) {
    this.#options = options;
    this.#dialect = options.dialect;
    this.#log = options.log === undefined ? undefined : new Log(options.log, options.logMessages ?? false);
    this.#head = `<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="${ENVELOPE_NAMESPACE[this.#dialect.soap]}"><soap:Body>`;
    this.#returned = this.#dialect.answer.element.split('/').at(-1) ?? 'return';
  }

  get counts(): TwinCounts {
    return {
      requests: this.#requests,
      messages: this.#messages,
      duplicates: this.#duplicates,
      bytes: this.#bytes,
      refused: this.#refused,
    };
  }

  close(): void {
    this.#log?.close();
  }

  /** Answers one request. */
  answer(body: Buffer, contentType: string | undefined): { readonly status: number; readonly xml: string } {
    this.#requests += 1;
    this.#bytes += body.length;
    try {
      const xml = decodeAnswer({ status: 200, headers: { 'content-type': contentType }, body });
      return this.#dispatch(readRequest(xml, this.#dialect));
    } catch (error) {
      if (!(error instanceof BadRequest || error instanceof UnreadableAnswer)) throw error;
      return this.#fault('Sender', '', error.message);
    }
  }

  tooLarge(): { readonly status: number; readonly xml: string } {
    this.#requests += 1;
    return this.#fault('Sender', 'MessageTooLargeFault', 'the request is too large');
  }

  #dispatch(request: SoapRequest): { readonly status: number; readonly xml: string } {
    const { probe, request: shape } = this.#dialect;
    if (probe !== undefined && request.operation === probe) {
      const [text = ''] = request.texts.values();
      return this.#good(probe, asciiXml(text));
    }
    if (request.operation !== shape.element) {
      return this.#fault('Sender', 'UnsupportedOperationFault', 'this operation is not offered');
    }
    if (!this.#knows(request)) {
      return this.#fault('Sender', 'SecurityFault', 'user name, password or facility is wrong');
    }
    const child = shape.children.find(({ from }) => from === 'message');
    const given = request.texts.get(child?.element ?? '') ?? '';
    const text = child?.carry === 'base64' ? Buffer.from(given, 'base64').toString('utf8') : given;
    const { taken, xml } = acknowledge(text, this.#requests, new Date());
    if (taken.length === 0) this.#refused += 1;
    this.#count(taken);
    this.#log?.add(this.#requests, taken);
    return this.#good(shape.element, xml);
  }

  #knows(request: SoapRequest): boolean {
    const { credentials } = this.#options;
    if (!credentials) return true;
    for (const { element, from } of this.#dialect.request.children) {
      const given = request.texts.get(element);
      if (from === 'credentials.username' && credentials.username !== undefined && given !== credentials.username)
        return false;
      if (from === 'credentials.password' && credentials.password !== undefined && given !== credentials.password)
        return false;
      const wanted = credentials.organisation;
      if (from === 'credentials.organisation' && wanted !== undefined && given !== wanted) return false;
    }
    return true;
  }

  #count(taken: readonly Taken[]): void {
    this.#messages += taken.length;
    for (const { controlId } of taken) {
      const before = this.#seen.size;
      this.#seen.add(detached(controlId));
      if (this.#seen.size === before) this.#duplicates += 1;
    }
  }

  #good(operation: string, text: string): { readonly status: number; readonly xml: string } {
    const response = `${operation}Response`;
    const inner = `<${response} xmlns="${this.#dialect.namespace}"><${this.#returned}>${text}</${this.#returned}></${response}>`;
    return { status: 200, xml: `${this.#head}${inner}</soap:Body></soap:Envelope>` };
  }

  #fault(
    code: 'Sender' | 'Receiver',
    detail: string,
    words: string,
  ): { readonly status: number; readonly xml: string } {
    this.#refused += 1;
    const { faults, namespace, soap } = this.#dialect;
    const inner = Object.hasOwn(faults, detail)
      ? `<${detail} xmlns="${namespace}"><Code>1</Code><Reason>${words}</Reason><Detail>${words}</Detail></${detail}>`
      : '';
    const code11 = code === 'Sender' ? 'Client' : 'Server';
    const fault =
      soap === '1.2'
        ? `<soap:Fault><soap:Code><soap:Value>soap:${code}</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">${words}</soap:Text></soap:Reason><soap:Detail>${inner}</soap:Detail></soap:Fault>`
        : `<soap:Fault><faultcode>soap:${code11}</faultcode><faultstring>${words}</faultstring><detail>${inner}</detail></soap:Fault>`;
    return { status: 500, xml: `${this.#head}${fault}</soap:Body></soap:Envelope>` };
  }
}

function respond(response: ServerResponse, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(status, { 'content-type': type, 'content-length': body.length });
  response.end(body);
}

function handle(receiver: Receiver, options: TwinOptions, url: () => string) {
  const type = `${options.dialect.contentType}; charset=utf-8`;
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.method === 'GET') {
      if (request.url === '/counts') respond(response, 200, 'application/json', JSON.stringify(receiver.counts));
      else if (request.url?.toLowerCase().endsWith('?wsdl')) {
        respond(response, 200, 'text/xml; charset=utf-8', twinWsdl(options.dialect, url()));
      } else respond(response, 404, 'text/plain', 'ask for ?wsdl or /counts, or post an envelope\n');
      return;
    }
    if (request.method !== 'POST') {
      respond(response, 405, 'text/plain', 'post an envelope\n');
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      // Too much is read to its end and thrown away: an answer before it would be lost with the connection.
      if (bytes > maxBytes) chunks.length = 0;
      else chunks.push(chunk);
    });
    request.on('end', () => {
      const { status, xml } =
        bytes > maxBytes
          ? receiver.tooLarge()
          : receiver.answer(Buffer.concat(chunks, bytes), request.headers['content-type']);
      respond(response, status, type, xml);
    });
  };
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the twin listens on no port'));
      else resolve(address);
    });
  });
}

/**
 * Starts a twin.
 * @throws WaybillError SOAP_TWIN_DIALECT; a system error where the port or the log cannot be had.
 */
export async function startTwin(options: TwinOptions): Promise<Twin> {
  if (options.dialect.answer.content !== 'hl7' || options.dialect.charset !== 'utf-8') {
    throw new WaybillError(
      'SOAP_TWIN_DIALECT',
      `the twin plays dialects in utf-8 whose answer is hl7; ${options.dialect.dialect} is another`,
    );
  }
  const receiver = new Receiver(options);
  const host = options.host ?? '127.0.0.1';
  let address = '';
  const server = createServer(handle(receiver, options, () => address));
  // A sender's pool decides how long a connection lives; a benchmark pauses longer than Node's five seconds.
  server.keepAliveTimeout = 60_000;
  const { port } = await listen(server, options.port ?? 0, host).catch((error: unknown): never => {
    receiver.close();
    throw error;
  });
  address = `http://${host.includes(':') ? `[${host}]` : host}:${port}/soap`;
  return {
    url: address,
    counts: () => receiver.counts,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      receiver.close();
    },
  };
}
