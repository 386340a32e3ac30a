import type { SubmissionState } from '../states.ts';
import type { ConfigurableDescription } from './adapter.ts';
import type { Fault } from './item.ts';
import type { Listener } from './listener.ts';
import type { Clock, Logger } from './runtime.ts';

/** A format with its settings, as configuration names it: `{ type: csv, recordMap: doses }`. */
export interface FormatReference {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** How an input is to be read and where it goes. */
export interface Rule {
  readonly format: FormatReference;
  readonly route: string;
}

/** What becomes of the same content coming again. */
export interface DuplicatePolicy {
  /** Window in milliseconds. */
  readonly within: number;
  /** `report`: it is not accepted again, the earlier submission is named; `accept`: it is a submission like any other. */
  readonly then: 'report' | 'accept';
}

export interface AcceptRequest {
  readonly body: AsyncIterable<Uint8Array>;
  /** The sender's name for it. Data, never a path. */
  readonly name: string;
  readonly contentType?: string;
  readonly rule: Rule;
  readonly duplicates: DuplicatePolicy;
  /** Accept in spite of an earlier submission with the same content (`submit --again`). */
  readonly again?: boolean;
  /** Unique id of the claim under which the input is held, where the service holds one; unique in the store. */
  readonly claim?: string;
  /** Called after the last byte is read and before the commit; throwing throws the body away. */
  readonly confirm?: () => Promise<void>;
  readonly fields?: Readonly<Record<string, string>>;
  readonly partner?: string;
}

export type Accepted =
  | { readonly kind: 'stored'; readonly id: string }
  /** The same content is here already; `id` is the earlier submission. Nothing was kept of this one. */
  | { readonly kind: 'duplicate'; readonly id: string };

/** One file part of an upload, as it comes in. */
export interface UploadPart {
  /** Decoded content. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Name of the part in its form. */
  readonly part: string;
  /** The sender's name for the file. Data, never a path. */
  readonly name: string;
  readonly contentType: string;
  readonly rule: Rule;
}

/** What holds for all parts of an upload, known when its last byte is read. */
export interface UploadFacts {
  readonly partner: string;
  /** Text fields of the form: metadata of every submission of the upload. */
  readonly fields: Readonly<Record<string, string>>;
  /** The sender's Idempotency-Key: unique for the service and partner, as long as the receipt is kept. */
  readonly key?: string;
  readonly duplicates: DuplicatePolicy;
}

export type Uploaded =
  | { readonly kind: 'stored'; readonly receipt: string }
  /** The same parts (name, file name, type, bytes, in this order) are here already, by key or in the window; nothing was kept. */
  | { readonly kind: 'duplicate'; readonly receipt: string }
  /** The key stands for an upload with other content; nothing was kept. */
  | { readonly kind: 'keyTaken'; readonly receipt: string };

/** An upload on its way in: nothing of it is visible before `commit` resolves. */
export interface Upload {
  /** Streams a part to disk, flushed and hashed. Parts come one after the other. @throws as `ServiceContext.accept`. */
  part(part: UploadPart): Promise<void>;
  /** One commit makes the receipt and a submission for each part. @throws errors of the store: nothing was kept. */
  commit(facts: UploadFacts): Promise<Uploaded>;
  /** Throws everything away that was not committed. Harmless after a commit. */
  discard(): Promise<void>;
}

/** What a sender got for one upload. */
export interface ReceiptView {
  readonly id: string;
  readonly service: string;
  readonly partner: string;
  readonly acceptedAt: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly submissions: readonly (SubmissionView & { readonly part: string; readonly contentType: string })[];
}

/** A submission as services and people see it. */
export interface SubmissionView {
  readonly id: string;
  readonly service: string;
  readonly name: string;
  readonly state: SubmissionState;
  readonly acceptedAt: number;
  readonly bytes: number;
  /** SHA-256 of the content, hexadecimal. */
  readonly hash: string;
  readonly claim?: string;
  /** Number of items, once scanned. */
  readonly items?: number;
  /** What the format found: delimiter, header, charset. */
  readonly scan?: Readonly<Record<string, unknown>>;
  /** Why it was refused, or is in quarantine. */
  readonly refusal?: {
    readonly code: string;
    readonly reason: string;
    readonly line?: number;
    readonly column?: number;
  };
  /** True when every message of it is settled (also when refused or cancelled). */
  readonly settled: boolean;
  /** Number of items that are invalid, whole or in some entry. */
  readonly rejectedItems: number;
  /** Since when its input, messages and rejected rows are purged, where they are. */
  readonly bodiesPurgedAt?: number;
}

/** A rejected item with everything that is wrong with it. */
export interface RejectedItem {
  /** `7kq2-15-217`: submission and item. */
  readonly waybillId: string;
  readonly line: number;
  readonly fields: readonly string[];
  readonly faults: readonly (Fault & { readonly entry?: string })[];
}

/** How far the service has got with telling its sender. Kept in the store, apart from the submission's state. */
export type ServiceProgress = 'open' | 'moved' | 'closed';

export interface ServiceContext<C> {
  readonly name: string;
  /** Frozen. */
  readonly config: C;
  /** Folder of the production: relative paths in the config begin there. */
  readonly folder: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /**
   * Takes an input in: when it resolves with `stored`, the input is on disk and committed.
   * @throws RefusedError (not taken, with the reason) or any error of the disk: nothing was kept, try again later.
   */
  accept(request: AcceptRequest): Promise<Accepted>;
  /** Begins an upload whose parts become submissions under one receipt. */
  upload(): Upload;
  /** A receipt of any service of the production; `undefined` for an id that is none. */
  receipt(id: string): Promise<ReceiptView | undefined>;
  /** The listener of the production, for services that say `listens`. */
  readonly listener?: Listener;
  /** The submission accepted under this claim, if any. */
  findClaim(claim: string): Promise<SubmissionView | undefined>;
  submission(id: string): Promise<SubmissionView | undefined>;
  /** This service's submissions that are not yet `closed`, in order of acceptance. */
  unfinished(): Promise<readonly (SubmissionView & { readonly progress: ServiceProgress })[]>;
  /** Records how far the service has got, durably. */
  progress(id: string, progress: ServiceProgress): Promise<void>;
  /** Tells of each submission of this service that was routed, refused, cancelled, or settled; may tell twice. */
  onChange(listener: (id: string) => void): void;
  /** The rejected items of a routed submission, in the order of the file; constant memory. */
  rejected(id: string): AsyncIterable<RejectedItem>;
  /** What became of it, as data for people: counts by entry and state, times, reasons. */
  report(id: string): Promise<Readonly<Record<string, unknown>>>;
}

export interface ServiceHandle {
  /** Stops taking in; resolves when what was begun is finished or given back. */
  stop(): Promise<void>;
}

export interface ServiceDefinition<C = unknown> extends ConfigurableDescription {
  readonly kind: 'service';
  /** True for services that need the production's `listen`. */
  readonly listens?: boolean;
  /** Every rule in the config with the key path to it, so that `check` can follow formats and routes. */
  rules(config: C): readonly { readonly rule: Rule; readonly path: readonly (string | number)[] }[];
  /** The rule for an input of this name (`waybill submit`), or `undefined` if none fits; and the duplicate policy. */
  match(config: C, name: string): { readonly rule: Rule; readonly duplicates: DuplicatePolicy } | undefined;
  /** Problems that the schema cannot see; looks at folders and permissions, changes nothing. */
  probe?(
    config: C,
    folder: string,
  ): Promise<
    readonly {
      readonly path: readonly (string | number)[];
      readonly code: string;
      readonly found: string;
      readonly expected: string;
      readonly cure: string;
    }[]
  >;
  start(context: ServiceContext<C>): Promise<ServiceHandle>;
}

export function defineService<C>(definition: Omit<ServiceDefinition<C>, 'kind'>): ServiceDefinition<C> {
  return { kind: 'service', ...definition };
}
