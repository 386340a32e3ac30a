import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { RejectedItem } from './contracts/service.ts';

/**
 * How bodies, lines and rejected items of a block are packed: the bytes, and behind them what is needed to find things in
 * them, as little-endian 32-bit numbers; compressed as a whole (zstd level 1), since a message alone hardly shrinks and a thousand shrink tenfold.
 */

const LEVEL = { [constants.ZSTD_c_compressionLevel]: 1 };

/** No control id holds it: the formats refuse it in their input. */
const BETWEEN_IDS = '\0';

/** Compresses with the unpacked length in front, which makes unpacking twice as fast. */
function compress(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const packed = zstdCompressSync(bytes, { params: LEVEL, chunkSize: Math.max(bytes.length >> 2, 1024) });
  const framed = new Uint8Array(packed.length + 4);
  new DataView(framed.buffer).setUint32(0, bytes.length, true);
  framed.set(packed, 4);
  return framed;
}

function decompress(framed: Uint8Array): Buffer {
  const length = new DataView(framed.buffer, framed.byteOffset, 4).getUint32(0, true);
  return zstdDecompressSync(framed.subarray(4), {
    maxOutputLength: Math.max(length, 1),
    chunkSize: Math.max(length, 64),
  });
}

/** Messages of a body block: `bodies[position]`, empty where none was made, and the control ids that answers name. */
export interface PackedMessages {
  readonly count: number;
  body(position: number): Uint8Array;
  length(position: number): number;
  controlId(position: number): string;
}

/** Collects the messages of one block and packs them. */
export class MessagePacker {
  readonly #lengths: number[] = [];
  readonly #controlIds: string[] = [];
  #bytes: Buffer<ArrayBuffer>;
  #used = 0;

  /** @param room bytes to begin with; it grows */
  constructor(room = 1 << 20) {
    this.#bytes = Buffer.allocUnsafeSlow(room);
  }

  /** Bytes of all messages so far. */
  get bytes(): number {
    return this.#used;
  }

  get count(): number {
    return this.#lengths.length;
  }

  addText(text: string, controlId: string): void {
    this.#room(text.length * 3);
    const written = this.#bytes.write(text, this.#used, 'utf8');
    this.#push(written, controlId);
  }

  addBytes(bytes: Uint8Array, controlId: string): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#used);
    this.#push(bytes.length, controlId);
  }

  addNothing(): void {
    this.#push(0, '');
  }

  /** Bodies, control ids, lengths, and at the very end the number of messages and the bytes of the control ids. */
  pack(): Uint8Array<ArrayBuffer> {
    const bodies = this.#used;
    const ids = this.#controlIds.join(BETWEEN_IDS);
    this.#room(ids.length * 3 + this.#lengths.length * 4 + 8);
    const idsLength = this.#bytes.write(ids, bodies, 'utf8');
    let at = bodies + idsLength;
    for (const length of this.#lengths) at = this.#bytes.writeUInt32LE(length, at);
    at = this.#bytes.writeUInt32LE(this.#lengths.length, at);
    at = this.#bytes.writeUInt32LE(idsLength, at);
    return compress(this.#bytes.subarray(0, at));
  }

  reset(): void {
    this.#lengths.length = 0;
    this.#controlIds.length = 0;
    this.#used = 0;
  }

  #push(length: number, controlId: string): void {
    this.#used += length;
    this.#lengths.push(length);
    this.#controlIds.push(controlId);
  }

  #room(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#used + bytes));
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
  }
}

/** Opens a packed body block. */
export function unpackMessages(packed: Uint8Array): PackedMessages {
  const bytes = decompress(packed);
  const count = bytes.readUInt32LE(bytes.length - 8);
  const idsLength = bytes.readUInt32LE(bytes.length - 4);
  const lengthsAt = bytes.length - 8 - count * 4;
  const starts = new Float64Array(count + 1);
  for (let index = 0; index < count; index += 1)
    starts[index + 1] = (starts[index] ?? 0) + bytes.readUInt32LE(lengthsAt + index * 4);
  let ids: string[] | undefined;
  return {
    count,
    body: (position) => bytes.subarray(starts[position] ?? 0, starts[position + 1] ?? 0),
    length: (position) => (starts[position + 1] ?? starts[position] ?? 0) - (starts[position] ?? 0),
    controlId: (position) => {
      ids ??= bytes.toString('utf8', lengthsAt - idsLength, lengthsAt).split(BETWEEN_IDS);
      return ids[position] ?? '';
    },
  };
}

/** First and last physical line of each item of a block, in turn. */
export function packLines(lines: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.allocUnsafe(lines.length * 4);
  let at = 0;
  for (const line of lines) at = bytes.writeUInt32LE(line, at);
  return compress(bytes);
}

export function unpackLines(packed: Uint8Array): { first: number; last: number }[] {
  const bytes = decompress(packed);
  return Array.from({ length: bytes.length / 8 }, (_, index) => ({
    first: bytes.readUInt32LE(index * 8),
    last: bytes.readUInt32LE(index * 8 + 4),
  }));
}

/** Positions of items in a block, as they stand beside a body block that holds only some of them; ascending. */
export function packPositions(positions: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.alloc(positions.length * 4);
  positions.forEach((position, index) => {
    bytes.writeUInt32LE(position, index * 4);
  });
  return new Uint8Array(bytes);
}

export function unpackPositions(packed: Uint8Array): number[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  return Array.from({ length: packed.byteLength / 4 }, (_, index) => view.getUint32(index * 4, true));
}

/** A rejected item as it is kept: `item` counts from 1 in the submission. */
export type KeptReject = Omit<RejectedItem, 'waybillId'> & { readonly item: number };

export function packRejects(rejects: readonly KeptReject[]): Uint8Array<ArrayBuffer> {
  return compress(Buffer.from(JSON.stringify(rejects), 'utf8'));
}

export function unpackRejects(packed: Uint8Array): KeptReject[] {
  return JSON.parse(decompress(packed).toString('utf8')) as KeptReject[];
}
