/**
 * HL7 v2 that begins as a copy of the message that came in (`to: { hl7: ..., copy: true }`). What actions do not touch prints
 * byte for byte: Z segments, delimiters, line ends, blank lines, separators at the end. Inside a foreach over segments a path
 * without a number means the segment that the foreach is at, in the copy too.
 */
import type { KeyPath } from '../../engine/contracts/resources.ts';
import type { OutMessage, TransformContext } from '../../engine/contracts/transform.ts';
import { STANDARD_DELIMITERS } from '../../hl7/delimiters.ts';
import { escaperFor } from '../../hl7/escape.ts';
import { type Path, parsePath, printPath, type SegmentPath } from '../../hl7/paths.ts';
import type { Hl7Input } from './hl7-input.ts';
import { type CopyLine, Hl7Copy } from './hl7-lines.ts';
import { CHARSETS, readSegment, readTarget } from './hl7-paths.ts';
import { addLineage } from './lineage.ts';
import type { Append, Frame, Place, Scope, SetLine, Source, Step, Target } from './program.ts';
import { recode } from './recode.ts';
import { printKeys } from './syntax.ts';

const { escape: encode } = escaperFor(STANDARD_DELIMITERS);
const MSH_10 = parsePath('MSH-10');
const MSH_18 = parsePath('MSH-18(1).1');
const NOTHING: Step = () => true;

interface Writer {
  readonly path: Path;
  readonly source: Source;
  readonly action: string;
}

export class Hl7CopyTarget implements Target {
  readonly kind = 'hl7';
  readonly encode = encode;
  readonly number = segmentNumber;

  set(lines: readonly SetLine[], _at: KeyPath, scope: Scope): Step {
    const writers = writersOf(lines, scope, () => true);
    return (frame) => {
      for (const writer of writers) write(writer, frame);
      return true;
    };
  }

  append({ where, lines }: Append, at: KeyPath, scope: Scope): Step {
    const name = newSegment(where, at, scope);
    if (name === undefined) return NOTHING;
    const writers = writersOf(lines, scope, (line, path) => isOfNew(name, line, path, scope));
    return (frame) => fill(copyIn(frame).add(name, undefined), writers, frame);
  }

  insert(segment: string, place: Place, lines: readonly SetLine[], at: KeyPath, scope: Scope): Step {
    const name = newSegment(segment, at, scope);
    const near = readSegment(place.segment, [...at, place.side], scope);
    if (near?.segment === 'MSH' && place.side === 'before') {
      scope.problems.add([...at, 'before'], 'DTL_BAD_TARGET', 'MSH', 'a place after MSH, which comes first');
    }
    if (name === undefined || !near) return NOTHING;
    const writers = writersOf(lines, scope, (line, path) => isOfNew(name, line, path, scope));
    return (frame) => fill(copyIn(frame).add(name, follower(frame, near, place.side)), writers, frame);
  }

  remove(target: string, at: KeyPath, scope: Scope): Step {
    if (!target.includes('-')) return removeSegment(target, at, scope);
    const path = readTarget(target, at, scope);
    if (!path) return NOTHING;
    return (frame) => {
      const line = lineAt(frame, path);
      if (line) copyIn(frame).setRaw(line, path, '');
      return true;
    };
  }

  seal(): void {
    // Nothing is laid out beforehand: the message says what there is.
  }

  begin(context: TransformContext, hl7: Hl7Input | undefined): Hl7Copy {
    if (!hl7) throw new RangeError('a copy was begun without a message');
    const copy = new Hl7Copy(hl7.text, hl7.message);
    declareCharset(copy, hl7.text, CHARSETS[context.charset.toLowerCase()] ?? '');
    return copy;
  }

  finish(frame: Frame): OutMessage {
    const copy = copyIn(frame);
    const msh = copy.segments('MSH')[0];
    const controlId = msh ? escaperFor(copy.delimiters).unescape(copy.raw(msh, MSH_10)) : '';
    return { text: copy.print(), controlId };
  }
}

/**
 * MSH-18 of a message that goes out in another charset than it came in would tell the receiver to misread it: it is
 * corrected, and only where there is a character to misread.
 */
function declareCharset(copy: Hl7Copy, text: string, charset: string): void {
  const msh = copy.segments('MSH')[0];
  const said = msh ? copy.raw(msh, MSH_18) : '';
  if (!msh || said === '' || said === charset || charset === '' || !Object.values(CHARSETS).includes(said)) return;
  if (/[^\0-\x7F]/.test(text)) copy.setRaw(msh, MSH_18, charset);
}

/** What `begin` made. */
function copyIn(frame: Frame): Hl7Copy {
  return frame.output as Hl7Copy;
}

function segmentNumber(frame: Frame): string {
  const copy = copyIn(frame);
  const { current } = copy;
  return current ? String(copy.segments(current.segment).indexOf(current) + 1) : '';
}

