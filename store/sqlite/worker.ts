import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Store } from '../../engine/contracts/store.ts';
import { label } from '../../engine/labels.ts';
import { leaveStartBehind } from '../../engine/memory.ts';
import { type Database, openForWriting } from './database.ts';
import { type Member, runGroup, type Settled, storeFailure } from './groups.ts';
import { noteLimit, notePause, readLimit } from './pace.ts';
import { ask, facts, readReceipt, readSnapshot } from './questions.ts';
import {
  doubtMembers,
  doubts,
  due,
  findClaim,
  lanesInUse,
  nextToRoute,
  nextWork,
  rejectBlocks,
  unfinished,
  uniqueKeys,
} from './read-lanes.ts';
import { openPurges } from './read-purge.ts';
import { readSubmission } from './rows.ts';
import { accept, acceptUpload, putSnapshot } from './write-accept.ts';
import { continueAct, recordAct } from './write-acting.ts';
import { resolve, resume, stop } from './write-decisions.ts';
import { answer, beginSending, plan, recover } from './write-deliveries.ts';
import { decideDoubt, noteDoubt } from './write-doubt.ts';
import { beginPurge, endPurge, notePurge, purgeBatches, purgeSlice, reclaim, setRetention } from './write-purge.ts';
import {
  beginRouting,
  cancelSubmission,
  commitBlock,
  endRouting,
  quarantine,
  refuse,
  release,
  scanned,
  setProgress,
} from './write-submissions.ts';
import { newVersions } from './write-versions.ts';

/** The thread that owns the ledger: takes what waits as one group, reads in between. */

type Method = Exclude<keyof Store, 'close'>;
type Handlers = {
  readonly [K in Method]: (db: Database, request: Parameters<Store[K]>[0]) => Awaited<ReturnType<Store[K]>>;
};
type Handler = (db: Database, request: unknown) => unknown;

const writes = {
  putSnapshot,
  accept,
  acceptUpload,
  scanned,
  refuse,
  quarantine,
  release,
  cancelSubmission,
  beginRouting,
  commitBlock,
  endRouting,
  recover,
  plan,
  beginSending,
  answer,
  resolve,
  decideDoubt,
  noteDoubt,
  notePause,
  noteBatchLimit: noteLimit,
  stopDestination: stop,
  resumeDestination: resume,
  recordAct,
  continueAct,
  progress: setProgress,
  newVersions,
  setRetention,
  beginPurge,
  purgeSlice,
  endPurge,
  purgeBatches,
  notePurge,
} satisfies Partial<Handlers>;

const reads = {
  facts,
  nextToRoute,
  uniqueKeys,
  nextWork,
  findClaim,
  unfinished,
  rejectBlocks,
  due,
  doubts,
  doubtMembers,
  lanesInUse,
  batchLimit: readLimit,
  openPurges,
  // No read, but as little part of a transaction.
  reclaim,
  snapshot: (db, request) => readSnapshot(db, request.hash),
  receipt: (db, request) => readReceipt(db, request.receipt),
  submission: (db, request) => readSubmission(db, request.submission),
  ask: (db, request) => ask(db, request.question, request.with),
} satisfies Omit<Handlers, keyof typeof writes>;

const WRITES: Readonly<Record<string, unknown>> = writes;
const READS: Readonly<Record<string, unknown>> = reads;

/** Labels that follow the commit of a write, for crash tests. */
const AFTER_COMMIT: Readonly<Record<string, string>> = {
  accept: 'accept.afterCommit',
  acceptUpload: 'accept.afterCommit',
  scanned: 'route.scanCommitted',
  commitBlock: 'route.afterCommit',
  endRouting: 'route.endCommitted',
  plan: 'plan.afterCommit',
  beginSending: 'sending.afterCommit',
  answer: 'answer.afterCommit',
  newVersions: 'versions.afterCommit',
  recordAct: 'act.recorded',
  continueAct: 'act.continued',
  beginPurge: 'purge.begun',
  purgeSlice: 'purge.sliced',
  endPurge: 'purge.ended',
};

export interface Request {
  readonly id: number;
  readonly method: string;
  readonly request: unknown;
}

/** Errors cross the thread as code and message: a structured clone keeps neither class nor code. */
export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly code: string; readonly message: string };

function reply(port: MessagePort, id: number, result: Settled): void {
  const message: Reply = result.ok
    ? { id, ok: true, value: result.value }
    : { id, ok: false, code: result.error.code, message: result.error.message };
  port.postMessage(message);
}

/** Members of one group, at most, so that one group never fills the memory. */
const GROUP = 256;

function serve(port: MessagePort, db: Database): void {
  port.on('message', (first: Request | 'close') => {
    const waiting: Request[] = [];
    let next: Request | 'close' | undefined = first;
    while (next !== undefined) {
      if (next === 'close') return close(port, db, waiting);
      waiting.push(next);
      if (waiting.length >= GROUP) flush(port, db, waiting.splice(0));
      next = receiveMessageOnPort(port)?.message as Request | 'close' | undefined;
    }
    flush(port, db, waiting);
  });
  port.postMessage('ready');
}

/** Writes first, as one transaction; then the reads, which so see everything that was asked before them. */
function flush(port: MessagePort, db: Database, waiting: readonly Request[]): void {
  const group = waiting.filter(({ method }) => method in WRITES);
  if (group.length > 0) {
    const members = group.map(
      ({ method, request }): Member => ({ run: (db) => (WRITES[method] as Handler)(db, request) }),
    );
    const results = runGroup(db, members);
    group.forEach(({ id, method }, index) => {
      const result = results[index];
      if (!result) return;
      const after = AFTER_COMMIT[method];
      if (result.ok && after) label(after);
      reply(port, id, result);
    });
  }
  for (const { id, method, request } of waiting) {
    if (!(method in WRITES)) reply(port, id, read(db, method, request));
  }
}

function read(db: Database, method: string, request: unknown): Settled {
  try {
    return { ok: true, value: (READS[method] as Handler)(db, request) };
  } catch (error) {
    return { ok: false, error: storeFailure(error) };
  }
}

function close(port: MessagePort, db: Database, waiting: readonly Request[]): void {
  flush(port, db, waiting);
  db.close();
  port.close();
}

if (parentPort) {
  const { path, maxPages } = workerData as { path: string; maxPages: number | undefined };
  serve(parentPort, openOrFail(path, maxPages));
  leaveStartBehind();
}

/** The code goes in front of the message, since only the message reaches the other thread. */
function openOrFail(path: string, maxPages: number | undefined): Database {
  try {
    return openForWriting(path, maxPages === undefined ? {} : { maxPages });
  } catch (error) {
    const failure = storeFailure(error);
    throw new Error(`${failure.code}: ${failure.message}`, { cause: error });
  }
}
