/** A configuration schema as a Markdown table: one line for each key. */
import { type Definitions, resolveRef, type SchemaNode } from '../../engine/config/schema-node.ts';
import { cell } from './markdown.ts';

const MEANINGS: Readonly<Record<string, string>> = {
  duration: 'duration (`5s`)',
  size: 'size (`4MB`)',
  secret: 'secret (`$' + '{env:NAME}`)',
  path: 'path',
  cel: 'condition (CEL)',
  timeZone: 'time zone',
};

/** Lines of the table, with its head; empty for a schema without keys. */
export function schemaTable(schema: SchemaNode): string[] {
  const rows = rowsOf(schema, '', schema.$defs ?? {}, new Set());
  if (rows.length === 0) return [];
  return ['| key | value | default | what |', '| --- | --- | --- | --- |', ...rows];
}

function rowsOf(schema: SchemaNode, prefix: string, definitions: Definitions, above: ReadonlySet<string>): string[] {
  // A definition that holds itself (a list of actions inside an action) is shown once.
  if (schema.$ref !== undefined && above.has(schema.$ref)) return [];
  const inside = schema.$ref === undefined ? above : new Set([...above, schema.$ref]);
  const node = resolveRef(schema, definitions);
  const rows = new Set<string>();
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    rows.add(row(key, child, definitions, node.required?.includes(name) ?? false));
    for (const line of rowsOf(child, key, definitions, inside)) rows.add(line);
  }
  const named = [...Object.values(node.patternProperties ?? {}), node.additionalProperties];
  for (const child of named) {
    if (typeof child !== 'object') continue;
    for (const line of rowsOf(child, prefix === '' ? 'NAME' : `${prefix}.NAME`, definitions, inside)) rows.add(line);
  }
  const items = Array.isArray(node.items) ? node.items : [node.items];
  for (const child of items) {
    if (child === undefined) continue;
    for (const line of rowsOf(child, `${prefix}[]`, definitions, inside)) rows.add(line);
  }
  for (const branch of [...(node.anyOf ?? []), ...(node.allOf ?? [])]) {
    for (const line of rowsOf(branch, prefix, definitions, inside)) rows.add(line);
  }
  return [...rows];
}

function row(key: string, schema: SchemaNode, definitions: Definitions, required: boolean): string {
  const node = resolveRef(schema, definitions);
  const usual = schema.default ?? node.default;
  const shown = usual === undefined ? (required ? 'required' : '-') : `\`${plain(usual)}\``;
  const what = schema.description ?? node.description ?? '';
  return `| \`${key}\` | ${cell(wordsFor(node, definitions))} | ${cell(shown)} | ${cell(what)} |`;
}

function wordsFor(schema: SchemaNode, definitions: Definitions): string {
  const node = resolveRef(schema, definitions);
  const meaning = node['x-waybill'];
  if (meaning !== undefined) return MEANINGS[meaning] ?? meaning;
  if (node.const !== undefined) return `\`${node.const}\``;
  if (node.enum) return node.enum.map((word) => `\`${word}\``).join(', ');
  if (node.anyOf) return [...new Set(node.anyOf.map((branch) => wordsFor(branch, definitions)))].join(' or ');
  if (node.type === 'array') return 'list';
  if (node.type === 'object') return 'keys';
  if (node.type === 'string') return 'text';
  if (node.type === 'integer') return 'whole number';
  if (node.type === 'boolean') return '`true`, `false`';
  return typeof node.type === 'string' ? node.type : 'any';
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
