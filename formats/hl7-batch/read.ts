import type { ItemReader, Scan } from '../../engine/contracts/format.ts';
import { MessageSplitter, type Part } from '../../hl7/split.ts';
import { type ItemSplitter, type Reading, SplittingReader } from '../text/reader.ts';
import { Hl7Item } from './item.ts';
import type { Settings } from './settings.ts';

/** Makes items of messages; the envelope is passed over. */
class MessageItems implements ItemSplitter<Hl7Item> {
  readonly #splitter: MessageSplitter;
  readonly #from: Reading['from'];
  readonly #isCopy: boolean;

  constructor(settings: Settings, from: Reading['from'], isCopy: boolean) {
    this.#splitter = new MessageSplitter({ maxPartBytes: settings.maxMessageBytes });
    this.#from = { cursor: from.cursor, lines: from.lines };
    this.#isCopy = isCopy;
  }

  feed(piece: Uint8Array): readonly Hl7Item[] {
    return this.#itemsOf(this.#splitter.push(piece));
  }

  end(): readonly Hl7Item[] {
    return this.#itemsOf(this.#splitter.end());
  }

  #itemsOf(parts: readonly Part[]): readonly Hl7Item[] {
    const items: Hl7Item[] = [];
    for (const { kind, bytes, offset, line } of parts) {
      if (kind !== 'message') continue;
      const place = { offset: this.#from.cursor + offset, line: this.#from.lines + line };
      items.push(new Hl7Item(bytes, place, this.#isCopy));
    }
    return items;
  }
}

/** Reads messages from a cursor on. */
export function readBatch(scan: Pick<Scan, 'transcoded'>, settings: Settings, reading: Reading): ItemReader {
  return new SplittingReader(new MessageItems(settings, reading.from, scan.transcoded), reading);
}
