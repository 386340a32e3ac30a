/**
 * YAML as text: every scalar is the text that stands there, maps and lists are plain data, and every key path has a place.
 * What the text means is said by the schema (`validate.ts`), not by YAML's own guesses.
 */

import type { Alias, Document, Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Issue, KeyPath } from '../contracts/resources.ts';
import type { ConfigErrorCode } from './errors.ts';
import { CONFIG_ERRORS } from './errors.ts';

/** A YAML document as text. Maps have no prototype, so that a key such as `__proto__` is data like any other. */
export type Tree = string | readonly Tree[] | TreeMap;
export interface TreeMap {
  readonly [key: string]: Tree;
}

/** A place in a text; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A document with the places of its parts. */
export interface YamlFile {
  /** Absent where the text is empty or not YAML at all. */
  readonly tree: Tree | undefined;
  /** What is wrong with the text itself. `path` is where known; `position` is exact. */
  readonly issues: readonly (Issue & { readonly position: Position })[];
  /**
   * The place of a value, or of its key. A path that does not exist has the place of its nearest ancestor's key. The place
   * of a map or a list under a key is the place of that key.
   */
  place(path: KeyPath, part?: 'key' | 'value'): Position;
}

/** Longest text taken, in characters; tables are read elsewhere. */
const MAX_YAML_LENGTH = 4_000_000;
const MAX_NODES = 200_000;
const MAX_DEPTH = 64;

/** Where a value stands, as offsets into the text. */
interface Mark {
  readonly value: number;
  readonly key: number | undefined;
  readonly collection: boolean;
  readonly children: Map<string | number, Mark>;
}

/** True for a map of a tree (not a list, not a text). */
export function isTreeMap(tree: Tree | undefined): tree is TreeMap {
  return typeof tree === 'object' && !Array.isArray(tree);
}

/** True for a list of a tree. */
export function isTreeList(tree: Tree | undefined): tree is readonly Tree[] {
  return Array.isArray(tree);
}

/** The tree at a path, where there is one. */
export function treeAt(tree: Tree | undefined, path: KeyPath): Tree | undefined {
  let at = tree;
  for (const step of path) {
    if (typeof step === 'number') at = isTreeList(at) ? at[step] : undefined;
    else at = isTreeMap(at) && Object.hasOwn(at, step) ? at[step] : undefined;
  }
  return at;
}

/** Parses one YAML document. Never throws for what is in the text: everything wrong with it is in `issues`. */
export function parseYaml(text: string): YamlFile {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const counter = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  if (source.length > MAX_YAML_LENGTH) return emptyFile(tooLargeText(source.length));

  const document = parseDocument(source, {
    schema: 'failsafe',
    lineCounter: counter,
    prettyErrors: false,
    uniqueKeys: true,
    strict: true,
  });
  const reader = new TreeReader(document, position);
  for (const error of [...document.errors, ...document.warnings])
    reader.syntax(error.code, error.message, error.pos[0]);
  const fatal = document.errors.some((error) => error.code !== 'DUPLICATE_KEY');
  const root = fatal || document.contents === null ? undefined : reader.read(document.contents, [], undefined, 0);
  const mark = root?.mark;
  return {
    tree: root?.tree,
    issues: reader.issues,
    place: (path, part = 'value') => position(mark ? offsetOf(mark, path, part) : 0),
  };
}

function emptyFile(issue: Issue): YamlFile {
  const start = { line: 1, column: 1 };
  return { tree: undefined, issues: [{ ...issue, position: start }], place: () => start };
}

function tooLargeText(length: number): Issue {
  return {
    path: [],
    code: 'FILE_TOO_LARGE',
    found: `${length} characters`,
    expected: `at most ${MAX_YAML_LENGTH} characters`,
    cure: CONFIG_ERRORS.FILE_TOO_LARGE.cure,
  };
}

