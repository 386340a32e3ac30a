/** A document while it is being made, and the paths into it. */
import type { Scalar } from './values.ts';

/** Maps instead of objects: no name is special. `undefined` is a place in a list that nothing was written to. */
export type Node = Scalar | Map<string, Node> | Node[] | undefined;

/** One part of a path: a name, and for a list which of its elements, from 1; 0: not a list. */
export interface PathPart {
  readonly name: string;
  readonly index: number;
}

export type DocumentPath = readonly PathPart[];

/** Names that objects of most languages have by themselves: nobody's data is called so for a good reason. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const PART = /^(.*?)(?:\(([1-9]\d{0,3})\))?$/s;
/** BSON takes no more levels than this. */
const MAX_PARTS = 90;

/** Reads a path such as `patient.name.given(2)`; a text says why it is none. */
export function readDocumentPath(text: string): DocumentPath | string {
  const parts: PathPart[] = [];
  for (const piece of text.split('.')) {
    const [, name = '', index = '0'] = PART.exec(piece) ?? [];
    if (name.trim() === '' || name.trim() !== name)
      return 'names with a point between them, such as patient.name.family';
    if (name.startsWith('$') || name.includes('\0')) return 'names that do not begin with $ and hold no NUL';
    if (FORBIDDEN.has(name)) return `another name than ${name}`;
    if (/[()[\]]/.test(name))
      return 'the number of an element in round brackets at the end of its name, such as given(2)';
    parts.push({ name, index: Number(index) });
  }
  return parts.length <= MAX_PARTS ? parts : `at most ${MAX_PARTS} names`;
}

/** The path as people write it. */
export function printDocumentPath(path: DocumentPath): string {
  return path.map(({ name, index }) => (index === 0 ? name : `${name}(${index})`)).join('.');
}

/** Where actions write: the document itself, or an element of a list of it. */
interface Here {
  readonly map: Map<string, Node>;
  /** Its path, for lineage: `observations(2)`. */
  readonly path: DocumentPath;
}

/** One document. Paths count from `here`. */
export class DocumentDraft {
  readonly root = new Map<string, Node>();
  #here: Here = { map: this.root, path: [] };

  /** The path from the document's root. */
  fromRoot(path: DocumentPath): DocumentPath {
    const outer = this.#here.path;
    return outer.length === 0 ? path : [...outer, ...path];
  }

  /** Writes a value and the maps and lists on the way to it; what stood in the way is replaced. `undefined` clears. */
  set(path: DocumentPath, value: Scalar | readonly Scalar[] | undefined): void {
    if (value === undefined) {
      this.#clear(path);
      return;
    }
    const last = path[path.length - 1]!;
    const map = mapAt(this.#here.map, path.slice(0, -1));
    const node: Node = isList(value) ? [...value] : value;
    if (last.index === 0) map.set(last.name, node);
    else listAt(map, last.name)[last.index - 1] = node;
  }

  /** Adds a value to a list; an empty one is not added. */
  push(path: DocumentPath, value: Scalar | readonly Scalar[] | undefined): void {
    if (value === undefined || value === '') return;
    this.#list(path).push(isList(value) ? [...value] : value);
  }

  /** The path, from the root, of the element that was added last: `codes(3)`. */
  lastOf(path: DocumentPath): string {
    return `${printDocumentPath(this.fromRoot(path))}(${this.#list(path).length})`;
  }

  /** Adds an element to a list and lets `write` write into it: paths count from there until it is done. */
  within(path: DocumentPath, write: () => boolean): boolean {
    const list = this.#list(path);
    const element = new Map<string, Node>();
    const last = path[path.length - 1]!;
    const before = this.#here;
    list.push(element);
    const own = last.index === 0 ? { name: last.name, index: list.length } : last;
    this.#here = { map: element, path: this.fromRoot([...path.slice(0, -1), own]) };
    const goesOn = write();
    this.#here = before;
    return goesOn;
  }

  /** Takes out what is there; elements of a list that follow move up. */
  remove(path: DocumentPath): void {
    const parent = findMap(this.#here.map, path.slice(0, -1));
    const last = path[path.length - 1]!;
    if (last.index === 0) {
      parent?.delete(last.name);
      return;
    }
    const list = parent?.get(last.name);
    if (Array.isArray(list)) list.splice(last.index - 1, 1);
  }

  #clear(path: DocumentPath): void {
    const parent = findMap(this.#here.map, path.slice(0, -1));
    const last = path[path.length - 1]!;
    const list = last.index === 0 ? undefined : parent?.get(last.name);
    if (last.index === 0) parent?.delete(last.name);
    else if (Array.isArray(list) && last.index <= list.length) list[last.index - 1] = undefined;
  }

  #list(path: DocumentPath): Node[] {
    const last = path[path.length - 1]!;
    const map = mapAt(this.#here.map, path.slice(0, -1));
    if (last.index === 0) return listAt(map, last.name);
    const outer = listAt(map, last.name);
    const inner = outer[last.index - 1];
    if (Array.isArray(inner)) return inner;
    const made: Node[] = [];
    outer[last.index - 1] = made;
    return made;
  }
}

function isList(value: Scalar | readonly Scalar[]): value is readonly Scalar[] {
  return Array.isArray(value);
}

/** The list under a name, made where there is none. */
function listAt(map: Map<string, Node>, name: string): Node[] {
  const there = map.get(name);
  if (Array.isArray(there)) return there;
  const made: Node[] = [];
  map.set(name, made);
  return made;
}

/** The map at a path, made where there is none. */
function mapAt(start: Map<string, Node>, path: DocumentPath): Map<string, Node> {
  let map = start;
  for (const { name, index } of path) {
    const list = index === 0 ? undefined : listAt(map, name);
    const there = list ? list[index - 1] : map.get(name);
    if (there instanceof Map) {
      map = there;
      continue;
    }
    const made = new Map<string, Node>();
    if (list) list[index - 1] = made;
    else map.set(name, made);
    map = made;
  }
  return map;
}

/** The map at a path; `undefined` where there is none. */
function findMap(start: Map<string, Node>, path: DocumentPath): Map<string, Node> | undefined {
  let map = start;
  for (const { name, index } of path) {
    const there = map.get(name);
    const next = index === 0 ? there : Array.isArray(there) ? there[index - 1] : undefined;
    if (!(next instanceof Map)) return undefined;
    map = next;
  }
  return map;
}
