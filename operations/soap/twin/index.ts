/**
 * The twin: an HTTP server that plays a receiver of a dialect, for trying a production without the real one, for tests and
 * for benchmarks. It reads strictly, takes what it acknowledges, keeps a log of it; and does wrong what a scenario tells it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WaybillError } from '../../../engine/errors.ts';
import type { Dialect } from '../dialect.ts';
import type { Credentials } from '../envelope.ts';
import { Memory, type TwinCounts } from './memory.ts';
import { type Arrival, Receiver } from './receiver.ts';
import { page, type Reply } from './reply.ts';
import type { Scenario } from './scenario.ts';
import { parseSins } from './scenario-file.ts';
import type { Sin } from './sins.ts';
import { respond, transmit } from './wire.ts';
import { twinWsdl } from './wsdl.ts';

export type { LogLine, TwinCounts } from './memory.ts';
export type { Rule, Scenario, When } from './scenario.ts';
export { listSins, parseScenario, readScenario, ScenarioError } from './scenario-file.ts';
export type { Sin, SinName } from './sins.ts';

export interface TwinOptions {
  readonly dialect: Dialect;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Default: the loopback interface. */
  readonly host?: string;
  /** What a sender must give; what is absent here is not checked. */
  readonly credentials?: Credentials;
  /** Values that the dialect's own parameters must have; what is absent here is not checked. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** What it does wrong; absent: nothing but what a request asks for in its header x-twin. */
  readonly scenario?: Scenario;
  /**
   * A file that gets a line of JSON for each message taken (`LogLine`), before the answer goes out. What stands in it at the
   * start was taken by an earlier life.
   */
  readonly log?: string;
  /** Writes whole messages into the log. Only for made-up patients. */
  readonly logMessages?: boolean;
  /** A file from which numbers of requests, tickets and refusals go on after a restart. */
  readonly state?: string;
  /** Largest request in bytes; a larger one is answered by the dialect's fault. Default 64 MB. */
  readonly maxBytes?: number;
  /** The clock; default: the machine's. */
  readonly now?: () => Date;
}

export interface Twin {
  /** Where to send: the url of a destination. */
  readonly url: string;
  counts(): TwinCounts;
  close(): Promise<void>;
}

const MAX_BYTES = 64_000_000;
const REOPEN_EVERY_MS = 50;
/** Code of the error where another process listens on the port. */
const PORT_TAKEN = 'EADDRINUSE';

/** The port of a twin, which may be closed for a while. */
class Door {
  readonly #server: Server;
  readonly #host: string;
  #port: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(server: Server, host: string, port: number) {
    this.#server = server;
    this.#host = host;
    this.#port = port;
  }

  async open(): Promise<AddressInfo> {
    const address = await listen(this.#server, this.#port, this.#host);
    this.#port = address.port;
    return address;
  }

  /** Cuts all connections and closes the port for so long. */
  closeFor(ms: number): void {
    clearTimeout(this.#timer);
    this.#server.close();
    this.#server.closeAllConnections();
    this.#reopenAfter(ms);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #reopenAfter(ms: number): void {
    this.#timer = setTimeout(() => {
      this.open().catch((error: unknown) => {
        // Another process may have the port for a moment; without it there is no twin.
        if (error instanceof Error && 'code' in error && error.code === PORT_TAKEN) this.#reopenAfter(REOPEN_EVERY_MS);
        else throw error;
      });
    }, ms);
  }
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

/** What the twin serves beside its operations. */
function serveOther(request: IncomingMessage, receiver: Receiver, wsdl: () => string): Reply {
  if (request.method !== 'GET') return page(405, 'text', 'post an envelope');
  if (request.url === '/counts') {
    return { status: 200, type: 'application/json', headers: {}, body: `${JSON.stringify(receiver.counts)}\n` };
  }
  if (request.url?.toLowerCase().endsWith('?wsdl')) {
    return { status: 200, type: 'text/xml; charset=utf-8', headers: {}, body: wsdl() };
  }
  return page(404, 'text', 'ask for ?wsdl or /counts, or post an envelope');
}

/** A body as far as it is wanted. */
class Body {
  readonly #chunks: Buffer[] = [];
  readonly #limit: number;
  bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    this.bytes += chunk.length;
    // Too much is read to its end and thrown away: an answer before it would be lost with the connection.
    if (this.bytes > this.#limit) this.#chunks.length = 0;
    else this.#chunks.push(chunk);
  }

