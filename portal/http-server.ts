/** The sockets of the listener: TLS, limits on headers, time and number, and answers to what is no HTTP. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ListenSettings } from '../engine/contracts/production.ts';
import { codeOf, messageOf, WaybillError } from '../engine/errors.ts';
import { http, https } from './node-http.ts';
import { PROBLEM_TYPE, statusProblem } from './problems.ts';

/** Limits of the listener. Times in milliseconds. A slow body is the service's matter. */
export interface ListenerLimits {
  /** From the connection, or the end of the request before, to the end of the headers. */
  readonly headersMs: number;
  /** How often that is looked at. */
  readonly checkEveryMs: number;
  /** How long a connection without a request stays open; longer than proxies keep theirs. */
  readonly keepAliveMs: number;
  /** A connection on which nothing moves at all in either direction. */
  readonly idleMs: number;
  readonly headerBytes: number;
  readonly connections: number;
  /** How long what comes after an answer is read and thrown away, so that the sender gets to read the answer. */
  readonly lingerMs: number;
  /** How long running requests may go on after `close`. */
  readonly graceMs: number;
}

export const LISTENER_LIMITS: ListenerLimits = {
  headersMs: 20_000,
  checkEveryMs: 5_000,
  keepAliveMs: 72_000,
  idleMs: 300_000,
  headerBytes: 16_384,
  connections: 1_000,
  lingerMs: 10_000,
  graceMs: 30_000,
};

/**
 * A server that is not listening yet. `Expect: 100-continue` is answered by whoever reads the body (`takesBody`), so that a
 * refused sender need not send it.
 * @param key where the settings stand in production.yaml: `listen`, `api`
 * @throws WaybillError `LISTENER_TLS`
 */
export function makeHttpServer(
  key: string,
  settings: ListenSettings,
  limits: ListenerLimits,
  handler: RequestListener,
): Server {
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    // Uploads take as long as they move.
    requestTimeout: 0,
    connectionsCheckingInterval: limits.checkEveryMs,
    keepAliveTimeout: limits.keepAliveMs,
  };
  const server = settings.tls
    ? tlsServer(`${key}.tls`, settings.tls, { ...options, minVersion: 'TLSv1.2', handshakeTimeout: limits.headersMs })
    : http.createServer(options);
  server.maxConnections = limits.connections;
  // The bytes of all headers are limited; more than so many would be dropped without a word.
  server.maxHeadersCount = 0;
  server.setTimeout(limits.idleMs);
  const answering = new WeakMap<Duplex, ServerResponse>();
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    answering.set(request.socket, response);
    handler(request, response as ServerResponse & { req: IncomingMessage });
  };
  server.on('request', handle);
  server.on('checkContinue', (request, response) => {
    expecting.add(request);
    handle(request, response);
  });
  // Another expectation is none that can be met.
  server.on('checkExpectation', (_request, response) => {
    response.writeHead(417, { 'content-type': PROBLEM_TYPE }).end(JSON.stringify(statusProblem(417)));
  });
  server.on('clientError', (error: Error, socket: Duplex) => {
    refuse(socket, answering.get(socket), statusOf(error), limits.lingerMs);
  });
  return server;
}

const expecting = new WeakSet<IncomingMessage>();

/** Tells a sender that waits for it that its body is wanted. */
export function takesBody(request: IncomingMessage, response: ServerResponse): void {
  if (expecting.delete(request)) response.writeContinue();
}

/**
 * After an answer that came before the end of the body: the rest is read and thrown away for a while, since a connection
 * that is closed on a sender takes the answer with it; then the connection is cut.
 */
export function letRestGo(request: IncomingMessage, lingerMs: number): void {
  if (request.complete || request.destroyed) return;
  const { socket } = request;
  const cut = setTimeout(() => socket.destroy(), lingerMs);
  cut.unref();
  const over = () => clearTimeout(cut);
  request.once('end', over).once('close', over);
  request.resume();
}

function tlsServer(
  path: string,
  { certificate, key }: NonNullable<ListenSettings['tls']>,
  options: Parameters<typeof createTlsServer>[0],
): Server {
  try {
    return https.createServer({ ...options, cert: certificate, key });
  } catch (error) {
    throw new WaybillError('LISTENER_TLS', `${path} cannot be used: ${messageOf(error)}.`, { path });
  }
}

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

function statusOf(error: Error): number {
  return STATUS_BY_CODE[codeOf(error)] ?? 400;
}

/** Answers what is no HTTP, unless an answer is on its way already; then the connection is of no use any more. */
function refuse(socket: Duplex, begun: ServerResponse | undefined, status: number, lingerMs: number): void {
  const amidAnswer = begun?.headersSent === true && !begun.writableEnded;
  if (!socket.writable || amidAnswer) {
    if (!socket.writableEnded || amidAnswer) socket.destroy();
    return;
  }
  const body = JSON.stringify(statusProblem(status));
  const head = [
    `HTTP/1.1 ${status} ${statusProblem(status).detail?.slice(0, -1)}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  const cut = setTimeout(() => socket.destroy(), lingerMs);
  cut.unref();
  socket.once('close', () => clearTimeout(cut));
}
