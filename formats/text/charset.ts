/**
 * Charsets: what a file is in, and strict decoding to UTF-8. Nothing is replaced silently: a byte that has no meaning, or a
 * surrogate that stands alone, refuses the file with line and column. U+FFFD that the sender wrote is a character like any.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import type { BodySource } from '../../engine/contracts/format.ts';
import { RefusedError } from '../../engine/errors.ts';
import { TEXT_ERRORS } from './errors.ts';

const SINGLE_BYTE = [
  ...[1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258].map((page) => `windows-${page}`),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16].map((part) => `iso-8859-${part}`),
];
/** Names of the charsets that can be read. */
export const CHARSETS: readonly string[] = ['utf-8', 'utf-16le', 'utf-16be', ...SINGLE_BYTE];
/** The part of UTF-8 that every charset shares. */
export const ASCII = 'us-ascii';
export type Charset = string;

/** Charset of a body, and the number of bytes of its byte order mark. */
export interface Found {
  readonly charset: Charset;
  readonly mark: number;
}

const MARKS: readonly { readonly charset: Charset; readonly bytes: readonly number[] }[] = [
  { charset: 'utf-8', bytes: [0xef, 0xbb, 0xbf] },
  { charset: 'utf-16le', bytes: [0xff, 0xfe] },
  { charset: 'utf-16be', bytes: [0xfe, 0xff] },
];

/** A byte order mark wins, then the configured charset, then UTF-8. `start` is the first three bytes, or all there are. */
export function charsetOf(start: Uint8Array, configured: 'auto' | Charset): Found {
  for (const { charset, bytes } of MARKS) {
    if (bytes.every((byte, index) => start[index] === byte)) return { charset, mark: bytes.length };
  }
  return { charset: configured === 'auto' ? 'utf-8' : configured, mark: 0 };
}

/** Says where decoding stopped: `good` is what could be decoded of the chunk before the bad byte. */
class Undecodable extends Error {
  readonly good: Buffer;
  constructor(good: Buffer) {
    super('undecodable');
    this.good = good;
  }
}

interface Decoder {
  /** The chunk in UTF-8. @throws Undecodable */
  write(chunk: Buffer): Buffer;
  /** @throws Undecodable where the input ends inside a character. */
  end(): void;
}

/**
 * The body in UTF-8, without byte order mark, chunk by chunk.
 * @throws RefusedError `UNDECODABLE`, `NUL_BYTE` with line and column
 */
