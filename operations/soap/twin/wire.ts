/** Puts an answer on the wire, or breaks off: all that goes wrong between two machines after the request was read. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import type { Reply } from './reply.ts';
import type { WireSin } from './sins.ts';

/** What is to be done about a request: an answer, sent in some way; or none. */
export interface Outgoing {
  readonly reply: Reply | undefined;
  /** Without an answer: `cut` the connection, or `hold` it. */
  readonly without?: 'cut' | 'hold';
  readonly sins: readonly WireSin[];
}

const MEGABYTE = 1_000_000;
const TICK_MS = 50;

/** Sends a whole answer at once. */
export function respond(response: ServerResponse, { status, type, headers, body }: Reply): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, ...headers });
  response.end(bytes);
}

/** Waits; resolves earlier, with false, where the other side has gone. */
function wait(response: ServerResponse, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (response.destroyed) return resolve(false);
    const gone = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      response.off('close', gone);
      resolve(true);
    }, ms);
    response.once('close', gone);
  });
}

/** Does what is to be done. Resolves when nothing more will be done. */
export async function transmit(response: ServerResponse, { reply, without, sins }: Outgoing): Promise<void> {
  const slow = sins.find((sin) => sin.sin === 'slow-first-byte');
  if (slow && !(await wait(response, slow.wait))) return;
  if (without === 'cut') response.socket?.destroy();
  if (!reply || response.destroyed) return;
  for (const sin of sins) {
    if (sin.sin === 'cut-in-answer') return sendPart(response, reply, sin.after);
    if (sin.sin === 'slow-body') return sendSlowly(response, reply, sin.bytesPerSecond);
    if (sin.sin === 'huge-answer') return sendHuge(response, reply, sin.bytes);
    if (sin.sin === 'gzip-bomb') return sendPacked(response, reply, sin.bytes);
  }
  respond(response, reply);
}

async function sendPart(response: ServerResponse, reply: Reply, after: number | undefined): Promise<void> {
  const bytes = Buffer.from(reply.body);
  const cut = Math.min(after ?? Math.floor(bytes.length / 2), Math.max(bytes.length - 1, 0));
  response.writeHead(reply.status, { 'content-type': reply.type, 'content-length': bytes.length, ...reply.headers });
  response.flushHeaders();
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.write(bytes.subarray(0, cut), () => response.socket?.destroy());
  });
}

async function sendSlowly(response: ServerResponse, reply: Reply, bytesPerSecond: number): Promise<void> {
  const bytes = Buffer.from(reply.body);
  response.writeHead(reply.status, { 'content-type': reply.type, 'content-length': bytes.length, ...reply.headers });
  response.flushHeaders();
  const started = performance.now();
  for (let sent = 0; sent < bytes.length; ) {
    if (!(await wait(response, TICK_MS))) return;
    const due = Math.min(Math.floor(((performance.now() - started) / 1000) * bytesPerSecond), bytes.length);
    if (due > sent) response.write(bytes.subarray(sent, due));
    sent = Math.max(sent, due);
  }
  response.end();
}

/** Where blanks do no harm to an answer: before its last end tag. */
function halves(reply: Reply): readonly [Buffer, Buffer] {
  const at = Math.max(reply.body.lastIndexOf('</'), 0);
  return [Buffer.from(reply.body.slice(0, at)), Buffer.from(reply.body.slice(at))];
}

/** Sends chunks with no more memory than one of them, until the other side has enough. */
async function stream(response: ServerResponse, chunks: Iterable<Buffer>): Promise<void> {
  try {
    await pipeline(Readable.from(chunks, { objectMode: false }), response);
  } catch (error) {
    // The other side broke off, which is what it should do.
    if (!response.destroyed) throw error;
  }
}

async function sendHuge(response: ServerResponse, reply: Reply, size: number): Promise<void> {
  const [head, tail] = halves(reply);
  const blanks = Buffer.alloc(64 * 1024, ' ');
  const filler = Math.max(size - head.length - tail.length, 0);
  response.writeHead(reply.status, {
    'content-type': reply.type,
    'content-length': head.length + filler + tail.length,
    ...reply.headers,
  });
  await stream(
    response,
    (function* () {
      yield head;
      for (let left = filler; left > 0; left -= blanks.length) yield blanks.subarray(0, Math.min(left, blanks.length));
      yield tail;
    })(),
  );
}

/** A gzip file may have many members; one of blanks is sent over and over. */
async function sendPacked(response: ServerResponse, reply: Reply, size: number): Promise<void> {
  const [head, tail] = halves(reply);
  const blanks = gzipSync(Buffer.alloc(MEGABYTE, ' '));
  response.writeHead(reply.status, { 'content-type': reply.type, 'content-encoding': 'gzip', ...reply.headers });
  await stream(
    response,
    (function* () {
      yield gzipSync(head);
      for (let left = size - head.length - tail.length; left > 0; left -= MEGABYTE)
        yield left >= MEGABYTE ? blanks : gzipSync(Buffer.alloc(left, ' '));
      yield gzipSync(tail);
    })(),
  );
}
