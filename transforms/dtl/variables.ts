/** Variables of a transform, and calls of subtransforms, which see nothing but their own parameters. */

import { suggest } from '../../engine/config/suggest.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { kindOfTarget } from './in-out.ts';
import type { Scope, Source, Step } from './program.ts';
import { compileSource } from './sources.ts';
import { checkKeys, describe, isTree, Problems, type Tree, textOf } from './syntax.ts';

/** Names that mean something else in a condition or a source. */
const RESERVED = new Set([
  ...['row', 'typed', 'submission', 'fields', 'partner', 'values', 'message', 'in', 'true', 'false', 'null'],
  ...[
    'as',
    'break',
    'const',
    'continue',
    'else',
    'for',
    'function',
    'if',
    'import',
    'let',
    'loop',
    'package',
    'namespace',
  ],
  ...[
    'return',
    'var',
    'void',
    'while',
    'int',
    'uint',
    'double',
    'bool',
    'string',
    'bytes',
    'list',
    'map',
    'type',
    'dyn',
  ],
]);

/** The scope with further variables. A name that cannot be used is reported. */
export function withVariables(names: readonly string[], at: KeyPath, scope: Scope): Scope {
  const { compilation, problems } = scope;
  const variables = new Map(scope.variables);
  for (const name of names) {
    const isColumn = compilation.columns.some((column) => column.name === name);
    if (!/^[A-Za-z_]\w*$/.test(name) || RESERVED.has(name) || variables.has(name) || isColumn) {
      problems.add(at, 'DTL_BAD_VARIABLE', name || 'nothing', 'a name of its own');
      continue;
    }
    variables.set(name, compilation.variables++);
  }
  return { ...scope, variables };
}

type CompileActions = (node: unknown, at: KeyPath, scope: Scope) => Step;

/** Compiles a call: the actions of the other transform, with its parameters, into the same message. */
export function compileCall(node: unknown, at: KeyPath, scope: Scope, compileActions: CompileActions): Step {
  const call = isTree(node) ? node : { transform: node };
  if (isTree(node)) checkKeys(node, ['transform', 'with'], at, scope.problems);
  const place = isTree(node) ? [...at, 'transform'] : at;
  const name = textOf(call.transform) ?? '';
  const file = subtransform(name, place, scope);
  if (!file) return () => true;
  const { kind } = scope.compilation.target;
  if (kindOfTarget(file.to) !== kind) {
    scope.problems.add(
      place,
      'DTL_UNKNOWN_TARGET_KIND',
      `${name}, which makes ${kind === 'hl7' ? 'documents' : 'HL7'}`,
      `a transform to ${kind}`,
    );
    return () => true;
  }
  const given = isTree(call.with) ? call.with : {};
  const parameters = parametersOf(file);
  checkParameters(parameters, given, [...at, 'with'], scope);
  const sources = parameters.map((parameter) => compileSource(given[parameter], [...at, 'with', parameter], scope));
  const inner = withVariables(parameters, place, calledScope(name, scope));
  const step = compileActions(file.actions, ['actions'], inner);
  const first = inner.problems.errors[0];
  if (first) {
    const found = `${name}: ${first.found}, expected ${first.expected}`;
    scope.problems.add(place, 'DTL_SUBTRANSFORM_BROKEN', found, 'a transform without problems');
  }
  const slots = parameters.map((parameter) => inner.variables.get(parameter) ?? 0);
  return (frame) => {
    const texts = sources.map((source: Source) => source.read(frame));
    for (const [index, slot] of slots.entries()) frame.variables[slot] = texts[index] ?? '';
    return step(frame);
  };
}

/** The names under `parameters` of a transform. */
export function parametersOf(file: Tree): readonly string[] {
  return Array.isArray(file.parameters) ? file.parameters.map((name) => textOf(name) ?? '') : [];
}

function subtransform(name: string, at: KeyPath, scope: Scope): Tree | undefined {
  const files = scope.compilation.resources.files.transforms ?? {};
  if (scope.stack.includes(name)) {
    scope.problems.add(
      at,
      'DTL_RECURSION',
      [...scope.stack, name].join(' -> '),
      'a transform that does not come back here',
    );
    return undefined;
  }
  const file = Object.hasOwn(files, name) ? files[name] : undefined;
  if (isTree(file)) return file;
  const meant = suggest(name, Object.keys(files));
  scope.problems.add(
    at,
    'DTL_UNKNOWN_SUBTRANSFORM',
    name || describe(file),
    meant ? `${meant}?` : 'the name of a file of transforms/',
  );
  return undefined;
}

function checkParameters(parameters: readonly string[], given: Tree, at: KeyPath, scope: Scope): void {
  for (const name of Object.keys(given)) {
    if (!parameters.includes(name)) {
      scope.problems.add(
        [...at, name],
        'DTL_UNKNOWN_SUBTRANSFORM',
        name,
        `one of its parameters: ${parameters.join(', ') || 'it has none'}`,
      );
    }
  }
  for (const name of parameters) {
    if (!Object.hasOwn(given, name))
      scope.problems.add(at, 'DTL_UNKNOWN_SUBTRANSFORM', 'nothing', `a source for its parameter ${name}`);
  }
}

function calledScope(name: string, scope: Scope): Scope {
  return {
    compilation: scope.compilation,
    problems: new Problems(),
    file: `transforms/${name}.yaml`,
    stack: [...scope.stack, name],
    variables: new Map(),
  };
}
