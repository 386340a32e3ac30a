/** Runs a case the way the engine runs a submission: scan, read, validate, filter, transform; without store and network. */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackLines, unpackMessages, unpackRejects } from '../../engine/blocks.ts';
import { bodySource } from '../../engine/bodies.ts';
import { snapshotOf } from '../../engine/config/hash.ts';
import type { BodySource, ItemReader, Scan } from '../../engine/contracts/format.ts';
import type { Fault } from '../../engine/contracts/item.ts';
import type { Carries } from '../../engine/contracts/operation.ts';
import type { Production } from '../../engine/contracts/production.ts';
import type { NewBlock } from '../../engine/contracts/store.ts';
import { today } from '../../engine/dates.ts';
import { RefusedError, WaybillError } from '../../engine/errors.ts';
import { submissionId } from '../../engine/ids.ts';
import { BlockBuilder, type BlockMaker, bodiesOf } from '../../engine/make-block.ts';
import type { Registry } from '../../engine/registry.ts';
import { compileRoute, type RouteProgram } from '../../engine/route-program.ts';
import { UniqueKeys } from '../../engine/unique-keys.ts';
import type { PreparedCase } from './prepare.ts';

/** Ids of test messages are `test-1-ITEM`, as `waybill transform` makes them. */
const INSTANCE = 'test';
const SUBMISSION = 1;
const BLOCK_ITEMS = 1000;
const BLOCK_BYTES = 4_000_000;

export interface MadeMessage {
  readonly entry: string;
  readonly destination: string;
  /** First line of its item. */
  readonly line: number;
  readonly body: Uint8Array;
}

export type FoundFault = Fault & { readonly entry?: string };

export interface Refusal {
  readonly code: string;
  readonly reason: string;
  readonly line?: number;
  readonly column?: number;
}

/** What became of the input of a case. */
export interface CaseOutcome {
  readonly refused?: Refusal;
  readonly quarantined?: Refusal;
  /** In the order of items, and of entries for each. */
  readonly messages: readonly MadeMessage[];
  /** Number of items that are invalid, whole or in some entry. */
  readonly invalidItems: number;
  readonly faults: readonly FoundFault[];
  /** Number of items that are filtered in every entry. */
  readonly filtered: number;
  /** The route refuses files with invalid rows, and this one has some: nothing is sent. */
  readonly cancelled: boolean;
}

const NOTHING = { messages: [], invalidItems: 0, faults: [], filtered: 0, cancelled: false };

/** What the transports of a production can carry, by destination. */
export async function carriesOf(
  production: Production,
  registry: Registry,
): Promise<Readonly<Record<string, Carries>>> {
  const carries: Record<string, Carries> = {};
  for (const [name, { type, config }] of Object.entries(production.destinations)) {
    const definition = await registry.get('operation', type);
    carries[name] = definition.describe(config, production.resources).carries;
  }
  return carries;
}

