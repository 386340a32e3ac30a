import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { packLines } from '../../engine/blocks.ts';
import type {
  BatchPart,
  Candidate,
  LaneFreedom,
  LaneWork,
  NewAnswer,
  NewBlock,
  NewSubmission,
  NewVersions,
  PlannedBatch,
  Store,
} from '../../engine/contracts/store.ts';
import type { MessageState } from '../../engine/states.ts';

/** Opens an empty store for one test; `again` closes it and opens the same data once more. */
export type OpenStore = (t: TestContext) => Promise<{ readonly store: Store; again(): Promise<Store> }>;

export const SNAPSHOT = 'snapshot-1';

/** A submission with everything the store asks for; what a test is about is overridden. */
export function submission(number: number, over: Partial<NewSubmission> = {}): NewSubmission {
  return {
    number,
    service: 'drop',
    partner: '',
    name: `file-${number}.csv`,
    contentType: 'text/csv',
    bytes: 100,
    hash: `hash-${number}`,
    claim: undefined,
    fields: {},
    acceptedAt: 1000 + number,
    format: { type: 'csv', recordMap: 'doses' },
    route: 'doses',
    snapshot: SNAPSHOT,
    gate: false,
    entries: [{ name: 'registry', destination: 'registry', transform: 'dose-to-vxu' }],
    owner: 'drop',
    expiresAt: 1_000_000,
    refuseDuplicate: true,
    ...over,
  };
}

/** Entries that all go to these destinations, one for each name given. */
export function entriesTo(...destinations: string[]): NewSubmission['entries'] {
  return destinations.map((destination, index) => ({ name: `entry-${index}`, destination, transform: 'dose-to-vxu' }));
}

export async function accept(store: Store, number: number, over: Partial<NewSubmission> = {}): Promise<void> {
  await store.putSnapshot({ hash: SNAPSHOT, body: Buffer.from('production') });
  assert.deepEqual(await store.accept(submission(number, over)), { kind: 'stored' });
}

export async function scan(store: Store, number: number, items: number): Promise<void> {
  const found = { items, charset: 'utf-8', transcoded: false, cursor: 10, lines: 1, details: { delimiter: ',' } };
  await store.scanned({ submission: number, scan: found });
}

/** Accepted, scanned and routing: blocks may come. */
export async function begin(
  store: Store,
  number: number,
  items: number,
  over: Partial<NewSubmission> = {},
): Promise<void> {
  await accept(store, number, over);
  await scan(store, number, items);
  await store.beginRouting({ submission: number });
}

export interface BlockShape {
  readonly items: number;
  /** Destination with the indexes of its entries. */
  readonly to?: readonly (readonly [string, readonly number[]])[];
  /** State by position in the (only or every) body block. */
  readonly exceptions?: Readonly<Record<number, MessageState>>;
  readonly over?: Partial<NewBlock>;
}

/** The next block of a submission, as the router would commit it. */
export async function block(store: Store, number: number, shape: BlockShape): Promise<NewBlock> {
  const work = await store.nextToRoute();
  assert.equal(work?.number, number, 'the submission is the one to route');
  const made = newBlock(number, work.blocks, work.itemsRouted, work.cursor, shape);
  await store.commitBlock(made);
  return made;
}

export function newBlock(number: number, blocks: number, routed: number, cursor: number, shape: BlockShape): NewBlock {
  const { items } = shape;
  const lines = Array.from({ length: items }, (_, n) => ({ line: routed + n + 2, lastLine: routed + n + 2 }));
  const exceptions = Object.entries(shape.exceptions ?? {}).map(([position, state]) => ({
    position: Number(position),
    state,
  }));
  const bodiless = exceptions.filter(({ state }) => state !== 'suspended').map(({ position }) => position);
  return {
    submission: number,
    block: blocks,
    firstItem: routed + 1,
    items,
    firstLine: routed + 2,
    lastLine: routed + items + 1,
    cursor: cursor + items * 10,
    lines: routed + items + 1,
    itemLines: packLines(lines.flatMap(({ line, lastLine }) => [line, lastLine])),
    rejects: undefined,
    rejectedItems: exceptions.filter(({ state }) => state === 'invalid').length,
    uniqueKeys: undefined,
    bodies: (shape.to ?? [['registry', [0]]]).map(([destination, entries]) => ({
      destination,
      lane: 0,
      items: undefined,
      entries,
      body: Buffer.from([`bodies ${number}.${blocks} ${destination}`, ...bodiless].join('|')),
      bytes: items * 100,
      exceptions,
    })),
    ...shape.over,
  };
}

/** A submission routed to its end in blocks of these sizes. */
export async function routed(
  store: Store,
  number: number,
  blocks: readonly BlockShape[],
  over: Partial<NewSubmission> = {},
): Promise<void> {
  const items = blocks.reduce((sum, shape) => sum + shape.items, 0);
  await begin(store, number, items, over);
  for (const shape of blocks) await block(store, number, shape);
  await store.endRouting({ submission: number, at: 2000 });
}

/** A lane in order, alone. */
export const STRICT: LaneFreedom = { free: false, passDoubt: false };

export interface LaneOptions extends Partial<LaneFreedom> {
  readonly destination?: string;
  readonly lane?: number;
  readonly inHand?: readonly number[];
  readonly maxMessages?: number;
  readonly mixSubmissions?: boolean;
  readonly ahead?: boolean;
}

