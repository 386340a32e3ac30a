import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rename, rmdir, unlink } from 'node:fs/promises';
import { syncAnyFolder } from '../../engine/bodies.ts';
import { codeOf } from '../../engine/errors.ts';
import { dropError } from './errors.ts';
import { pathIn, type RawName, rawOf } from './names.ts';

/** What tells that a file is the same and unchanged. Time in nanoseconds. */
export interface Stamp {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/** True when both stamps are of one file that did not change in between. */
export function sameStamp(a: Stamp, b: Stamp): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

/** What stands at a path, without following a link; `undefined` where nothing does. */
export async function statOf(path: string | Buffer) {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Writes `folder/name` whole or not at all: temporary name, flush, rename, flush of the folder. The temporary name follows
 * from the name, so a crash leaves at most one, and the next try takes it over. Chunks are written one after the other.
 * @throws the file system's error; then `folder/name` is as it was.
 */
export async function writeWhole(
  folder: string,
  name: string,
  chunks: Iterable<string> | AsyncIterable<string>,
): Promise<void> {
  const temporary = pathIn(folder, temporaryName(name));
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const handle = await open(temporary, flags, 0o660);
  try {
    await writeAll(handle, chunks);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, pathIn(folder, rawOf(name)));
  await syncAnyFolder(folder);
}

async function writeAll(handle: FileHandle, chunks: Iterable<string> | AsyncIterable<string>): Promise<void> {
  for await (const chunk of chunks) await handle.writeFile(chunk, 'utf8');
}

/** Follows from the name alone, and is short however long that is. */
function temporaryName(name: string): RawName {
  return `.${createHash('sha256').update(name).digest('hex').slice(0, 32)}.tmp`;
}

/**
 * Renames `from` to `folder/name` and flushes `folder`; never onto something that is there.
 * @returns false where `from` does not exist (moved before, or taken away).
 * @throws WaybillError `FILE_NAME_TAKEN`
 */
export async function moveInto(from: Buffer, folder: string, name: string): Promise<boolean> {
  const target = pathIn(folder, rawOf(name));
  if ((await statOf(from)) === undefined) return false;
  if ((await statOf(target)) !== undefined) {
    throw dropError(
      'FILE_NAME_TAKEN',
      `a finished file cannot be moved: its name is taken in ${folder}; move away what stands there`,
      {
        file: target.toString('utf8'),
      },
    );
  }
  await rename(from, target);
  await syncAnyFolder(folder);
  return true;
}

/** Removes a folder if it is empty; leaves it, without an error, if it is not or does not exist. */
export async function removeIfEmpty(path: Buffer): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error;
  }
}

/** Removes a file; no error if it does not exist. */
export async function removeFile(path: Buffer): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
