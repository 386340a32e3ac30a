import { readFileSync } from 'node:fs';
import { sharedPath } from './shared.ts';

/** The lines of a table of verdicts on the shared fixtures, by its header. Tab-separated, no quoting. */
export function verdicts(table: string): readonly Readonly<Record<string, string>>[] {
  const [header = '', ...lines] = readFileSync(sharedPath(`fixtures/verdicts/${table}.tsv`), 'utf8')
    .trimEnd()
    .split('\n');
  const columns = header.split('\t');
  return lines.map((line) => {
    const values = line.split('\t');
    return Object.fromEntries(columns.map((column, at) => [column, values[at] ?? '']));
  });
}
