import { createHash, hash } from 'node:crypto';

/** Bytes of one digest. */
const WIDTH = 16;

/**
 * Which keys a submission has shown already: keyed digests of 128 bits in an open-addressing table, about 25 bytes a key,
 * so that millions fit beside everything else.
 */
export class UniqueKeys {
  readonly #secret: string;
  #slots = new Uint32Array(4 * 4096);
  #mask = 4095;
  #count = 0;

  /** @param secret key of the digests, so that nobody can find a patient by trying names. */
  constructor(secret: Uint8Array) {
    this.#secret = createHash('sha256').update(secret).digest('hex');
  }

  digest(key: string): Buffer {
    return hash('sha256', `${this.#secret}\n${key}`, 'buffer').subarray(0, WIDTH);
  }

  /** Takes a digest in; false where it was there before. */
  add(digest: Uint8Array, at = 0): boolean {
    const view = new DataView(digest.buffer, digest.byteOffset + at, WIDTH);
    const added = this.#insert(view.getUint32(0) || 1, view.getUint32(4), view.getUint32(8), view.getUint32(12));
    if (added && this.#count * 10 > (this.#mask + 1) * 7) this.#grow();
    return added;
  }

  /** Takes the digests of a committed block in again. */
  restore(digests: Uint8Array): void {
    for (let at = 0; at < digests.length; at += WIDTH) this.add(digests, at);
  }

  #insert(a: number, b: number, c: number, d: number): boolean {
    const slots = this.#slots;
    for (let slot = b & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * 4;
      if (slots[at] === 0) {
        slots[at] = a;
        slots[at + 1] = b;
        slots[at + 2] = c;
        slots[at + 3] = d;
        this.#count += 1;
        return true;
      }
      if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d) return false;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = (this.#mask + 1) * 2 - 1;
    this.#slots = new Uint32Array((this.#mask + 1) * 4);
    this.#count = 0;
    for (let at = 0; at < old.length; at += 4) {
      if (old[at] !== 0) this.#insert(old[at] ?? 0, old[at + 1] ?? 0, old[at + 2] ?? 0, old[at + 3] ?? 0);
    }
  }
}
