/** The files of a production beside production.yaml: what adapters understand, and tables. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Issue, KeyPath, ResourceKind, Resources, TableData } from '../contracts/resources.ts';
import { codeOf } from '../errors.ts';
import { parseTableFile } from '../tables.ts';
import { CONFIG_ERRORS } from './errors.ts';
import type { Loading } from './loading.ts';
import { fileProblemsBy, placeOfError } from './problems.ts';
import type { ProductionShape } from './production-schema.ts';
import { FILE_NAME_PATTERN } from './production-schema.ts';
import { misplacedSubstitutions, visitTexts } from './substitute.ts';
import { suggest } from './suggest.ts';
import { shownText, validate } from './validate.ts';
import type { Tree, YamlFile } from './yaml.ts';
import { isTreeMap, parseYaml, treeAt } from './yaml.ts';

const report = fileProblemsBy(CONFIG_ERRORS);

/** One file that an adapter understands. */
export interface ReadFile {
  /** Relative to the production: `record-maps/doses.yaml`. */
  readonly file: string;
  readonly kind: ResourceKind;
  readonly name: string;
  /** Key in `Resources.files`. */
  readonly group: string;
  /** Typed data for YAML; the text for others. */
  readonly data: unknown;
  /** Absent for files that are not YAML. */
  readonly yaml: YamlFile | undefined;
  /** False where the text or the schema has issues; `data` is no use then. */
  readonly sound: boolean;
}

/** What adapters found in a file beyond its schema. */
interface Checked {
  readonly file: ReadFile;
  readonly issues: readonly Issue[];
}

export interface ReadTable {
  readonly name: string;
  readonly file: string;
  readonly data: TableData;
  readonly text: string;
}

export interface ReadResources {
  readonly resources: Resources;
  readonly files: readonly ReadFile[];
  readonly tables: readonly ReadTable[];
  /** Files that have a problem which is an error. */
  readonly faulty: ReadonlySet<ReadFile>;
}

const MAX_FILE_BYTES = 4_000_000;
const MAX_TABLE_BYTES = 200_000_000;
const TABLE_FOLDER = 'tables';
const NO_ROWS: TableData = { columns: ['key', 'value'], rows: [] };

/** Reads all files of these kinds and all tables; checks texts, schemas and names, and then what adapters check. */
export function readResources(loading: Loading, kinds: readonly ResourceKind[], shape: ProductionShape): ReadResources {
  const files = [...new Set(kinds.map((kind) => kind.folder))].flatMap((folder) =>
    readFolder(
      loading,
      folder,
      kinds.filter((kind) => kind.folder === folder),
    ),
  );
  const tables = readTables(loading, shape);
  const resources = gather(shape, files, tables, kinds);
  const faulty = checkFiles(loading, files, resources);
  reportFolders(loading, kinds);
  return { resources, files, tables, faulty };
}

/** The key of a kind's files in `Resources.files`: its folder, with the extension where it is not YAML. */
function groupOf(folder: string, extension: string): string {
  return extension === 'yaml' ? folder : `${folder}.${extension}`;
}

function gather(
  shape: ProductionShape,
  files: readonly ReadFile[],
  tables: readonly ReadTable[],
  kinds: readonly ResourceKind[],
): Resources {
  const groups: Record<string, Record<string, unknown>> = Object.create(null);
  for (const kind of kinds) {
    for (const extension of kind.extensions) groups[groupOf(kind.folder, extension)] ??= Object.create(null);
  }
  for (const { group, name, data } of files) {
    const names = groups[group];
    if (names) names[name] = data;
  }
  for (const names of Object.values(groups)) Object.freeze(names);
  const byName: Record<string, TableData> = Object.create(null);
  for (const { name, data } of tables) byName[name] = data;
  return Object.freeze({
    timeZone: shape.timeZone,
    values: shape.values,
    tables: Object.freeze(byName),
    files: Object.freeze(groups),
  });
}

function readFolder(loading: Loading, folder: string, kinds: readonly ResourceKind[]): readonly ReadFile[] {
  return listFiles(loading, folder).flatMap((item) => {
    const [, name = '', extension = ''] = /^(.*)\.([^.]+)$/.exec(item) ?? [];
    const kind = kinds.find(({ extensions }) => extensions.includes(extension));
    const file = `${folder}/${item}`;
    if (!kind || !new RegExp(FILE_NAME_PATTERN).test(name)) {
      if (/\.(md|txt)$/i.test(item)) return [];
      const wanted = kinds.flatMap(({ extensions }) => extensions.map((each) => `NAME.${each}`));
      report(loading.problems, 'FILE_NAME', file, item, wanted.join(' or '));
      return [];
    }
    const text = readText(loading, file, join(loading.folder, file), MAX_FILE_BYTES);
    if (text === undefined) return [];
    const group = groupOf(folder, extension);
    if (extension !== 'yaml') return [{ file, kind, name, group, data: text, yaml: undefined, sound: true }];
    return [readYaml(loading, file, kind, name, group, text)];
  });
}

