/** JSON Schema for editors: production.yaml and every kind of file beside it. */
import type { ResourceKind } from '../contracts/resources.ts';
import type { Registry } from '../registry.ts';
import { Type } from '../schema.ts';
import { withKeys } from './adapters.ts';
import { DESTINATION_KEYS } from './delivery-schema.ts';
import { PRODUCTION_SCHEMA } from './production-schema.ts';
import type { SchemaNode } from './schema-node.ts';
import { schemaNode } from './schema-node.ts';

/** A JSON Schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const DRAFT = 'http://json-schema.org/draft-07/schema#';
const REFERENCE = '\\$\\{(env|file):[^}]+\\}';
const HIDDEN = new Set(['$defs', '$ref', 'required', 'x-waybill']);

/**
 * The schema of production.yaml (`production`) and of each kind of files (`record-maps`, `transforms`, ...), for editors.
 * Keys with defaults are not required, and since all YAML is read as text, a number or true where a text is expected is
 * right too. @throws WaybillError where an adapter cannot be imported.
 */
export async function editorSchemas(registry: Registry): Promise<Readonly<Record<string, JsonSchema>>> {
  const services = await registry.all('service');
  const formats = await registry.all('format');
  const operations = await registry.all('operation');
  const transforms = await registry.all('transform');

  const formatChoice = byType(
    formats.map(({ name, schema, summary }) => ({ name, summary, schema: schemaNode(schema) })),
  );
  const serviceChoice = byType(
    services.map(({ name, schema, summary }) => ({ name, summary, schema: schemaNode(schema) })),
  );
  const destinationChoice = byType(
    operations.map(({ name, schema, summary }) => ({ name, summary, schema: withKeys(schema, DESTINATION_KEYS) })),
  );
  const root = schemaNode(PRODUCTION_SCHEMA);
  const properties = {
    ...root.properties,
    services: recordOf(root.properties?.services, serviceChoice),
    destinations: recordOf(root.properties?.destinations, destinationChoice),
  };
  const kinds = [...formats, ...operations, ...transforms].flatMap(({ resources }) => resources ?? []);
  const production = {
    ...editorSchema({ ...root, properties }, true),
    definitions: { format: editorSchema(formatChoice, true) },
  };
  return {
    production: { $schema: DRAFT, title: 'Waybill production', ...production },
    ...Object.fromEntries(kinds.filter(({ extensions }) => extensions.includes('yaml')).map(kindSchema)),
  };
}

function kindSchema(kind: ResourceKind): readonly [string, JsonSchema] {
  const node = schemaNode(kind.schema);
  const definitions = Object.entries(node.$defs ?? {}).map(([name, child]) => [name, editorSchema(child, false)]);
  const title = `Waybill ${kind.folder}`;
  return [
    kind.folder,
    { $schema: DRAFT, title, ...editorSchema(node, false), definitions: Object.fromEntries(definitions) },
  ];
}

interface Choice {
  readonly name: string;
  readonly summary: string;
  readonly schema: SchemaNode;
}

function byType(choices: readonly Choice[]): SchemaNode {
  return {
    anyOf: choices.map(({ name, summary, schema }) =>
      withKeys(schema, { type: Type.Literal(name, { description: summary }) }),
    ),
  };
}

function recordOf(record: SchemaNode | undefined, choice: SchemaNode): SchemaNode {
  const patterns = Object.keys(record?.patternProperties ?? {});
  return { ...record, patternProperties: Object.fromEntries(patterns.map((pattern) => [pattern, choice])) };
}

/** A schema as an editor can use it. With `references`, `${env:NAME}` may stand for any text, number or truth value. */
function editorSchema(node: SchemaNode, references: boolean): Record<string, unknown> {
  if (node.$ref !== undefined) return { $ref: `#/definitions/${node.$ref.replace(/^#\/\$defs\//, '')}` };
  const inner = (child: SchemaNode) => editorSchema(child, references);
  const schema: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) if (!HIDDEN.has(key) && !key.startsWith('~')) schema[key] = value;
  if (node.anyOf) schema.anyOf = node.anyOf.map(inner);
  if (node.allOf) schema.allOf = node.allOf.map(inner);
  if (node.items) schema.items = Array.isArray(node.items) ? node.items.map(inner) : inner(node.items as SchemaNode);
  if (node.patternProperties) Object.assign(schema, { patternProperties: mapped(node.patternProperties, inner) });
  if (node.patternProperties && !node.properties) schema.additionalProperties = false;
  if (typeof node.additionalProperties === 'object') schema.additionalProperties = inner(node.additionalProperties);
  if (node.properties) Object.assign(schema, mapOfKeys(node, references));
  return isText(node) ? textSchema(schema, references) : schema;
}

function mapOfKeys(node: SchemaNode, references: boolean): Record<string, unknown> {
  const properties = node.properties ?? {};
  const required = (node.required ?? []).filter((key) => properties[key]?.default === undefined);
  const children = mapped(properties, (child) =>
    isFormat(child) ? formatReference(child) : editorSchema(child, references),
  );
  return required.length > 0 ? { properties: children, required } : { properties: children };
}

/** A key that takes any format: a map with `type` and keys that are left to the format. */
function isFormat(node: SchemaNode): boolean {
  const keys = Object.keys(node.properties ?? {});
  return keys.length === 1 && keys[0] === 'type' && node.additionalProperties !== false;
}

function formatReference(node: SchemaNode): Record<string, unknown> {
  return { description: node.description ?? 'A format and its settings.', allOf: [{ $ref: '#/definitions/format' }] };
}

function mapped(
  record: Readonly<Record<string, SchemaNode>>,
  change: (node: SchemaNode) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, child]) => [key, change(child)]));
}

function isText(node: SchemaNode): boolean {
  if (node.const !== undefined || node.enum || node.anyOf || node.allOf) return false;
  return node.type === 'string' || node.type === 'integer' || node.type === 'number' || node.type === 'boolean';
}

function textSchema(schema: Record<string, unknown>, references: boolean): Record<string, unknown> {
  if (schema.type === 'string' && schema.pattern === undefined)
    return { ...schema, type: ['string', 'number', 'boolean'] };
  if (!references) return schema;
  const { description, default: usual, ...rest } = schema;
  const shown = {
    ...(description === undefined ? {} : { description }),
    ...(usual === undefined ? {} : { default: usual }),
  };
  return { ...shown, anyOf: [rest, { type: 'string', pattern: REFERENCE }] };
}
