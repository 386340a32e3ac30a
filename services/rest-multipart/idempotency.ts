import { refusal } from './errors.ts';

const MOST = 255;
/** RFC 8941, 3.3.3: printable ASCII in quotes, where a backslash stands before a quote or a backslash. */
const STRING = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
/** A plain word: what RFC 8941 calls a token, but it may begin with a digit, as a UUID does. */
const WORD = /^[A-Za-z0-9!#$%&'*+.^_`|~:/-]+$/;

/**
 * The key of an `Idempotency-Key` header; in quotes or not, it is the same key.
 * @throws UploadError `IDEMPOTENCY_KEY_WRONG`
 */
export function parseIdempotencyKey(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = typeof header === 'string' ? header.trim() : '';
  const quoted = STRING.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1');
  const key = quoted ?? (WORD.test(text) ? text : '');
  if (key === '' || key.length > MOST) throw refusal('IDEMPOTENCY_KEY_WRONG');
  return key;
}

/** The keys of the uploads that are coming in at this moment, by partner. */
export class KeysInFlight {
  readonly #keys = new Set<string>();

  /** @returns what gives the key back. @throws UploadError `IDEMPOTENCY_KEY_IN_FLIGHT` */
  take(partner: string, key: string | undefined): () => void {
    if (key === undefined) return () => {};
    // A key has no line end.
    const held = `${partner}\n${key}`;
    if (this.#keys.has(held)) throw refusal('IDEMPOTENCY_KEY_IN_FLIGHT');
    this.#keys.add(held);
    return () => this.#keys.delete(held);
  }
}
