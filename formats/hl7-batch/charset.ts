/** The charset of a file: a byte order mark, the settings, MSH-18 of the first message, UTF-8; in this order. */
import type { BodySource } from '../../engine/contracts/format.ts';
import { RefusedError } from '../../engine/errors.ts';
import { refuseBinary } from '../text/binary.ts';
import { ASCII, CHARSETS, type Charset, charsetOf, type Found } from '../text/charset.ts';
import { HL7_BATCH_ERRORS } from './errors.ts';

/** A first message is looked for in so many bytes. */
const HEAD_BYTES = 65_536;

/** Values of table 0211, and how senders write them instead, with the charset that each means. */
const TABLE_0211: ReadonlyMap<string, Charset> = new Map([
  ['ASCII', ASCII],
  ['ISO IR6', ASCII],
  ['US-ASCII', ASCII],
  ['UNICODE UTF-8', 'utf-8'],
  ['UTF8', 'utf-8'],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 15].map((part) => [`8859/${part}`, `iso-8859-${part}`] as const),
  ...CHARSETS.map((charset) => [charset.toUpperCase(), charset] as const),
]);
/** Charsets of table 0211 in which a message that is read as ASCII cannot be, or that cannot be read here. */
const KNOWN_UNREADABLE = new Set([
  'UNICODE',
  'UNICODE UTF-16',
  'UNICODE UTF-32',
  'ISO IR14',
  'ISO IR87',
  'ISO IR159',
  'GB 18030-2000',
  'KS X 1001',
  'CNS 11643-1992',
  'BIG-5',
]);

/** What a file is read in, and what said so. */
export interface FileCharset extends Found {
  readonly by: 'mark' | 'setting' | 'message' | 'default';
}

/** @throws RefusedError HL7_CHARSET_UNSUPPORTED, NOT_TEXT */
export async function findCharset(source: BodySource, configured: 'auto' | Charset): Promise<FileCharset> {
  const head = await firstBytes(source, HEAD_BYTES);
  refuseBinary(head);
  const marked = charsetOf(head, 'auto');
  if (marked.mark > 0) return { ...marked, by: 'mark' };
  if (configured !== 'auto') return { charset: configured, mark: 0, by: 'setting' };
  const wide = wideOf(head);
  if (wide !== undefined) return { charset: wide, mark: 0, by: 'mark' };
  const first = firstMessage(head);
  const declared = first === undefined ? '' : declaredCharset(first.text);
  if (first === undefined || declared === '') return { charset: 'utf-8', mark: 0, by: 'default' };
  const charset = charsetNamed(declared);
  if (charset === undefined || charset.startsWith('utf-16')) throw unsupported(declared, first.line);
  return { charset, mark: 0, by: 'message' };
}

/**
 * What MSH-18 says, as it stands; its repetitions are for the escapes that switch charsets.
 * @param header the text of MSH, with or without what follows it
 */
export function declaredCharset(header: string): string {
  const line = /^[^\r\n]*/.exec(header)?.[0] ?? '';
  return (line.split(line.charAt(3), 18)[17] ?? '').trim();
}

/** The value of MSH-18 where it is a name of a charset; empty where it is something else, which nobody should be shown. */
export function shownCharset(declared: string): string {
  const name = declared.toUpperCase().replace(/\s+/g, ' ');
  return TABLE_0211.has(name) || KNOWN_UNREADABLE.has(name) ? name : '';
}

/** Whether a message that says this in MSH-18 can stand in a file that is read so. */
export function agrees(declared: string, file: FileCharset): boolean {
  if (declared === '' || file.by === 'mark' || file.by === 'setting') return true;
  const charset = charsetNamed(declared);
  return charset === file.charset || charset === ASCII;
}

/** The charset that a value of MSH-18 names; `undefined` where it is none that can be read, or several. */
function charsetNamed(declared: string): Charset | undefined {
  return TABLE_0211.get(declared.toUpperCase().replace(/\s+/g, ' '));
}

/** UTF-16 without a byte order mark: the first character is ASCII, so one of its two bytes is NUL. */
function wideOf(head: Uint8Array): Charset | undefined {
  const [first, second] = head;
  if (first === undefined || second === undefined || (first === 0) === (second === 0)) return undefined;
  return first === 0 ? 'utf-16be' : 'utf-16le';
}

/** The first MSH of a file in any charset in which ASCII stands for itself. */
function firstMessage(head: Buffer): { readonly text: string; readonly line: number } | undefined {
  const text = head.toString('latin1');
  const match = /(?:^|[\r\n])(MSH[^\r\n]*)/.exec(text);
  if (!match?.[1]) return undefined;
  const before = text.slice(0, match.index + match[0].length - match[1].length);
  return { text: match[1], line: (before.match(/\r\n|\r|\n/g)?.length ?? 0) + 1 };
}

function unsupported(declared: string, line: number): RefusedError {
  const name = declared.toUpperCase();
  const what = KNOWN_UNREADABLE.has(name) ? name : 'no charset of table 0211, or several';
  const cure = HL7_BATCH_ERRORS.HL7_CHARSET_UNSUPPORTED.cure;
  return new RefusedError(
    'HL7_CHARSET_UNSUPPORTED',
    `line ${line}: MSH-18 names ${what}, which this file cannot be read in. ${cure}`,
    { line, column: 1, path: 'MSH-18' },
  );
}

async function firstBytes(source: BodySource, count: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source.read()) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= count) break;
  }
  return Buffer.concat(chunks).subarray(0, count);
}
