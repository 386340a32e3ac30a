import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CONFIG_ERRORS } from '../../engine/config/errors.ts';
import { fileProblemsBy, type ProblemList } from '../../engine/config/problems.ts';
import { validate } from '../../engine/config/validate.ts';
import { parseYaml, type YamlFile } from '../../engine/config/yaml.ts';
import { codeOf } from '../../engine/errors.ts';
import { TESTS_SCHEMA, type TestsData } from './schema.ts';

const report = fileProblemsBy(CONFIG_ERRORS);

/** Folder of the tests in a production. */
export const TESTS_FOLDER = 'tests';

/** One file of tests, right by its schema. */
export interface TestsFile {
  /** Relative to the production: `tests/doses.yaml`. */
  readonly file: string;
  /** `doses`. */
  readonly name: string;
  readonly yaml: YamlFile;
  readonly data: TestsData;
}

/** Reads every `tests/*.yaml` of a production; what is wrong becomes problems. Other files are inputs and passed over. */
export function readTests(folder: string, problems: ProblemList): readonly TestsFile[] {
  const path = join(folder, TESTS_FOLDER);
  if (!existsSync(path)) return [];
  const names = readdirSync(path, { withFileTypes: true })
    .filter((item) => item.isFile() && /\.ya?ml$/.test(item.name))
    .map((item) => item.name);
  return names.sort().flatMap((name) => {
    const file = `${TESTS_FOLDER}/${name}`;
    if (name.endsWith('.yaml')) return readFile(file, join(path, name), problems);
    report(problems, 'FILE_NAME', file, name, 'NAME.yaml');
    return [];
  });
}

function readFile(file: string, path: string, problems: ProblemList): readonly TestsFile[] {
  const text = textOf(file, path, problems);
  if (text === undefined) return [];
  const yaml = parseYaml(text);
  problems.addSyntax(file, yaml);
  if (yaml.tree === undefined) {
    if (yaml.issues.length === 0)
      report(problems, 'WRONG_SHAPE', file, 'an empty file', 'a map that begins with route');
    return [];
  }
  const { value, issues } = validate(yaml.tree, TESTS_SCHEMA);
  problems.addIssues(file, yaml, issues);
  if (issues.length + yaml.issues.length > 0) return [];
  return [{ file, name: basename(file, '.yaml'), yaml, data: value as TestsData }];
}

function textOf(file: string, path: string, problems: ProblemList): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const found = error instanceof TypeError ? 'bytes that are not UTF-8' : codeOf(error);
    report(problems, 'FILE_NOT_READABLE', file, found, 'a file in UTF-8 that can be read');
    return undefined;
  }
}
