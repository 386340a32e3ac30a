import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generatedPages, REPAIR, writtenPage } from '../../scripts/docs/pages.ts';
import { projectFiles } from '../support/source-files.ts';

test('the generated pages are fresh, and there is none too many', async () => {
  const pages = await generatedPages();
  const stale = [...pages].filter(([path, text]) => writtenPage(path) !== text).map(([path]) => path);
  const left = projectFiles('docs/reference/adapters').filter((path) => !pages.has(path));
  assert.deepEqual([...stale, ...left], [], `not fresh; repair with: ${REPAIR}`);
});
