/** `from` and `to` of a transform: what it reads and what it makes. */
import { suggest } from '../../engine/config/suggest.ts';
import type { Resources } from '../../engine/contracts/resources.ts';
import { DocumentTarget } from './document-target.ts';
import { Hl7CopyTarget } from './hl7-copy.ts';
import { Hl7Target } from './hl7-target.ts';
import type { Column, InputKind, Target } from './program.ts';
import { checkKeys, describe, isTree, type Problems, type Tree, textOf } from './syntax.ts';

/** What a transform reads. */
export interface Input {
  readonly kind: InputKind;
  readonly columns: readonly Column[];
  /** Of HL7: the structure that messages must have, such as `ADT_A01`; empty for any. */
  readonly structure: string;
}

const STRUCTURE = /^[A-Z0-9]{3}(_[A-Z0-9]{3})?$/;
/** Kinds of input by their key, beside `recordMap`. */
const KINDS = ['hl7', 'json', 'raw'] as const;
const SOURCES = ['recordMap', ...KINDS];
/** A kind without a name: any. */
const ANY = ['', 'any'];

/** Reads `from`: `{ recordMap: NAME }`, `{ hl7: ADT_A01 }`, `{ json: NAME }`, `{ raw: NAME }`, or `hl7`, `json`, `raw` alone. */
export function inputOf(from: unknown, resources: Resources, problems: Problems): Input {
  if (from === undefined) return plain('none');
  const tree = isTree(from) ? from : plainSource(from, problems);
  checkKeys(tree, SOURCES, ['from'], problems);
  const keys = Object.keys(tree).filter((key) => SOURCES.includes(key));
  if (keys.length > 1) problems.add(['from'], 'DTL_WRONG_SHAPE', describe(from), `one of ${SOURCES.join(', ')}`);
  if (keys.length !== 1) return plain('none');
  const kind = KINDS.find((each) => each === keys[0]);
  if (kind === undefined) return { kind: 'rows', columns: columnsOf(tree, resources, problems), structure: '' };
  const name = textOf(tree[kind]);
  if (name === undefined) problems.add(['from', kind], 'DTL_WRONG_SHAPE', describe(tree[kind]), 'a name, or any');
  const structure = kind !== 'hl7' || ANY.includes(name ?? '') ? '' : (name ?? '');
  if (structure !== '' && !STRUCTURE.test(structure))
    problems.add(['from', 'hl7'], 'DTL_WRONG_SHAPE', structure, 'a message structure such as ADT_A01, or any');
  return { ...plain(kind), structure };
}

/** `from: raw` and the like. */
function plainSource(from: unknown, problems: Problems): Tree {
  const name = textOf(from) ?? '';
  if (KINDS.some((kind) => kind === name)) return { [name]: '' };
  const meant = suggest(name, SOURCES);
  const expected = meant ? `${meant}?` : `a map with one of ${SOURCES.join(', ')}`;
  problems.add(['from'], 'DTL_WRONG_SHAPE', name || describe(from), expected);
  return {};
}

function plain(kind: InputKind): Input {
  return { kind, columns: [], structure: '' };
}

/** The columns of the record map under `from`. */
function columnsOf(tree: Tree, resources: Resources, problems: Problems): readonly Column[] {
  const name = textOf(tree.recordMap) ?? '';
  const maps = resources.files['record-maps'] ?? {};
  const map = Object.hasOwn(maps, name) ? maps[name] : undefined;
  if (!isTree(map)) {
    const meant = suggest(name, Object.keys(maps));
    const expected = meant ? `${meant}?` : 'the name of a file of record-maps/';
    problems.add(['from', 'recordMap'], 'DTL_UNKNOWN_RECORD_MAP', name || describe(tree.recordMap), expected);
    return [];
  }
  const columns: readonly unknown[] = Array.isArray(map.columns) ? map.columns : [];
  return columns
    .filter(isTree)
    .map((column) => ({ name: textOf(column.name) ?? '', type: textOf(column.type) ?? 'text' }));
}

/** Which target a `to` means. */
export function kindOfTarget(to: unknown): Target['kind'] {
  return isTree(to) && to.json !== undefined ? 'json' : 'hl7';
}

/** Reads `to`: `{ hl7: VXU_V04, version: 2.5.1 }`, `{ hl7: ADT_A01, copy: true }` or `{ json: NAME }`. */
export function targetOf(to: unknown, input: InputKind, problems: Problems): Target {
  const tree = isTree(to) ? to : {};
  if (kindOfTarget(to) === 'json') return documentTarget(tree, problems);
  checkKeys(tree, ['hl7', 'version', 'copy', 'json'], ['to'], problems);
  const structure = textOf(tree.hl7) ?? '';
  if (!STRUCTURE.test(structure)) {
    const expected = 'hl7 with a message structure such as VXU_V04, or json with a name';
    problems.add(['to', 'hl7'], 'DTL_WRONG_SHAPE', structure || describe(to), expected);
  }
  const version = textOf(tree.version) ?? '';
  const isVersion = /^2(\.\d){1,2}$/.test(version);
  if (!isVersion && (tree.copy === undefined || tree.version !== undefined))
    problems.add(['to', 'version'], 'DTL_WRONG_SHAPE', version || 'nothing', 'a version of HL7 v2 such as 2.5.1');
  if (tree.copy === undefined) return new Hl7Target(version);
  if (textOf(tree.copy) !== 'true')
    problems.add(['to', 'copy'], 'DTL_WRONG_SHAPE', describe(tree.copy), 'true, or no copy at all');
  if (input !== 'hl7')
    problems.add(
      ['to', 'copy'],
      'DTL_WRONG_SHAPE',
      'copy',
      'from: { hl7: ADT_A01 } or from: hl7, so that there is a message to copy',
    );
  return new Hl7CopyTarget();
}

function documentTarget(tree: Tree, problems: Problems): Target {
  checkKeys(tree, ['json'], ['to'], problems);
  if (!textOf(tree.json))
    problems.add(['to', 'json'], 'DTL_WRONG_SHAPE', describe(tree.json), 'what the document is called');
  return new DocumentTarget();
}
