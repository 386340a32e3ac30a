import { schemaNode } from '../../engine/config/schema-node.ts';
import type { ResourceKind } from '../../engine/contracts/resources.ts';
import type { ErrorEntry } from '../../engine/errors.ts';
import { ADAPTER_KINDS, type AdapterDefinition, loadAdapters } from '../../engine/registry.ts';
import { cell } from './markdown.ts';
import { pageHead } from './pages.ts';
import { schemaTable } from './schema-table.ts';

/** `docs/reference/adapters/KIND-NAME.md` for every adapter of Waybill, in the order of a message's way. */
export async function adapterPages(): Promise<[string, string][]> {
  const registry = await loadAdapters();
  const pages: [string, string][] = [];
  for (const kind of ADAPTER_KINDS) {
    for (const definition of await registry.all(kind)) {
      pages.push([`docs/reference/adapters/${kind}-${definition.name}.md`, adapterPage(definition)]);
    }
  }
  return pages;
}

function adapterPage(definition: AdapterDefinition): string {
  const { kind, name, summary, description, examples, errors } = definition;
  const schema = 'schema' in definition ? schemaTable(schemaNode(definition.schema)) : [];
  return [
    pageHead(`${name} (${kind})`),
    summary,
    '',
    description.trim(),
    '',
    ...section('Keys', schema),
    ...(('resources' in definition && definition.resources) || []).flatMap(resourceSection),
    ...(examples.length === 0 ? [] : ['## Examples', '']),
    ...examples.flatMap(({ title, yaml }) => [`${title}:`, '', '```yaml', yaml.trim(), '```', '']),
    ...section('Error codes', errorTable(errors)),
  ].join('\n');
}

function resourceSection({ folder, key, extensions, schema }: ResourceKind): string[] {
  const files = extensions.map((extension) => `\`${folder}/NAME.${extension}\``).join(' or ');
  return [`## Files in ${folder}/`, '', `${files}; first key \`${key}\`.`, '', ...schemaTable(schemaNode(schema)), ''];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`## ${title}`, '', ...lines, ''];
}

function errorTable(errors: Readonly<Record<string, ErrorEntry>>): string[] {
  const codes = Object.entries(errors).sort(([a], [b]) => (a < b ? -1 : 1));
  if (codes.length === 0) return [];
  return [
    '| code | means | what to do |',
    '| --- | --- | --- |',
    ...codes.map(([code, { means, cure }]) => `| \`${code}\` | ${cell(means)} | ${cell(cure)} |`),
  ];
}
