import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PRODUCTION_FILE } from '../engine/config/loading.ts';
import { type Problem, ProblemList } from '../engine/config/problems.ts';
import { schemaNode } from '../engine/config/schema-node.ts';
import { parseYaml } from '../engine/config/yaml.ts';
import type { Production } from '../engine/contracts/production.ts';
import type { KeyPath } from '../engine/contracts/resources.ts';
import type { Registry } from '../engine/registry.ts';
import fileDrop, { overlappingFolders, type UsedFolder } from '../services/file-drop/index.ts';

/** A folder that the production names, with its place in production.yaml; none for what the engine uses itself. */
interface Named extends UsedFolder {
  readonly at?: KeyPath;
}

/** Folders inside the data folder that belong to the engine alone. */
const ENGINES = ['bodies', 'redis'];

/**
 * Problems with folders that are the same, or lie one inside the other, once links are followed: services among
 * themselves, and with what the engine keeps in its data folder. The loader sees paths as they are written only.
 */
export async function overlapProblems(
  production: Production,
  registry: Registry,
  dataFolder: string,
): Promise<readonly Problem[]> {
  const engines: Named[] = ENGINES.map((name) => ({
    owner: `${name}/ of the data folder`,
    path: join(dataFolder, name),
  }));
  const used: readonly Named[] = [...engines, ...(await foldersOf(production, registry))];
  const problems = new ProblemList();
  const yaml = parseYaml(readFileSync(join(production.folder, PRODUCTION_FILE), 'utf8'));
  for (const [first, second] of await overlappingFolders(used)) {
    const later: Named | undefined = used.find((folder) => folder === second);
    if (!later?.at) continue;
    const issue = {
      path: later.at,
      code: 'FOLDER_OVERLAPS',
      found: later.path,
      expected: `a folder apart from ${first.owner} (${first.path})`,
      cure: fileDrop.errors.FOLDER_OVERLAPS?.cure ?? 'give each a folder of its own',
    };
    problems.addIssues(PRODUCTION_FILE, yaml, [issue]);
  }
  return problems.sorted();
}

async function foldersOf(production: Production, registry: Registry): Promise<readonly Named[]> {
  const found: Named[] = [];
  for (const [name, { type, config }] of Object.entries(production.services)) {
    const definition = await registry.get('service', type);
    for (const [key, node] of Object.entries(schemaNode(definition.schema).properties ?? {})) {
      const path = node['x-waybill'] === 'path' ? textAt(config, key) : undefined;
      if (path === undefined) continue;
      const at = ['services', name, key];
      found.push({ owner: at.join('.'), path: resolve(production.folder, path), at });
    }
  }
  return found;
}

function textAt(config: unknown, key: string): string | undefined {
  if (typeof config !== 'object' || config === null) return undefined;
  const value: unknown = Object.entries(config).find(([name]) => name === key)?.[1];
  return typeof value === 'string' ? value : undefined;
}
