/** Names that senders give, as they may be shown and kept: the same for every service. */

/** Control, format, separator characters and lone surrogates: they mislead people, and have no place in a name. */
export const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A longer "extension" is no extension, and is cut like the rest. Bytes. */
const EXTENSION_BYTES = 24;

/** The name for people: invisible characters as `\u{...}`, at most `most` characters, with `...` where it is cut. */
export function visibleName(name: string, most: number): string {
  const plain = name.replace(INVISIBLE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
  return plain.length > most ? `${plain.slice(0, most)}...` : plain;
}

/** The name in at most so many bytes of UTF-8: what is too long is cut before its extension, at a whole character. */
export function fittedName(name: string, bytes: number): string {
  if (Buffer.byteLength(name) <= bytes) return name;
  const dot = name.lastIndexOf('.');
  const ending = dot > 0 ? name.slice(dot) : '';
  const extension = Buffer.byteLength(ending) <= EXTENSION_BYTES ? ending : '';
  const stem = extension === '' ? name : name.slice(0, dot);
  return `${cutToBytes(stem, bytes - Buffer.byteLength(extension))}${extension}`;
}

/** The longest beginning of a text, in whole characters, that has at most this many bytes of UTF-8. */
function cutToBytes(text: string, bytes: number): string {
  let used = 0;
  let end = 0;
  for (const character of text) {
    used += Buffer.byteLength(character);
    if (used > bytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}
