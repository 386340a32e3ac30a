/**
 * Finds adapters: files in services/, formats/, transforms/ and operations/, of Waybill itself and of folders that a user
 * names. Finding reads names only; an adapter is imported when it is asked for, since some bring large packages with them.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FormatDefinition } from './contracts/format.ts';
import type { OperationDefinition } from './contracts/operation.ts';
import type { ServiceDefinition } from './contracts/service.ts';
import type { TransformDefinition } from './contracts/transform.ts';
import { defineErrors, messageOf, WaybillError } from './errors.ts';

export const REGISTRY_ERRORS = defineErrors({
  ADAPTER_FOLDER: {
    means: 'A folder of adapters does not exist or is no folder.',
    cure: 'Name a folder that has services/, formats/, transforms/ or operations/ in it.',
  },
  ADAPTER_REFUSED: {
    means: 'A file in a folder of adapters is not an adapter that can be used.',
    cure: 'Export one adapter as default, made with the define function of its folder and named like its file.',
  },
  ADAPTER_TWICE: {
    means: 'Two files define an adapter of the same kind and name.',
    cure: 'Rename or remove one of the two.',
  },
});

/** What adapters there are, by kind. */
export interface Definitions {
  readonly service: ServiceDefinition;
  readonly format: FormatDefinition;
  readonly transform: TransformDefinition;
  readonly operation: OperationDefinition;
}
export type AdapterKind = keyof Definitions;
export type AdapterDefinition = Definitions[AdapterKind];

export const ADAPTER_KINDS: readonly AdapterKind[] = ['service', 'format', 'transform', 'operation'];

/** The folder of each kind, the function that makes it, and the methods that it must have. */
const KINDS: Readonly<Record<AdapterKind, { folder: string; maker: string; methods: readonly string[] }>> = {
  service: { folder: 'services', maker: 'defineService', methods: ['rules', 'match', 'start'] },
  format: { folder: 'formats', maker: 'defineFormat', methods: ['open'] },
  transform: { folder: 'transforms', maker: 'defineTransform', methods: ['compile'] },
  operation: { folder: 'operations', maker: 'defineOperation', methods: ['describe', 'open'] },
};

export interface Registry {
  /** Names found, sorted; nothing is imported. */
  names(kind: AdapterKind): readonly string[];
  has(kind: AdapterKind, name: string): boolean;
  /** Path of the adapter's file. @throws WaybillError ADAPTER_REFUSED where there is none. */
  file(kind: AdapterKind, name: string): string;
  /** Imports one adapter, once. @throws WaybillError ADAPTER_REFUSED with what was expected and what was found. */
  get<K extends AdapterKind>(kind: K, name: string): Promise<Definitions[K]>;
  /** Imports every adapter of a kind, in the order of names. @throws as `get`. */
  all<K extends AdapterKind>(kind: K): Promise<readonly Definitions[K][]>;
}

/** Waybill's own folder. */
export const PROJECT_FOLDER = dirname(dirname(fileURLToPath(import.meta.url)));

const ADAPTER_NAME = /^[a-z][a-z0-9-]*$/;
/** Tables of codes that adapters of a folder share. */
const HELPERS = new Set(['errors']);

/**
 * Finds the adapters of Waybill and of `folders`, each with any of the four sub-folders. An adapter is `NAME.ts` or
 * `NAME/index.ts` directly in its folder, NAME in lower case; `errors.ts`, files with another name or extension, and folders
 * without `index.ts` are helpers and passed over.
 * @throws WaybillError ADAPTER_FOLDER, ADAPTER_TWICE.
 */
export async function loadAdapters(folders: readonly string[] = [], own: string = PROJECT_FOLDER): Promise<Registry> {
  const files = new Map<string, string>();
  for (const folder of [own, ...folders]) {
    requireFolder(folder);
    for (const kind of ADAPTER_KINDS) addFolder(files, kind, join(folder, KINDS[kind].folder));
  }
  return new FoundAdapters(files);
}

function requireFolder(folder: string): void {
  if (existsSync(folder) && statSync(folder).isDirectory()) return;
  throw new WaybillError('ADAPTER_FOLDER', `${folder} is not a folder; expected one that holds adapters`, {
    file: folder,
  });
}

