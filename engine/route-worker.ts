import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { bodySource, hashFile, IncomingBody } from './bodies.ts';
import type { BodySource, Format, ItemReader, Scan, TranscodeSink } from './contracts/format.ts';
import type { Snapshot } from './contracts/production.ts';
import type { CorrectionVerdict, NewBlock, Refusal, RouteWork } from './contracts/store.ts';
import { CorrectionDesk } from './corrections.ts';
import { today } from './dates.ts';
import { codeOf, messageOf, RefusedError, WaybillError } from './errors.ts';
import { laneChoice } from './key-lanes.ts';
import { label } from './labels.ts';
import { BlockBuilder, type BlockMaker, bodiesOf } from './make-block.ts';
import { leaveStartBehind, willDrop } from './memory.ts';
import { loadAdapters, type Registry } from './registry.ts';
import { compileRoute, openFormat, type RouteProgram, type Transports } from './route-program.ts';
import { SearchDigests } from './search-fields.ts';
import { submissionFacts } from './submission-facts.ts';
import { UniqueKeys } from './unique-keys.ts';

/** The thread that scans, reads and transforms. It writes nothing but the UTF-8 copy of a body; the store is elsewhere. */

/** A submission to scan, or to go on with. */
export interface RouteTask {
  readonly work: RouteWork;
  /** The content comes once; later tasks of the same snapshot name it only. */
  readonly snapshot: { readonly hash: string; readonly content?: Snapshot };
  readonly carries: Transports;
  readonly instance: string;
  readonly digestKey: Uint8Array;
  readonly uniqueKeys: readonly Uint8Array[];
  readonly original: string;
  readonly copy: string;
  readonly maxItems: number;
  readonly failItem: number | undefined;
}

export type ToWorker =
  | { readonly kind: 'scan' | 'route'; readonly task: RouteTask }
  /** Adapters that tasks will need: imported while there is nothing to do. */
  | { readonly kind: 'prepare'; readonly formats: readonly string[] }
  | { readonly kind: 'credit' }
  /** What the ledger says to the ids that were asked about last. */
  | { readonly kind: 'verdicts'; readonly verdicts: readonly CorrectionVerdict[] }
  | { readonly kind: 'drop' };

export type FromWorker =
  | { readonly kind: 'ready' }
  /** Bytes read so far: while the number grows, the thread is not stuck, however long a scan takes. */
  | { readonly kind: 'alive'; readonly moved: number }
  | { readonly kind: 'scanned'; readonly scan: Scan }
  | { readonly kind: 'block'; readonly block: NewBlock }
  /** Rows came back with these ids: what does the ledger say? The next block waits for it. */
  | { readonly kind: 'ids'; readonly ids: readonly { readonly submission: number; readonly item: number }[] }
  | { readonly kind: 'end' }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** Blocks that may be on their way to the store at once. */
const CREDIT = 4;
const BLOCK_BYTES = 4_000_000;
/** Items that are read at once. */
const PORTION = 100;
/** Milliseconds between signs of life. */
const ALIVE_EVERY = 2000;

class Credit {
  #left = CREDIT;
  #waiting: (() => void) | undefined;
  dropped = false;

  async take(): Promise<void> {
    while (this.#left === 0 && !this.dropped) await new Promise<void>((resolve) => (this.#waiting = resolve));
    this.#left -= 1;
  }

  give(): void {
    this.#left += 1;
    this.#waiting?.();
  }

  drop(): void {
    this.dropped = true;
    this.#waiting?.();
  }
}

class RouteThread {
  readonly #registry: Registry;
  readonly #send: (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void;
  #credit = new Credit();
  /** Takes the answer to the ids that were asked about. */
  #verdicts: ((verdicts: readonly CorrectionVerdict[]) => void) | undefined;
  #snapshot: Snapshot | undefined;
  /** The last route compiled: most submissions follow one of the same kind. */
  #compiled: { key: string; route: RouteProgram } | undefined;

