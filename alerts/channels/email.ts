import { createTransport } from 'nodemailer';
import type { EmailChannel } from '../../engine/contracts/alerts.ts';
import { codeOf } from '../../engine/errors.ts';
import { AlertError } from '../errors.ts';
import type { AlertMessage } from '../message.ts';
import { isCertificateTrouble } from './trouble.ts';

const SUBJECT_LENGTH = 150;

/**
 * Sends a message as plain text to all addresses of the channel, over a connection of its own. `starttls` is demanded and
 * certificates are verified. @returns what is to be mended although it was told: addresses that were refused
 * @throws AlertError
 */
export async function sendEmail(
  channel: EmailChannel,
  message: AlertMessage,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { host, port, tls, ca, credentials, timeLimit } = channel;
  const within = AbortSignal.any([signal, AbortSignal.timeout(timeLimit)]);
  const transport = createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    connectionTimeout: timeLimit,
    greetingTimeout: timeLimit,
    socketTimeout: timeLimit,
    dnsTimeout: timeLimit,
    disableFileAccess: true,
    disableUrlAccess: true,
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    ...(credentials ? { auth: { user: credentials.username, pass: credentials.password } } : {}),
  });
  try {
    const { rejected, accepted } = await transport.sendMail({
      from: channel.from,
      to: [...channel.to],
      subject: subjectOf(message),
      text: message.text,
      messageId: `<${message.id}@waybill>`,
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Waybill-Id': message.id },
      signal: within,
    });
    const all = rejected.length + accepted.length;
    return rejected.length === 0 ? undefined : `The mail server refused ${rejected.length} of ${all} addresses.`;
  } catch (error) {
    throw troubleOf(error, within.aborted, channel);
  } finally {
    transport.close();
  }
}

function subjectOf({ kind, severity, summary }: AlertMessage): string {
  const subject = `[waybill] ${kind === 'test' ? 'TEST' : severity.toUpperCase()} ${summary}`;
  return subject.length > SUBJECT_LENGTH ? `${subject.slice(0, SUBJECT_LENGTH - 3)}...` : subject;
}

/** Codes and statuses only: a server's words may hold an address. */
function troubleOf(error: unknown, aborted: boolean, { timeLimit, tls }: EmailChannel): AlertError {
  const code = codeOf(error);
  const original = fieldOf(error, 'originalCode');
  const status = fieldOf(error, 'responseCode');
  const reason = original ?? code;
  if (aborted || code === 'ETIMEDOUT' || original === 'ETIMEDOUT')
    return new AlertError('ALERT_TIMED_OUT', `The mail server did not answer within ${timeLimit} ms.`);
  if (code === 'EAUTH' || code === 'ENOAUTH')
    return new AlertError('ALERT_CREDENTIALS', `The mail server does not accept the credentials (${status ?? code}).`);
  if (isCertificateTrouble(reason) || code === 'ETLS')
    return new AlertError('ALERT_CERTIFICATE', `TLS with the mail server failed (${reason}, tls: ${tls}).`);
  if (status !== undefined || code === 'EENVELOPE' || code === 'EMESSAGE')
    return new AlertError('ALERT_REFUSED', `The mail server refused the message (${status ?? code}).`);
  return new AlertError('ALERT_NOT_REACHED', `The mail server cannot be reached (${reason}).`);
}

function fieldOf(error: unknown, key: string): string | undefined {
  const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, key) : undefined;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
