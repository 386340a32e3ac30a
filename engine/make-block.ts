import { type KeptReject, MessagePacker, packLines, packRejects } from './blocks.ts';
import type { Fault, Item, ItemBlock } from './contracts/item.ts';
import type { Correction, CorrectionVerdict, NewBlock, NewBodyBlock } from './contracts/store.ts';
import type { TransformContext } from './contracts/transform.ts';
import { type Corrections, verdictFault } from './corrections.ts';
import { messageId } from './ids.ts';
import type { LaneChoice } from './key-lanes.ts';
import { type EntryProgram, type EntryResult, type RouteProgram, runEntry, thrownFault } from './route-program.ts';
import { SearchCollector, type SearchDigests } from './search-fields.ts';
import type { MessageState } from './states.ts';
import type { UniqueKeys } from './unique-keys.ts';

/** What stays the same for all blocks of a submission. */
export interface BlockMaker {
  readonly instance: string;
  readonly submission: number;
  readonly route: RouteProgram;
  readonly context: Omit<TransformContext, 'messageId' | 'charset'>;
  readonly keys: UniqueKeys;
  /** Items that ended the worker twice are not run again; they become *failed*. */
  readonly failItem: number | undefined;
  /** Made once by `bodiesOf` and used for block after block. */
  readonly bodies: readonly BodyInMaking[];
  /** Digests of what items can be looked up by; only used where the route has such fields. */
  readonly search?: SearchDigests;
}

/** Room to begin with for the messages of one lane of many; it grows. */
const LANE_BYTES = 64 * 1024;

type RejectFault = KeptReject['faults'][number];

/** Messages of the entries that go to one destination, while a block is made. */
export interface BodyInMaking {
  readonly destination: string;
  readonly entries: readonly { readonly index: number; readonly program: EntryProgram }[];
  /** Chooses the lane of an item, where the destination keeps order by a key. */
  readonly laneOf: LaneChoice | undefined;
  /** The body blocks, by lane; a destination without lanes by a key has one, of lane 0, with every item. */
  readonly lanes: Map<number, LaneInMaking>;
}

interface LaneInMaking {
  readonly packer: MessagePacker;
  readonly exceptions: { position: number; state: MessageState }[];
  /** Positions in the block of the items that are here. */
  readonly items: number[];
}

/**
 * Collects what becomes of the items of one block: bodies, ledger exceptions, rejected rows, digests of unique keys. Items
 * are given a few at a time and not kept.
 */
export class BlockBuilder {
  readonly #maker: BlockMaker;
  readonly #block: number;
  readonly #firstItem: number;
  readonly #rejects: KeptReject[] = [];
  readonly #digests: Buffer[] = [];
  readonly #lines: number[] = [];
  readonly #corrections: Correction[] = [];
  readonly #search: SearchCollector | undefined;
  #cursor = 0;
  #linesBefore = 0;

  /** @param firstItem number of the block's first item, from 1 in the submission */
  constructor(maker: BlockMaker, block: number, firstItem: number) {
    this.#maker = maker;
    this.#block = block;
    this.#firstItem = firstItem;
    const { search, route } = maker;
    this.#search = search && route.search?.length ? new SearchCollector(search, route.search) : undefined;
    for (const { lanes } of maker.bodies) {
      for (const lane of lanes.values()) {
        lane.packer.reset();
        lane.exceptions.length = 0;
        lane.items.length = 0;
      }
    }
  }

  /** Items taken so far. */
  get items(): number {
    return this.#lines.length / 2;
  }

