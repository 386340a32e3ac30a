import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadProduction } from '../../engine/config/load.ts';
import { PRODUCTION_FILE } from '../../engine/config/loading.ts';
import { fileProblemsBy, type Problem, ProblemList } from '../../engine/config/problems.ts';
import type { Production } from '../../engine/contracts/production.ts';
import { codeOf, messageOf } from '../../engine/errors.ts';
import type { Registry } from '../../engine/registry.ts';
import { compare, type Failure } from './compare.ts';
import { TEST_ERRORS } from './errors.ts';
import { type PreparedCase, prepareTests } from './prepare.ts';
import { carriesOf, runCase } from './run-case.ts';
import { readTests, type TestsFile } from './tests-file.ts';

const report = fileProblemsBy(TEST_ERRORS);

export interface CaseResult {
  readonly file: string;
  readonly name: string;
  readonly line: number;
  readonly passed: boolean;
  readonly ms: number;
  readonly failures: readonly Failure[];
}

export interface TestRun {
  /** Errors keep every case from running; warnings do not. */
  readonly problems: readonly Problem[];
  /** Number of tests files of the production. */
  readonly files: number;
  readonly cases: readonly CaseResult[];
}

/** A case and the production, with the variables of its file, that it runs in. */
interface Runnable {
  readonly prepared: PreparedCase;
  readonly production: Production;
}

/** Runs the cases of a production whose file or own name fits `only`. Nothing runs where anything has a problem. */
export async function runTests(folder: string, registry: Registry, only?: string): Promise<TestRun> {
  const problems = new ProblemList();
  const files = readTests(folder, problems);
  const runnable = await prepareAll(folder, files, registry, problems);
  const chosen = runnable.filter(({ prepared }) => isChosen(prepared, only));
  if (!problems.hasErrors && chosen.length === 0) reportNone(problems, only);
  if (problems.hasErrors) return { problems: problems.sorted(), files: files.length, cases: [] };

  const carries = new Map<Production, Awaited<ReturnType<typeof carriesOf>>>();
  const cases: CaseResult[] = [];
  for (const { prepared, production } of chosen) {
    const known = carries.get(production) ?? (await carriesOf(production, registry));
    carries.set(production, known);
    const begun = performance.now();
    try {
      const failures = compare(prepared, await runCase(prepared, production, registry, known));
      cases.push(resultOf(prepared, failures, performance.now() - begun));
    } catch (error) {
      reportNotRun(problems, prepared, error);
    }
  }
  return { problems: problems.sorted(), files: files.length, cases };
}

/** What is wrong with the tests of a production that was loaded, for `check`. */
export async function testProblems(production: Production, registry: Registry): Promise<readonly Problem[]> {
  const problems = new ProblemList();
  for (const file of readTests(production.folder, problems)) await prepareTests(file, production, registry, problems);
  return problems.sorted();
}

/** Loads the production once for each set of variables, and prepares the cases of every file. */
async function prepareAll(
  folder: string,
  files: readonly TestsFile[],
  registry: Registry,
  problems: ProblemList,
): Promise<readonly Runnable[]> {
  const productions = new Map<string, Production | undefined>();
  const load = async (env: Readonly<Record<string, string>>) => {
    const loaded = await loadProduction(folder, registry, { env: { ...process.env, ...env } });
    for (const problem of loaded.problems) problems.add(problem);
    return loaded.production;
  };
  // Without tests only a folder that is no production is worth more than that.
  if (files.length === 0 && !existsSync(join(folder, PRODUCTION_FILE))) await load({});
  const runnable: Runnable[] = [];
  for (const file of files) {
    const env = file.data.env ?? {};
    const key = JSON.stringify(Object.entries(env).sort());
    if (!productions.has(key)) productions.set(key, await load(env));
    const production = productions.get(key);
    if (!production) continue;
    const prepared = await prepareTests(file, production, registry, problems);
    runnable.push(...prepared.map((each) => ({ prepared: each, production })));
  }
  return runnable;
}

function resultOf({ file, index, data }: PreparedCase, failures: readonly Failure[], ms: number): CaseResult {
  const { line } = file.yaml.place(['cases', index, 'name']);
  return { file: file.file, name: data.name, line, passed: failures.length === 0, ms: Math.round(ms), failures };
}

/** `*` is any run of characters, `?` any one; case does not count. */
function isChosen({ file, data }: PreparedCase, only: string | undefined): boolean {
  if (only === undefined) return true;
  const escaped = only
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const pattern = new RegExp(`^${escaped}$`, 'is');
  return pattern.test(file.name) || pattern.test(data.name);
}

function reportNone(problems: ProblemList, only: string | undefined): void {
  const found = only === undefined ? 'no case' : `no case or file named ${only}`;
  report(problems, 'TESTS_NOT_FOUND', 'tests', found, 'a case to run');
}

function reportNotRun(problems: ProblemList, { file, index }: PreparedCase, error: unknown): void {
  const { cure } = TEST_ERRORS.TEST_RUN_FAILED;
  const found = `${messageOf(error)} (${codeOf(error)})`;
  const issue = { path: ['cases', index, 'name'], code: 'TEST_RUN_FAILED', found, expected: 'a route that runs', cure };
  problems.addIssues(file.file, file.yaml, [issue]);
}
