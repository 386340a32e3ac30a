import type { Issue, KeyPath } from '../contracts/resources.ts';
import type { ErrorEntry, Place } from '../errors.ts';
import { messageOf, WaybillError } from '../errors.ts';
import { CONFIG_ERRORS } from './errors.ts';
import type { Tree, YamlFile } from './yaml.ts';
import { isTreeList, isTreeMap } from './yaml.ts';

/** One thing wrong with a production, with its place. Holds no secret. */
export interface Problem {
  /** Relative to the production's folder: `transforms/dose-to-vxu.yaml`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Keys as people write them: `routes.doses.to[0].when`; empty for a file as a whole. */
  readonly path: string;
  /** Stable code. */
  readonly code: string;
  readonly found: string;
  readonly expected: string;
  readonly cure: string;
  /** A warning does not keep the production from starting. */
  readonly warning: boolean;
}

/** `file:line:column path: found X, expected Y, what to do: Z (CODE)`, in one line. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, code, found, expected, cure } = problem;
  const where = path === '' ? `${file}:${line}:${column}` : `${file}:${line}:${column} ${path}`;
  return `${where}: found ${found}, expected ${expected}, what to do: ${cure} (${code})`;
}

/** A key path as people write it: `files[0].format.recordMap`, `actions[0].set.PID-5.1`. */
export function formatPath(path: KeyPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      const name = /^[^\s"[\]]+$/.test(step) ? step : JSON.stringify(step);
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}

/** Finds the keys of a tree that a path names; a key may have dots in it. Stops where the tree does not go on. */
export function resolvePath(text: string, tree: Tree | undefined): KeyPath {
  const path: (string | number)[] = [];
  let at = tree;
  let rest = text;
  while (rest !== '') {
    const step = nextStep(rest, at);
    if (!step) return path;
    path.push(step.key);
    at = step.child;
    rest = rest.slice(step.written.length).replace(/^\./, '');
  }
  return path;
}

function nextStep(rest: string, at: Tree | undefined) {
  if (isTreeList(at)) {
    const [written, digits] = /^\[(\d+)\]/.exec(rest) ?? [];
    const key = Number(digits);
    return written === undefined || at[key] === undefined ? undefined : { key, written, child: at[key] };
  }
  if (!isTreeMap(at)) return undefined;
  let best: { readonly key: string; readonly written: string; readonly child: Tree } | undefined;
  for (const [key, child] of Object.entries(at)) {
    const written = formatPath([key]);
    const fits = rest === written || rest.startsWith(`${written}.`) || rest.startsWith(`${written}[`);
    if (fits && written.length > (best?.written.length ?? -1)) best = { key, written, child };
  }
  return best;
}

/** Codes whose place is the key, not its value. */
const ABOUT_KEYS = new Set(['UNKNOWN_KEY', 'NAME_FORM', 'UNUSED', 'DUPLICATE_KEY']);

/** Gathers problems from every part of the loading; each place once for a code. */
export class ProblemList {
  readonly #problems = new Map<string, Problem>();
  #redact: (sentence: string) => string = (sentence) => sentence;

  /** From now on takes secrets out of sentences. */
  redactWith(redact: (sentence: string) => string): void {
    this.#redact = redact;
  }

  /** Adds what is wrong in a YAML file, with the places of the file. */
  addIssues(file: string, yaml: YamlFile, issues: readonly Issue[]): void {
    for (const issue of issues) {
      const { line, column } = yaml.place(issue.path, ABOUT_KEYS.has(issue.code) ? 'key' : 'value');
      this.add({ ...withoutPath(issue), file, line, column, path: formatPath(issue.path) });
    }
  }

  /** Adds what is wrong with the text of a YAML file itself. */
  addSyntax(file: string, yaml: YamlFile): void {
    for (const issue of yaml.issues) {
      this.add({ ...withoutPath(issue), file, ...issue.position, path: formatPath(issue.path) });
    }
  }

  add(problem: Problem): void {
    const clean = {
      ...problem,
      found: oneLine(this.#redact(problem.found)) || 'nothing',
      expected: oneLine(this.#redact(problem.expected)),
      cure: oneLine(this.#redact(problem.cure)),
    };
    const key = `${problem.file}\n${problem.path}\n${problem.line}\n${problem.code}`;
    if (!this.#problems.has(key)) this.#problems.set(key, clean);
  }

  get hasErrors(): boolean {
    return [...this.#problems.values()].some((problem) => !problem.warning);
  }

  /** In the order of files and lines; production.yaml first. */
  sorted(): readonly Problem[] {
    return [...this.#problems.values()].sort(
      (a, b) => compareFiles(a.file, b.file) || a.line - b.line || a.column - b.column,
    );
  }
}

/** Makes what reports problems of a whole file or folder, with the cures of a table of codes. */
export function fileProblemsBy<Code extends string>(errors: Readonly<Record<Code, ErrorEntry>>) {
  return (problems: ProblemList, code: Code, file: string, found: string, expected: string, warning = false): void => {
    const { cure } = errors[code];
    problems.add({ file, line: 1, column: 1, path: '', code, found, expected, cure, warning });
  };
}

/**
 * What an adapter threw, as an issue at this path; a path of its own leads on from there, into `tree`. Foreign errors keep
 * their own words.
 */
export function issueOfError(error: unknown, path: KeyPath, tree?: Tree): Issue {
  const code = error instanceof WaybillError ? error.code : 'NOT_USABLE';
  const inner = resolvePath(placeOfError(error).path ?? '', tree);
  return {
    path: [...path, ...inner],
    code,
    found: messageOf(error),
    expected: 'a configuration that the adapter can work with',
    cure: CONFIG_ERRORS.NOT_USABLE.cure,
  };
}

/** The place of a `WaybillError`, where it names a file. */
export function placeOfError(error: unknown): Place {
  return error instanceof WaybillError ? error.place : {};
}

function withoutPath(issue: Issue) {
  const { code, found, expected, cure, warning } = issue;
  return { code, found, expected, cure, warning: warning ?? false };
}

function oneLine(sentence: string): string {
  return sentence.replace(/\s+/g, ' ').trim();
}

function compareFiles(a: string, b: string): number {
  if (a === b) return 0;
  if (a === 'production.yaml') return -1;
  return b === 'production.yaml' ? 1 : a.localeCompare(b, 'en');
}