function readYaml(
  loading: Loading,
  file: string,
  kind: ResourceKind,
  name: string,
  group: string,
  text: string,
): ReadFile {
  const yaml = parseYaml(text);
  loading.problems.addSyntax(file, yaml);
  const misplaced = yaml.tree === undefined ? [] : misplacedSubstitutions(yaml.tree);
  loading.problems.addIssues(file, yaml, misplaced);
  const broken = { file, kind, name, group, data: undefined, yaml, sound: false };
  if (yaml.tree === undefined) {
    if (yaml.issues.length === 0)
      report(loading.problems, 'WRONG_SHAPE', file, 'an empty file', `a map that begins with ${kind.key}`);
    return broken;
  }
  const { value, issues } = validate(yaml.tree, kind.schema);
  loading.problems.addIssues(file, yaml, issues);
  const named = nameInside(yaml.tree, kind.key);
  if (named !== undefined && named !== name) {
    const cure = `write ${kind.key}: ${name}, or rename the file to ${shownText(named)}.yaml`;
    loading.problems.addIssues(file, yaml, [
      { path: [kind.key], code: 'NAME_MISMATCH', found: shownText(named), expected: name, cure },
    ]);
  }
  const sound = yaml.issues.length + misplaced.length + issues.length === 0;
  return { ...broken, data: value, sound };
}

function nameInside(tree: Tree, key: string): string | undefined {
  const named = isTreeMap(tree) && Object.hasOwn(tree, key) ? tree[key] : undefined;
  return typeof named === 'string' ? named : undefined;
}

/**
 * What adapters check beyond the schema. Gives back the files that have errors. What only follows from an error in another
 * file is not told: neither about a file that names a broken one, nor at the name of a file that is told about itself.
 */
function checkFiles(loading: Loading, files: readonly ReadFile[], resources: Resources): ReadonlySet<ReadFile> {
  const broken = new Set(files.filter(({ sound }) => !sound));
  const names = new Set([...broken].map(({ name }) => name));
  const checked = files
    .filter((file) => file.sound && file.kind.check && !mentions(file, names))
    .map((file): Checked => ({ file, issues: issuesOf(loading, file, resources) }));
  const causes = new Set(checked.filter((each) => hasCause(each, checked)).map(({ file }) => file));
  for (const { file, issues } of checked) {
    const told = issues.filter((issue) => !namesOneOf(file, issue.path, causes));
    if (file.yaml) loading.problems.addIssues(file.file, file.yaml, told);
    else for (const issue of told) addWithLine(loading, file.file, issue);
  }
  const faulty = checked.filter(({ issues }) => issues.some(({ warning }) => !warning)).map(({ file }) => file);
  return new Set([...broken, ...faulty]);
}

function issuesOf(loading: Loading, file: ReadFile, resources: Resources): readonly Issue[] {
  try {
    return file.kind.check?.(file.data, resources, file.name) ?? [];
  } catch (error) {
    const issue = loading.issueOf(error, [], file.yaml?.tree);
    const { line } = placeOfError(error);
    return [file.yaml || line === undefined ? issue : { ...issue, path: [line] }];
  }
}

/** True where a file has an error that stands at something else than the name of another file with errors. */
function hasCause({ file, issues }: Checked, checked: readonly Checked[]): boolean {
  const others = new Set(
    checked.filter((each) => each.file !== file && each.issues.length > 0).map((each) => each.file),
  );
  return issues.some((issue) => !issue.warning && !namesOneOf(file, issue.path, others));
}

function namesOneOf(file: ReadFile, path: KeyPath, named: ReadonlySet<ReadFile>): boolean {
  const at = treeAt(file.yaml?.tree, path);
  const texts = isTreeMap(at) ? Object.values(at) : [at];
  return [...named].some((other) => other !== file && texts.includes(other.name));
}

/** An issue in a file that is not YAML: the first step of its path is the line, where there is one. */
function addWithLine(loading: Loading, file: string, { path, warning = false, ...issue }: Issue): void {
  const [step] = path;
  const line = typeof step === 'number' && step > 0 ? step : 1;
  loading.problems.add({ ...issue, file, line, column: 1, path: '', warning });
}

