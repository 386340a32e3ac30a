import { WaybillError } from '../engine/errors.ts';
import { type Delimiters, isComplete, isHeader, printDelimiters, STANDARD_DELIMITERS } from './delimiters.ts';
import { DELETE, type Escaper, escaperFor } from './escape.ts';
import { type FieldPart, refuseDelimiterFields, withPart } from './parts.ts';
import { type Path, printPath } from './paths.ts';

/**
 * Building messages whose paths are all known beforehand: a transform is compiled to a `Layout` once, each message is a
 * `Draft` of it. A path becomes a slot of its segment, the separators between any two slots are worked out once, so that
 * setting a value is one store into an array and printing is one concatenation a value.
 */

/** Where a value goes, made once by `Layout.target`. */
export interface Target {
  readonly segment: SegmentLayout;
  /** From 1; 0 was not said. */
  readonly occurrence: number;
  readonly slot: number;
  /** Set where another path of the layout overlaps this one: the slot is the whole field, and this is the part meant. */
  readonly part?: FieldPart;
}

interface Slot {
  readonly field: number;
  readonly part: FieldPart;
}

const WHOLE: FieldPart = { repetition: 0, component: 0, subcomponent: 0 };

/**
 * Compiles the paths that messages will be written by. The order of segments is not said here: it is the order in which a
 * draft gets them.
 * @throws WaybillError HL7_DELIMITERS_FIXED where a path means MSH-1 or MSH-2; HL7_DELIMITER_MISSING where `delimiters`
 * are not all there.
 */
export function compileLayout(paths: Iterable<Path>, delimiters: Delimiters = STANDARD_DELIMITERS): Layout {
  if (!isComplete(delimiters)) {
    throw new WaybillError('HL7_DELIMITER_MISSING', 'a layout needs all five delimiters, usually |^~\\&');
  }
  const bySegment = new Map<string, Path[]>([['MSH', []]]);
  for (const path of paths) {
    refuseDelimiterFields(path.segment, path.field);
    const same = bySegment.get(path.segment) ?? [];
    same.push(path);
    bySegment.set(path.segment, same);
  }
  const segments = new Map<string, SegmentLayout>();
  for (const [name, own] of bySegment) {
    segments.set(name, new SegmentLayout(segments.size, name, slotsFor(own), delimiters));
  }
  return new Layout(segments, delimiters);
}

/** One slot for each path; one for a whole field where paths in it overlap. Sorted as they are printed. */
function slotsFor(paths: readonly Path[]): Slot[] {
  const byField = new Map<number, FieldPart[]>();
  for (const path of paths) {
    const parts = byField.get(path.field) ?? [];
    if (!parts.some((part) => comparePart(part, path) === 0)) parts.push(normal(path));
    byField.set(path.field, parts);
  }
  const slots: Slot[] = [];
  for (const [field, parts] of [...byField].sort(([a], [b]) => a - b)) {
    const separate = parts.some((part, at) => parts.some((other, i) => i !== at && contains(part, other)))
      ? [WHOLE]
      : parts;
    for (const part of separate.toSorted(comparePart)) slots.push({ field, part });
  }
  return slots;
}

/** A component without a repetition is one of the first repetition. */
function normal({ repetition, component, subcomponent }: FieldPart): FieldPart {
  return { repetition: component > 0 ? repetition || 1 : repetition, component, subcomponent };
}

function comparePart(left: FieldPart, right: FieldPart): number {
  const a = normal(left);
  const b = normal(right);
  return a.repetition - b.repetition || a.component - b.component || a.subcomponent - b.subcomponent;
}

function contains(outer: FieldPart, inner: FieldPart): boolean {
  if (outer.repetition === 0) return true;
  if (outer.repetition !== inner.repetition) return false;
  if (outer.component === 0) return true;
  return outer.component === inner.component && outer.subcomponent === 0;
}

/** The compiled paths of a transform. */
export class Layout {
  readonly delimiters: Delimiters;
  readonly #segments: Map<string, SegmentLayout>;

  constructor(segments: Map<string, SegmentLayout>, delimiters: Delimiters) {
    this.#segments = segments;
    this.delimiters = delimiters;
  }

