/** What a person wants to stand in a row: from the command line, a file, or standard input. Never told again. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { isRecord } from '../../engine/config/adapters.ts';
import { codeOf, WaybillError } from '../../engine/errors.ts';
import { UsageError } from '../command.ts';

/** New values by the names of columns, as they were given. */
export type Changes = ReadonlyMap<string, string>;

/** Reads `column=value` words. The error names no word: what stands in it may be a value. @throws UsageError */
export function changesOf(words: readonly string[]): Changes {
  return new Map(
    words.map((word, index) => {
      const at = word.indexOf('=');
      if (at <= 0) throw new UsageError(`--set takes column=value; value ${index + 1} has no column and =`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/**
 * Reads a YAML or JSON map of columns and values; `-` is standard input. Numbers, dates and `yes` are the text that stands
 * there, so that `0012` keeps its zeros.
 * @throws WaybillError `INPUT_NOT_READABLE`, without what stands in it.
 */
export function changesFrom(path: string): Changes {
  const text = contentOf(path);
  let value: unknown;
  try {
    value = parse(text, { schema: 'failsafe' });
  } catch (error) {
    throw unreadable(path, `is no YAML (${codeOf(error)})`, error);
  }
  if (!isRecord(value)) throw unreadable(path, 'is no map of columns and values');
  return new Map(
    Object.entries(value).map(([column, given]) => {
      if (typeof given === 'string') return [column, given];
      throw unreadable(path, `has no plain value for the column ${column}`);
    }),
  );
}

/** @throws WaybillError `INPUT_NOT_READABLE` */
export function bytesFrom(path: string): Buffer {
  try {
    return readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw unreadable(path, `cannot be read: ${codeOf(error)}`, error);
  }
}

function contentOf(path: string): string {
  return bytesFrom(path).toString('utf8');
}

function unreadable(path: string, what: string, cause?: unknown): WaybillError {
  const name = path === '-' ? 'standard input' : path;
  return new WaybillError('INPUT_NOT_READABLE', `${name} ${what}.`, { cause });
}
