/**
 * Conditions and expressions in CEL over one item: `dropWhen`, `when`, `if`, `{ cel: ... }`. Rows have `row` and `typed`, other
 * items `message["PID-5.1"]`, which reads `Item.path`. Compiled once. The shapes that
 * people write most (`row.state == "CO" && !(row.cvx in ["998", "999"])`) become closures over the item's values; everything
 * else is evaluated by cel-js with maps that hold only what the expression reads. Both give the same answer.
 */
import { type ASTNode, TypeError as CelTypeError, Environment, ParseError } from '@marcbachmann/cel-js';
import { fastTest, fastText, fixedKey } from './condition-closures.ts';
import { suggest } from './config/suggest.ts';
import type { Item } from './contracts/item.ts';
import type { Condition, TransformContext } from './contracts/transform.ts';
import { defineErrors, WaybillError } from './errors.ts';

export const CONDITION_ERRORS = defineErrors({
  CONDITION_SYNTAX: {
    means: 'A CEL expression cannot be parsed, or compares things of different types.',
    cure: 'Mend the expression at the column that the message names; texts stand in quotes, and every column of `row` is a text.',
  },
  CONDITION_UNKNOWN_NAME: {
    means: 'A CEL expression uses a variable, column or value that does not exist.',
    cure: 'For rows use row.COLUMN and typed.COLUMN, for other items message["PATH"]; for all submission, fields, partner and values, with names of the record map and the production.',
  },
  CONDITION_NOT_BOOLEAN: {
    means: 'A condition gives something else than true or false.',
    cure: 'Compare the value with something, such as row.state == "CO".',
  },
  CONDITION_FAILED: {
    means: 'A CEL expression could not be evaluated for an item, such as int() of a text that is no number.',
    cure: 'Guard the expression: row.dose != "" && int(row.dose) > 1. Whether a typed value is there: typed.dose != null.',
  },
});

/** What an expression may name beside the item. */
export interface ExpressionScope {
  /** Columns of the record map, in its order. None: items are not rows, and are read as `message["PATH"]`. */
  readonly columns: readonly string[];
  /** What is wrong with a path into such an item, as a sentence (`Format.pathProblem`). Absent: any path will do. */
  readonly pathProblem?: ((path: string) => string | undefined) | undefined;
  /** `values` of the production. Absent: any name is allowed and empty. */
  readonly values?: Readonly<Record<string, string>>;
  /** Further text variables (of a foreach, a call): where each stands in the array that is handed to `Expression`. */
  readonly variables?: ReadonlyMap<string, number>;
}

/** The value of an expression for one item; `variables` as the scope says where. Throws WaybillError CONDITION_FAILED. */
export type Expression = (item: Item, context: TransformContext, variables?: readonly string[]) => unknown;

/** The same, for expressions that are true or false. */
export type Test = (item: Item, context: TransformContext, variables?: readonly string[]) => boolean;

/** What an expression reads, found in its syntax tree: for lineage, checks, and maps that hold no more than is needed. */
export interface ExpressionUse {
  readonly row: ReadonlySet<string>;
  readonly typed: ReadonlySet<string>;
  readonly fields: ReadonlySet<string>;
  readonly values: ReadonlySet<string>;
  readonly submission: ReadonlySet<string>;
  readonly message: ReadonlySet<string>;
  /** Roots used as a whole or with a computed key: `row.exists(...)`, `row[name]`. */
  readonly whole: ReadonlySet<string>;
}

const SUBMISSION = ['id', 'name', 'service', 'line', 'acceptedAt', 'contentType', 'part', 'receipt'] as const;
const NO_VARIABLES: readonly string[] = [];

/**
 * Compiles a condition over `row` and `typed`, or without columns `message`, and `submission`, `fields`, `partner`, `values`.
 * @throws WaybillError CONDITION_SYNTAX, CONDITION_UNKNOWN_NAME or CONDITION_NOT_BOOLEAN; `place.column` counts from 1 in `text`.
 */
export function compileCondition(
  text: string,
  columns: readonly string[],
  scope: Omit<ExpressionScope, 'columns'> = {},
): Condition {
  const test = compileTest(text, { ...scope, columns });
  return (item, context) => test(item, context);
}

