/** Receivers that misbehave: an HTTP server in front of the twin that changes what it answers, or how it holds connections. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { cleanUp } from '../support/redis.ts';

export interface DoorOptions {
  /** Changes the n-th answer (from 1) to a message or batch. */
  readonly edit?: (xml: string, nth: number) => string;
  /** Milliseconds after which an idle connection is closed without a word. */
  readonly closeIdleAfter?: number;
}

export interface Door {
  readonly url: string;
  /** Connections that are open now. */
  connections(): Promise<number>;
}

/** Starts a door in front of a receiver. Closed after the test. */
export async function startDoor(t: TestContext, url: string, options: DoorOptions): Promise<Door> {
  const { edit = (xml) => xml, closeIdleAfter } = options;
  let answers = 0;
  const server = createServer((request, response) => {
    const pass = async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const type = request.headers['content-type'] ?? 'text/plain';
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': type },
        body: Buffer.concat(chunks),
      });
      const xml = await answer.text();
      answers += 1;
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
      response.end(edit(xml, answers));
    };
    pass().catch(() => response.destroy());
  });
  if (closeIdleAfter !== undefined) {
    // Node would announce its own time in a header; a receiver behind a balancer does not know the balancer's.
    server.keepAliveTimeout = 0;
    const timers = new WeakMap<Socket, NodeJS.Timeout>();
    server.on('request', ({ socket }, response) => {
      clearTimeout(timers.get(socket));
      response.on('finish', () =>
        timers.set(
          socket,
          setTimeout(() => socket.resetAndDestroy(), closeIdleAfter),
        ),
      );
    });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the door listens on no port');
  cleanUp(t, async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  });
  return {
    url: `http://127.0.0.1:${address.port}/soap`,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
  };
}

/** One acknowledgement in an answer's XML: its header, its MSA, up to the next header or the trailer. */
const CHILD = /MSH\|(?:(?!MSH\|).)*?MSA\|(A[AER])\|([^|&]*)&#xD;/gs;

/** Changes single acknowledgements of a batch's answer; `undefined` leaves one out, and the count says so. */
export function editAcknowledgements(xml: string, change: (index: number, code: string) => string | undefined): string {
  let index = 0;
  let kept = 0;
  const edited = xml.replace(CHILD, (child, code: string) => {
    const now = change(index++, code);
    if (now === undefined) return '';
    kept += 1;
    return child.replace(`MSA|${code}|`, `MSA|${now}|`);
  });
  return edited.replace(/BTS\|\d+/, `BTS|${kept}`);
}
