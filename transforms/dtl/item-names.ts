/** Names that stand for parts of an item that is not a row: paths into it, its bytes, its text. */
import { isUtf8 } from 'node:buffer';
import { WaybillError } from '../../engine/errors.ts';
import { objectPathProblem } from '../../engine/object-path.ts';
import { parsePath } from '../../hl7/paths.ts';
import { type Origin, plainOrigin } from './names.ts';
import type { Frame, InputKind } from './program.ts';
import { base64 } from './values.ts';

/** A path of HL7, rightly written or not: three characters, perhaps a number, then a field. */
const LIKE_HL7 = /^[A-Za-z][A-Za-z0-9]{2}(?:$|[([.:_/-])/;

/** Whether somebody meant a path of HL7. */
export function isLikeHl7(name: string): boolean {
  return LIKE_HL7.test(name);
}

/** Finds a name of the item; `undefined` where it has none such. A path of HL7 must be one (`hl7PathProblem`). */
export function itemOrigin(name: string, input: InputKind): Origin | undefined {
  if (input === 'rows' || input === 'none') return undefined;
  if (name === 'item.text') return plainOrigin(name, itemText);
  if (name === 'item.bytes') return plainOrigin(name, itemBase64, ({ item }) => nonEmpty(item.bytes));
  if (input === 'hl7') return hl7PathProblem(name) === undefined ? hl7Origin(name) : undefined;
  if (input !== 'json' || name.startsWith('item.') || objectPathProblem(name) !== undefined) return undefined;
  return { ...plainOrigin(name, ({ item }) => item.path?.(name) ?? ''), column: name };
}

function hl7Origin(name: string): Origin {
  const path = parsePath(name);
  return { ...plainOrigin(name, ({ hl7 }) => hl7?.get(path) ?? ''), column: name };
}

/** The item as text; nothing where its bytes are no UTF-8. */
function itemText({ item, hl7 }: Frame): string {
  if (hl7) return hl7.text;
  const { bytes } = item;
  if (bytes === undefined || !isUtf8(bytes)) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Bytes where a text is wanted. */
function itemBase64({ item }: Frame): string {
  return item.bytes === undefined ? '' : base64(item.bytes);
}

function nonEmpty(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined || bytes.length === 0 ? undefined : bytes;
}

/** What is wrong with a path into items of this kind, as a sentence; `undefined` where nothing is, or nothing is known. */
export function itemPathProblem(path: string, input: InputKind): string | undefined {
  if (input === 'hl7') return hl7PathProblem(path);
  return input === 'json' ? objectPathProblem(path) : undefined;
}

/** What is wrong with a path into HL7, as a sentence; `undefined` where nothing is. */
function hl7PathProblem(path: string): string | undefined {
  try {
    parsePath(path);
    return undefined;
  } catch (error) {
    if (error instanceof WaybillError) return error.message;
    throw error;
  }
}