/** Compiles a condition that may also use text variables. @throws WaybillError as `compileCondition`. */
export function compileTest(text: string, scope: ExpressionScope): Test {
  const { node, type } = parseExpression(text, scope);
  if (type !== 'bool' && type !== 'dyn') {
    throw new WaybillError('CONDITION_NOT_BOOLEAN', `the condition gives ${type}, not true or false`, { column: 1 });
  }
  return fastTest(node, scope) ?? slowTest(compileSlow(text, scope));
}

/** Compiles an expression of any type. @throws WaybillError CONDITION_SYNTAX or CONDITION_UNKNOWN_NAME. */
export function compileExpression(text: string, scope: ExpressionScope): Expression {
  const { node } = parseExpression(text, scope);
  return fastTest(node, scope) ?? fastText(node, scope) ?? compileSlow(text, scope);
}

/** The same condition evaluated by cel-js alone: what the closures are tested against. */
export function compileReference(text: string, scope: ExpressionScope): Test {
  parseExpression(text, scope);
  return slowTest(compileSlow(text, scope));
}

/** What an expression reads. @throws WaybillError CONDITION_SYNTAX. */
export function expressionUse(text: string, scope: ExpressionScope): ExpressionUse {
  return usesOf(parseExpression(text, scope).node);
}

function environment(scope: ExpressionScope): Environment {
  const env = new Environment()
    .registerVariable('submission', 'map<string, dyn>')
    .registerVariable('fields', 'map<string, string>')
    .registerVariable('partner', 'string')
    .registerVariable('values', 'map<string, string>');
  if (isRow(scope)) env.registerVariable('row', 'map<string, string>').registerVariable('typed', 'map<string, dyn>');
  else env.registerVariable('message', 'map<string, string>');
  for (const name of scope.variables?.keys() ?? []) env.registerVariable(name, 'string');
  return env;
}

function isRow({ columns }: ExpressionScope): boolean {
  return columns.length > 0;
}

function parseExpression(text: string, scope: ExpressionScope): { readonly node: ASTNode; readonly type: string } {
  try {
    const parsed = environment(scope).parse(text);
    checkNames(parsed.ast, scope);
    const checked = parsed.check();
    if (checked.error !== undefined) throw checked.error;
    return { node: parsed.ast, type: checked.type ?? 'dyn' };
  } catch (error) {
    if (error instanceof ParseError || error instanceof CelTypeError) throw explained(error);
    throw error;
  }
}

function explained(error: ParseError | CelTypeError): WaybillError {
  const column = (error.range?.start ?? 0) + 1;
  const code = error.code === 'unknown_variable' ? 'CONDITION_UNKNOWN_NAME' : 'CONDITION_SYNTAX';
  return new WaybillError(code, `${error.summary}, at column ${column} of the expression`, { column });
}

function checkNames(node: ASTNode, scope: ExpressionScope): void {
  const known: Record<string, readonly string[] | undefined> = {
    row: scope.columns,
    typed: scope.columns,
    submission: SUBMISSION,
    values: scope.values === undefined ? undefined : Object.keys(scope.values),
  };
  walk(node, (root, name, at) => {
    checkRoot(root, name, at, scope);
    const names = Object.hasOwn(known, root) ? known[root] : undefined;
    if (name === undefined || names === undefined || names.includes(name)) return;
    const meant = suggest(name, names);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    throw unknownName(`${root}.${name} does not exist`, at, hint);
  });
}

/** Whether items of this kind have what is asked of them; a path is checked as far as one knows what paths look like. */
function checkRoot(root: string, name: string | undefined, at: ASTNode, scope: ExpressionScope): void {
  if (scope.variables?.has(root)) return;
  if (isRow(scope)) {
    if (root === 'message') throw unknownName('message is for items that are not rows', at, '; write row.COLUMN');
    return;
  }
  if (root === 'row' || root === 'typed') {
    throw unknownName(
      `${root} is for rows, and these items are none`,
      at,
      '; write message["PATH"], such as message["PID-8"]',
    );
  }
  if (root !== 'message') return;
  if (name === undefined) {
    throw unknownName('message is read by a path in quotes', at, '; write message["PATH"], such as message["PID-8"]');
  }
  const problem = scope.pathProblem?.(name);
  if (problem !== undefined) throw unknownName(problem, at, '');
}

function unknownName(what: string, at: ASTNode, hint: string): WaybillError {
  const column = at.range.start + 1;
  return new WaybillError('CONDITION_UNKNOWN_NAME', `${what}, at column ${column} of the expression${hint}`, {
    column,
  });
}

