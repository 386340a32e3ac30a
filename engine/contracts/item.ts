/** Items and what is wrong with them: what a format reads and a transform works on. */

/** One thing wrong with one item. The reason names the rule, never the value. */
export interface Fault {
  /** Stable code, such as `NOT_IN_TABLE`. */
  readonly code: string;
  /** Column of the record map or of the header at fault; absent when no single one is. */
  readonly column?: string;
  /** Physical line of the source where the fault is, from 1; the item's first line unless the format knows better. */
  readonly line: number;
  /** A sentence for people: what was expected. */
  readonly reason: string;
}

/** A typed value, as CEL and documents see it. */
export type TypedValue = string | number | bigint | boolean | Date | null;

/**
 * A date or time as written, without a guess about its zone. Missing parts are 0 (month and day: 1); `offset` is minutes
 * east of UTC where the text said so.
 */
export interface DateParts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
  readonly offset: number | undefined;
}

/** The smallest part of a submission with an outcome of its own. */
export interface Item {
  /** First and last physical line in the (transcoded) source, from 1. */
  readonly line: number;
  readonly lastLine: number;
  /** The row's fields as read, in the order of the file, for `rejected.csv`; empty for formats without fields. */
  readonly fields: readonly string[];
  /** Faults of the record map: any makes the item invalid in every entry. */
  readonly faults: readonly Fault[];
  /** Text of each column of the record map, in its order: trimmed, defaulted, `''` where there is none. */
  readonly values: readonly string[];
  /** Typed value of the column with this index, `null` where it is empty. Made when asked for. */
  typed(index: number): TypedValue;
  /** The parts of a `date` or `dateTime` column as its formats read them; `undefined` for other columns and empty values. */
  date(index: number): DateParts | undefined;
  /** Id of the rejected row that it corrects, as it came back with it (`waybill_id`); absent where it came with none. */
  readonly corrects?: string;
  /** The item's bytes, for formats whose items are not rows (hl7-batch, raw): what an entry without a transform sends. */
  readonly bytes?: Uint8Array;
  /** What an answer would name the item by, where it is sent as it came (MSH-10); empty where it has none. */
  readonly controlId?: string;
  /** The decoded text at a path of the item (`PID-5.1`, `patient.name`), `''` where there is none; for items that are not rows. */
  readonly path?: (path: string) => string;
}

/** A run of consecutive items. `cursor` is the byte offset in the (transcoded) source just after the last of them. */
export interface ItemBlock {
  readonly items: readonly Item[];
  readonly cursor: number;
  /** Number of physical lines before `cursor`. */
  readonly lines: number;
  /** True when the source ends here. */
  readonly end: boolean;
}
