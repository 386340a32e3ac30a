import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServiceContext, ServiceHandle, Uploaded } from '../../engine/contracts/service.ts';
import { WaybillError } from '../../engine/errors.ts';
import type { RestMultipartConfig } from './config.ts';
import { refusal, UploadError } from './errors.ts';
import { KeysInFlight, parseIdempotencyKey } from './idempotency.ts';
import { receiptAnswer, receiptPath, routeSchema } from './receipt.ts';
import { RequestBody } from './request-body.ts';
import { Intake } from './upload.ts';

/**
 * Mounts the uploads on the production's listener.
 * @throws WaybillError `LISTEN_MISSING` where the production has no listener.
 */
export async function startUploads(context: ServiceContext<RestMultipartConfig>): Promise<ServiceHandle> {
  const { listener, config } = context;
  if (!listener) {
    const message = `${context.name} takes uploads over HTTP, and the production has no listen: add it.`;
    throw new WaybillError('LISTEN_MISSING', message);
  }
  const uploads = new Uploads(context);
  listener.mount(async (routes) => {
    routes.post(
      config.path,
      {
        // Only for the description: the body is streamed, and what is wrong gets an answer of our own.
        schema: routeSchema(plainTypes(config)),
        validatorCompiler: () => () => true,
        serializerCompiler: () => (data) => JSON.stringify(data),
      },
      (request, reply) => uploads.handle(request, reply, listener.partnerOf(request)),
    );
  });
  return { stop: () => uploads.stop() };
}

/** Types of plain bodies, for the description. */
function plainTypes({ parts }: RestMultipartConfig): readonly string[] {
  return [...new Set(parts.map(({ contentType }) => contentType?.toLowerCase() ?? 'text/csv'))];
}

/** The uploads that are coming in. */
class Uploads {
  readonly #context: ServiceContext<RestMultipartConfig>;
  readonly #intake: Intake;
  readonly #keys = new KeysInFlight();
  readonly #bodies = new Set<RequestBody>();
  #stopping = false;
  #idle: (() => void) | undefined;

  constructor(context: ServiceContext<RestMultipartConfig>) {
    this.#context = context;
    this.#intake = new Intake(context);
  }

  /** Takes one upload in and gives its answer. @throws UploadError, which the listener answers; it also lets go of what was not read */
  async handle(request: FastifyRequest, reply: FastifyReply, partner: string) {
    try {
      return await this.#take(request, reply, partner);
    } catch (error) {
      if (error instanceof UploadError && error.retryAfter !== undefined)
        reply.header('Retry-After', String(error.retryAfter));
      throw error;
    }
  }

  async #take(request: FastifyRequest, reply: FastifyReply, partner: string) {
    const { maxConcurrent, maxBytes, timeouts } = this.#intake.settings;
    if (this.#stopping || this.#context.signal.aborted) throw refusal('SERVICE_STOPPING');
    const type = this.#intake.admit(request.headers);
    const key = parseIdempotencyKey(request.headers['idempotency-key']);
    if (this.#bodies.size >= maxConcurrent) throw refusal('UPLOADS_TOO_MANY');
    const giveBack = this.#keys.take(partner, key);
    const body = new RequestBody(request.raw, { maxBytes, idle: timeouts.idle, total: timeouts.total });
    this.#bodies.add(body);
    try {
      const query = new URL(request.raw.url ?? '', 'http://listener').searchParams;
      const uploaded = await this.#intake.take({ partner, key, headers: request.headers, query }, type, body);
      // Still in flight: the engine does not end before the receipt is read.
      return await this.#answer(reply, uploaded);
    } finally {
      body.close();
      this.#bodies.delete(body);
      giveBack();
      if (this.#bodies.size === 0) this.#idle?.();
    }
  }

  async #answer(reply: FastifyReply, uploaded: Uploaded) {
    const { kind, receipt } = uploaded;
    if (kind === 'keyTaken') {
      reply.header('Location', receiptPath(receipt));
      throw refusal('IDEMPOTENCY_KEY_TAKEN', `The Idempotency-Key stands for the upload of receipt ${receipt}.`);
    }
    const view = await this.#context.receipt(receipt).catch((error: unknown) => {
      throw refusal('RECEIPT_NOT_READ', undefined, { cause: error });
    });
    if (!view) throw refusal('RECEIPT_NOT_READ');
    const duplicate = kind === 'duplicate';
    reply.code(duplicate ? 200 : 202).header('Location', receiptPath(receipt));
    return receiptAnswer(view, duplicate);
  }

  /** No new uploads; those coming in may finish for a while, then they are cut. Resolves when none is left. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#bodies.size === 0) return;
    const grace = setTimeout(() => {
      for (const body of this.#bodies) body.fail('SERVICE_STOPPING');
    }, this.#intake.settings.timeouts.stop);
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
    clearTimeout(grace);
  }
}