  /**
   * Validates, filters and transforms these items.
   * @param verdicts what the ledger says of items that correct earlier ones
   */
  add(items: ItemBlock, verdicts?: Corrections): void {
    for (const item of items.items) {
      const number = this.#firstItem + this.items;
      const verdict = verdicts?.get(item);
      const faults = routeItem(this.#maker, item, number, this.items, this.#digests, verdict);
      if (verdict?.kind === 'replaces')
        this.#corrections.push({ position: this.items, submission: verdict.submission, item: verdict.item });
      this.#search?.add(item);
      if (faults.length > 0) this.#rejects.push({ item: number, line: item.line, fields: item.fields, faults });
      this.#lines.push(item.line, item.lastLine);
    }
    this.#cursor = items.cursor;
    this.#linesBefore = items.lines;
  }

  finish(): NewBlock {
    const rejects = this.#rejects;
    return {
      submission: this.#maker.submission,
      block: this.#block,
      firstItem: this.#firstItem,
      items: this.items,
      firstLine: this.#lines[0] ?? 0,
      lastLine: this.#lines.at(-1) ?? 0,
      cursor: this.#cursor,
      lines: this.#linesBefore,
      itemLines: packLines(this.#lines),
      rejects: rejects.length > 0 ? packRejects(rejects) : undefined,
      rejectedItems: rejects.length,
      uniqueKeys: this.#digests.length > 0 ? new Uint8Array(Buffer.concat(this.#digests)) : undefined,
      ...(this.#corrections.length > 0 ? { corrections: this.#corrections } : {}),
      ...(this.#search ? { search: this.#search.finish() } : {}),
      bodies: this.#maker.bodies.flatMap(finishBody),
    };
  }
}

/** One collection of messages for each destination of a route. @param laneOf of the destinations with lanes by a key */
export function bodiesOf(
  entries: readonly EntryProgram[],
  laneOf: (destination: string) => LaneChoice | undefined,
): BodyInMaking[] {
  const groups = new Map<string, { index: number; program: EntryProgram }[]>();
  entries.forEach((program, index) => {
    const group = groups.get(program.destination) ?? [];
    group.push({ index, program });
    groups.set(program.destination, group);
  });
  return [...groups].map(([destination, group]) => ({
    destination,
    entries: group,
    laneOf: laneOf(destination),
    lanes: new Map(),
  }));
}

function finishBody({ destination, entries, laneOf, lanes }: BodyInMaking): NewBodyBlock[] {
  return [...lanes]
    .filter(([, { items }]) => items.length > 0)
    .map(([lane, { packer, exceptions, items }]) => ({
      destination,
      lane,
      items: laneOf ? [...items] : undefined,
      entries: entries.map(({ index }) => index),
      bytes: packer.bytes,
      body: packer.pack(),
      exceptions: [...exceptions],
    }));
}

/** Where the messages of an item go: the body block of its lane, and the item's place in it. */
function laneFor({ laneOf, lanes }: BodyInMaking, item: Item, index: number): { lane: LaneInMaking; place: number } {
  const number = laneOf ? laneOf(item) : 0;
  let lane = lanes.get(number);
  if (!lane) {
    lane = { packer: new MessagePacker(laneOf ? LANE_BYTES : undefined), exceptions: [], items: [] };
    lanes.set(number, lane);
  }
  const place = lane.items.length;
  lane.items.push(index);
  return { lane, place };
}

/** Gives what is wrong with the item, of the record map or of single entries. */
function routeItem(
  maker: BlockMaker,
  item: Item,
  number: number,
  index: number,
  digests: Buffer[],
  verdict: CorrectionVerdict | undefined,
): RejectFault[] {
  const { bodies } = maker;
  if (number === maker.failItem) {
    leaveOut(bodies, item, index, 'failed');
    return [
      { code: 'TRANSFORM_CRASHED', line: item.line, reason: 'this row ended or hung the transform worker twice' },
    ];
  }
  const refused = verdict && verdictFault(verdict, maker.instance, item.line);
  const broken = refused ? [refused, ...item.faults] : item.faults;
  const faults = broken.length > 0 ? broken : faultsOf(maker, item, digests);
  if (faults.length > 0) {
    leaveOut(bodies, item, index, 'invalid');
    return [...faults];
  }
  const dropped = isFiltered(maker, item);
  if (dropped !== false) {
    leaveOut(bodies, item, index, dropped === true ? 'filtered' : 'invalid');
    return dropped === true ? [] : [dropped];
  }
  const stands = verdict?.kind === 'replaces' ? verdict.stands : NONE;
  return bodies.flatMap((body) => routeEntries(maker, item, number, index, body, stands));
}

const NONE: readonly string[] = Object.freeze([]);
const STANDS: EntryResult = { kind: 'filtered', reason: 'the row that it corrects was not rejected here' };

/** Whether a filter leaves the item out, or the fault of a filter that could not be asked about it. */
function isFiltered({ route, context }: BlockMaker, item: Item): boolean | Fault {
  if (route.filters.length === 0) return false;
  const full: TransformContext = { ...context, messageId: '', charset: '' };
  try {
    return route.filters.some(({ drops }) => drops(item, full));
  } catch (error) {
    return thrownFault(error, item, 'a filter of the route (`dropWhen`)');
  }
}

/** What the standard of the format says, where the route asks for it; then whether its key is new. */
function faultsOf(maker: BlockMaker, item: Item, digests: Buffer[]): readonly Fault[] {
  const broken = maker.route.validate?.(item);
  return broken && broken.length > 0 ? broken : repeatedKey(maker, item, digests);
}

function repeatedKey(maker: BlockMaker, item: Item, digests: Buffer[]): readonly Fault[] {
  const key = maker.route.format.uniqueKey?.(item.values);
  if (key === undefined) return [];
  const digest = maker.keys.digest(key);
  if (!maker.keys.add(digest)) return maker.route.format.uniqueFaults?.(item.line) ?? [];
  digests.push(digest);
  return [];
}

function leaveOut(bodies: readonly BodyInMaking[], item: Item, index: number, state: MessageState): void {
  for (const body of bodies) {
    const { lane, place } = laneFor(body, item, index);
    body.entries.forEach((_, at) => {
      lane.packer.addNothing();
      lane.exceptions.push({ position: place * body.entries.length + at, state });
    });
  }
}

/** @param stands names of entries in which the row that this one corrects stands: it is not sent there twice */
function routeEntries(
  maker: BlockMaker,
  item: Item,
  number: number,
  index: number,
  body: BodyInMaking,
  stands: readonly string[],
): RejectFault[] {
  const faults: RejectFault[] = [];
  const { lane, place } = laneFor(body, item, index);
  for (let at = 0; at < body.entries.length; at += 1) {
    const entry = body.entries[at];
    if (!entry) continue;
    const context: TransformContext = {
      messageId: messageId(maker.instance, maker.submission, number, entry.index),
      charset: entry.program.charset,
      acceptedAt: maker.context.acceptedAt,
      submission: maker.context.submission,
      fields: maker.context.fields,
      partner: maker.context.partner,
    };
    const result = stands.includes(entry.program.name) ? STANDS : runEntry(entry.program, item, context);
    if (result.kind === 'message') {
      const { text, bytes, controlId } = result.message;
      if (bytes) lane.packer.addBytes(bytes, controlId);
      else lane.packer.addText(text, controlId);
      continue;
    }
    lane.packer.addNothing();
    lane.exceptions.push({ position: place * body.entries.length + at, state: result.kind });
    if (result.kind === 'invalid')
      faults.push(...result.faults.map((fault) => ({ ...fault, entry: entry.program.name })));
  }
  return faults;
}
