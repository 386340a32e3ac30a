import { type KeptReject, MessagePacker, packLines, packRejects } from './blocks.ts';
import type { Fault, Item, ItemBlock } from './contracts/item.ts';
import type { NewBlock, NewBodyBlock } from './contracts/store.ts';
import type { TransformContext } from './contracts/transform.ts';
import { messageId } from './ids.ts';
import { type EntryProgram, type RouteProgram, runEntry, thrownFault } from './route-program.ts';
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
}

type RejectFault = KeptReject['faults'][number];

/** Messages of the entries that go to one destination, while a block is made. */
export interface BodyInMaking {
  readonly destination: string;
  readonly entries: readonly { readonly index: number; readonly program: EntryProgram }[];
  readonly packer: MessagePacker;
  readonly exceptions: { position: number; state: MessageState }[];
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
  #cursor = 0;
  #linesBefore = 0;

  /** @param firstItem number of the block's first item, from 1 in the submission */
  constructor(maker: BlockMaker, block: number, firstItem: number) {
    this.#maker = maker;
    this.#block = block;
    this.#firstItem = firstItem;
    for (const body of maker.bodies) {
      body.packer.reset();
      body.exceptions.length = 0;
    }
  }

  /** Items taken so far. */
  get items(): number {
    return this.#lines.length / 2;
  }

  /** Validates, filters and transforms these items. */
  add(items: ItemBlock): void {
    for (const item of items.items) {
      const number = this.#firstItem + this.items;
      const faults = routeItem(this.#maker, item, number, this.items, this.#digests);
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
      bodies: this.#maker.bodies.map(finishBody),
    };
  }
}

/** One collection of messages for each destination of a route. */
export function bodiesOf(entries: readonly EntryProgram[]): BodyInMaking[] {
  const groups = new Map<string, { index: number; program: EntryProgram }[]>();
  entries.forEach((program, index) => {
    const group = groups.get(program.destination) ?? [];
    group.push({ index, program });
    groups.set(program.destination, group);
  });
  return [...groups].map(([destination, group]) => ({
    destination,
    entries: group,
    packer: new MessagePacker(),
    exceptions: [],
  }));
}

function finishBody(body: BodyInMaking): NewBodyBlock {
  return {
    destination: body.destination,
    entries: body.entries.map(({ index }) => index),
    bytes: body.packer.bytes,
    body: body.packer.pack(),
    exceptions: [...body.exceptions],
  };
}

/** Gives what is wrong with the item, of the record map or of single entries. */
function routeItem(maker: BlockMaker, item: Item, number: number, index: number, digests: Buffer[]): RejectFault[] {
  const { bodies } = maker;
  if (number === maker.failItem) {
    leaveOut(bodies, index, 'failed');
    return [
      { code: 'TRANSFORM_CRASHED', line: item.line, reason: 'this row ended or hung the transform worker twice' },
    ];
  }
  const faults = item.faults.length > 0 ? item.faults : faultsOf(maker, item, digests);
  if (faults.length > 0) {
    leaveOut(bodies, index, 'invalid');
    return [...faults];
  }
  const dropped = isFiltered(maker, item);
  if (dropped !== false) {
    leaveOut(bodies, index, dropped === true ? 'filtered' : 'invalid');
    return dropped === true ? [] : [dropped];
  }
  return bodies.flatMap((body) => routeEntries(maker, item, number, index, body));
}

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

function leaveOut(bodies: readonly BodyInMaking[], index: number, state: MessageState): void {
  for (const body of bodies) {
    body.entries.forEach((_, at) => {
      body.packer.addNothing();
      body.exceptions.push({ position: index * body.entries.length + at, state });
    });
  }
}

function routeEntries(maker: BlockMaker, item: Item, number: number, index: number, body: BodyInMaking): RejectFault[] {
  const faults: RejectFault[] = [];
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
    const result = runEntry(entry.program, item, context);
    if (result.kind === 'message') {
      const { text, bytes, controlId } = result.message;
      if (bytes) body.packer.addBytes(bytes, controlId);
      else body.packer.addText(text, controlId);
      continue;
    }
    body.packer.addNothing();
    body.exceptions.push({ position: index * body.entries.length + at, state: result.kind });
    if (result.kind === 'invalid')
      faults.push(...result.faults.map((fault) => ({ ...fault, entry: entry.program.name })));
  }
  return faults;
}
