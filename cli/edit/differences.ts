/** How two messages differ, field by field. */
import type { Message } from '../../hl7/parse.ts';
import { hl7Of, jsonOf } from '../message-text.ts';

/** A part that differs. Values are of patients: they are shown where bodies were asked for, and nowhere else. */
export interface Difference {
  /** `PID-5`, `OBX(2)-5`, `patient.name`, `line 3`; `the whole message` where there was none before. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** Every part in which the messages differ: by HL7 field, by key of a document, else by line. */
export function differencesOf(before: Uint8Array, after: Uint8Array): readonly Difference[] {
  const [old, made] = [textOf(before), textOf(after)];
  if (old === made) return [];
  if (before.length === 0) return [{ path: 'the whole message', before: '', after: made }];
  return differing(partsOf(old), partsOf(made));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function differing(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Difference[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].flatMap((path) => {
    const [old, made] = [before.get(path) ?? '', after.get(path) ?? ''];
    return old === made ? [] : [{ path, before: old, after: made }];
  });
}

/** The parts of a text by their path. */
function partsOf(text: string): ReadonlyMap<string, string> {
  const message = /^\uFEFF?[\r\n]*MSH/.test(text) ? hl7Of(text) : undefined;
  if (message) return fieldsOf(message);
  const document = jsonOf(text);
  if (typeof document === 'object' && document !== null) return keysOf(document);
  return new Map(text.split(/\r\n|\r|\n/).map((line, index) => [`line ${index + 1}`, line]));
}

function fieldsOf(message: Message): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  for (const { segment, occurrence, raw } of message.segments()) {
    const name = occurrence === 1 ? segment : `${segment}(${occurrence})`;
    // Of a header, the first separator is a field of its own.
    const shift = ['MSH', 'FHS', 'BHS'].includes(segment) ? 1 : 0;
    raw.split(message.delimiters.field).forEach((field, index) => {
      if (index > 0 && field !== '') parts.set(`${name}-${index + shift}`, field);
    });
  }
  return parts;
}

function keysOf(document: object, above = ''): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  for (const [key, value] of Object.entries(document)) {
    const path = Array.isArray(document) ? `${above}(${Number(key) + 1})` : above === '' ? key : `${above}.${key}`;
    const inner: unknown = value;
    if (typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0)
      for (const [below, text] of keysOf(inner, path)) parts.set(below, text);
    else parts.set(path, JSON.stringify(inner));
  }
  return parts;
}
