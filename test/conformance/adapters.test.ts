/**
 * Every adapter that is found, against its contract. A new one is found by itself; those of another folder where
 * WAYBILL_ADAPTERS names it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { test } from 'node:test';
import { DESTINATION_KEYS } from '../../engine/config/delivery-schema.ts';
import { editorSchemas } from '../../engine/config/json-schema.ts';
import { formatPath } from '../../engine/config/problems.ts';
import { type SchemaNode, schemaNode } from '../../engine/config/schema-node.ts';
import { validate } from '../../engine/config/validate.ts';
import { isTreeMap, parseYaml, type Tree } from '../../engine/config/yaml.ts';
import type { ResourceKind } from '../../engine/contracts/resources.ts';
import { ADAPTER_KINDS, type AdapterDefinition, loadAdapters } from '../../engine/registry.ts';
import type { TSchema } from '../../engine/schema.ts';

/** The order in which an adapter's file tells what it is: what a reader needs first comes first. */
const ORDER = [
  'kind',
  'name',
  'summary',
  'description',
  'schema',
  'examples',
  'errors',
  'outcomes',
  'resources',
  'gives',
  'answerFormat',
];
/** Keys that the engine adds to an adapter's own, so an adapter may not have them. */
const ENGINE_KEYS: Readonly<Record<string, readonly string[]>> = {
  service: ['type'],
  format: ['type'],
  transform: [],
  operation: ['type', ...Object.keys(DESTINATION_KEYS)],
};

const { WAYBILL_ADAPTERS: folder } = process.env;
const registry = await loadAdapters(folder ? [folder] : []);
const adapters: readonly { readonly title: string; readonly file: string; readonly adapter: AdapterDefinition }[] = (
  await Promise.all(
    ADAPTER_KINDS.map(async (kind) =>
      (
        await registry.all(kind)
      ).map((adapter: AdapterDefinition) => ({
        title: `${kind} ${adapter.name}`,
        file: registry.file(kind, adapter.name),
        adapter,
      })),
    ),
  )
).flat();

/** The schema of what an example shows: an adapter's settings, or a file that it understands. */
function schemaOfExample(adapter: AdapterDefinition, tree: Tree): { readonly tree: Tree; readonly schema: TSchema } {
  if (adapter.kind === 'transform') {
    const kind = adapter.resources.find(({ key }) => isTreeMap(tree) && Object.hasOwn(tree, key));
    assert.ok(kind, 'the example is a file that the adapter understands');
    return { tree, schema: kind.schema };
  }
  assert.ok(isTreeMap(tree), 'the example is a map');
  assert.equal(tree.type, adapter.name, 'the example says its type');
  const own = new Set(['type', ...(ENGINE_KEYS[adapter.kind] ?? [])]);
  return { tree: Object.fromEntries(Object.entries(tree).filter(([key]) => !own.has(key))), schema: adapter.schema };
}

/** Every schema in a schema, with the path to it. */
function* schemasIn(node: SchemaNode, path: string): Generator<readonly [string, SchemaNode]> {
  yield [path, node];
  for (const [key, child] of Object.entries(node.properties ?? {})) yield* schemasIn(child, `${path}.${key}`);
  for (const [key, child] of Object.entries(node.$defs ?? {})) yield* schemasIn(child, `${path}.$defs.${key}`);
  for (const [key, child] of Object.entries(node.patternProperties ?? {})) yield* schemasIn(child, `${path}.${key}`);
  for (const child of node.anyOf ?? []) yield* schemasIn(child, path);
  if (node.items && !Array.isArray(node.items)) yield* schemasIn(node.items as SchemaNode, `${path}[]`);
}

