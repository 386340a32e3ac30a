/**
 * File names are data. On disk a name is any bytes but `/` and NUL; it is held here as a string with one character (0 to
 * 255) a byte, as `latin1` reads it, so that no name is ever changed by decoding. People and the engine get its text.
 */

/** A file name with one character for each byte. */
export type RawName = string;

/** Most bytes that a name may have on the usual file systems. */
const NAME_BYTES = 255;
/** Room that is left for `.rejected.csv` and the like. */
const SUFFIX_BYTES = 16;
/** A longer "extension" is no extension, and is cut like the rest. */
const EXTENSION_BYTES = 24;

const TEMPORARY = ['.tmp', '.temp', '.part', '.partial', '.filepart', '.crdownload', '.swp', '~'];

/** The name as text: UTF-8, with U+FFFD where the bytes are none. */
export function textOf(raw: RawName): string {
  return Buffer.from(raw, 'latin1').toString('utf8');
}

/** The bytes of a text as a raw name. */
export function rawOf(text: string): RawName {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Path of an entry of a folder, as bytes. */
export function pathIn(folder: string, ...raws: RawName[]): Buffer {
  return Buffer.concat([Buffer.from(folder, 'utf8'), ...raws.map((raw) => Buffer.from(`/${raw}`, 'latin1'))]);
}

/** True for names that say "not finished": a leading dot, `.tmp`, `.part`, a trailing `~`, and their kin. */
export function isHiddenOrTemporary(name: string): boolean {
  if (name.startsWith('.')) return true;
  const lower = name.toLowerCase();
  return TEMPORARY.some((ending) => lower.endsWith(ending));
}

/** The name for logs and messages: control and format characters as `\u{...}`, at most 200 characters. */
export function shown(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
  return plain.length > 200 ? `${plain.slice(0, 200)}...` : plain;
}

/**
 * The name under which a file ends in done/ or failed/: `<id>-<name>`. Control and format characters and path separators
 * become `_`; what is too long is cut before the extension, at a whole character, so that `.rejected.csv` still fits.
 */
export function finalName(id: string, name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}/\\]/gu, '_');
  const dot = clean.lastIndexOf('.');
  const ending = dot > 0 ? clean.slice(dot) : '';
  const extension = Buffer.byteLength(ending) <= EXTENSION_BYTES ? ending : '';
  const stem = extension === '' ? clean : clean.slice(0, dot);
  const room = NAME_BYTES - SUFFIX_BYTES - Buffer.byteLength(`${id}-${extension}`);
  return `${id}-${cutToBytes(stem, room)}${extension}`;
}

/** The longest beginning of a text, in whole characters, that has at most this many bytes of UTF-8. */
function cutToBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let used = 0;
  let end = 0;
  for (const character of text) {
    used += Buffer.byteLength(character);
    if (used > bytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}
