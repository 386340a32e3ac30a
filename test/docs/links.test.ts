import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { projectFiles } from '../support/source-files.ts';
import { anchorsOf, linksOf } from './markdown.ts';

const pages = ['README.md', 'CHANGELOG.md', ...projectFiles('docs').filter((path) => path.endsWith('.md'))];

test('every link of README, CHANGELOG and docs leads to a file, and to a heading where it names one', () => {
  const wrong: string[] = [];
  let links = 0;
  for (const page of pages) {
    for (const { target, file, anchor } of linksOf(page)) {
      if (file === undefined) continue;
      links += 1;
      const there = existsSync(join(PROJECT_FOLDER, file));
      const found = there && (anchor === '' || anchorsOf(file).includes(anchor));
      if (!found) wrong.push(`${page}: ${target}`);
    }
  }
  assert.ok(links > 20, `${links} links were found`);
  assert.deepEqual(wrong, []);
});

test('the start page of the docs leads to every guide', () => {
  const linked = linksOf('docs/README.md').map(({ file }) => file);
  const guides = projectFiles('docs/guides').filter((path) => path.endsWith('.md'));
  assert.deepEqual(
    guides.filter((guide) => !linked.includes(guide)),
    [],
  );
});
