/**
 * The one encoder for everything that goes into an envelope. It works on bytes: all charsets that a dialect may name keep
 * ASCII as it is, so the characters to be escaped are single bytes in each of them.
 */
import { isUtf8 } from 'node:buffer';

/** How a message stands inside its element. */
export type Carry = 'text' | 'cdata' | 'base64';

/** A text that cannot be written as XML 1.0; says why, never what. */
export class XmlTextError extends Error {}

interface Special {
  readonly byte: number;
  readonly written: Buffer;
}

const AMP = 0x26;
const LT = 0x3c;
const GT = 0x3e;
const CR = 0x0d;

// A raw CR would reach the reader as LF (XML 1.0, 2.11). `>` is written so that `]]>` can never stand there.
const TEXT: readonly Special[] = [
  { byte: CR, written: Buffer.from('&#xD;') },
  { byte: AMP, written: Buffer.from('&amp;') },
  { byte: LT, written: Buffer.from('&lt;') },
  { byte: GT, written: Buffer.from('&gt;') },
];

// References do not work inside CDATA: the section is left for each CR, and for each `>` because it may end `]]>`.
const CDATA: readonly Special[] = [
  { byte: CR, written: Buffer.from(']]>&#xD;<![CDATA[') },
  { byte: GT, written: Buffer.from(']]>&gt;<![CDATA[') },
];

const CDATA_START = Buffer.from('<![CDATA[');
const CDATA_END = Buffer.from(']]>');

const FORBIDDEN = 1 << 16;

/** For each byte, how many bytes it grows by; `FORBIDDEN` and more for controls that XML 1.0 has no way to carry. */
function growthTable(specials: readonly Special[]): Uint32Array {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 0x20; byte++) table[byte] = FORBIDDEN;
  table[0x09] = 0;
  table[0x0a] = 0;
  table[CR] = 0;
  for (const { byte, written } of specials) table[byte] = written.length - 1;
  return table;
}

const TEXT_GROWTH = growthTable(TEXT);
const CDATA_GROWTH = growthTable(CDATA);

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Sum of the table's entries; blocks are short enough that a forbidden byte cannot hide in a sum of harmless ones. */
function growthOf(bytes: Uint8Array, table: Uint32Array): number {
  let total = 0;
  for (let start = 0; start < bytes.length; start += 2048) {
    const end = Math.min(start + 2048, bytes.length);
    let sum = 0;
    for (let i = start; i < end; i++) sum += table[bytes[i]!]!;
    if (sum >= FORBIDDEN) throw new XmlTextError('a control character that XML 1.0 cannot carry');
    total += sum;
  }
  return total;
}

const NONCHARACTERS = [Buffer.from('\uFFFE'), Buffer.from('\uFFFF')];

/** Length of the longest start of `bytes` that does not end inside a character. */
function wholeCharacters(bytes: Uint8Array): number {
  const end = bytes.length;
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back]!;
    if (byte < 0x80) return end;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? end - back : end;
  }
  return end;
}

/** Watches a stream of UTF-8: whole characters, and none of U+FFFE and U+FFFF. */
class Utf8Watch {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const cut = wholeCharacters(bytes);
    const whole = bytes.subarray(0, cut);
    if (!isUtf8(whole)) throw new XmlTextError('bytes that are no UTF-8');
    if (whole.includes(0xef) && NONCHARACTERS.some((character) => whole.includes(character))) {
      throw new XmlTextError('U+FFFE or U+FFFF, which XML 1.0 cannot carry');
    }
    this.#rest = cut === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(cut));
  }

  end(): void {
    if (this.#rest.length > 0) throw new XmlTextError('bytes that end inside a character');
  }
}

/**
 * Number of bytes that `encode` will give for the same chunks, exactly.
 * @throws XmlTextError where XML cannot carry them (for `base64` everything can be carried).
 */
export function encodedLength(chunks: Iterable<Uint8Array>, carry: Carry, charset: string): number {
  let length = 0;
  if (carry === 'base64') {
    for (const chunk of chunks) length += chunk.byteLength;
    return Math.ceil(length / 3) * 4;
  }
  const table = carry === 'cdata' ? CDATA_GROWTH : TEXT_GROWTH;
  const watch = charset === 'utf-8' ? new Utf8Watch() : undefined;
  if (carry === 'cdata') length += CDATA_START.length + CDATA_END.length;
  for (const chunk of chunks) {
    length += chunk.byteLength + growthOf(chunk, table);
    watch?.push(asBuffer(chunk));
  }
  watch?.end();
  return length;
}