/** Runs one case. @throws WaybillError where the route cannot run at all. */
export async function runCase(
  prepared: PreparedCase,
  production: Production,
  registry: Registry,
  carries: Readonly<Record<string, Carries>>,
): Promise<CaseOutcome> {
  const { route: name } = prepared.file.data;
  const route = await compileRoute(registry, snapshotOf(production), name, prepared.format, carries);
  const folder = await mkdtemp(join(tmpdir(), 'waybill-test-'));
  try {
    const { scan, source } = await scanInput(route, prepared, folder);
    if (scan.quarantine) return { ...NOTHING, quarantined: scan.quarantine };
    const reader = await openReader(route, source, scan, prepared.acceptedAt, production);
    const outcome = await routed(makerOf(route, prepared), reader).finally(() => reader.close());
    const cancelled = production.routes[name]?.onInvalidRow === 'refuseFile' && outcome.invalidItems > 0;
    return cancelled ? { ...outcome, messages: [], cancelled } : outcome;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const { line, column } = error.place;
    const place = { ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
    return { ...NOTHING, refused: { code: error.code, reason: error.message, ...place } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function scanInput(
  { format }: RouteProgram,
  { input }: PreparedCase,
  folder: string,
): Promise<{ readonly scan: Scan; readonly source: BodySource }> {
  if (!format.scan) throw cannotRead();
  const path = 'path' in input ? input.path : join(folder, 'input');
  if ('bytes' in input) await writeFile(path, input.bytes);
  const copy = join(folder, 'copy');
  const file = await open(copy, 'w', 0o600);
  const { signal } = new AbortController();
  const scan = await format
    .scan(await bodySource(path), { signal, transcode: () => ({ write: async (chunk) => file.appendFile(chunk) }) })
    .finally(() => file.close());
  return { scan, source: await bodySource(scan.transcoded ? copy : path) };
}

async function openReader(
  { format }: RouteProgram,
  source: BodySource,
  scan: Scan,
  acceptedAt: number,
  production: Production,
): Promise<ItemReader> {
  if (!format.read) throw cannotRead();
  const { signal } = new AbortController();
  const context = { signal, today: today(acceptedAt, production.resources.timeZone) };
  return format.read(source, scan, { cursor: scan.cursor, lines: scan.lines }, context);
}

function cannotRead(): WaybillError {
  return new WaybillError('FORMAT_NOT_READABLE', 'The format of this input can only be written.');
}

function makerOf(
  route: RouteProgram,
  { acceptedAt, submissionName, service, fields, partner }: PreparedCase,
): BlockMaker {
  return {
    instance: INSTANCE,
    submission: SUBMISSION,
    route,
    keys: new UniqueKeys(Buffer.from(INSTANCE)),
    failItem: undefined,
    bodies: bodiesOf(route.entries, () => undefined),
    context: {
      acceptedAt,
      submission: { id: submissionId(INSTANCE, SUBMISSION), name: submissionName, service },
      fields,
      partner,
    },
  };
}

async function routed(maker: BlockMaker, reader: ItemReader): Promise<CaseOutcome> {
  const parts: CaseOutcome[] = [];
  let firstItem = 1;
  for (;;) {
    const items = await reader.next(BLOCK_ITEMS, BLOCK_BYTES);
    if (!items) break;
    if (items.items.length > 0) {
      const builder = new BlockBuilder(maker, parts.length, firstItem);
      builder.add(items);
      firstItem += builder.items;
      parts.push(outcomeOf(maker.route, builder.finish()));
    }
    if (items.end) break;
  }
  return {
    messages: parts.flatMap(({ messages }) => messages),
    faults: parts.flatMap(({ faults }) => faults),
    invalidItems: sum(parts.map(({ invalidItems }) => invalidItems)),
    filtered: sum(parts.map(({ filtered }) => filtered)),
    cancelled: false,
  };
}

/** Takes a block apart again: what the ledger would get is what is compared. */
function outcomeOf({ entries }: RouteProgram, block: NewBlock): CaseOutcome {
  const lines = unpackLines(block.itemLines).map(({ first }) => first);
  const rejects = block.rejects ? unpackRejects(block.rejects) : [];
  const made: (MadeMessage & { readonly item: number; readonly index: number })[] = [];
  const filteredIn = new Array<number>(block.items).fill(0);
  for (const { destination, entries: indexes, body, exceptions } of block.bodies) {
    const packed = unpackMessages(body);
    const states = new Map(exceptions.map(({ position, state }) => [position, state]));
    for (let position = 0; position < packed.count; position += 1) {
      const item = Math.floor(position / indexes.length);
      const index = indexes[position % indexes.length] ?? 0;
      const state = states.get(position);
      if (state === 'filtered') filteredIn[item] = (filteredIn[item] ?? 0) + 1;
      if (state !== undefined) continue;
      const entry = entries[index]?.name ?? destination;
      made.push({ entry, destination, line: lines[item] ?? 0, body: packed.body(position), item, index });
    }
  }
  return {
    messages: made.sort((a, b) => a.item - b.item || a.index - b.index),
    faults: rejects.flatMap(({ faults }) => faults),
    invalidItems: rejects.length,
    filtered: filteredIn.filter((count) => count === entries.length).length,
    cancelled: false,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
