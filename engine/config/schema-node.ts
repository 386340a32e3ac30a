import type { Meaning, TSchema } from '../schema.ts';

/** The part of JSON Schema that adapters' schemas use, as the validator and the editor's schema read it. */
export interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: string | number | boolean;
  readonly enum?: readonly (string | number | boolean)[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | SchemaNode;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly minProperties?: number;
  readonly items?: SchemaNode | readonly SchemaNode[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly anyOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
  readonly 'x-waybill'?: Meaning;
}

/** What a value may look like in YAML. */
export type Shape = 'text' | 'list' | 'map';

/** Definitions that `$ref` may name, by name. */
export type Definitions = Readonly<Record<string, SchemaNode>>;

/** A TypeBox schema, as plain JSON Schema. */
export function schemaNode(schema: TSchema): SchemaNode {
  return schema as SchemaNode;
}

/** Follows `$ref` (`#/$defs/Name` or `Name`). @throws RangeError where a schema names a definition it does not have. */
export function resolveRef(schema: SchemaNode, definitions: Definitions): SchemaNode {
  let node = schema;
  for (let steps = 0; node.$ref !== undefined; steps += 1) {
    const target = definitions[node.$ref.replace(/^#\/\$defs\//, '')];
    if (!target || steps > 32) throw new RangeError(`a schema refers to ${node.$ref}, which it does not define`);
    node = target;
  }
  return node;
}

/** The shapes that a schema takes; all three where it does not say. */
export function shapesOf(schema: SchemaNode, definitions: Definitions): ReadonlySet<Shape> {
  const node = resolveRef(schema, definitions);
  if (node.anyOf) return new Set(node.anyOf.flatMap((branch) => [...shapesOf(branch, definitions)]));
  if (node.allOf) return shapesOf(node.allOf[0] ?? {}, definitions);
  if (node.const !== undefined || node.enum) return new Set(['text']);
  if (node.type === undefined) return new Set(['text', 'list', 'map']);
  const types = typeof node.type === 'string' ? [node.type] : node.type;
  return new Set(types.map((type): Shape => (type === 'object' ? 'map' : type === 'array' ? 'list' : 'text')));
}

/** A short phrase for what a schema expects: `a whole number from 1 to 65535`, `one of file, batch or none`. */
export function expectation(schema: SchemaNode, definitions: Definitions): string {
  const node = resolveRef(schema, definitions);
  if (node.anyOf) return [...new Set(node.anyOf.map((branch) => expectation(branch, definitions)))].join(', or ');
  if (node.const !== undefined) return String(node.const);
  if (node.enum) return `one of ${node.enum.join(', ')}`;
  const shape = [...shapesOf(node, definitions)];
  if (shape.length > 1) return 'a value';
  if (shape[0] === 'list') return 'a list';
  if (shape[0] === 'map') return mapExpectation(node);
  return textExpectation(node);
}

function mapExpectation(node: SchemaNode): string {
  const keys = Object.keys(node.properties ?? {});
  if (keys.length === 0) return 'a map';
  return `a map with ${keys.length === 1 ? 'the key' : 'keys such as'} ${keys.slice(0, 4).join(', ')}`;
}

function textExpectation(node: SchemaNode): string {
  const meaning = node['x-waybill'];
  if (meaning !== undefined) return MEANINGS[meaning];
  if (node.type === 'boolean') return 'true or false';
  if (node.type === 'integer') return `a whole number${limits(node)}`;
  if (node.type === 'number') return `a number${limits(node)}`;
  if (node.minLength !== undefined && node.minLength > 0) return 'a text that is not empty';
  return 'a text';
}

const MEANINGS: Readonly<Record<Meaning, string>> = {
  duration: 'a duration such as 500ms, 5s, 10m, 2h or 30d',
  size: 'a size such as 500B, 64KB, 4MB or 1GB',
  secret: `\${env:NAME} or \${file:path}`,
  path: 'a path',
  cel: 'a condition in CEL',
  timeZone: 'a time zone such as America/Denver, or UTC',
};

function limits(node: SchemaNode): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = node;
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  if (maximum !== undefined) return ` of at most ${maximum}`;
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}`;
  if (exclusiveMaximum !== undefined) return ` below ${exclusiveMaximum}`;
  return '';
}
