import { createHmac } from 'node:crypto';
import { Agent, request } from 'undici';
import type { WebhookChannel } from '../../engine/contracts/alerts.ts';
import { codeOf } from '../../engine/errors.ts';
import { AlertError } from '../errors.ts';
import type { AlertMessage } from '../message.ts';
import { isCertificateTrouble } from './trouble.ts';

/**
 * Posts a message as JSON. `x-waybill-signature: sha256=HEX` is the HMAC-SHA256 of the body's bytes, where the channel has a
 * key. Redirects are not followed, certificates are verified, the answer's body is not read. @throws AlertError
 */
export async function callWebhook(channel: WebhookChannel, message: AlertMessage, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify(message);
  const { timeLimit } = channel;
  const within = AbortSignal.any([signal, AbortSignal.timeout(timeLimit)]);
  const dispatcher = new Agent({
    connect: { timeout: timeLimit, ...(channel.ca === undefined ? {} : { ca: channel.ca }) },
    headersTimeout: timeLimit,
    bodyTimeout: timeLimit,
  });
  try {
    const { statusCode, body: answer } = await request(channel.url, {
      dispatcher,
      method: 'POST',
      headers: { ...channel.headers, ...headersOf(channel, message, body) },
      body,
      signal: within,
    });
    answer.on('error', ignore).destroy();
    refuse(statusCode);
  } catch (error) {
    throw troubleOf(error, within.aborted, timeLimit);
  } finally {
    await dispatcher.destroy();
  }
}

function headersOf({ signature }: WebhookChannel, { id }: AlertMessage, body: string): Record<string, string> {
  const headers = { 'content-type': 'application/json', 'user-agent': 'waybill', 'x-waybill-id': id };
  if (signature === undefined) return headers;
  const hmac = createHmac('sha256', signature).update(body).digest('hex');
  return { ...headers, 'x-waybill-signature': `sha256=${hmac}` };
}

/** @throws AlertError where the status is not one of success */
function refuse(status: number): void {
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400)
    throw new AlertError('ALERT_REDIRECTED', `The webhook answered HTTP ${status}; redirects are not followed.`);
  throw new AlertError('ALERT_REFUSED', `The webhook answered HTTP ${status}.`);
}

/** Messages of undici may name the address, which may hold a token: only codes are taken. */
function troubleOf(error: unknown, aborted: boolean, timeLimit: number): AlertError {
  if (error instanceof AlertError) return error;
  const code = codeOf(error);
  if (aborted || /TIMEOUT/.test(code))
    return new AlertError('ALERT_TIMED_OUT', `The webhook did not answer within ${timeLimit} ms.`);
  if (isCertificateTrouble(code))
    return new AlertError('ALERT_CERTIFICATE', `The certificate of the webhook is not accepted (${code}).`);
  return new AlertError('ALERT_NOT_REACHED', `The webhook cannot be reached (${code}).`);
}

/** The answer's body is thrown away, however it ends. */
function ignore(): void {}
