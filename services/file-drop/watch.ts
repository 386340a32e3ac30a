import { type FSWatcher, watch } from 'node:fs';
import type { Logger } from '../../engine/contracts/runtime.ts';
import { codeOf } from '../../engine/errors.ts';

/**
 * Asks the file system for notices about a folder. They only make the next look earlier: they may be lost, come twice, or
 * (on network shares) never come, and then the folder is looked at by the clock alone.
 * @returns a function that ends it.
 */
export function watchFolder(path: string, logger: Logger, notice: () => void): () => void {
  let watcher: FSWatcher | undefined;
  const giveUp = (error: unknown) => {
    watcher?.close();
    watcher = undefined;
    logger.debug(
      { code: codeOf(error) },
      'no notices from the file system; the drop folder is looked at by the clock alone',
    );
  };
  try {
    watcher = watch(path, { persistent: false }, notice);
    watcher.on('error', giveUp);
  } catch (error) {
    giveUp(error);
  }
  return () => watcher?.close();
}
