/** One HTTP exchange over undici: keep-alive, exact limits, no redirects, no second try, no HTTP/2. */
import { Readable } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { buildConnector, Client, Dispatcher } from 'undici';
import { secureContextOf, type TlsTexts } from '../tls/material.ts';
import type { RequestBody } from './envelope.ts';
import { undici } from './undici.ts';

export type { TlsTexts };

/** Milliseconds. */
export interface Limits {
  readonly connect: number;
  /** From the last byte of the request to the first of the answer. */
  readonly firstByte: number;
  /** From the start, connecting included, to the last byte of the answer. */
  readonly total: number;
  /** Bytes. */
  readonly maxAnswerBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** Called when the first byte was handed to the socket, and the last. */
  readonly onFirstByte?: () => void;
  readonly onLastByte?: () => void;
}

export type BrokenReason = 'network' | 'aborted' | 'firstByte' | 'total' | 'answerTooLarge';

/** An exchange that gave no whole answer. */
export class BrokenExchange extends Error {
  readonly reason: BrokenReason;
  /** False: certainly no byte of the request went out. */
  readonly begun: boolean;
  /** True: the whole request was handed to the socket. */
  readonly whole: boolean;

  constructor(reason: BrokenReason, begun: boolean, cause?: unknown, whole = false) {
    super(`exchange broken: ${reason}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.begun = begun;
    this.whole = whole;
  }
}

export interface Transport {
  /** @throws BrokenExchange */
  exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** Bodies up to this size are written at once, larger ones in pieces as the socket takes them. */
const AT_ONCE = 1024 * 1024;

class ChunkStream extends Readable {
  readonly #chunks: Iterator<Buffer>;

  constructor(body: RequestBody) {
    super({ highWaterMark: 1 });
    this.#chunks = body.chunks()[Symbol.iterator]();
  }

  override _read(): void {
    const next = this.#chunks.next();
    this.push(next.done === true ? null : next.value);
  }
}

function sendable(body: RequestBody): Buffer | Readable {
  if (body.length > AT_ONCE) return new ChunkStream(body);
  const whole = Buffer.allocUnsafeSlow(body.length);
  let used = 0;
  for (const chunk of body.chunks()) used += chunk.copy(whole, used);
  // A body that changes between its two readings would be cut or padded: better not sent at all.
  if (used !== body.length) throw new Error(`a request body gave ${used} bytes where ${body.length} were announced`);
  return whole;
}

/** @throws WaybillError SOAP_TLS_MATERIAL */
export function secureContext(tls: TlsTexts): SecureContext {
  return secureContextOf(tls, 'SOAP_TLS_MATERIAL');
}

/** Handles one exchange; undici calls it, timers and the caller's signal may end it first. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly promise: Promise<HttpAnswer>;
  readonly #request: HttpRequest;
  readonly #limits: Limits;
  readonly #signal: AbortSignal;
  readonly #settle: { resolve: (answer: HttpAnswer) => void; reject: (error: Error) => void };
  readonly #timers: { total?: NodeJS.Timeout; firstByte?: NodeJS.Timeout } = {};
  readonly #chunks: Buffer[] = [];
  readonly #onAbort = (): void => this.#break('aborted');
  #bytes = 0;
  #status = 0;
  #headers: HttpAnswer['headers'] = {};
  #controller: Dispatcher.DispatchController | undefined;
  #begun = false;
  #sent = false;
  #whole = false;
  #over: BrokenExchange | 'answered' | undefined;

  constructor(request: HttpRequest, limits: Limits, signal: AbortSignal) {
    this.#request = request;
    this.#limits = limits;
    this.#signal = signal;
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
    this.promise = promise;
    this.#settle = { resolve, reject };
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#timers.total = setTimeout(() => this.#break('total'), limits.total);
    if (signal.aborted) this.#break('aborted');
  }

  get over(): boolean {
    return this.#over !== undefined;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Called again, undici would be writing the same request a second time: never.
    if (this.#over !== undefined || this.#begun) {
      controller.abort(this.#over instanceof Error ? this.#over : new BrokenExchange('network', true));
      return;
    }
    this.#controller = controller;
    this.#begun = true;
  }

  onBodySent(): void {
    if (this.#sent) return;
    this.#sent = true;
    this.#request.onFirstByte?.();
  }

  onRequestSent(): void {
    this.#whole = true;
    this.#request.onLastByte?.();
    if (this.over || this.#status !== 0) return;
    this.#timers.firstByte = setTimeout(() => this.#break('firstByte'), this.#limits.firstByte);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: HttpAnswer['headers']): void {
    if (status < 200) return;
    clearTimeout(this.#timers.firstByte);
    this.#status = status;
    this.#headers = headers;
    const announced = Number(headers['content-length'] ?? 0);
    if (announced > this.#limits.maxAnswerBytes) this.#break('answerTooLarge');
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.over) return;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.maxAnswerBytes) {
      this.#break('answerTooLarge');
      return;
    }
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.over) return;
    this.#over = 'answered';
    this.#cleanUp();
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes);
    this.#settle.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#break('network', error);
  }

  #break(reason: BrokenReason, cause?: Error): void {
    if (this.over) return;
    const broken = new BrokenExchange(reason, this.#begun, cause, this.#whole);
    this.#over = broken;
    this.#cleanUp();
    this.#chunks.length = 0;
    this.#settle.reject(broken);
    if (cause === undefined) this.#controller?.abort(broken);
  }

  #cleanUp(): void {
    clearTimeout(this.#timers.total);
    clearTimeout(this.#timers.firstByte);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}

/** One keep-alive connection and the first thing that went wrong with its socket. */
class Connection {
  readonly client: Client;
  #firstError: Error | undefined;

  constructor(origin: string, connector: buildConnector.connector) {
    this.client = new (undici().Client)(origin, {
      // ALPN could choose HTTP/2, where many requests share a connection and a reset means something else.
      allowH2: false,
      pipelining: 1,
      // Exact limits are kept by `Exchange`; undici's own timers are coarse.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => {
        connector(options, (...outcome) => {
          // undici reports the end of a connection that a TLS alert ended; the alert comes first and says why.
          outcome[1]?.once('error', (error) => {
            this.#firstError ??= error;
          });
          callback(...outcome);
        });
      },
    });
  }

  /** The exchange's failure, with the first error of the socket as its cause where there was one. */
  explain(error: unknown): unknown {
    if (!(error instanceof BrokenExchange) || error.reason !== 'network' || !this.#firstError) return error;
    return new BrokenExchange(error.reason, error.begun, this.#firstError, error.whole);
  }
}

/**
 * Connections to one origin: one for each call in flight, kept for the next. (undici's own pool opens a second one for
 * calls that only follow each other.) A connection on which a call broke is never used again.
 * @throws WaybillError SOAP_TLS_MATERIAL
 */
export function openTransport(url: URL, tls: TlsTexts, limits: Limits): Transport {
  const secure = url.protocol === 'https:' ? { secureContext: secureContext(tls) } : {};
  const connector = undici().buildConnector({ allowH2: false, timeout: limits.connect, ...secure });
  const all = new Set<Connection>();
  const idle: Connection[] = [];
  let closed = false;
  const open = (): Connection => {
    const connection = new Connection(url.origin, connector);
    all.add(connection);
    return connection;
  };
  const drop = (connection: Connection): Promise<void> => {
    all.delete(connection);
    return connection.client.destroy();
  };
  return {
    async exchange(request, signal) {
      if (closed) throw new BrokenExchange('aborted', false);
      const { path, method, body } = request;
      const content = body === undefined ? {} : { body: sendable(body) };
      const headers = { ...request.headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) };
      const exchange = new Exchange(request, limits, signal);
      if (exchange.over) return exchange.promise;
      const connection = idle.pop() ?? open();
      connection.client.dispatch({ path, method, headers, idempotent: false, ...content }, exchange);
      try {
        const answer = await exchange.promise;
        idle.push(connection);
        return answer;
      } catch (error) {
        await drop(connection);
        throw connection.explain(error);
      }
    },
    async close() {
      closed = true;
      await Promise.all([...all].map(drop));
    },
  };
}
