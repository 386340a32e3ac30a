/** Writes the generated pages: `npm run docs`. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { generatedPages, writtenPage } from './pages.ts';

const pages = await generatedPages();
for (const [path, text] of pages) {
  if (writtenPage(path) === text) continue;
  mkdirSync(dirname(join(PROJECT_FOLDER, path)), { recursive: true });
  writeFileSync(join(PROJECT_FOLDER, path), text);
  console.log(`wrote ${path}`);
}
// The folder of adapters is generated whole: a page whose adapter is gone goes too.
const folder = 'docs/reference/adapters';
for (const name of readdirSync(join(PROJECT_FOLDER, folder))) {
  if (pages.has(`${folder}/${name}`)) continue;
  rmSync(join(PROJECT_FOLDER, folder, name));
  console.log(`removed ${folder}/${name}`);
}
