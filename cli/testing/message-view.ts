import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../engine/errors.ts';
import type { Message } from '../../hl7/parse.ts';
import { type DocumentPath, readDocumentPath } from '../../transforms/dtl/document.ts';
import { hl7Of, jsonOf } from '../message-text.ts';
import type { ExpectedValue } from './schema.ts';

/** A difference between what was expected and what was found, as texts for people. */
export interface Difference {
  readonly expected: string;
  readonly found: string;
}

/** A message that a case made, as expectations look at it. */
export interface MessageView {
  /** `undefined` where the value at this path is the one expected. */
  compare(path: string, expected: ExpectedValue): Difference | undefined;
  /** The same for the whole text; line ends are equal, and documents are compared by what they say. */
  compareWhole(expected: string): Difference | undefined;
}

/** Looks at the bytes of a message: HL7, a document in JSON, or anything else. */
export function viewOf(body: Uint8Array): MessageView {
  const text = new TextDecoder().decode(body);
  const message = /^[\r\n]*(MSH|FHS|BHS)/.test(text) ? hl7Of(text) : undefined;
  if (message) return hl7View(text, message);
  const document = jsonOf(text);
  return typeof document === 'object' && document !== null ? documentView(text, document) : plainView(text);
}

function hl7View(text: string, message: Message): MessageView {
  return {
    compare: (path, expected) => {
      try {
        return typeof expected === 'string'
          ? difference(expected, message.get(path))
          : difference(expected.raw, message.raw(path) ?? '');
      } catch (error) {
        return { expected: textOf(expected), found: messageOf(error) };
      }
    },
    compareWhole: (expected) => differenceOfLines(expected, text),
  };
}

function documentView(text: string, document: object): MessageView {
  return {
    compare: (path, expected) => {
      const parts = readDocumentPath(path);
      if (typeof parts === 'string')
        return { expected: textOf(expected), found: `a path that is none; write ${parts}` };
      return difference(textOf(expected), shown(valueAt(document, parts)));
    },
    compareWhole: (expected) => {
      const wanted = jsonOf(expected);
      if (wanted === undefined) return differenceOfLines(expected, text);
      if (isDeepStrictEqual(wanted, document)) return undefined;
      return differenceOfLines(JSON.stringify(wanted, undefined, 2), JSON.stringify(document, undefined, 2));
    },
  };
}

function plainView(text: string): MessageView {
  return {
    compare: (_, expected) => ({
      expected: textOf(expected),
      found: 'a message that is neither HL7 nor a document, so it has no paths',
    }),
    compareWhole: (expected) => differenceOfLines(expected, text),
  };
}

function difference(expected: string, found: string): Difference | undefined {
  return expected === found ? undefined : { expected, found };
}

function textOf(expected: ExpectedValue): string {
  return typeof expected === 'string' ? expected : expected.raw;
}

/** The first line that differs, with its number. */
function differenceOfLines(expected: string, found: string): Difference | undefined {
  const [wanted, given] = [linesOf(expected), linesOf(found)];
  for (let index = 0; index < Math.max(wanted.length, given.length); index += 1) {
    if (wanted[index] === given[index]) continue;
    const line = (text: string | undefined) =>
      text === undefined ? `no line ${index + 1}` : `line ${index + 1}: ${text}`;
    return { expected: line(wanted[index]), found: line(given[index]) };
  }
  return undefined;
}

function linesOf(text: string): readonly string[] {
  return text.replace(/[\r\n]+$/, '').split(/\r\n|\r|\n/);
}

/** The value at a path as transforms write it (`patient.given(2)`); `undefined` where there is none. */
function valueAt(document: unknown, path: DocumentPath): unknown {
  let value = document;
  for (const { name, index } of path) {
    value = isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    if (index > 0) value = Array.isArray(value) ? value[index - 1] : undefined;
  }
  return value;
}

/** A value as a test writes it: scalars as their text, nothing as the empty text, lists and maps as JSON. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (!isMap(value)) return Array.isArray(value) ? JSON.stringify(value) : String(value);
  // Dates, large numbers and bytes stand in documents as Extended JSON: { "$date": ... }.
  const [[key = '', inner] = [], ...others] = Object.entries(value);
  if (others.length > 0 || !key.startsWith('$')) return JSON.stringify(value);
  return shown(key === '$binary' && isMap(inner) ? inner.base64 : inner);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
