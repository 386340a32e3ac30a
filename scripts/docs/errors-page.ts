import { errorTables } from './error-tables.ts';
import { cell } from './markdown.ts';
import { pageHead } from './pages.ts';

/** `docs/reference/errors.md`: every code, sorted, with what it means and what to do. */
export async function errorsPage(): Promise<string> {
  const lines = new Map<string, string>();
  for (const { file, entries } of await errorTables()) {
    for (const [code, { means, cure }] of Object.entries(entries)) {
      const owner = file.replace(/(\/(errors|index))?\.ts$/, '');
      // Adapters may tell the same thing in their own words; one tells it once.
      const key = `${code} ${owner}`;
      const before = lines.get(key);
      const line = `| \`${code}\` | ${cell(means)} | ${cell(cure)} | ${owner} |`;
      if (before !== undefined && before !== line)
        throw new Error(`${code} is defined twice in ${owner} with different words, again in ${file}`);
      lines.set(key, line);
    }
  }
  const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  return [
    pageHead('Error codes'),
    'A code is stable: search for it. Codes that begin with E and have no underscore (`ENOENT`, `ECONNREFUSED`) are the',
    "operating system's own.",
    '',
    '| code | means | what to do | from |',
    '| --- | --- | --- | --- |',
    ...sorted,
    '',
  ].join('\n');
}
