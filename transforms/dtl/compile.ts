/** From the tree of a file to a program, or to the list of everything that is wrong with it. */

import type { Fault, Item } from '../../engine/contracts/item.ts';
import type { Issue, Resources } from '../../engine/contracts/resources.ts';
import type {
  LineageLine,
  TransformContext,
  TransformProgram,
  TransformResult,
} from '../../engine/contracts/transform.ts';
import { WaybillError } from '../../engine/errors.ts';
import { compileActions } from './actions.ts';
import { type Hl7Input, isOfStructure, openHl7 } from './hl7-input.ts';
import { type Input, inputOf, targetOf } from './in-out.ts';
import type { Compilation, Frame, Scope, ScriptFunction, Step, Target } from './program.ts';
import { checkKeys, describe, isTree, Problems, printKeys, type Tree } from './syntax.ts';
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
  const input = inputOf(tree.from, resources, problems);
  const target = targetOf(tree.to, input.kind, problems);
  const compilation: Compilation = {
    resources,
    input: input.kind,
    columns: input.columns,
    target,
    scripts,
    variables: 0,
  };
  const file = `transforms/${name}.yaml`;
  const root: Scope = { compilation, problems, file, stack: [name], variables: new Map() };
  const scope = withVariables(parametersOf(tree), ['parameters'], root);
  const step = compileActions(tree.actions, ['actions'], scope);
  target.seal();
  if (target.kind === 'hl7' && !isCopy(tree)) warnOfHeader(tree, problems);
  return { program: programOf(step, compilation, input), issues: problems.issues };
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

/** A copy has the header of what came in. */
function isCopy({ to }: Tree): boolean {
  return isTree(to) && to.copy !== undefined;
}

type Run = (item: Item, context: TransformContext, trace: LineageLine[] | undefined) => TransformResult;

function programOf(step: Step, compilation: Compilation, input: Input): TransformProgram {
  const once = runOf(step, compilation.target, compilation.variables);
  const run: Run = input.kind === 'hl7' ? overHl7(once, input.structure) : once;
  return {
    run: (item, context) => run(item, context, undefined),
    explain(item, context) {
      const lineage: LineageLine[] = [];
      return { result: run(item, context, lineage), lineage };
    },
  };
}

function runOf(step: Step, target: Target, variables: number) {
  return (item: Item, context: TransformContext, trace: LineageLine[] | undefined, hl7?: Hl7Input): TransformResult => {
    const frame: Frame = {
      item,
      values: item.values,
      context,
      variables: variables === 0 ? NO_VARIABLES : new Array<string>(variables).fill(''),
      output: target.begin(context, hl7),
      hl7,
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
}

/** Opens the message first; one that cannot be read, or is of another structure, is invalid in its entry. */
function overHl7(once: ReturnType<typeof runOf>, structure: string): Run {
  return (item, context, trace) => {
    try {
      const hl7 = openHl7(item);
      if (structure !== '' && !isOfStructure(hl7.message, structure))
        return invalid(
          item,
          'DTL_OTHER_STRUCTURE',
          `MSH-9 does not say ${structure}, which the transform is written for`,
        );
      return once(hl7.item, context, trace, hl7);
    } catch (error) {
      if (error instanceof WaybillError) return invalid(item, error.code, error.message);
      throw error;
    }
  };
}

function invalid(item: Item, code: string, reason: string): TransformResult {
  const fault: Fault = { code, line: item.line, reason };
  return { kind: 'invalid', faults: [fault] };
}

const NO_VARIABLES: string[] = [];
