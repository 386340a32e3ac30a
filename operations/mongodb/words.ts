/** What a server or the driver says, made fit for people: short, on one line, without our own credentials. */

const MAX_WORDS = 500;
const HIDDEN = '***';
/** A shorter value is a word like any other; taking it out would only garble the text. */
const MIN_LENGTH = 4;

export class Words {
  readonly #secrets: readonly string[];

  /** @param url the destination's url, whose user and password are never repeated, decoded or not. */
  constructor(url: string) {
    const user = /^[^/]*\/\/([^@/]*)@/.exec(url)?.[1] ?? '';
    const parts = user.split(':');
    const secrets = [url, user, ...parts, ...parts.map(decoded)].filter((value) => value.length >= MIN_LENGTH);
    this.#secrets = [...new Set(secrets)].sort((a, b) => b.length - a.length);
  }

  /** The text on one line, at most 500 characters, with `***` in the place of each secret. */
  tidy(text: string): string {
    let words = text;
    for (const secret of this.#secrets) words = words.replaceAll(secret, HIDDEN);
    words = words.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
    return words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS - 3)}...` : words;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign: the text stands for itself.
    return text;
  }
}
