/** The shapes that a compiled transform is made of. Everything with a `Frame` in it runs once for each item. */
import type { DateParts, Fault, Item } from '../../engine/contracts/item.ts';
import type { KeyPath, Resources } from '../../engine/contracts/resources.ts';
import type { LineageLine, TransformContext } from '../../engine/contracts/transform.ts';
import type { Draft, SegmentDraft } from '../../hl7/layout.ts';
import type { DtlCode } from './errors.ts';
import type { Problems } from './syntax.ts';

/** The state of one run: one item in, one message out. */
export interface Frame {
  readonly item: Item;
  readonly values: readonly string[];
  readonly context: TransformContext;
  /** Texts of the variables, each at its own index. */
  readonly variables: string[];
  /** The message that is being made. */
  readonly message: Draft;
  /** The segment that is being written. */
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
  /** Where the value comes from, for lineage: `last_name`, `table sex-to-hl7`, `constant`. */
  readonly origins: readonly string[];
  /** Columns of the record map among the origins, for faults. */
  readonly columns: readonly string[];
}

/** One line of a `set`: a source and where it goes. */
export interface SetLine {
  readonly target: string;
  readonly at: KeyPath;
  readonly source: Source;
}

/**
 * What a transform writes into. HL7 is built by `hl7-target.ts`; documents will be another file with the same shape. The
 * compiler calls the first four while it reads the actions, then `seal` once, before anything runs.
 */
export interface Target {
  /** How a text becomes part of the output (escapes). */
  readonly encode: (text: string) => string;
  set(lines: readonly SetLine[], at: KeyPath, scope: Scope): Step;
  append(segment: string, lines: readonly SetLine[], at: KeyPath, scope: Scope): Step;
  insert(segment: string, place: Place, lines: readonly SetLine[], at: KeyPath, scope: Scope): Step;
  remove(target: string, at: KeyPath, scope: Scope): Step;
  seal(): void;
  begin(context: TransformContext): Draft;
  finish(frame: Frame): { readonly text: string; readonly controlId: string };
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

/** What is the same for a whole program while it is compiled. */
export interface Compilation {
  readonly resources: Resources;
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
  const place = only !== undefined && others.length === 0 ? { column: only } : {};
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
    origins: ['constant'],
    columns: [],
  };
}

/** A source that is read anew for each item. */
export function madeSource(read: Read, origins: readonly string[], columns: readonly string[]): Source {
  return { raw: false, constant: undefined, column: -1, read, origins, columns };
}
