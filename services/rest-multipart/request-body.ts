import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream';
import { refusal, type UploadCode, type UploadError } from './errors.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  /** Milliseconds for which the sender may be silent, and for the whole body. */
  readonly idle: number;
  readonly total: number;
}

/**
 * The body of a request, read as fast as it is asked for, within its limits. Time counts only while the sender is waited
 * for, but for the total.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  /** Why the body could not be read to its end; the first reason counts, also for whoever reads it through others. */
  failure: UploadError | undefined;
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #deadline: NodeJS.Timeout;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  readonly #release: () => void;

  constructor(request: IncomingMessage, limits: BodyLimits) {
    this.#request = request;
    this.#limits = limits;
    this.#deadline = setTimeout(() => this.fail('UPLOAD_TOO_SLOW'), limits.total);
    // Chunk by chunk, as they came: what `read` gives is joined, a copy of every byte.
    const take = (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      request.pause();
      this.#wake?.();
    };
    request.pause().on('data', take);
    const unwatch = finished(request, { writable: false }, (error) => {
      this.#ended = true;
      if (error || !request.complete) this.fail('UPLOAD_ABORTED');
      this.#wake?.();
    });
    this.#release = () => {
      clearTimeout(this.#deadline);
      unwatch();
      request.off('data', take);
    };
  }

  /** Ends the reading with this reason, at once. */
  fail(code: UploadCode): void {
    this.failure ??= refusal(code);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.failure) throw this.failure;
      const chunk = this.#chunks.shift();
      if (!chunk) {
        if (this.#ended) return;
        await this.#arrival();
        continue;
      }
      this.#bytes += chunk.length;
      if (this.#bytes > this.#limits.maxBytes) this.fail('UPLOAD_TOO_LARGE');
      else yield chunk;
    }
  }

  /** Lets go of the request; its rest, if there is one, is left to others. */
  close(): void {
    this.#release();
  }

  async #arrival(): Promise<void> {
    const silent = setTimeout(() => this.fail('UPLOAD_SILENT'), this.#limits.idle);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#request.resume();
    });
    this.#wake = undefined;
    clearTimeout(silent);
  }
}
