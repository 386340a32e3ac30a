import { join, resolve } from 'node:path';
import { schemaNode } from '../engine/config/schema-node.ts';
import type { Production } from '../engine/contracts/production.ts';
import type { Registry } from '../engine/registry.ts';
import { overlappingFolders, type UsedFolder } from '../services/file-drop/index.ts';

/** Folders inside the data folder that belong to the engine alone. */
const ENGINES = ['bodies', 'redis'];

/**
 * Sentences about folders that lie one inside the other once links are followed: services among themselves, and with
 * what the engine keeps in its data folder.
 */
export async function overlapSentences(
  production: Production,
  registry: Registry,
  dataFolder: string,
): Promise<readonly string[]> {
  const used: UsedFolder[] = ENGINES.map((name) => ({
    owner: `the data folder's ${name}/`,
    path: join(dataFolder, name),
  }));
  for (const [name, { type, config }] of Object.entries(production.services)) {
    const definition = await registry.get('service', type);
    for (const [key, node] of Object.entries(schemaNode(definition.schema).properties ?? {})) {
      const path = node['x-waybill'] === 'path' ? textAt(config, key) : undefined;
      if (path !== undefined) used.push({ owner: `services.${name}.${key}`, path: resolve(production.folder, path) });
    }
  }
  const pairs = await overlappingFolders(used);
  return pairs
    .filter(([a, b]) => used.indexOf(a) >= ENGINES.length || used.indexOf(b) >= ENGINES.length)
    .map(
      ([a, b]) =>
        `${b.owner} (${b.path}) and ${a.owner} (${a.path}) are the same folder or one lies inside the other: give each one of its own`,
    );
}

function textAt(config: unknown, key: string): string | undefined {
  if (typeof config !== 'object' || config === null) return undefined;
  const value: unknown = Object.entries(config).find(([name]) => name === key)?.[1];
  return typeof value === 'string' ? value : undefined;
}
