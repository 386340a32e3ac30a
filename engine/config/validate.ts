/** Checks a tree of texts against a schema and turns it into values: every issue at once, defaults filled in, frozen. */
import type { Issue, KeyPath } from '../contracts/resources.ts';
import type { TSchema } from '../schema.ts';
import type { ConfigErrorCode } from './errors.ts';
import { CONFIG_ERRORS } from './errors.ts';
import { convertText } from './scalars.ts';
import type { Definitions, SchemaNode, Shape } from './schema-node.ts';
import { expectation, resolveRef, schemaNode, shapesOf } from './schema-node.ts';
import { listWords, suggest } from './suggest.ts';
import type { Tree, TreeMap } from './yaml.ts';
import { isTreeList, isTreeMap } from './yaml.ts';

export interface ValidateOptions {
  /** Where the tree stands in its document; issues have this path before their own. */
  readonly at?: KeyPath;
  /** The text as the person wrote it, where another was put in its place (`${env:NAME}`); shown instead of the value. */
  readonly written?: (path: KeyPath) => string | undefined;
}

export interface Validated {
  /** Frozen; maps have no prototype. As far as it could be made where there are issues: use it only if there are none. */
  readonly value: unknown;
  readonly issues: readonly Issue[];
}

/** Validates a tree. Durations become milliseconds, sizes bytes, numbers and booleans themselves, missing keys their defaults. */
export function validate(tree: Tree, schema: TSchema, options: ValidateOptions = {}): Validated {
  const node = schemaNode(schema);
  const check = new Check(node.$defs ?? {}, options.written);
  const value = check.value(tree, node, options.at ?? []);
  return { value, issues: check.issues };
}

const MAX_FOUND = 60;

/** A text as an issue shows it: in one line, cut short. */
export function shownText(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line === '') return 'nothing';
  return line.length > MAX_FOUND ? `${line.slice(0, MAX_FOUND)}...` : line;
}

function shapeOf(tree: Tree): Shape {
  if (isTreeMap(tree)) return 'map';
  return isTreeList(tree) ? 'list' : 'text';
}

class Check {
  readonly issues: Issue[] = [];
  readonly #definitions: Definitions;
  readonly #written: ((path: KeyPath) => string | undefined) | undefined;

  constructor(definitions: Definitions, written: ((path: KeyPath) => string | undefined) | undefined) {
    this.#definitions = definitions;
    this.#written = written;
  }

  value(tree: Tree, schema: SchemaNode, path: KeyPath): unknown {
    const node = resolveRef(schema, this.#definitions);
    if (node.anyOf) return this.#union(tree, node, path);
    if (node.allOf) return this.value(tree, merged(node.allOf, this.#definitions), path);
    const shapes = shapesOf(node, this.#definitions);
    const shape = shapeOf(tree);
    if (!shapes.has(shape)) return this.#wrongShape(tree, node, path);
    if (shapes.size > 1 && node.type === undefined) return tree;
    if (isTreeMap(tree)) return this.#map(tree, node, path);
    if (isTreeList(tree)) return this.#list(tree, node, path);
    return typeof tree === 'string' ? this.#text(tree, node, path) : tree;
  }

  #text(text: string, node: SchemaNode, path: KeyPath): unknown {
    if (node['x-waybill'] === 'secret' && this.#written && this.#written(path) === undefined) {
      this.#add('SECRET_IN_FILE', path, 'a secret in the file itself', expectation(node, this.#definitions));
      return text;
    }
    const converted = convertText(text, node);
    if (converted.ok) return converted.value;
    const found = this.#found(text, node, path);
    this.#add(converted.code, path, found, expectation(node, this.#definitions), converted.cure);
    return text;
  }

  #found(text: string, node: SchemaNode, path: KeyPath): string {
    const written = this.#written?.(path);
    if (written !== undefined) return shownText(written);
    return node['x-waybill'] === 'secret' ? 'a text that is not shown' : shownText(text);
  }

  #map(tree: TreeMap, node: SchemaNode, path: KeyPath): unknown {
    const properties = node.properties ?? {};
    const result: Record<string, unknown> = Object.create(null);
    for (const [key, child] of Object.entries(tree)) {
      const schema = Object.hasOwn(properties, key) ? properties[key] : this.#openKey(key, node);
      if (schema) result[key] = this.value(child, schema, [...path, key]);
      else this.#unknownKey(key, tree, node, path);
    }
    for (const [key, schema] of Object.entries(properties)) {
      if (Object.hasOwn(tree, key)) continue;
      const filled = this.#missing(key, schema, node, path);
      if (filled !== undefined) result[key] = filled;
    }
    if (node.minProperties !== undefined && Object.keys(tree).length < node.minProperties) {
      this.#add(
        'MISSING_KEY',
        path,
        'an empty map',
        `at least ${node.minProperties} key`,
        'add one, or remove the map',
      );
    }
    return Object.freeze(result);
  }

