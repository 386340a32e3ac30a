/** A receiver for tests of the whole engine: the twin, behind a door that can be told to misbehave. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { resolveDialect } from '../../operations/soap/dialect.ts';
import { startTwin, type TwinCounts } from '../../operations/soap/twin/index.ts';
import { cleanUp, until } from './redis.ts';

/**
 * What the door does with a request that it has read to its end. `pass`: hands it to the twin. `cut`: closes the
 * connection without an answer. `passAndCut`: hands it to the twin and closes the connection then. `busy`: answers that
 * it took nothing, ask again. `hold`: answers only once the door is set to something else.
 */
export type Door = 'pass' | 'cut' | 'passAndCut' | 'busy' | 'hold';

export interface Receiver {
  /** The `url` of a destination. */
  readonly url: string;
  /** What the twin behind the door has seen. */
  counts(): TwinCounts;
  /** Requests that came to the door. */
  arrived(): number;
  door: Door;
  close(): Promise<void>;
}

export const RECEIVER_CREDENTIALS = { username: 'clinic', password: 'correct-horse', organisation: 'F1' } as const;

export interface ReceiverOptions {
  readonly credentials?: { readonly username?: string; readonly password?: string; readonly organisation?: string };
  readonly log?: string;
  readonly logMessages?: boolean;
}

/** Starts twin and door on free ports of the loopback interface; closed after the test. */
export async function startReceiver(t: TestContext, options: ReceiverOptions = {}): Promise<Receiver> {
  const dialect = resolveDialect('cdc-iis-2011', { timeZone: 'UTC', values: {}, tables: {}, files: {} });
  const twin = await startTwin({ dialect, credentials: RECEIVER_CREDENTIALS, ...options });
  let arrived = 0;
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.method === 'POST') arrived += 1;
    if (receiver.door === 'hold')
      await until('the door opens', () => receiver.door !== 'hold' || response.destroyed, 600_000);
    const { door } = receiver;
    if (door === 'cut') return void response.destroy();
    if (door === 'busy') return void response.writeHead(503, { 'retry-after': '0' }).end();
    const answer = await passOn(request, Buffer.concat(chunks));
    if (door === 'passAndCut') return void response.destroy();
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
    response.end(Buffer.from(await answer.arrayBuffer()));
  }
  function passOn(request: IncomingMessage, body: Buffer): Promise<Response> {
    const url = new URL(request.url ?? '/', twin.url);
    const type = request.headers['content-type'];
    const headers = type === undefined ? {} : { 'content-type': type };
    const post = request.method === 'POST';
    return fetch(url, { method: post ? 'POST' : 'GET', headers, ...(post ? { body } : {}) });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the door listens on no port');
  const receiver: Receiver = {
    url: `http://127.0.0.1:${address.port}/soap`,
    door: 'pass',
    counts: () => twin.counts(),
    arrived: () => arrived,
    async close() {
      receiver.door = receiver.door === 'hold' ? 'cut' : receiver.door;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await twin.close();
    },
  };
  cleanUp(t, () => receiver.close());
  return receiver;
}
