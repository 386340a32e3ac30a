/** `foreach`: over the parts of a value, over sources, over the segments or repetitions of a message that came in. */
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { messageOf } from '../../engine/errors.ts';
import { parsePath, parseSegmentPath } from '../../hl7/paths.ts';
import type { Frame, Scope, Step } from './program.ts';
import { compileSource } from './sources.ts';
import { checkKeys, describe, mapOf, type Tree, textOf } from './syntax.ts';
import { withVariables } from './variables.ts';

type CompileActions = (node: unknown, at: KeyPath, scope: Scope) => Step;
/** Calls `visit` for each turn with the value of that turn; ends where it gives `false`, and then gives `false`. */
type Loop = (frame: Frame, visit: (text: string) => boolean) => boolean;

const KEYS = {
  split: ['split', 'from', 'as', 'index'],
  in: ['in', 'as', 'index'],
  segment: ['segment', 'until', 'index'],
  repetition: ['repetition', 'index'],
} as const;
const SHAPES =
  '{ split: ";", from: NAME, as: NAME }, { in: [sources], as: NAME }, { segment: OBX } or { repetition: PID-3 }';
const NOTHING: Loop = () => true;

/** Compiles a `foreach` with its `do`. */
export function compileForeach(node: Tree, at: KeyPath, scope: Scope, compileActions: CompileActions): Step {
  const place = [...at, 'foreach'];
  const all = [...new Set(Object.values(KEYS).flat())];
  const tree = mapOf(node.foreach, place, all, scope.problems);
  if (!tree) return () => true;
  const names = [tree.as, tree.index].filter((name) => name !== undefined).map((name) => textOf(name) ?? '');
  const inner = withVariables(names, place, scope);
  const value = inner.variables.get(textOf(tree.as) ?? '');
  const number = tree.index === undefined ? undefined : inner.variables.get(textOf(tree.index) ?? '');
  const loop = loopOf(tree, place, scope);
  const step = compileActions(node.do, [...at, 'do'], inner);
  return (frame) => {
    let count = 0;
    return loop(frame, (text) => {
      count++;
      if (value !== undefined) frame.variables[value] = text;
      if (number !== undefined) frame.variables[number] = String(count);
      return step(frame);
    });
  };
}

function loopOf(tree: Tree, at: KeyPath, scope: Scope): Loop {
  const kind = (['segment', 'repetition', 'in', 'split'] as const).find((key) => tree[key] !== undefined);
  if (kind === undefined) {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(tree), SHAPES);
    return NOTHING;
  }
  checkKeys(tree, KEYS[kind], at, scope.problems);
  if (kind === 'segment' || kind === 'repetition') {
    if (scope.compilation.input !== 'hl7') {
      scope.problems.add(
        [...at, kind],
        'DTL_WRONG_SHAPE',
        kind,
        'a transform that reads HL7, with from: { hl7: ADT_A01 }',
      );
      return NOTHING;
    }
    return kind === 'segment' ? segmentLoop(tree, at, scope) : repetitionLoop(tree, at, scope);
  }
  if (tree.as === undefined)
    scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(tree), 'as: NAME, the variable for the value');
  return kind === 'in' ? sourceLoop(tree, at, scope) : splitLoop(tree, at, scope);
}

/** Over the segments of a name; nested ones over those that belong to the outer one. */
function segmentLoop(tree: Tree, at: KeyPath, scope: Scope): Loop {
  const name = segmentName(tree.segment, [...at, 'segment'], scope);
  const list = tree.until === undefined ? [] : Array.isArray(tree.until) ? tree.until : [tree.until];
  const until = list.map((entry) => segmentName(entry, [...at, 'until'], scope));
  return (frame, visit) => frame.hl7?.eachSegment(name, until, () => visit('')) ?? true;
}

function segmentName(node: unknown, at: KeyPath, scope: Scope): string {
  const text = textOf(node) ?? '';
  try {
    const { segment, occurrence } = parseSegmentPath(text);
    if (occurrence === 0) return segment;
    scope.problems.add(at, 'DTL_BAD_TARGET', text, `the name alone: ${segment}`);
  } catch (error) {
    scope.problems.add(at, 'DTL_BAD_TARGET', text || describe(node), messageOf(error));
  }
  return '';
}

/** Over the repetitions of a field that are not empty. */
function repetitionLoop(tree: Tree, at: KeyPath, scope: Scope): Loop {
  const text = textOf(tree.repetition) ?? '';
  try {
    const path = parsePath(text);
    if (path.repetition === 0 && path.component === 0)
      return (frame, visit) => frame.hl7?.eachRepetition(path, () => visit('')) ?? true;
    scope.problems.add([...at, 'repetition'], 'DTL_BAD_TARGET', text, 'a whole field, such as PID-3');
  } catch (error) {
    scope.problems.add([...at, 'repetition'], 'DTL_BAD_TARGET', text || describe(tree.repetition), messageOf(error));
  }
  return NOTHING;
}

/** Over a list of sources; empty ones are passed over. */
function sourceLoop(tree: Tree, at: KeyPath, scope: Scope): Loop {
  if (!Array.isArray(tree.in)) {
    scope.problems.add([...at, 'in'], 'DTL_WRONG_SHAPE', describe(tree.in), 'a list of sources');
    return NOTHING;
  }
  const sources = tree.in.map((entry, index) => compileSource(entry, [...at, 'in', index], scope));
  return (frame, visit) =>
    each(
      sources.map((source) => source.read(frame)),
      visit,
    );
}

/** Over the parts of a split value, trimmed; empty ones are passed over. */
function splitLoop(tree: Tree, at: KeyPath, scope: Scope): Loop {
  const separator = textOf(tree.split) ?? '';
  if (separator === '' || tree.from === undefined) {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(tree), SHAPES);
    return NOTHING;
  }
  const source = compileSource({ from: tree.from }, at, scope);
  return (frame, visit) =>
    each(
      source
        .read(frame)
        .split(separator)
        .map((part) => part.trim()),
      visit,
    );
}

function each(texts: readonly string[], visit: (text: string) => boolean): boolean {
  for (const text of texts) if (text !== '' && !visit(text)) return false;
  return true;
}
