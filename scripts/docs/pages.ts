/** All generated pages of docs/reference. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { adapterPages } from './adapter-pages.ts';
import { cliPage } from './cli-page.ts';
import { errorsPage } from './errors-page.ts';
import { outcomesPage } from './outcomes-page.ts';
import { productionPage } from './production-page.ts';
import { statesPage } from './states-page.ts';

/** How people repair a page that is not fresh. */
export const REPAIR = 'npm run docs';

/** Text of each page by its path, relative to the project. */
export async function generatedPages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['docs/reference/errors.md', await errorsPage()],
    ['docs/reference/outcomes.md', await outcomesPage()],
    ['docs/reference/states.md', statesPage()],
    ['docs/reference/production.md', productionPage()],
    ['docs/reference/cli.md', await cliPage()],
    ...(await adapterPages()),
  ]);
}

/** The page as it lies in the tree, or `undefined`. */
export function writtenPage(path: string): string | undefined {
  try {
    return readFileSync(join(PROJECT_FOLDER, path), 'utf8');
  } catch {
    return undefined;
  }
}

/** First lines of a page: its title, and that it is made. */
export function pageHead(title: string): string {
  return `# ${title}\n\n<!-- Made by \`${REPAIR}\`; changes by hand are lost. -->\n`;
}
