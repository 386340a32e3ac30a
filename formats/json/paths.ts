import { WaybillError } from '../../engine/errors.ts';
import { JSON_ERRORS } from './errors.ts';

const STEP = /([^.[\]]+)|\[(\d{1,9})\]/y;

const known = new Map<string, readonly (string | number)[]>();
/** Paths come from configuration; so many are remembered. */
const MANY = 1000;

/**
 * Reads `patient.name.family`, `codes[0].system`: names with points between them, list positions from 0 in brackets.
 * @throws WaybillError JSON_PATH_INVALID
 */
export function parseJsonPath(path: string): readonly (string | number)[] {
  const before = known.get(path);
  if (before) return before;
  const steps: (string | number)[] = [];
  let at = 0;
  while (at < path.length) {
    const wantsPoint = steps.length > 0 && path[at] !== '[';
    if (wantsPoint && path[at] !== '.') throw invalid(path);
    STEP.lastIndex = wantsPoint ? at + 1 : at;
    const match = STEP.exec(path);
    if (!match || (wantsPoint && match[1] === undefined)) throw invalid(path);
    steps.push(match[1] ?? Number(match[2]));
    at = STEP.lastIndex;
  }
  if (steps.length === 0) throw invalid(path);
  if (known.size < MANY) known.set(path, steps);
  return steps;
}

/** The value at a path; `undefined` where there is none. Only what the object itself has counts, never its prototype. */
export function valueAt(root: unknown, steps: readonly (string | number)[]): unknown {
  let value = root;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value) !== (typeof step === 'number') || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}

function invalid(path: string): WaybillError {
  const shown = path.length > 40 ? `${path.slice(0, 40)}...` : path;
  return new WaybillError('JSON_PATH_INVALID', `'${shown}' is not a path. ${JSON_ERRORS.JSON_PATH_INVALID.cure}`, {
    path: shown,
  });
}
