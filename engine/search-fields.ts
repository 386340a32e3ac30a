import { createHash, hash } from 'node:crypto';
import type { SearchField } from './contracts/format.ts';
import type { Item } from './contracts/item.ts';

/**
 * Looking items up by a value without keeping the value: digests of 128 bits, keyed with a secret of the data folder, so
 * that nobody can find a patient by trying names without it.
 */

/** Bytes of one digest. */
export const SEARCH_WIDTH = 16;

/** Makes digests of fields by name and value. */
export class SearchDigests {
  readonly #secret: string;

  /** @param digestKey of the ledger (`StoreFacts.digestKey`) */
  constructor(digestKey: Uint8Array) {
    this.#secret = createHash('sha256').update('search\0').update(digestKey).digest('hex');
  }

  /** `undefined` for a value that is empty: nothing is looked up by what is not there. */
  digest(name: string, value: string): Buffer | undefined {
    const plain = normalised(value);
    if (plain === '') return undefined;
    return hash('sha256', `${this.#secret}\n${normalised(name)}\n${plain}`, 'buffer').subarray(0, SEARCH_WIDTH);
  }

  /** Every digest of an item, each once. */
  ofItem(fields: readonly SearchField[], item: Item): Uint8Array[] {
    const found = fields.flatMap(({ name, value }) => this.digest(name, value(item)) ?? []);
    return [...new Map(found.map((digest) => [digest.toString('hex'), new Uint8Array(digest)])).values()];
  }
}

/** Upper and lower case, white space around and between, and ways to write an accent make no difference. */
function normalised(text: string): string {
  return text.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();
}

/** Collects the digests of one block, a list for each field: 16 bytes for each item, zeros where it has no value. */
export class SearchCollector {
  readonly #digests: SearchDigests;
  readonly #fields: readonly SearchField[];
  readonly #lists: Buffer[][];

  constructor(digests: SearchDigests, fields: readonly SearchField[]) {
    this.#digests = digests;
    this.#fields = fields;
    this.#lists = fields.map(() => []);
  }

  add(item: Item): void {
    this.#fields.forEach(({ name, value }, index) => {
      this.#lists[index]?.push(this.#digests.digest(name, value(item)) ?? NO_VALUE);
    });
  }

  finish(): readonly Uint8Array<ArrayBuffer>[] {
    return this.#lists.map((list) => new Uint8Array(Buffer.concat(list)));
  }
}

const NO_VALUE = Buffer.alloc(SEARCH_WIDTH);
