/** Names that senders give. They are data: never a path, and shown to people without what could mislead them. */

/** Most bytes (UTF-8) of a file name; a longer one is cut before its extension. */
const NAME_BYTES = 255;
/** A longer "extension" is no extension, and is cut like the rest. */
const EXTENSION_BYTES = 24;
/** Control, format, separator characters and lone surrogates: they have no place in a name. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * What is kept of a sender's file name: its last part behind any `/` or `\`, without invisible characters and outer space,
 * at most 255 bytes of UTF-8. Empty where nothing is left (`..`, say).
 */
export function bareFileName(name: string): string {
  const last = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
  const clean = last.replace(INVISIBLE, '').trim();
  return /^\.*$/.test(clean) ? '' : shortened(clean);
}

/** A name for a message to its own sender: invisible characters as `\u{...}`, at most 80 characters, in quotes. */
export function shownName(name: string): string {
  const plain = name.replace(INVISIBLE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
  return `"${plain.length > 80 ? `${plain.slice(0, 80)}...` : plain}"`;
}

function shortened(name: string): string {
  if (Buffer.byteLength(name) <= NAME_BYTES) return name;
  const dot = name.lastIndexOf('.');
  const ending = dot > 0 ? name.slice(dot) : '';
  const extension = Buffer.byteLength(ending) <= EXTENSION_BYTES ? ending : '';
  const stem = extension === '' ? name : name.slice(0, dot);
  return `${cutToBytes(stem, NAME_BYTES - Buffer.byteLength(extension))}${extension}`;
}

/** The longest beginning in whole characters that has at most this many bytes of UTF-8. */
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
