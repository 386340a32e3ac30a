/** Reading items block by block: the same for every format whose items lie one after the other in the bytes. */
import type { BodySource, ItemReader, ReadContext } from '../../engine/contracts/format.ts';
import type { Item, ItemBlock } from '../../engine/contracts/item.ts';

/** An item that knows where reading goes on behind it. */
export interface PlacedItem extends Item {
  /** Offset just after it, in bytes of the source. */
  readonly cursor: number;
  /** Physical lines before `cursor`. */
  readonly linesAfter: number;
}

/** Makes items of the bytes of a source, which come in pieces of any size. */
export interface ItemSplitter<T extends PlacedItem> {
  /** The items that this piece completes. @throws RefusedError where the bytes are not of the format */
  feed(piece: Uint8Array): readonly T[];
  /** The items that the end of the source completes; called once, after the last piece. @throws as `feed` */
  end(): readonly T[];
}

/** Where reading begins, and how. */
export interface Reading {
  readonly source: BodySource;
  readonly from: { readonly cursor: number; readonly lines: number };
  readonly context: ReadContext;
  /** Most bytes that are fed at once; without it a chunk of the source. */
  readonly pieceBytes?: number;
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** Reads items from a cursor on, as far ahead as one piece of the source. */
export class SplittingReader<T extends PlacedItem> implements ItemReader {
  readonly #splitter: ItemSplitter<T>;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #pieceBytes: number;
  #chunk: Uint8Array = NOTHING;
  #items: readonly T[] = [];
  #next = 0;
  #ended = false;
  #cursor: number;
  #lines: number;

  constructor(splitter: ItemSplitter<T>, { source, from, context, pieceBytes = Infinity }: Reading) {
    this.#splitter = splitter;
    this.#chunks = source.read(from.cursor)[Symbol.asyncIterator]();
    this.#signal = context.signal;
    this.#pieceBytes = pieceBytes;
    this.#cursor = from.cursor;
    this.#lines = from.lines;
  }

  async next(maxItems: number, maxBytes: number): Promise<ItemBlock | undefined> {
    const start = this.#cursor;
    const items: T[] = [];
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
    this.#chunk = NOTHING;
    this.#items = [];
    this.#next = 0;
    await this.#chunks.return?.();
  }

  /** Reads on until there are items; false where the source ends. Only called when none is left. */
  async #fill(): Promise<boolean> {
    this.#items = [];
    this.#next = 0;
    while (!this.#ended && this.#items.length === 0) {
      this.#signal.throwIfAborted();
      this.#items = await this.#step();
    }
    return this.#items.length > 0;
  }

  /** Feeds the next piece, or the end. */
  async #step(): Promise<readonly T[]> {
    if (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next();
      this.#ended = done === true;
      if (done === true) return this.#splitter.end();
      this.#chunk = value;
    }
    const piece = this.#chunk.subarray(0, this.#pieceBytes);
    this.#chunk = this.#chunk.subarray(piece.length);
    return this.#splitter.feed(piece);
  }
}