export async function* decoded(source: BodySource, found: Found): AsyncGenerator<Buffer> {
  let before = 0;
  try {
    for await (const chunk of decodedChunks(source, found)) {
      const nul = chunk.indexOf(0);
      if (nul >= 0) throw await refusal('NUL_BYTE', source, found, before + nul);
      before += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    // UTF-16 without a mark has NULs before the byte that does not fit: they say what is wrong.
    const nul = error.good.indexOf(0);
    if (nul >= 0) throw await refusal('NUL_BYTE', source, found, before + nul);
    throw await refusal('UNDECODABLE', source, found, before + error.good.length);
  }
}

async function* decodedChunks(source: BodySource, found: Found): AsyncGenerator<Buffer> {
  const decoder = decoderOf(found.charset);
  for await (const chunk of source.read(found.mark)) {
    const text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if (text.length > 0) yield text;
  }
  decoder.end();
}

async function refusal(
  code: 'UNDECODABLE' | 'NUL_BYTE',
  source: BodySource,
  found: Found,
  offset: number,
): Promise<RefusedError> {
  const place = await placeOf(source, found, offset);
  const what = code === 'NUL_BYTE' ? 'there is a NUL character' : `a byte does not belong to ${found.charset}`;
  const message = `line ${place.line}, column ${place.column}: ${what}. ${TEXT_ERRORS[code].cure}`;
  return new RefusedError(code, message, place);
}

/** Line and column of a byte of the decoded body. Reads the body once more, which only a refusal does. */
async function placeOf(source: BodySource, found: Found, offset: number): Promise<{ line: number; column: number }> {
  const counter = new PlaceCounter();
  let left = offset;
  try {
    for await (const chunk of decodedChunks(source, found)) {
      counter.add(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) break;
    }
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    counter.add(error.good.subarray(0, left));
  }
  return counter.place();
}

/** Counts lines (ended by CR, LF or CRLF) and characters in UTF-8 that comes in pieces. */
export class PlaceCounter {
  #line: number;
  #column = 1;
  #afterCr = false;

  constructor(line = 1) {
    this.#line = line;
  }

  add(bytes: Uint8Array): void {
    for (const byte of bytes) {
      const secondOfCrLf = byte === 0x0a && this.#afterCr;
      this.#afterCr = byte === 0x0d;
      if (secondOfCrLf) continue;
      if (byte === 0x0a || byte === 0x0d) {
        this.#line += 1;
        this.#column = 1;
      } else if ((byte & 0xc0) !== 0x80) this.#column += 1;
    }
  }

  /** The place of the next character, from 1. */
  place(): { line: number; column: number } {
    return { line: this.#line, column: this.#column };
  }
}

function decoderOf(charset: Charset): Decoder {
  if (charset === 'utf-8') return new Utf8Decoder();
  if (charset === ASCII) return new AsciiDecoder();
  if (charset === 'utf-16le' || charset === 'utf-16be') return new Utf16Decoder(charset === 'utf-16be');
  return new SingleByteDecoder(charset);
}

/** Lets UTF-8 through as it is, and only checks it; a character may lie across chunks. */
class Utf8Decoder implements Decoder {
  #rest: Buffer = Buffer.alloc(0);

  write(chunk: Buffer): Buffer {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const whole = bytes.length - unfinished(bytes);
    const good = bytes.subarray(0, whole);
    if (!isUtf8(good)) throw new Undecodable(good.subarray(0, firstBad(good)));
    this.#rest = bytes.subarray(whole);
    return good;
  }

  end(): void {
    if (this.#rest.length > 0) throw new Undecodable(Buffer.alloc(0));
  }
}

/** Lets ASCII through as it is. */
class AsciiDecoder implements Decoder {
  write(chunk: Buffer): Buffer {
    if (isAscii(chunk)) return chunk;
    throw new Undecodable(
      chunk.subarray(
        0,
        chunk.findIndex((byte) => byte > 0x7f),
      ),
    );
  }

  end(): void {
    // One byte is one character: nothing can be left over.
  }
}

/** Number of bytes at the end that begin a character without ending it. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    return lengthOf(byte) > back ? back : 0;
  }
  return 0;
}

/** Length of the character that a byte begins, by that byte alone. */
function lengthOf(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

function firstBad(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length) {
    const length = lengthOf(bytes[at]!);
    if (!isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return at;
}

class Utf16Decoder implements Decoder {
  readonly #swap: boolean;
  #rest: Buffer = Buffer.alloc(0);

  constructor(swap: boolean) {
    this.#swap = swap;
  }

  write(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.#rest, chunk]); // a copy: swapping must not touch the source's buffer
    let whole = bytes.length - (bytes.length % 2);
    if (whole >= 2 && isHighSurrogate(this.#unit(bytes, whole - 2))) whole -= 2;
    this.#rest = Buffer.from(bytes.subarray(whole));
    const units = bytes.subarray(0, whole);
    if (this.#swap) units.swap16();
    const text = units.toString('utf16le');
    if (!text.isWellFormed()) throw new Undecodable(Buffer.from(text.slice(0, loneSurrogate(text))));
    return Buffer.from(text);
  }

  end(): void {
    if (this.#rest.length > 0) throw new Undecodable(Buffer.alloc(0));
  }

  #unit(bytes: Buffer, at: number): number {
    return this.#swap ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function loneSurrogate(text: string): number {
  return text.search(/\p{Surrogate}/u);
}

class SingleByteDecoder implements Decoder {
  readonly #charset: string;
  /** Bytes that mean nothing in this charset. */
  readonly #undefined: readonly number[];

  constructor(charset: string) {
    this.#charset = charset;
    const all = iconv.decode(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), charset);
    this.#undefined = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => all[byte] === '\ufffd');
  }

  write(chunk: Buffer): Buffer {
    const bad = Math.min(...this.#undefined.map((byte) => chunk.indexOf(byte)).filter((at) => at >= 0));
    const good = iconv.decode(chunk.subarray(0, bad), this.#charset, { stripBOM: false });
    if (bad !== Number.POSITIVE_INFINITY) throw new Undecodable(Buffer.from(good));
    return Buffer.from(good);
  }

  end(): void {
    // One byte is one character: nothing can be left over.
  }
}
