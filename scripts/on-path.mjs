/** Finding programs, also those of the usual folders that a short PATH leaves out. Runs on Node 20 without any package. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const USUAL = ['/usr/bin', '/usr/sbin', '/usr/local/bin'];

/** Path of a program, or `undefined`. */
export function findOnPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...USUAL].filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

/** Whether there is such a file, and it may be run. */
export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
