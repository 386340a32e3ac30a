import { access, constants, lstat, mkdir, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, resolve, sep } from 'node:path';
import { syncAnyFolder } from '../../engine/bodies.ts';
import { codeOf, messageOf } from '../../engine/errors.ts';
import { statOf } from './disk.ts';
import { dropError } from './errors.ts';

/** The folders inside the drop folder that are never scanned. */
export const INNER = ['work', 'done', 'failed'] as const;

/** The drop folder and its inner folders, as absolute paths without links. */
export interface Folders {
  readonly inbox: string;
  readonly work: string;
  readonly done: string;
  readonly failed: string;
  /**
   * Makes sure that all four are still the folders that were opened.
   * @throws WaybillError `FOLDER_REPLACED`
   */
  verify(): Promise<void>;
}

/**
 * Opens the drop folder, making it and work/, done/ and failed/ where they are missing. Parents are made for a path that
 * is relative to the production; for an absolute one they must be there, as it may be a share that is not mounted.
 * @throws WaybillError with a `FOLDER_...` code.
 */
export async function openFolders(productionFolder: string, folder: string): Promise<Folders> {
  const path = resolve(productionFolder, folder);
  if (!isAbsolute(folder)) await makeParents(dirname(path));
  await makeFolder(path);
  const inbox = await realpath(path);
  const dev = await checkedDevice(inbox);
  const [work, done, failed] = INNER.map((name) => `${inbox}${sep}${name}`) as [string, string, string];
  for (const inner of [work, done, failed]) {
    await makeFolder(inner);
    if ((await checkedDevice(inner)) !== dev) {
      throw dropError('FOLDER_OTHER_FILE_SYSTEM', `${inner} lies on another file system than ${inbox}; unmount it`, {
        file: inner,
      });
    }
  }
  await syncAnyFolder(inbox);
  const all = [inbox, work, done, failed];
  const known = await Promise.all(all.map((each) => lstat(each, { bigint: true })));
  return {
    inbox,
    work,
    done,
    failed,
    async verify() {
      for (const [index, each] of all.entries()) {
        const now = await statOf(each);
        const then = known[index]!;
        if (now?.isDirectory() && now.ino === then.ino && now.dev === then.dev) continue;
        throw dropError(
          'FOLDER_REPLACED',
          `${each} is gone or is another folder than at the start; put it back or restart`,
          {
            file: each,
          },
        );
      }
    },
  };
}

async function makeParents(path: string): Promise<void> {
  if ((await nearestExisting(path)) === path) return;
  await makeParents(dirname(path));
  await makeFolder(path);
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return;
    if (code === 'ENOENT') {
      throw dropError(
        'FOLDER_MISSING',
        `neither ${path} nor the folder it would be in exists; make it, or mount its share`,
        {
          file: path,
          cause: error,
        },
      );
    }
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw dropError(
        'FOLDER_NO_PERMISSION',
        `${path} cannot be made: ${code}; make it, or give the engine's user the right`,
        {
          file: path,
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** The device of a folder, after checking that it is a real one that can be used. */
async function checkedDevice(path: string): Promise<bigint> {
  const problem = await folderProblem(path);
  if (problem) throw dropError(problem.code, `${path} ${problem.found}; ${problem.cure}`, { file: path });
  return (await lstat(path, { bigint: true })).dev;
}

export interface FolderProblem {
  readonly code:
    | 'FOLDER_MISSING'
    | 'FOLDER_NOT_A_FOLDER'
    | 'FOLDER_IS_LINK'
    | 'FOLDER_NO_PERMISSION'
    | 'FOLDER_OTHER_FILE_SYSTEM';
  readonly found: string;
  readonly cure: string;
}

/** What is wrong with one folder that exists or should; `undefined` where nothing is. Changes nothing. */
async function folderProblem(path: string): Promise<FolderProblem | undefined> {
  const stat = await statOf(path);
  if (stat === undefined) return { code: 'FOLDER_MISSING', found: 'does not exist', cure: 'make the folder' };
  if (stat.isSymbolicLink())
    return { code: 'FOLDER_IS_LINK', found: 'is a symbolic link', cure: 'put a real folder there' };
  if (!stat.isDirectory())
    return { code: 'FOLDER_NOT_A_FOLDER', found: 'is not a folder', cure: 'move away what stands there' };
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    return {
      code: 'FOLDER_NO_PERMISSION',
      found: `may not be read, written and entered (${codeOf(error)})`,
      cure: "give the engine's user read, write and enter rights",
    };
  }
  return undefined;
}

/** Problems of the drop folder as it stands, for `check`; missing folders that can be made at start are none. */
export async function folderProblems(productionFolder: string, folder: string): Promise<readonly FolderProblem[]> {
  const path = resolve(productionFolder, folder);
  let inbox: string;
  try {
    inbox = await realpath(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') {
      return [
        {
          code: 'FOLDER_NO_PERMISSION',
          found: messageOf(error),
          cure: "give the engine's user the right to get there",
        },
      ];
    }
    const parent = isAbsolute(folder) ? dirname(path) : await nearestExisting(path);
    const problem = await folderProblem(await realpath(parent).catch(() => parent));
    return problem ? [{ ...problem, found: `the folder does not exist, and ${parent} ${problem.found}` }] : [];
  }
  const own = await folderProblem(inbox);
  if (own) return [own];
  const { dev } = await lstat(inbox, { bigint: true });
  const problems: FolderProblem[] = [];
  for (const name of INNER) {
    const inner = `${inbox}${sep}${name}`;
    const stat = await statOf(inner);
    if (stat === undefined) continue;
    const problem = await folderProblem(inner);
    if (problem) problems.push({ ...problem, found: `${name}/ ${problem.found}` });
    else if (stat.dev !== dev) {
      problems.push({
        code: 'FOLDER_OTHER_FILE_SYSTEM',
        found: `${name}/ lies on another file system`,
        cure: 'unmount it',
      });
    }
  }
  return problems;
}

async function nearestExisting(path: string): Promise<string> {
  if (dirname(path) === path || (await realpath(path).catch(() => undefined)) !== undefined) return path;
  return nearestExisting(dirname(path));
}

/** A folder that something uses as its own. */
export interface UsedFolder {
  /** Who uses it, as a person would say it: `services.clinic-drop.folder`. */
  readonly owner: string;
  /** Absolute path. */
  readonly path: string;
}

/**
 * Pairs of folders that are the same or one inside the other, links resolved (`FOLDER_OVERLAPS`). For whoever knows all
 * services of a production, its data folder too.
 */
export async function overlappingFolders(
  folders: readonly UsedFolder[],
): Promise<readonly (readonly [UsedFolder, UsedFolder])[]> {
  const real = await Promise.all(folders.map(async (folder) => ({ folder, path: await existingPath(folder.path) })));
  return real.flatMap((a, index) =>
    real
      .slice(index + 1)
      .filter((b) => contains(a.path, b.path) || contains(b.path, a.path))
      .map((b) => [a.folder, b.folder] as const),
  );
}

function contains(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

/** The path with the links of its existing part resolved. */
async function existingPath(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (error) {
    const parent = dirname(absolute);
    if (codeOf(error) !== 'ENOENT' || parent === absolute) return absolute;
    return resolve(await existingPath(parent), absolute.slice(parent.length).replace(/^[/\\]/, ''));
  }
}