function offsetOf(root: Mark, path: KeyPath, part: 'key' | 'value'): number {
  let mark = root;
  for (const step of path) {
    const child = mark.children.get(step);
    if (!child) return mark.key ?? (mark === root ? 0 : mark.value);
    mark = child;
  }
  if (mark.key !== undefined && (part === 'key' || mark.collection)) return mark.key;
  return mark === root ? 0 : mark.value;
}

interface Read {
  readonly tree: Tree;
  readonly mark: Mark;
}

/** Turns the parser's nodes into plain data, once, with a count of what aliases add. */
class TreeReader {
  readonly issues: (Issue & { position: Position })[] = [];
  readonly #document: Document.Parsed;
  readonly #position: (offset: number) => Position;
  readonly #open = new Set<Node>();
  #nodes = 0;
  #full = false;

  constructor(document: Document.Parsed, position: (offset: number) => Position) {
    this.#document = document;
    this.#position = position;
  }

  syntax(parserCode: string, message: string, offset: number): void {
    const code = syntaxCode(parserCode);
    const { cure } = CONFIG_ERRORS[code];
    this.#add(
      code,
      [],
      offset,
      firstSentence(message),
      code === 'DUPLICATE_KEY' ? 'each key once' : 'plain YAML',
      cure,
    );
  }

  read(node: Node, path: KeyPath, key: number | undefined, depth: number): Read {
    const offset = node.range?.[0] ?? 0;
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES || depth > MAX_DEPTH) return this.#tooLarge(path, key, offset);
    if (isAlias(node)) return this.#alias(node, path, key, depth);
    if (isMap(node)) return this.#inside(node, () => this.#map(node, path, key, depth));
    if (isSeq(node)) return this.#inside(node, () => this.#list(node, path, key, depth));
    return text(isScalar(node) ? scalarText(node) : '', key, offset);
  }

  #inside(node: Node, read: () => Read): Read {
    this.#open.add(node);
    const result = read();
    this.#open.delete(node);
    return result;
  }

  #alias(node: Alias, path: KeyPath, key: number | undefined, depth: number): Read {
    const target = node.resolve(this.#document);
    const offset = node.range?.[0] ?? 0;
    if (!target || this.#open.has(target)) return this.#tooLarge(path, key, offset);
    const read = this.read(target, path, key, depth + 1);
    return { tree: read.tree, mark: { ...read.mark, value: offset } };
  }

  #map(node: YAMLMap, path: KeyPath, key: number | undefined, depth: number): Read {
    const tree: Record<string, Tree> = Object.create(null);
    const children = new Map<string | number, Mark>();
    for (let index = 0; index < node.items.length; index += 1) {
      const pair = node.items[index] as Pair;
      if (!isScalar(pair.key)) {
        this.#keyNotText(pair, path, node);
        continue;
      }
      const name = scalarText(pair.key);
      const keyOffset = pair.key.range?.[0] ?? 0;
      const cut = node.flow ? cutInMap(node.items as Pair[], index) : undefined;
      const read = cut
        ? this.#repaired(cut, [...path, name], keyOffset, pair.value as Scalar)
        : this.#value(pair.value, [...path, name], keyOffset, depth);
      if (cut) index += cut.taken;
      tree[name] = read.tree;
      children.set(name, read.mark);
    }
    return { tree: Object.freeze(tree), mark: { value: node.range?.[0] ?? 0, key, collection: true, children } };
  }

  #value(value: unknown, path: KeyPath, key: number, depth: number): Read {
    return value === null || value === undefined ? text('', key, key) : this.read(value as Node, path, key, depth + 1);
  }

  #list(node: YAMLSeq, path: KeyPath, key: number | undefined, depth: number): Read {
    const tree: Tree[] = [];
    const children = new Map<string | number, Mark>();
    for (let index = 0; index < node.items.length; index += 1) {
      const item = node.items[index] as Node;
      const at = [...path, tree.length];
      const cut = node.flow ? cutInList(node.items as Node[], index) : undefined;
      const read = cut ? this.#repaired(cut, at, undefined, item as Scalar) : this.read(item, at, undefined, depth + 1);
      if (cut) index += cut.taken;
      children.set(tree.length, read.mark);
      tree.push(read.tree);
    }
    return { tree: Object.freeze(tree), mark: { value: node.range?.[0] ?? 0, key, collection: true, children } };
  }

  /** Takes a function that YAML cut at its comma as it was meant, and says so. */
  #repaired(cut: Cut, path: KeyPath, key: number | undefined, node: Scalar): Read {
    const offset = node.range?.[0] ?? 0;
    const found = scalarText(node);
    this.#add('COMMA_NEEDS_QUOTES', path, offset, found, `"${cut.whole}"`, `put it into quotes: "${cut.whole}"`);
    return text(cut.whole, key, offset);
  }

  #keyNotText(pair: Pair, path: KeyPath, parent: Node): void {
    const range = (pair.key as Node | null)?.range ?? parent.range;
    const cure = 'write the key as a text; a value in braces wants quotes around it';
    this.#add('YAML_NOT_PLAIN', path, range?.[0] ?? 0, 'a key that is not a text', 'a text as key', cure);
  }

  #tooLarge(path: KeyPath, key: number | undefined, offset: number): Read {
    if (!this.#full) {
      const expected = `at most ${MAX_DEPTH} levels and ${MAX_NODES} values, and no alias inside of itself`;
      this.#add('YAML_TOO_LARGE', path, offset, 'more than that', expected, CONFIG_ERRORS.YAML_TOO_LARGE.cure);
    }
    this.#full = true;
    return text('', key, offset);
  }

  #add(code: ConfigErrorCode, path: KeyPath, offset: number, found: string, expected: string, cure: string): void {
    this.issues.push({ path, code, found, expected, cure, position: this.#position(offset) });
  }
}

