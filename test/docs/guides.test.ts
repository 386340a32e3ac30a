/** Every guide is done from top to bottom, as a reader would. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { redisSkip } from '../support/redis.ts';
import { projectFiles } from '../support/source-files.ts';
import { blocksOf } from './markdown.ts';
import { pattern, walk } from './walk.ts';

const guides = projectFiles('docs/guides').filter((path) => path.endsWith('.md'));

describe('guides', { skip: redisSkip() }, () => {
  for (const page of guides) {
    test(page, async (t) => {
      assert.ok((await walk(t, page)) > 0);
      assert.ok(blocksOf(page).length > 0);
    });
  }
});

test('what a guide shows is held against what was printed', () => {
  const shown = 'engine: runs\n...\n  batch 7kq2-B1: done, ... bytes\n';
  assert.match('engine: runs\na\nb\n  batch abc1-B1: done, 3 messages, 9 bytes\n', pattern(shown));
  assert.match('engine: runs\n  batch abc1-B1: done, 9 bytes\n', pattern(shown));
  assert.doesNotMatch('engine: runs\n  batch abc1-B2: done, 9 bytes\n', pattern(shown));
  assert.doesNotMatch('engine: runs\n  batch abc1-B1: done, 9 bytes\nand more\n', pattern(shown));
});
