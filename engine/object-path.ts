/** Paths into objects as productions write them: names with points between them, positions in lists from 1, as in HL7. */

/** Names, and positions in lists, from 0 as programs count. */
export type ObjectPath = readonly (string | number)[];

/** A name, and behind it which element of a list it is, and of a list in that: `grid(2)(1)`. */
const PART = /^((?:(?!\(\d+\))[^.[\]])+)((?:\(\d{1,9}\))*)$/;

/**
 * Reads `patient.name.family`, `codes(1).system`; a text says what was expected instead. A name may have brackets of its
 * own, such as `weight (kg)`, but no point and no square bracket.
 */
export function readObjectPath(path: string): ObjectPath | string {
  if (/[[\]]/.test(path)) return 'positions in lists from 1 in round brackets, such as codes(1).system';
  const steps: (string | number)[] = [];
  for (const piece of path.split('.')) {
    const [, name, positions = ''] = PART.exec(piece) ?? [];
    if (name === undefined) return 'names with a point between them, such as patient.name.family';
    steps.push(name);
    for (const [digits] of positions.matchAll(/\d+/g)) {
      if (Number(digits) === 0) return 'positions in lists that count from 1, such as codes(1).system';
      steps.push(Number(digits) - 1);
    }
  }
  return steps;
}

/** What is wrong with a path, as a sentence; `undefined` where nothing is. */
export function objectPathProblem(path: string): string | undefined {
  const steps = readObjectPath(path);
  return typeof steps === 'string' ? `'${shown(path)}' is not a path; expected ${steps}` : undefined;
}

function shown(path: string): string {
  return path.length > 40 ? `${path.slice(0, 40)}...` : path;
}
