/** The project's own files, for the guards. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { PROJECT_FOLDER } from '../../engine/registry.ts';

const NOT_OURS = new Set(['node_modules', '.git', 'data', 'coverage', '.waybill']);

/** Paths relative to the project, with forward slashes, sorted. */
export function projectFiles(folder = ''): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(join(PROJECT_FOLDER, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!(folder === '' && NOT_OURS.has(entry.name)) && entry.name !== 'node_modules')
        files.push(...projectFiles(path));
    } else if (entry.isFile()) {
      files.push(path);
    }
  }
  return files.sort();
}

/** The text of a file of the project. */
export function projectText(path: string): string {
  return readFileSync(join(PROJECT_FOLDER, path), 'utf8');
}

/** Every module that a source text imports, static or not, types too. */
export function importsOf(source: string): string[] {
  const found: string[] = [];
  const form =
    /(?:^|[\s;}])(?:import|export)\s(?:[^'";]*?\sfrom\s*)?['"]([^'"\n]+)['"]|\bimport\(\s*['"`]([^'"`\n]+)['"`]/g;
  for (const match of source.matchAll(form)) found.push(match[1] ?? match[2] ?? '');
  for (const match of source.matchAll(/new URL\(\s*['"`](\.{1,2}\/[^'"`\n]+)['"`]/g)) found.push(match[1] ?? '');
  return found;
}
