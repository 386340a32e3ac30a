import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { WaybillError } from '../engine/errors.ts';
import { loadAdapters, PROJECT_FOLDER } from '../engine/registry.ts';

/** Kinds of adapters that `waybill new` writes. */
export const TEMPLATE_KINDS = ['service', 'format', 'operation'] as const;
export type TemplateKind = (typeof TEMPLATE_KINDS)[number];

export interface Scaffold {
  /** Relative to the current folder. */
  readonly files: readonly string[];
  /** What to do with them, one sentence or command each. */
  readonly next: readonly string[];
}

const FOLDERS: Readonly<Record<TemplateKind, string>> = {
  service: 'services',
  format: 'formats',
  operation: 'operations',
};
const TEMPLATES = join(PROJECT_FOLDER, 'cli', 'templates');
/** As the registry wants it; short enough for a database, a metric and a code. */
const NAME = /^[a-z][a-z0-9-]{0,39}$/;
const NOT_NAMES = new Set(['errors', 'index']);
/** The one file of a user's folder that knows where Waybill lies. */
const BRIDGE = 'waybill.ts';
const BRIDGE_HEAD =
  '/** What adapters use of Waybill. Made by `waybill new`, which also mends the paths after a move. */';
/** Says to Node, and to editors, that the files are modules. */
const PACKAGE = 'package.json';
const PACKAGE_TEXT = `${JSON.stringify({ private: true, type: 'module' }, undefined, 2)}\n`;
const BRIDGED = [
  'contracts/adapter.ts',
  'contracts/format.ts',
  'contracts/item.ts',
  'contracts/operation.ts',
  'contracts/production.ts',
  'contracts/resources.ts',
  'contracts/runtime.ts',
  'contracts/service.ts',
  'errors.ts',
  'schema.ts',
];

export function isTemplateKind(word: string): word is TemplateKind {
  return (TEMPLATE_KINDS as readonly string[]).includes(word);
}

/**
 * Writes an adapter, its test and its page into Waybill's own folder or one of a user's. Never overwrites.
 * @throws WaybillError `NEW_NAME`, `NEW_EXISTS`; `ADAPTER_TWICE` where two adapters of that name are there already.
 */
export async function scaffold(kind: TemplateKind, name: string, into: string): Promise<Scaffold> {
  const inTree = into === PROJECT_FOLDER;
  if (!NAME.test(name) || NOT_NAMES.has(name))
    throw new WaybillError(
      'NEW_NAME',
      `${JSON.stringify(name)} cannot be the name of an adapter: use lower-case letters, digits and dashes, a letter first, at most 40; ${[...NOT_NAMES].join(' and ')} are taken.`,
    );
  await refuseKnown(kind, name, into, inTree);
  const fill = (template: string) => filled(readFileSync(join(TEMPLATES, template), 'utf8'), name, inTree);
  const adapter = join(into, FOLDERS[kind], `${name}.ts`);
  const test = join(into, 'test', FOLDERS[kind], `${name}.test.ts`);
  const page = join(into, ...pageOf(kind, name, inTree));
  for (const path of [adapter, test, page]) {
    if (existsSync(path)) throw new WaybillError('NEW_EXISTS', `${path} is there already: nothing was written.`);
  }
  write(adapter, fill(`${kind}.ts.txt`));
  write(test, fill(`${kind}.test.ts.txt`));
  if (inTree) finishInTree([adapter, test]);
  else {
    write(page, fill(`${kind}.md.txt`));
    write(join(into, BRIDGE), bridge(into));
    if (!existsSync(join(into, PACKAGE))) write(join(into, PACKAGE), PACKAGE_TEXT);
  }
  const files = [adapter, test, page, ...(inTree ? [] : [join(into, BRIDGE), join(into, PACKAGE)])].map(shown);
  return { files, next: nextSteps(kind, name, into, test, inTree) };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What the tree's own checks ask for: its form, and the reference pages, which are made from the adapters. */
function finishInTree(files: readonly string[]): void {
  const form = [join('node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'check', '--write', ...files];
  for (const args of [form, [join('scripts', 'docs', 'main.ts')]]) {
    execFileSync(process.execPath, args, { cwd: PROJECT_FOLDER, stdio: 'ignore' });
  }
}

/** In the tree the reference is generated from the adapter itself. */
function pageOf(kind: TemplateKind, name: string, inTree: boolean): readonly string[] {
  const page = `${kind}-${name}.md`;
  return inTree ? ['docs', 'reference', 'adapters', page] : ['docs', page];
}

async function refuseKnown(kind: TemplateKind, name: string, into: string, inTree: boolean): Promise<void> {
  const registry = await loadAdapters(inTree || !existsSync(into) ? [] : [into]);
  if (!registry.has(kind, name)) return;
  throw new WaybillError(
    'NEW_EXISTS',
    `There is a ${kind} ${name} already, in ${registry.file(kind, name)}: choose another name.`,
  );
}

/** The template with the name in it, and of the lines that differ those for this place. */
function filled(template: string, name: string, inTree: boolean): string {
  const code = name.toUpperCase().replace(/-+/g, '_').replace(/_$/, '');
  const kept: string[] = [];
  let part = '';
  for (const line of template.split('\n')) {
    if (line.startsWith('//#')) part = line.slice('//#'.length);
    else if (part !== (inTree ? 'folder' : 'tree')) kept.push(line);
    if (part === 'end') part = '';
  }
  return kept.join('\n').replaceAll('__NAME__', name).replaceAll('__CODE__', code);
}

function bridge(into: string): string {
  // Node looks at where a file really lies, so links on the way do not count.
  const engine = relative(realpathSync(into), join(realpathSync(PROJECT_FOLDER), 'engine')).replaceAll('\\', '/');
  return `${[BRIDGE_HEAD, ...BRIDGED.map((file) => `export * from '${engine}/${file}';`)].join('\n')}\n`;
}

function nextSteps(kind: TemplateKind, name: string, into: string, test: string, inTree: boolean): readonly string[] {
  if (inTree)
    return [`npm test -- ${FOLDERS[kind]}/${name}`, 'after each change of what it says of itself: npm run docs'];
  const named = kind === 'format' ? 'format: { type' : '{ type';
  return [
    `${nodeHere()} --test ${shown(test)}`,
    `name it in production.yaml: ${named}: ${name}, ... }`,
    `waybill check --adapters ${shown(into)}`,
  ];
}

/** How this Node is called from here: an older one may come first on the PATH. */
function nodeHere(): string {
  const first = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .find(existsSync);
  const same = first !== undefined && realpathSync(first) === realpathSync(process.execPath);
  return same ? 'node' : shown(process.execPath);
}

function shown(path: string): string {
  const inside = relative('.', path);
  return inside.startsWith('..') ? path : inside || '.';
}