function addFolder(files: Map<string, string>, kind: AdapterKind, folder: string): void {
  if (!existsSync(folder)) return;
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    const name = item.name.replace(/\.ts$/, '');
    if (!ADAPTER_NAME.test(name) || HELPERS.has(name)) continue;
    const file = item.name.endsWith('.ts') ? join(folder, item.name) : join(folder, name, 'index.ts');
    if (!existsSync(file)) continue;
    const key = keyOf(kind, name);
    const other = files.get(key);
    if (other !== undefined) {
      throw new WaybillError('ADAPTER_TWICE', `the ${kind} ${name} is defined in ${other} and in ${file}`, { file });
    }
    files.set(key, file);
  }
}

function keyOf(kind: AdapterKind, name: string): string {
  return `${kind}/${name}`;
}

class FoundAdapters implements Registry {
  readonly #files: ReadonlyMap<string, string>;
  readonly #imported = new Map<string, Promise<AdapterDefinition>>();

  constructor(files: ReadonlyMap<string, string>) {
    this.#files = files;
  }

  names(kind: AdapterKind): readonly string[] {
    const prefix = keyOf(kind, '');
    const names = [...this.#files.keys()].filter((key) => key.startsWith(prefix));
    return names.map((key) => key.slice(prefix.length)).sort();
  }

  has(kind: AdapterKind, name: string): boolean {
    return this.#files.has(keyOf(kind, name));
  }

  file(kind: AdapterKind, name: string): string {
    const file = this.#files.get(keyOf(kind, name));
    if (file !== undefined) return file;
    const there = this.names(kind).join(', ') || 'none';
    throw new WaybillError('ADAPTER_REFUSED', `there is no ${kind} named ${name}; there are ${there}`);
  }

  async get<K extends AdapterKind>(kind: K, name: string): Promise<Definitions[K]> {
    const file = this.file(kind, name);
    const key = keyOf(kind, name);
    const begun = this.#imported.get(key) ?? importAdapter(kind, name, file);
    this.#imported.set(key, begun);
    return (await begun) as Definitions[K];
  }

  async all<K extends AdapterKind>(kind: K): Promise<readonly Definitions[K][]> {
    return Promise.all(this.names(kind).map((name) => this.get(kind, name)));
  }
}

async function importAdapter(kind: AdapterKind, name: string, file: string): Promise<AdapterDefinition> {
  const value = await defaultExport(kind, file);
  const misfit = misfitOf(value, kind, name);
  if (misfit === undefined) return value as AdapterDefinition;
  throw refused(file, `expected ${misfit.expected}, found ${misfit.found}`);
}

async function defaultExport(kind: AdapterKind, file: string): Promise<unknown> {
  const module: Record<string, unknown> = await import(pathToFileURL(file).href).catch((error: unknown) => {
    throw refused(
      file,
      `expected a module with a ${kind}, found one that cannot be imported: ${messageOf(error)}`,
      error,
    );
  });
  return module.default;
}

function refused(file: string, why: string, cause?: unknown): WaybillError {
  return new WaybillError('ADAPTER_REFUSED', `${file}: ${why}`, { file, cause });
}

interface Misfit {
  readonly expected: string;
  readonly found: string;
}

function misfitOf(value: unknown, kind: AdapterKind, name: string): Misfit | undefined {
  const { maker, methods } = KINDS[kind];
  const made = `a default export made with ${maker}`;
  if (value === undefined) return { expected: made, found: 'no default export' };
  if (!isRecord(value)) return { expected: made, found: `a default export of type ${typeof value}` };
  if (value.kind !== kind) return { expected: made, found: `the kind ${String(value.kind)}` };
  if (value.name !== name) return { expected: `the name ${name}, as its file is named`, found: String(value.name) };
  const texts = ['summary', 'description'].find((key) => typeof value[key] !== 'string' || value[key] === '');
  if (texts !== undefined) return { expected: `a ${texts}`, found: 'none' };
  const missing = methods.find((method) => typeof value[method] !== 'function');
  if (missing !== undefined) return { expected: `a function ${missing}`, found: 'none' };
  if (kind !== 'transform' && !isRecord(value.schema)) return { expected: 'a schema', found: 'none' };
  if (!Array.isArray(value.examples)) return { expected: 'a list of examples', found: 'none' };
  return isRecord(value.errors) ? undefined : { expected: 'a table of error codes', found: 'none' };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
