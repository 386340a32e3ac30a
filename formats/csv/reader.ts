import type { BodySource, ItemReader, ReadContext } from '../../engine/contracts/format.ts';
import type { ItemBlock } from '../../engine/contracts/item.ts';
import type { ItemMaker, RowItem } from './items.ts';
import { type Framing, RowParser } from './rows.ts';

/** Bytes that are parsed at once: few enough that their rows are done with before the next collection of young objects. */
const SLICE = 8 * 1024;
const NOTHING = Buffer.alloc(0);

/** Reads rows from a cursor on, as far ahead as one chunk of the source. */
export class CsvReader implements ItemReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #parser: RowParser;
  readonly #signal: AbortSignal;
  #rows: RowItem[] = [];
  #next = 0;
  #ended = false;
  #chunk: Buffer = NOTHING;
  #cursor: number;
  #lines: number;

  constructor(
    source: BodySource,
    framing: Framing,
    maker: ItemMaker,
    from: { readonly cursor: number; readonly lines: number },
    context: ReadContext,
  ) {
    this.#chunks = source.read(from.cursor)[Symbol.asyncIterator]();
    this.#parser = new RowParser(framing, from, (fields, line, lastLine, cursor) => {
      this.#rows.push(maker.make(fields, line, lastLine, cursor));
    });
    this.#signal = context.signal;
    this.#cursor = from.cursor;
    this.#lines = from.lines;
  }

  async next(maxItems: number, maxBytes: number): Promise<ItemBlock | undefined> {
    const start = this.#cursor;
    const items: RowItem[] = [];
    while (items.length < maxItems && this.#cursor - start < maxBytes) {
      if (this.#next === this.#rows.length && !(await this.#fill())) break;
      const row = this.#rows[this.#next]!;
      this.#next += 1;
      items.push(row);
      this.#cursor = row.cursor;
      this.#lines = row.lastLine;
    }
    if (items.length === 0) return undefined;
    const end = this.#next === this.#rows.length && !(await this.#fill());
    return { items, cursor: this.#cursor, lines: this.#lines, end };
  }

  async close(): Promise<void> {
    this.#ended = true;
    this.#rows = [];
    this.#next = 0;
    await this.#chunks.return?.();
  }

  /** Reads on until there are rows; false where the source ends. Only called when no row is left. */
  async #fill(): Promise<boolean> {
    this.#rows = [];
    this.#next = 0;
    while (!this.#ended && this.#rows.length === 0) {
      this.#signal.throwIfAborted();
      if (this.#chunk.length === 0) await this.#read();
      const slice = this.#chunk.subarray(0, SLICE);
      this.#chunk = this.#chunk.subarray(SLICE);
      if (this.#ended) this.#parser.finish();
      else if (slice.length > 0) this.#parser.feed(slice);
    }
    return this.#rows.length > 0;
  }

  async #read(): Promise<void> {
    const chunk = await this.#chunks.next();
    this.#ended = chunk.done === true;
    if (chunk.done) return;
    const { buffer, byteOffset, byteLength } = chunk.value;
    this.#chunk = Buffer.from(buffer, byteOffset, byteLength);
  }
}
