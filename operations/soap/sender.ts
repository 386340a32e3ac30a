/** One call: build the request, exchange it, and say what the answer means. */
import type { Answer, Delivery } from '../../engine/contracts/operation.ts';
import type { Dialect } from './dialect-types.ts';
import { type Frame, makeBody, type RequestBody } from './envelope.ts';
import { brokenError } from './failures.ts';
import { soapFailure } from './outcomes.ts';
import type { Secrets } from './secrets.ts';
import type { Template } from './template.ts';
import { BrokenExchange, type HttpAnswer, type Limits, type Transport } from './transport.ts';
import { understand } from './understand.ts';

export interface Sender {
  readonly url: URL;
  readonly dialect: Dialect;
  readonly frame: Frame;
  /** The frame of the status query, where the dialect has one. */
  readonly query: Frame | undefined;
  /** The SOAP header alone, for the probe; empty where there is none. */
  readonly header: Template;
  readonly limits: Limits;
  readonly transport: Transport;
  /** What must never be repeated out of an answer. */
  readonly secrets: Secrets;
}

/**
 * Sends a delivery once.
 * @throws DeliveryError of the class that says what the engine is to do.
 */
export async function send(sender: Sender, delivery: Delivery, signal: AbortSignal): Promise<Answer> {
  refuseTooLarge(sender, delivery);
  const answer = await exchange(sender, sender.frame, makeBody(sender.frame, delivery), signal, delivery);
  return understand(sender, answer, delivery.messages);
}

/** What the dialect says is too much is not tried. @throws TooLargeError */
function refuseTooLarge({ url, dialect }: Sender, { messages, byteLength }: Delivery): void {
  const { maxMessages = Infinity, maxBytes = Infinity } = dialect.batch;
  if (messages <= maxMessages && byteLength <= maxBytes) return;
  const limit =
    messages > maxMessages ? `${maxMessages} messages (batch.maxMessages)` : `${maxBytes} bytes (batch.maxBytes)`;
  const what = messages > maxMessages ? `${messages} messages` : `${byteLength} bytes`;
  throw soapFailure(
    'SOAP_BATCH_TOO_LARGE',
    `${url.host}: ${what} were not sent; the dialect ${dialect.dialect} takes at most ${limit}`,
    byteLength > maxBytes ? { maxBytes } : {},
  );
}

/** One exchange over the sender's connection. @throws DeliveryError where no whole answer came */
export async function exchange(
  { url, limits, transport }: Pick<Sender, 'url' | 'limits' | 'transport'>,
  frame: Frame,
  body: RequestBody,
  signal: AbortSignal,
  told: { firstByte(): void; lastByte(): void },
): Promise<HttpAnswer> {
  const request = {
    method: 'POST' as const,
    path: url.pathname + url.search,
    headers: frame.headers,
    body,
    onFirstByte: () => told.firstByte(),
    onLastByte: () => told.lastByte(),
  };
  return transport.exchange(request, signal).catch((error: unknown): never => {
    throw error instanceof BrokenExchange ? brokenError(error, url.host, limits) : error;
  });
}