function mentions(file: ReadFile, names: ReadonlySet<string>): boolean {
  const tree = file.yaml?.tree;
  if (tree === undefined || names.size === 0) return false;
  let found = false;
  visitTexts(tree, [], (text) => {
    found ||= names.has(text);
  });
  return found;
}

function readTables(loading: Loading, shape: ProductionShape): readonly ReadTable[] {
  const tables = new Map<string, ReadTable>();
  for (const item of listFiles(loading, TABLE_FOLDER)) {
    const [, name = ''] = /^(.*)\.(?:csv|yaml)$/.exec(item) ?? [];
    const file = `${TABLE_FOLDER}/${item}`;
    if (/\.(md|txt)$/i.test(item)) continue;
    if (!new RegExp(FILE_NAME_PATTERN).test(name))
      report(loading.problems, 'FILE_NAME', file, item, 'NAME.csv or NAME.yaml');
    else if (tables.has(name)) report(loading.problems, 'TABLE_TWICE', file, item, `one file for the table ${name}`);
    else tables.set(name, readTable(loading, name, file, join(loading.folder, file)));
  }
  for (const [name, { file }] of Object.entries(shape.tables)) {
    const path = ['tables', name];
    if (tables.has(name)) loading.issue('TABLE_TWICE', path, `${name} here and in ${TABLE_FOLDER}/`, 'one of the two');
    else if (existsSync(resolve(loading.folder, file)))
      tables.set(name, readTable(loading, name, file, resolve(loading.folder, file)));
    else {
      loading.issue('FILE_NOT_READABLE', [...path, 'file'], `no file ${file}`, 'the path of a CSV or YAML file');
      tables.set(name, { name, file, data: NO_ROWS, text: '' });
    }
  }
  return [...tables.values()];
}

function readTable(loading: Loading, name: string, file: string, path: string): ReadTable {
  const text = readText(loading, file, path, MAX_TABLE_BYTES);
  if (text === undefined) return { name, file, data: NO_ROWS, text: '' };
  try {
    return { name, file, data: deepFrozen(parseTableFile(file, text)), text };
  } catch (error) {
    const { line = 1, column = 1 } = placeOfError(error);
    loading.problems.add({ ...loading.issueOf(error, [], undefined), file, line, column, path: '', warning: false });
    return { name, file, data: NO_ROWS, text: '' };
  }
}

function deepFrozen(table: TableData): TableData {
  for (const row of table.rows) Object.freeze(row);
  return Object.freeze({ columns: Object.freeze([...table.columns]), rows: Object.freeze(table.rows) });
}

function listFiles(loading: Loading, folder: string): readonly string[] {
  const path = join(loading.folder, folder);
  if (!existsSync(path)) return [];
  try {
    const items = readdirSync(path, { withFileTypes: true }).filter(
      (item) => !item.name.startsWith('.') && !item.isDirectory(),
    );
    return items.map((item) => item.name).sort();
  } catch (error) {
    report(loading.problems, 'FILE_NOT_READABLE', folder, codeOf(error), 'a folder that can be read');
    return [];
  }
}

/** The text of a file in UTF-8; what is wrong becomes a problem of that file. */
function readText(loading: Loading, file: string, path: string, limit: number): string | undefined {
  try {
    const { size } = statSync(path);
    if (size <= limit) return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
    report(loading.problems, 'FILE_TOO_LARGE', file, `${size} bytes`, `at most ${limit} bytes`);
  } catch (error) {
    const found = error instanceof TypeError ? 'bytes that are not UTF-8' : codeOf(error);
    report(loading.problems, 'FILE_NOT_READABLE', file, found, 'a file in UTF-8 that can be read');
  }
  return undefined;
}

/** A folder whose name is nearly that of one that is read was probably meant to be it. */
function reportFolders(loading: Loading, kinds: readonly ResourceKind[]): void {
  const known = new Set([...kinds.map((kind) => kind.folder), TABLE_FOLDER, 'tests', 'samples', 'partners']);
  for (const item of readdirSync(loading.folder, { withFileTypes: true })) {
    if (!item.isDirectory() || known.has(item.name)) continue;
    const near = suggest(item.name, known);
    if (near === undefined) continue;
    const cure = `rename the folder to ${near}`;
    const place = { file: item.name, line: 1, column: 1, path: '' };
    loading.problems.add({ ...place, code: 'FOLDER_NAME', found: item.name, expected: near, cure, warning: true });
  }
}
