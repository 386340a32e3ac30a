/**
 * HL7 v2 as the target of a transform. MSH comes first, with its delimiters and the version; the other segments come in the
 * order in which actions first write, append or insert them. A segment in which nothing was written is left out.
 */
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { messageOf } from '../../engine/errors.ts';
import { STANDARD_DELIMITERS } from '../../hl7/delimiters.ts';
import { escaperFor, unescapeText } from '../../hl7/escape.ts';
import { type Path, parsePath, parseSegmentPath, printPath, type SegmentPath } from '../../hl7/paths.ts';
import { Layout, type Segment, type Slot, spread } from './layout.ts';
import type { Frame, Place, Scope, SetLine, Source, Step, Target } from './program.ts';
import { printKeys } from './syntax.ts';

const encode = escaperFor(STANDARD_DELIMITERS).escape;
/** Written around the messages by the batch format. */
const ENVELOPE = ['FHS', 'BHS', 'BTS', 'FTS'];

/** How the text of one line is made. */
const CONSTANT = 0;
const COLUMN = 1;
const ENCODED = 2;
const RAW = 3;

/** One line of a `set`, ready to run. */
interface Writer {
  readonly kind: number;
  readonly text: string;
  readonly column: number;
  readonly source: Source;
  readonly slot: Slot;
  readonly action: string;
}

/** Lines that follow one another and go to the same segment. */
interface Group {
  readonly layout: Layout;
  readonly occurrence: number;
  readonly writers: Writer[];
}

export class Hl7Target implements Target {
  readonly encode = encode;
  readonly #version: string;
  readonly #layouts = new Map<string, Layout>();
  readonly #msh: Layout;
  readonly #versionSlot: Slot;
  readonly #controlId: Slot;

  /** `version`: HL7 version for MSH-12, such as 2.5.1. */
  constructor(version: string) {
    this.#version = encode(version);
    this.#msh = this.#layout('MSH');
    this.#versionSlot = this.#msh.slot(parsePath('MSH-12'), []);
    this.#controlId = this.#msh.slot(parsePath('MSH-10'), []);
  }

  set(lines: readonly SetLine[], _at: KeyPath, scope: Scope): Step {
    const groups: Group[] = [];
    for (const line of lines) {
      const path = readTarget(line.target, line.at, scope);
      if (path) this.#add(groups, path, line, scope);
    }
    return (frame) => {
      for (const group of groups) runWriters(group.writers, segmentOf(frame, group.layout, group.occurrence), frame);
      return true;
    };
  }

  append(segment: string, lines: readonly SetLine[], at: KeyPath, scope: Scope): Step {
    const group = this.#newSegment(segment, lines, at, scope);
    if (!group) return () => true;
    return (frame) => {
      const made = group.layout.blank();
      frame.segments.push(made);
      runWriters(group.writers, made, frame);
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
    const layout = this.#layout(near.segment);
    const { side } = place;
    return (frame) => {
      const made = group.layout.blank();
      frame.segments.splice(insertionPoint(frame.segments, layout, near.occurrence, side), 0, made);
      runWriters(group.writers, made, frame);
      return true;
    };
  }

  remove(target: string, at: KeyPath, scope: Scope): Step {
    if (/^[^-]*$/.test(target)) return this.#removeSegment(target, at, scope);
    const path = readTarget(target, at, scope);
    if (!path) return () => true;
    const layout = this.#layout(path.segment);
    const slot = layout.slot(path, []);
    return (frame) => {
      const segment = findSegment(frame, layout, path.occurrence || 1);
      if (segment) clear(slot, segment.texts);
      return true;
    };
  }

  seal(): void {
    for (const layout of this.#layouts.values()) layout.seal();
  }

  begin(frame: Frame): void {
    const msh = this.#msh.blank();
    msh.texts[this.#versionSlot.leaf] = this.#version;
    frame.segments.push(msh);
  }

  finish(frame: Frame): { readonly text: string; readonly controlId: string } {
    let text = '';
    for (const { layout, texts } of frame.segments) {
      const line = layout.print(texts);
      if (line !== '') text += `${line}\r`;
    }
    const controlId = frame.segments[0]?.texts[this.#controlId.leaf] ?? '';
    return { text, controlId: unescapeText(controlId) };
  }

  #layout(segment: string): Layout {
    const known = this.#layouts.get(segment);
    if (known) return known;
    const made = new Layout(segment);
    this.#layouts.set(segment, made);
    return made;
  }

  #add(groups: Group[], path: Path, line: SetLine, scope: Scope): void {
    const layout = this.#layout(path.segment);
    const occurrence = path.occurrence || 1;
    const last = groups.at(-1);
    const group =
      last?.layout === layout && last.occurrence === occurrence ? last : { layout, occurrence, writers: [] };
    if (group !== last) groups.push(group);
    group.writers.push(writerOf(layout.slot(path, line.source.shapes), line, scope));
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
    const layout = this.#layout(path.segment);
    const group: Group = { layout, occurrence: 1, writers: [] };
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
      group.writers.push(writerOf(layout.slot(target, line.source.shapes), line, scope));
    }
    return group;
  }

  #removeSegment(target: string, at: KeyPath, scope: Scope): Step {
    const path = readSegment(target, at, scope);
    if (!path) return () => true;
    if (path.segment === 'MSH')
      scope.problems.add(at, 'DTL_BAD_TARGET', 'MSH', 'another segment: a message begins with MSH');
    const layout = this.#layout(path.segment);
    return ({ segments }) => {
      let seen = 0;
      for (let index = 0; index < segments.length; index++) {
        if (segments[index]?.layout !== layout) continue;
        seen++;
        if (path.occurrence === 0 || path.occurrence === seen) segments.splice(index--, 1);
      }
      return true;
    };
  }
}

