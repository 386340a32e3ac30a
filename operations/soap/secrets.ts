/** Takes our own credentials out of what a receiver says, wherever it repeats them: in faults, acknowledgements, whole answers. */

const HIDDEN = '***';

/** A shorter value is a word like any other; taking it out of an answer would only garble it. */
const MIN_LENGTH = 4;

const NAMED: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' };

/** Finds secrets in texts and in bytes, also as XML writes them and as base64. */
export class Secrets {
  readonly #values: readonly string[];
  readonly #inText: RegExp | undefined;
  readonly #inBytes: RegExp | undefined;

  constructor(values: readonly (string | undefined)[]) {
    this.#values = values.filter((value) => value !== undefined && value.length >= MIN_LENGTH) as readonly string[];
    if (this.#values.length === 0) return;
    const longestFirst = this.#values.toSorted((a, b) => b.length - a.length);
    this.#inText = new RegExp(longestFirst.map((value) => pattern(value, literal, '')).join('|'), 'g');
    // Bytes are looked at as latin1; a zero between two of them is UTF-16.
    this.#inBytes = new RegExp(longestFirst.map((value) => pattern(value, bytesOf, '\\x00?')).join('|'), 'g');
  }

  /** The text with `***` in the place of each secret. */
  outOf(text: string): string {
    return this.#inText ? text.replace(this.#inText, HIDDEN) : text;
  }

  /** The same for bytes of any charset; the very same bytes where none is in them. */
  outOfBytes(bytes: Buffer): Buffer {
    if (!this.#inBytes) return bytes;
    const seen = bytes.toString('latin1');
    const clean = seen.replace(this.#inBytes, HIDDEN);
    return clean === seen ? bytes : Buffer.from(clean, 'latin1');
  }

  /**
   * The same for an HL7 acknowledgement, in the parts that people read (ERR, and MSA from field 3 on). What decides, codes
   * and control ids, is left as it came.
   */
  outOfAcknowledgement(text: string): string {
    if (!this.#inText || this.outOf(text) === text) return text;
    return text.replace(/[^\r\n]+/g, (segment) => {
      if (segment.startsWith('ERR')) return `ERR${this.outOf(segment.slice(3))}`;
      if (!segment.startsWith('MSA')) return segment;
      const fields = segment.split(segment[3] ?? '|');
      return [...fields.slice(0, 3), ...fields.slice(3).map((field) => this.outOf(field))].join(segment[3] ?? '|');
    });
  }
}

/** Matches a value whose characters stand as they are, as entities or as references, or the base64 of the whole value. */
function pattern(value: string, plain: (character: string) => string, between: string): string {
  const characters = Array.from(value, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const name = NAMED[character];
    const named = name === undefined ? '' : `|&${name};`;
    return `(?:${plain(character)}${named}|&#0*${code};|&#[xX]0*(?:${code.toString(16)}|${code.toString(16).toUpperCase()});)`;
  });
  const base64 = Buffer.from(value, 'utf8').toString('base64').replace(/=+$/, '');
  return `${characters.join(between)}|${literal(base64)}={0,2}`;
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}

/** A character in UTF-8 or UTF-16, as latin1 shows its bytes; of a single byte, also in the charsets of Western Europe. */
function bytesOf(character: string): string {
  const utf16 = Buffer.from(character, 'utf16le');
  const ways = character <= '\xFF' ? [character] : [utf16.toString('latin1'), utf16.swap16().toString('latin1')];
  return [Buffer.from(character, 'utf8').toString('latin1'), ...ways].map(literal).join('|');
}
