/** HL7 v2 as what a transform reads: paths into one message, seen from the segments and repetitions that a foreach is at. */
import type { Item } from '../../engine/contracts/item.ts';
import { WaybillError } from '../../engine/errors.ts';
import { isHeader, STANDARD_DELIMITERS } from '../../hl7/delimiters.ts';
import { DELETE, escaperFor } from '../../hl7/escape.ts';
import { type Message, parseMessage, type SegmentView } from '../../hl7/parse.ts';
import { countRepetitions, rawField, rawPart } from '../../hl7/parts.ts';
import { type Path, parsePath, printPath } from '../../hl7/paths.ts';
import { recode } from './recode.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A segment that a foreach is at. */
interface SegmentLoop {
  readonly view: SegmentView;
  /** Its number among all segments, from 0, and of the first one that does not belong to it. */
  readonly at: number;
  readonly end: number;
}

/** A repetition of a field that a foreach is at. */
interface RepetitionLoop {
  readonly segment: string;
  readonly field: number;
  readonly number: number;
}

/** One message that came in. Lives for one run. */
export class Hl7Input {
  readonly message: Message;
  /** The message as it came. */
  readonly text: string;
  /** The item, with `path` seen from where a foreach is: for conditions. */
  readonly item: Item;
  readonly #unescape: (raw: string) => string;
  readonly #segments: SegmentLoop[] = [];
  readonly #repetitions: RepetitionLoop[] = [];
  #views: readonly SegmentView[] | undefined;

  /** @throws WaybillError HL7_NOT_A_MESSAGE, HL7_DELIMITERS_INVALID. */
  constructor(item: Item, text: string) {
    this.text = text;
    this.message = parseMessage(text);
    this.#unescape = escaperFor(this.message.delimiters).unescape;
    this.item = seenBy(item, (path) => this.#decoded(parsePath(path)));
  }

  /** The text at a path; empty where there is nothing, and where the message says "delete" (`""`). */
  get(path: Path): string {
    const raw = this.raw(path);
    return raw === DELETE ? '' : this.#decode(path, raw);
  }

  /** HL7 as it stands at a path, in the standard delimiters; empty where there is nothing. */
  copy(path: Path): string {
    return recode(this.raw(path), this.message.delimiters, STANDARD_DELIMITERS);
  }

  /** The text at a path as it stands in the message. */
  raw(path: Path): string {
    if (path.occurrence > 0) return this.message.raw(path) ?? '';
    const where = this.#repetitions.length === 0 ? path : { ...path, repetition: this.#repetitionOf(path) };
    const loop = this.#loopOf(path.segment);
    if (!loop || isHeader(path.segment)) return this.message.raw(where) ?? '';
    const { delimiters } = this.message;
    const field = rawField(loop.view.raw, path.segment, path.field, delimiters);
    return field === undefined ? '' : (rawPart(field, where, delimiters) ?? '');
  }

  /**
   * Goes over the segments of a name; `visit` gives `false` to end. Inside, paths without a number mean that segment, and
   * a foreach over other segments goes over those up to the next of this name or of one in `until`.
   * @returns `false` where a visit gave it
   */
  eachSegment(name: string, until: readonly string[], visit: () => boolean): boolean {
    const views = this.#all();
    const outer = this.#segments.at(-1);
    const end = outer?.end ?? views.length;
    const stops = [name, ...until];
    for (let at = outer ? outer.at + 1 : 0; at < end; at++) {
      const view = views[at]!;
      if (view.segment !== name) continue;
      let next = at + 1;
      while (next < end && !stops.includes(views[next]!.segment)) next++;
      this.#segments.push({ view, at, end: next });
      const goesOn = visit();
      this.#segments.pop();
      if (!goesOn) return false;
    }
    return true;
  }

  /** Goes over the repetitions of a field that are not empty, as `eachSegment` does over segments. */
  eachRepetition(path: Path, visit: () => boolean): boolean {
    const whole = { ...path, repetition: 0, component: 0, subcomponent: 0 };
    const count = countRepetitions(this.raw(whole), this.message.delimiters);
    for (let number = 1; number <= count; number++) {
      if (this.raw({ ...whole, repetition: number }) === '') continue;
      this.#repetitions.push({ segment: path.segment, field: path.field, number });
      const goesOn = visit();
      this.#repetitions.pop();
      if (!goesOn) return false;
    }
    return true;
  }

  /** Number, among all segments from 0, of the one of this name that a foreach is at; `undefined` where none is. */
  placeOf(segment: string): number | undefined {
    return this.#loopOf(segment)?.at;
  }

  /** A path with the number of the segment and of the repetition that a foreach is at, for lineage. */
  spelled(text: string): string {
    const path = pathOrNone(text);
    if (!path || path.occurrence > 0) return text;
    const occurrence = this.#loopOf(path.segment)?.view.occurrence ?? 0;
    return printPath({ ...path, occurrence, repetition: this.#repetitionOf(path) });
  }

  #decoded(path: Path): string {
    return this.#decode(path, this.raw(path));
  }

  /** The fields of the delimiters are no values. */
  #decode(path: Path, raw: string): string {
    return isHeader(path.segment) && path.field <= 2 ? raw : this.#unescape(raw);
  }

  #loopOf(segment: string): SegmentLoop | undefined {
    return this.#segments.findLast(({ view }) => view.segment === segment);
  }

  #repetitionOf({ segment, field, repetition }: Path): number {
    if (repetition > 0) return repetition;
    const loop = this.#repetitions.findLast((each) => each.segment === segment && each.field === field);
    return loop?.number ?? 0;
  }

  #all(): readonly SegmentView[] {
    this.#views ??= [...this.message.segments()];
    return this.#views;
  }
}

function seenBy(item: Item, path: (path: string) => string): Item {
  const { line, lastLine, fields, faults, values, bytes } = item;
  const typed: Item['typed'] = (index) => item.typed(index);
  const seen: Item = { line, lastLine, fields, faults, values, typed, date: (index) => item.date(index), path };
  return bytes === undefined ? seen : { ...seen, bytes };
}

/**
 * Opens an item as HL7.
 * @throws WaybillError HL7_NOT_A_MESSAGE, HL7_DELIMITERS_INVALID, or `DTL_ITEM_NOT_TEXT` where its bytes are not UTF-8.
 */
export function openHl7(item: Item): Hl7Input {
  return new Hl7Input(item, textOfItem(item));
}

/** The bytes of an item as text. @throws WaybillError `DTL_ITEM_NOT_TEXT` */
function textOfItem({ bytes, line }: Item): string {
  try {
    return utf8.decode(bytes ?? new Uint8Array(0));
  } catch (cause) {
    throw new WaybillError('DTL_ITEM_NOT_TEXT', 'the bytes of the item are not UTF-8', { line, cause });
  }
}

/**
 * Whether a message is of a structure such as `ADT_A01`: by MSH-9.3 where it is there, else by the message code in MSH-9.1
 * (HL7 v2.5.1, 2.16.9.9).
 */
export function isOfStructure(message: Message, structure: string): boolean {
  const own = message.get('MSH-9.3');
  return own === '' ? message.get('MSH-9.1') === structure.slice(0, 3) : own === structure;
}

function pathOrNone(text: string): Path | undefined {
  try {
    return parsePath(text);
  } catch {
    // A name of something else.
    return undefined;
  }
}