/** A sentence begins with a capital, or with a name as it is written, and ends with a full stop or a question mark. */
function isSentence(text: string): boolean {
  return /^([A-Z`'"$]|[a-z][\w-]*[/.:(])/.test(text) && /[.?]$/.test(text) && text.split(' ').length > 2;
}

test('there are adapters of every kind', () => {
  for (const kind of ADAPTER_KINDS) assert.ok(registry.names(kind).length > 0, kind);
});

for (const { title, file, adapter } of adapters) {
  test(`${title}: its file has its name, and tells things in the common order`, () => {
    const name = basename(file) === 'index.ts' ? basename(dirname(file)) : basename(file, '.ts');
    assert.equal(adapter.name, name);
    const keys = Object.keys(adapter);
    const known = keys.filter((key) => ORDER.includes(key));
    assert.deepEqual(
      known,
      ORDER.filter((key) => keys.includes(key)),
    );
    const firstCode = keys.findIndex((key) => !ORDER.includes(key));
    assert.ok(firstCode >= known.length, `code comes last: ${keys.join(', ')}`);
  });

  test(`${title}: it has a summary of one line and a description`, () => {
    assert.match(adapter.summary, /^[^\n]{10,120}$/);
    assert.ok(adapter.description.trim().length > adapter.summary.length);
    assert.equal(adapter.description, adapter.description.trim());
  });

  test(`${title}: its examples are right by its own schema`, () => {
    if (adapter.kind !== 'transform' || adapter.resources.some(({ extensions }) => extensions.includes('yaml'))) {
      assert.ok(adapter.examples.length > 0, 'it has an example');
    }
    for (const example of adapter.examples) {
      assert.match(example.title, /\S/);
      const { tree, issues } = parseYaml(example.yaml);
      assert.deepEqual(issues, [], example.title);
      assert.ok(tree !== undefined);
      const shown = schemaOfExample(adapter, tree);
      const found = validate(shown.tree, shown.schema, { written: () => 'an example' }).issues;
      assert.deepEqual(
        found.map(({ path, code }) => `${formatPath(path)} ${code}`),
        [],
        example.title,
      );
    }
  });

  test(`${title}: its error codes are upper case, with sentences for what they mean and what to do`, () => {
    for (const [code, { means, cure }] of Object.entries(adapter.errors)) {
      assert.match(code, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
      assert.ok(isSentence(means), `${code} means: ${means}`);
      assert.ok(isSentence(cure), `${code} cure: ${cure}`);
    }
  });

  test(`${title}: its file raises nothing at import and registers nothing`, () => {
    assert.equal(/\bregister\w*\(/.test(readFileSync(file, 'utf8').replace(/registerHooks/g, '')), false);
  });

  if (adapter.kind !== 'transform') {
    test(`${title}: its settings are closed, described, and leave the engine's keys alone`, () => {
      const node = schemaNode(adapter.schema);
      assert.equal(node.type, 'object');
      assert.equal(node.additionalProperties, false, 'an unknown key is an error');
      for (const key of ENGINE_KEYS[adapter.kind] ?? [])
        assert.equal(Object.hasOwn(node.properties ?? {}, key), false, key);
      for (const [key, child] of Object.entries(node.properties ?? {}))
        assert.ok(child.description, `${key} is described`);
    });

    test(`${title}: its defaults are right by its own schema`, () => {
      for (const [path, node] of schemasIn(schemaNode(adapter.schema), adapter.name)) {
        if (node.default === undefined) continue;
        const tree = parseYaml(JSON.stringify({ value: node.default })).tree;
        const { issues } = validate(tree ?? {}, { type: 'object', properties: { value: node } });
        assert.deepEqual(issues, [], `${path} has the default ${JSON.stringify(node.default)}`);
      }
    });
  }

  test(`${title}: the kinds of files that it understands can be told from each other`, () => {
    const resources: readonly ResourceKind[] = (adapter.kind === 'service' ? undefined : adapter.resources) ?? [];
    for (const kind of resources) {
      assert.match(kind.folder, /^[a-z][a-z-]*$/);
      assert.match(kind.key, /^[a-z][A-Za-z]*$/);
      assert.ok(kind.extensions.length > 0);
      for (const extension of kind.extensions) assert.match(extension, /^[a-z]+$/);
      if (!kind.extensions.includes('yaml')) continue;
      const node = schemaNode(kind.schema);
      assert.ok(node.properties?.[kind.key], `${kind.folder} files begin with ${kind.key}`);
      assert.equal(node.additionalProperties, false, 'an unknown key is an error');
    }
  });
}

test('no two adapters understand the same files', () => {
  const kinds = adapters.flatMap(({ adapter }) => (adapter.kind === 'service' ? [] : (adapter.resources ?? [])));
  const places = kinds.flatMap(({ folder, extensions }) => extensions.map((extension) => `${folder}/*.${extension}`));
  assert.equal(new Set(places).size, places.length, places.join(', '));
});

test('every adapter has its place in the schema for editors', async () => {
  const text = JSON.stringify(await editorSchemas(registry));
  for (const { adapter } of adapters) {
    if (adapter.kind !== 'transform') assert.ok(text.includes(`"const":"${adapter.name}"`), adapter.name);
  }
});
