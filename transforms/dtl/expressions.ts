/** CEL at work in a transform: the conditions of `if`, and `{ cel: ... }` sources, over the item and the variables in sight. */
import { compileExpression, compileTest, type ExpressionScope, expressionUse } from '../../engine/conditions.ts';
import type { TypedValue } from '../../engine/contracts/item.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { messageOf } from '../../engine/errors.ts';
import { itemPathProblem } from './item-names.ts';
import { scalarOf, typedText } from './names.ts';
import { addFault, constantSource, type Frame, madeSource, type Scope, type Source } from './program.ts';
import { describe, textOf } from './syntax.ts';

/** A compiled condition; one that fails for an item is a fault of the item, and false. */
export interface CheckedTest {
  holds(frame: Frame): boolean;
  readonly origins: readonly string[];
}

/** Compiles the condition of an `if`. What is wrong is reported, and never holds. */
export function compileTestChecked(node: unknown, at: KeyPath, scope: Scope): CheckedTest {
  const text = textOf(node);
  if (text === undefined) {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(node), 'a condition in CEL');
    return { holds: () => false, origins: [] };
  }
  try {
    const names = celScope(scope);
    const test = compileTest(text, names);
    return { holds: (frame) => held(test, frame), origins: celOrigins(text, names) };
  } catch (error) {
    scope.problems.add(at, 'DTL_BAD_CONDITION', text, messageOf(error));
    return { holds: () => false, origins: [] };
  }
}

function held(test: ReturnType<typeof compileTest>, frame: Frame): boolean {
  try {
    return test(frame.item, frame.context, frame.variables);
  } catch (error) {
    addFault(frame, 'CONDITION_FAILED', [], messageOf(error));
    return false;
  }
}

/** Compiles `{ cel: ... }`: in texts numbers are decimal and times ISO 8601; in documents they keep their type. null is nothing. */
export function celSource(node: unknown, at: KeyPath, scope: Scope): Source {
  const text = textOf(node) ?? '';
  const names = celScope(scope);
  try {
    const run = compileExpression(text, names);
    const origins = celOrigins(text, names);
    const columns = origins.filter((origin) => names.columns.includes(origin));
    const value = (frame: Frame) => celValue(run, frame, columns);
    return madeSource(
      (frame) => typedText(value(frame)),
      origins,
      columns,
      (frame) => scalarOf(value(frame)),
    );
  } catch (error) {
    scope.problems.add(at, 'DTL_BAD_CONDITION', text, messageOf(error));
    return constantSource('', false);
  }
}

function celValue(run: ReturnType<typeof compileExpression>, frame: Frame, columns: readonly string[]): TypedValue {
  try {
    const value = run(frame.item, frame.context, frame.variables);
    if (isTyped(value)) return value;
    addFault(frame, 'CONDITION_FAILED', columns, 'the CEL source gave a list or a map; a text was expected');
  } catch (error) {
    addFault(frame, 'CONDITION_FAILED', columns, messageOf(error));
  }
  return null;
}

function isTyped(value: unknown): value is TypedValue {
  return value === null || value instanceof Date || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}

/** The names that a CEL expression may use at this place. */
function celScope(scope: Scope): ExpressionScope {
  const { columns, input, resources } = scope.compilation;
  return {
    columns: columns.map((column) => column.name),
    values: resources.values,
    variables: scope.variables,
    pathProblem: (path) => itemPathProblem(path, input),
  };
}

/** What a CEL expression reads, for lineage. */
function celOrigins(text: string, names: ExpressionScope): readonly string[] {
  const use = expressionUse(text, names);
  const dotted = (root: string, keys: Iterable<string>) => [...keys].map((key) => `${root}.${key}`);
  return [
    ...use.row,
    ...use.message,
    ...dotted('typed', use.typed),
    ...dotted('fields', use.fields),
    ...dotted('values', use.values),
    ...dotted('submission', use.submission),
    ...use.whole,
  ];
}