function usesOf(node: ASTNode): ExpressionUse {
  const uses = {
    row: new Set<string>(),
    typed: new Set<string>(),
    fields: new Set<string>(),
    values: new Set<string>(),
    submission: new Set<string>(),
    message: new Set<string>(),
  };
  const whole = new Set<string>();
  walk(node, (root, name) => {
    if (name === undefined) whole.add(root);
    else if (Object.hasOwn(uses, root)) uses[root as keyof typeof uses].add(name);
  });
  return { ...uses, whole };
}

/** Calls `seen` for each use of a variable: with the key where it is fixed, without where the variable is used as a whole. */
function walk(node: ASTNode, seen: (root: string, key: string | undefined, at: ASTNode) => void): void {
  const fixed = fixedKey(node);
  if (fixed !== undefined) {
    seen(fixed.root, fixed.key, node);
    return;
  }
  if (node.op === 'id') {
    seen(node.args, undefined, node);
    return;
  }
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) part.forEach(visit);
    else if (isNode(part)) walk(part, seen);
  };
  visit(node.args);
}

function isNode(part: unknown): part is ASTNode {
  return typeof part === 'object' && part !== null && 'op' in part && 'args' in part;
}

function slowTest(expression: Expression): Test {
  return (item, context, variables) => {
    const value = expression(item, context, variables);
    if (typeof value === 'boolean') return value;
    throw new WaybillError('CONDITION_FAILED', 'the condition did not give true or false for this item', {
      line: item.line,
    });
  };
}

function compileSlow(text: string, scope: ExpressionScope): Expression {
  const program = environment(scope).parse(text);
  const build = contextBuilder(usesOf(program.ast), scope);
  return (item, context, variables = NO_VARIABLES) => {
    try {
      return program(build(item, context, variables));
    } catch (error) {
      // The message of cel-js may quote a value; its code does not.
      const why =
        error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'evaluation_error';
      throw new WaybillError('CONDITION_FAILED', `the expression cannot be evaluated for this item (${why})`, {
        line: item.line,
      });
    }
  };
}

type BuildContext = (item: Item, context: TransformContext, variables: readonly string[]) => Record<string, unknown>;

/** Maps that hold what the expression reads, and the whole only where it reads a whole. */
function contextBuilder(use: ExpressionUse, scope: ExpressionScope): BuildContext {
  const row = chosenColumns(use.whole.has('row') ? scope.columns : use.row, scope);
  const typed = chosenColumns(use.whole.has('typed') ? scope.columns : use.typed, scope);
  const values = withDefaults(use.values, scope.values ?? {});
  const names = [...(scope.variables ?? [])];
  const paths = [...use.message];
  return (item, context, variables) => {
    const { submission, partner, acceptedAt } = context;
    const bound: Record<string, unknown> = {
      ...(isRow(scope)
        ? {
            row: new Map(row.map(([name, index]) => [name, item.values[index] ?? ''])),
            typed: new Map(typed.map(([name, index]) => [name, item.typed(index)])),
          }
        : { message: new Map(paths.map((path) => [path, item.path?.(path) ?? ''])) }),
      submission: new Map<string, unknown>([
        ['id', submission.id],
        ['name', submission.name],
        ['service', submission.service],
        ['line', BigInt(item.line)],
        ['acceptedAt', new Date(acceptedAt)],
        ['contentType', submission.contentType ?? ''],
        ['part', submission.part ?? ''],
        ['receipt', submission.receipt ?? ''],
      ]),
      fields: withDefaults(use.fields, context.fields),
      partner,
      values,
    };
    for (const [name, index] of names) bound[name] = variables[index] ?? '';
    return bound;
  };
}

function chosenColumns(names: Iterable<string>, scope: ExpressionScope): readonly (readonly [string, number])[] {
  return [...names].map((name) => [name, scope.columns.indexOf(name)] as const);
}

/** A field that the upload does not have, and a value that nobody set, is the empty text, as an empty column is. */
function withDefaults(names: Iterable<string>, record: Readonly<Record<string, string>>): Map<string, string> {
  const map = new Map([...names].map((name) => [name, '']));
  for (const [name, text] of Object.entries(record)) map.set(name, text);
  return map;
}