  constructor(registry: Registry, send: (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void) {
    this.#registry = registry;
    this.#send = send;
  }

  receive(message: ToWorker): void {
    if (message.kind === 'credit') this.#credit.give();
    else if (message.kind === 'verdicts') this.#verdicts?.(message.verdicts);
    else if (message.kind === 'drop') this.#credit.drop();
    else if (message.kind === 'prepare') this.#prepare(message.formats);
    else this.#begin(message);
  }

  /** What cannot be imported is told of by the task that needs it. */
  #prepare(formats: readonly string[]): void {
    const imports = [...formats.map((name) => this.#registry.get('format', name)), this.#registry.all('transform')];
    void Promise.allSettled(imports).then(leaveStartBehind);
  }

  #begin(message: Extract<ToWorker, { readonly task: RouteTask }>): void {
    this.#credit = new Credit();
    this.#snapshot = message.task.snapshot.content ?? this.#snapshot;
    const work = message.kind === 'scan' ? this.#scan(message.task) : this.#route(message.task);
    work.catch((error: unknown) => this.#send(failure(error)));
  }

  async #scan(task: RouteTask): Promise<void> {
    const format = await openFormat(this.#registry, this.#current(), task.work.format);
    if (!format.scan)
      throw new WaybillError(
        'FORMAT_NOT_READABLE',
        `The format ${task.work.format.type} cannot be read: name another one in the service's rule.`,
      );
    let copy: IncomingBody | undefined;
    const transcode = async (): Promise<IncomingBody> => {
      const path = `${task.copy}.tmp`;
      return new IncomingBody(path, await open(path, 'w', 0o600), dirname(task.copy));
    };
    let opening: Promise<IncomingBody> | undefined;
    const sink: TranscodeSink = {
      async write(chunk) {
        opening ??= transcode();
        copy = await opening;
        await copy.write(chunk);
      },
    };
    const reading = { signal: new AbortController().signal, transcode: () => sink };
    const scan = await format.scan(await watched(task.original), reading).catch(async (error: unknown) => {
      await copy?.discard();
      throw error;
    });
    if (scan.transcoded) copy ??= await transcode();
    const copyHash = await copy?.keep(task.copy);
    label('route.scanned');
    this.#send({
      kind: 'scanned',
      scan: copyHash === undefined ? scan : { ...scan, details: { ...scan.details, copyHash } },
    });
  }

  async #route(task: RouteTask): Promise<void> {
    const { work } = task;
    if (!work.scan)
      throw new WaybillError('STORE_STALE', `Submission ${work.number} is to be routed before it was scanned.`);
    const route = await this.#compile(task);
    const path = await this.#bodyPath(task, work.scan);
    const keys = new UniqueKeys(task.digestKey);
    for (const digests of task.uniqueKeys) keys.restore(digests);
    const maker: BlockMaker = {
      instance: task.instance,
      submission: work.number,
      route,
      keys,
      failItem: task.failItem,
      search: new SearchDigests(task.digestKey),
      bodies: bodiesOf(route.entries, (name) =>
        laneChoice(task.carries[name]?.order, route.format.columns ?? [], task.digestKey),
      ),
      context: {
        acceptedAt: work.acceptedAt,
        submission: submissionFacts(task.instance, work),
        fields: work.fields,
        partner: work.partner,
      },
    };
    const reader = await openReader(route.format, path, work.scan, task, this.#current());
    try {
      await this.#blocks(task, maker, reader);
    } finally {
      await reader.close();
    }
  }

