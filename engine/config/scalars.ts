import { durationMs, sizeBytes } from '../schema.ts';
import type { ConfigErrorCode } from './errors.ts';
import { CONFIG_ERRORS } from './errors.ts';
import type { SchemaNode } from './schema-node.ts';
import { listWords, suggest } from './suggest.ts';

/** The value of a text, or why it has none. */
export type Converted =
  | { readonly ok: true; readonly value: string | number | boolean }
  | { readonly ok: false; readonly code: ConfigErrorCode; readonly cure: string };

/** Converts one text by its schema. Never throws. */
export function convertText(text: string, schema: SchemaNode): Converted {
  if (schema.const !== undefined) return chosen(text, [schema.const]);
  if (schema.enum) return chosen(text, schema.enum);
  if (schema.type === 'boolean') return boolean(text);
  if (schema.type === 'integer' || schema.type === 'number') return number(text, schema);
  switch (schema['x-waybill']) {
    case 'duration':
      return measured(text, schema, durationMs, 'BAD_DURATION');
    case 'size':
      return measured(text, schema, sizeBytes, 'BAD_SIZE');
    case 'timeZone':
      return isTimeZone(text) ? good(text) : bad('BAD_TIME_ZONE', timeZoneCure(text));
    case 'path':
      return text === '' || text.includes('\0')
        ? bad('BAD_TEXT', 'write the path of a file or folder')
        : formed(text, schema);
    case 'cel':
      return text.trim() === '' ? bad('BAD_TEXT', 'write a condition, or remove the key') : formed(text, schema);
    default:
      return formed(text, schema);
  }
}

/** True for a name of the IANA list that this machine knows. */
function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z]/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function timeZoneCure(text: string): string {
  const near = suggest(text, Intl.supportedValuesOf('timeZone'));
  return near ? `write ${near}` : CONFIG_ERRORS.BAD_TIME_ZONE.cure;
}

function good(value: string | number | boolean): Converted {
  return { ok: true, value };
}

function bad(code: ConfigErrorCode, cure: string = CONFIG_ERRORS[code].cure): Converted {
  return { ok: false, code, cure };
}

function chosen(text: string, words: readonly (string | number | boolean)[]): Converted {
  const match = words.find((word) => String(word) === text);
  if (match !== undefined) return good(match);
  const near = suggest(text, words.map(String));
  return bad('NOT_ALLOWED', near ? `write ${near}` : `write ${listWords(words.map(String))}`);
}

function boolean(text: string): Converted {
  if (text === 'true') return good(true);
  return text === 'false' ? good(false) : bad('BAD_BOOLEAN');
}

const INTEGER = /^-?\d+$/;
const NUMBER = /^-?\d+(\.\d+)?$/;

function number(text: string, schema: SchemaNode): Converted {
  const integer = schema.type === 'integer';
  if (!(integer ? INTEGER : NUMBER).test(text)) return bad('BAD_NUMBER');
  const value = Number(text);
  if (integer ? !Number.isSafeInteger(value) : !Number.isFinite(value)) return bad('BAD_NUMBER');
  return withinLimits(value, schema) ? good(value) : bad('BAD_NUMBER', 'write a number within the limits');
}

function withinLimits(value: number, schema: SchemaNode): boolean {
  if (schema.minimum !== undefined && value < schema.minimum) return false;
  if (schema.maximum !== undefined && value > schema.maximum) return false;
  if (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum) return false;
  return schema.exclusiveMaximum === undefined || value < schema.exclusiveMaximum;
}

function measured(text: string, schema: SchemaNode, read: (text: string) => number, code: ConfigErrorCode): Converted {
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(text)) return bad(code);
  try {
    const value = read(text);
    return Number.isSafeInteger(value) && withinLimits(value, schema) ? good(value) : bad(code);
  } catch (error) {
    if (error instanceof RangeError) return bad(code);
    throw error;
  }
}

function formed(text: string, schema: SchemaNode): Converted {
  if (schema.minLength !== undefined && text.length < schema.minLength) {
    return bad(
      'BAD_TEXT',
      text === '' ? 'write a text, or remove the key' : `write at least ${schema.minLength} characters`,
    );
  }
  if (schema.maxLength !== undefined && text.length > schema.maxLength) {
    return bad('BAD_TEXT', `write at most ${schema.maxLength} characters`);
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(text)) {
    return bad('BAD_TEXT', `write it as ${schema.description ?? `the pattern ${schema.pattern} asks`}`);
  }
  return good(text);
}
