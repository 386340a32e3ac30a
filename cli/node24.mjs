/** Finds a Node that runs TypeScript as it is. Plain JavaScript without dependencies: it runs on Node 20, before `npm ci`. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 24;

/** Folder of the project. */
export const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Flags for every Node that runs our code. */
export const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];

/** Where compiled code is kept between runs: starts in half the time. Not in a folder that others may write to. */
export const COMPILE_CACHE = process.env.NODE_COMPILE_CACHE ?? join(PROJECT, 'node_modules', '.cache', 'compile');

/**
 * Path of a Node of version 24 or later: this one, the one that came with `npm ci`, or one on the PATH.
 * @returns {string | undefined}
 */
export function findNode24() {
  if (major(process.version) >= OLDEST_NODE) return process.execPath;
  const packaged = ['linux-x64', 'linux-arm64'].map((platform) =>
    join(PROJECT, 'node_modules', `node-${platform}`, 'bin', 'node'),
  );
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  const seen = new Set([process.execPath]);
  for (const path of [...packaged, join(PROJECT, 'node_modules', '.bin', 'node'), ...onPath]) {
    if (seen.has(path) || !existsSync(path)) continue;
    seen.add(path);
    if (versionOf(path) >= OLDEST_NODE) return path;
  }
  return undefined;
}

/** One sentence for people, where `findNode24` found none. */
export const NODE_MISSING =
  `Waybill needs Node ${OLDEST_NODE} or later and found only ${process.version}. ` +
  `Run \`npm ci\` in ${PROJECT} (on Linux it brings one along), or install Node ${OLDEST_NODE} and put it on the PATH.`;

function versionOf(path) {
  const asked = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return asked.status === 0 ? major(asked.stdout) : 0;
}

function major(version) {
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0);
}