  /** The schema of a key that a record or an open map takes; `undefined` where the key is not allowed. */
  #openKey(key: string, node: SchemaNode): SchemaNode | undefined {
    const patterns = Object.entries(node.patternProperties ?? {});
    for (const [pattern, schema] of patterns) {
      if (new RegExp(pattern, 'u').test(key)) return schema;
    }
    if (node.additionalProperties === false) return undefined;
    if (typeof node.additionalProperties === 'object') return node.additionalProperties;
    return patterns.length > 0 && node.additionalProperties === undefined ? undefined : {};
  }

  #unknownKey(key: string, tree: TreeMap, node: SchemaNode, path: KeyPath): void {
    const at = [...path, key];
    const patterns = Object.keys(node.patternProperties ?? {});
    if (patterns.length > 0 && !node.properties) {
      this.#add('NAME_FORM', at, shownText(key), `a name of the form ${patterns.join(' or ')}`);
      return;
    }
    const known = Object.keys(node.properties ?? {});
    const near = suggest(
      key,
      known.filter((name) => !Object.hasOwn(tree, name)),
    );
    const cure = near ? `write ${near}` : `remove it; the keys here are ${listWords(known, 'and')}`;
    this.#add('UNKNOWN_KEY', at, shownText(key), near ?? `one of ${listWords(known)}`, cure);
  }

  #missing(key: string, schema: SchemaNode, parent: SchemaNode, path: KeyPath): unknown {
    const node = resolveRef(schema, this.#definitions);
    if (node.default !== undefined) return this.value(asTree(node.default), node, [...path, key]);
    if (!parent.required?.includes(key)) return undefined;
    const hint = node.description ? `add ${key}: ${firstSentence(node.description)}` : `add ${key}`;
    this.#add('MISSING_KEY', [...path, key], `no ${key}`, expectation(node, this.#definitions), hint);
    return undefined;
  }

  #list(tree: readonly Tree[], node: SchemaNode, path: KeyPath): unknown {
    const items = node.items ?? {};
    const values = tree.map((item, index) => {
      const schema = isSchemaList(items) ? (items[index] ?? {}) : items;
      return this.value(item, schema, [...path, index]);
    });
    this.#listLimits(tree, node, path);
    return Object.freeze(values);
  }

  #listLimits(tree: readonly Tree[], node: SchemaNode, path: KeyPath): void {
    const maxItems = node.maxItems ?? (Array.isArray(node.items) ? node.items.length : undefined);
    if (node.minItems !== undefined && tree.length < node.minItems) {
      this.#add('BAD_LIST', path, countOf(tree.length), `at least ${node.minItems}`, 'add what is missing');
    }
    if (maxItems !== undefined && tree.length > maxItems) {
      this.#add('BAD_LIST', path, countOf(tree.length), `at most ${maxItems}`, 'remove what is too many');
    }
    if (!node.uniqueItems) return;
    const seen = new Set<string>();
    for (const [index, item] of tree.entries()) {
      const text = JSON.stringify(item);
      if (seen.has(text))
        this.#add('BAD_LIST', [...path, index], 'the same line again', 'each line once', 'remove one');
      seen.add(text);
    }
  }

  #wrongShape(tree: Tree, node: SchemaNode, path: KeyPath): unknown {
    const expected = expectation(node, this.#definitions);
    this.#add('WRONG_SHAPE', path, this.#shownTree(tree, node, path), expected, `write ${expected}`);
    return tree;
  }

  #shownTree(tree: Tree, node: SchemaNode, path: KeyPath): string {
    if (typeof tree === 'string') return tree === '' ? 'nothing' : `the text ${this.#found(tree, node, path)}`;
    return isTreeList(tree) ? `a list of ${tree.length}` : `a map with ${listWords(Object.keys(tree), 'and')}`;
  }

  /** Chooses the branch that was meant by the shape, then by a key with a fixed value, then by what fits best. */
  #union(tree: Tree, node: SchemaNode, path: KeyPath): unknown {
    const shape = shapeOf(tree);
    const branches = flattened(node.anyOf ?? [], this.#definitions);
    const fitting = branches.filter((branch) => shapesOf(branch, this.#definitions).has(shape));
    if (fitting.length === 0) return this.#wrongShape(tree, node, path);
    const words = fitting.flatMap((branch) => branch.enum ?? (branch.const === undefined ? [] : [branch.const]));
    if (
      typeof tree === 'string' &&
      words.length > 0 &&
      fitting.every((branch) => branch.const !== undefined || branch.enum)
    ) {
      return this.#text(tree, { enum: words }, path);
    }
    const marked = isTreeMap(tree) ? this.#byMark(tree, fitting, path) : undefined;
    if (marked === 'unknown') return tree;
    return this.#bestOf(tree, marked ?? fitting, path);
  }

  /** The branches whose key of fixed value (`type: csv`) has the tree's value; `undefined` where no key tells them apart. */
  #byMark(
    tree: TreeMap,
    branches: readonly SchemaNode[],
    path: KeyPath,
  ): readonly SchemaNode[] | 'unknown' | undefined {
    if (branches.length < 2) return undefined;
    const key = Object.keys(branches[0]?.properties ?? {}).find((name) =>
      branches.every((branch) => branch.properties?.[name]?.const !== undefined),
    );
    if (key === undefined || !Object.hasOwn(tree, key)) return undefined;
    const given = tree[key];
    const matching = branches.filter((branch) => String(branch.properties?.[key]?.const) === given);
    if (matching.length > 0) return matching;
    const words = branches.map((branch) => branch.properties?.[key]?.const ?? '');
    this.value(given ?? '', { enum: words }, [...path, key]);
    return 'unknown';
  }

  #bestOf(tree: Tree, branches: readonly SchemaNode[], path: KeyPath): unknown {
    let best: { check: Check; value: unknown; score: number } | undefined;
    for (const branch of branches) {
      const check = new Check(this.#definitions, this.#written);
      const value = check.value(tree, branch, path);
      if (check.issues.length === 0) return value;
      const score = check.issues.length - 2 * knownKeys(tree, branch);
      if (!best || score < best.score) best = { check, value, score };
    }
    this.issues.push(...(best?.check.issues ?? []));
    return best?.value;
  }

  #add(
    code: ConfigErrorCode,
    path: KeyPath,
    found: string,
    expected: string,
    cure: string = CONFIG_ERRORS[code].cure,
  ): void {
    this.issues.push({ path, code, found, expected, cure });
  }
}

