/**
 * The layout of a segment: which places of it a transform ever writes. It is known when the transform is compiled, so that a
 * segment at run time is a flat array of texts, one for each place, and printing is one walk over them. All segments of one
 * name share a layout.
 */
import { printDelimiters, STANDARD_DELIMITERS } from '../../hl7/delimiters.ts';
import type { Path } from '../../hl7/paths.ts';

/** A segment of a message that is being made: the encoded text of each place of its layout. */
export interface Segment {
  readonly layout: Layout;
  readonly texts: string[];
}

/** Where a target's text goes. Filled by `Layout.seal`. */
export interface Slot {
  readonly path: Path;
  node: Node;
  /** The first (or only) place below it. */
  leaf: number;
  /** The other places below it: a write to the whole empties them. */
  others: readonly number[];
}

/** A part of the segment; `parts` by number, from 1. Levels: 1 field, 2 repetition, 3 component, 4 subcomponent. */
interface Node {
  readonly level: number;
  readonly parts: Map<number, Node>;
  leaf: number;
}

/** How a place is reached from the one before it. */
interface Leap {
  /** The level that changes; separators of lower levels begin anew. */
  readonly level: number;
  readonly counts: readonly [number, number, number, number];
  /** The separators as text, for when the place before it is not empty. */
  readonly text: string;
}

const { field, repetition, component, subcomponent } = STANDARD_DELIMITERS;
const SEPARATORS = [field, repetition, component, subcomponent];
/** The separator between the parts of a node of this level. */
const BETWEEN = ['', repetition, component, subcomponent, ''];

export class Layout {
  readonly name: string;
  /** What every line of it begins with. MSH always has its delimiters. */
  readonly #prefix: string;
  readonly #slots: Slot[] = [];
  readonly #shapes: { readonly slot: Slot; readonly shapes: readonly string[] }[] = [];
  readonly #root: Node = { level: 0, parts: new Map(), leaf: -1 };
  #leaps: Leap[] = [];
  #blank: string[] = [];

  constructor(name: string) {
    this.name = name;
    this.#prefix = name === 'MSH' ? `MSH${printDelimiters(STANDARD_DELIMITERS)}` : name;
  }

