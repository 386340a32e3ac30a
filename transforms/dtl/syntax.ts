/** Reading the tree of a YAML file in which everything is text, and collecting what is wrong with it. */
import { suggest } from '../../engine/config/suggest.ts';
import type { Issue, KeyPath } from '../../engine/contracts/resources.ts';
import { DTL_ERRORS, type DtlCode } from './errors.ts';

/** A map of the tree. */
export type Tree = Readonly<Record<string, unknown>>;

/** Collects every problem of one file, so that all are reported at once. */
export class Problems {
  readonly issues: Issue[] = [];

  /** Adds a problem; without a cure of its own it gets the cure of its code. */
  add(path: KeyPath, code: DtlCode, found: string, expected: string, cure: string = DTL_ERRORS[code].cure): void {
    this.issues.push({ path, code, found: cut(found), expected, cure });
  }

  warn(path: KeyPath, code: DtlCode, found: string, expected: string): void {
    this.issues.push({ path, code, found: cut(found), expected, cure: DTL_ERRORS[code].cure, warning: true });
  }

  /** The problems that keep a transform from running. */
  get errors(): readonly Issue[] {
    return this.issues.filter((issue) => !issue.warning);
  }
}

export function isTree(node: unknown): node is Tree {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

/** The text of a plain value, `undefined` for maps and lists. An empty YAML value is the empty text. */
export function textOf(node: unknown): string | undefined {
  if (typeof node === 'string') return node;
  if (node === null || node === undefined) return '';
  return typeof node === 'number' || typeof node === 'boolean' ? String(node) : undefined;
}

/** What stands there, in a few words, for messages. */
export function describe(node: unknown): string {
  if (Array.isArray(node)) return `a list of ${node.length}`;
  if (isTree(node)) return `a map with ${Object.keys(node).slice(0, 5).join(', ') || 'no keys'}`;
  return cut(textOf(node) ?? '') || 'nothing';
}

/** Reports the keys that do not belong here. A function that YAML split at its comma is recognised. */
export function checkKeys(tree: Tree, known: readonly string[], at: KeyPath, problems: Problems): void {
  for (const key of Object.keys(tree)) {
    if (known.includes(key)) continue;
    if (splitByYaml(tree, key, at, problems)) continue;
    const meant = suggest(key, known);
    problems.add([...at, key], 'DTL_UNKNOWN_KEY', key, meant ? `${meant}?` : `one of ${known.join(', ')}`);
  }
}

/** A map with no other than these keys; anything else is reported. */
export function mapOf(node: unknown, at: KeyPath, keys: readonly string[], problems: Problems): Tree | undefined {
  if (!isTree(node)) {
    problems.add(at, 'DTL_WRONG_SHAPE', describe(node), `a map with ${keys.join(', ')}`);
    return undefined;
  }
  checkKeys(node, keys, at, problems);
  return node;
}

function splitByYaml(tree: Tree, key: string, at: KeyPath, problems: Problems): boolean {
  const as = textOf(tree.as);
  if (as === undefined || !key.trimEnd().endsWith(')') || !/\([^)]*$/.test(as)) return false;
  const cure = `put quotes around the function, because of its comma: as: "${as}, ${key}"`;
  problems.add([...at, 'as'], 'DTL_FLOW_COMMA', as, 'a function with its closing bracket', cure);
  return true;
}

/** A path of keys as people write it: `actions[0].set.PID-5.1`. */
export function printKeys(path: KeyPath): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

function cut(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
