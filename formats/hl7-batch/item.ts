/** One message of a file as an item. */
import type { DateParts, Fault, TypedValue } from '../../engine/contracts/item.ts';
import { WaybillError } from '../../engine/errors.ts';
import { controlIdOf } from '../../hl7/control-id.ts';
import { delimitersOf } from '../../hl7/delimiters.ts';
import { type MessageShape, shapeOf, withCrEnds } from '../../hl7/lines.ts';
import { type Message, parseMessage } from '../../hl7/parse.ts';
import type { PlacedItem } from '../text/reader.ts';

const NOTHING: readonly string[] = Object.freeze([]);
const NO_FAULTS: readonly Fault[] = Object.freeze([]);
/** What MSH-18 says in a message that came in another charset: what is sent on is UTF-8. */
const UTF_8 = 'UNICODE UTF-8';

/** Where a message lies in the source that is read: bytes, and physical lines before it. */
export interface MessagePlace {
  readonly offset: number;
  /** Line of its MSH, from 1. */
  readonly line: number;
}

/** A message. It is parsed when something of it is asked for. */
export class Hl7Item implements PlacedItem {
  readonly line: number;
  readonly lastLine: number;
  readonly fields = NOTHING;
  readonly values = NOTHING;
  readonly faults: readonly Fault[];
  readonly controlId: string;
  readonly offset: number;
  /** Offset just after the message and the blank lines behind it. */
  readonly cursor: number;
  /** Physical lines before `cursor`. */
  readonly linesAfter: number;
  readonly #source: Uint8Array;
  readonly #shape: MessageShape;
  readonly #isCopy: boolean;
  #message: Message | undefined;
  #bytes: Uint8Array | undefined;

  /**
   * @param source UTF-8 from MSH to what is no longer of the message
   * @param isCopy true where the file came in another charset
   */
  constructor(source: Uint8Array, place: MessagePlace, isCopy: boolean) {
    this.#source = source;
    this.#shape = shapeOf(source);
    this.#isCopy = isCopy;
    this.line = place.line;
    this.lastLine = place.line + this.#shape.lastLine - 1;
    this.offset = place.offset;
    this.cursor = place.offset + source.length;
    this.linesAfter = place.line - 1 + this.#shape.lines;
    this.faults = faultsOf(source, this.#shape, place.line);
    this.controlId = this.faults.length === 0 ? controlIdOf(source) : '';
  }

  /**
   * The message as it is sent on: UTF-8, every segment ends with CR, no blank lines. These are the file's own bytes where it
   * has them so. In a message that came in another charset MSH-18 says UNICODE UTF-8.
   */
  get bytes(): Uint8Array {
    this.#bytes ??= this.#toSend();
    return this.#bytes;
  }

  /** The text as the file has it: line ends, blank lines and MSH-18 too. */
  get text(): string {
    return textOf(this.#source);
  }

  readonly path = (path: string): string => this.message.get(path);

  /** @throws WaybillError HL7_DELIMITERS_INVALID where `faults` says so. */
  get message(): Message {
    this.#message ??= parseMessage(this.text);
    return this.#message;
  }

  typed(): TypedValue {
    return null;
  }

  date(): DateParts | undefined {
    return undefined;
  }

  #toSend(): Uint8Array {
    const bytes = withCrEnds(this.#source, this.#shape);
    if (!this.#isCopy || this.faults.length > 0) return bytes;
    const message = parseMessage(textOf(bytes));
    if (message.raw('MSH-18') === UTF_8) return bytes;
    message.setRaw('MSH-18', UTF_8);
    return Buffer.from(message.print());
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function faultsOf(source: Uint8Array, shape: MessageShape, line: number): readonly Fault[] {
  const faults: Fault[] = shape.broken.map((at) => ({
    code: 'HL7_LINE_NOT_SEGMENT',
    line: line + at - 1,
    reason: 'every line must begin with the name of a segment and the field separator',
  }));
  try {
    delimitersOf(textOf(source.subarray(0, 32)));
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    faults.push({ code: error.code, column: 'MSH-2', line, reason: error.message });
  }
  return faults.length === 0 ? NO_FAULTS : faults;
}
