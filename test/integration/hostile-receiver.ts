/** A receiver that answers in every way that a receiver must not. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { cleanUp } from '../support/redis.ts';

const ENVELOPE = 'http://www.w3.org/2003/05/soap-envelope';
const CHUNK = ' '.repeat(16_384);
const DRIP_EVERY_MS = 100;

const answered = (text: string, before = '') =>
  `<?xml version="1.0"?>${before}<s:Envelope xmlns:s="${ENVELOPE}"><s:Body><submitSingleMessageResponse xmlns="urn:cdc:iisb:2011"><return>${text}</return></submitSingleMessageResponse></s:Body></s:Envelope>`;
const acknowledgement = (controlId: string) =>
  `MSH|^~\\&amp;|IIS|STATE|||20260101||ACK|1|P|2.5.1&#xD;MSA|AA|${controlId}&#xD;`;

type Respond = (response: ServerResponse, controlId: string, elsewhere: string) => void;

function whole(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'application/soap+xml; charset=utf-8' }).end(body);
}

/** Writes for as long as the other side takes it. */
function endless(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/soap+xml' });
  const more = () => {
    while (!response.destroyed && response.write(CHUNK));
  };
  response.on('drain', more);
  more();
}

/** One byte at a time, so that something always comes. */
function dripping(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/soap+xml' });
  const timer = setInterval(() => response.write(' '), DRIP_EVERY_MS);
  response.on('close', () => clearInterval(timer));
}

function half(response: ServerResponse): void {
  const body = answered(acknowledgement('1'));
  response.writeHead(200, { 'content-type': 'application/soap+xml', 'content-length': body.length });
  response.write(body.slice(0, body.length / 2), () => response.destroy());
}

export const HOSTILE = {
  endless,
  dripping,
  half,
  silent: () => undefined,
  'no XML': (response) => whole(response, '<html><p>All is <b>well</p>'),
  'a document type': (response, id) =>
    whole(response, answered(acknowledgement(id), '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>')),
  "another message's": (response) => whole(response, answered(acknowledgement('not-ours-1'))),
  'a redirect': (response, _, elsewhere) => response.writeHead(307, { location: elsewhere }).end(),
  good: (response, id) => whole(response, answered(acknowledgement(id))),
} as const satisfies Readonly<Record<string, Respond>>;

export interface HostileReceiver {
  readonly url: string;
  mode: keyof typeof HOSTILE;
  /** Requests that came to where a redirect points. */
  redirected(): number;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** A server on a free port of the loopback interface; closed after the test. */
async function listening(t: TestContext, handle: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver listens on no port');
  return `http://127.0.0.1:${address.port}/soap`;
}

export async function startHostile(t: TestContext): Promise<HostileReceiver> {
  let redirected = 0;
  const elsewhere = await listening(t, (_, response) => {
    redirected += 1;
    response.end();
  });
  const url = await listening(t, async (request, response) => {
    const xml = await textOf(request);
    const controlId = /MSH\|(?:[^|]*\|){8}([^|]*)\|/.exec(xml)?.[1] ?? '';
    const respond: Respond = HOSTILE[receiver.mode];
    respond(response, controlId, elsewhere);
  });
  const receiver: HostileReceiver = { url, mode: 'good', redirected: () => redirected };
  return receiver;
}
