import { type PackedMessages, unpackMessages } from './blocks.ts';
import type { BatchSettings } from './contracts/production.ts';
import type { BatchPart, Candidate, PlannedBatch } from './contracts/store.ts';

/** A member of a batch: where its body is, and what an answer names it by. */
export interface Member {
  readonly message: number;
  readonly controlId: string;
  readonly body: Uint8Array;
}

/** A batch with its bodies at hand. */
export interface Ready {
  readonly batch: number;
  readonly attempts: number;
  readonly firstAttemptAt: number | undefined;
  readonly plannedAt: number;
  readonly dueAt: number;
  readonly replaces: number | undefined;
  readonly members: readonly Member[];
}

/** What a lane can do with the messages that wait. */
export type Choice =
  | { readonly kind: 'batch'; readonly parts: readonly BatchPart[]; readonly members: readonly Member[]; readonly bytes: number; readonly replaces: number | undefined }
  /** No limit is reached yet: wait for more, at most until then. */
  | { readonly kind: 'wait'; readonly until: number };

/**
 * Chooses the lane's next batch from its head on. The first limit that is reached closes it: count, bytes, age, the end of
 * the submission, or a control id that the batch holds already.
 */
export function chooseBatch(blocks: readonly Candidate[], settings: BatchSettings, now: number): Choice {
  const parts: BatchPart[] = [];
  const members: Member[] = [];
  const controlIds = new Set<string>();
  let bytes = 0;
  let closed = false;
  for (const block of blocks) {
    const unpacked = unpackMessages(block.body);
    let first: number | undefined;
    let last = 0;
    let count = 0;
    for (const position of waitingPositions(block, unpacked)) {
      const length = unpacked.length(position);
      const controlId = unpacked.controlId(position);
      closed = members.length >= settings.maxMessages || (members.length > 0 && bytes + length > settings.maxBytes) || (controlId !== '' && controlIds.has(controlId));
      if (closed) break;
      const message = block.firstMessage + position;
      first ??= message;
      last = message;
      count += 1;
      bytes += length;
      controlIds.add(controlId);
      members.push({ message, controlId, body: unpacked.body(position) });
    }
    if (first !== undefined) parts.push({ bodyBlock: block.bodyBlock, firstMessage: first, lastMessage: last, count });
    if (closed) break;
  }
  const replaces = blocks[0]?.waiting === undefined ? undefined : blocks[0].replaces;
  const batch: Choice = { kind: 'batch', parts, members, bytes, replaces };
  if (closed || members.length >= settings.maxMessages) return batch;
  if (blocks.at(-1)?.last === true && !settings.mixSubmissions) return batch;
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

/** A batch that was planned before, with its bodies. */
export function openPlanned(batch: PlannedBatch): Ready {
  const members = batch.parts.flatMap((part) => {
    const unpacked = unpackMessages(part.body);
    return part.members.map((message): Member => {
      const position = message - part.blockFirstMessage;
      return { message, controlId: unpacked.controlId(position), body: unpacked.body(position) };
    });
  });
  const { batch: number, attempts, firstAttemptAt, plannedAt, dueAt, replaces } = batch;
  return { batch: number, attempts, firstAttemptAt, plannedAt, dueAt, replaces, members };
}
