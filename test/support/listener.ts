/** A listener for partners on a free port, with a production's folder of its own, closed and gone after the test. */
import { randomBytes, scryptSync } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Agent, type Dispatcher, request } from 'undici';
import type { ReceiptView, RejectedItem } from '../../engine/contracts/service.ts';
import { type EngineEvent, onEvent } from '../../engine/events.ts';
import { type ListenerOptions, openListener, type PortalListener } from '../../portal/listener.ts';
import { newCredential } from '../../portal/partners/credentials.ts';
import { type Partner, writePartner } from '../../portal/partners/file.ts';
import type { ReceiptSource } from '../../portal/receipts.ts';
import { cleanUp, temporaryFolder } from './redis.ts';

/** Receipts in memory. */
export class FakeReceipts implements ReceiptSource {
  readonly receipts = new Map<string, ReceiptView>();
  readonly reports = new Map<string, Readonly<Record<string, unknown>>>();
  readonly items = new Map<string, readonly RejectedItem[]>();
  /** Thrown after the items of any submission. */
  breaks: Error | undefined;

  async receipt(id: string) {
    return this.receipts.get(id);
  }

  async report(submission: string) {
    return this.reports.get(submission) ?? {};
  }

  async *rejected(submission: string) {
    yield* this.items.get(submission) ?? [];
    if (this.breaks) throw this.breaks;
  }
}

export interface TestListener {
  readonly listener: PortalListener;
  readonly receipts: FakeReceipts;
  /** The production's. */
  readonly folder: string;
  readonly clock: { now: () => number; at: number };
  readonly events: EngineEvent[];
  /** Writes a partner with one API key; gives the key. */
  partner(name: string, more?: Partial<Partner>): Promise<string>;
  /** Opens it; gives a function that sends, and where to. */
  open(): Promise<{
    readonly port: number;
    readonly url: string;
    send(path: string, options?: Partial<Dispatcher.RequestOptions>): Promise<Answered>;
  }>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly type: string;
  readonly body: string;
  json(): Record<string, unknown>;
}

export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
export const basic = (name: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
});

/** A listener that is not open yet. */
export async function testListener(t: TestContext, over: Partial<ListenerOptions> = {}): Promise<TestListener> {
  const folder = join(await temporaryFolder(t, 'waybill-listener-'), 'production');
  await mkdir(folder);
  const receipts = new FakeReceipts();
  const clock = { at: 1_700_000_000_000, now: () => clock.at };
  const events: EngineEvent[] = [];
  cleanUp(
    t,
    onEvent((event) => events.push(event)),
  );
  const listener = openListener({
    settings: { host: '127.0.0.1', port: 0, behindProxy: false },
    production: { name: 'sample', folder },
    receipts,
    clock,
    ...over,
    limits: { graceMs: 200, lingerMs: 1000, ...over.limits },
  });
  return {
    listener,
    receipts,
    folder,
    clock,
    events,
    partner: (name, more) => addPartner(folder, name, more),
    async open() {
      const { port } = await listener.open();
      cleanUp(t, () => listener.close());
      const secure = over.settings?.tls !== undefined;
      const url = `${secure ? 'https' : 'http'}://127.0.0.1:${port}`;
      const agent = new Agent(secure ? { connect: { rejectUnauthorized: false } } : {});
      cleanUp(t, () => agent.destroy());
      return { port, url, send: (path, options) => answer(agent, url + path, options) };
    },
  };
}

/** Writes a partner with one credential; gives the key, or for `basic` the password. */
export async function addPartner(
  folder: string,
  name: string,
  more: Partial<Partner> = {},
  kind: 'apiKey' | 'basic' = 'apiKey',
): Promise<string> {
  const { id, secret, text } = newCredential(name, kind);
  const credential = { kind, id, hash: cheapHash(secret), created: new Date().toISOString() };
  await writePartner(folder, { partner: name, credentials: [credential], ...more }, true);
  return text;
}

/** At the least cost that is taken, since a test makes many. */
function cheapHash(secret: string): string {
  const salt = randomBytes(16);
  const hash = scryptSync(secret, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
  return `$scrypt$ln=14,r=8,p=1$${[salt, hash].map((bytes) => bytes.toString('base64').replace(/=+$/, '')).join('$')}`;
}

async function answer(agent: Agent, url: string, options: Partial<Dispatcher.RequestOptions> = {}): Promise<Answered> {
  const { statusCode, headers, body } = await request(url, { method: 'GET', ...options, dispatcher: agent });
  const text = await body.text();
  return {
    status: statusCode,
    headers,
    type: String(headers['content-type'] ?? ''),
    body: text,
    json: () => JSON.parse(text) as Record<string, unknown>,
  };
}