function isSchemaList(items: SchemaNode | readonly SchemaNode[]): items is readonly SchemaNode[] {
  return Array.isArray(items);
}

/** Branches with the branches of nested unions in their place. */
function flattened(branches: readonly SchemaNode[], definitions: Definitions): readonly SchemaNode[] {
  return branches.flatMap((branch) => {
    const node = resolveRef(branch, definitions);
    return node.anyOf ? flattened(node.anyOf, definitions) : [node];
  });
}

/** One map schema out of several that all hold. */
function merged(parts: readonly SchemaNode[], definitions: Definitions): SchemaNode {
  const nodes = parts.map((part) => resolveRef(part, definitions));
  return {
    ...Object.assign({}, ...nodes),
    properties: Object.assign({}, ...nodes.map((node) => node.properties ?? {})),
    required: nodes.flatMap((node) => node.required ?? []),
  };
}

function knownKeys(tree: Tree, branch: SchemaNode): number {
  if (!isTreeMap(tree)) return 0;
  return Object.keys(tree).filter((key) => Object.hasOwn(branch.properties ?? {}, key)).length;
}

/** A default as a schema gives it, as the text that a person would have written. */
function asTree(value: unknown): Tree {
  if (Array.isArray(value)) return value.map(asTree);
  if (typeof value !== 'object' || value === null) return String(value ?? '');
  const tree: Record<string, Tree> = Object.create(null);
  for (const [key, child] of Object.entries(value)) tree[key] = asTree(child);
  return tree;
}

function countOf(length: number): string {
  return length === 1 ? '1 line' : `${length} lines`;
}

function firstSentence(text: string): string {
  return text.split(/\.\s|\n/, 1)[0]?.replace(/\.$/, '') ?? text;
}