  /** Where values for this path go. @throws RangeError where the layout was compiled without it. */
  target(path: Path): Target {
    const segment = this.#segments.get(path.segment);
    const target = segment?.target(path);
    if (!target) throw new RangeError(`the layout was compiled without ${printPath(path)}`);
    return target;
  }

  /** The segment of this name, to append it to drafts. @throws RangeError where no path of the layout names it. */
  segment(name: string): SegmentLayout {
    const segment = this.#segments.get(name);
    if (!segment) throw new RangeError(`the layout was compiled without a path into ${name}`);
    return segment;
  }

  /** A new message, with MSH and nothing in it. */
  draft(): Draft {
    return new Draft(this, this.#segments.size);
  }
}

/** The slots of one segment and what is printed between them. */
export class SegmentLayout {
  /** Position among the layout's segments. */
  readonly index: number;
  readonly name: string;
  /** As many slots as the segment has; a draft's values start as this. */
  readonly empty: readonly string[];
  readonly escaper: Escaper;
  readonly delimiters: Delimiters;
  readonly #slots: readonly Slot[];
  readonly #start: string;
  /** `#between[slot][previous + 1]`: what stands before a value when the last one written was `previous` (-1: none). */
  readonly #between: readonly (readonly string[])[];

  constructor(index: number, name: string, slots: readonly Slot[], delimiters: Delimiters) {
    this.index = index;
    this.name = name;
    this.delimiters = delimiters;
    this.escaper = escaperFor(delimiters);
    this.empty = slots.map(() => '');
    this.#slots = slots;
    this.#start = isHeader(name) ? name + printDelimiters(delimiters) : name;
    const before: Slot = { field: isHeader(name) ? 2 : 0, part: WHOLE };
    this.#between = slots.map((slot, at) =>
      [before, ...slots.slice(0, at)].map((previous) => separators(previous, slot, delimiters)),
    );
  }

  /** The target for a path into this segment; `undefined` where it has no slot. */
  target(path: Path): Target | undefined {
    const { occurrence } = path;
    const exact = this.#slots.findIndex((slot) => slot.field === path.field && comparePart(slot.part, path) === 0);
    if (exact >= 0) return { segment: this, occurrence, slot: exact };
    const whole = this.#slots.findIndex((slot) => slot.field === path.field && slot.part === WHOLE);
    return whole < 0 ? undefined : { segment: this, occurrence, slot: whole, part: normal(path) };
  }

  /** The segment with its CR, from raw values by slot; empty where there is none, unless it is a header. */
  print(values: readonly string[]): string {
    let text = this.#start;
    let previous = 0;
    for (let slot = 0; slot < values.length; slot++) {
      const value = values[slot]!;
      if (value === '') continue;
      text = text + this.#between[slot]![previous]! + value;
      previous = slot + 1;
    }
    return previous === 0 && this.#start === this.name ? '' : `${text}\r`;
  }
}

/** The separators from one place to a later one: only those of the outermost level that differs, then the inner ones. */
function separators(from: Slot, to: Slot, delimiters: Delimiters): string {
  const { field, repetition, component, subcomponent } = delimiters;
  const a = counted(from.part);
  const b = counted(to.part);
  const inComponent = subcomponent.repeat(b.subcomponent - 1);
  const inRepetition = component.repeat(b.component - 1) + inComponent;
  if (to.field > from.field) {
    return field.repeat(to.field - from.field) + repetition.repeat(b.repetition - 1) + inRepetition;
  }
  if (b.repetition > a.repetition) return repetition.repeat(b.repetition - a.repetition) + inRepetition;
  if (b.component > a.component) return component.repeat(b.component - a.component) + inComponent;
  return subcomponent.repeat(b.subcomponent - a.subcomponent);
}

function counted(part: FieldPart): FieldPart {
  return {
    repetition: part.repetition || 1,
    component: part.component || 1,
    subcomponent: part.subcomponent || 1,
  };
}

/** One segment of a draft. Targets given to it need no occurrence; they must be of its kind of segment. */
export class SegmentDraft {
  readonly layout: SegmentLayout;
  /** Raw values by slot. */
  readonly values: string[];

  constructor(layout: SegmentLayout) {
    this.layout = layout;
    this.values = layout.empty.slice();
  }

