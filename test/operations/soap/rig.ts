/** What the tests of the SOAP operation share: an opened operation, deliveries, and raw servers that misbehave. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import type { Delivery, Operation } from '../../../engine/contracts/operation.ts';
import type { Resources } from '../../../engine/contracts/resources.ts';
import {
  ConfigError,
  DeliveryError,
  PermanentError,
  TooLargeError,
  TransientError,
  UncertainError,
} from '../../../engine/errors.ts';
import type { SoapConfig } from '../../../operations/soap/config.ts';
import { resolveDialect } from '../../../operations/soap/dialect.ts';
import soap from '../../../operations/soap/index.ts';

export const NO_RESOURCES: Resources = { timeZone: 'UTC', values: {}, tables: {}, files: {} };

export const CDC = resolveDialect('cdc-iis-2011', NO_RESOURCES);

/** Markers that must never be seen where they do not belong. */
export const CREDENTIALS = {
  username: 'marker-user',
  password: 'marker-<pass>&word',
  organisation: 'MARKER-ORG',
} as const;

export function resources(dialects: Readonly<Record<string, unknown>>): Resources {
  return { ...NO_RESOURCES, files: { dialects } };
}

export async function openSoap(
  t: TestContext,
  config: Omit<SoapConfig, 'dialect'> & { readonly dialect?: string },
  from: Resources = NO_RESOURCES,
): Promise<Operation> {
  const nothing = (): void => undefined;
  const operation = await soap.open(
    { dialect: 'cdc-iis-2011', credentials: CREDENTIALS, ...config },
    {
      name: 'registry',
      folder: import.meta.dirname,
      logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      resources: from,
    },
  );
  t.after(() => operation.close());
  return operation;
}

export interface WatchedDelivery extends Delivery {
  readonly seen: { first: number; last: number };
}

/** A delivery of this text in chunks of a moderate size. */
export function delivery(text: string | Buffer, messages = 1, chunk = 1000): WatchedDelivery {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const seen = { first: 0, last: 0 };
  return {
    batchId: `B${randomBytes(4).toString('hex')}`,
    attempt: 1,
    messages,
    byteLength: bytes.length,
    *body() {
      for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
    },
    *each() {
      yield { id: 'M1', body: bytes };
    },
    firstByte: () => {
      seen.first += 1;
    },
    lastByte: () => {
      seen.last += 1;
    },
    seen,
  };
}

/** A made-up vaccination with everything in it that envelopes get wrong. */
export function vxu(controlId: string, patient = "O'Neil^Zo\u00eb^T\\T\\T"): string {
  return [
    `MSH|^~\\&|COUNTY|FAC001|IIS|STATE|20260401120000+0000||VXU^V04^VXU_V04|${controlId}|P|2.5.1`,
    `PID|1||${controlId}^^^A^MR||${patient}||19900203|F`,
    'NTE|1||a <b> ]]> "c" \u20ac \u{1F489}\ttab',
    '',
  ].join('\r');
}

export function batch(ids: readonly string[], batchId = 'BATCH-1'): string {
  const head = `BHS|^~\\&|COUNTY|FAC001|IIS|STATE|20260401120000||||${batchId}\r`;
  return `${head}${ids.map((id) => vxu(id)).join('')}BTS|${ids.length}\r`;
}

export function ids(count: number): readonly string[] {
  const run = randomBytes(4).toString('hex');
  return Array.from({ length: count }, (_, i) => `${run}-${i + 1}`);
}

export interface RawServer {
  readonly url: string;
  readonly port: number;
  /** Connections that were made. */
  connections(): number;
  close(): Promise<void>;
}

/** A TCP server under full control of the test. */
export async function rawServer(
  t: TestContext,
  serve: (socket: Socket, connection: number) => void,
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // The other side may reset at any moment; that is what these tests are about.
    socket.on('error', () => socket.destroy());
    serve(socket, connections);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  t.after(close);
  return { url: `http://127.0.0.1:${address.port}/iis`, port: address.port, connections: () => connections, close };
}

/** Calls back once for each whole request (headers with a content length, and that many bytes). */
export function onRequest(socket: Socket, each: (request: string) => void): void {
  let got = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    got = Buffer.concat([got, chunk]);
    for (;;) {
      const end = got.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(got.toString('latin1', 0, end))?.[1] ?? 0);
      if (got.length < end + 4 + length) return;
      const request = got.toString('utf8', 0, end + 4 + length);
      got = got.subarray(end + 4 + length);
      each(request);
    }
  });
}

/** An HTTP answer as bytes. */
export function http(status: number, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const all = {
    'content-type': 'application/soap+xml; charset=utf-8',
    'content-length': String(bytes.length),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Whatever\r\n${lines.join('')}\r\n`), bytes]);
}

/** A server that answers every request with these bytes. */
export function answering(t: TestContext, answer: Buffer): Promise<RawServer> {
  return rawServer(t, (socket) => onRequest(socket, () => socket.write(answer)));
}

const SOAP12 = 'http://www.w3.org/2003/05/soap-envelope';

export function envelope(inner: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="${SOAP12}"><env:Body>${inner}</env:Body></env:Envelope>`;
}

export function response(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('\r', '&#xD;');
  return envelope(
    `<n:submitSingleMessageResponse xmlns:n="urn:cdc:iisb:2011"><n:return>${escaped}</n:return></n:submitSingleMessageResponse>`,
  );
}

export function fault(detail: string, code = 'env:Sender', reason = 'No'): string {
  return envelope(
    `<env:Fault><env:Code><env:Value>${code}</env:Value></env:Code><env:Reason><env:Text xml:lang="en">${reason}</env:Text></env:Reason><env:Detail>${detail}</env:Detail></env:Fault>`,
  );
}

export function ack(controlId: string, code = 'AA'): string {
  return `MSH|^~\\&|IIS|STATE|COUNTY|FAC001|20260401120001||ACK^V04^ACK|A1|P|2.5.1\rMSA|${code}|${controlId}\r`;
}

const CLASSES = { ConfigError, PermanentError, TooLargeError, TransientError, UncertainError };

/** The class of an error that an operation threw. */
export function className(error: unknown): string {
  for (const [name, type] of Object.entries(CLASSES)) if (error instanceof type) return name;
  return String(error);
}

/** Sends and gives the error; fails where there is none. Whatever the error, it shows neither secrets nor patients. */
export async function failure(
  operation: Operation,
  what: WatchedDelivery = delivery(vxu('ID-1', 'MARKER^PATIENT')),
  signal: AbortSignal = AbortSignal.timeout(20_000),
): Promise<DeliveryError> {
  const error = await operation.send(what, signal).then(
    () => assert.fail('the call should have failed'),
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof DeliveryError, inspect(error));
  const shown = `${error.message} ${error.words} ${error.stack} ${inspect(error, { depth: 8, showHidden: true })}`;
  // The stored answer is the receiver's; everything else must be silent.
  const silent = shown.replace(/answer: .*?>,?/gs, '');
  assert.doesNotMatch(silent, /MARKER|marker-/);
  return error;
}
