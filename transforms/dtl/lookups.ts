/** `map`: from a value to what a table says about it. */
import { suggest } from '../../engine/config/suggest.ts';
import type { KeyPath, TableData } from '../../engine/contracts/resources.ts';
import { type Lookup, lookupOf } from '../../engine/tables.ts';
import { addFault, type Frame, type Read, type Scope, type Source } from './program.ts';
import { checkKeys, describe, isTree, type Tree, textOf } from './syntax.ts';

/** A compiled look-up. */
export interface TableRead {
  readonly read: Read;
  readonly origins: readonly string[];
  readonly columns: readonly string[];
}

/** The source that a look-up begins with, or that its key parts are made of. */
type CompileSource = (node: unknown, at: KeyPath, scope: Scope) => Source;

const NOTHING: TableRead = { read: () => '', origins: [], columns: [] };

/**
 * Compiles `map`. `base` is the value before it; absent where `key` says all. An unknown value is a fault, or empty where
 * the source has a default (`lenient`).
 */
export function compileMap(
  node: unknown,
  at: KeyPath,
  base: Source | undefined,
  lenient: boolean,
  scope: Scope,
  compileSource: CompileSource,
): TableRead {
  const tree: Tree = isTree(node) ? node : { table: node };
  const inside = isTree(node) ? at : at.slice(0, -1).concat('map');
  checkKeys(tree, ['table', 'key', 'give', 'ignoreCase'], inside, scope.problems);
  const name = textOf(tree.table) ?? '';
  const table = findTable(name, isTree(node) ? [...at, 'table'] : at, scope);
  const parts = keyParts(tree, inside, base, scope, compileSource);
  if (!table || !parts) return NOTHING;
  const ignoreCase = textOf(tree.ignoreCase) === 'true';
  const lookup = buildChecked(table, parts.names, ignoreCase, [...inside, 'key'], scope);
  const give = lookup && giveColumn(lookup, tree, [...inside, 'give'], scope);
  if (!lookup || give === undefined) return NOTHING;
  const { sources } = parts;
  const columns = sources.flatMap((source) => source.columns);
  const miss = lenient ? () => '' : (frame: Frame) => notInTable(frame, name, columns);
  return {
    read:
      sources.length === 1 ? oneKey(lookup, give, sources[0]!.read, miss) : severalKeys(lookup, give, sources, miss),
    origins: [...new Set(sources.flatMap((source) => source.origins)), `table ${name}`],
    columns,
  };
}

function oneKey(lookup: Lookup, give: number, read: Read, miss: Read): Read {
  const { rows } = lookup.table;
  return (frame) => {
    const key = read(frame);
    if (key === '') return '';
    const row = lookup.find(key);
    return row < 0 ? miss(frame) : (rows[row]?.[give] ?? '');
  };
}

/** A key that is not whole (one part is empty) says nothing, as an empty value does. */
function severalKeys(lookup: Lookup, give: number, sources: readonly Source[], miss: Read): Read {
  const { rows } = lookup.table;
  return (frame) => {
    const parts: string[] = [];
    for (const source of sources) {
      const part = source.read(frame);
      if (part === '') return '';
      parts.push(part);
    }
    const row = lookup.findParts(parts);
    return row < 0 ? miss(frame) : (rows[row]?.[give] ?? '');
  };
}

function notInTable(frame: Frame, table: string, columns: readonly string[]): string {
  const which = columns.length > 1 ? `the values of ${columns.join(' and ')} are` : 'the value is';
  addFault(frame, 'NOT_IN_TABLE', columns, `${which} not in the table ${table}`);
  return '';
}

function findTable(name: string, at: KeyPath, scope: Scope): TableData | undefined {
  const { tables } = scope.compilation.resources;
  if (Object.hasOwn(tables, name)) return tables[name];
  const meant = suggest(name, Object.keys(tables));
  scope.problems.add(at, 'DTL_UNKNOWN_TABLE', name || 'nothing', meant ? `${meant}?` : 'the name of a table');
  return undefined;
}

/** The key columns of the table with a source for each. */
function keyParts(tree: Tree, at: KeyPath, base: Source | undefined, scope: Scope, compileSource: CompileSource) {
  if (isTree(tree.key)) {
    if (base) {
      scope.problems.add(
        [...at, 'key'],
        'DTL_WRONG_SHAPE',
        'a value and a key',
        'one of both: `key` with a source for each column says what is looked up',
      );
      return undefined;
    }
    const entries = Object.entries(tree.key);
    const sources = entries.map(([name, node]) => compileSource(node, [...at, 'key', name], scope));
    if (entries.length === 0)
      scope.problems.add([...at, 'key'], 'DTL_WRONG_SHAPE', 'no key', 'at least one column with a source');
    return { names: entries.map(([name]) => name), sources };
  }
  if (!base) {
    scope.problems.add(
      at,
      'DTL_WRONG_SHAPE',
      'a map without a value',
      'from: COLUMN beside it, or a key with a source for each column',
    );
    return undefined;
  }
  if (tree.key === undefined) return { names: undefined, sources: [base] };
  const name = textOf(tree.key);
  if (name !== undefined) return { names: [name], sources: [base] };
  scope.problems.add(
    [...at, 'key'],
    'DTL_WRONG_SHAPE',
    describe(tree.key),
    'a column of the table, or a map of columns to sources',
  );
  return undefined;
}

function buildChecked(
  table: TableData,
  names: readonly string[] | undefined,
  ignoreCase: boolean,
  at: KeyPath,
  scope: Scope,
) {
  const unknown = names?.filter((name) => !table.columns.includes(name)) ?? [];
  for (const name of unknown) reportColumn(name, table, [...at, name], scope);
  if (unknown.length > 0) return undefined;
  return lookupOf(table, names ? { keys: names, ignoreCase } : { ignoreCase });
}

function giveColumn(lookup: Lookup, tree: Tree, at: KeyPath, scope: Scope): number | undefined {
  if (tree.give === undefined) return lookup.given;
  const name = textOf(tree.give) ?? '';
  const index = lookup.table.columns.indexOf(name);
  if (index >= 0) return index;
  reportColumn(name, lookup.table, at, scope);
  return undefined;
}

function reportColumn(name: string, table: TableData, at: KeyPath, scope: Scope): void {
  const meant = suggest(name, table.columns);
  scope.problems.add(
    at,
    'DTL_UNKNOWN_TABLE',
    name,
    meant ? `${meant}?` : `a column of the table: ${table.columns.join(', ').slice(0, 200)}`,
  );
}
