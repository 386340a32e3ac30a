/**
 * The mark that DOS and what comes from it (`copy /a`, old exports) put behind the last line of a text: Ctrl-Z. It is no
 * row; anywhere but at the end it is one, since nothing is dropped in silence.
 */
const END_MARK = '\u001a';
const END_BYTE = 0x1a;
const CR = 0x0d;
const LF = 0x0a;

/** True for a row that has nothing in it but the mark. */
export function isEndMark(fields: readonly string[]): boolean {
  return fields.length === 1 && fields[0] === END_MARK;
}

/** Whether bytes end with the mark, with or without line ends behind it; `before` where they have no other byte. */
export function endsWithMark(bytes: Uint8Array, before: boolean): boolean {
  let at = bytes.length - 1;
  while (at >= 0 && (bytes[at] === CR || bytes[at] === LF)) at -= 1;
  return at < 0 ? before : bytes[at] === END_BYTE;
}
