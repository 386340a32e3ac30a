/**
 * The shapes of conditions that people write most, as closures over the item's values: comparisons, membership and parts of
 * texts. What has another shape is left to cel-js; both give the same answer.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import type { ExpressionScope, Test } from './conditions.ts';
import type { Item } from './contracts/item.ts';
import type { TransformContext } from './contracts/transform.ts';

/** `row.state` and `row["state"]`. */
export function fixedKey(node: ASTNode): { readonly root: string; readonly key: string } | undefined {
  if (node.op === '.' && node.args[0].op === 'id') return { root: node.args[0].args, key: node.args[1] };
  if (node.op !== '[]' || node.args[0].op !== 'id') return undefined;
  const index = node.args[1];
  if (index.op !== 'value' || typeof index.args !== 'string') return undefined;
  return { root: node.args[0].args, key: index.args };
}

type ReadText = (item: Item, context: TransformContext, variables?: readonly string[]) => string;

/** Expressions that are texts and can never fail. */
export function fastText(node: ASTNode, scope: ExpressionScope): ReadText | undefined {
  if (node.op === 'value') {
    const literal = node.args;
    return typeof literal === 'string' ? () => literal : undefined;
  }
  if (node.op === 'id') return fastVariable(node.args, scope);
  const fixed = fixedKey(node);
  if (fixed === undefined) return undefined;
  const { root, key } = fixed;
  if (root === 'row') {
    const index = scope.columns.indexOf(key);
    return (item) => item.values[index] ?? '';
  }
  if (root === 'message') return (item) => item.path?.(key) ?? '';
  if (root === 'values') {
    const text = own(scope.values ?? {}, key);
    return () => text;
  }
  if (root === 'fields') return (_, context) => own(context.fields, key);
  if (root === 'submission' && (key === 'name' || key === 'id' || key === 'service'))
    return (_, context) => context.submission[key];
  return undefined;
}

function fastVariable(name: string, scope: ExpressionScope): ReadText | undefined {
  const index = scope.variables?.get(name);
  if (index !== undefined) return (_item, _context, variables) => variables?.[index] ?? '';
  return name === 'partner' ? (_, context) => context.partner : undefined;
}

function own(record: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(record, key) ? (record[key] ?? '') : '';
}

/** Conditions made of comparisons of texts; none of them can fail, so that && and || need not absorb errors as CEL's do. */
export function fastTest(node: ASTNode, scope: ExpressionScope): Test | undefined {
  switch (node.op) {
    case 'value': {
      const literal = node.args;
      return typeof literal === 'boolean' ? () => literal : undefined;
    }
    case '!_': {
      const inner = fastTest(node.args, scope);
      return inner && ((item, context, variables) => !inner(item, context, variables));
    }
    case '&&':
    case '||':
      return fastLogic(node.op, node.args, scope);
    case '==':
    case '!=':
      return fastComparison(node.op === '==', node.args, scope);
    case 'in':
      return fastMembership(node.args, scope);
    case 'rcall':
      return fastMethod(node.args, scope);
    default:
      return undefined;
  }
}

function fastLogic(op: '&&' | '||', args: readonly [ASTNode, ASTNode], scope: ExpressionScope): Test | undefined {
  const left = fastTest(args[0], scope);
  const right = fastTest(args[1], scope);
  if (!left || !right) return undefined;
  if (op === '&&')
    return (item, context, variables) => left(item, context, variables) && right(item, context, variables);
  return (item, context, variables) => left(item, context, variables) || right(item, context, variables);
}

function fastComparison(equal: boolean, args: readonly [ASTNode, ASTNode], scope: ExpressionScope): Test | undefined {
  const column = columnIndex(args[0], scope);
  const literal = args[1].op === 'value' ? args[1].args : undefined;
  if (column >= 0 && typeof literal === 'string') {
    if (equal) return (item) => item.values[column] === literal;
    return (item) => item.values[column] !== literal;
  }
  const left = fastText(args[0], scope);
  const right = fastText(args[1], scope);
  if (!left || !right) return undefined;
  return (item, context, variables) => (left(item, context, variables) === right(item, context, variables)) === equal;
}

function columnIndex(node: ASTNode, scope: ExpressionScope): number {
  const fixed = fixedKey(node);
  return fixed?.root === 'row' ? scope.columns.indexOf(fixed.key) : -1;
}

function fastMembership(args: readonly [ASTNode, ASTNode], scope: ExpressionScope): Test | undefined {
  const [element, list] = args;
  if (list.op !== 'list') return undefined;
  const texts = list.args.map((node) => (node.op === 'value' && typeof node.args === 'string' ? node.args : undefined));
  const read = fastText(element, scope);
  if (!read || texts.includes(undefined)) return undefined;
  const members = new Set<string | undefined>(texts);
  return (item, context, variables) => members.has(read(item, context, variables));
}

function fastMethod(args: readonly [string, ASTNode, readonly ASTNode[]], scope: ExpressionScope): Test | undefined {
  const [method, receiver, parameters] = args;
  const text = fastText(receiver, scope);
  const first = parameters[0];
  const part = first && parameters.length === 1 ? fastText(first, scope) : undefined;
  if (!text || !part) return undefined;
  if (method === 'startsWith') return (i, c, v) => text(i, c, v).startsWith(part(i, c, v));
  if (method === 'endsWith') return (i, c, v) => text(i, c, v).endsWith(part(i, c, v));
  if (method === 'contains') return (i, c, v) => text(i, c, v).includes(part(i, c, v));
  return undefined;
}
