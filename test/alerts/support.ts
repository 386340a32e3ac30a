/** Rules, facts and channels for tests of alerts; times are milliseconds since 1970, `NOW` is a moment of them. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { Condition, Facts } from '../../alerts/condition.ts';
import type { AlertCondition, AlertRule, AlertSettings, WebhookChannel } from '../../engine/contracts/alerts.ts';
import type { StatusAnswer } from '../../engine/contracts/questions.ts';
import { cleanUp } from '../support/redis.ts';

export const NOW = Date.parse('2026-03-02T12:00:00Z');
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export function rule(when: AlertCondition, over: Partial<AlertRule> = {}): AlertRule {
  return { name: 'the-rule', when, channels: ['a'], severity: 'warning', repeat: HOUR, resolved: true, ...over };
}

export const STOPPED = rule({ kind: 'stopped', for: 0, destinations: [] });

export function webhook(url: string, over: Partial<WebhookChannel> = {}): WebhookChannel {
  return { type: 'webhook', url, headers: {}, quiet: [], timeLimit: 5000, ...over };
}

export function settings(over: Partial<AlertSettings> = {}): AlertSettings {
  return { every: 10, group: 30_000, channels: { a: webhook('http://127.0.0.1:9/') }, rules: [STOPPED], ...over };
}

export function facts(over: Partial<Facts> = {}): Facts {
  return { now: NOW, instance: '7kq2', timeZone: 'UTC', routed: [], certificates: [], events: new Map(), ...over };
}

type DestinationStatus = StatusAnswer['destinations'][number];

/** Names that a receiver or a patient could have put where alerts look. */
export const MARKER = 'Markerpatient';

export function destination(over: Partial<DestinationStatus> = {}): DestinationStatus {
  return {
    name: 'registry',
    counts: { queued: 3 },
    stop: undefined,
    pauses: [],
    limit: undefined,
    inFlight: 0,
    head: undefined,
    inDoubt: [],
    oldestUnsettledAt: undefined,
    ...over,
  };
}

export function stop(since: number, code = 'SOAP_SECURITY_FAULT') {
  return { since, code, reason: `the receiver said ${MARKER}`, whose: 'ours', next: `nothing, ${MARKER}` };
}

export function status(...destinations: readonly DestinationStatus[]): StatusAnswer {
  return { destinations, submissions: {} };
}

export function condition(over: Partial<Condition> = {}): Condition {
  return {
    rule: 'the-rule',
    subject: 'registry',
    since: NOW,
    due: true,
    once: false,
    sentence: 'The destination registry is stopped.',
    advice: 'waybill resume registry',
    over: 'The destination registry is no longer stopped.',
    facts: { destination: 'registry' },
    ...over,
  };
}

export interface Posted {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookServer {
  readonly url: string;
  readonly posted: Posted[];
  /** Status of the next answers; `hold` never answers, `cut` breaks the connection. */
  answer: number | 'hold' | 'cut';
}

/** A receiver of webhooks, closed after the test. */
export async function webhookServer(t: TestContext): Promise<WebhookServer> {
  const posted: Posted[] = [];
  const state: WebhookServer = { url: '', posted, answer: 204 };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    posted.push({ url: request.url ?? '', headers: request.headers, body });
    if (state.answer === 'hold') return;
    if (state.answer === 'cut') request.socket.destroy();
    else response.writeHead(state.answer, { location: `${state.url}elsewhere` }).end(`about ${MARKER}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp(t, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, { url: `http://127.0.0.1:${port}/` });
}

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly secure: boolean;
  readonly user: string | undefined;
}

export interface MailServer {
  readonly port: number;
  readonly mails: Mail[];
}

/** A mail server, closed after the test; it takes no mail for addresses that begin with `nobody`. */
export async function mailServer(t: TestContext, options: SMTPServerOptions = {}): Promise<MailServer> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    onAuth: ({ username, password }, _session, done) =>
      password === 'right' ? done(null, { user: username }) : done(new Error(`no ${MARKER}`)),
    onRcptTo: ({ address }, _session, done) =>
      address.startsWith('nobody') ? done(new Error(`no such user ${MARKER}`)) : done(),
    async onData(stream, session, done) {
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      const { mailFrom, rcptTo } = session.envelope;
      const from = mailFrom === false ? '' : mailFrom.address;
      const user = session.user === undefined ? undefined : String(session.user);
      mails.push({ from, to: rcptTo.map(({ address }) => address), text, secure: session.secure, user });
      done();
    },
    ...options,
  });
  // A client that does not trust the certificate breaks off: that is what is tested.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp(t, () => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, mails };
}