function readTarget(target: string, at: KeyPath, scope: Scope): Path | undefined {
  try {
    const path = parsePath(target);
    if (ENVELOPE.includes(path.segment)) {
      scope.problems.add(
        at,
        'DTL_BAD_TARGET',
        target,
        'a segment of the message; the envelope is written by the format of the batch',
      );
      return undefined;
    }
    if (path.segment === 'MSH' && (path.field < 3 || path.occurrence > 1)) {
      scope.problems.add(
        at,
        'DTL_BAD_TARGET',
        target,
        'MSH-3 and what follows; the delimiters are written by themselves',
      );
      return undefined;
    }
    return path;
  } catch (error) {
    scope.problems.add(at, 'DTL_BAD_TARGET', target, messageOf(error));
    return undefined;
  }
}

function readSegment(text: string, at: KeyPath, scope: Scope): SegmentPath | undefined {
  try {
    const path = parseSegmentPath(text);
    if (!ENVELOPE.includes(path.segment)) return path;
    scope.problems.add(
      at,
      'DTL_BAD_TARGET',
      text,
      'a segment of the message; the envelope is written by the format of the batch',
    );
  } catch (error) {
    scope.problems.add(at, 'DTL_BAD_TARGET', text, messageOf(error));
  }
  return undefined;
}

function writerOf(slot: Slot, line: SetLine, scope: Scope): Writer {
  const { source } = line;
  const action = `${scope.file} ${printKeys(line.at)}`;
  const shared = { column: source.column, source, slot, action };
  if (source.constant !== undefined && source.constant !== '') {
    const text = source.raw ? source.constant : encode(source.constant);
    return { ...shared, kind: source.raw ? RAW : CONSTANT, text };
  }
  if (source.column >= 0) return { ...shared, kind: COLUMN, text: '' };
  return { ...shared, kind: source.raw ? RAW : ENCODED, text: '' };
}

function runWriters(writers: readonly Writer[], segment: Segment, frame: Frame): void {
  const { texts } = segment;
  frame.current = segment;
  for (const writer of writers) {
    const { slot } = writer;
    let text: string;
    if (writer.kind === CONSTANT) text = writer.text;
    else if (writer.kind === COLUMN) text = encode(frame.values[writer.column] ?? '');
    else if (writer.kind === ENCODED) text = encode(writer.source.read(frame));
    else text = writer.source.read(frame);
    if (slot.others.length === 0) texts[slot.leaf] = text;
    else writeParts(writer, text, texts);
    if (frame.trace && text !== '') addLineage(writer, segment, frame);
  }
}

/** A write to the whole of what other lines write in parts: it replaces all of them. */
function writeParts(writer: Writer, text: string, texts: string[]): void {
  clear(writer.slot, texts);
  if (writer.kind === RAW) spread(writer.slot.node, text, texts);
  else texts[writer.slot.leaf] = text;
}

function clear(slot: Slot, texts: string[]): void {
  texts[slot.leaf] = '';
  for (const leaf of slot.others) texts[leaf] = '';
}

function addLineage(writer: Writer, segment: Segment, frame: Frame): void {
  const { path } = writer.slot;
  const twins = frame.segments.filter(({ layout }) => layout === segment.layout);
  const occurrence = twins.length > 1 ? twins.indexOf(segment) + 1 : 0;
  const target = printPath({ ...path, occurrence });
  frame.trace?.push({ target, sources: writer.source.origins, action: writer.action });
}

/** The segment with this number (from 1); missing ones are made at the end. */
function segmentOf(frame: Frame, layout: Layout, occurrence: number): Segment {
  let left = occurrence;
  for (const segment of frame.segments) {
    if (segment.layout === layout && --left === 0) return segment;
  }
  for (;;) {
    const made = layout.blank();
    frame.segments.push(made);
    if (--left === 0) return made;
  }
}

function findSegment(frame: Frame, layout: Layout, occurrence: number): Segment | undefined {
  let left = occurrence;
  return frame.segments.find((segment) => segment.layout === layout && --left === 0);
}

/** Before the first or after the last segment of this name, or before or after the one with this number; else the end. */
function insertionPoint(segments: readonly Segment[], layout: Layout, occurrence: number, side: Place['side']): number {
  const places = segments.flatMap((segment, index) => (segment.layout === layout ? [index] : []));
  const place = occurrence > 0 ? places[occurrence - 1] : side === 'before' ? places[0] : places.at(-1);
  if (place === undefined) return segments.length;
  return side === 'before' ? place : place + 1;
}