function text(value: string, key: number | undefined, offset: number): Read {
  return { tree: value, mark: { value: offset, key, collection: false, children: new Map() } };
}

function scalarText(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : String(node.value ?? '');
}

function syntaxCode(parserCode: string): ConfigErrorCode {
  if (parserCode === 'DUPLICATE_KEY') return 'DUPLICATE_KEY';
  if (parserCode === 'TAG_RESOLVE_FAILED' || parserCode === 'MULTIPLE_DOCS') return 'YAML_NOT_PLAIN';
  return 'YAML_SYNTAX';
}

/** The parser's words without the hint at its own functions. */
function firstSentence(message: string): string {
  return message.split(/[;\n]/, 1)[0] ?? message;
}

/** A function's text that was cut at commas: the whole of it, and how many further nodes belong to it. */
interface Cut {
  readonly whole: string;
  readonly taken: number;
}

function cutInMap(pairs: readonly Pair[], index: number): Cut | undefined {
  const first = openFunction(pairs[index]?.value);
  if (first === undefined) return undefined;
  const rest = pairs.slice(index + 1).map((pair) => (pair.value === null ? plainText(pair.key) : undefined));
  return joinFunction(first, rest);
}

function cutInList(nodes: readonly Node[], index: number): Cut | undefined {
  const first = openFunction(nodes[index]);
  return first === undefined ? undefined : joinFunction(first, nodes.slice(index + 1).map(plainText));
}

/** The text of a node in which a parenthesis opens and does not close. */
function openFunction(node: unknown): string | undefined {
  const value = plainText(node);
  return value !== undefined && openParentheses(value) > 0 ? value : undefined;
}

function plainText(node: unknown): string | undefined {
  return isScalar(node) && node.type === 'PLAIN' ? scalarText(node) : undefined;
}

/** Joins parts with commas until the first part's parentheses close; `undefined` where they never do. */
function joinFunction(first: string, rest: readonly (string | undefined)[]): Cut | undefined {
  let whole = first;
  for (const [index, part] of rest.entries()) {
    if (part === undefined) return undefined;
    whole = `${whole}, ${part}`;
    if (openParentheses(whole) === 0) return { whole, taken: index + 1 };
  }
  return undefined;
}

function openParentheses(value: string): number {
  return value.split('(').length - value.split(')').length;
}
