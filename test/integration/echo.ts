/**
 * A receiver that repeats what it should keep to itself: credentials in faults and in the words of its acknowledgements.
 * It can be told to take a call and close the connection without an answer.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import { cleanUp } from '../support/redis.ts';

export interface EchoReceiver {
  readonly url: string;
  /** `deny`: a security fault. `reject`: takes all but the second message. `cut`: no answer. `take`: takes all. */
  mode: 'deny' | 'reject' | 'cut' | 'take';
  /** Requests that came. */
  requests(): number;
}

const ENVELOPE = 'http://www.w3.org/2003/05/soap-envelope';

const element = (xml: string, name: string) => new RegExp(`[:<]${name}>([^<]*)<`).exec(xml)?.[1] ?? '';

function fault(xml: string): string {
  const words = `Invalid user ${element(xml, 'username')} with password ${element(xml, 'password')}`;
  return `<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en">${words}</s:Text></s:Reason>
<s:Detail><SecurityFault xmlns="urn:cdc:iisb:2011"><Code>401</Code><Reason>Security</Reason><Detail>${words}</Detail></SecurityFault></s:Detail></s:Fault>`;
}

function acknowledgement(xml: string, rejectSecond: boolean): string {
  const words = `not for ${element(xml, 'username')} (${element(xml, 'password')})`;
  const ids = [...xml.matchAll(/MSH\|(?:[^|]*\|){8}([^|]*)\|/g)].map((match) => match[1] ?? '');
  const one = (id: string, index: number) => {
    const bad = rejectSecond && index === 1;
    const error = bad ? `ERR||PID^1^11|101^Required^HL70357|E||||${words}&#xD;` : '';
    return `MSH|^~\\&amp;|IIS|STATE|||20260101||ACK|A${index}|P|2.5.1&#xD;MSA|${bad ? 'AE' : 'AA'}|${id}&#xD;${error}`;
  };
  const text = `BHS|^~\\&amp;|IIS&#xD;${ids.map(one).join('')}BTS|${ids.length}&#xD;`;
  return `<submitSingleMessageResponse xmlns="urn:cdc:iisb:2011"><return>${text}</return></submitSingleMessageResponse>`;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Starts it on a free port of the loopback interface; closed after the test. */
export async function startEcho(t: TestContext): Promise<EchoReceiver> {
  let requests = 0;
  const server = createServer(async (request, response) => {
    const xml = await textOf(request);
    requests += 1;
    if (receiver.mode === 'cut') return void response.destroy();
    const denied = receiver.mode === 'deny';
    const body = denied ? fault(xml) : acknowledgement(xml, receiver.mode === 'reject');
    response.writeHead(denied ? 500 : 200, { 'content-type': 'application/soap+xml; charset=utf-8' });
    response.end(`<s:Envelope xmlns:s="${ENVELOPE}"><s:Body>${body}</s:Body></s:Envelope>`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver listens on no port');
  const receiver: EchoReceiver = {
    url: `http://127.0.0.1:${address.port}/soap`,
    mode: 'deny',
    requests: () => requests,
  };
  cleanUp(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return receiver;
}
