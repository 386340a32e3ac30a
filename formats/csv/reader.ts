import type { ItemReader } from '../../engine/contracts/format.ts';
import { type ItemSplitter, type Reading, SplittingReader } from '../text/reader.ts';
import { isEndMark } from './end-mark.ts';
import type { ItemMaker, RowItem } from './items.ts';
import { type Framing, RowParser } from './rows.ts';

/** Bytes that are parsed at once: few enough that their rows are done with before the next collection of young objects. */
const SLICE = 8 * 1024;

/** Makes items of rows. */
class RowSplitter implements ItemSplitter<RowItem> {
  readonly #parser: RowParser;
  #rows: RowItem[] = [];
  /** Rows that are nothing if no other row comes after them. */
  #marks: RowItem[] = [];

  constructor(framing: Framing, maker: ItemMaker, from: Reading['from']) {
    this.#parser = new RowParser(framing, from, (fields, line, lastLine, cursor) => {
      const row = maker.make(fields, line, lastLine, cursor);
      if (isEndMark(fields)) {
        this.#marks.push(row);
        return;
      }
      if (this.#marks.length > 0) this.#rows.push(...this.#marks.splice(0));
      this.#rows.push(row);
    });
  }

  feed(piece: Uint8Array): readonly RowItem[] {
    this.#rows = [];
    this.#parser.feed(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    return this.#rows;
  }

  end(): readonly RowItem[] {
    this.#rows = [];
    this.#parser.finish();
    return this.#rows;
  }
}

/** Reads rows from a cursor on. */
export function readRows(framing: Framing, maker: ItemMaker, reading: Reading): ItemReader {
  return new SplittingReader(new RowSplitter(framing, maker, reading.from), { ...reading, pieceBytes: SLICE });
}
