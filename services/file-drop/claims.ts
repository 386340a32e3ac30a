import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { syncAnyFolder } from '../../engine/bodies.ts';
import { codeOf } from '../../engine/errors.ts';
import { label } from '../../engine/labels.ts';
import { removeFile, removeIfEmpty, sameStamp, statOf } from './disk.ts';
import { dropError } from './errors.ts';
import type { Folders } from './folders.ts';
import type { Candidate } from './inbox.ts';
import { pathIn, type RawName, rawOf } from './names.ts';

/** Folder inside a claim that holds the file's marker. It begins with a dot, which no claimed file does. */
const MARKER_FOLDER = '.marker';

/**
 * A claim id: the time of the claim and something random, so that claims sort in the order in which they were made.
 * 1 to 48 characters of `[a-z0-9-]`, safe as a file name.
 */
export function newClaimId(now: number): string {
  return `${Math.max(0, Math.trunc(now)).toString(36).padStart(9, '0')}-${randomBytes(8).toString('hex')}`;
}

/** True for names that `newClaimId` may have made. */
function isClaimId(name: string): boolean {
  return /^[0-9a-z]{9,12}-[0-9a-f]{16}$/.test(name);
}

/**
 * Claims a file: a fresh folder in work/, the marker (where there is one) and the file renamed into it, folders flushed.
 * The marker goes first: a marker left behind would make a later, half-written file of the same name look complete.
 * @returns the claim id, or `undefined` where the file is gone or no longer what it was; then nothing is claimed.
 */
export async function claimFile(
  folders: Folders,
  file: Candidate,
  marker: string | undefined,
  now: number,
): Promise<string | undefined> {
  const current = await statOf(pathIn(folders.inbox, file.raw));
  if (current === undefined || !sameStamp(current, file.stamp)) return undefined;
  const claim = newClaimId(now);
  await mkdir(pathIn(folders.work, claim));
  let taken = false;
  try {
    if (file.marked && marker !== undefined) await takeMarker(folders, claim, file.raw + rawOf(marker));
    taken = await renameIfThere(pathIn(folders.inbox, file.raw), pathIn(folders.work, claim, file.raw));
  } finally {
    if (!taken) await releaseEmptyClaim(folders, claim);
  }
  if (!taken) return undefined;
  // The new place is durable before the old one is left.
  await Promise.all([syncAnyFolder(folders.work), syncAnyFolder(pathIn(folders.work, claim))]);
  await syncAnyFolder(folders.inbox);
  label('file.claimed');
  return claim;
}

async function takeMarker(folders: Folders, claim: string, name: RawName): Promise<void> {
  await mkdir(pathIn(folders.work, claim, MARKER_FOLDER));
  await renameIfThere(pathIn(folders.inbox, name), pathIn(folders.work, claim, MARKER_FOLDER, name));
}

async function renameIfThere(from: Buffer, to: Buffer): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Names of what a claim holds beside its marker: one file, if all is well; none where the claim is gone. */
export async function claimedFiles(folders: Folders, claim: string): Promise<readonly RawName[]> {
  try {
    const names = await readdir(pathIn(folders.work, claim), 'latin1');
    return names.filter((name) => name !== MARKER_FOLDER);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Name of the file that a claim holds; `undefined` where it holds none (or the claim is gone).
 * @throws WaybillError `WORK_NOT_OURS` where it holds more than one.
 */
export async function claimedFile(folders: Folders, claim: string): Promise<RawName | undefined> {
  const files = await claimedFiles(folders, claim);
  if (files.length <= 1) return files[0];
  const message = `work/${claim} holds ${files.length} files instead of one; move away what does not belong there`;
  throw dropError('WORK_NOT_OURS', message, { file: `${folders.work}/${claim}` });
}

/** The claims in work/ in the order in which they were made, and the names of what else lies there. */
export async function listClaims(
  folders: Folders,
): Promise<{ readonly claims: readonly string[]; readonly strangers: readonly RawName[] }> {
  const entries = await readdir(folders.work, { encoding: 'latin1', withFileTypes: true });
  const ours = (entry: (typeof entries)[number]) => entry.isDirectory() && isClaimId(entry.name);
  return {
    claims: entries
      .filter(ours)
      .map((entry) => entry.name)
      .sort(),
    strangers: entries.filter((entry) => !ours(entry)).map((entry) => entry.name),
  };
}

/** Removes a claim whose file has gone to its place; the marker goes with it. Harmless where it is gone already. */
export async function closeClaim(folders: Folders, claim: string): Promise<void> {
  for (const marker of await markersOf(folders, claim))
    await removeFile(pathIn(folders.work, claim, MARKER_FOLDER, marker));
  await removeClaimFolders(folders, claim);
}

/**
 * Removes a claim that holds no file (a crash or a vanished file came before the rename). Its marker goes back beside the
 * file it belongs to, or away with a file that is no more.
 */
export async function releaseEmptyClaim(folders: Folders, claim: string): Promise<void> {
  for (const marker of await markersOf(folders, claim)) {
    const held = pathIn(folders.work, claim, MARKER_FOLDER, marker);
    const home = pathIn(folders.inbox, marker);
    const wanted = (await statOf(home)) === undefined && (await hasFileOf(folders, marker));
    if (wanted) await rename(held, home);
    else await removeFile(held);
  }
  await removeClaimFolders(folders, claim);
}

/** True where the inbox still has a file that this marker could belong to: its name is the beginning of the marker's. */
async function hasFileOf(folders: Folders, marker: RawName): Promise<boolean> {
  const names = await readdir(folders.inbox, 'latin1');
  return names.some((name) => name.length < marker.length && marker.startsWith(name));
}

async function markersOf(folders: Folders, claim: string): Promise<readonly RawName[]> {
  try {
    return await readdir(pathIn(folders.work, claim, MARKER_FOLDER), 'latin1');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function removeClaimFolders(folders: Folders, claim: string): Promise<void> {
  await removeIfEmpty(pathIn(folders.work, claim, MARKER_FOLDER));
  await removeIfEmpty(pathIn(folders.work, claim));
}
