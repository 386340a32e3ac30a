/** The actions of a transform, compiled to steps. */

import { suggest } from '../../engine/config/suggest.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { compileTestChecked } from './expressions.ts';
import { compileForeach } from './loops.ts';
import type { Scope, SetLine, Step } from './program.ts';
import { compileSource } from './sources.ts';
import { checkKeys, describe, isTree, mapOf, type Tree, textOf } from './syntax.ts';
import { compileCall, withVariables } from './variables.ts';

/** The keys of each action; the first one names it. */
const ACTIONS = {
  set: ['set'],
  append: ['append', 'do'],
  insert: ['insert'],
  remove: ['remove'],
  if: ['if', 'then', 'else'],
  switch: ['switch', 'cases', 'default'],
  foreach: ['foreach', 'do'],
  call: ['call'],
  let: ['let'],
  drop: ['drop'],
} as const;

type ActionName = keyof typeof ACTIONS;

const ACTION_NAMES = Object.keys(ACTIONS) as readonly ActionName[];

const NOTHING: Step = () => true;

/** Compiles a list of actions to one step. */
export function compileActions(node: unknown, at: KeyPath, scope: Scope): Step {
  if (!Array.isArray(node)) {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(node), 'a list of actions');
    return NOTHING;
  }
  let inner = scope;
  const steps: Step[] = [];
  for (const [index, entry] of node.entries()) {
    const place = [...at, index];
    if (isTree(entry) && 'let' in entry) {
      const made = compileLet(entry, place, inner);
      inner = made.scope;
      steps.push(made.step);
    } else {
      steps.push(compileAction(entry, place, inner));
    }
  }
  return sequence(steps);
}

function sequence(steps: readonly Step[]): Step {
  const [only] = steps;
  if (only && steps.length === 1) return only;
  return (frame) => {
    for (const step of steps) if (!step(frame)) return false;
    return true;
  };
}

function compileAction(node: unknown, at: KeyPath, scope: Scope): Step {
  if (!isTree(node)) {
    scope.problems.add(at, 'DTL_UNKNOWN_ACTION', describe(node), `an action: ${ACTION_NAMES.join(', ')}`);
    return NOTHING;
  }
  const name = ACTION_NAMES.find((action) => Object.hasOwn(node, action));
  if (!name) {
    const key = Object.keys(node)[0] ?? '';
    const meant = suggest(key, ACTION_NAMES);
    scope.problems.add(
      [...at, key],
      'DTL_UNKNOWN_ACTION',
      key,
      meant ? `${meant}?` : `an action: ${ACTION_NAMES.join(', ')}`,
    );
    return NOTHING;
  }
  checkKeys(node, ACTIONS[name], at, scope.problems);
  return COMPILERS[name](node, at, scope);
}

const COMPILERS: Readonly<Record<ActionName, (node: Tree, at: KeyPath, scope: Scope) => Step>> = {
  set: (node, at, scope) => scope.compilation.target.set(setLines(node.set, [...at, 'set'], scope), at, scope),
  append: compileAppend,
  insert: compileInsert,
  remove: compileRemove,
  if: compileIf,
  switch: compileSwitch,
  foreach: (node, at, scope) => compileForeach(node, at, scope, compileActions),
  call: (node, at, scope) => compileCall(node.call, [...at, 'call'], scope, compileActions),
  let: (node, at, scope) => compileLet(node, at, scope).step,
  drop: compileDrop,
};

/** The lines of a `set`: a source for each target. */
function setLines(node: unknown, at: KeyPath, scope: Scope): readonly SetLine[] {
  if (!isTree(node)) {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(node), 'a map of targets to sources');
    return [];
  }
  return Object.entries(node).map(([target, source]) => {
    const place = [...at, target];
    return { target, at: place, source: compileSource(source, place, scope) };
  });
}

function compileAppend(node: Tree, at: KeyPath, scope: Scope): Step {
  const place = [...at, 'append'];
  const { target } = scope.compilation;
  const isHl7 = target.kind === 'hl7';
  const tree = mapOf(node.append, place, isHl7 ? ['segment', 'set'] : ['path', 'set', 'value'], scope.problems);
  if (!tree) return NOTHING;
  if (isHl7 && node.do !== undefined)
    scope.problems.add([...at, 'do'], 'DTL_UNKNOWN_KEY', 'do', 'set inside of append; do is for elements of documents');
  const lines = tree.set === undefined ? [] : setLines(tree.set, [...place, 'set'], scope);
  const where = textOf(isHl7 ? tree.segment : tree.path) ?? '';
  const value = tree.value === undefined ? undefined : compileSource(tree.value, [...place, 'value'], scope);
  const inner = isHl7 || node.do === undefined ? undefined : compileActions(node.do, [...at, 'do'], scope);
  return target.append({ where, lines, value, inner }, place, scope);
}

