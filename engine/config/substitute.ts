/** `${env:NAME}` and `${file:path}`: values that come from outside of production.yaml and are never shown. */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Issue, KeyPath } from '../contracts/resources.ts';
import { codeOf } from '../errors.ts';
import type { ConfigErrorCode } from './errors.ts';
import { CONFIG_ERRORS } from './errors.ts';
import type { Tree } from './yaml.ts';
import { isTreeList } from './yaml.ts';

/** Where values come from. */
export interface SubstitutionSource {
  /** Folder in which the paths of `${file:...}` begin. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Substituted {
  readonly tree: Tree;
  readonly issues: readonly Issue[];
  /** The text as written, for each path at which something was put in its place. */
  written(path: KeyPath): string | undefined;
  /** True where a variable or a file at this path, or inside of it, was missing. */
  failed(path: KeyPath): boolean;
  /** Takes every substituted value out of a sentence and puts what was written there instead. */
  redact(sentence: string): string;
}

/** A file named by `${file:...}` is a secret or a certificate, not data. */
const MAX_FILE_BYTES = 1_000_000;
/** Shorter values are words like any other: taking them out of a sentence would only garble it. */
const MIN_REDACTED_LENGTH = 4;
const REFERENCE = /\$\{(?:(env|file):)?([^}]*)\}?/g;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Puts the values in; reads the files named anew at each call. Missing ones are issues that name the variable or the path.
 * The last line end of a file is not part of its value.
 */
export function substitute(tree: Tree, source: SubstitutionSource): Substituted {
  const substitution = new Substitution(source);
  const result = substitution.tree(tree, []);
  return {
    tree: result,
    issues: substitution.issues,
    written: (path) => substitution.written.get(pathKey(path)),
    failed: (path) => substitution.issues.some((issue) => path.every((step, index) => issue.path[index] === step)),
    redact: (sentence) => redacted(sentence, substitution.values),
  };
}

/** Finds `${env:...}` and `${file:...}` where they may not stand: in every file but production.yaml. */
export function misplacedSubstitutions(tree: Tree): readonly Issue[] {
  const issues: Issue[] = [];
  visitTexts(tree, [], (text, path) => {
    const found = /\$\{(env|file):[^}]*\}?/.exec(text);
    if (!found) return;
    const { cure } = CONFIG_ERRORS.SUBSTITUTION_PLACE;
    issues.push({ path, code: 'SUBSTITUTION_PLACE', found: found[0], expected: 'a plain text in this file', cure });
  });
  return issues;
}

/** Calls `seen` for every text of a tree with its path. */
export function visitTexts(tree: Tree, path: KeyPath, seen: (text: string, path: KeyPath) => void): void {
  if (typeof tree === 'string') seen(tree, path);
  else if (isTreeList(tree))
    tree.forEach((item, index) => {
      visitTexts(item, [...path, index], seen);
    });
  else for (const [key, child] of Object.entries(tree)) visitTexts(child, [...path, key], seen);
}

class Substitution {
  readonly issues: Issue[] = [];
  readonly written = new Map<string, string>();
  readonly values = new Map<string, string>();
  readonly #source: SubstitutionSource;

  constructor(source: SubstitutionSource) {
    this.#source = source;
  }

  tree(tree: Tree, path: KeyPath): Tree {
    if (typeof tree === 'string') return tree.includes(`\${`) ? this.#text(tree, path) : tree;
    if (isTreeList(tree)) return Object.freeze(tree.map((item, index) => this.tree(item, [...path, index])));
    const result: Record<string, Tree> = Object.create(null);
    for (const [key, child] of Object.entries(tree)) result[key] = this.tree(child, [...path, key]);
    return Object.freeze(result);
  }

  #text(text: string, path: KeyPath): string {
    this.written.set(pathKey(path), text);
    return text.replace(REFERENCE, (whole: string, kind: string | undefined, name: string) => {
      if (!whole.endsWith('}') || kind === undefined || name === '') return this.#unknownForm(whole, path);
      const value = kind === 'env' ? this.#variable(name, path) : this.#file(name, path);
      if (value !== '') this.values.set(value, whole);
      return value;
    });
  }

  #unknownForm(whole: string, path: KeyPath): string {
    this.#add('SUBSTITUTION_FORM', path, whole.slice(0, 40), `\${env:NAME} or \${file:path}`);
    return '';
  }

  #variable(name: string, path: KeyPath): string {
    if (!ENV_NAME.test(name)) return this.#unknownForm(`\${env:${name}}`, path);
    const { env } = this.#source;
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && value !== '') return value;
    const found = value === undefined ? `no environment variable ${name}` : `an empty environment variable ${name}`;
    this.#add('ENV_NOT_SET', path, found, `a value in ${name}`, `set ${name} for the process that runs Waybill`);
    return '';
  }

  #file(name: string, path: KeyPath): string {
    const file = resolve(this.#source.folder, name);
    try {
      const { size } = statSync(file);
      if (size <= MAX_FILE_BYTES) return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
      this.#add('FILE_NOT_SUBSTITUTED', path, `${size} bytes in ${name}`, `at most ${MAX_FILE_BYTES} bytes`);
    } catch (error) {
      this.#add('FILE_NOT_SUBSTITUTED', path, `${codeOf(error)} for ${name}`, 'a file that can be read');
    }
    return '';
  }

  #add(code: ConfigErrorCode, path: KeyPath, found: string, expected: string, cure: string = CONFIG_ERRORS[code].cure) {
    this.issues.push({ path, code, found, expected, cure });
  }
}

function pathKey(path: KeyPath): string {
  return JSON.stringify(path);
}

function redacted(sentence: string, values: ReadonlyMap<string, string>): string {
  let result = sentence;
  const longestFirst = [...values].filter(([value]) => value.length >= MIN_REDACTED_LENGTH);
  longestFirst.sort(([a], [b]) => b.length - a.length);
  for (const [value, written] of longestFirst) {
    result = result.replaceAll(value, () => written);
    const inOneLine = value.replace(/\s+/g, ' ').trim();
    if (inOneLine !== value && inOneLine.length >= MIN_REDACTED_LENGTH)
      result = result.replaceAll(inOneLine, () => written);
  }
  return result;
}
