import type { BodySource, Format, ItemReader, ScanContext } from '../engine/contracts/format.ts';
import { defineFormat } from '../engine/contracts/format.ts';
import type { Fault, Item, TypedValue } from '../engine/contracts/item.ts';
import { defineErrors, RefusedError } from '../engine/errors.ts';
import { Keys, Size } from '../engine/schema.ts';

interface RawConfig {
  readonly maxBytes?: number;
}

const DEFAULT_BYTES = 15_000_000;

const errors = defineErrors({
  RAW_EMPTY: {
    means: 'The input has no bytes.',
    cure: 'Ask the sender for it again.',
  },
  RAW_TOO_LARGE: {
    means: 'The input is larger than `maxBytes`; a raw item is held in memory as a whole.',
    cure: 'Raise `maxBytes` if such inputs are expected and the destination takes them (MongoDB: 16 MB a document).',
  },
});

export default defineFormat<RawConfig>({
  name: 'raw',
  summary: 'Anything as it stands: the whole input is one item.',
  description: `
The input is one item, byte for byte, whatever it is: a PDF, a picture, a ZIP file. Nothing is decoded and nothing is looked
at, so an item has no columns, no paths and no control id; conditions can use its name and its metadata.

An entry without a transform sends the bytes as they came.`.trim(),
  schema: Keys({
    maxBytes: Size({ default: '15MB', description: 'Largest input; a larger one is refused.' }),
  }),
  examples: [
    { title: 'Documents beside data', yaml: 'type: raw\n' },
    { title: 'Small ones only', yaml: 'type: raw\nmaxBytes: 2MB\n' },
  ],
  errors,
  gives: 'raw',
  open: (config) => openRaw(config.maxBytes ?? DEFAULT_BYTES),
});

function openRaw(maxBytes: number): Format {
  return {
    async scan(source, context) {
      const bytes = await lengthOf(source, context, maxBytes);
      return { items: 1, charset: 'binary', transcoded: false, cursor: 0, lines: 0, details: { bytes } };
    },
    read: async (source, _scan, from) => new RawReader(source, from.cursor),
  };
}

/** Reads to the end, since a body that cannot be read must not be taken. @throws RefusedError RAW_EMPTY, RAW_TOO_LARGE */
async function lengthOf(source: BodySource, context: ScanContext, maxBytes: number): Promise<number> {
  let bytes = 0;
  for await (const chunk of source.read()) {
    context.signal.throwIfAborted();
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new RefusedError(
        'RAW_TOO_LARGE',
        `the input is larger than ${maxBytes} bytes. ${errors.RAW_TOO_LARGE.cure}`,
      );
  }
  if (bytes === 0) throw new RefusedError('RAW_EMPTY', `the input has no bytes. ${errors.RAW_EMPTY.cure}`);
  return bytes;
}

/** Gives the one item, unless the cursor stands behind it. */
class RawReader implements ItemReader {
  readonly #source: BodySource;
  #done: boolean;

  constructor(source: BodySource, cursor: number) {
    this.#source = source;
    this.#done = cursor > 0;
  }

  async next(): ReturnType<ItemReader['next']> {
    if (this.#done) return undefined;
    this.#done = true;
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#source.read()) chunks.push(chunk);
    const bytes = new Uint8Array(Buffer.concat(chunks));
    return { items: [new RawItem(bytes)], cursor: bytes.length, lines: 1, end: true };
  }

  async close(): Promise<void> {
    this.#done = true;
  }
}

const NOTHING: readonly string[] = Object.freeze([]);
const NO_FAULTS: readonly Fault[] = Object.freeze([]);

class RawItem implements Item {
  readonly line = 1;
  readonly lastLine = 1;
  readonly fields = NOTHING;
  readonly values = NOTHING;
  readonly faults = NO_FAULTS;
  readonly controlId = '';
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  readonly path = (): string => '';

  typed(): TypedValue {
    return null;
  }

  date(): undefined {
    return undefined;
  }
}
