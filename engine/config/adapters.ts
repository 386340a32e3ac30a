/** Services and destinations of a production: their adapters, their own keys, and the formats that they name. */
import { isAbsolute, relative, resolve } from 'node:path';
import type { FormatDefinition } from '../contracts/format.ts';
import type { OperationDefinition } from '../contracts/operation.ts';
import type { KeyPath, ResourceKind } from '../contracts/resources.ts';
import type { FormatReference, Rule, ServiceDefinition } from '../contracts/service.ts';
import type { TSchema } from '../schema.ts';
import { Type } from '../schema.ts';
import type { DestinationShape } from './delivery-schema.ts';
import { DESTINATION_KEYS } from './delivery-schema.ts';
import type { Loading } from './loading.ts';
import { formatPath } from './problems.ts';
import type { SchemaNode } from './schema-node.ts';
import { schemaNode } from './schema-node.ts';
import type { Tree, TreeMap } from './yaml.ts';
import { isTreeList, isTreeMap, treeAt } from './yaml.ts';

/** A format as a rule or a batch names it, validated by the format's own schema. */
export interface ReadFormat {
  readonly path: KeyPath;
  readonly definition: FormatDefinition;
  readonly reference: FormatReference;
}

/** A rule of a service: what is read how, and where it goes. */
export interface ReadRule {
  readonly path: KeyPath;
  readonly service: string;
  readonly route: string;
  /** Absent where the format has issues. */
  readonly format: ReadFormat | undefined;
}

export interface ReadService {
  readonly name: string;
  readonly type: string;
  readonly definition: ServiceDefinition;
  readonly config: unknown;
  readonly rules: readonly ReadRule[];
}

export interface ReadDestination {
  readonly name: string;
  readonly definition: OperationDefinition;
  readonly shape: DestinationShape;
  readonly config: Readonly<Record<string, unknown>>;
  readonly format: ReadFormat | undefined;
  /** How its answers are read, where they go to a route. */
  readonly answerFormat: ReadFormat | undefined;
}

const TYPE_KEY = { type: Type.String({ minLength: 1, description: 'Name of the adapter.' }) };

/** Reads every service whose adapter exists; what is wrong becomes problems. */
export async function readServices(loading: Loading): Promise<readonly ReadService[]> {
  const read: ReadService[] = [];
  for (const [name, tree, path] of namedMaps(loading.tree, 'services')) {
    const definition = await adapterOf(loading, 'service', tree, path);
    if (!definition) continue;
    const { value, valid } = loading.validate(tree, withKeys(definition.schema, TYPE_KEY), path);
    if (!valid || !isRecord(value)) continue;
    read.push(await readService(loading, name, definition, value, path));
  }
  reportOverlaps(loading, read);
  reportTakenPaths(loading, read);
  return read;
}

/** Reads every destination whose adapter exists; what is wrong becomes problems. */
export async function readDestinations(loading: Loading): Promise<readonly ReadDestination[]> {
  const read: ReadDestination[] = [];
  for (const [name, tree, path] of namedMaps(loading.tree, 'destinations')) {
    const destination = await readDestination(loading, name, tree, path);
    if (destination) read.push(destination);
  }
  return read;
}

/** Reads one destination anew, for a resume that takes changed secrets. */
export async function readDestination(
  loading: Loading,
  name: string,
  tree: TreeMap,
  path: KeyPath,
): Promise<ReadDestination | undefined> {
  const definition = await adapterOf(loading, 'operation', tree, path);
  if (!definition) return undefined;
  const { value, valid } = loading.validate(
    tree,
    withKeys(definition.schema, { ...TYPE_KEY, ...DESTINATION_KEYS }),
    path,
  );
  const formatPathOf = [...path, 'batch', 'format'];
  const format = await readFormat(loading, treeAt(loading.tree, formatPathOf), formatPathOf);
  if (!valid || !isRecord(value) || !loading.substituted(path)) return undefined;
  const shape = value as Readonly<Record<string, unknown>> & DestinationShape;
  const answerFormat = await readAnswerFormat(loading, definition, shape, path);
  const config = without(value, ['type', ...Object.keys(DESTINATION_KEYS)]);
  return { name, definition, shape, config, format, answerFormat };
}

/** The format that the destination names for its answers, or else the adapter's own. */
async function readAnswerFormat(
  loading: Loading,
  definition: OperationDefinition,
  shape: DestinationShape,
  path: KeyPath,
): Promise<ReadFormat | undefined> {
  const at = [...path, 'answerFormat'];
  const named = await readFormat(loading, treeAt(loading.tree, at), at);
  if (named || shape.answersTo === undefined || shape.answerFormat !== undefined) return named;
  return readFormat(loading, { type: definition.answerFormat ?? 'raw' }, [...path, 'answersTo']);
}

/** Kinds of files that the adapters named anywhere in production.yaml understand; all kinds where a name is unknown. */
export async function resourceKinds(loading: Loading): Promise<readonly ResourceKind[]> {
  const { registry } = loading;
  const formats = ['format', 'answerFormat'].flatMap((key) => namedTypes(loading.tree, key));
  const operations = namedMaps(loading.tree, 'destinations').flatMap(([, { type }]) =>
    typeof type === 'string' ? [type] : [],
  );
  const wanted = {
    format: formats.every((name) => registry.has('format', name)) ? formats : registry.names('format'),
    operation: operations.every((name) => registry.has('operation', name)) ? operations : registry.names('operation'),
    transform: registry.names('transform'),
  };
  const kinds = new Set<ResourceKind>();
  for (const kind of ['format', 'operation', 'transform'] as const) {
    for (const name of new Set(wanted[kind])) {
      const definition = await loading.adapter(kind, name, []);
      for (const resource of definition?.resources ?? []) kinds.add(resource);
    }
  }
  return [...kinds];
}

