import { relative } from 'node:path';
import { PROJECT_FOLDER } from '../../engine/registry.ts';

/** A path as a person in the project's folder would type it. */
export function shown(path: string): string {
  const near = relative(PROJECT_FOLDER, path);
  return near.startsWith('..') ? path : near;
}
