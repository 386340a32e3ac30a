import type { BodySource, ItemReader, Scan, ScanContext } from '../../engine/contracts/format.ts';
import { RefusedError } from '../../engine/errors.ts';
import { charsetOf, decoded } from '../text/charset.ts';
import { type ItemSplitter, type Reading, SplittingReader } from '../text/reader.ts';
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

/** Makes items of objects. What the end would find wrong, the scan has found. */
class ObjectItems implements ItemSplitter<JsonItem> {
  readonly #framer: JsonFramer;

  constructor(framer: JsonFramer) {
    this.#framer = framer;
  }

  feed(piece: Uint8Array): readonly JsonItem[] {
    return this.#framer.feed(piece).map((frame) => new JsonItem(frame));
  }

  end(): readonly JsonItem[] {
    return [];
  }
}

/** Reads objects from a cursor on. */
export function readJson(scan: Scan, limits: FrameLimits, reading: Reading): ItemReader {
  const { from } = reading;
  const isInside = from.cursor > scan.cursor;
  const shape: Shape = scan.details.shape === 'array' ? 'array' : 'values';
  const start = { cursor: from.cursor, lines: from.lines, ...(isInside ? { shape } : {}) };
  return new SplittingReader(new ObjectItems(new JsonFramer(limits, start)), reading);
}