  /** Writes a text, escaped; the empty text clears. */
  set(target: Target, text: string): void {
    this.setRaw(target, this.layout.escaper.escape(text));
  }

  /** Writes HL7 as it stands. @throws RangeError where the target is of another segment. */
  setRaw(target: Target, raw: string): void {
    if (target.segment !== this.layout)
      throw new RangeError(`a target of ${target.segment.name} in ${this.layout.name}`);
    const { slot, part } = target;
    this.values[slot] = part ? withPart(this.values[slot]!, part, raw, this.layout.delimiters) : raw;
  }

  /** Writes the explicit delete, `""`. */
  delete(target: Target): void {
    this.setRaw(target, DELETE);
  }
}

/** One message of a layout. */
export class Draft {
  readonly #order: SegmentDraft[];
  /** Drafts by the index of their segment in the layout, in order of occurrence. */
  readonly #byIndex: (SegmentDraft[] | undefined)[];

  constructor(layout: Layout, segments: number) {
    this.#order = [];
    this.#byIndex = new Array<SegmentDraft[] | undefined>(segments).fill(undefined);
    this.append(layout.segment('MSH'));
  }

  /** Writes a text, escaped; a segment that is not there is added at the end. The empty text clears. */
  set(target: Target, text: string): void {
    this.setRaw(target, target.segment.escaper.escape(text));
  }

  /** Writes HL7 as it stands; a segment that is not there is added at the end. */
  setRaw(target: Target, raw: string): void {
    this.#reach(target).setRaw(target, raw);
  }

  /** Writes the explicit delete, `""`. */
  delete(target: Target): void {
    this.setRaw(target, DELETE);
  }

  /** Adds a segment at the end and gives it back. */
  append(segment: SegmentLayout): SegmentDraft {
    return this.#put(segment, this.#order.length);
  }

  /**
   * Adds a segment right before another one and gives it back; at the end where that one is not there. Occurrences are
   * counted in the order of the message, so the new one takes its place among those of its name.
   */
  insert(segment: SegmentLayout, before: SegmentDraft | undefined): SegmentDraft {
    const at = before ? this.#order.indexOf(before) : -1;
    return this.#put(segment, at < 0 ? this.#order.length : at);
  }

  /** The segment that follows one of the message; `undefined` after the last. */
  next(segment: SegmentDraft): SegmentDraft | undefined {
    const at = this.#order.indexOf(segment);
    return at < 0 ? undefined : this.#order[at + 1];
  }

  /** Takes a segment out; later ones of its name move up. */
  remove(segment: SegmentDraft): void {
    this.#order.splice(this.#order.indexOf(segment), 1);
    const same = this.#byIndex[segment.layout.index];
    same?.splice(same.indexOf(segment), 1);
  }

  /** The segments of this kind, in the order of the message. */
  segments(segment: SegmentLayout): readonly SegmentDraft[] {
    return this.#byIndex[segment.index] ?? [];
  }

  /** The raw text of a target's slot; empty where there is none. Of overlapping paths that is the whole field. */
  raw(target: Target): string {
    const segment = this.segments(target.segment)[(target.occurrence || 1) - 1];
    return segment?.values[target.slot] ?? '';
  }

  /** The message as text. */
  print(): string {
    let text = '';
    for (const segment of this.#order) text += segment.layout.print(segment.values);
    return text;
  }

  #put(segment: SegmentLayout, at: number): SegmentDraft {
    const added = new SegmentDraft(segment);
    const same = this.#byIndex[segment.index];
    const isLast = at === this.#order.length;
    if (isLast) this.#order.push(added);
    else this.#order.splice(at, 0, added);
    if (!same) this.#byIndex[segment.index] = [added];
    else if (isLast) same.push(added);
    else this.#byIndex[segment.index] = this.#order.filter((other) => other.layout === segment);
    return added;
  }

  #reach(target: Target): SegmentDraft {
    const same = this.#byIndex[target.segment.index];
    const wanted = target.occurrence || 1;
    const found = same?.[wanted - 1];
    if (found) return found;
    for (let missing = wanted - (same?.length ?? 0); missing > 1; missing--) this.append(target.segment);
    return this.append(target.segment);
  }
}
