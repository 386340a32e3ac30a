/** The shapes that a compiled transform is made of. Everything with a `Frame` in it runs once for each item. */
import type { DateParts, Fault, Item } from '../../engine/contracts/item.ts';
import type { KeyPath, Resources } from '../../engine/contracts/resources.ts';
import type { LineageLine, OutMessage, TransformContext } from '../../engine/contracts/transform.ts';
import type { Draft, SegmentDraft } from '../../hl7/layout.ts';
import type { DocumentDraft } from './document.ts';
import type { DtlCode } from './errors.ts';
import type { Hl7Input } from './hl7-input.ts';
import type { Hl7Copy } from './hl7-lines.ts';
import type { Problems } from './syntax.ts';
import type { Scalar } from './values.ts';

/** What is being made: HL7 from nothing, a copy of the HL7 that came in, or a document. Each target makes and knows its own. */
export type Output = Draft | Hl7Copy | DocumentDraft;

/** The state of one run: one item in, one message out. */
export interface Frame {
  readonly item: Item;
  readonly values: readonly string[];
  readonly context: TransformContext;
  /** Texts of the variables, each at its own index. */
  readonly variables: string[];
  readonly output: Output;
  /** The message that came in, where it is HL7. */
  readonly hl7: Hl7Input | undefined;
  /** The segment of a `Draft` that is being written. */
  current: SegmentDraft | undefined;
  faults: Fault[] | undefined;
  /** Where lineage is asked for. */
  readonly trace: LineageLine[] | undefined;
  /** Set by `drop`. */
  reason: string | undefined;
}

/** One action; `false` ends the run (the message is dropped). */
export type Step = (frame: Frame) => boolean;
export type Read = (frame: Frame) => string;
/** `undefined` is an empty value, or one that was reported as a fault. */
export type ReadDate = (frame: Frame) => DateParts | undefined;
/** A value as documents have it; `undefined` is an empty one, or one that was reported as a fault. */
export type ReadValue = (frame: Frame) => Scalar | readonly Scalar[] | undefined;
export type TextFunction = (text: string, frame: Frame) => string;

/** A compiled source. */
export interface Source {
  /** What `read` gives is written as it stands; otherwise the target escapes it. */
  readonly raw: boolean;
  /** The text, where it is the same for every item. */
  readonly constant: string | undefined;
  /** Index of the column whose text is taken as it is; -1 otherwise. */
  readonly column: number;
  readonly read: Read;
  /** A copy of a place in the message that came in, in that message's own delimiters. */
  readonly own?: Read;
  /** The value with its type, for documents; `undefined` where it is the text that `read` gives. */
  readonly value: ReadValue | undefined;
  /** Where the value comes from, for lineage: `last_name`, `table sex-to-hl7`, `constant`. */
  readonly origins: readonly string[];
  /** Columns of the record map, or paths of the item, among the origins: for faults. */
  readonly columns: readonly string[];
}

/** One line of a `set`: a source and where it goes. */
export interface SetLine {
  readonly target: string;
  readonly at: KeyPath;
  readonly source: Source;
}

/** An `append`, its keys read. */
export interface Append {
  /** The segment or the path. */
  readonly where: string;
  readonly lines: readonly SetLine[];
  /** A single value instead of lines; for documents. */
  readonly value: Source | undefined;
  /** Actions inside the new element; for documents. */
  readonly inner: Step | undefined;
}

/**
 * What a transform writes into: `hl7-target.ts`, `hl7-copy.ts`, `document-target.ts`. The compiler calls the actions while it
 * reads them, then `seal` once, before anything runs.
 */
export interface Target {
  readonly kind: 'hl7' | 'json';
  /** How a text becomes part of the output (escapes). */
  readonly encode: (text: string) => string;
  /** Number of the segment that is being written among those of its name; `undefined` where there are none. */
  readonly number: Read | undefined;
  set(lines: readonly SetLine[], at: KeyPath, scope: Scope): Step;
  append(append: Append, at: KeyPath, scope: Scope): Step;
  insert(segment: string, place: Place, lines: readonly SetLine[], at: KeyPath, scope: Scope): Step;
  remove(target: string, at: KeyPath, scope: Scope): Step;
  seal(): void;
  begin(context: TransformContext, hl7: Hl7Input | undefined): Output;
  finish(frame: Frame): OutMessage;
}

/** Before or after which segment another is inserted. */
export interface Place {
  readonly side: 'before' | 'after';
  readonly segment: string;
}

export interface Column {
  readonly name: string;
  readonly type: string;
}

/** A function in code, for `as: script(NAME)`. */
export type ScriptFunction = (text: string) => unknown;

/** What a transform reads from: rows of a record map, HL7, JSON, raw items; `none` for one that has parameters alone. */
export type InputKind = 'rows' | 'hl7' | 'json' | 'raw' | 'none';

/** What is the same for a whole program while it is compiled. */
export interface Compilation {
  readonly resources: Resources;
  readonly input: InputKind;
  /** Of the record map; none for items that are not rows. */
  readonly columns: readonly Column[];
  readonly target: Target;
  /** Functions in code by `NAME` or `NAME.export`; `undefined` while only checking. */
  readonly scripts: ReadonlyMap<string, ScriptFunction> | undefined;
  /** Number of variables so far. */
  variables: number;
}

/** What the actions at one place can see while they are compiled. */
export interface Scope {
  readonly compilation: Compilation;
  readonly problems: Problems;
  /** The file that the actions stand in: `transforms/dose-to-vxu.yaml`. */
  readonly file: string;
  /** The transforms that are being compiled, from the outermost to this one. */
  readonly stack: readonly string[];
  /** Variables by name, with their index in `Frame.variables`. */
  readonly variables: ReadonlyMap<string, number>;
}

/** Makes the item invalid in this entry. `columns`: where the value came from; one is named, several are listed. */
export function addFault(frame: Frame, code: DtlCode, columns: readonly string[], reason: string): void {
  const [only, ...others] = columns;
  const isOne = only !== undefined && others.length === 0;
  const place = isOne ? { column: frame.hl7?.spelled(only) ?? only } : {};
  frame.faults ??= [];
  frame.faults.push({ code, ...place, line: frame.item.line, reason });
}

/** A text that is the same for every item. */
export function constantSource(text: string, raw: boolean): Source {
  return {
    raw,
    constant: text,
    column: -1,
    read: () => text,
    value: undefined,
    origins: ['constant'],
    columns: [],
  };
}

/** A source that is read anew for each item; `value` where it is more than a text. */
export function madeSource(
  read: Read,
  origins: readonly string[],
  columns: readonly string[],
  value?: ReadValue,
): Source {
  return { raw: false, constant: undefined, column: -1, read, value, origins, columns };
}
