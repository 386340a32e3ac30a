/** From the tree of a file to a program, or to the list of everything that is wrong with it. */

import { suggest } from '../../engine/config/suggest.ts';
import type { Item } from '../../engine/contracts/item.ts';
import type { Issue, Resources } from '../../engine/contracts/resources.ts';
import type {
  LineageLine,
  TransformContext,
  TransformProgram,
  TransformResult,
} from '../../engine/contracts/transform.ts';
import { WaybillError } from '../../engine/errors.ts';
import { compileActions } from './actions.ts';
import { Hl7Target } from './hl7-target.ts';
import type { Column, Compilation, Frame, Scope, ScriptFunction, Step, Target } from './program.ts';
import { checkKeys, describe, isTree, Problems, printKeys, type Tree, textOf } from './syntax.ts';
import { parametersOf, withVariables } from './variables.ts';

const KEYS = ['transform', 'description', 'from', 'to', 'parameters', 'actions'];

/** What compiling gave: the program is sound only where `issues` holds warnings at most. */
export interface Compiled {
  readonly program: TransformProgram;
  readonly issues: readonly Issue[];
}

/**
 * Compiles the transform `name`. `scripts` holds the functions in code that it uses; without it (for `check`) only their
 * files are looked for.
 */
export function compileTransform(
  name: string,
  data: unknown,
  resources: Resources,
  scripts: ReadonlyMap<string, ScriptFunction> | undefined,
): Compiled {
  const problems = new Problems();
  const tree = isTree(data) ? data : {};
  if (!isTree(data)) problems.add([], 'DTL_WRONG_SHAPE', describe(data), 'a map with transform, from, to, actions');
  checkKeys(tree, KEYS, [], problems);
  const target = targetOf(tree.to, problems);
  const compilation: Compilation = {
    resources,
    columns: columnsOf(tree.from, resources, problems),
    target,
    scripts,
    variables: 0,
  };
  const file = `transforms/${name}.yaml`;
  const root: Scope = { compilation, problems, file, stack: [name], variables: new Map() };
  const scope = withVariables(parametersOf(tree), ['parameters'], root);
  const step = compileActions(tree.actions, ['actions'], scope);
  target.seal();
  warnOfHeader(tree, problems);
  return { program: programOf(step, target, compilation.variables), issues: problems.issues };
}

/** The program of a transform. @throws WaybillError with the code of the first problem and the number of the others. */
export function programOrThrow(name: string, compiled: Compiled): TransformProgram {
  const errors = compiled.issues.filter((issue) => !issue.warning);
  const [first] = errors;
  if (!first) return compiled.program;
  const others = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const file = `transforms/${name}.yaml`;
  const path = printKeys(first.path);
  const message = `${file} ${path}: found ${first.found}, expected ${first.expected}; ${first.cure}${others}`;
  throw new WaybillError(first.code, message, { file, path });
}

function targetOf(to: unknown, problems: Problems): Target {
  const tree = isTree(to) ? to : {};
  if (textOf(tree.json) !== undefined && tree.json !== undefined) {
    problems.add(['to', 'json'], 'DTL_UNKNOWN_TARGET_KIND', 'json', 'hl7; documents are not built by this version');
    return new Hl7Target('');
  }
  checkKeys(tree, ['hl7', 'version'], ['to'], problems);
  const structure = textOf(tree.hl7) ?? '';
  const version = textOf(tree.version) ?? '';
  if (!/^[A-Z0-9]{3}(_[A-Z0-9]{3})?$/.test(structure)) {
    problems.add(['to', 'hl7'], 'DTL_WRONG_SHAPE', structure || describe(to), 'a message structure such as VXU_V04');
  }
  if (!/^2(\.\d){1,2}$/.test(version)) {
    problems.add(['to', 'version'], 'DTL_WRONG_SHAPE', version || 'nothing', 'a version of HL7 v2 such as 2.5.1');
  }
  return new Hl7Target(version);
}

/** The columns of the record map under `from`; a transform with parameters alone may do without. */
function columnsOf(from: unknown, resources: Resources, problems: Problems): readonly Column[] {
  if (from === undefined) return [];
  const tree = isTree(from) ? from : {};
  checkKeys(tree, ['recordMap'], ['from'], problems);
  const name = textOf(tree.recordMap) ?? '';
  const maps = resources.files['record-maps'] ?? {};
  const map = Object.hasOwn(maps, name) ? maps[name] : undefined;
  if (!isTree(map)) {
    const meant = suggest(name, Object.keys(maps));
    const expected = meant ? `${meant}?` : 'the name of a file of record-maps/';
    problems.add(['from', 'recordMap'], 'DTL_UNKNOWN_RECORD_MAP', name || describe(from), expected);
    return [];
  }
  const columns: readonly unknown[] = Array.isArray(map.columns) ? map.columns : [];
  return columns
    .filter(isTree)
    .map((column) => ({ name: textOf(column.name) ?? '', type: textOf(column.type) ?? 'text' }));
}

/** MSH-9 and MSH-10 are needed by every receiver; a file that sets other fields of MSH is no mere subtransform. */
function warnOfHeader(tree: Tree, problems: Problems): void {
  const targets = Array.isArray(tree.actions) ? targetsOf(tree.actions) : [];
  const msh = targets.filter((target) => target.startsWith('MSH-'));
  const missing = ['MSH-9', 'MSH-10'].filter(
    (field) => !msh.some((target) => target === field || target.startsWith(`${field}.`)),
  );
  if (msh.length > 0 && missing.length > 0 && !calls(tree.actions)) {
    problems.warn(['actions'], 'DTL_MSH_INCOMPLETE', `no ${missing.join(', no ')}`, 'MSH-9 and MSH-10');
  }
}

function targetsOf(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(targetsOf);
  if (!isTree(node)) return [];
  const own = isTree(node.set) ? Object.keys(node.set) : [];
  return [...own, ...Object.values(node).flatMap(targetsOf)];
}

function calls(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(calls);
  return isTree(node) && (node.call !== undefined || Object.values(node).some(calls));
}

function programOf(step: Step, target: Target, variables: number): TransformProgram {
  const run = (item: Item, context: TransformContext, trace: LineageLine[] | undefined): TransformResult => {
    const frame: Frame = {
      item,
      values: item.values,
      context,
      variables: variables === 0 ? NO_VARIABLES : new Array<string>(variables).fill(''),
      message: target.begin(context),
      current: undefined,
      faults: undefined,
      trace,
      reason: undefined,
    };
    step(frame);
    if (frame.faults !== undefined) return { kind: 'invalid', faults: frame.faults };
    if (frame.reason !== undefined) return { kind: 'dropped', reason: frame.reason };
    return { kind: 'message', message: target.finish(frame) };
  };
  return {
    run: (item, context) => run(item, context, undefined),
    explain(item, context) {
      const lineage: LineageLine[] = [];
      return { result: run(item, context, lineage), lineage };
    },
  };
}

const NO_VARIABLES: string[] = [];
