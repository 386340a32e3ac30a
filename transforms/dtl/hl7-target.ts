/**
 * HL7 v2 as the target of a transform. MSH comes first, with its delimiters, the version and the charset; the other segments
 * come in the order in which actions first write, append or insert them. A segment in which nothing was written is left out.
 */
import type { KeyPath } from '../../engine/contracts/resources.ts';
import type { OutMessage, TransformContext } from '../../engine/contracts/transform.ts';
import { STANDARD_DELIMITERS } from '../../hl7/delimiters.ts';
import { escaperFor, unescapeText } from '../../hl7/escape.ts';
import {
  compileLayout,
  type Draft,
  type Layout,
  type SegmentDraft,
  type SegmentLayout,
  type Target as Slot,
} from '../../hl7/layout.ts';
import { type Path, parsePath, printPath } from '../../hl7/paths.ts';
import { CHARSETS, readSegment, readTarget } from './hl7-paths.ts';
import { addLineage } from './lineage.ts';
import type { Append, Frame, Place, Scope, SetLine, Source, Step, Target } from './program.ts';
import { printKeys } from './syntax.ts';

const encode = escaperFor(STANDARD_DELIMITERS).escape;
/** How the text of one line is made. */
const CONSTANT = 0;
const COLUMN = 1;
const ENCODED = 2;
const RAW = 3;

/** A path into the message; its slot is known once all paths are. */
interface Address {
  readonly path: Path;
  slot: Slot | undefined;
}

/** One line of a `set`, ready to run. */
interface Writer {
  readonly kind: number;
  readonly text: string;
  readonly column: number;
  readonly source: Source;
  readonly address: Address;
  /** Index among the segment's values; -1 where other lines write parts of the same field. */
  slot: number;
  readonly action: string;
}

/** Lines that follow one another and go to the same segment. */
interface Group {
  readonly segment: string;
  readonly occurrence: number;
  readonly writers: Writer[];
  /** Known once all paths are. */
  layout: SegmentLayout | undefined;
}

export class Hl7Target implements Target {
  readonly kind = 'hl7';
  readonly encode = encode;
  readonly number = segmentNumber;
  readonly #version: string;
  readonly #addresses: Address[] = [];
  readonly #writers: Writer[] = [];
  readonly #groups: Group[] = [];
  readonly #msh12: Address;
  readonly #msh18: Address;
  readonly #msh10: Address;
  #layout: Layout | undefined;

  /** `version`: HL7 version for MSH-12, such as 2.5.1. */
  constructor(version: string) {
    this.#version = encode(version);
    this.#msh10 = this.#address(parsePath('MSH-10'));
    this.#msh12 = this.#address(parsePath('MSH-12'));
    this.#msh18 = this.#address(parsePath('MSH-18'));
  }

  set(lines: readonly SetLine[], _at: KeyPath, scope: Scope): Step {
    const groups: Group[] = [];
    for (const line of lines) {
      const path = readTarget(line.target, line.at, scope);
      if (path) this.#add(groups, path, line, scope);
    }
    return (frame) => {
      for (const group of groups) {
        runWriters(group.writers, segmentOf(draftOf(frame), layoutOf(group), group.occurrence), frame);
      }
      return true;
    };
  }

  append({ where, lines }: Append, at: KeyPath, scope: Scope): Step {
    const group = this.#newSegment(where, lines, at, scope);
    if (!group) return () => true;
    return (frame) => {
      runWriters(group.writers, draftOf(frame).append(layoutOf(group)), frame);
      return true;
    };
  }

