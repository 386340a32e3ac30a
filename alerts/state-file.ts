/** The alerts' memory in the data folder: what was told, and what happened lately. Names, ids, codes and times only. */
import { existsSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../engine/bodies.ts';
import type { Kept } from './book.ts';
import type { Happening } from './condition.ts';

const FILE = 'alerts.json';
const VERSION = 1;

/** What a restart must not forget. */
export interface AlertState {
  readonly kept: readonly Kept[];
  /** What event rules count, by the name of the rule. */
  readonly events: Readonly<Record<string, readonly Happening[]>>;
  /** Submissions routed up to then were looked at, milliseconds since 1970. */
  readonly routedUpTo: number | undefined;
  /** Channels that could not be told lately. */
  readonly failing: Readonly<Record<string, Failing>>;
}

export interface Failing {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly tries: number;
  readonly code: string;
  readonly retryAt: number;
}

export const NOTHING_TOLD: AlertState = Object.freeze({ kept: [], events: {}, routedUpTo: undefined, failing: {} });

/** Where the file of a data folder is. */
export function stateFile(dataFolder: string): string {
  return join(dataFolder, FILE);
}

/**
 * Reads what was told; nothing where there is no file. `broken` where it cannot be understood: then alerts that last are
 * told once more, and nothing else is lost.
 */
export function readState(dataFolder: string): { readonly state: AlertState; readonly broken: boolean } {
  const path = stateFile(dataFolder);
  if (!existsSync(path)) return { state: NOTHING_TOLD, broken: false };
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isState(value)) return { state: { ...NOTHING_TOLD, ...value }, broken: false };
  } catch {
    // Cut short or not readable: told by `broken`.
  }
  return { state: NOTHING_TOLD, broken: true };
}

/** Writes what was told: temporary name, flush, rename, flush of the folder. @throws an error of the disk */
export async function writeState(dataFolder: string, state: AlertState): Promise<void> {
  const path = stateFile(dataFolder);
  const temporary = `${path}.part`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ version: VERSION, ...state })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

function isState(value: unknown): value is AlertState {
  if (!isRecord(value) || value.version !== VERSION || !Array.isArray(value.kept)) return false;
  const { kept, events, failing } = value;
  if (!isRecord(events) || !isRecord(failing)) return false;
  const counted = Object.values(events).every((each) => Array.isArray(each) && each.every(isHappening));
  return kept.every(isKept) && counted && Object.values(failing).every(isFailing);
}

function isHappening(value: unknown): value is Happening {
  return isRecord(value) && isTime(value.at);
}

function isFailing(value: unknown): value is Failing {
  if (!isRecord(value) || typeof value.code !== 'string') return false;
  return isTime(value.since) && isTime(value.retryAt) && typeof value.tries === 'number';
}

function isKept(value: unknown): value is Kept {
  if (!isRecord(value) || !isRecord(value.told) || !isRecord(value.facts)) return false;
  const texts = ['rule', 'subject', 'sentence', 'advice', 'over'].every((key) => typeof value[key] === 'string');
  return texts && isTime(value.since) && Object.values(value.told).every(isTime);
}

/** Milliseconds that a date can be made of. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && !Number.isNaN(new Date(value).getTime());
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