function compileInsert(node: Tree, at: KeyPath, scope: Scope): Step {
  const place = [...at, 'insert'];
  const tree = mapOf(node.insert, place, ['segment', 'before', 'after', 'set'], scope.problems);
  if (!tree) return NOTHING;
  const side = tree.before !== undefined ? 'before' : 'after';
  const segment = textOf(tree[side]);
  if ((tree.before === undefined) === (tree.after === undefined) || segment === undefined) {
    scope.problems.add(place, 'DTL_WRONG_SHAPE', describe(tree), 'before: SEGMENT or after: SEGMENT');
    return NOTHING;
  }
  const lines = tree.set === undefined ? [] : setLines(tree.set, [...place, 'set'], scope);
  return scope.compilation.target.insert(textOf(tree.segment) ?? '', { side, segment }, lines, place, scope);
}

function compileRemove(node: Tree, at: KeyPath, scope: Scope): Step {
  const place = [...at, 'remove'];
  const list = Array.isArray(node.remove) ? node.remove : [node.remove];
  return sequence(
    list.map((entry, index) => {
      const inside = Array.isArray(node.remove) ? [...place, index] : place;
      return scope.compilation.target.remove(textOf(entry) ?? '', inside, scope);
    }),
  );
}

function compileIf(node: Tree, at: KeyPath, scope: Scope): Step {
  const test = compileTestChecked(node.if, [...at, 'if'], scope);
  const yes = compileActions(node.then, [...at, 'then'], scope);
  const no = node.else === undefined ? NOTHING : compileActions(node.else, [...at, 'else'], scope);
  return (frame) => (test.holds(frame) ? yes(frame) : no(frame));
}

function compileSwitch(node: Tree, at: KeyPath, scope: Scope): Step {
  const source = compileSource(node.switch, [...at, 'switch'], scope);
  const place = [...at, 'cases'];
  const cases = new Map<string, Step>();
  if (isTree(node.cases)) {
    for (const [text, actions] of Object.entries(node.cases))
      cases.set(text, compileActions(actions, [...place, text], scope));
  } else if (Array.isArray(node.cases)) {
    for (const [index, entry] of node.cases.entries()) addCase(entry, [...place, index], cases, scope);
  } else {
    scope.problems.add(
      place,
      'DTL_WRONG_SHAPE',
      describe(node.cases),
      'a map of values to actions, or a list of { is: [values], then: actions }',
    );
  }
  const other = node.default === undefined ? NOTHING : compileActions(node.default, [...at, 'default'], scope);
  return (frame) => (cases.get(source.read(frame)) ?? other)(frame);
}

function addCase(entry: unknown, at: KeyPath, cases: Map<string, Step>, scope: Scope): void {
  const tree = mapOf(entry, at, ['is', 'then'], scope.problems);
  if (!tree) return;
  const step = compileActions(tree.then, [...at, 'then'], scope);
  for (const value of Array.isArray(tree.is) ? tree.is : [tree.is]) {
    const text = textOf(value) ?? '';
    if (cases.has(text)) scope.problems.add([...at, 'is'], 'DTL_WRONG_SHAPE', text, 'a value that no other case has');
    cases.set(text, step);
  }
}

/** `let`: variables for the actions that follow in the same list, and for what those contain. */
function compileLet(node: Tree, at: KeyPath, scope: Scope): { readonly scope: Scope; readonly step: Step } {
  checkKeys(node, ACTIONS.let, at, scope.problems);
  const place = [...at, 'let'];
  const tree = isTree(node.let) ? node.let : {};
  if (!isTree(node.let)) scope.problems.add(place, 'DTL_WRONG_SHAPE', describe(node.let), 'a map of names to sources');
  let inner = scope;
  const steps = Object.entries(tree).map(([name, entry]): Step => {
    const source = compileSource(entry, [...place, name], inner);
    if (source.raw)
      scope.problems.add(
        [...place, name],
        'DTL_WRONG_SHAPE',
        describe(entry),
        'a text; raw HL7 stands where it is written',
      );
    inner = withVariables([name], place, inner);
    const slot = inner.variables.get(name) ?? 0;
    return (frame) => {
      frame.variables[slot] = source.read(frame);
      return true;
    };
  });
  return { scope: inner, step: sequence(steps) };
}

function compileDrop(node: Tree, at: KeyPath, scope: Scope): Step {
  const inside = isTree(node.drop) ? mapOf(node.drop, [...at, 'drop'], ['reason'], scope.problems)?.reason : node.drop;
  const reason = textOf(inside) ?? '';
  if (reason.trim() === '')
    scope.problems.add([...at, 'drop'], 'DTL_WRONG_SHAPE', describe(node.drop), 'the reason, as a text');
  return (frame) => {
    frame.reason = reason;
    return false;
  };
}