  /** Reserves the place of a target. `shapes`: raw texts that may be written there, with their delimiters. */
  slot(path: Path, shapes: readonly string[]): Slot {
    const slot: Slot = { path, node: this.#root, leaf: -1, others: [] };
    this.#slots.push(slot);
    this.#shapes.push({ slot, shapes });
    return slot;
  }

  /** Fixes the places, once, after all targets are known. */
  seal(): void {
    for (const slot of this.#slots) slot.node = nodeAt(this.#root, addressOf(slot.path));
    for (const { slot, shapes } of this.#shapes) {
      for (const shape of shapes) grow(slot.node, shape);
      firstNode(slot.node);
    }
    const leaves: { readonly node: Node; readonly address: readonly number[] }[] = [];
    collect(this.#root, [], leaves);
    leaves.forEach(({ node }, index) => {
      node.leaf = index;
    });
    for (const slot of this.#slots) {
      const all = leavesBelow(slot.node);
      slot.leaf = firstNode(slot.node).leaf;
      slot.others = all.filter((leaf) => leaf !== slot.leaf);
    }
    this.#blank = leaves.map(() => '');
    this.#leaps = leapsOf(
      leaves.map(({ address }) => address),
      this.name === 'MSH' ? 2 : 0,
    );
  }

  blank(): Segment {
    return { layout: this, texts: this.#blank.slice() };
  }

  /** The segment as a line without its end; the empty text where nothing was written. Empty parts at ends are left out. */
  print(texts: readonly string[]): string {
    const leaps = this.#leaps;
    let line = '';
    let gap = false;
    let fields = 0;
    let repetitions = 0;
    let components = 0;
    let subcomponents = 0;
    for (let index = 0; index < leaps.length; index++) {
      const leap = leaps[index]!;
      const text = texts[index]!;
      if (!gap && text !== '') {
        line += leap.text + text;
        continue;
      }
      const [f, r, c, s] = leap.counts;
      if (leap.level === 1) {
        fields += f;
        repetitions = r;
        components = c;
        subcomponents = s;
      } else if (leap.level === 2) {
        repetitions += r;
        components = c;
        subcomponents = s;
      } else if (leap.level === 3) {
        components += c;
        subcomponents = s;
      } else {
        subcomponents += s;
      }
      gap = text === '';
      if (gap) continue;
      line += separators(fields, repetitions, components, subcomponents) + text;
      fields = repetitions = components = subcomponents = 0;
    }
    return line === '' && this.name !== 'MSH' ? '' : this.#prefix + line;
  }
}

/** Writes a raw text into a slot whose parts are written one by one elsewhere: it is taken apart at its delimiters. */
export function spread(node: Node, raw: string, texts: string[]): void {
  if (node.leaf >= 0) {
    texts[node.leaf] = raw;
    return;
  }
  for (const [index, part] of raw.split(BETWEEN[node.level] ?? '').entries()) {
    const inner = node.parts.get(index + 1);
    if (inner) spread(inner, part, texts);
  }
}

function separators(fields: number, repetitions: number, components: number, subcomponents: number): string {
  return (
    field.repeat(fields) +
    repetition.repeat(repetitions) +
    component.repeat(components) +
    subcomponent.repeat(subcomponents)
  );
}

/** The numbers of a path down to what it names: a component without a repetition is one of the first. */
function addressOf(path: Path): readonly number[] {
  if (path.subcomponent > 0) return [path.field, path.repetition || 1, path.component, path.subcomponent];
  if (path.component > 0) return [path.field, path.repetition || 1, path.component];
  return path.repetition > 0 ? [path.field, path.repetition] : [path.field];
}

function nodeAt(root: Node, address: readonly number[]): Node {
  return address.reduce((node, number) => partOf(node, number), root);
}

function partOf(node: Node, number: number): Node {
  const known = node.parts.get(number);
  if (known) return known;
  const made: Node = { level: node.level + 1, parts: new Map(), leaf: -1 };
  node.parts.set(number, made);
  return made;
}

/** Adds the places that a raw text needs below a node that is written in parts. */
function grow(node: Node, shape: string): void {
  if (node.parts.size === 0) return;
  for (const [index, part] of shape.split(BETWEEN[node.level] ?? '').entries()) grow(partOf(node, index + 1), part);
}

function firstNode(node: Node): Node {
  return node.parts.size === 0 ? node : firstNode(partOf(node, 1));
}

function collect(node: Node, address: readonly number[], into: { node: Node; address: readonly number[] }[]): void {
  if (node.parts.size === 0) {
    if (address.length > 0) into.push({ node, address });
    return;
  }
  for (const number of [...node.parts.keys()].sort((a, b) => a - b)) {
    collect(node.parts.get(number)!, [...address, number], into);
  }
}

function leavesBelow(node: Node): readonly number[] {
  return node.parts.size === 0 ? [node.leaf] : [...node.parts.values()].flatMap(leavesBelow);
}

function leapsOf(addresses: readonly (readonly number[])[], before: number): Leap[] {
  let last: readonly number[] = [before, 1, 1, 1];
  return addresses.map((address) => {
    const full = [0, 1, 2, 3].map((level) => address[level] ?? 1);
    const changed = full.findIndex((number, level) => number !== last[level]);
    const counts = full.map((number, level) => {
      if (level < changed) return 0;
      return level === changed ? number - (last[level] ?? 1) : number - 1;
    }) as [number, number, number, number];
    last = full;
    const text = counts.map((count, level) => (SEPARATORS[level] ?? '').repeat(count)).join('');
    return { level: changed + 1, counts, text };
  });
}
