import { zstdDecompressSync } from 'node:zlib';
import type { AttemptRow, BatchHistory } from '../../engine/contracts/store.ts';
import { batchId } from '../../engine/ids.ts';
import type { Reading } from '../ledger.ts';
import { isoTime } from '../output.ts';

/** Batches further back than this are not followed. */
const MOST_BATCHES = 20;
const MOST_ANSWER_BYTES = 64_000_000;

/** A batch that a message is or was in, with every attempt to send it. */
export interface BatchTrace {
  readonly batch: string;
  readonly state: string;
  readonly messages: number;
  readonly bytes: number;
  readonly plannedAt: string;
  readonly dueAt: string | null;
  /** The batch that this one took messages over from. */
  readonly replaces: string | null;
  readonly attempts: readonly AttemptTrace[];
}

export interface AttemptTrace {
  readonly attempt: number;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: string;
  readonly code: string;
  readonly whose: string;
  readonly words: string;
  readonly status: number | null;
  /** The receiver's answer as it came; only where bodies were asked for. */
  readonly answer?: string;
}

/** The batch and those that it took messages over from, the latest first. */
export function batchChain({ ledger, instance }: Reading, batch: number, bodies: boolean): BatchTrace[] {
  const chain: BatchTrace[] = [];
  for (let next: number | undefined = batch; next !== undefined && chain.length < MOST_BATCHES; ) {
    const history: BatchHistory | undefined = ledger.ask('batch', { batch: next });
    if (!history) break;
    chain.push(batchTrace(history, instance, bodies));
    next = history.replaces;
  }
  return chain;
}

function batchTrace(history: BatchHistory, instance: string, bodies: boolean): BatchTrace {
  const { batch, state, count, bytes, plannedAt, dueAt, replaces, attempts } = history;
  return {
    batch: batchId(instance, batch),
    state,
    messages: count,
    bytes,
    plannedAt: isoTime(plannedAt),
    dueAt: dueAt === 0 ? null : isoTime(dueAt),
    replaces: replaces === undefined ? null : batchId(instance, replaces),
    attempts: attempts.map((attempt) => attemptTrace(attempt, bodies)),
  };
}

function attemptTrace(
  { attempt, startedAt, endedAt, outcome, code, words, whose, status, answer }: AttemptRow,
  bodies: boolean,
): AttemptTrace {
  const text =
    bodies && answer ? zstdDecompressSync(answer, { maxOutputLength: MOST_ANSWER_BYTES }).toString('utf8') : undefined;
  return {
    attempt,
    startedAt: isoTime(startedAt),
    endedAt: isoTime(endedAt),
    outcome,
    code,
    whose,
    words,
    status: status ?? null,
    ...(text === undefined ? {} : { answer: text }),
  };
}
