/** A copy of a message that actions change. What they do not touch prints byte for byte. */
import type { Delimiters } from '../../hl7/delimiters.ts';
import type { Message } from '../../hl7/parse.ts';
import { rawField, rawPart, trimEnd, withField, withPart } from '../../hl7/parts.ts';
import type { Path } from '../../hl7/paths.ts';

/** One line: a segment, or with an empty name a blank line or something else that is no segment. */
export interface CopyLine {
  readonly segment: string;
  text: string;
  /** CR, LF, CRLF; or nothing at the end of the message. */
  end: string;
  /** Put there by an action: left out while nothing is in it. */
  readonly added: boolean;
}

const SEGMENT_NAME = /^[A-Z][A-Z0-9]{2}$/;
const BEFORE = /^\uFEFF?[\r\n]*/;

/** A message as lines. */
export class Hl7Copy {
  readonly delimiters: Delimiters;
  readonly #before: string;
  readonly #lines: CopyLine[] = [];
  /** Segments as they came, by their number in the message. */
  readonly #original: readonly CopyLine[];
  readonly #end: string;
  /** The segment that is being written, for its number. */
  current: CopyLine | undefined;

  /** `message` says the delimiters of `text`. */
  constructor(text: string, message: Message) {
    this.delimiters = message.delimiters;
    this.#before = BEFORE.exec(text)?.[0] ?? '';
    for (const match of text.slice(this.#before.length).matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g)) {
      const [whole, line = '', end = ''] = match;
      if (whole !== '') this.#lines.push({ segment: segmentOf(line, this.delimiters), text: line, end, added: false });
    }
    this.#original = this.#lines.filter(({ segment }) => segment !== '');
    this.#end = this.#lines[0]?.end || '\r';
  }

  /** The segments of a name, in the order of the message. */
  segments(name: string): readonly CopyLine[] {
    return this.#lines.filter(({ segment }) => segment === name);
  }

  /** The segment that had this number in the message as it came, from 0; `undefined` where it was taken out. */
  original(number: number): CopyLine | undefined {
    const line = this.#original[number];
    return line && this.#lines.includes(line) ? line : undefined;
  }

  /** Adds a segment before another, or after the last one. */
  add(name: string, before: CopyLine | undefined): CopyLine {
    const line: CopyLine = { segment: name, text: name, end: this.#end, added: true };
    const last = this.#lines.findLastIndex(({ segment }) => segment !== '');
    const at = before ? this.#lines.indexOf(before) : last + 1;
    const previous = this.#lines[at - 1];
    if (previous && previous.end === '') previous.end = this.#end;
    this.#lines.splice(at, 0, line);
    return line;
  }

  /** The segment after this one; `undefined` after the last. */
  next(line: CopyLine): CopyLine | undefined {
    return this.#lines.slice(this.#lines.indexOf(line) + 1).find(({ segment }) => segment !== '');
  }

  remove(line: CopyLine): void {
    const at = this.#lines.indexOf(line);
    if (at >= 0) this.#lines.splice(at, 1);
  }

  /** Writes HL7 in the delimiters of this message. @throws WaybillError HL7_DELIMITERS_FIXED, HL7_DELIMITER_MISSING. */
  setRaw(line: CopyLine, path: Path, raw: string): void {
    if (raw === this.raw(line, path)) return;
    const field = rawField(line.text, line.segment, path.field, this.delimiters) ?? '';
    const changed = withPart(field, path, raw, this.delimiters);
    line.text = withField(line.text, line.segment, path.field, changed, this.delimiters);
  }

  /** What stands in a segment at a path; empty where there is nothing. */
  raw(line: CopyLine, path: Path): string {
    const field = rawField(line.text, line.segment, path.field, this.delimiters);
    return field === undefined ? '' : (rawPart(field, path, this.delimiters) ?? '');
  }

  /** The message as text. */
  print(): string {
    let text = this.#before;
    for (const line of this.#lines) if (!isEmpty(line, this.delimiters)) text += line.text + line.end;
    return text;
  }
}

/** An added segment without a value. */
function isEmpty({ added, segment, text }: CopyLine, delimiters: Delimiters): boolean {
  return added && trimEnd(text, delimiters.field) === segment;
}

function segmentOf(line: string, { field }: Delimiters): string {
  const name = line.slice(0, 3);
  if (line.length > 3 && line.charAt(3) !== field) return '';
  return SEGMENT_NAME.test(name) ? name : '';
}
