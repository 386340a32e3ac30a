import { type AddressInfo, connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import fastify, { type FastifyPluginAsync } from 'fastify';
import type { Listener } from '../../../engine/contracts/listener.ts';
import type { ServiceHandle } from '../../../engine/contracts/service.ts';
import { letRestGo } from '../../../portal/http-server.ts';
import { partnerProblem, sendProblem } from '../../../portal/problems.ts';
import type { RestMultipartConfig } from '../../../services/rest-multipart/config.ts';
import { startUploads } from '../../../services/rest-multipart/serve.ts';
import { FakeEngine } from '../../support/fake-service-context.ts';
import type { FakeUploads } from '../../support/fake-uploads.ts';
import { until } from '../../support/until.ts';

export { until };

export const BOUNDARY = 'a-boundary';
export const CSV = { format: { type: 'csv', recordMap: 'doses' }, route: 'doses' };
export const RAW = { format: { type: 'raw' }, route: 'documents' };
export const PARTS: RestMultipartConfig['parts'] = [
  { name: 'doses', ...CSV },
  { name: 'consent', contentType: 'application/pdf', maxBytes: 1000, ...RAW },
];

export interface Served {
  readonly url: string;
  readonly port: number;
  readonly uploads: FakeUploads;
  readonly engine: FakeEngine<RestMultipartConfig>;
  readonly handle: ServiceHandle;
}

/**
 * The service over a fake engine, on a listener that answers as the real one but believes who one says to be; all of it
 * ends with the test.
 */
export async function serve(
  t: TestContext,
  config: Partial<RestMultipartConfig> = {},
  lingerMs = 10_000,
): Promise<Served> {
  const routes: FastifyPluginAsync[] = [];
  const listener: Listener = {
    mount: (plugin) => void routes.push(plugin),
    partnerOf: ({ headers }) => String(headers['x-partner'] ?? 'harbor'),
  };
  const whole: RestMultipartConfig = { path: '/uploads', parts: PARTS, ...config };
  const engine = new FakeEngine({ config: whole, folder: '/nowhere', name: 'partners', listener });
  const handle = await startUploads(engine.context);
  const server = fastify({ logger: false, forceCloseConnections: true, requestTimeout: 0 });
  server.setErrorHandler((error, _request, reply) => {
    const { problem, headers } = partnerProblem(error);
    return sendProblem(reply, problem, headers);
  });
  server.addHook('onResponse', async (request) => letRestGo(request.raw, lingerMs));
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  for (const plugin of routes) server.register(plugin);
  await server.listen({ host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await handle.stop();
    await server.close();
  });
  const { port } = server.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/uploads`, port, uploads: engine.uploads, engine, handle };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Posts a body; the answer is JSON. */
export async function post(
  url: string,
  body: RequestInit['body'],
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', headers, ...(body === undefined ? {} : { body }) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

/** Posts a multipart body as it stands. */
export function postRaw(url: string, body: string | Buffer, headers: Readonly<Record<string, string>> = {}) {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  return post(url, new Uint8Array(bytes), { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, ...headers });
}

/** One part of a body as text; bytes as latin1 characters. */
export function part(header: string | readonly string[], content = ''): string {
  const lines = typeof header === 'string' ? [header] : header;
  return `--${BOUNDARY}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${content}\r\n`;
}

export function file(name: string, fileName: string, content: string, ...more: string[]): string {
  return part([`Content-Disposition: form-data; name="${name}"; filename="${fileName}"`, ...more], content);
}

export function field(name: string, content: string, ...more: string[]): string {
  return part([`Content-Disposition: form-data; name="${name}"`, ...more], content);
}

export const END = `--${BOUNDARY}--\r\n`;

/** A file of CSV and nothing else, as a whole body. */
export const ONE_FILE = `${file('doses', 'vax.csv', 'a,b\r\n1,2\r\n', 'Content-Type: text/csv')}${END}`;

/** Head of a raw request. */
export function head(extra: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries({
    host: '127.0.0.1',
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    ...extra,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /uploads HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** A connection that sends what it is told, byte by byte if asked; ends with the test. */
export class RawClient {
  readonly socket: Socket;
  received = '';
  closed = false;

  constructor(t: TestContext, port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
    // A connection that the server cuts is what some tests wait for: they look at `closed`.
    this.socket.on('error', () => this.socket.destroy());
    t.after(() => this.socket.destroy());
  }

  send(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Status of the first answer, once it is here. */
  async status(): Promise<number> {
    await until('an answer came', () => /^HTTP\/1\.1 \d{3} [\s\S]*\r\n\r\n/.test(this.received) || this.closed);
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.received)?.[1] ?? 0);
  }
}

/** The bytes in chunks of these sizes, over and over. */
export async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
