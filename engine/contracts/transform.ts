import type { AdapterDescription } from './adapter.ts';
import type { Fault, Item } from './item.ts';
import type { ResourceKind, Resources } from './resources.ts';

/** What a transform may know beside the item. Frozen; the only clock is `acceptedAt`. */
export interface TransformContext {
  /** Id of the message to be made, stable over retries and restarts: `7kq2-15-217`. */
  readonly messageId: string;
  /** When the submission was accepted, milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly submission: {
    readonly id: string;
    readonly name: string;
    readonly service: string;
    /** Of an upload's part: its content type, the name of the part, the receipt of the upload. */
    readonly contentType?: string;
    readonly part?: string;
    readonly receipt?: string;
  };
  /** Text fields that came with an upload. */
  readonly fields: Readonly<Record<string, string>>;
  readonly partner: string;
  /** Charset in which the destination wants its messages (`utf-8`, `us-ascii`, ...): what MSH-18 says unless it is set. */
  readonly charset: string;
}

/** A message made by a transform. */
export interface OutMessage {
  readonly text: string;
  /** The message as bytes, where it is not text; `text` is then empty. */
  readonly bytes?: Uint8Array;
  /** What an answer will name it by (MSH-10); unique within a batch. Empty for messages without one. */
  readonly controlId: string;
}

export type TransformResult =
  | { readonly kind: 'message'; readonly message: OutMessage }
  /** The item is invalid in this entry. */
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] }
  /** Dropped on purpose (filtered), with the reason. */
  | { readonly kind: 'dropped'; readonly reason: string };

/** One line of lineage: this target was written from these sources by this action. */
export interface LineageLine {
  /** `PID-5.1` or a document path. */
  readonly target: string;
  /** `last_name`, `values.facility`, `table sex-to-hl7`, `constant`, ... */
  readonly sources: readonly string[];
  /** File and key path of the action: `transforms/dose-to-vxu.yaml actions[0].set.PID-5.1`. */
  readonly action: string;
}

/** A compiled transform: a pure function of item and context. Holds no state between items. */
export interface TransformProgram {
  /** @throws WaybillError naming file, action, item's line and column; never a value. */
  run(item: Item, context: TransformContext): TransformResult;
  /** The same with lineage of what was written, for `trace` and `transform`; slow. */
  explain(
    item: Item,
    context: TransformContext,
  ): { readonly result: TransformResult; readonly lineage: readonly LineageLine[] };
}

/** A compiled condition over an item (CEL). */
export type Condition = (item: Item, context: TransformContext) => boolean;

export interface TransformCompiler {
  /** Compiles `name` (`Resources.files.transforms[name]`). @throws WaybillError where it cannot. */
  compile(name: string, resources: Resources): TransformProgram | Promise<TransformProgram>;
}

export interface TransformDefinition extends TransformCompiler, AdapterDescription {
  readonly kind: 'transform';
  /** `dtl` or `script`: the language. */
  readonly name: string;
  readonly resources: readonly ResourceKind[];
}

export function defineTransform(definition: Omit<TransformDefinition, 'kind'>): TransformDefinition {
  return { kind: 'transform', ...definition };
}
