import { type Delimiters, isHeader, printDelimiters, STANDARD_DELIMITERS } from './delimiters.ts';
import { DELETE, escaperFor } from './escape.ts';
import { refuseDelimiterFields, withPart } from './parts.ts';
import { type Path, parsePath } from './paths.ts';

/**
 * Building a message by paths that are not known beforehand (acknowledgements, envelopes, scripts). For a transform whose
 * paths are known, `layout.ts` does the same several times faster.
 *
 * Rules of both: a segment that has no value is not written, separators at the end of a segment are not written, every
 * segment ends with CR, and the delimiters in MSH-1 and MSH-2 come by themselves.
 */
export class SegmentBuilder {
  readonly segment: string;
  readonly #delimiters: Delimiters;
  /** Raw text by field number; index 0 is not used. */
  readonly #fields: string[] = [''];

  constructor(segment: string, delimiters: Delimiters = STANDARD_DELIMITERS) {
    this.segment = segment;
    this.#delimiters = delimiters;
  }

  /** Writes a text, escaped. Of the path only the places inside the segment count. @throws WaybillError as `setRaw`. */
  set(path: Path | string, text: string): this {
    return this.setRaw(path, escaperFor(this.#delimiters).escape(text));
  }

  /** Writes HL7 as it stands. @throws WaybillError HL7_DELIMITERS_FIXED, HL7_PATH_INVALID. */
  setRaw(path: Path | string, raw: string): this {
    const where = typeof path === 'string' ? parsePath(path) : path;
    refuseDelimiterFields(this.segment, where.field);
    while (this.#fields.length <= where.field) this.#fields.push('');
    this.#fields[where.field] = withPart(this.#fields[where.field] ?? '', where, raw, this.#delimiters);
    return this;
  }

  /** Writes the explicit delete, `""`. */
  delete(path: Path | string): this {
    return this.setRaw(path, DELETE);
  }

  /** The segment with its CR; empty where it has no value. A header is never empty: it has its delimiters. */
  print(): string {
    const { field } = this.#delimiters;
    if (!isHeader(this.segment)) {
      const text = joinTrimmed(this.#fields.slice(1), field);
      return text === '' ? '' : `${this.segment}${field}${text}\r`;
    }
    const rest = joinTrimmed(this.#fields.slice(3), field);
    return `${this.segment}${printDelimiters(this.#delimiters)}${rest === '' ? '' : field + rest}\r`;
  }
}

/** A message under construction. MSH is there from the start. */
export class MessageBuilder {
  readonly delimiters: Delimiters;
  readonly #segments: SegmentBuilder[];

  constructor(delimiters: Delimiters = STANDARD_DELIMITERS) {
    this.delimiters = delimiters;
    this.#segments = [new SegmentBuilder('MSH', delimiters)];
  }

  /** Writes a text, escaped; a segment that is not there is added at the end. @throws WaybillError as `setRaw`. */
  set(path: Path | string, text: string): this {
    return this.setRaw(path, escaperFor(this.delimiters).escape(text));
  }

  /** Writes HL7 as it stands. @throws WaybillError HL7_DELIMITERS_FIXED, HL7_PATH_INVALID, HL7_DELIMITER_MISSING. */
  setRaw(path: Path | string, raw: string): this {
    const where = typeof path === 'string' ? parsePath(path) : path;
    this.#reach(where).setRaw(where, raw);
    return this;
  }

  /** Writes the explicit delete, `""`. */
  delete(path: Path | string): this {
    return this.setRaw(path, DELETE);
  }

  /** Adds a segment at the end and gives it back: paths set on it need no occurrence. */
  append(segment: string): SegmentBuilder {
    const added = new SegmentBuilder(segment, this.delimiters);
    this.#segments.push(added);
    return added;
  }

  /** The message as text. */
  print(): string {
    let text = '';
    for (const segment of this.#segments) text += segment.print();
    return text;
  }

  #reach(where: Path): SegmentBuilder {
    const same = this.#segments.filter((segment) => segment.segment === where.segment);
    const wanted = where.occurrence || 1;
    while (same.length < wanted) same.push(this.append(where.segment));
    return same[wanted - 1]!;
  }
}

/** Raw parts with a separator between them and none at the end: fields, repetitions, components or subcomponents. */
export function joinTrimmed(parts: readonly string[], separator: string): string {
  let last = parts.length;
  while (last > 0 && parts[last - 1] === '') last--;
  return last === parts.length ? parts.join(separator) : parts.slice(0, last).join(separator);
}
