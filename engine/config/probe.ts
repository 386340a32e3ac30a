import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Production } from '../contracts/production.ts';
import type { Registry } from '../registry.ts';
import type { LoadOptions } from './load.ts';
import { PRODUCTION_FILE } from './loading.ts';
import type { Problem } from './problems.ts';
import { issueOfError, ProblemList } from './problems.ts';
import { substitute } from './substitute.ts';
import { parseYaml } from './yaml.ts';

/**
 * Asks every service for problems that no schema can see: folders, permissions, ports. Changes nothing. The problems have
 * their places in production.yaml, and no substituted value. @throws an error of the disk where production.yaml is gone.
 */
export async function probeProduction(
  production: Production,
  registry: Registry,
  options: LoadOptions = {},
): Promise<readonly Problem[]> {
  const problems = new ProblemList();
  const yaml = parseYaml(readFileSync(join(production.folder, PRODUCTION_FILE), 'utf8'));
  if (yaml.tree !== undefined) {
    const source = { folder: production.folder, env: options.env ?? process.env };
    const { redact } = substitute(yaml.tree, source);
    problems.redactWith(redact);
  }
  for (const [name, { type, config }] of Object.entries(production.services)) {
    const path = ['services', name];
    try {
      const definition = await registry.get('service', type);
      const found = (await definition.probe?.(config, production.folder)) ?? [];
      problems.addIssues(
        PRODUCTION_FILE,
        yaml,
        found.map((issue) => ({ ...issue, path: [...path, ...issue.path] })),
      );
    } catch (error) {
      problems.addIssues(PRODUCTION_FILE, yaml, [issueOfError(error, path)]);
    }
  }
  return problems.sorted();
}
