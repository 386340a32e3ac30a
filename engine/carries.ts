import { isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import type { Carries } from './contracts/operation.ts';

/** What XML 1.0 cannot carry (2.2 "Characters"), beside lone surrogates. */
const NOT_XML = /[\0-\x08\x0B\x0C\x0E-\x1F\uFFFE\uFFFF]/;

const OUTSIDE: Readonly<Record<string, RegExp>> = {
  'us-ascii': /[^\0-\x7F]/,
  'iso-8859-1': /[^\0-\xFF]/,
};

/** Tests for a message of text and for one of bytes: can the transport carry it as it is? */
export function carriesChecks(carries: Carries): {
  readonly carries: (text: string) => boolean;
  readonly carriesBytes: (bytes: Uint8Array) => boolean;
} {
  const check = carriesCheck(carries);
  return { carries: check, carriesBytes: (bytes) => carries.characters === 'any' || carriesDecoded(bytes, check) };
}

/** Bytes that are no UTF-8 have no characters to write into an envelope. */
function carriesDecoded(bytes: Uint8Array, check: (text: string) => boolean): boolean {
  return isUtf8(bytes) && check(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
}

/** A test for text: can the transport carry it as it is? */
export function carriesCheck(carries: Carries): (text: string) => boolean {
  const fits = charsetCheck(carries.charset.toLowerCase());
  return carries.characters === 'xml10' ? (text) => !NOT_XML.test(text) && fits(text) : fits;
}

function charsetCheck(charset: string): (text: string) => boolean {
  // A lone surrogate has no form in UTF-8: it would become another character without a word.
  if (charset === 'utf-8') return (text) => text.isWellFormed();
  const outside = OUTSIDE[charset];
  if (outside) return (text) => !outside.test(text);
  return (text) => iconv.decode(iconv.encode(text, charset), charset) === text;
}

/** UTF-8 bodies in the destination's charset; what does not fit was refused before. */
export function inCharset(bodies: Iterable<Uint8Array>, charset: string): Iterable<Uint8Array> {
  return charset === 'utf-8' ? bodies : encoded(bodies, charset);
}

function* encoded(bodies: Iterable<Uint8Array>, charset: string): Generator<Uint8Array> {
  for (const bytes of bodies) {
    yield iconv.encode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'), charset);
  }
}