  insert(segment: string, place: Place, lines: readonly SetLine[], at: KeyPath, scope: Scope): Step {
    const group = this.#newSegment(segment, lines, at, scope);
    const near = readSegment(place.segment, [...at, place.side], scope);
    if (near?.segment === 'MSH' && place.side === 'before') {
      scope.problems.add([...at, 'before'], 'DTL_BAD_TARGET', 'MSH', 'a place after MSH, which comes first');
    }
    if (!group || !near) return () => true;
    this.#reserve(near.segment);
    return (frame) => {
      const message = draftOf(frame);
      const next = follower(message, this.#segment(near.segment), near.occurrence, place.side);
      runWriters(group.writers, message.insert(layoutOf(group), next), frame);
      return true;
    };
  }

  remove(target: string, at: KeyPath, scope: Scope): Step {
    if (!target.includes('-')) return this.#removeSegment(target, at, scope);
    const path = readTarget(target, at, scope);
    if (!path) return () => true;
    const address = this.#address(path);
    return (frame) => {
      const segment = draftOf(frame).segments(this.#segment(path.segment))[(path.occurrence || 1) - 1];
      if (segment && address.slot) segment.setRaw(address.slot, '');
      return true;
    };
  }

  seal(): void {
    const layout = compileLayout(this.#addresses.map(({ path }) => path));
    for (const address of this.#addresses) address.slot = layout.target(address.path);
    for (const writer of this.#writers) {
      const { slot } = writer.address;
      writer.slot = slot && !slot.part ? slot.slot : -1;
    }
    for (const group of this.#groups) group.layout = layout.segment(group.segment);
    this.#layout = layout;
  }

  begin(context: TransformContext): Draft {
    const message = this.#sealed().draft();
    const msh = message.segments(this.#segment('MSH'))[0];
    if (msh && this.#msh12.slot) msh.setRaw(this.#msh12.slot, this.#version);
    if (msh && this.#msh18.slot) msh.setRaw(this.#msh18.slot, CHARSETS[context.charset.toLowerCase()] ?? '');
    return message;
  }

  finish(frame: Frame): OutMessage {
    const message = draftOf(frame);
    const controlId = this.#msh10.slot ? message.raw(this.#msh10.slot) : '';
    return { text: message.print(), controlId: unescapeText(controlId) };
  }

  #sealed(): Layout {
    if (!this.#layout) throw unsealed();
    return this.#layout;
  }

  #segment(name: string): SegmentLayout {
    return this.#sealed().segment(name);
  }

  #address(path: Path): Address {
    const address: Address = { path, slot: undefined };
    this.#addresses.push(address);
    return address;
  }

  /** Makes the layout know a segment of which perhaps no field is written. */
  #reserve(segment: string): void {
    this.#address({
      segment,
      occurrence: 0,
      field: segment === 'MSH' ? 3 : 1,
      repetition: 0,
      component: 0,
      subcomponent: 0,
    });
  }

  #add(groups: Group[], path: Path, line: SetLine, scope: Scope): void {
    const { segment } = path;
    const occurrence = path.occurrence || 1;
    const last = groups.at(-1);
    const fits = last?.segment === segment && last.occurrence === occurrence;
    const group = fits ? last : this.#group(segment, occurrence);
    if (!fits) groups.push(group);
    group.writers.push(this.#writer(path, line, scope));
  }

  #group(segment: string, occurrence: number): Group {
    const group: Group = { segment, occurrence, writers: [], layout: undefined };
    this.#groups.push(group);
    return group;
  }

  #writer(path: Path, line: SetLine, scope: Scope): Writer {
    const writer = writerOf(this.#address(path), line, scope);
    this.#writers.push(writer);
    return writer;
  }

  /** The lines of an `append` or `insert`: all in the new segment, which needs no number. */
  #newSegment(segment: string, lines: readonly SetLine[], at: KeyPath, scope: Scope): Group | undefined {
    const path = readSegment(segment, [...at, 'segment'], scope);
    if (path?.segment === 'MSH')
      scope.problems.add([...at, 'segment'], 'DTL_BAD_TARGET', 'MSH', 'another segment: a message has one MSH');
    if (path && path.occurrence > 0) {
      scope.problems.add([...at, 'segment'], 'DTL_BAD_TARGET', segment, 'the name alone: it is a new segment');
    }
    if (!path || path.segment === 'MSH') return undefined;
    this.#reserve(path.segment);
    const group = this.#group(path.segment, 1);
    for (const line of lines) {
      const target = readTarget(line.target, line.at, scope);
      if (!target) continue;
      if (target.segment !== path.segment || target.occurrence > 0) {
        scope.problems.add(
          line.at,
          'DTL_BAD_TARGET',
          line.target,
          `a field of the new segment: ${path.segment}-1 and so on`,
        );
        continue;
      }
      group.writers.push(this.#writer(target, line, scope));
    }
    return group;
  }

  #removeSegment(target: string, at: KeyPath, scope: Scope): Step {
    const path = readSegment(target, at, scope);
    if (!path) return () => true;
    if (path.segment === 'MSH')
      scope.problems.add(at, 'DTL_BAD_TARGET', 'MSH', 'another segment: a message begins with MSH');
    this.#reserve(path.segment);
    return (frame) => {
      const message = draftOf(frame);
      const same = [...message.segments(this.#segment(path.segment))];
      for (const segment of path.occurrence === 0 ? same : same.slice(path.occurrence - 1, path.occurrence)) {
        message.remove(segment);
      }
      return true;
    };
  }
}

/** What `begin` made. */
function draftOf(frame: Frame): Draft {
  return frame.output as Draft;
}

/** The number of the segment that is being written among those of its name: HL7's "Set ID". */
function segmentNumber(frame: Frame): string {
  const { current } = frame;
  return current ? String(draftOf(frame).segments(current.layout).indexOf(current) + 1) : '';
}

function layoutOf({ layout }: Group): SegmentLayout {
  if (!layout) throw unsealed();
  return layout;
}

function unsealed(): RangeError {
  return new RangeError('a transform ran before its layout was sealed');
}

function writerOf(address: Address, line: SetLine, scope: Scope): Writer {
  const { source } = line;
  const shared = { column: source.column, source, address, slot: -1, action: `${scope.file} ${printKeys(line.at)}` };
  if (source.constant !== undefined) {
    return { ...shared, kind: CONSTANT, text: source.raw ? source.constant : encode(source.constant) };
  }
  if (source.column >= 0) return { ...shared, kind: COLUMN, text: '' };
  return { ...shared, kind: source.raw ? RAW : ENCODED, text: '' };
}

function runWriters(writers: readonly Writer[], segment: SegmentDraft, frame: Frame): void {
  const { values } = segment;
  frame.current = segment;
  for (const writer of writers) {
    const { kind, slot } = writer;
    let text: string;
    if (kind === CONSTANT) text = writer.text;
    else if (kind === COLUMN) text = encode(frame.values[writer.column] ?? '');
    else if (kind === ENCODED) text = encode(writer.source.read(frame));
    else text = writer.source.read(frame);
    if (slot >= 0) values[slot] = text;
    else if (writer.address.slot) segment.setRaw(writer.address.slot, text);
    if (frame.trace && text !== '') traceWriter(writer, segment, frame);
  }
}

function traceWriter(writer: Writer, segment: SegmentDraft, frame: Frame): void {
  const twins = draftOf(frame).segments(segment.layout);
  const occurrence = twins.length > 1 ? twins.indexOf(segment) + 1 : 0;
  addLineage(frame, printPath({ ...writer.address.path, occurrence }), writer.source, writer.action);
}

/** The segment with this number (from 1); missing ones are made at the end. */
function segmentOf(message: Draft, layout: SegmentLayout, occurrence: number): SegmentDraft {
  for (;;) {
    const found = message.segments(layout)[occurrence - 1];
    if (found) return found;
    message.append(layout);
  }
}

/** What the new segment is put before: the first of this name or the one with this number, or what follows the last. */
function follower(
  message: Draft,
  layout: SegmentLayout,
  occurrence: number,
  side: Place['side'],
): SegmentDraft | undefined {
  const same = message.segments(layout);
  const near = occurrence > 0 ? same[occurrence - 1] : side === 'before' ? same[0] : same.at(-1);
  return near && side === 'after' ? message.next(near) : near;
}