function writersOf(
  lines: readonly SetLine[],
  scope: Scope,
  fits: (line: SetLine, path: Path) => boolean,
): readonly Writer[] {
  return lines.flatMap((line) => {
    const path = readTarget(line.target, line.at, scope);
    if (!path || !fits(line, path)) return [];
    return [{ path, source: line.source, action: `${scope.file} ${printKeys(line.at)}` }];
  });
}

function isOfNew(name: string, line: SetLine, path: Path, scope: Scope): boolean {
  if (path.segment === name && path.occurrence === 0) return true;
  scope.problems.add(line.at, 'DTL_BAD_TARGET', line.target, `a field of the new segment: ${name}-1 and so on`);
  return false;
}

function newSegment(text: string, at: KeyPath, scope: Scope): string | undefined {
  const path = readSegment(text, [...at, 'segment'], scope);
  if (!path) return undefined;
  if (path.segment !== 'MSH' && path.occurrence === 0) return path.segment;
  const expected =
    path.segment === 'MSH' ? 'another segment: a message has one MSH' : 'the name alone: it is a new segment';
  scope.problems.add([...at, 'segment'], 'DTL_BAD_TARGET', text, expected);
  return undefined;
}

/** Writes one line of a `set`; a segment that is not there is added at the end, unless there is nothing to write. */
function write(writer: Writer, frame: Frame): void {
  const copy = copyIn(frame);
  const there = lineAt(frame, writer.path);
  copy.current = there;
  const raw = rawOf(writer.source, frame);
  if (there) put(there, raw, writer, frame);
  else if (raw !== '' && !isAt(frame, writer.path)) put(missing(copy, writer.path), raw, writer, frame);
}

function fill(line: CopyLine, writers: readonly Writer[], frame: Frame): boolean {
  copyIn(frame).current = line;
  for (const writer of writers) put(line, rawOf(writer.source, frame), writer, frame);
  return true;
}

/** A value in the delimiters of the copy. */
function rawOf(source: Source, frame: Frame): string {
  if (source.own) return source.own(frame);
  const text = source.read(frame);
  return recode(source.raw ? text : encode(text), STANDARD_DELIMITERS, copyIn(frame).delimiters);
}

function put(line: CopyLine, raw: string, { path, source, action }: Writer, frame: Frame): void {
  const copy = copyIn(frame);
  copy.setRaw(line, path, raw);
  if (!frame.trace || raw === '') return;
  const twins = copy.segments(line.segment);
  const occurrence = twins.length > 1 ? twins.indexOf(line) + 1 : 0;
  addLineage(frame, printPath({ ...path, occurrence }), source, action);
}

/** Whether a path means the segment that a foreach is at, which an action may have taken out. */
function isAt(frame: Frame, { segment, occurrence }: SegmentPath): boolean {
  return occurrence === 0 && frame.hl7?.placeOf(segment) !== undefined;
}

/** The segment that a path means: the one that a foreach is at, or by its number. */
function lineAt(frame: Frame, { segment, occurrence }: SegmentPath): CopyLine | undefined {
  const copy = copyIn(frame);
  const place = occurrence === 0 ? frame.hl7?.placeOf(segment) : undefined;
  return place === undefined ? copy.segments(segment)[(occurrence || 1) - 1] : copy.original(place);
}

/** Adds the segment with this number, and those before it that are missing. */
function missing(copy: Hl7Copy, { segment, occurrence }: SegmentPath): CopyLine {
  let line = copy.add(segment, undefined);
  while (copy.segments(segment).length < occurrence) line = copy.add(segment, undefined);
  return line;
}

/** What the new segment is put before: the one meant, or what follows it. */
function follower(frame: Frame, near: SegmentPath, side: Place['side']): CopyLine | undefined {
  const copy = copyIn(frame);
  const same = copy.segments(near.segment);
  const isOne = near.occurrence > 0 || isAt(frame, near);
  const line = isOne || side === 'before' ? lineAt(frame, near) : same.at(-1);
  return line && side === 'after' ? copy.next(line) : line;
}

/** Takes out the segment that a foreach is at, the one with a number, or all of a name. */
function removeSegment(target: string, at: KeyPath, scope: Scope): Step {
  const path = readSegment(target, at, scope);
  if (path?.segment === 'MSH')
    scope.problems.add(at, 'DTL_BAD_TARGET', 'MSH', 'another segment: a message begins with MSH');
  if (!path) return NOTHING;
  return (frame) => {
    const copy = copyIn(frame);
    const isOne = path.occurrence > 0 || isAt(frame, path);
    const lines = isOne ? [lineAt(frame, path)] : copy.segments(path.segment);
    for (const line of lines) if (line) copy.remove(line);
    return true;
  };
}