  async #blocks(task: RouteTask, maker: BlockMaker, reader: ItemReader): Promise<void> {
    let block = task.work.blocks;
    let firstItem = task.work.itemsRouted + 1;
    let { cursor } = task.work;
    const desk = new CorrectionDesk(maker.instance, (ids) => this.#ask(ids));
    for (;;) {
      await this.#credit.take();
      if (this.#credit.dropped) return this.#send({ kind: 'dropped' });
      const builder = new BlockBuilder(maker, block, firstItem);
      const ended = await fill(builder, reader, task.maxItems, cursor, desk);
      // The ledger could not answer: what was made meanwhile says nothing.
      if (this.#credit.dropped) return this.#send({ kind: 'dropped' });
      if (builder.items > 0) {
        const made = builder.finish();
        label('route.blockMade');
        this.#send({ kind: 'block', block: made }, transferable(made));
        block += 1;
        firstItem += made.items;
        cursor = made.cursor;
      }
      if (ended) break;
    }
    this.#send({ kind: 'end' });
  }

  #ask(ids: Extract<FromWorker, { readonly kind: 'ids' }>['ids']): Promise<readonly CorrectionVerdict[]> {
    return new Promise((resolve) => {
      this.#verdicts = resolve;
      this.#send({ kind: 'ids', ids });
    });
  }

  #current(): Snapshot {
    if (!this.#snapshot) throw new WaybillError('STORE_STALE', 'A task came before its snapshot.');
    return this.#snapshot;
  }

  async #compile(task: RouteTask): Promise<RouteProgram> {
    const key = JSON.stringify([task.snapshot.hash, task.work.route, task.work.format, task.carries]);
    if (this.#compiled?.key === key) return this.#compiled.route;
    const route = await compileRoute(this.#registry, this.#current(), task.work.route, task.work.format, task.carries);
    this.#compiled = { key, route };
    return route;
  }

  /** The body to read; a copy is the same that the scan made, or it is not used. */
  async #bodyPath(task: RouteTask, scan: Scan): Promise<string> {
    if (!scan.transcoded) return task.original;
    if ((await hashFile(task.copy)) !== scan.details.copyHash) {
      throw new WaybillError(
        'COPY_DAMAGED',
        `The UTF-8 copy ${task.copy} is not the one that was scanned: restore the data folder, or cancel the submission and submit the file again.`,
      );
    }
    return task.copy;
  }
}

/** Bytes that this thread has read, of all bodies. */
let moved = 0;

/** A body whose reading counts as a sign of life. */
async function watched(path: string): Promise<BodySource> {
  const source = await bodySource(path);
  return {
    ...source,
    async *read(start) {
      for await (const chunk of source.read(start)) {
        moved += chunk.length;
        willDrop(chunk.length);
        yield chunk;
      }
    },
  };
}

/** Reads a block's items a few at a time, so that they are young when they are done with. @returns true at the end. */
async function fill(
  builder: BlockBuilder,
  reader: ItemReader,
  maxItems: number,
  from: number,
  desk: CorrectionDesk,
): Promise<boolean> {
  let cursor = from;
  let bytes = BLOCK_BYTES;
  while (builder.items < maxItems && bytes > 0) {
    const items = await reader.next(Math.min(maxItems - builder.items, PORTION), bytes);
    if (!items) return true;
    bytes -= items.cursor - cursor;
    cursor = items.cursor;
    builder.add(items, await desk.look(items.items));
    if (items.end) return true;
  }
  return false;
}

async function openReader(
  format: Format,
  path: string,
  scan: Scan,
  task: RouteTask,
  snapshot: Snapshot,
): Promise<ItemReader> {
  if (!format.read)
    throw new WaybillError(
      'FORMAT_NOT_READABLE',
      `The format ${task.work.format.type} cannot be read: name another one in the service's rule.`,
    );
  const context = {
    signal: new AbortController().signal,
    today: today(task.work.acceptedAt, snapshot.resources.timeZone),
  };
  return format.read(await watched(path), scan, { cursor: task.work.cursor, lines: task.work.lines }, context);
}

function transferable(block: NewBlock): ArrayBuffer[] {
  const views = [
    block.itemLines,
    block.rejects,
    block.uniqueKeys,
    ...(block.search ?? []),
    ...block.bodies.map(({ body }) => body),
  ];
  return views.flatMap((view) =>
    view && view.buffer instanceof ArrayBuffer && view.byteLength === view.buffer.byteLength ? [view.buffer] : [],
  );
}

function failure(error: unknown): FromWorker {
  if (error instanceof RefusedError) {
    const { line, column } = error.place;
    return {
      kind: 'refused',
      refusal: {
        code: error.code,
        reason: error.message,
        ...(line === undefined ? {} : { line }),
        ...(column === undefined ? {} : { column }),
      },
    };
  }
  return { kind: 'failed', code: codeOf(error), message: messageOf(error) };
}

if (parentPort) {
  const port = parentPort;
  const registry = await loadAdapters((workerData as { adapters: readonly string[] }).adapters);
  const thread = new RouteThread(registry, (message, transfer = []) => port.postMessage(message, transfer));
  port.on('message', (message: ToWorker) => thread.receive(message));
  setInterval(() => port.postMessage({ kind: 'alive', moved } satisfies FromWorker), ALIVE_EVERY).unref();
  port.postMessage({ kind: 'ready' } satisfies FromWorker);
}
