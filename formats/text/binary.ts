/** Files of other kinds that arrive under the name of a text file, known by their first bytes. */
import { RefusedError } from '../../engine/errors.ts';
import { TEXT_ERRORS } from './errors.ts';

const KINDS: readonly { readonly kind: string; readonly bytes: readonly number[] }[] = [
  { kind: 'a ZIP archive or a workbook such as .xlsx', bytes: [0x50, 0x4b, 0x03, 0x04] },
  { kind: 'an old workbook or document such as .xls', bytes: [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1] },
  { kind: 'compressed by gzip', bytes: [0x1f, 0x8b] },
  { kind: 'a PDF', bytes: [0x25, 0x50, 0x44, 0x46, 0x2d] },
  { kind: 'a PNG image', bytes: [0x89, 0x50, 0x4e, 0x47] },
  { kind: 'a JPEG image', bytes: [0xff, 0xd8, 0xff] },
];
/** So many bytes say it. */
export const KIND_BYTES = Math.max(...KINDS.map(({ bytes }) => bytes.length));

/** @param start the first `KIND_BYTES` of a body, or all there are. @throws RefusedError `NOT_TEXT` where they are no text's */
export function refuseBinary(start: Uint8Array): void {
  const found = KINDS.find(({ bytes }) => bytes.every((byte, index) => start[index] === byte));
  if (found === undefined) return;
  const { cure } = TEXT_ERRORS.NOT_TEXT;
  throw new RefusedError('NOT_TEXT', `the file is ${found.kind}, not text. ${cure}`, { line: 1 });
}
