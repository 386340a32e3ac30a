import type { MongoCode } from './errors.ts';

/** One message that cannot be sent, or was not taken, because of what is in it. The words hold no value of it. */
export class Refused extends Error {
  readonly code: MongoCode;

  constructor(code: MongoCode, words: string) {
    super(words);
    this.code = code;
  }
}
