/** Warnings: what nothing uses, keys that stand twice in a table, open listeners. */
import { duplicateKeys } from '../tables.ts';
import { isRecord, type ReadService } from './adapters.ts';
import { CONFIG_ERRORS } from './errors.ts';
import type { Loading } from './loading.ts';
import { fileProblemsBy } from './problems.ts';
import type { ProductionShape } from './production-schema.ts';
import type { ReadFile, ReadTable } from './resources.ts';
import type { Parts } from './routes.ts';
import { TRANSFORM_FOLDER } from './routes.ts';

const report = fileProblemsBy(CONFIG_ERRORS);

/** Adds a warning for every route, destination, file and table that nothing names. */
export function reportUnused(loading: Loading, parts: Parts, tables: readonly ReadTable[]): void {
  const { shape, services, files } = parts;
  const answered = parts.destinations.flatMap(({ shape: { answersTo } }) => answersTo ?? []);
  const fed = new Set([...services.flatMap((service) => service.rules.map((rule) => rule.route)), ...answered]);
  const entries = Object.values(shape.routes).flatMap((route) => route.to);
  const sentTo = new Set(entries.map((entry) => entry.destination));
  for (const name of unnamed(Object.keys(shape.routes), fed))
    unusedKey(loading, ['routes', name], 'a service that names it');
  for (const name of unnamed(Object.keys(shape.destinations), sentTo)) {
    unusedKey(loading, ['destinations', name], 'an entry that names it');
  }
  const used = usedFiles(
    parts,
    entries.flatMap((entry) => entry.transform ?? []),
  );
  for (const file of files) {
    if (used.has(file)) continue;
    unusedFile(loading, file.file, file.kind.key);
  }
  for (const table of tables)
    if (![...used].some((file) => named(file, table.name))) unusedFile(loading, table.file, 'table');
}

/** Adds a warning for each table in which two rows have the same key, by the keys with which it is looked up. */
export function reportDuplicateKeys(loading: Loading, files: readonly ReadFile[], tables: readonly ReadTable[]): void {
  for (const table of tables) {
    const keyLists = files.flatMap((file) => keysOfLookups(file.data, table.name));
    for (const keys of keyLists.length > 0 ? keyLists : [undefined]) reportDuplicates(loading, table, keys);
  }
}

/** Listeners that lack, or that other machines can reach without protection. */
export function checkListeners(
  loading: Loading,
  { listen, monitor, api }: ProductionShape,
  services: readonly ReadService[],
): void {
  for (const { name, definition } of services) {
    if (definition.listens && !loading.tree.listen)
      loading.issue(
        'LISTEN_MISSING',
        ['services', name, 'type'],
        `${definition.name} without listen`,
        'listen: { port: 8443, ... }',
      );
  }
  if (listen && !isLoopback(listen.host) && !listen.tls && !listen.behindProxy) {
    loading.issue(
      'LISTEN_OPEN',
      ['listen', 'host'],
      `${listen.host} without TLS`,
      'tls, behindProxy, or a loopback host',
    );
  }
  if (api && !isLoopback(api.host) && !api.tls && !api.behindProxy)
    loading.issue('API_OPEN', ['api', 'host'], `${api.host} without TLS`, 'tls, behindProxy, or a loopback host');
  for (const [name, other] of Object.entries({ listen, monitor })) {
    if (api && other && api.port === other.port && api.port !== 0)
      loading.issue(
        'NOT_ALLOWED',
        ['api', 'port'],
        `${api.port}, which ${name} uses`,
        'another port',
        'choose another port',
      );
  }
  if (monitor && !isLoopback(monitor.host)) {
    loading.warning('MONITOR_OPEN', ['monitor', 'host'], monitor.host, 'a loopback host');
  }
  if (listen && monitor && listen.port === monitor.port) {
    loading.issue(
      'NOT_ALLOWED',
      ['monitor', 'port'],
      `${monitor.port}, which listen uses`,
      'another port',
      'choose another port',
    );
  }
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function unnamed(names: readonly string[], used: ReadonlySet<string>): readonly string[] {
  return names.filter((name) => !used.has(name));
}

function unusedKey(loading: Loading, path: readonly string[], expected: string): void {
  loading.warning('UNUSED', path, `${path.at(-1)}, which nothing uses`, expected);
}

function unusedFile(loading: Loading, file: string, key: string): void {
  report(loading.problems, 'UNUSED', file, `a ${key} that nothing uses`, 'something that names it', true);
}

/** The files that formats, destinations and entries name, and those that these name in turn. */
function usedFiles(parts: Parts, transforms: readonly string[]): ReadonlySet<ReadFile> {
  const settings = [
    ...parts.services.map((service) => service.config),
    ...parts.destinations.map((destination) => destination.config),
    ...parts.destinations.map((destination) => destination.answerFormat?.reference),
  ];
  const first = parts.files.filter(({ kind, name }) => {
    if (kind.folder === TRANSFORM_FOLDER) return transforms.includes(name);
    return settings.some((value) => holdsText(value, name));
  });
  const used = new Set(first);
  for (const file of used) {
    for (const other of parts.files) if (named(file, other.name)) used.add(other);
  }
  return used;
}

/** True where a file has this name as a text, as in `call: NAME` and `script(NAME)`; in code, anywhere as a word. */
function named(file: ReadFile, name: string): boolean {
  return typeof file.data === 'string' ? holdsWord(file.data, name) : holdsText(file.data, name);
}

function holdsText(value: unknown, name: string): boolean {
  if (typeof value === 'string') return value === name || (value.includes('(') && holdsWord(value, name));
  if (Array.isArray(value)) return value.some((item) => holdsText(item, name));
  return isRecord(value) && Object.values(value).some((child) => holdsText(child, name));
}

function holdsWord(text: string, name: string): boolean {
  return text.split(/[^A-Za-z0-9_-]+/).includes(name);
}

/** The key columns of each look-up `{ table: NAME, key: { column: ... } }` in some data; `undefined` for the first column. */
function keysOfLookups(value: unknown, table: string): readonly (readonly string[] | undefined)[] {
  if (Array.isArray(value)) return value.flatMap((item) => keysOfLookups(item, table));
  if (!isRecord(value)) return [];
  const inner = Object.values(value).flatMap((child) => keysOfLookups(child, table));
  if (value.map === table) return [undefined, ...inner];
  if (value.table !== table) return inner;
  return [isRecord(value.key) ? Object.keys(value.key) : undefined, ...inner];
}

function reportDuplicates(loading: Loading, table: ReadTable, keys: readonly string[] | undefined): void {
  if (keys?.some((key) => !table.data.columns.includes(key))) return;
  const [duplicate, ...more] = duplicateKeys(table.data, keys ? { keys } : {});
  if (!duplicate) return;
  const others = more.length > 0 ? ` and ${more.length} more` : '';
  const found = `row ${duplicate.row + 1} with the key of row ${duplicate.first + 1}${others}`;
  const place = { file: table.file, line: lineOfRow(table, duplicate.row), column: 1, path: '' };
  const { cure } = CONFIG_ERRORS.TABLE_KEY_TWICE;
  loading.problems.add({ ...place, code: 'TABLE_KEY_TWICE', found, expected: 'each key once', cure, warning: true });
}

/** The line of a row of a plain CSV file; 1 where quotes or empty lines make rows and lines differ. */
function lineOfRow({ file, text }: ReadTable, row: number): number {
  const plain = file.endsWith('.csv') && !text.includes('"') && !/\n\r?\n/.test(text);
  return plain ? row + 2 : 1;
}
