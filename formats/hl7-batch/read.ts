import type { BodySource, ItemReader, ReadContext, Scan } from '../../engine/contracts/format.ts';
import type { ItemBlock } from '../../engine/contracts/item.ts';
import { MessageSplitter } from '../../hl7/split.ts';
import { Hl7Item } from './item.ts';
import type { Settings } from './settings.ts';

/** Reads messages from a cursor on, as far ahead as one chunk of the source; the envelope is passed over. */
export class BatchReader implements ItemReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #splitter: MessageSplitter;
  readonly #signal: AbortSignal;
  readonly #isCopy: boolean;
  readonly #from: { readonly cursor: number; readonly lines: number };
  #items: Hl7Item[] = [];
  #next = 0;
  #ended = false;
  #cursor: number;
  #lines: number;

  constructor(
    source: BodySource,
    scan: Pick<Scan, 'transcoded'>,
    settings: Settings,
    from: { readonly cursor: number; readonly lines: number },
    context: ReadContext,
  ) {
    this.#chunks = source.read(from.cursor)[Symbol.asyncIterator]();
    this.#splitter = new MessageSplitter({ maxPartBytes: settings.maxMessageBytes });
    this.#signal = context.signal;
    this.#isCopy = scan.transcoded;
    this.#from = { cursor: from.cursor, lines: from.lines };
    this.#cursor = from.cursor;
    this.#lines = from.lines;
  }

  async next(maxItems: number, maxBytes: number): Promise<ItemBlock | undefined> {
    const start = this.#cursor;
    const items: Hl7Item[] = [];
    while (items.length < maxItems && this.#cursor - start < maxBytes) {
      if (this.#next === this.#items.length && !(await this.#fill())) break;
      const item = this.#items[this.#next]!;
      this.#next += 1;
      items.push(item);
      this.#cursor = item.cursor;
      this.#lines = item.linesAfter;
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

  /** Reads on until there are messages; false where the source ends. Only called when none is left. */
  async #fill(): Promise<boolean> {
    this.#items = [];
    this.#next = 0;
    while (!this.#ended && this.#items.length === 0) {
      this.#signal.throwIfAborted();
      const chunk = await this.#chunks.next();
      this.#ended = chunk.done === true;
      const parts = chunk.done ? this.#splitter.end() : this.#splitter.push(chunk.value);
      for (const { kind, bytes, offset, line } of parts) {
        if (kind !== 'message') continue;
        const place = { offset: this.#from.cursor + offset, line: this.#from.lines + line };
        this.#items.push(new Hl7Item(bytes, place, this.#isCopy));
      }
    }
    return this.#items.length > 0;
  }
}