export function work(store: Store, options: LaneOptions = {}): Promise<LaneWork> {
  return store.nextWork({
    destination: 'registry',
    maxMessages: 1000,
    mixSubmissions: false,
    ahead: false,
    lane: 0,
    inHand: [],
    now: 10_000,
    ...STRICT,
    ...options,
  });
}

/** Numbers of the messages that a candidate offers; the bodies of `newBlock` say which positions have none. */
export function waitingOf(candidate: Candidate): number[] {
  const bodiless = new Set(Buffer.from(candidate.body).toString().split('|').slice(1).map(Number));
  const all = Array.from({ length: candidate.messages }, (_, n) => n).filter((position) => !bodiless.has(position));
  const positions = candidate.waiting ?? all;
  return positions.map((position) => candidate.firstMessage + position);
}

/** Parts of a batch of the first messages that are offered. */
export function partsOf(blocks: readonly Candidate[], maxMessages: number): BatchPart[] {
  const parts: BatchPart[] = [];
  let left = maxMessages;
  for (const candidate of blocks) {
    const taken = waitingOf(candidate).slice(0, left);
    const [first, last] = [taken[0], taken.at(-1)];
    if (first === undefined || last === undefined) break;
    parts.push({ bodyBlock: candidate.bodyBlock, firstMessage: first, lastMessage: last, count: taken.length });
    left -= taken.length;
  }
  return parts;
}

/** Plans the lane's next batch of at most this many messages; gives its number. */
export async function plan(store: Store, options: LaneOptions = {}): Promise<number> {
  const offered = await work(store, options);
  assert.equal(offered.kind, 'candidates');
  return planOf(store, offered.blocks, options);
}

export async function planOf(store: Store, blocks: readonly Candidate[], options: LaneOptions = {}): Promise<number> {
  const parts = partsOf(blocks, options.maxMessages ?? 1000);
  const { batch } = await store.plan({
    destination: options.destination ?? 'registry',
    lane: options.lane ?? 0,
    parts,
    count: parts.reduce((sum, part) => sum + part.count, 0),
    bytes: 1,
    plannedAt: 3000,
    replaces: blocks[0]?.replaces,
  });
  return batch;
}

export async function planned(store: Store, options: LaneOptions = {}): Promise<PlannedBatch> {
  const found = await work(store, options);
  assert.equal(found.kind, 'planned');
  return found.batch;
}

export function membersOf(batch: PlannedBatch): number[] {
  return batch.parts.flatMap((part) => part.members);
}

export const RUN = 'run-1';

export function answerTo(batch: number, over: Partial<NewAnswer> = {}): NewAnswer {
  return {
    batch,
    attempt: 1,
    run: RUN,
    at: 5000,
    rest: 'delivered',
    exceptions: [],
    code: 'DELIVERED',
    words: 'All were taken.',
    whose: 'receiver',
    status: 200,
    answer: Buffer.from('MSA|AA'),
    dueAt: 0,
    stop: undefined,
    ...over,
  };
}

export function exception(message: number, state: NewAnswer['rest']): NewAnswer['exceptions'][number] {
  return { message, state, code: `${state.toUpperCase()}_CODE`, words: `It is ${state}.` };
}

export async function send(store: Store, batch: number, attempt = 1, run = RUN): Promise<void> {
  await store.beginSending({ batch, attempt, run, at: 4000, ...STRICT });
}

/** Plans, sends and answers the next batch. */
export async function deliver(store: Store, over: Partial<NewAnswer> = {}, options: LaneOptions = {}): Promise<number> {
  const batch = await plan(store, options);
  await send(store, batch);
  await store.answer(answerTo(batch, over));
  return batch;
}

/** The conservation law over the whole ledger, with counters and what blocks say of themselves. */
export async function audit(store: Store): Promise<void> {
  for (let after = 0; ; ) {
    const page = await store.ask({ question: 'verify', with: { after } });
    for (const found of page.submissions) {
      for (const entry of found.entries) {
        assert.deepEqual(entry.mismatches, [], `submission ${found.submission}, entry ${entry.name}`);
        assert.equal(entry.rows, found.itemsRouted);
        assert.equal(entry.counted, found.itemsRouted);
      }
    }
    if (page.next === undefined) return;
    after = page.next;
  }
}

/** Counters of a submission as `{ state: n }`, over all its entries. */
export async function counts(store: Store, number: number): Promise<Partial<Record<MessageState, number>>> {
  const sums: Partial<Record<MessageState, number>> = {};
  for (const { state, count } of await store.ask({ question: 'counters', with: { submission: number } })) {
    sums[state] = (sums[state] ?? 0) + count;
  }
  return sums;
}

/** Asserts that a change is refused as stale, and that nothing of it was kept. */
export async function stale(store: Store, change: Promise<unknown>): Promise<void> {
  await assert.rejects(change, { code: 'STORE_STALE' });
  await audit(store);
}

/** A new version of one message of an item, in the place of this one. */
export function versionOf(
  submission: number,
  number: number,
  message: number,
  from: MessageState,
  over: Partial<NewVersions> = {},
): NewVersions {
  return {
    submission,
    item: number,
    kind: 'rowEdited',
    at: 7000,
    who: 'ana',
    reason: 'asked',
    changed: ['family'],
    row: undefined,
    search: [],
    versions: [{ replaces: message, from, state: 'queued', body: Buffer.from('new'), bytes: 3 }],
    ...over,
  };
}
