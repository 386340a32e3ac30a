/** The dialects of a production, without the rest of it: no variables and no secrets are needed to look at them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CONFIG_ERRORS } from '../../engine/config/errors.ts';
import type { Problem } from '../../engine/config/problems.ts';
import { ProblemList } from '../../engine/config/problems.ts';
import { validate } from '../../engine/config/validate.ts';
import { parseYaml } from '../../engine/config/yaml.ts';
import type { Resources } from '../../engine/contracts/resources.ts';
import { DIALECTS } from '../../operations/soap/dialect.ts';

export interface DialectFolder {
  readonly resources: Resources;
  /** Names of the production's own dialects. */
  readonly names: readonly string[];
  readonly problems: readonly Problem[];
}

/** Reads `dialects/*.yaml` of a production; none where it has no such folder. What is wrong becomes problems. */
export function readDialects(folder: string): DialectFolder {
  const problems = new ProblemList();
  const path = join(folder, DIALECTS.folder);
  const files: Record<string, unknown> = Object.create(null);
  for (const item of existsSync(path) ? readdirSync(path).sort() : []) {
    const name = basename(item, '.yaml');
    if (!item.endsWith('.yaml') || item.startsWith('.')) continue;
    const data = readOne(`${DIALECTS.folder}/${item}`, join(path, item), name, problems);
    if (data !== undefined) files[name] = data;
  }
  const resources = { timeZone: 'UTC', values: {}, tables: {}, files: { [DIALECTS.folder]: files } };
  for (const [name, data] of Object.entries(files)) {
    const file = `${DIALECTS.folder}/${name}.yaml`;
    const issues = DIALECTS.check?.(data, resources, name) ?? [];
    if (issues.length > 0) problems.addIssues(file, parseYaml(readFileSync(join(folder, file), 'utf8')), issues);
  }
  return { resources, names: Object.keys(files), problems: problems.sorted() };
}

function readOne(file: string, path: string, name: string, problems: ProblemList): unknown {
  const yaml = parseYaml(readFileSync(path, 'utf8'));
  problems.addSyntax(file, yaml);
  if (yaml.tree === undefined) return undefined;
  const { value, issues } = validate(yaml.tree, DIALECTS.schema);
  problems.addIssues(file, yaml, issues);
  if (issues.length + yaml.issues.length > 0) return undefined;
  const named = (value as { readonly dialect: string }).dialect;
  if (named === name) return value;
  const { cure } = CONFIG_ERRORS.NAME_MISMATCH;
  problems.addIssues(file, yaml, [{ path: ['dialect'], code: 'NAME_MISMATCH', found: named, expected: name, cure }]);
  return undefined;
}