/** Gathers bytes into buffers of one size; full ones are handed over and never touched again. */
class Gatherer {
  readonly full: Buffer[] = [];
  readonly #size: number;
  #buffer: Buffer;
  #used = 0;

  constructor(size: number) {
    this.#size = size;
    this.#buffer = Buffer.allocUnsafeSlow(size);
  }

  add(source: Buffer, from: number, to: number): void {
    let start = from;
    while (start < to) {
      const room = Math.min(this.#size - this.#used, to - start);
      source.copy(this.#buffer, this.#used, start, start + room);
      this.#used += room;
      start += room;
      if (this.#used === this.#size) this.#turn();
    }
  }

  /** The same for a few bytes, where a call into the runtime would cost more than the copying. */
  addShort(source: Buffer): void {
    const length = source.length;
    if (this.#used + length >= this.#size) {
      this.add(source, 0, length);
      return;
    }
    const buffer = this.#buffer;
    const used = this.#used;
    for (let i = 0; i < length; i++) buffer[used + i] = source[i]!;
    this.#used = used + length;
  }

  end(): void {
    if (this.#used > 0) this.full.push(this.#buffer.subarray(0, this.#used));
  }

  *take(): Iterable<Buffer> {
    yield* this.full;
    this.full.length = 0;
  }

  #turn(): void {
    this.full.push(this.#buffer);
    this.#buffer = Buffer.allocUnsafeSlow(this.#size);
    this.#used = 0;
  }
}

/** Copies `bytes` with every special byte replaced: jumps from one to the next with the engine's own search. */
function addEscaped(bytes: Buffer, specials: readonly Special[], out: Gatherer): void {
  const none = bytes.length;
  const next = specials.map(({ byte }) => found(bytes, byte, 0));
  let from = 0;
  for (;;) {
    let at = none;
    let which = -1;
    for (let i = 0; i < next.length; i++) {
      if (next[i]! < at) {
        at = next[i]!;
        which = i;
      }
    }
    out.add(bytes, from, at);
    if (which < 0) return;
    const { byte, written } = specials[which]!;
    out.addShort(written);
    from = at + 1;
    next[which] = found(bytes, byte, from);
  }
}

function found(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at < 0 ? bytes.length : at;
}

function* base64(chunks: Iterable<Uint8Array>): Iterable<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for (const chunk of chunks) {
    const bytes = rest.length === 0 ? asBuffer(chunk) : Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % 3);
    rest = Buffer.from(bytes.subarray(whole));
    if (whole > 0) yield Buffer.from(bytes.toString('base64', 0, whole), 'latin1');
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1');
}

/** The chunks as the content of an element, in buffers of `size` bytes (the last may be shorter). Checks nothing. */
export function* encode(chunks: Iterable<Uint8Array>, carry: Carry, size: number): Iterable<Buffer> {
  if (carry === 'base64') {
    yield* base64(chunks);
    return;
  }
  const out = new Gatherer(size);
  if (carry === 'cdata') out.add(CDATA_START, 0, CDATA_START.length);
  for (const chunk of chunks) {
    addEscaped(asBuffer(chunk), carry === 'cdata' ? CDATA : TEXT, out);
    yield* out.take();
  }
  if (carry === 'cdata') out.add(CDATA_END, 0, CDATA_END.length);
  out.end();
  yield* out.take();
}

const MARKUP: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/**
 * A short text as ASCII: what is not ASCII becomes a character reference, so it is right in every charset. Fit for the
 * content of an element and for an attribute in double quotes.
 * @throws XmlTextError for characters that XML 1.0 cannot carry.
 */
export function asciiXml(text: string): string {
  let written = '';
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const control = code < 0x20 && code !== 0x09 && code !== 0x0a && code !== CR;
    if (control || code === 0xfffe || code === 0xffff || (code >= 0xd800 && code <= 0xdfff)) {
      throw new XmlTextError('a character that XML 1.0 cannot carry');
    }
    written += MARKUP[character] ?? (code < 0x20 || code > 0x7e ? `&#x${code.toString(16).toUpperCase()};` : character);
  }
  return written;
}
