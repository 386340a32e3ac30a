/** Finds every table of error codes in the tree. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ErrorEntry } from '../../engine/errors.ts';
import { PROJECT_FOLDER } from '../../engine/registry.ts';

/** Folders that hold source, in the way of a message. */
const SOURCE_FOLDERS = [
  'services',
  'formats',
  'queue',
  'transforms',
  'operations',
  'engine',
  'hl7',
  'store',
  'portal',
  'alerts',
  'cli',
] as const;

const DEFINITION = 'engine/errors.ts';

export interface ErrorTable {
  readonly file: string;
  readonly entries: Readonly<Record<string, ErrorEntry>>;
}

/** Every source file with its text; paths relative to the project, sorted. */
export function sourceTexts(): ReadonlyMap<string, string> {
  const files = SOURCE_FOLDERS.flatMap((folder) =>
    readdirSync(join(PROJECT_FOLDER, folder), { recursive: true })
      .map((name) => posix.join(folder, String(name)))
      .filter((path) => path.endsWith('.ts')),
  );
  return new Map(files.sort().map((path) => [path, readFileSync(join(PROJECT_FOLDER, path), 'utf8')]));
}

/**
 * The tables of all files that call `defineErrors`: exported, or the `errors` of an adapter that is the default export.
 * @throws Error where a table can be seen by nobody.
 */
export async function errorTables(): Promise<readonly ErrorTable[]> {
  const tables: ErrorTable[] = [];
  for (const [file, text] of sourceTexts()) {
    if (file === DEFINITION || !/\bdefineErrors\(/.test(text)) continue;
    const module: Record<string, unknown> = await import(pathToFileURL(join(PROJECT_FOLDER, file)).href);
    const found = Object.values(module)
      .map(tableOf)
      .filter((entries) => entries !== undefined);
    if (found.length === 0) throw new Error(`${file}: export the table made with defineErrors`);
    for (const entries of found) tables.push({ file, entries });
  }
  return tables;
}

function tableOf(value: unknown): Readonly<Record<string, ErrorEntry>> | undefined {
  if (isTable(value)) return value;
  if (typeof value === 'object' && value !== null && 'errors' in value && isTable(value.errors)) return value.errors;
  return undefined;
}

function isTable(value: unknown): value is Readonly<Record<string, ErrorEntry>> {
  if (typeof value !== 'object' || value === null) return false;
  const entries: unknown[] = Object.values(value);
  return entries.length > 0 && entries.every(isEntry);
}

function isEntry(value: unknown): value is ErrorEntry {
  return typeof value === 'object' && value !== null && 'means' in value && 'cure' in value;
}
