import { CONDITION_ERRORS } from '../conditions.ts';
import type { Issue, KeyPath } from '../contracts/resources.ts';
import type { ErrorEntry } from '../errors.ts';
import type { AdapterKind, Definitions, Registry } from '../registry.ts';
import { REGISTRY_ERRORS } from '../registry.ts';
import type { TSchema } from '../schema.ts';
import { TABLE_ERRORS } from '../tables.ts';
import type { ConfigErrorCode } from './errors.ts';
import { CONFIG_ERRORS } from './errors.ts';
import type { ProblemList } from './problems.ts';
import { issueOfError } from './problems.ts';
import type { Substituted } from './substitute.ts';
import { listWords, suggest } from './suggest.ts';
import type { Validated } from './validate.ts';
import { validate } from './validate.ts';
import type { Tree, TreeMap, YamlFile } from './yaml.ts';
import { isTreeMap, treeAt } from './yaml.ts';

export const PRODUCTION_FILE = 'production.yaml';

/** What the parts of a loading share. */
export class Loading {
  readonly folder: string;
  readonly registry: Registry;
  readonly problems: ProblemList;
  readonly yaml: YamlFile;
  /** production.yaml with everything substituted. */
  readonly tree: TreeMap;
  readonly #substituted: Substituted;
  readonly #entries = new Map<string, ErrorEntry>();

  constructor(
    folder: string,
    registry: Registry,
    problems: ProblemList,
    yaml: YamlFile,
    tree: TreeMap,
    substituted: Substituted,
  ) {
    this.folder = folder;
    this.registry = registry;
    this.problems = problems;
    this.yaml = yaml;
    this.tree = tree;
    this.#substituted = substituted;
    for (const table of [CONFIG_ERRORS, TABLE_ERRORS, CONDITION_ERRORS, REGISTRY_ERRORS]) this.#learn(table);
  }

  /** Adds issues of production.yaml. */
  issues(issues: readonly Issue[]): void {
    this.problems.addIssues(PRODUCTION_FILE, this.yaml, issues);
  }

  /** Adds one issue of production.yaml; the cure is that of the code unless another is given. */
  issue(code: ConfigErrorCode, path: KeyPath, found: string, expected: string, cure?: string): void {
    this.issues([{ path, code, found, expected, cure: cure ?? CONFIG_ERRORS[code].cure }]);
  }

  warning(code: ConfigErrorCode, path: KeyPath, found: string, expected: string, cure?: string): void {
    this.issues([{ path, code, found, expected, cure: cure ?? CONFIG_ERRORS[code].cure, warning: true }]);
  }

  /** Names under a key of production.yaml, sound or not: what is there but wrong is not missing. */
  names(key: 'routes' | 'destinations'): readonly string[] {
    const group = treeAt(this.tree, [key]);
    return isTreeMap(group) ? Object.keys(group) : [];
  }

  /** An issue about a name that should be one of `known`. */
  unknownName(code: ConfigErrorCode, path: KeyPath, name: string, known: readonly string[]): void {
    const near = suggest(name, known);
    this.issue(
      code,
      path,
      name === '' ? 'nothing' : name,
      near ?? listWords(known),
      near ? `write ${near}` : undefined,
    );
  }

  /** Checks a part of production.yaml; its issues are added. `valid` is false where there are any. */
  validate(tree: TreeMap, schema: TSchema, at: KeyPath): Validated & { readonly valid: boolean } {
    const validated = validate(tree, schema, { at, written: (path) => this.#substituted.written(path) });
    // Where a variable is missing, that is the problem; what the schema says about the gap is not.
    this.issues(validated.issues.filter(({ path }) => path.length === 0 || !this.#substituted.failed(path)));
    return { ...validated, valid: validated.issues.length === 0 };
  }

  /** True where everything named by `${...}` at this path is there. */
  substituted(path: KeyPath): boolean {
    return !this.#substituted.failed(path);
  }

  /** Imports an adapter; where there is none, or it does not fit, that becomes a problem at `path`. */
  async adapter<K extends AdapterKind>(kind: K, name: string, path: KeyPath): Promise<Definitions[K] | undefined> {
    if (!this.registry.has(kind, name)) {
      this.unknownName('UNKNOWN_ADAPTER', path, name, this.registry.names(kind));
      return undefined;
    }
    try {
      const definition = await this.registry.get(kind, name);
      this.#learn(definition.errors);
      return definition;
    } catch (error) {
      this.issues([this.issueOf(error, path)]);
      return undefined;
    }
  }

  /** What an adapter threw, as an issue at a path of production.yaml (or of another tree), with the cure that belongs to its code. */
  issueOf(error: unknown, path: KeyPath, tree: Tree | undefined = treeAt(this.tree, path)): Issue {
    const issue = issueOfError(error, path, tree);
    const entry = this.#entries.get(issue.code);
    if (!entry) return issue;
    return { ...issue, expected: expectationOf(issue.code), cure: entry.cure };
  }

  #learn(table: Readonly<Record<string, ErrorEntry>>): void {
    for (const [code, entry] of Object.entries(table)) {
      if (!this.#entries.has(code)) this.#entries.set(code, entry);
    }
  }
}

function expectationOf(code: string): string {
  if (code.startsWith('CONDITION_')) return 'a CEL condition over row, typed, submission, fields, partner and values';
  if (code.startsWith('TABLE_')) return 'a table with a header and as many values in each row';
  return 'a configuration that can be used';
}
