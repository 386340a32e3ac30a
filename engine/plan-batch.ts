import { type PackedMessages, unpackMessages } from './blocks.ts';
import type { BatchSettings } from './contracts/production.ts';
import type { BatchPart, Candidate, PlannedBatch } from './contracts/store.ts';

/** The messages of a batch, in order: numbers, control ids that answers name, and bodies, each made when asked for. */
export class Members {
  readonly #messages: number[] = [];
  readonly #controlIds: string[] = [];
  readonly #blocks: { readonly unpacked: PackedMessages; readonly positions: number[] }[] = [];
  #bytes = 0;

  get count(): number {
    return this.#messages.length;
  }

  /** Bytes of all bodies, as they are kept (UTF-8). */
  get bytes(): number {
    return this.#bytes;
  }

  get controlIds(): readonly string[] {
    return this.#controlIds;
  }

  message(index: number): number {
    return this.#messages[index] ?? 0;
  }

  /** A function that adds the message at a position of this block. */
  from(unpacked: PackedMessages, firstMessage: number): (position: number) => void {
    const positions: number[] = [];
    this.#blocks.push({ unpacked, positions });
    return (position) => {
      positions.push(position);
      this.#messages.push(firstMessage + position);
      this.#controlIds.push(unpacked.controlId(position));
      this.#bytes += unpacked.length(position);
    };
  }

  /** The messages one by one; one without a control id is named by its number in the ledger. */
  *each(instance: string): Generator<{ id: string; body: Uint8Array }> {
    let index = 0;
    for (const body of this.bodies()) {
      yield { id: this.#controlIds[index] || `${instance}-M${this.message(index)}`, body };
      index += 1;
    }
  }

  *bodies(): Generator<Uint8Array> {
    for (const { unpacked, positions } of this.#blocks) for (const position of positions) yield unpacked.body(position);
  }
}

/** A batch with its bodies at hand. */
export interface Ready {
  readonly batch: number;
  readonly attempts: number;
  readonly firstAttemptAt: number | undefined;
  readonly plannedAt: number;
  readonly dueAt: number;
  readonly replaces: number | undefined;
  readonly members: Members;
}

/** What a lane can do with the messages that wait. */
export type Choice =
  | {
      readonly kind: 'batch';
      readonly parts: readonly BatchPart[];
      readonly members: Members;
      readonly replaces: number | undefined;
    }
  /** No limit is reached yet: wait for more, at most until then. */
  | { readonly kind: 'wait'; readonly until: number };

/**
 * Chooses the lane's next batch from its head on. The first limit that is reached closes it: count, bytes, age, the end of
 * the submission, or a control id that the batch holds already.
 */
export function chooseBatch(blocks: readonly Candidate[], settings: BatchSettings, now: number): Choice {
  const parts: BatchPart[] = [];
  const members = new Members();
  const controlIds = new Set<string>();
  let closed = false;
  for (const block of blocks) {
    const unpacked = unpackMessages(block.body);
    const add = members.from(unpacked, block.firstMessage);
    const before = members.count;
    for (const position of waitingPositions(block, unpacked)) {
      const controlId = unpacked.controlId(position);
      closed =
        members.count >= settings.maxMessages ||
        (members.count > 0 && members.bytes + unpacked.length(position) > settings.maxBytes) ||
        (controlId !== '' && controlIds.has(controlId));
      if (closed) break;
      controlIds.add(controlId);
      add(position);
    }
    const count = members.count - before;
    if (count > 0) {
      const lastMessage = members.message(members.count - 1);
      parts.push({ bodyBlock: block.bodyBlock, firstMessage: members.message(before), lastMessage, count });
    }
    if (closed) break;
  }
  const batch: Choice = { kind: 'batch', parts, members, replaces: blocks[0]?.replaces };
  if (closed || members.count >= settings.maxMessages) return batch;
  const last = blocks.at(-1);
  const leftOvers = last?.waiting !== undefined;
  if (last?.last === true && (leftOvers || !settings.mixSubmissions)) return batch;
  const until = (blocks[0]?.since ?? now) + settings.maxAge;
  return until <= now ? batch : { kind: 'wait', until };
}

function* waitingPositions(block: Candidate, unpacked: PackedMessages): Generator<number> {
  if (block.waiting) {
    yield* block.waiting;
    return;
  }
  for (let position = 0; position < unpacked.count; position += 1) if (unpacked.length(position) > 0) yield position;
}

/** The messages of parts of a batch, with their bodies. */
export function membersOf(parts: PlannedBatch['parts']): Members {
  const members = new Members();
  for (const part of parts) {
    const add = members.from(unpackMessages(part.body), part.blockFirstMessage);
    for (const message of part.members) add(message - part.blockFirstMessage);
  }
  return members;
}

/** A batch that was planned before, with its bodies. */
export function openPlanned(batch: PlannedBatch): Ready {
  const members = membersOf(batch.parts);
  const { batch: number, attempts, firstAttemptAt, plannedAt, dueAt, replaces } = batch;
  return { batch: number, attempts, firstAttemptAt, plannedAt, dueAt, replaces, members };
}
