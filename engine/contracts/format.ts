import type { Whose } from '../errors.ts';
import type { ConfigurableDescription } from './adapter.ts';
import type { Fault, Item, ItemBlock } from './item.ts';
import type { ResourceKind, Resources } from './resources.ts';

/** A body at rest, read as often as needed. All offsets are bytes. */
export interface BodySource {
  /** Path of the file, for random access; the file is never changed by a format. */
  readonly path: string;
  readonly bytes: number;
  /** Reads from `start` (default 0) to the end in chunks; every chunk is a buffer of its own and never reused. */
  read(start?: number): AsyncIterable<Uint8Array>;
}

/** Where a scan may write a UTF-8 copy of a body in another charset. The engine flushes and renames it. */
export interface TranscodeSink {
  write(chunk: Uint8Array): Promise<void>;
}

/**
 * What a scan found out: framing is sound to the end of the input. Plain data; stored with the submission and handed back
 * to `read`, also after a restart.
 */
export interface Scan {
  /** Number of items that `read` will give, in all. */
  readonly items: number;
  /** Charset of the original (`utf-8`, `utf-16le`, `windows-1252`, ...). */
  readonly charset: string;
  /** True when the body that `read` gets is the transcoded copy; cursors and lines refer to that copy. */
  readonly transcoded: boolean;
  /** Offset and line count where the first item begins (after BOM and header). */
  readonly cursor: number;
  readonly lines: number;
  /** What else the format needs to go on: delimiter, header, ... */
  readonly details: Readonly<Record<string, unknown>>;
  /** The input's own counts do not hold: it is kept and nothing of it is sent until a person releases or cancels it. */
  readonly quarantine?: { readonly code: string; readonly reason: string; readonly line?: number };
}

export interface ScanContext {
  readonly signal: AbortSignal;
  /** Called at most once, when the input is not UTF-8. */
  transcode(): TranscodeSink;
}

/** Reads blocks of items one after the other; it holds a file open until `close`. */
export interface ItemReader {
  /** The next items, at most `maxItems` and stopping soon after `maxBytes` of source; `undefined` after the end. */
  next(maxItems: number, maxBytes: number): Promise<ItemBlock | undefined>;
  close(): Promise<void>;
}

/** Something that items can be looked up by. Only keyed digests of its values are kept. */
export interface SearchField {
  /** The column or path, as people name it. */
  readonly name: string;
  /** The value of an item, `''` where it has none. A name may stand twice, for two ways to write a value. */
  value(item: Item): string;
}

/** Facts a reader needs that are not in the bytes. */
export interface ReadContext {
  readonly signal: AbortSignal;
  /** Day of acceptance in the production's zone, `yyyy-MM-dd`: what `today` means in rules. */
  readonly today: string;
}

/** What stands around the messages of one batch. Stored with the batch, so that a retry is the same byte for byte. */
export interface BatchPlan {
  /** Batch id, unique and stable; the batch control id where the format writes one. */
  readonly id: string;
  /** Id of the batch that this one replaces (BHS-12), where there is one. */
  readonly replaces?: string;
  /** Time of planning, milliseconds since 1970, and the zone in which times are written. */
  readonly plannedAt: number;
  readonly timeZone: string;
  readonly count: number;
}

/** One acknowledgement inside an answer. */
export interface Acknowledgement {
  /** The message's control id that it names (MSA-2); empty when it names none. */
  readonly controlId: string;
  /** The code as the receiver gave it (AA, AE, ...). */
  readonly code: string;
  readonly accepted: boolean;
  /** The code says neither yes nor no: it is none that the format knows. The message is in doubt; `accepted` is not asked. */
  readonly unclear?: true;
  /** Whose fault a refusal with this code is; absent: the data's. */
  readonly whose?: Whose;
  /** The receiver's words, for people; may be empty. At most a few hundred characters. */
  readonly words: string;
}

/** An answer as the format understands it. */
export interface AnswerRead {
  readonly acknowledgements: readonly Acknowledgement[];
  /** Counts of the answer's own envelope that do not hold, as a sentence; it may have been cut. Part of `warning` too. */
  readonly counts?: string;
  /** Counts or references in the answer's own envelope that do not hold, as a sentence; shown as a warning. */
  readonly warning?: string;
}

export interface Format {
  /** Names of the columns that conditions and transforms may use, in the order of `Item.values`; empty for other formats. */
  readonly columns?: readonly string[];
  /**
   * Checks charset, framing and header to the end of the input, counts the items.
   * @throws RefusedError with line and column where the input as a whole cannot be taken.
   */
  scan?(source: BodySource, context: ScanContext): Promise<Scan>;
  /** Reads items from a cursor on. `source` is the transcoded copy where the scan made one. */
  read?(
    source: BodySource,
    scan: Scan,
    from: { cursor: number; lines: number },
    context: ReadContext,
  ): Promise<ItemReader>;
  /**
   * The key of a valid item among which the submission's valid items must be unique, or `undefined` where no rule asks.
   * The engine keeps keyed digests of it and makes a later item with the same key invalid with `uniqueFault`.
   */
  uniqueKey?(values: readonly string[]): string | undefined;
  uniqueFaults?(line: number): readonly Fault[];
  /** For items that are rows: how a person edits one. */
  readonly rows?: {
    /** Place in `Item.fields` of what a person calls by this name; `undefined` where the input has no such column. */
    place(scan: Scan, name: string): number | undefined;
    /** The item that these fields would be, checked as `read` checks it. `today`: as in `ReadContext`. */
    item(scan: Scan, fields: readonly string[], lines: Pick<Item, 'line' | 'lastLine'>, today: string): Item;
  };
  /** What items can be looked up by; absent: nothing. */
  readonly searchable?: readonly SearchField[];
  /**
   * Opens the check that a route with `validate` asks for: what is wrong with an item by the standard of its format, each
   * fault with its path in `column`. May load a dictionary, so it is asked for once for each route.
   */
  validator?(): Promise<(item: Item) => readonly Fault[]>;
  /** What is wrong with a path into an item (`Item.path`), as a sentence; absent: any path will do. For checking conditions. */
  pathProblem?(path: string): string | undefined;
  /** The bytes before, between and after the messages of a batch, as chunks; constant memory. */
  write?(plan: BatchPlan, messages: Iterable<Uint8Array>): Iterable<Uint8Array>;
  /** Number of bytes that `write` adds to the messages' own. */
  overhead?(plan: BatchPlan): number;
  /**
   * Understands an answer to what `write` made.
   * @throws WaybillError `ANSWER_NOT_UNDERSTOOD` where it cannot be read as a whole.
   */
  answers?(answer: string): AnswerRead;
}

export interface FormatContext {
  readonly resources: Resources;
}

export interface FormatDefinition<C = unknown> extends ConfigurableDescription {
  readonly kind: 'format';
  /** Kinds of files in the production's folder that belong to this format (record maps). */
  readonly resources?: readonly ResourceKind[];
  /** Word under `from` of the transforms that are written for its items, where these are no rows: `hl7`, `json`, `raw`. */
  readonly gives?: string;
  open(config: C, context: FormatContext): Format;
}

export function defineFormat<C>(definition: Omit<FormatDefinition<C>, 'kind'>): FormatDefinition<C> {
  return { kind: 'format', ...definition };
}
