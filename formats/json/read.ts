import type { BodySource, ItemReader, ReadContext, Scan, ScanContext } from '../../engine/contracts/format.ts';
import type { ItemBlock } from '../../engine/contracts/item.ts';
import { RefusedError } from '../../engine/errors.ts';
import { charsetOf, decoded } from '../text/charset.ts';
import { JSON_ERRORS } from './errors.ts';
import { type Frame, type FrameLimits, JsonFramer, type Shape } from './frames.ts';
import { JsonItem, textOf } from './item.ts';

/** Every object is parsed, so that none is found broken once the first is on its way. @throws RefusedError */
export async function scanJson(source: BodySource, context: ScanContext, limits: FrameLimits): Promise<Scan> {
  const found = charsetOf(await firstBytes(source), 'auto');
  const transcoded = found.charset !== 'utf-8';
  const sink = transcoded ? context.transcode() : undefined;
  const cursor = transcoded ? 0 : found.mark;
  const framer = new JsonFramer(limits, { cursor, lines: 0 });
  let items = 0;
  let shape: Shape = 'values';
  for await (const chunk of decoded(source, found)) {
    context.signal.throwIfAborted();
    for (const frame of framer.feed(chunk)) {
      requireSound(frame);
      items += 1;
    }
    shape = framer.shape;
    await sink?.write(chunk);
  }
  framer.finish();
  return { items, charset: found.charset, transcoded, cursor, lines: 0, details: { shape, objects: items } };
}

/** Parsing tells nothing of the place, and its message may quote values: the object's beginning is told instead. */
function requireSound({ bytes, line, column }: Frame): void {
  try {
    JSON.parse(textOf(bytes));
  } catch (cause) {
    const { cure } = JSON_ERRORS.JSON_BROKEN;
    const name = cause instanceof Error ? cause.name : 'an error';
    const message = `line ${line}, column ${column}: the object that begins here is not JSON (${name}). ${cure}`;
    throw new RefusedError('JSON_BROKEN', message, { line, column });
  }
}

async function firstBytes(source: BodySource): Promise<Uint8Array> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of source.read()) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 3) break;
  }
  return bytes.subarray(0, 3);
}

/** Reads objects from a cursor on. */
export class JsonReader implements ItemReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #framer: JsonFramer;
  readonly #signal: AbortSignal;
  #items: JsonItem[] = [];
  #next = 0;
  #ended = false;
  #cursor: number;
  #lines: number;

  constructor(
    source: BodySource,
    scan: Scan,
    limits: FrameLimits,
    from: { readonly cursor: number; readonly lines: number },
    context: ReadContext,
  ) {
    this.#chunks = source.read(from.cursor)[Symbol.asyncIterator]();
    const isInside = from.cursor > scan.cursor;
    const shape: Shape = scan.details.shape === 'array' ? 'array' : 'values';
    this.#framer = new JsonFramer(limits, {
      cursor: from.cursor,
      lines: from.lines,
      ...(isInside ? { shape } : {}),
    });
    this.#signal = context.signal;
    this.#cursor = from.cursor;
    this.#lines = from.lines;
  }

  async next(maxItems: number, maxBytes: number): Promise<ItemBlock | undefined> {
    const start = this.#cursor;
    const items: JsonItem[] = [];
    while (items.length < maxItems && this.#cursor - start < maxBytes) {
      if (this.#next === this.#items.length && !(await this.#fill())) break;
      const item = this.#items[this.#next]!;
      this.#next += 1;
      items.push(item);
      this.#cursor = item.cursor;
      this.#lines = item.lastLine - 1;
    }
    if (items.length === 0) return undefined;
    const end = this.#next === this.#items.length && !(await this.#fill());
    return { items, cursor: this.#cursor, lines: this.#lines, end };
  }

  async close(): Promise<void> {
    this.#ended = true;
    this.#items = [];
    this.#next = 0;
    await this.#chunks.return?.();
  }

  async #fill(): Promise<boolean> {
    this.#items = [];
    this.#next = 0;
    while (!this.#ended && this.#items.length === 0) {
      this.#signal.throwIfAborted();
      const chunk = await this.#chunks.next();
      this.#ended = chunk.done === true;
      if (!chunk.done) this.#items = this.#framer.feed(chunk.value).map((frame) => new JsonItem(frame));
    }
    return this.#items.length > 0;
  }
}
