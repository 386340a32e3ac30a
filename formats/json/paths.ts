import { WaybillError } from '../../engine/errors.ts';
import { type ObjectPath, objectPathProblem, readObjectPath } from '../../engine/object-path.ts';

const known = new Map<string, ObjectPath>();
/** Paths come from configuration; so many are remembered. */
const MANY = 1000;

/** The steps of a path such as `codes(1).system`. @throws WaybillError JSON_PATH_INVALID */
export function parseJsonPath(path: string): ObjectPath {
  const before = known.get(path);
  if (before) return before;
  const steps = readObjectPath(path);
  if (typeof steps === 'string')
    throw new WaybillError('JSON_PATH_INVALID', objectPathProblem(path) ?? steps, { path });
  if (known.size < MANY) known.set(path, steps);
  return steps;
}

/** The value at a path; `undefined` where there is none. Only what the object itself has counts, never its prototype. */
export function valueAt(root: unknown, steps: ObjectPath): unknown {
  let value = root;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value) !== (typeof step === 'number') || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}
