import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { RejectedItem } from './contracts/service.ts';

/**
 * How bodies, lines and rejected items of a block are packed. Everything is little-endian 32-bit numbers in front of the
 * bytes, compressed as a whole (zstd level 1), since a message alone hardly shrinks and a thousand shrink tenfold.
 */

const COMPRESS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Compresses with the unpacked length in front, which makes unpacking twice as fast. */
function compress(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const packed = zstdCompressSync(bytes, COMPRESS);
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
  #bytes = Buffer.allocUnsafeSlow(1 << 20);
  #used = 0;

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

  pack(): Uint8Array<ArrayBuffer> {
    const ids = Buffer.from(this.#controlIds.join('\n'), 'utf8');
    const head = Buffer.allocUnsafe(8 + this.#lengths.length * 4);
    head.writeUInt32LE(this.#lengths.length, 0);
    head.writeUInt32LE(ids.length, 4);
    this.#lengths.forEach((length, index) => {
      head.writeUInt32LE(length, 8 + index * 4);
    });
    return compress(Buffer.concat([head, ids, this.#bytes.subarray(0, this.#used)]));
  }

  reset(): void {
    this.#lengths.length = 0;
    this.#controlIds.length = 0;
    this.#used = 0;
  }

  #push(length: number, controlId: string): void {
    this.#used += length;
    this.#lengths.push(length);
    this.#controlIds.push(controlId.includes('\n') ? controlId.replaceAll('\n', ' ') : controlId);
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
  const count = bytes.readUInt32LE(0);
  const idsLength = bytes.readUInt32LE(4);
  const starts = new Float64Array(count + 1);
  const idsAt = 8 + count * 4;
  starts[0] = idsAt + idsLength;
  for (let index = 0; index < count; index += 1)
    starts[index + 1] = (starts[index] ?? 0) + bytes.readUInt32LE(8 + index * 4);
  let ids: string[] | undefined;
  return {
    count,
    body: (position) => bytes.subarray(starts[position] ?? 0, starts[position + 1] ?? 0),
    length: (position) => (starts[position + 1] ?? starts[position] ?? 0) - (starts[position] ?? 0),
    controlId: (position) => {
      ids ??= bytes.toString('utf8', idsAt, idsAt + idsLength).split('\n');
      return ids[position] ?? '';
    },
  };
}

/** First and last physical line of each item of a block. */
export function packLines(
  items: readonly { readonly line: number; readonly lastLine: number }[],
): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.allocUnsafe(items.length * 8);
  items.forEach(({ line, lastLine }, index) => {
    bytes.writeUInt32LE(line, index * 8);
    bytes.writeUInt32LE(lastLine, index * 8 + 4);
  });
  return compress(bytes);
}

export function unpackLines(packed: Uint8Array): { first: number; last: number }[] {
  const bytes = decompress(packed);
  return Array.from({ length: bytes.length / 8 }, (_, index) => ({
    first: bytes.readUInt32LE(index * 8),
    last: bytes.readUInt32LE(index * 8 + 4),
  }));
}

/** A rejected item as it is kept: `item` counts from 1 in the submission. */
export type KeptReject = Omit<RejectedItem, 'waybillId'> & { readonly item: number };

export function packRejects(rejects: readonly KeptReject[]): Uint8Array<ArrayBuffer> {
  return compress(Buffer.from(JSON.stringify(rejects), 'utf8'));
}

export function unpackRejects(packed: Uint8Array): KeptReject[] {
  return JSON.parse(decompress(packed).toString('utf8')) as KeptReject[];
}
