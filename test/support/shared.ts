/**
 * Material by others that lies beside the project, not in it: `../shared`. Tests that read it are skipped with a visible
 * reason where it is missing, and fail there when `CI` is set.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SHARED = join(dirname(PROJECT), 'shared');

/** Absolute path of something in the shared folder, such as `fixtures/hl7`. */
export function sharedPath(path: string): string {
  return join(SHARED, path);
}

export const haveShared: boolean = existsSync(sharedPath('fixtures'));

/**
 * Options for a test that reads shared material: `test('...', needsShared, () => ...)`. In CI the test runs and fails on
 * the missing file.
 */
export const needsShared: { readonly skip: string | false } = {
  skip: haveShared || process.env.CI ? false : `no shared material at ${join('..', 'shared')}`,
};
