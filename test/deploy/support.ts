/** What the tests of deploy/ read: the Dockerfile, what it may copy, and the variables that something reads. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { projectFiles, projectText } from '../support/source-files.ts';

export interface Instruction {
  /** `FROM`, `COPY`, `RUN`, ... */
  readonly name: string;
  /** What follows, continued lines put together. */
  readonly text: string;
}

/** Instructions of a Dockerfile, in order. */
export function instructionsOf(dockerfile: string): readonly Instruction[] {
  const whole = dockerfile.replace(/^\s*#.*\n/gm, '').replace(/\\\n\s*/g, ' ');
  return whole
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      return { name, text };
    });
}

/** Paths that a build may copy, by the .dockerignore: everything is left out but what a line with ! names. */
export function contextOf(dockerignore: string): readonly string[] {
  const lines = dockerignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const [first, ...others] = lines;
  if (first !== '*' || others.some((line) => !/^![\w./-]+$/.test(line)))
    throw new Error('a .dockerignore of another shape: `*`, then only lines like `!cli`');
  return others.map((line) => line.slice(1));
}

/** Names of the environment that the program itself reads. */
export function variablesOfProgram(): ReadonlySet<string> {
  const sources = ['cli', 'engine', 'queue', 'store', 'portal'].flatMap((folder) => projectFiles(folder));
  const names = sources
    .filter((file) => /\.(ts|mjs)$/.test(file))
    .flatMap((file) => [...projectText(file).matchAll(/process\.env\.([A-Z_]+)/g)].map((match) => match[1] ?? ''));
  return new Set(names);
}

/** Names that productions read: the sample's, and those in the examples of the adapters. */
export function variablesOfProductions(): ReadonlySet<string> {
  const files = ['config/production.yaml', ...projectFiles('operations').filter((file) => file.endsWith('index.ts'))];
  return new Set(
    files.flatMap((file) => [...projectText(file).matchAll(/\$\{env:([A-Z_]+)\}/g)].map((match) => match[1] ?? '')),
  );
}

/** Path of a program, or `undefined`. */
export function program(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Options that make a test skip where a program is missing: it is no part of the project. @throws Error in CI */
export function needsProgram(name: string): { readonly skip: string | false } {
  if (program(name) !== undefined) return { skip: false };
  if (process.env.CI) throw new Error(`${name} is missing; in CI \`npm test\` installs it where it can`);
  return { skip: `${name} is not on this machine` };
}

export interface Ran {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a program to its end, as another user where one is named; both streams together. */
export function ran(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  user: { readonly uid?: number; readonly gid?: number } = {},
): Ran {
  const { status, stdout, stderr } = spawnSync(program(name) ?? name, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    ...user,
  });
  return { status, output: `${stdout}${stderr}` };
}

/** Folders of the project that are in git, without those that begin with a dot. */
export function topFolders(): readonly string[] {
  const skipped = new Set(['node_modules', 'data', 'coverage']);
  return readdirSync(PROJECT_FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !skipped.has(entry.name))
    .map(({ name }) => name);
}

/** Seconds in a time as systemd and compose write it: `150`, `150s`, `10min`. */
export function seconds(text: string): number {
  const [, number = '', unit = 's'] = /^(\d+)\s*(s|min)?$/.exec(text) ?? [];
  if (number === '') throw new Error(`no time: ${text}`);
  return Number(number) * (unit === 'min' ? 60 : 1);
}