/** A copy of frozen data with another value at a path. */
function replaceAt(value: unknown, path: KeyPath, replacement: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return replacement;
  if (Array.isArray(value)) {
    return Object.freeze(value.map((item, index) => (index === step ? replaceAt(item, rest, replacement) : item)));
  }
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = Object.assign(Object.create(null), value);
  copy[step] = replaceAt(copy[step], rest, replacement);
  return Object.freeze(copy);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Adds keys to the schema of an adapter's own keys, so that one check sees all of them. */
export function withKeys(schema: TSchema, keys: Readonly<Record<string, TSchema>>): SchemaNode {
  const own = schemaNode(schema);
  const added = schemaNode(Type.Object(keys));
  return {
    ...own,
    properties: { ...own.properties, ...added.properties },
    required: [...(added.required ?? []), ...(own.required ?? [])],
  };
}

async function readService(
  loading: Loading,
  name: string,
  definition: ServiceDefinition,
  value: Readonly<Record<string, unknown>>,
  path: KeyPath,
): Promise<ReadService> {
  let config: unknown = without(value, ['type']);
  const rules: ReadRule[] = [];
  for (const { rule, path: inner } of rulesOf(loading, definition, config, path)) {
    const at = [...path, ...inner];
    const format = await readFormat(loading, treeAt(loading.tree, [...at, 'format']), [...at, 'format']);
    if (format) config = replaceAt(config, [...inner, 'format'], format.reference);
    rules.push({ path: at, service: name, route: rule.route, format });
  }
  return { name, type: definition.name, definition, config, rules };
}

function rulesOf(loading: Loading, definition: ServiceDefinition, config: unknown, path: KeyPath) {
  try {
    return definition.rules(config);
  } catch (error) {
    loading.issues([loading.issueOf(error, path)]);
    const none: readonly { readonly rule: Rule; readonly path: KeyPath }[] = [];
    return none;
  }
}

async function readFormat(loading: Loading, tree: Tree | undefined, path: KeyPath): Promise<ReadFormat | undefined> {
  if (!isTreeMap(tree) || typeof tree.type !== 'string') return undefined;
  const definition = await loading.adapter('format', tree.type, [...path, 'type']);
  if (!definition) return undefined;
  const { value, valid } = loading.validate(tree, withKeys(definition.schema, TYPE_KEY), path);
  return valid ? { path, definition, reference: value as FormatReference } : undefined;
}

async function adapterOf<K extends 'service' | 'operation'>(loading: Loading, kind: K, tree: TreeMap, path: KeyPath) {
  return typeof tree.type === 'string' ? loading.adapter(kind, tree.type, [...path, 'type']) : undefined;
}

function namedMaps(tree: TreeMap, key: string): readonly (readonly [string, TreeMap, KeyPath])[] {
  const group = Object.hasOwn(tree, key) ? tree[key] : undefined;
  if (!isTreeMap(group)) return [];
  return Object.entries(group).flatMap(([name, child]) =>
    isTreeMap(child) ? [[name, child, [key, name]] as const] : [],
  );
}

/** Every `type` inside a map under this key, anywhere in the tree. */
function namedTypes(tree: Tree, key: string): readonly string[] {
  if (isTreeList(tree)) return tree.flatMap((item) => namedTypes(item, key));
  if (!isTreeMap(tree)) return [];
  return Object.entries(tree).flatMap(([name, child]) => {
    if (name === key && isTreeMap(child) && typeof child.type === 'string') return [child.type];
    return namedTypes(child, key);
  });
}

function without(value: Readonly<Record<string, unknown>>, keys: readonly string[]): Readonly<Record<string, unknown>> {
  const rest: Record<string, unknown> = Object.create(null);
  for (const [key, child] of Object.entries(value)) if (!keys.includes(key)) rest[key] = child;
  return Object.freeze(rest);
}

/** Paths are a service's own: two services that read or write one inside the other would take each other's files. */
function reportOverlaps(loading: Loading, services: readonly ReadService[]): void {
  const paths = services.flatMap((service) => pathsOf(service));
  for (const [index, { path, text }] of paths.entries()) {
    const mine = resolve(loading.folder, text);
    const other = paths.slice(0, index).find((earlier) => overlap(mine, resolve(loading.folder, earlier.text)));
    if (!other) continue;
    loading.issue('PATHS_OVERLAP', path, text, `a folder apart from that of ${formatPath(other.path)}`);
  }
}

/** The listener tells services apart by their paths alone. */
function reportTakenPaths(loading: Loading, services: readonly ReadService[]): void {
  const taken = new Map<string, string>();
  for (const { name, definition, config } of services) {
    const path = definition.listens && isRecord(config) ? config.path : undefined;
    if (typeof path !== 'string') continue;
    const first = taken.get(path);
    if (first === undefined) taken.set(path, name);
    else loading.issue('PATH_TAKEN', ['services', name, 'path'], `${path}, which ${first} has`, 'a path of its own');
  }
}

function pathsOf(service: ReadService): readonly { readonly path: KeyPath; readonly text: string }[] {
  const config = service.config;
  if (!isRecord(config)) return [];
  return Object.entries(schemaNode(service.definition.schema).properties ?? {}).flatMap(([key, schema]) => {
    const text = config[key];
    const isPath = schema['x-waybill'] === 'path' && typeof text === 'string';
    return isPath ? [{ path: ['services', service.name, key], text }] : [];
  });
}

function overlap(a: string, b: string): boolean {
  return inside(a, b) || inside(b, a);
}

function inside(inner: string, outer: string): boolean {
  const way = relative(outer, inner);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
}
