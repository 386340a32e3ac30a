import { delimitersOf } from './delimiters.ts';
import { unescapeText } from './escape.ts';

const CR = 13;
const LF = 10;

/**
 * The control id of a message (MSH-10), found by counting separators in its first segment; nothing else is looked at.
 * Empty where the message has none, or where the bytes begin with no MSH and separator. Bytes are UTF-8.
 * @throws WaybillError HL7_DELIMITERS_INVALID where an id with special characters cannot be read by MSH-2.
 */
export function controlIdOf(message: Uint8Array): string {
  if (message[0] !== 0x4d || message[1] !== 0x53 || message[2] !== 0x48) return '';
  const separator = message[3];
  if (separator === undefined || separator === CR || separator === LF) return '';
  let start = 3;
  for (let passed = 0; passed < 9; passed++) {
    const end = fieldEnd(message, start, separator);
    if (message[end] !== separator) return '';
    start = end + 1;
  }
  const raw = utf8(message, start, fieldEnd(message, start, separator));
  if (/^[A-Za-z0-9._:-]*$/.test(raw)) return raw;
  return unescapeText(raw, delimitersOf(utf8(message, 0, 16)));
}

function fieldEnd(message: Uint8Array, start: number, separator: number): number {
  let at = start;
  while (at < message.length && message[at] !== separator && message[at] !== CR && message[at] !== LF) at++;
  return at;
}

function utf8(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start, end);
}
