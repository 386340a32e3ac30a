import { lstat, opendir } from 'node:fs/promises';
import { codeOf } from '../../engine/errors.ts';
import type { Stamp } from './disk.ts';
import { INNER } from './folders.ts';
import { isHiddenOrTemporary, pathIn, type RawName, rawOf, textOf } from './names.ts';

/** A plain file in the inbox. */
export interface Candidate {
  readonly raw: RawName;
  readonly stamp: Stamp;
  /** True where a marker stands beside it; always false where markers are not asked for. */
  readonly marked: boolean;
}

/** What one look at the inbox found. */
export interface Look {
  /** The oldest first; those of one time by name. */
  readonly files: readonly Candidate[];
  /** Entries that are no plain files and stay where they are. */
  readonly others: readonly { readonly raw: RawName; readonly kind: 'link' | 'folder' | 'special' }[];
}

/** A look keeps no more than this many files, the oldest; the others have their turn in a later look. */
const MOST_FILES = 50_000;

/**
 * Looks through the inbox once: one pass over the folder, one lstat a file. Hidden and temporary names and the inner
 * folders are left out, and so are markers, of which only the existence counts.
 */
export async function look(inbox: string, marker?: string): Promise<Look> {
  const ending = marker === undefined ? undefined : rawOf(marker);
  const files: { raw: RawName; stamp: Stamp }[] = [];
  const others: Look['others'][number][] = [];
  const markers = new Set<RawName>();
  // `latin1` gives one character for each byte of the name: whatever the bytes are, the same name comes back.
  for await (const entry of await opendir(inbox, { encoding: 'latin1', bufferSize: 512 })) {
    const raw = entry.name;
    if ((INNER as readonly string[]).includes(raw)) continue;
    if (ending !== undefined && raw.endsWith(ending) && raw.length > ending.length) {
      if (entry.isFile()) markers.add(raw);
      continue;
    }
    if (isHiddenOrTemporary(textOf(raw))) continue;
    const stat = await statAt(inbox, raw);
    if (stat === undefined) continue;
    if (!stat.isFile()) {
      others.push({ raw, kind: stat.isSymbolicLink() ? 'link' : stat.isDirectory() ? 'folder' : 'special' });
      continue;
    }
    const { dev, ino, size, mtimeNs } = stat;
    files.push({ raw, stamp: { dev, ino, size, mtimeNs } });
    if (files.length >= 2 * MOST_FILES) keepOldest(files);
  }
  keepOldest(files);
  return {
    files: files.map((file) => ({ ...file, marked: ending !== undefined && markers.has(file.raw + ending) })),
    others,
  };
}

async function statAt(inbox: string, raw: RawName) {
  try {
    return await lstat(pathIn(inbox, raw), { bigint: true });
  } catch (error) {
    // It went away between the two calls.
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function keepOldest(files: { raw: RawName; stamp: Stamp }[]): void {
  files.sort((a, b) => {
    if (a.stamp.mtimeNs !== b.stamp.mtimeNs) return a.stamp.mtimeNs < b.stamp.mtimeNs ? -1 : 1;
    return a.raw < b.raw ? -1 : 1;
  });
  files.length = Math.min(files.length, MOST_FILES);
}