  get whole(): Buffer {
    return Buffer.concat(this.#chunks, this.bytes);
  }
}

function contentLength({ headers }: IncomingMessage): number | undefined {
  const length = Number(headers['content-length']);
  return Number.isSafeInteger(length) ? length : undefined;
}

/** The sins of the header x-twin. @throws WaybillError SOAP_TWIN_SIN */
function sinsOf({ headers }: IncomingMessage, dialect: Dialect): readonly Sin[] | undefined {
  const given = headers['x-twin'];
  return typeof given === 'string' ? parseSins(given, dialect) : undefined;
}

/** Takes what is posted: numbers it, reads it, and has it answered. */
class PostHandler {
  readonly #receiver: Receiver;
  readonly #options: TwinOptions;
  readonly #closeFor: (ms: number) => void;

  constructor(receiver: Receiver, options: TwinOptions, closeFor: (ms: number) => void) {
    this.#receiver = receiver;
    this.#options = options;
    this.#closeFor = closeFor;
  }

  /** Takes one POST. */
  serve(request: IncomingMessage, response: ServerResponse): void {
    let sins: readonly Sin[] | undefined;
    try {
      sins = sinsOf(request, this.#options.dialect);
    } catch (error) {
      if (!(error instanceof WaybillError)) throw error;
      request.resume();
      respond(response, page(400, 'text', error.message));
      return;
    }
    const arrival = this.#receiver.arrive(contentLength(request), sins);
    const early = arrival.early?.sin;
    if (early?.sin === 'cut-before-body' || early?.sin === 'refuse-connections') {
      this.#receiver.cutEarly(arrival, 0);
      if (early.sin === 'refuse-connections') this.#closeFor(early.for);
      else request.socket.destroy();
      return;
    }
    this.#read(request, response, arrival);
  }

  #read(request: IncomingMessage, response: ServerResponse, arrival: Arrival): void {
    const { maxBytes = MAX_BYTES } = this.#options;
    const received = new Body(maxBytes);
    const cutAfter = arrival.early?.sin.sin === 'cut-in-body' ? arrival.early.sin.after : undefined;
    let cut = false;
    const cutNow = (): void => {
      if (cut) return;
      cut = true;
      this.#receiver.cutEarly(arrival, received.bytes);
      request.socket.destroy();
    };
    request.on('data', (chunk: Buffer) => {
      received.add(chunk);
      if (cutAfter !== undefined && received.bytes >= cutAfter) cutNow();
    });
    request.on('end', () => {
      if (cutAfter !== undefined) cutNow();
      else if (received.bytes > maxBytes) respond(response, this.#receiver.tooLarge(arrival, received.bytes, maxBytes));
      else this.#answer(request, response, arrival, received.whole);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse, arrival: Arrival, body: Buffer): void {
    const outgoing = this.#receiver.answer(arrival, body, request.headers);
    if (outgoing.reply && outgoing.sins.length === 0) respond(response, outgoing.reply);
    else
      transmit(response, outgoing).catch((error: unknown) =>
        response.destroy(error instanceof Error ? error : undefined),
      );
  }
}

/**
 * Starts a twin.
 * @throws WaybillError SOAP_TWIN_DIALECT, SOAP_TWIN_FILE; a system error where the port or a file cannot be had.
 */
export async function startTwin(options: TwinOptions): Promise<Twin> {
  const { dialect, host = '127.0.0.1', scenario, credentials = {}, parameters = {}, now = () => new Date() } = options;
  if (dialect.answer.ticket !== undefined && dialect.status === undefined) {
    throw new WaybillError('SOAP_TWIN_DIALECT', `the dialect ${dialect.dialect} has a ticket and no status query`);
  }
  const memory = new Memory(options);
  const receiver = new Receiver(dialect, { credentials, parameters }, memory, scenario, now);
  let address = '';
  const server = createServer((request, response) => {
    if (request.method === 'POST') posts.serve(request, response);
    else
      respond(
        response,
        serveOther(request, receiver, () => twinWsdl(dialect, address)),
      );
  });
  // A sender's pool decides how long a connection lives; a benchmark pauses longer than Node's five seconds.
  server.keepAliveTimeout = 60_000;
  const door = new Door(server, host, options.port ?? 0);
  const posts = new PostHandler(receiver, options, (ms) => door.closeFor(ms));
  const { port } = await door.open().catch((error: unknown): never => {
    memory.close();
    throw error;
  });
  address = `http://${host.includes(':') ? `[${host}]` : host}:${port}/soap`;
  return {
    url: address,
    counts: () => receiver.counts,
    async close() {
      await door.close();
      memory.close();
    },
  };
}
